//! One backup of a territory at a time: a `flock` of its own, so that neither waits for a run of the
//! sync nor is waited for. A push has another one, so that snapshots go on during a long one. The
//! kernel releases them with their process.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::Errno;

use ubos_engine::state::StateDir;

use super::error::{BackupError, Result};
use super::names::STATE;

/// How long a backup waits for one that is just ending.
const PATIENCE: Duration = Duration::from_secs(2);

/// The held lock; dropping it releases.
#[derive(Debug)]
pub struct BackupLock(#[expect(dead_code, reason = "held for its lifetime")] OwnedFd);

impl BackupLock {
    /// Takes the lock of a territory's backup.
    ///
    /// # Errors
    /// [`BackupError::Locked`] if another process holds it for longer than a moment.
    pub fn take(state: &StateDir) -> Result<Self> {
        Self::take_file(state, "lock")
    }

    /// Takes the lock of whoever gives history to other places.
    ///
    /// # Errors
    /// As [`BackupLock::take`].
    pub fn take_push(state: &StateDir) -> Result<Self> {
        Self::take_file(state, "push.lock")
    }

    fn take_file(state: &StateDir, name: &str) -> Result<Self> {
        let folder = state.folder(STATE)?;
        let path = state.path(&format!("{STATE}/{name}"));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(folder.as_fd(), name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|e| BackupError::io("open", &path, e))?;
        let start = Instant::now();
        loop {
            match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(fd)),
                Err(Errno::WOULDBLOCK) if start.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(Errno::WOULDBLOCK) => return Err(BackupError::Locked),
                Err(e) => return Err(BackupError::io("lock", &path, e)),
            }
        }
    }
}
