//! Staging: incoming content in `.ubos-sync/staging/RUN/`, verified, not yet in place.
//!
//! A staged entry's name says for which operation it is and what it should be, so that recovery
//! can tell an exchanged entry from an unused one, and a later run can take up what an earlier one
//! left.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat};

use ubos_core::entry::Entry;
use ubos_core::path::join_bytes;

use crate::agent::content::Slot;
use crate::backups::{self, Store};
use crate::error::{EngineError, Result};
use crate::fs::{Stamp, list, open_child_dir, open_file_in, platform, stat_in};
use crate::history::put_back::staged::{is_ours as is_put_back, rescue as rescue_put_back};
use crate::scanner::digest::hash_file;
use crate::state::StateDir;

/// Marks that a run began to carry out its operations on this side. Outside the journal on
/// purpose: it tells even when the state was lost.
const BEGAN: &str = "began";
const FOLDER: &str = "staging";
/// The folder in a run's backups for what has no path any more.
const UNSETTLED: &str = "unsettled";

/// The staging folder of one run.
#[derive(Debug)]
pub struct Staging {
    fd: OwnedFd,
    run: String,
}

impl Staging {
    /// Opens the staging folder of `run`, making it.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(state: &StateDir, run: &str) -> Result<Staging> {
        let fd = state.folder(&format!("{FOLDER}/{run}"))?;
        Ok(Staging { fd, run: run.to_owned() })
    }

    /// Opens the staging folder of `run`; `None` if there is none.
    ///
    /// # Errors
    /// What the system says.
    pub fn existing(state: &StateDir, run: &str) -> Result<Option<Staging>> {
        let fd = state.existing_folder(&format!("{FOLDER}/{run}"))?;
        Ok(fd.map(|fd| Staging { fd, run: run.to_owned() }))
    }

    /// The folder's handle.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The run it belongs to.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The name under which the entry for an operation is staged.
    pub fn name(slot: Slot, entry: &Entry) -> String {
        let what = match entry {
            Entry::File { digest, .. } => digest.to_hex()[..16].to_owned(),
            Entry::Symlink { .. } => "link".to_owned(),
            Entry::Dir => "folder".to_owned(),
        };
        format!("{}-{}-{what}", slot.item, slot.op)
    }

    /// Opens a staged file for writing, making it.
    ///
    /// # Errors
    /// What the system says.
    pub fn open_for_writing(&self, name: &str, mode: u32, fresh: bool) -> std::io::Result<OwnedFd> {
        let mut flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if fresh {
            flags |= OFlags::TRUNC;
        }
        Ok(openat(&self.fd, name, flags, Mode::from_raw_mode(mode as _))?)
    }

    /// Notes that operations begin to be carried out, durably.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(&self) -> std::io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        openat(&self.fd, BEGAN, flags, Mode::RUSR | Mode::WUSR)?;
        platform::sync_file(&self.fd)
    }

    /// Whether `name` holds exactly what it says, which then came from the other side.
    fn is_incoming(&self, name: &[u8]) -> std::io::Result<bool> {
        let Some(stat) = stat_in(self.fd(), name)? else { return Ok(true) };
        let stamp = Stamp::of(&stat);
        if stamp.file_type() != FileType::RegularFile {
            return Ok(false);
        }
        let (fd, _) = open_file_in(self.fd(), name)?;
        let digest = hash_file(fd.as_fd(), stamp.size, 1)?.digest.to_hex();
        Ok(name.ends_with(&digest.as_bytes()[..16]))
    }

    /// Whether operations began to be carried out.
    ///
    /// # Errors
    /// What the system says.
    pub fn began(&self) -> std::io::Result<bool> {
        Ok(stat_in(self.fd(), BEGAN.as_bytes())?.is_some())
    }
}

/// The runs that have a staging folder.
///
/// # Errors
/// What the system says.
pub fn runs(state: &StateDir) -> Result<Vec<String>> {
    let Some(fd) = state.existing_folder(FOLDER)? else { return Ok(Vec::new()) };
    let listed = list(fd.as_fd()).map_err(|e| EngineError::io("list", state.path(FOLDER), e))?;
    Ok(listed.iter().filter_map(|entry| String::from_utf8(entry.name.to_vec()).ok()).collect())
}

