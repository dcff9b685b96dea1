//! One run at a time for a territory: a `flock`, which the kernel releases with its process.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};

use super::StateDir;
use crate::error::{EngineError, Result};

/// The file that a watch holds as long as it runs.
const WATCHING: &str = "watching";
/// The file that whoever writes about the health of the territory holds.
const HEALTH: &str = "health";
/// The file that whoever compresses sealed logs holds.
const COMPRESSING: &str = "compressing";
/// How long a run waits for one that is just ending (or whose process was just killed).
const PATIENCE: Duration = Duration::from_millis(1500);

/// A held lock; dropping it releases.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its lifetime")] OwnedFd);

impl Lock {
    /// Takes the lock of a territory.
    ///
    /// # Errors
    /// [`EngineError::Locked`] if another run holds it for longer than a moment.
    pub fn take(state: &StateDir, territory: &str) -> Result<Lock> {
        Self::take_file(state, "lock", PATIENCE, territory)
    }

    /// Takes the lock of what is written about the health of a territory: for a moment, by runs and
    /// by those that wait for one.
    ///
    /// # Errors
    /// [`EngineError::Locked`] if another process holds it for longer than a moment.
    pub fn take_health(state: &StateDir) -> Result<Lock> {
        Self::take_file(state, HEALTH, PATIENCE, "the health of this territory")
    }

    /// Takes the lock of whoever compresses the sealed logs of a territory, which no run asks for.
    ///
    /// # Errors
    /// [`EngineError::Locked`] if another process does it already.
    pub fn take_compressing(state: &StateDir) -> Result<Lock> {
        Self::take_file(state, COMPRESSING, Duration::ZERO, "the sealed logs of this territory")
    }

    /// Takes the lock of a territory if nobody holds it.
    ///
    /// # Errors
    /// [`EngineError::Locked`] if another run holds it.
    pub fn take_if_free(state: &StateDir, territory: &str) -> Result<Lock> {
        Self::take_file(state, "lock", Duration::ZERO, territory)
    }

    /// Takes the lock of the one watch of a territory.
    ///
    /// # Errors
    /// [`EngineError::Locked`] if another watch holds it.
    pub fn take_watch(state: &StateDir) -> Result<Lock> {
        Self::take_file(state, WATCHING, Duration::ZERO, "the watch of this territory")
    }

    /// Whether a watch runs on this territory.
    ///
    /// # Errors
    /// What the system says.
    pub fn is_watched(state: &StateDir) -> Result<bool> {
        match Self::take_watch(state) {
            Ok(_) => Ok(false),
            Err(EngineError::Locked { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn take_file(state: &StateDir, name: &str, patience: Duration, what: &str) -> Result<Lock> {
        Self::take_in(state, "state", name, patience, what)
    }

    /// Takes the lock `name` in `folder` of the private folder, for what follows the sync and has files
    /// of its own there; `what` says in words what is locked.
    ///
    /// # Errors
    /// [`EngineError::Locked`] if another process holds it for longer than `patience`.
    pub fn take_in(
        state: &StateDir,
        folder: &str,
        name: &str,
        patience: Duration,
        what: &str,
    ) -> Result<Lock> {
        let path = state.path(&format!("{folder}/{name}"));
        let folder = state.folder(folder)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(folder.as_fd(), name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|e| EngineError::io("open", &path, e))?;
        let start = Instant::now();
        loop {
            match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock(fd)),
                Err(rustix::io::Errno::WOULDBLOCK) if start.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(EngineError::Locked { what: what.to_owned() });
                }
                Err(e) => return Err(EngineError::io("lock", &path, e)),
            }
        }
    }
}
