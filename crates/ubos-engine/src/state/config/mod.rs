//! `config.toml`: this territory's name, its peers and how to reach them, policies, limits. Local to
//! the machine, never synced.

pub mod backup;
pub mod duration;
pub mod limits;
pub mod sizes;
pub mod vault;

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use ubos_core::selection::Builtin;

use super::StateDir;
use crate::error::{EngineError, Result};
use crate::fs::atomic;

const NAME: &str = "config.toml";

/// What the person set for this territory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// This territory's name.
    pub name: String,
    /// This replica's id, as in the marker: a marker that was lost is made again with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// `held` (default) keeps links that are absolute or leave the root where they are; `text`
    /// lets them travel as text.
    #[serde(default, skip_serializing_if = "is_default")]
    pub symlinks: Symlinks,
    /// Whether the built-in junk and temporary names are left out (default true).
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub builtin_excludes: bool,
    /// Whether a path that was deleted on one side and changed on the other comes back by itself
    /// (default false: it is a conflict).
    #[serde(default, skip_serializing_if = "is_default")]
    pub restore_deleted: bool,
    /// How long backups are kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backups: BackupPolicy,
    /// How much this territory takes in, and how much of its disk stays free.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: limits::LimitSettings,
    /// What becomes of the copies of logs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub logs: limits::LogSettings,
    /// What becomes of conflicts, by pattern: `ask`, `hold`, `newer`, `merge`, `restore` or a
    /// territory's name. [`Config::policies`] compiles them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policies: BTreeMap<String, String>,
    /// How `watch` works.
    #[serde(default, skip_serializing_if = "is_default")]
    pub watch: WatchPolicy,
    /// How a person is told of what wants attention.
    #[serde(default, skip_serializing_if = "is_default")]
    pub notify: NotifyPolicy,
    /// What is written for monitoring.
    #[serde(default, skip_serializing_if = "is_default")]
    pub health: HealthPolicy,
    /// The versioned backup in git.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backup: backup::BackupSettings,
    /// The Obsidian vault.
    #[serde(default, skip_serializing_if = "is_default")]
    pub vault: vault::VaultSettings,
    /// The peers by name.
    #[serde(default)]
    pub peers: BTreeMap<String, Peer>,
}

/// What a person did not set is not written, so that it can be added anywhere.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn yes() -> bool {
    true
}

/// One peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// `[user@]host:/abs/path`, `ssh://[user@]host[:port]/abs/path` or `/abs/path`; absent where
    /// this side cannot reach the peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The pair's id, the same on both sides.
    pub pair: String,
    /// The peer's replica id.
    pub replica: String,
    /// Whether the manifests are written from this side's point of view (the laptop).
    pub owner: bool,
    /// The `<peer>` in the manifests' names: the server as the laptop calls it.
    pub manifests: String,
    /// The command that starts the agent there, if it is not `ubos-sync agent` in the PATH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// What happens to links that are absolute or leave the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symlinks {
    /// They stay where they are and are shown as held.
    #[default]
    Held,
    /// They travel as text.
    Text,
}

/// How long backups are kept: a run's backups go when they are older than `days` and more than
/// `runs` newer runs have backups, and no open conflict names the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupPolicy {
    /// Days (default 30).
    pub days: u32,
    /// Runs (default 20).
    pub runs: u32,
}

impl Default for BackupPolicy {
    fn default() -> Self {
        Self { days: 30, runs: 20 }
    }
}

/// How `watch` works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchPolicy {
    /// Everything is looked at this often at least (default `5m`).
    #[serde(with = "duration")]
    pub interval: Duration,
}

impl Default for WatchPolicy {
    fn default() -> Self {
        Self { interval: Duration::from_secs(300) }
    }
}

/// How a person is told of what wants attention.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyPolicy {
    /// A command for the shell, which gets a sentence on its standard input; empty for none; absent
    /// for the system's own notifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// What is written for monitoring.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthPolicy {
    /// Where the metrics go, instead of `.ubos-sync/metrics.prom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<PathBuf>,
}

