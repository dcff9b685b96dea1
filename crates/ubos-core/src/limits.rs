//! How much a territory takes in: the largest file, by path or in general, and the most of one run.
//!
//! Limits belong to the territory that receives. What is above them is held or put off, never cut;
//! they say nothing about deletions and renames, which bring no content.

use serde::{Deserialize, Serialize};

use crate::path::RelPath;
use crate::policy::{PolicyError, compile};
use crate::selection::Covers;
use crate::selection::pattern::Pattern;

/// The limits of a territory, compiled.
#[derive(Debug, Clone)]
pub struct Limits {
    file: Option<u64>,
    run: Option<u64>,
    covers: Covers,
    sizes: Vec<u64>,
}

/// By how much something is above a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Excess {
    /// What would be received, in bytes.
    pub size: u64,
    /// What is allowed, in bytes.
    pub limit: u64,
    /// Whether that is all that one run may bring; otherwise it is the largest file.
    pub whole_run: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: None, run: None, covers: Covers::new(Vec::new(), false), sizes: Vec::new() }
    }
}

impl Limits {
    /// Compiles limits in bytes: of every file, of a run, and of the files that a pattern covers.
    /// Of several patterns the one with the longer literal prefix wins, then the later in byte
    /// order. `fold_case`: letters of either case are the same.
    ///
    /// # Errors
    /// The first pattern that cannot be parsed, or that begins with `!`.
    pub fn compile<'p>(
        file: Option<u64>,
        run: Option<u64>,
        paths: impl IntoIterator<Item = (&'p str, u64)>,
        fold_case: bool,
    ) -> Result<Self, PolicyError> {
        const NEGATED: &str = "write the pattern without `!` and give it a size of its own";
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort_by_key(|(text, _)| text.as_bytes());
        let patterns = paths.iter().map(|(text, _)| compile(text, fold_case, NEGATED));
        let patterns = patterns.collect::<Result<Vec<Pattern>, PolicyError>>()?;
        let sizes = paths.into_iter().map(|(_, size)| size).collect();
        Ok(Self { file, run, covers: Covers::new(patterns, fold_case), sizes })
    }

    /// Whether nothing is limited.
    pub fn is_none(&self) -> bool {
        self.file.is_none() && self.run.is_none() && self.sizes.is_empty()
    }

    /// The largest file that may come to `path`, in bytes.
    pub fn of_file(&self, path: &RelPath) -> Option<u64> {
        if self.sizes.is_empty() {
            return self.file;
        }
        self.covers.best(path).map(|rule| self.sizes[rule]).or(self.file)
    }

    /// The most that one run may bring, in bytes.
    pub fn of_run(&self) -> Option<u64> {
        self.run
    }

    /// Whether a file of `size` bytes, of which `moved` would have to move, may never come to
    /// `path`: it is above the limit of files, or what has to move is above that of a whole run.
    pub fn excess(&self, path: &RelPath, size: u64, moved: u64) -> Option<Excess> {
        let above = |size: u64, limit: Option<u64>, whole_run| {
            let limit = limit.filter(|limit| size > *limit)?;
            Some(Excess { size, limit, whole_run })
        };
        above(size, self.of_file(path), false).or_else(|| above(moved, self.run, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> RelPath {
        RelPath::new(path).unwrap()
    }

    #[test]
    fn the_pattern_with_the_longest_literal_prefix_says_how_large_a_file_may_be() {
        let limits = Limits::compile(
            Some(100),
            None,
            [("logs/", 600), ("logs/raw/", 50), ("*.iso", 0)],
            false,
        )
        .unwrap();
        for (path, limit) in [
            ("notes/a.md", 100),
            ("logs/day.jsonl", 600),
            ("logs/raw/day.jsonl", 50),
            ("disk.iso", 0),
            ("logs.txt", 100),
        ] {
            assert_eq!(limits.of_file(&at(path)), Some(limit), "{path}");
        }
        let some = Limits::compile(None, None, [("logs/", 600)], false).unwrap();
        assert_eq!(some.of_file(&at("notes/a.md")), None);
        assert!(!some.is_none() && Limits::default().is_none());
    }

    #[test]
    fn what_is_as_large_as_the_limit_still_comes() {
        let limits = Limits::compile(Some(100), Some(40), [], false).unwrap();
        let excess = |size, moved| limits.excess(&at("a"), size, moved);
        assert_eq!(excess(100, 40), None);
        assert_eq!(excess(101, 1), Some(Excess { size: 101, limit: 100, whole_run: false }));
        assert_eq!(excess(90, 41), Some(Excess { size: 41, limit: 40, whole_run: true }));
        assert_eq!(Limits::default().excess(&at("a"), u64::MAX, u64::MAX), None);
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        let error = Limits::compile(None, None, [("!logs/", 1)], false).unwrap_err();
        assert_eq!(error.pattern, "!logs/");
        assert!(error.hint.unwrap().contains("a size of its own"));
    }
}
