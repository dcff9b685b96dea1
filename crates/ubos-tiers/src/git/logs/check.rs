//! Checking everything that a commit keeps, without stopping at the first fault.

use ubos_core::path::RelPath;

use super::assemble::{Kept, open};
use super::hash::Running;
use super::layout::Index;
use super::record::what;
use crate::git::command::Git;
use crate::git::error::{BackupError, Result};

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Of which log.
    pub path: RelPath,
    /// In which generation.
    pub generation: u32,
    /// From which offset on its bytes are in doubt.
    pub at: u64,
    /// What is wrong, naming log, generation and segment.
    pub what: String,
}

/// Reads every piece of every generation that the commit `commit` keeps, and compares it with its
/// hash, the offsets with each other, and the whole with its hash. Nothing found: each of them can be
/// put together again, bit for bit.
///
/// # Errors
/// The commit itself cannot be read, or git cannot be started.
pub fn verify(git: &Git, commit: &str) -> Result<Vec<Flaw>> {
    let mut kept = open(git, commit)?;
    let mut flaws = Vec::new();
    for (path, generation) in kept.generations()? {
        for (at, error) in faults(&mut kept, &path, generation) {
            flaws.push(Flaw { path: path.clone(), generation, at, what: error.to_string() });
        }
    }
    Ok(flaws)
}

/// Each fault of a generation, with the offset it was found at.
fn faults(kept: &mut Kept, path: &RelPath, generation: u32) -> Vec<(u64, BackupError)> {
    let index = match kept.index(path, generation) {
        Ok(index) => index,
        Err(error) => return vec![(0, error)],
    };
    let places = match kept.segments(path, generation) {
        Ok(places) => places,
        Err(error) => return vec![(0, error)],
    };
    let mut faults = Vec::new();
    let mut running = Running::default();
    let mut at = 0;
    for place in places {
        if let Some(start) = place.start
            && start != at
        {
            faults.push((at, place.damaged(format!("it should begin at {at}"))));
            at = start;
        }
        let list = match kept.list(&place) {
            Ok(list) => list,
            Err(error) => {
                faults.push((at, error));
                continue;
            }
        };
        for piece in &list.pieces {
            if piece.at != at {
                let why = format!("the piece at {} should begin at {at}", piece.at);
                faults.push((at, place.damaged(why)));
            }
            match kept.piece(&place, piece) {
                Ok(bytes) => running.update(&bytes),
                Err(error) => faults.push((piece.at, error)),
            }
            at = piece.at + piece.bytes;
        }
    }
    if faults.is_empty() {
        faults.extend(whole(&index, at, &running, &what(path, generation)).map(|error| (0, error)));
    }
    faults
}

/// Whether the pieces, each as it was, are also all.
fn whole(index: &Index, end: u64, running: &Running, what: &str) -> Option<BackupError> {
    if end != index.size {
        let why = format!("it ends at {end}, {} bytes should be there", index.size);
        return Some(BackupError::damaged(what, why));
    }
    (running.digest() != index.blake3)
        .then(|| BackupError::damaged(what, "each piece is as it was, but the whole is not"))
}
