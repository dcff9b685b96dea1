//! `[backup]` of the configuration: what the versioned backup in git keeps, and where else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use ubos_core::limits::Limits;

use super::limits::Written;
use super::{duration, sizes};

/// Files larger than this are kept nowhere unless they are logs: GitHub refuses 100 MB.
pub const MAX_FILE: u64 = 95 << 20;
/// Append-only logs larger than this are kept in segments.
pub const SEGMENT: u64 = 8 << 20;

/// `[backup]`, as it was written.
///
/// What is as it is by default is not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSettings {
    /// Whether snapshots are made before and after each run that changes something (default false;
    /// `backup init` sets it).
    pub enabled: bool,
    /// The branch that snapshots go to; without it the one that is checked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The git remote that is the third place; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// How often the remote is given what is new (default `30m`).
    #[serde(with = "duration", skip_serializing_if = "is_push_every")]
    pub push_every: Duration,
    /// Whether the peer keeps a bare mirror (default true).
    #[serde(skip_serializing_if = "Clone::clone")]
    pub mirror: bool,
    /// Where the files go that the other territory makes.
    #[serde(skip_serializing_if = "super::is_default")]
    pub layout: Layout,
    /// Patterns of files that the other territory makes, beside those that only come from there.
    #[serde(skip_serializing_if = "is_generated")]
    pub generated: Vec<String>,
    /// Who is named as the author of those files, `Name <address>`; without it the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_author: Option<String>,
    /// Patterns of append-only logs that are kept in segments (beside those that the manifests call
    /// append-only).
    #[serde(skip_serializing_if = "is_logs")]
    pub logs: Vec<String>,
    /// Logs above this size are kept in segments (default [`SEGMENT`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_above: Option<Written>,
    /// Larger files that are no logs are a gap (default [`MAX_FILE`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_file_size: Option<Written>,
}

/// Where the files go that the other territory makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Into the same branch, in commits of their own.
    #[default]
    Single,
    /// Into a branch with the other territory's name.
    Branches,
}

fn is_push_every(value: &Duration) -> bool {
    *value == BackupSettings::default().push_every
}

fn is_generated(value: &[String]) -> bool {
    value == BackupSettings::default().generated
}

fn is_logs(value: &[String]) -> bool {
    value == BackupSettings::default().logs
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            branch: None,
            remote: None,
            push_every: Duration::from_secs(30 * 60),
            mirror: true,
            layout: Layout::default(),
            generated: vec!["STATE_OF_THE_REPUBLIC_*.md".to_owned()],
            generated_author: None,
            logs: vec!["*.jsonl".to_owned(), "*.log".to_owned()],
            segment_above: None,
            max_file_size: None,
        }
    }
}

impl BackupSettings {
    /// The largest file that is kept whole, in bytes.
    pub fn max_file(&self) -> u64 {
        self.max_file_size.as_ref().and_then(Written::size).unwrap_or(MAX_FILE)
    }

    /// From which size on logs are kept in segments, in bytes.
    pub fn segment(&self) -> u64 {
        self.segment_above.as_ref().and_then(Written::size).unwrap_or(SEGMENT)
    }

    /// The first setting that is none: its key, what is wrong and how to mend it.
    pub(super) fn wrong(&self) -> Option<(&'static str, String, String)> {
        let sizes =
            [("segment_above", &self.segment_above), ("max_file_size", &self.max_file_size)];
        for (key, written) in sizes {
            if let Some(written) = written.as_ref().filter(|written| written.size().is_none()) {
                let message = format!("`{key}`: `{}` is no size", written.shown());
                return Some((key, message, sizes::ALLOWED.to_owned()));
            }
        }
        let patterns = [("generated", &self.generated), ("logs", &self.logs)];
        patterns.into_iter().find_map(|(key, patterns)| {
            let limits = patterns.iter().map(|pattern| (pattern.as_str(), 0));
            let error = Limits::compile(None, None, limits, false).err()?;
            let hint = error.hint.clone();
            let hint = hint.unwrap_or_else(|| "patterns are those of the manifests".to_owned());
            Some((key, error.to_string(), hint))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::StateDir;
    use crate::state::config::Config;

    fn settings(text: &str) -> BackupSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn nothing_is_kept_unless_asked_for() {
        assert_eq!(settings(""), BackupSettings::default());
        assert!(!BackupSettings::default().enabled);
        assert_eq!(BackupSettings::default().max_file(), MAX_FILE);
    }

    #[test]
    fn sizes_and_patterns_are_checked() {
        assert_eq!(settings("segment_above = \"1MiB\"").segment(), 1 << 20);
        let (key, message, _) = settings("max_file_size = \"big\"").wrong().unwrap();
        assert_eq!((key, message.as_str()), ("max_file_size", "`max_file_size`: `big` is no size"));
        assert_eq!(settings("logs = [\"a/../b\"]").wrong().unwrap().0, "logs");
        assert_eq!(settings("generated = [\"*.md\"]").wrong(), None);
    }

    #[test]
    fn it_is_written_as_a_section_with_what_is_not_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::create(folder.path()).unwrap();
        let mut config = Config::new("localhost");
        config.backup.enabled = true;
        config.save(&state).unwrap();
        let file = state.path("config.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.ends_with("[backup]\nenabled = true\n"), "{text}");
        // A person adds to it, and the program changes it once more.
        std::fs::write(&file, format!("{text}# mine\nlogs = [\"*.log\"]\n")).unwrap();
        let mut config = Config::require(&state).unwrap();
        config.backup.remote = Some("origin".to_owned());
        config.save(&state).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("# mine\nlogs = [\"*.log\"]\nremote = \"origin\"\n"), "{text}");
        assert_eq!(Config::require(&state).unwrap(), config);
    }
}