impl Config {
    /// The configuration of a new territory.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            replica: None,
            symlinks: Symlinks::default(),
            builtin_excludes: true,
            restore_deleted: false,
            backups: BackupPolicy::default(),
            limits: limits::LimitSettings::default(),
            logs: limits::LogSettings::default(),
            policies: BTreeMap::new(),
            watch: WatchPolicy::default(),
            notify: NotifyPolicy::default(),
            health: HealthPolicy::default(),
            backup: backup::BackupSettings::default(),
            vault: vault::VaultSettings::default(),
            peers: BTreeMap::new(),
        }
    }

    /// Reads the configuration; `None` if there is none.
    ///
    /// # Errors
    /// [`EngineError::Config`] naming the line, if it cannot be understood.
    pub fn load(state: &StateDir) -> Result<Option<Config>> {
        let path = state.path(NAME);
        let bytes =
            atomic::read(state.fd(), NAME).map_err(|e| EngineError::io("read", &path, e))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let at_line = |line: usize, message: &str, hint: String| EngineError::Config {
            message: format!("`{}`, line {line}: {message}", path.display()),
            hint: Some(hint),
        };
        let config: Config = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let hint = "correct the line; the manual's page on configuration lists the keys";
            at_line(line, e.message(), hint.to_owned())
        })?;
        match config.bad_policy(&text).or_else(|| config.bad_limit(&text)) {
            Some((line, message, hint)) => Err(at_line(line, &message, hint)),
            None => Ok(Some(config)),
        }
    }

    /// Reads the configuration of a territory, which must have one.
    ///
    /// # Errors
    /// As [`Config::load`], and an [`EngineError::Guard`] if it is gone.
    pub fn require(state: &StateDir) -> Result<Config> {
        Self::load(state)?.ok_or_else(|| {
            EngineError::guard(
                "marker-missing",
                format!("`{}` has no configuration", state.path(NAME).display()),
                "run `ubos-sync init` again with the peer's address; nothing is deleted by it",
            )
        })
    }

    /// Writes the configuration. Comments a person added to an existing file are kept.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&self, state: &StateDir) -> Result<()> {
        let path = state.path(NAME);
        let old = atomic::read(state.fd(), NAME).map_err(|e| EngineError::io("read", &path, e))?;
        let mut fresh = toml_edit::ser::to_document(self).expect("a configuration is plain data");
        as_section(fresh.as_table_mut(), "backup");
        let text = match old.and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(old) => match old.parse::<toml_edit::DocumentMut>() {
                Ok(mut document) => {
                    merge(document.as_table_mut(), fresh.as_table());
                    document.to_string()
                }
                Err(_) => fresh.to_string(),
            },
            None => fresh.to_string(),
        };
        atomic::write(state.fd().as_fd(), NAME, text.as_bytes())
            .map_err(|e| EngineError::io("write", &path, e))
    }

    /// The names that are left out besides the exclude manifest.
    pub fn builtin(&self) -> Builtin {
        Builtin { defaults: self.builtin_excludes, ..Builtin::default() }
    }

    /// The peer called `name`, or the only one.
    ///
    /// # Errors
    /// [`EngineError::Config`] if there is no such peer, or several and none was named.
    pub fn peer(&self, name: Option<&str>) -> Result<(&str, &Peer)> {
        let known = || self.peers.keys().cloned().collect::<Vec<_>>().join(", ");
        match name {
            Some(name) => match self.peers.get_key_value(name) {
                Some((name, peer)) => Ok((name, peer)),
                None => Err(EngineError::Config {
                    message: format!("there is no peer `{name}`; known: {}", known()),
                    hint: Some("see `ubos-sync init --help` for adding one".into()),
                }),
            },
            None => match self.peers.iter().next() {
                Some((name, peer)) if self.peers.len() == 1 => Ok((name, peer)),
                Some(_) => Err(EngineError::Config {
                    message: format!("this territory has several peers: {}", known()),
                    hint: Some("name one with `--peer NAME`".into()),
                }),
                None => Err(EngineError::Config {
                    message: "this territory has no peer".into(),
                    hint: Some("pair it with `ubos-sync init --peer NAME=ADDRESS`".into()),
                }),
            },
        }
    }
}

/// Gives what is under `key` a heading of its own, as a person would write it: a person who adds
/// another heading for it would be told that it is there twice.
fn as_section(table: &mut toml_edit::Table, key: &str) {
    if let Some(item) = table.get_mut(key) {
        let value = std::mem::take(item);
        *item = value.into_table().map_or_else(|value| value, toml_edit::Item::Table);
    }
}

/// Brings the values of `fresh` into `old`, keeping the rest of `old` and its comments.
fn merge(old: &mut toml_edit::Table, fresh: &toml_edit::Table) {
    for (key, value) in fresh {
        match (old.get_mut(key), value) {
            (Some(toml_edit::Item::Table(old)), toml_edit::Item::Table(fresh)) => merge(old, fresh),
            (Some(present), value) if present.to_string().trim() == value.to_string().trim() => {}
            _ => {
                old.insert(key, value.clone());
            }
        }
    }
}
