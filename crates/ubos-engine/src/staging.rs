//! Staging: incoming content in `.ubos-sync/staging/RUN/`, verified, not yet in place.
//!
//! A staged entry's name says for which operation it is and what it should be, so that recovery
//! can tell an exchanged entry from an unused one, and a later run can take up what an earlier one
//! left.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat};

use ubos_core::entry::Entry;

use crate::agent::content::Slot;
use crate::error::{EngineError, Result};
use crate::fs::{Stamp, list, open_child_dir, platform, stat_in};
use crate::history::put_back::staged::{is_ours as is_put_back, rescue};
use crate::state::StateDir;

/// Marks that a run began to carry out its operations on this side. Outside the journal on
/// purpose: it tells even when the state was lost.
const BEGAN: &str = "began";
const FOLDER: &str = "staging";

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

/// Removes the staging folder of `run` with what was not used.
///
/// # Errors
/// What the system says.
pub fn remove(state: &StateDir, run: &str) -> Result<()> {
    let Some(parent) = state.existing_folder(FOLDER)? else { return Ok(()) };
    if let Some(staging) = Staging::existing(state, run)? {
        rescue(state, &staging).map_err(|e| {
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
