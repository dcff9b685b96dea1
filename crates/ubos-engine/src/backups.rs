//! The backup store: whatever a run replaced or deleted, in `.ubos-sync/backups/RUN/` under its
//! own path, as it was.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ubos_core::path::RelPath;

use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::{Stamp, list, platform, stat_in};
use crate::staging::remove_tree;
use crate::state::config::BackupPolicy;
use crate::state::{PRIVATE, StateDir};

const FOLDER: &str = "backups";
const SEALED: &str = "sealed";

/// Where a former version goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// To the run's backups.
    Backups,
    /// To the sealed logs, which never expire.
    Sealed,
}

/// A place in a store: its folder's handle and the name in it.
#[derive(Debug)]
pub struct Place {
    /// The folder.
    pub dir: OwnedFd,
    /// The name.
    pub name: Vec<u8>,
    /// The folder's path relative to the root, as bytes.
    pub dir_path: Vec<u8>,
}

/// The place for the former version of `path` in the backups of `run`, its folders made.
///
/// # Errors
/// What the system says.
pub fn place(state: &StateDir, store: Store, run: &str, path: &RelPath) -> std::io::Result<Place> {
    let (top, name) = match store {
        Store::Backups => (format!("{PRIVATE}/{FOLDER}/{run}"), path.name().to_vec()),
        Store::Sealed => {
            let mut name = path.name().to_vec();
            name.extend_from_slice(format!(".{run}").as_bytes());
            (format!("{PRIVATE}/{SEALED}"), name)
        }
    };
    let mut dir_path = top.into_bytes();
    if !path.parent_bytes().is_empty() {
        dir_path.push(b'/');
        dir_path.extend_from_slice(path.parent_bytes());
    }
    let dir = state.root().make_dir_all(&dir_path, 0o700)?;
    Ok(Place { dir, name, dir_path })
}

/// Whether the store of `run` holds a version of `path`.
///
/// # Errors
/// What the system says.
pub fn existing(
    state: &StateDir,
    store: Store,
    run: &str,
    path: &RelPath,
) -> std::io::Result<Option<Place>> {
    // Making empty folders for a look is harmless; a missing run's folder stays missing.
    if store == Store::Backups
        && state.existing_folder(&format!("{FOLDER}/{run}")).ok().flatten().is_none()
    {
        return Ok(None);
    }
    let place = place(state, store, run, path)?;
    Ok(stat_in(place.dir.as_fd(), &place.name)?.is_some().then_some(place))
}

impl Place {
    /// Moves `name` of `from` here. If the place is taken (a path backed up twice in one run), a
    /// number is added.
    ///
    /// # Errors
    /// What the system says.
    pub fn take(&mut self, from: BorrowedFd<'_>, name: &[u8]) -> std::io::Result<()> {
        let plain = self.name.clone();
        for number in 1..1000 {
            match platform::rename_noreplace(from, name, self.dir.as_fd(), &self.name) {
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                    self.name = [&plain[..], format!(".~{number}~").as_bytes()].concat();
                }
                other => return other,
            }
        }
        Err(std::io::ErrorKind::AlreadyExists.into())
    }

    /// Moves what is here back to `name` in `to`.
    ///
    /// # Errors
    /// What the system says; `AlreadyExists` if the name was taken meanwhile.
    pub fn give_back(&self, to: BorrowedFd<'_>, name: &[u8]) -> std::io::Result<()> {
        platform::rename_noreplace(self.dir.as_fd(), &self.name, to, name)
    }

    /// The stamp of what is here.
    ///
    /// # Errors
    /// What the system says.
    pub fn stamp(&self) -> std::io::Result<Option<Stamp>> {
        Ok(stat_in(self.dir.as_fd(), &self.name)?.map(|stat| Stamp::of(&stat)))
    }
}

/// The runs that have backups, oldest first.
///
/// # Errors
/// What the system says.
pub fn runs(state: &StateDir) -> Result<Vec<String>> {
    let Some(fd) = state.existing_folder(FOLDER)? else { return Ok(Vec::new()) };
    let listed = list(fd.as_fd()).map_err(|e| EngineError::io("list", state.path(FOLDER), e))?;
    Ok(listed.iter().filter_map(|entry| String::from_utf8(entry.name.to_vec()).ok()).collect())
}

/// Which runs' backups may go: older than the policy's days, beyond its number of newest runs, and
/// not named in `keep`. Pure; `now` in seconds since 1970.
pub fn expired<'r>(
    runs: &'r [String],
    policy: &BackupPolicy,
    keep: &[String],
    now: i64,
) -> Vec<&'r str> {
    let oldest = now - i64::from(policy.days) * 86_400;
    let beyond = runs.len().saturating_sub(policy.runs as usize);
    runs[..beyond]
        .iter()
        .filter(|run| clock::run_time(run).is_some_and(|time| time < oldest))
        .filter(|run| !keep.contains(run))
        .map(String::as_str)
        .collect()
}

/// Removes the backups that [`expired`] names; returns the runs.
///
/// # Errors
/// What the system says.
pub fn prune(state: &StateDir, policy: &BackupPolicy, keep: &[String]) -> Result<Vec<String>> {
    let runs = runs(state)?;
    let gone: Vec<String> =
        expired(&runs, policy, keep, clock::now().0).into_iter().map(str::to_owned).collect();
    if gone.is_empty() {
        return Ok(gone);
    }
    let folder = state.folder(FOLDER)?;
    for run in &gone {
        remove_tree(folder.as_fd(), run.as_bytes())
            .map_err(|e| EngineError::io("remove", state.path(&format!("{FOLDER}/{run}")), e))?;
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_goes_only_when_it_is_old_and_beyond_the_newest_and_not_needed() {
        let runs: Vec<String> =
            (1..=9).map(|day| format!("2026010{day}T000000.000Z-0000")).collect();
        let policy = BackupPolicy { days: 30, runs: 3 };
        let march = clock::run_time("20260301T000000.000Z-0000").unwrap();
        assert_eq!(expired(&runs, &policy, &[], march).len(), 6);
        assert_eq!(expired(&runs, &policy, &runs[..2], march).len(), 4);
        let soon = clock::run_time("20260110T000000.000Z-0000").unwrap();
        assert!(expired(&runs, &policy, &[], soon).is_empty());
        assert!(expired(&runs[..3], &policy, &[], march).is_empty());
    }
}
