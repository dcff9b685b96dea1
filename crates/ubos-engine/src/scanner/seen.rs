//! Hashes of files that differ from the baseline (open conflicts, held edits), so that they are
//! not read again in each run. Losing it costs time only.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;

use serde::{Deserialize, Serialize};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::Evidence;
use crate::fs::{Stamp, atomic};

const NAME: &str = "seen";

/// The hashes by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<RelPath, Evidence>);

#[derive(Serialize, Deserialize)]
struct Stored {
    path: RelPath,
    stamp: Stamp,
    digest: Digest,
    size: u64,
    pieces: super::Pieces,
}

impl Seen {
    /// Reads what was saved in `dir`; anything unreadable counts as nothing.
    pub fn load(dir: BorrowedFd<'_>) -> Seen {
        let bytes = atomic::read(dir, NAME).ok().flatten().unwrap_or_default();
        let rows: Vec<Stored> = postcard::from_bytes(&bytes).unwrap_or_default();
        Seen(
            rows.into_iter()
                .map(|row| {
                    let Stored { path, stamp, digest, size, pieces } = row;
                    (path, Evidence { stamp, digest, size, pieces, racy: false })
                })
                .collect(),
        )
    }

    /// The evidence for `path`, if its stamp still holds.
    pub fn get(&self, path: &RelPath, stamp: &Stamp) -> Option<&Evidence> {
        self.0.get(path).filter(|evidence| evidence.stamp == *stamp)
    }

    /// All of it.
    pub fn all(&self) -> impl Iterator<Item = (&RelPath, &Evidence)> {
        self.0.iter()
    }

    /// Saves `current` in place of what is there, if it differs. Racy evidence is left out.
    ///
    /// # Errors
    /// What the system says.
    pub fn replace(
        &mut self,
        current: BTreeMap<RelPath, Evidence>,
        dir: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let current: BTreeMap<_, _> = current.into_iter().filter(|(_, e)| !e.racy).collect();
        if current == self.0 {
            return Ok(());
        }
        let rows: Vec<Stored> = current
            .iter()
            .map(|(path, e)| Stored {
                path: path.clone(),
                stamp: e.stamp,
                digest: e.digest,
                size: e.size,
                pieces: e.pieces.clone(),
            })
            .collect();
        let bytes = postcard::to_stdvec(&rows).expect("serialising into memory cannot fail");
        atomic::write(dir, NAME, &bytes)?;
        self.0 = current;
        Ok(())
    }
}
