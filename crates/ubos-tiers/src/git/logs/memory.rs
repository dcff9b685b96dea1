//! What this machine remembers of the logs' files, so that an unchanged one is not read and a grown
//! one is not read whole. It may be lost: each log is then read once from its beginning.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::Path;

use serde::{Deserialize, Serialize};
use ubos_core::path::RelPath;
use ubos_engine::fs::atomic;

use super::source::Stamp;
use crate::git::error::{BackupError, Result};

/// Its file, in the backup's own folder.
const NAME: &str = "logs";
/// The format of the file.
const SCHEMA: u32 = 1;

/// What was seen of a log's file the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Which file it was and when it had changed.
    pub stamp: Stamp,
    /// How much of it was asked for.
    pub asked: u64,
    /// The generation that it belongs to.
    pub generation: u32,
    /// How much of it is kept.
    pub size: u64,
    /// Offset of the earlier bytes that are to be looked at next.
    pub next: u64,
}

/// All of them.
pub(super) type Memory = BTreeMap<RelPath, Known>;

/// Reads it; what is missing or damaged is nothing remembered.
pub(super) fn load(state: &Path) -> Memory {
    let read = || {
        let folder = std::fs::File::open(state).ok()?;
        let bytes = atomic::read(folder.as_fd(), NAME).ok()??;
        let (schema, memory): (u32, Memory) = postcard::from_bytes(&bytes).ok()?;
        (schema == SCHEMA).then_some(memory)
    };
    read().unwrap_or_default()
}

/// Writes it, whole or not at all.
///
/// # Errors
/// An I/O failure on the folder `state`.
pub(super) fn save(state: &Path, memory: &Memory) -> Result<()> {
    let write = || {
        let bytes = postcard::to_stdvec(&(SCHEMA, memory)).map_err(std::io::Error::other)?;
        let folder = std::fs::File::open(state)?;
        atomic::replace(folder.as_fd(), NAME, &bytes)
    };
    write().map_err(|e| BackupError::io("write", state.join(NAME), e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_written_and_damage_is_nothing_remembered() {
        let state = tempfile::tempdir().unwrap();
        let file = tempfile::tempfile().unwrap();
        let stamp = Stamp::of(&file).unwrap();
        let known = Known { stamp, asked: 5, generation: 2, size: 4, next: 3 };
        let memory = Memory::from([(RelPath::new(*b"a\xff").unwrap(), known)]);
        assert!(load(state.path()).is_empty());
        save(state.path(), &memory).unwrap();
        assert_eq!(load(state.path()), memory);
        std::fs::write(state.path().join(NAME), b"\xff\xff").unwrap();
        assert!(load(state.path()).is_empty());
        assert!(save(&state.path().join("none"), &memory).is_err());
    }
}
