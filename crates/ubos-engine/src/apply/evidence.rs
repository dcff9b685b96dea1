//! After a crash: what does the disk show of the operations that were journalled? Also finishes or
//! undoes what was left between two steps, so that looking twice gives the same answer.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags, openat};

use ubos_core::entry::Entry;
use ubos_core::path::RelPath;
use ubos_core::plan::{OpKind, Operation};

use super::append;
use super::steps::is_entry;
use crate::agent::content::Slot;
use crate::agent::message::Applied;
use crate::backups::{self, Store};
use crate::fs::{Stamp, platform, stat_in};
use crate::staging::Staging;
use crate::state::StateDir;

/// Looks for the traces of `op` of the interrupted `run`. What cannot be told is
/// [`Applied::Unknown`]; the path then has no trusted memory, and nothing is deleted because of it.
pub fn look(state: &StateDir, staging: &Staging, run: &str, slot: Slot, op: &Operation) -> Applied {
    let look = Look { state, staging, run, slot, op };
    look.any().unwrap_or(Applied::Unknown)
}

struct Look<'a> {
    state: &'a StateDir,
    staging: &'a Staging,
    run: &'a str,
    slot: Slot,
    op: &'a Operation,
}

impl Look<'_> {
    fn any(&self) -> io::Result<Applied> {
        match &self.op.kind {
            OpKind::Mkdir => Ok(self.live_is(&self.op.path, &Entry::Dir)?.into()),
            OpKind::Create => self.create(),
            OpKind::Replace { .. } => self.exchange(Store::Backups),
            OpKind::SealAndCreate => self.exchange(Store::Sealed),
            OpKind::Append { from } => self.append(*from),
            OpKind::Delete => self.delete(),
            OpKind::Rmdir => Ok(self.state.root().stat(&self.op.path)?.is_none().into()),
            OpKind::Rename { from, .. } => self.rename(from),
            OpKind::SetExec => self.set_exec(),
        }
    }

    fn live_is(&self, path: &RelPath, entry: &Entry) -> io::Result<bool> {
        match self.state.root().open_parent(path) {
            Ok(parent) => is_entry(parent.as_fd(), path.name(), entry),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn create(&self) -> io::Result<Applied> {
        let Some(post) = &self.op.post else { return Ok(Applied::Unknown) };
        let name = Staging::name(self.slot, post);
        let staged = stat_in(self.staging.fd(), name.as_bytes())?.is_some();
        if staged {
            return Ok(Applied::No);
        }
        if self.state.root().stat(&self.op.path)?.is_some() {
            return Ok(Applied::Yes);
        }
        // Links and folders are staged in the same step that places them.
        Ok(if post.digest().is_some() { Applied::Unknown } else { Applied::No })
    }

    fn exchange(&self, store: Store) -> io::Result<Applied> {
        let (Some(pre), Some(post)) = (&self.op.pre, &self.op.post) else {
            return Ok(Applied::Unknown);
        };
        let name = Staging::name(self.slot, post);
        if stat_in(self.staging.fd(), name.as_bytes())?.is_none() {
            let backup = backups::existing(self.state, store, self.run, &self.op.path)?;
            if backup.is_some() {
                return Ok(Applied::Yes);
            }
            return Ok(if post.digest().is_some() { Applied::Unknown } else { Applied::No });
        }
        if is_entry(self.staging.fd(), name.as_bytes(), post)? {
            return Ok(Applied::No);
        }
        if is_entry(self.staging.fd(), name.as_bytes(), pre)? {
            let mut place = backups::place(self.state, store, self.run, &self.op.path)?;
            place.take(self.staging.fd(), name.as_bytes())?;
            return Ok(Applied::Yes);
        }
        // Something else came out: saved in the very moment of the exchange. It goes back, unless
        // the file was saved once more since then; in that case it is the former version of that.
        let parent = self.state.root().open_parent(&self.op.path)?;
        if !is_entry(parent.as_fd(), self.op.path.name(), post)? {
            let mut place = backups::place(self.state, store, self.run, &self.op.path)?;
            place.take(self.staging.fd(), name.as_bytes())?;
            return Ok(Applied::Unknown);
        }
        platform::exchange(
            self.staging.fd(),
            name.as_bytes(),
            parent.as_fd(),
            self.op.path.name(),
        )?;
        Ok(Applied::No)
    }

    fn append(&self, from: u64) -> io::Result<Applied> {
        let Some(post) = &self.op.post else { return Ok(Applied::Unknown) };
        let parent = self.state.root().open_parent(&self.op.path)?;
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let live = openat(&parent, self.op.path.name(), flags, Mode::empty())?;
        if Stamp::of(&rustix::fs::fstat(&live)?).size == from {
            return Ok(Applied::No);
        }
        if append::holds(live.as_fd(), post)? {
            return Ok(Applied::Yes);
        }
        let Some(length) = post.size().checked_sub(from) else { return Ok(Applied::Unknown) };
        let name = Staging::name(self.slot, post);
        let tail = self.staging.open_for_writing(&name, 0o600, false)?;
        let cut = append::cut_back(tail.as_fd(), live.as_fd(), from, length)?;
        Ok(if cut { Applied::No } else { Applied::Unknown })
    }

    fn delete(&self) -> io::Result<Applied> {
        let Some(pre) = &self.op.pre else { return Ok(Applied::Unknown) };
        let Some(place) = backups::existing(self.state, Store::Backups, self.run, &self.op.path)?
        else {
            return Ok(Applied::No);
        };
        if is_entry(place.dir.as_fd(), &place.name, pre)? {
            return Ok(Applied::Yes);
        }
        let parent = self.state.root().open_parent(&self.op.path)?;
        place.give_back(parent.as_fd(), self.op.path.name())?;
        Ok(Applied::No)
    }

    fn rename(&self, from: &RelPath) -> io::Result<Applied> {
        let old = self.state.root().stat(from)?.is_some();
        let new = self.state.root().stat(&self.op.path)?.is_some();
        Ok(match (old, new) {
            (false, true) => Applied::Yes,
            (true, false) => Applied::No,
            _ => Applied::Unknown,
        })
    }

    fn set_exec(&self) -> io::Result<Applied> {
        let stat = self.state.root().stat(&self.op.path)?;
        let live = stat.map(|stat| Stamp::of(&stat).exec());
        Ok(match (live, self.op.post.as_ref().and_then(Entry::exec)) {
            (Some(live), Some(wanted)) => (live == wanted).into(),
            _ => Applied::Unknown,
        })
    }
}

impl From<bool> for Applied {
    fn from(applied: bool) -> Self {
        if applied { Applied::Yes } else { Applied::No }
    }
}
