//! To whom a path belongs, and so where its content is kept: in the user's own commits, in those of
//! the other territory's files, or with the large logs.

use ubos_core::entry::Entry;
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::policy::{Policies, Policy};
use ubos_engine::inventory::Item;
use ubos_engine::state::config::backup::BackupSettings;

use crate::git::error::{BackupError, Result};

/// Where the content of a file or link is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// With what the user writes.
    Own,
    /// With what the other territory makes.
    Generated,
    /// In segments, on the branch of logs.
    Log,
}

/// What decides where the content of a path is kept.
#[derive(Debug)]
pub struct Classes {
    generated: Policies,
    logs: Policies,
    segment: u64,
}

impl Classes {
    /// The classes as the settings have them.
    ///
    /// # Errors
    /// [`BackupError::Usage`] for a pattern that is none.
    pub fn new(settings: &BackupSettings) -> Result<Self> {
        Ok(Self {
            generated: patterns("generated", &settings.generated)?,
            logs: patterns("logs", &settings.logs)?,
            segment: settings.segment(),
        })
    }

    /// Whether what stands at `path` is a large log, which is kept in pieces whatever its length.
    pub fn is_large_log(&self, path: &RelPath, item: &Item) -> bool {
        self.of(path, item) == Class::Log
    }

    /// The class of what stands at `path`.
    pub(super) fn of(&self, path: &RelPath, item: &Item) -> Class {
        let grows = item.direction == Direction::AppendOnly;
        if let Entry::File { size, .. } = item.entry
            && size > self.segment
            && (grows || self.logs.set_for(path).is_some())
        {
            return Class::Log;
        }
        self.of_absent(path, item.direction)
    }

    /// The class of a path at which nothing stands any more.
    pub(super) fn of_absent(&self, path: &RelPath, direction: Direction) -> Class {
        let theirs = matches!(direction, Direction::PullOnly | Direction::AppendOnly);
        match theirs || self.generated.set_for(path).is_some() {
            true => Class::Generated,
            false => Class::Own,
        }
    }
}

/// Patterns as the exclude manifest has them: without an inner `/` they match in every folder.
fn patterns(key: &str, texts: &[String]) -> Result<Policies> {
    let anywhere = |text: &String| match text.trim_end_matches('/').contains('/') {
        true => text.clone(),
        false => format!("**/{text}"),
    };
    let texts: Vec<String> = texts.iter().map(anywhere).collect();
    // Only whether one covers a path is asked.
    let entries = texts.iter().map(|text| (text.as_str(), Policy::Hold));
    Policies::compile(entries, false).map_err(|e| BackupError::Usage {
        message: format!("`[backup] {key}`: {e}"),
        hint: "correct the pattern in `.ubos-sync/config.toml`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ubos_core::entry::Digest;

    fn class(path: &str, size: u64, direction: Direction) -> Class {
        let settings = BackupSettings {
            generated: vec!["STATE_*.md".to_owned(), "out/reports/".to_owned()],
            ..BackupSettings::default()
        };
        let entry = Entry::File { digest: Digest::of(b""), size, exec: false };
        let item = Item { entry, direction, mtime: 0, permissions: 0o644 };
        Classes::new(&settings).unwrap().of(&RelPath::new(path).unwrap(), &item)
    }

    #[test]
    fn what_only_comes_from_there_is_generated_there() {
        assert_eq!(class("a.md", 1, Direction::Bidirectional), Class::Own);
        assert_eq!(class("a.md", 1, Direction::PushOnly), Class::Own);
        assert_eq!(class("a.md", 1, Direction::PullOnly), Class::Generated);
        assert_eq!(class("a.txt", 1, Direction::AppendOnly), Class::Generated);
        assert_eq!(class("x/STATE_1.md", 1, Direction::Bidirectional), Class::Generated);
        assert_eq!(class("out/reports/a/b", 1, Direction::Bidirectional), Class::Generated);
        assert_eq!(class("x/out/reports/a", 1, Direction::Bidirectional), Class::Own);
    }

    #[test]
    fn only_a_large_log_is_kept_in_segments() {
        let large = (8 << 20) + 1;
        assert_eq!(class("x/y.jsonl", large, Direction::Bidirectional), Class::Log);
        assert_eq!(class("x/y.jsonl", large - 1, Direction::Bidirectional), Class::Own);
        assert_eq!(class("y.csv", large, Direction::AppendOnly), Class::Log);
        assert_eq!(class("y.csv", large, Direction::PullOnly), Class::Generated);
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let settings =
            BackupSettings { logs: vec!["a/../b".to_owned()], ..BackupSettings::default() };
        let error = Classes::new(&settings).unwrap_err();
        assert!(error.to_string().starts_with("`[backup] logs`: "), "{error}");
    }
}
