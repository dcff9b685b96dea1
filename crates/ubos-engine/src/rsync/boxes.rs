//! Outbox and inbox: flat folders of generated names in a run's staging.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::AtFlags;

use ubos_core::path::RelPath;

use crate::agent::content::Slot;
use crate::error::{EngineError, Result};
use crate::fs::{Root, Stamp, platform, stat_in};
use crate::state::{PRIVATE, StateDir};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxKind {
    /// What is sent.
    Out,
    /// What is received, with the basis of the delta.
    In,
}

impl BoxKind {
    fn name(self) -> &'static str {
        match self {
            BoxKind::Out => "out",
            BoxKind::In => "in",
        }
    }
}

/// The name of an operation's file in either box: the same on both sides, and never an option.
pub fn name(slot: Slot) -> String {
    format!("{:08x}{:08x}", slot.item, slot.op)
}

/// Opens a box of `run`, making it.
///
/// # Errors
/// What the system says.
pub fn open(state: &StateDir, run: &str, kind: BoxKind) -> Result<OwnedFd> {
    state.folder(&format!("staging/{run}.{}", kind.name()))
}

/// The path of a box.
pub fn path(state: &StateDir, run: &str, kind: BoxKind) -> std::path::PathBuf {
    state.root().path().join(PRIVATE).join(format!("staging/{run}.{}", kind.name()))
}

/// Puts the file at `live` into a box as `name`: a second name of the same file, or a copy where
/// the file system has no hard links. Returns the live file's stamp afterwards, if the link changed
/// nothing but its ctime.
///
/// # Errors
/// What the system says.
pub fn put(root: &Root, live: &RelPath, folder: &OwnedFd, name: &str) -> io::Result<Option<Stamp>> {
    let parent = root.open_parent(live)?;
    let Some(before) = stat_in(parent.as_fd(), live.name())?.map(|stat| Stamp::of(&stat)) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    match rustix::fs::linkat(&parent, live.name(), folder, name, AtFlags::empty()) {
        Ok(()) => {
            let after = stat_in(parent.as_fd(), live.name())?.map(|stat| Stamp::of(&stat));
            Ok(after.filter(|after| after.same_but_ctime(&before)))
        }
        Err(rustix::io::Errno::EXIST) => Ok(Some(before)),
        Err(_) => {
            let (from, stat) = root.open_file(live)?;
            let to = crate::fs::atomic::create(folder.as_fd(), name)?;
            platform::copy_bytes(from.as_fd(), to.as_fd(), stat.st_size as u64)?;
            Ok(Some(before))
        }
    }
}

/// Takes `name` out of a box again. The live file's stamp afterwards, if that changed nothing but
/// its ctime.
///
/// # Errors
/// What the system says.
pub fn drop_link(
    root: &Root,
    live: &RelPath,
    before: Stamp,
    folder: &OwnedFd,
    name: &str,
) -> io::Result<Option<Stamp>> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(e) => return Err(e.into()),
    }
    let after = root.stat(live)?.map(|stat| Stamp::of(&stat));
    Ok(after.filter(|after| after.same_but_ctime(&before)))
}

/// A failure in words, for a box.
pub fn failed(
    state: &StateDir,
    run: &str,
    kind: BoxKind,
) -> impl Fn(io::Error) -> EngineError + use<> {
    let path = path(state, run, kind);
    move |e| EngineError::io("prepare", &path, e)
}