/// Files that earlier runs left, by the mark of what they should be.
pub struct Leftovers {
    found: HashMap<String, (OwnedFd, String, u64)>,
}

impl Leftovers {
    /// Looks through the staging folders of all runs but `current`.
    ///
    /// # Errors
    /// What the system says.
    pub fn find(state: &StateDir, current: &str) -> Result<Leftovers> {
        let mut found = HashMap::new();
        for run in runs(state)? {
            if run == current {
                continue;
            }
            let Some(staging) = Staging::existing(state, &run)? else { continue };
            let listed = list(staging.fd()).unwrap_or_default();
            for entry in listed {
                if is_put_back(&entry.name) {
                    continue;
                }
                let Ok(name) = String::from_utf8(entry.name.to_vec()) else { continue };
                let Some((_, mark)) = name.rsplit_once('-') else { continue };
                let Ok(Some(stat)) = stat_in(staging.fd(), name.as_bytes()) else { continue };
                let stamp = Stamp::of(&stat);
                if stamp.file_type() == FileType::RegularFile && stamp.size > 0 {
                    let mark = mark.to_owned();
                    let folder = staging.fd.try_clone();
                    if let Ok(folder) = folder {
                        found.insert(mark, (folder, name, stamp.size));
                    }
                }
            }
        }
        Ok(Leftovers { found })
    }

    /// Moves what an earlier run has of `entry` to `name` in `staging`; returns its length.
    pub fn take(&mut self, entry: &Entry, staging: &Staging, name: &str) -> u64 {
        let Some(digest) = entry.digest() else { return 0 };
        let Some((folder, old, length)) = self.found.remove(&digest.to_hex()[..16]) else {
            return 0;
        };
        match platform::rename_noreplace(
            folder.as_fd(),
            old.as_bytes(),
            staging.fd(),
            name.as_bytes(),
        ) {
            Ok(()) => length.min(entry.size()),
            Err(_) => 0,
        }
    }
}

/// Moves what `run` took out of the tree, and could not put into the backups any more, there: what
/// stands under a staged name and is not what the name says. For where the journal is lost that knew
/// the paths. Does nothing if the run never began to act.
///
/// # Errors
/// What the system says.
pub fn rescue(state: &StateDir, run: &str) -> Result<()> {
    let Some(staging) = Staging::existing(state, run)? else { return Ok(()) };
    let rescue = || -> std::io::Result<()> {
        if !staging.began()? {
            return Ok(());
        }
        for entry in list(staging.fd())? {
            if &entry.name[..] == BEGAN.as_bytes() || staging.is_incoming(&entry.name)? {
                continue;
            }
            let path = join_bytes(UNSETTLED.as_bytes(), &entry.name)
                .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
            let mut place = backups::place(state, Store::Backups, run, &path)?;
            place.take(staging.fd(), &entry.name)?;
        }
        Ok(())
    };
    rescue().map_err(|e| EngineError::io("keep", state.path(&format!("{FOLDER}/{run}")), e))
}

/// Removes the staging folder of `run` with what was not used.
///
/// # Errors
/// What the system says.
pub fn remove(state: &StateDir, run: &str) -> Result<()> {
    let Some(parent) = state.existing_folder(FOLDER)? else { return Ok(()) };
    if let Some(staging) = Staging::existing(state, run)? {
        rescue_put_back(state, &staging).map_err(|e| {
            EngineError::io("look through", state.path(&format!("{FOLDER}/{run}")), e)
        })?;
    }
    remove_tree(parent.as_fd(), run.as_bytes())
        .map_err(|e| EngineError::io("remove", state.path(&format!("{FOLDER}/{run}")), e))
}

/// Removes `name` and all below it; only ever used on private folders.
pub fn remove_tree(dir: BorrowedFd<'_>, name: &[u8]) -> std::io::Result<()> {
    let Some(stat) = stat_in(dir, name)? else { return Ok(()) };
    if Stamp::of(&stat).file_type() != FileType::Directory {
        return Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?);
    }
    let folder = open_child_dir(dir, name)?;
    for entry in list(folder.as_fd())? {
        remove_tree(folder.as_fd(), &entry.name)?;
    }
    Ok(rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)?)
}
