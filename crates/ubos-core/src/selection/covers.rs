//! Which pattern of a plain list speaks for a path: one that matches it or a folder above it.

use super::name::normal_name;
use super::pattern::Pattern;
use super::rules::Rules;
use crate::path::RelPath;

/// Patterns in their order, none of which takes back.
#[derive(Debug, Clone)]
pub(crate) struct Covers {
    rules: Rules,
    fold_case: bool,
}

impl Covers {
    pub(crate) fn new(patterns: Vec<Pattern>, fold_case: bool) -> Self {
        Self { rules: Rules::new(patterns), fold_case }
    }

    /// The index of the pattern that covers `path`: the one with the longest literal prefix, then
    /// the last. `path` may be a folder.
    pub(crate) fn best(&self, path: &RelPath) -> Option<usize> {
        let mut threads = self.rules.start().to_vec();
        let mut best: Option<(usize, u32)> = None;
        for name in path.components() {
            let name = &normal_name(name, self.fold_case)[..];
            self.rules.matching(&threads, name, true, |rule| {
                best = best.max(Some((self.rules.pattern(rule).literal_prefix(), rule)));
            });
            threads = self.rules.advanced(&threads, name);
        }
        best.map(|(_, rule)| rule as usize)
    }
}
