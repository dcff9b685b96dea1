//! What becomes of conflicts without asking, by path: the patterns that a person set for parts of
//! the tree.
//!
//! A pattern covers what it matches and all below. Of several the one with the longer literal
//! prefix wins, then the later in byte order.

use crate::path::RelPath;
use crate::selection::Covers;
use crate::selection::pattern::{Anchoring, Pattern, PatternError};
use crate::sides::Side;

/// What becomes of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// A person is asked (the default).
    #[default]
    Ask,
    /// It stays open; nobody is asked.
    Hold,
    /// The later modification time wins, where both sides hold something.
    Newer,
    /// The version of this side wins.
    Take(Side),
    /// Edits that fit together are merged; the rest stays open.
    Merge,
    /// A file that was changed on one side and deleted on the other comes back; the rest stays
    /// open.
    Restore,
}

/// A pattern that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}`: {reason}")]
pub struct PolicyError {
    /// The pattern as it was written.
    pub pattern: String,
    /// Why it is none.
    pub reason: String,
    /// How to mend it, where that can be said.
    pub hint: Option<String>,
}

/// The policies of a territory, compiled.
#[derive(Debug, Clone)]
pub struct Policies {
    covers: Covers,
    policies: Vec<Policy>,
}

impl Default for Policies {
    fn default() -> Self {
        Self { covers: Covers::new(Vec::new(), false), policies: Vec::new() }
    }
}

impl Policies {
    /// Compiles patterns, anchored at the root. `fold_case`: letters of either case are the same.
    ///
    /// # Errors
    /// The first pattern that cannot be parsed, or that begins with `!`: a part of the tree gets
    /// its own policy back by a line of its own.
    pub fn compile<'p>(
        entries: impl IntoIterator<Item = (&'p str, Policy)>,
        fold_case: bool,
    ) -> Result<Self, PolicyError> {
        const NEGATED: &str = "write the pattern without `!` and give it a policy, such as \"ask\"";
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(text, _)| text.as_bytes());
        let compiled = entries.iter().map(|(text, _)| compile(text, fold_case, NEGATED));
        let patterns = compiled.collect::<Result<Vec<Pattern>, PolicyError>>()?;
        let policies = entries.into_iter().map(|(_, policy)| policy).collect();
        Ok(Self { covers: Covers::new(patterns, fold_case), policies })
    }

    /// What becomes of a conflict at `path`.
    pub fn policy_for(&self, path: &RelPath) -> Policy {
        self.set_for(path).unwrap_or_default()
    }

    /// The policy that a pattern sets for `path`, if one does.
    pub fn set_for(&self, path: &RelPath) -> Option<Policy> {
        if self.policies.is_empty() {
            return None;
        }
        self.covers.best(path).map(|rule| self.policies[rule])
    }
}

/// A pattern for parts of the tree, anchored at the root. `negated`: what to write instead of one
/// that begins with `!`.
pub(crate) fn compile(text: &str, fold_case: bool, negated: &str) -> Result<Pattern, PolicyError> {
    let error = |reason: String, hint| PolicyError { pattern: text.to_owned(), reason, hint };
    let pattern = Pattern::parse(text, Anchoring::Root, fold_case)
        .map_err(|e: PatternError| error(e.to_string(), e.hint()))?;
    if pattern.is_negated() {
        return Err(error("`!` takes nothing back here".to_owned(), Some(negated.to_owned())));
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(entries: &[(&str, Policy)]) -> Policies {
        Policies::compile(entries.iter().copied(), false).unwrap()
    }

    fn check(policies: &Policies, path: &str, expected: Policy) {
        assert_eq!(policies.policy_for(&RelPath::new(path).unwrap()), expected, "{path}");
    }

    #[test]
    fn without_a_pattern_a_person_is_asked() {
        check(&Policies::default(), "a/b", Policy::Ask);
        let some = policies(&[("docs/", Policy::Newer)]);
        check(&some, "notes/x", Policy::Ask);
        assert_eq!(some.set_for(&RelPath::new("notes/x").unwrap()), None);
    }

    #[test]
    fn a_pattern_covers_what_it_matches_and_all_below() {
        let some = policies(&[
            ("docs/", Policy::Newer),
            (".obsidian/*.json", Policy::Merge),
            ("**/drafts", Policy::Hold),
        ]);
        check(&some, "docs", Policy::Newer);
        check(&some, "docs/a/b.md", Policy::Newer);
        check(&some, "more/docs/a", Policy::Ask);
        check(&some, ".obsidian/app.json", Policy::Merge);
        check(&some, ".obsidian/plugins/data.json", Policy::Ask);
        check(&some, "x/drafts/y/z", Policy::Hold);
    }

    #[test]
    fn the_longer_literal_prefix_wins_then_the_later_in_byte_order() {
        let some = policies(&[
            ("docs/plans/", Policy::Take(Side::There)),
            ("docs/", Policy::Newer),
            ("docs/plans/*.md", Policy::Merge),
        ]);
        check(&some, "docs/a.md", Policy::Newer);
        check(&some, "docs/plans/a.txt", Policy::Take(Side::There));
        check(&some, "docs/plans/a.md", Policy::Merge);
        let equal = policies(&[("*.md", Policy::Merge), ("*", Policy::Hold)]);
        check(&equal, "a.md", Policy::Merge);
        check(&equal, "a.txt", Policy::Hold);
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        for (text, part) in [("a//b", "slashes"), ("../a", "not allowed"), ("!docs/", "takes")] {
            let error = Policies::compile([(text, Policy::Ask)], false).unwrap_err();
            assert_eq!(error.pattern, text);
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.hint.is_some(), "{error}");
        }
    }
}
