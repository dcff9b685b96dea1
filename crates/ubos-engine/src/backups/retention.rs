//! Which backups may go, and letting them go. A run's backups go as a whole, or stay.

use std::os::fd::AsFd;

use serde_json::{Map, Value};

use ubos_core::path::RelPath;

use super::{FOLDER, Store, existing, runs, weigh_run};
use crate::agent::message::OpenMatter;
use crate::clock;
use crate::error::{EngineError, Result};
use crate::staging::remove_tree;
use crate::state::StateDir;
use crate::state::config::{BackupPolicy, Config};
use crate::state::matters;

/// Which runs' backups are older than the policy's days and beyond its number of newest runs.
/// Pure; `now` in seconds since 1970.
pub fn beyond<'r>(runs: &'r [String], policy: &BackupPolicy, now: i64) -> Vec<&'r str> {
    let oldest = now - i64::from(policy.days) * 86_400;
    let beyond = runs.len().saturating_sub(policy.runs as usize);
    runs[..beyond]
        .iter()
        .filter(|run| clock::run_time(run).is_some_and(|time| time < oldest))
        .map(String::as_str)
        .collect()
}

/// The runs whose backups may go by `policy` and hold no version of a path that is in conflict or
/// held; and those that only stay because they do.
///
/// # Errors
/// What the system says.
pub fn expired(
    state: &StateDir,
    config: &Config,
    policy: &BackupPolicy,
) -> Result<(Vec<String>, Vec<String>)> {
    let runs = runs(state)?;
    let old: Vec<String> =
        beyond(&runs, policy, clock::now().0).into_iter().map(str::to_owned).collect();
    if old.is_empty() {
        return Ok((old, Vec::new()));
    }
    let open = open_paths(state, config)?;
    let failed = |e| EngineError::io("look through", state.path(FOLDER), e);
    let (mut gone, mut needed) = (Vec::new(), Vec::new());
    for run in old {
        let mut holds = false;
        for path in &open {
            holds = holds || existing(state, Store::Backups, &run, path).map_err(failed)?.is_some();
        }
        if holds { needed.push(run) } else { gone.push(run) }
    }
    Ok((gone, needed))
}

/// Every path that waits for a decision, of every pair.
fn open_paths(state: &StateDir, config: &Config) -> Result<Vec<RelPath>> {
    let mut paths = Vec::new();
    for peer in config.peers.values() {
        for matter in matters::load(state, &peer.pair)? {
            match matter {
                OpenMatter::Conflict(conflict) => {
                    paths.extend(conflict.children);
                    paths.push(conflict.path);
                }
                OpenMatter::Held(held) => paths.push(held.path),
                OpenMatter::Left(path, _) => paths.push(path),
                OpenMatter::Guarded(guarded) => paths.push(guarded.path),
            }
        }
    }
    Ok(paths)
}

/// What was let go.
#[derive(Debug, Default)]
pub struct Pruned {
    /// What the log says of it.
    pub records: Vec<Map<String, Value>>,
    /// Bytes that it took.
    pub bytes: u64,
}

/// Removes the backups of `gone`.
///
/// # Errors
/// What the system says.
pub fn prune(state: &StateDir, gone: &[String]) -> Result<Pruned> {
    let mut pruned = Pruned::default();
    if gone.is_empty() {
        return Ok(pruned);
    }
    let folder = state.folder(FOLDER)?;
    for run in gone {
        pruned.bytes += weigh_run(state, run)?;
        remove_tree(folder.as_fd(), run.as_bytes())
            .map_err(|e| EngineError::io("remove", state.path(&format!("{FOLDER}/{run}")), e))?;
        let fields = [("event", "pruned"), ("backups", run)];
        let fields = fields.map(|(key, value)| (key.to_owned(), value.into()));
        pruned.records.push(fields.into_iter().collect());
    }
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_goes_only_when_it_is_old_and_beyond_the_newest() {
        let runs: Vec<String> =
            (1..=9).map(|day| format!("2026010{day}T000000.000Z-0000")).collect();
        let policy = BackupPolicy { days: 30, runs: 3 };
        let march = clock::run_time("20260301T000000.000Z-0000").unwrap();
        assert_eq!(beyond(&runs, &policy, march).len(), 6);
        let soon = clock::run_time("20260110T000000.000Z-0000").unwrap();
        assert!(beyond(&runs, &policy, soon).is_empty());
        assert!(beyond(&runs[..3], &policy, march).is_empty());
    }
}
