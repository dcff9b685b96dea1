//! The backup store: whatever a run replaced or deleted, in `.ubos-sync/backups/RUN/` under its
//! own path, as it was. `retention` says how long it stays there; `sealed` are the logs that stay for ever,
//! which `compress` makes small; `weight` is what all of it takes.

pub mod compress;
pub mod retention;
pub mod sealed;
mod weight;

pub use weight::{Weight, weigh, weigh_run};

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, Stat};

use ubos_core::path::{self, RelPath};

use crate::error::{EngineError, Result};
use crate::fs::{Stamp, list, open_child_dir, open_file_in, platform, stat_in};
use crate::state::{PRIVATE, StateDir};

const FOLDER: &str = "backups";
const SEALED: &str = "sealed";

/// So many versions of one path fit into the backups of one run.
const MOST: usize = 1000;

fn numbered(plain: &[u8], number: usize) -> Vec<u8> {
    [plain, format!(".~{number}~").as_bytes()].concat()
}

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
    let (dir_path, name) = whereabouts(store, run, path);
    let dir = state.root().make_dir_all(&dir_path, 0o700)?;
    Ok(Place { dir, name, dir_path })
}

/// The place of the version of `path` in the store of `run`, if there is one; of a sealed log that was
/// compressed, that of the frame.
///
/// # Errors
/// What the system says.
pub fn existing(
    state: &StateDir,
    store: Store,
    run: &str,
    path: &RelPath,
) -> std::io::Result<Option<Place>> {
    let (dir_path, name) = whereabouts(store, run, path);
    let dir = match state.root().open_dir(&dir_path) {
        Ok(dir) => dir,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        // A file in the place of a folder: what was below is not here.
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut place = Place { dir, name, dir_path };
    if stat_in(place.dir.as_fd(), &place.name)?.is_none() && matches!(store, Store::Sealed) {
        place.name.extend_from_slice(sealed::COMPRESSED);
    }
    Ok(stat_in(place.dir.as_fd(), &place.name)?.is_some().then_some(place))
}

/// The folder (relative to the root) and the name of a version in a store.
fn whereabouts(store: Store, run: &str, path: &RelPath) -> (Vec<u8>, Vec<u8>) {
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
    (dir_path, name)
}

/// Whether `place`, relative to the root, is among the sealed logs.
pub fn is_sealed(place: &RelPath) -> bool {
    place.as_bytes().starts_with(format!("{PRIVATE}/{SEALED}/").as_bytes())
}

/// Every version of `path` in the backups of `run`: the first, and those that found its place
/// taken.
///
/// # Errors
/// What the system says.
pub fn versions(state: &StateDir, run: &str, path: &RelPath) -> std::io::Result<Vec<Place>> {
    let mut found = Vec::new();
    let mut next = existing(state, Store::Backups, run, path)?;
    let plain = path.name().to_vec();
    for number in 1..MOST {
        let Some(place) = next else { break };
        let name = numbered(&plain, number);
        let dir = place.dir.try_clone()?;
        let dir_path = place.dir_path.clone();
        found.push(place);
        let more = stat_in(dir.as_fd(), &name)?.is_some();
        next = more.then_some(Place { dir, name, dir_path });
    }
    Ok(found)
}

/// Remembers the mode of the folder at `path`, which the run removes, by a folder in its backups.
/// Nobody else can reach it there.
///
/// # Errors
/// What the system says.
pub fn keep_folder(state: &StateDir, run: &str, path: &RelPath, mode: u32) -> std::io::Result<()> {
    let place = format!("{PRIVATE}/{FOLDER}/{run}/");
    let place = [place.as_bytes(), path.as_bytes()].concat();
    let folder = state.root().make_dir_all(&place, 0o700)?;
    Ok(rustix::fs::fchmod(&folder, Mode::from_raw_mode((mode & 0o777 | 0o700) as _))?)
}

/// What lies in a store: its folder, its path below the store's top, and its stat.
pub type Visit<'v> = &'v mut dyn FnMut(&OwnedFd, &RelPath, &Stat) -> std::io::Result<()>;

/// Calls `visit` for everything in the backups of `run`, a folder before what is in it.
///
/// # Errors
/// What the system or `visit` says.
pub fn walk(state: &StateDir, run: &str, visit: Visit<'_>) -> std::io::Result<()> {
    let top = format!("{PRIVATE}/{FOLDER}/{run}");
    match state.root().open_dir(top.as_bytes()) {
        Ok(dir) => walk_below(&dir, b"", visit),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

fn walk_below(dir: &OwnedFd, path: &[u8], visit: Visit<'_>) -> std::io::Result<()> {
    for listed in list(dir.as_fd())? {
        let Some(stat) = stat_in(dir.as_fd(), &listed.name)? else { continue };
        let Ok(path) = path::join_bytes(path, &listed.name) else { continue };
        visit(dir, &path, &stat)?;
        if Stamp::of(&stat).file_type() == FileType::Directory {
            let child = open_child_dir(dir.as_fd(), &listed.name)?;
            walk_below(&child, path.as_bytes(), visit)?;
        }
    }
    Ok(())
}

/// As [`walk`], for the sealed logs of all runs; the name of each ends in its run.
///
/// # Errors
/// What the system or `visit` says.
pub fn walk_sealed(state: &StateDir, visit: Visit<'_>) -> std::io::Result<()> {
    match state.root().open_dir(format!("{PRIVATE}/{SEALED}").as_bytes()) {
        Ok(dir) => walk_below(&dir, b"", visit),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// The inodes of all files in the backups of `run`.
///
/// # Errors
/// What the system says.
pub fn inodes(state: &StateDir, run: &str) -> std::io::Result<BTreeSet<u64>> {
    let mut inodes = BTreeSet::new();
    walk(state, run, &mut |_, _, stat| {
        inodes.insert(Stamp::of(stat).ino);
        Ok(())
    })?;
    Ok(inodes)
}

/// Gives every file in the backups of `run` that has a second name elsewhere an inode of its own.
///
/// # Errors
/// What the system says.
pub fn unshare(state: &StateDir, run: &str) -> std::io::Result<()> {
    const TEMPORARY: &str = ".unshared";
    walk(state, run, &mut |dir, path, stat| {
        if Stamp::of(stat).file_type() != FileType::RegularFile || stat.st_nlink < 2 {
            return Ok(());
        }
        let (from, _) = open_file_in(dir.as_fd(), path.name())?;
        let to = crate::fs::atomic::create(dir.as_fd(), TEMPORARY)?;
        platform::copy_bytes(from.as_fd(), to.as_fd(), stat.st_size as u64)?;
        crate::apply::keep_attributes(&from, &to)?;
        platform::sync_file(&to)?;
        Ok(rustix::fs::renameat(dir, TEMPORARY, dir, path.name())?)
    })
}

impl Place {
    /// Moves `name` of `from` here. If the place is taken (a path backed up twice in one run), a
    /// number is added.
    ///
    /// # Errors
    /// What the system says.
    pub fn take(&mut self, from: BorrowedFd<'_>, name: &[u8]) -> std::io::Result<()> {
        let plain = self.name.clone();
        for number in 1..MOST {
            match platform::rename_noreplace(from, name, self.dir.as_fd(), &self.name) {
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                    self.name = numbered(&plain, number);
                }
                other => return other,
            }
        }
        Err(std::io::ErrorKind::AlreadyExists.into())
    }

    /// Gives `name` of `from` a second name here, as [`Place::take`] would move it.
    ///
    /// # Errors
    /// What the system says, also where it refuses links.
    pub fn link(&mut self, from: BorrowedFd<'_>, name: &[u8]) -> std::io::Result<()> {
        let plain = self.name.clone();
        for number in 1..MOST {
            match rustix::fs::linkat(from, name, &self.dir, &self.name[..], AtFlags::empty()) {
                Err(rustix::io::Errno::EXIST) => self.name = numbered(&plain, number),
                other => return Ok(other?),
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
