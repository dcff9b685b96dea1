//! Data classes: every selected path belongs to exactly one, by what it is for and by what the backup
//! may do with it. A class says how many copies its paths are promised.

use serde::Serialize;

use ubos_core::limits::Limits;
use ubos_core::manifest::{Direction, ManifestPaths};
use ubos_core::path::RelPath;
use ubos_engine::error::EngineError;
use ubos_engine::state::config::backup::BackupSettings;

use super::super::error::Result;
use super::super::manifest::Gap;

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Documents that both territories write, or the laptop alone.
    Constitution,
    /// `config/` and the manifests.
    Configuration,
    /// What the server makes and the laptop reads.
    Generated,
    /// Logs that only grow.
    Logs,
    /// The settings of the vault, `.obsidian`.
    VaultSettings,
    /// What looks like a secret: it is kept out of git.
    Withheld,
    /// What is too large for git and is no log.
    TooLarge,
}

impl Class {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Class; 7] = [
        Class::Constitution,
        Class::Configuration,
        Class::Generated,
        Class::Logs,
        Class::VaultSettings,
        Class::Withheld,
        Class::TooLarge,
    ];

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Class::Constitution => "constitution",
            Class::Configuration => "configuration",
            Class::Generated => "generated",
            Class::Logs => "logs",
            Class::VaultSettings => "vault-settings",
            Class::Withheld => "withheld",
            Class::TooLarge => "too-large",
        }
    }

    /// What a person calls it.
    pub fn words(self) -> &'static str {
        match self {
            Class::Constitution => "documents",
            Class::VaultSettings => "vault settings",
            Class::TooLarge => "too large",
            other => other.word(),
        }
    }

    /// In how many places its current content is promised to be. What git does not take is where the
    /// sync brings it: on both machines.
    pub fn promised(self) -> u32 {
        match self {
            Class::Constitution | Class::Configuration | Class::Generated | Class::Logs => 3,
            Class::VaultSettings | Class::Withheld | Class::TooLarge => 2,
        }
    }
}

/// What the classes depend on, compiled.
#[derive(Debug, Clone)]
pub struct Classes {
    manifests: ManifestPaths,
    logs: Limits,
    generated: Limits,
    max_file: u64,
}

impl Classes {
    /// By the settings of the backup and the paths of the manifests.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn new(settings: &BackupSettings, manifests: &ManifestPaths) -> Result<Self> {
        let compile = |patterns: &[String]| {
            let patterns: Vec<String> = patterns.iter().map(|text| anywhere(text)).collect();
            let limits = patterns.iter().map(|pattern| (pattern.as_str(), 0));
            Limits::compile(None, None, limits, false).map_err(|e| EngineError::Config {
                message: format!("`[backup]`: {e}"),
                hint: e.hint,
            })
        };
        Ok(Self {
            manifests: manifests.clone(),
            logs: compile(&settings.logs)?,
            generated: compile(&settings.generated)?,
            max_file: settings.max_file(),
        })
    }

    /// The class of a path. `direction` and `gap` are what is known of it; a file of which no snapshot
    /// says that it is too large is judged by its `size`.
    pub fn of(
        &self,
        path: &RelPath,
        direction: Option<Direction>,
        gap: Option<Gap>,
        size: u64,
    ) -> Class {
        let covered = |patterns: &Limits| patterns.of_file(path).is_some();
        let log = direction == Some(Direction::AppendOnly) || covered(&self.logs);
        let first = path.components().next().unwrap_or_default();
        match gap {
            Some(Gap::Secret) => return Class::Withheld,
            Some(Gap::TooLarge) => return Class::TooLarge,
            None if size > self.max_file && !log => return Class::TooLarge,
            _ => {}
        }
        if log {
            Class::Logs
        } else if direction == Some(Direction::PullOnly) || covered(&self.generated) {
            Class::Generated
        } else if path.components().any(|name| name == b".obsidian") {
            Class::VaultSettings
        } else if first == b"config" || self.manifests.iter().any(|(_, own)| own == path) {
            Class::Configuration
        } else {
            Class::Constitution
        }
    }
}

/// A pattern without an inner `/` matches in every folder, as in the snapshots.
fn anywhere(pattern: &str) -> String {
    match pattern.trim_end_matches('/').contains('/') {
        true => pattern.to_owned(),
        false => format!("**/{pattern}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_class() {
        let settings =
            BackupSettings { max_file_size: Some(toml_size("1MiB")), ..BackupSettings::default() };
        let manifests = ManifestPaths::for_peer("balaur").unwrap();
        let classes = Classes::new(&settings, &manifests).unwrap();
        let both = Some(Direction::Bidirectional);
        for (path, direction, gap, size, class) in [
            ("docs/a.md", both, None, 1, Class::Constitution),
            ("missions/a.md", None, None, 1, Class::Constitution),
            ("config/a.toml", both, None, 1, Class::Configuration),
            ("config/sync_exclude.conf", both, None, 1, Class::Configuration),
            ("config/.env", both, Some(Gap::Secret), 1, Class::Withheld),
            ("intel/a.json", Some(Direction::PullOnly), None, 1, Class::Generated),
            ("STATE_OF_THE_REPUBLIC_1.md", both, None, 1, Class::Generated),
            ("proposals.jsonl", Some(Direction::PullOnly), None, 1, Class::Logs),
            ("docs/day.jsonl", both, None, 1, Class::Logs),
            ("a/events", Some(Direction::AppendOnly), None, 9 << 20, Class::Logs),
            ("docs/.obsidian/app.json", both, None, 1, Class::VaultSettings),
            ("docs/film.mov", both, None, 2 << 20, Class::TooLarge),
            ("docs/film.mov", both, Some(Gap::TooLarge), 1, Class::TooLarge),
            ("docs/torn.json", both, Some(Gap::Torn), 1, Class::Constitution),
        ] {
            let at = RelPath::new(path).unwrap();
            assert_eq!(classes.of(&at, direction, gap, size), class, "{path}");
        }
    }

    fn toml_size(text: &str) -> ubos_engine::state::config::limits::Written {
        serde_json::from_value(serde_json::json!(text)).unwrap()
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let settings = BackupSettings { logs: vec!["a/../b".into()], ..Default::default() };
        let manifests = ManifestPaths::for_peer("balaur").unwrap();
        let error = Classes::new(&settings, &manifests).unwrap_err();
        assert!(error.to_string().contains("a/../b"), "{error}");
    }
}
