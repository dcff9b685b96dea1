//! One backup of a territory at a time: a lock of its own, so that neither waits for a run of the sync
//! nor is waited for. A push has another one, so that snapshots go on during a long one.

use std::time::Duration;

use ubos_engine::error::EngineError;
use ubos_engine::state::StateDir;
use ubos_engine::state::lock::Lock;

use super::error::{BackupError, Result};
use super::names::STATE;

/// How long a backup waits for one that is just ending.
const PATIENCE: Duration = Duration::from_secs(2);

/// The held lock; dropping it releases.
#[derive(Debug)]
pub struct BackupLock(#[expect(dead_code, reason = "held for its lifetime")] Lock);

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
        match Lock::take_in(state, STATE, name, PATIENCE, "the backup") {
            Ok(lock) => Ok(Self(lock)),
            Err(EngineError::Locked { .. }) => Err(BackupError::Locked),
            Err(error) => Err(error.into()),
        }
    }
}
