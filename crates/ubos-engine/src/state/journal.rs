//! The append-only journal: what happened since the snapshot was folded. Frames carry their length
//! and a checksum; a torn tail is cut when the journal is opened, and is never fatal.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};

use ubos_core::path::RelPath;
use ubos_core::plan::Item;
use ubos_core::sides::Side;

use super::generation::Header;
use super::record::StoredRecord;
use crate::fs::{Stamp, atomic};
use crate::scanner::digest::Pieces;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// First frame: the generation of the snapshot that this journal continues.
    Open {
        /// Version of the frames' format.
        format: u32,
        /// Generation of the snapshot.
        generation: u64,
    },
    /// New evidence for rows that did not change. Private to this side.
    Stamps(Vec<(RelPath, Option<Stamp>, Pieces)>),
    /// What a run is about to do, on either side.
    Intend {
        /// The run.
        run: String,
        /// What this side was called in that run: the items name the sides as its initiator did.
        side: Side,
        /// Its items, in plan order.
        items: Vec<Item>,
    },
    /// The next generation, complete, not yet in force.
    Prepare {
        /// Its header.
        header: Header,
        /// Rows that change; `None` drops the row.
        rows: Vec<(RelPath, Option<StoredRecord>)>,
    },
    /// The prepared generation is in force.
    Commit {
        /// Its number.
        generation: u64,
    },
    /// The root's marker carries this generation.
    Marked {
        /// Its number.
        generation: u64,
    },
}

/// The version of [`Frame`]. Older programs refuse newer journals.
pub const FORMAT: u32 = 1;

/// Longest frame accepted, in bytes.
const MAX_FRAME: usize = 1 << 30;

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    length: u64,
    torn: bool,
}

impl Journal {
    /// Reads all whole frames of `file`; returns them with the journal, positioned after the last.
    ///
    /// # Errors
    /// What reading says. A torn tail is no error.
    pub fn open(mut file: File) -> io::Result<(Journal, Vec<Frame>)> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut frames = Vec::new();
        let mut rest: &[u8] = &bytes;
        while let Some((frame, tail)) = decode(rest) {
            frames.push(frame);
            rest = tail;
        }
        let length = (bytes.len() - rest.len()) as u64;
        Ok((Journal { file, length, torn: !rest.is_empty() }, frames))
    }

    /// Length of the whole frames, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether `stat` is of this file, as long as it is known to be.
    pub fn is(&self, stat: &rustix::fs::Stat) -> bool {
        let own = rustix::fs::fstat(&self.file);
        own.is_ok_and(|own| own.st_ino == stat.st_ino && own.st_dev == stat.st_dev)
            && u64::try_from(stat.st_size) == Ok(self.length)
    }

    /// Appends a frame, without making it durable.
    ///
    /// # Errors
    /// What writing says; the journal's tail is then torn and will be written over.
    pub fn append(&mut self, frame: &Frame) -> io::Result<()> {
        if self.torn {
            // Behind a torn frame may lie whole ones; they must not come back to life.
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        let bytes = encode(frame);
        self.torn = true;
        atomic::write_all_at(self.file.as_fd(), &bytes, self.length)?;
        self.length += bytes.len() as u64;
        self.torn = false;
        Ok(())
    }

    /// Makes the appended frames durable.
    ///
    /// # Errors
    /// What the system says; nothing since the last sync may then be taken for durable.
    pub fn sync(&self) -> io::Result<()> {
        crate::fs::platform::sync_file(&self.file)
    }
}

/// The bytes of a frame: length (4), first 8 bytes of the payload's BLAKE3, payload.
pub fn encode(frame: &Frame) -> Vec<u8> {
    let payload = postcard::to_stdvec(frame).expect("serialising into memory cannot fail");
    let mut bytes = Vec::with_capacity(payload.len() + 12);
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&blake3::hash(&payload).as_bytes()[..8]);
    bytes.extend_from_slice(&payload);
    bytes
}

fn decode(bytes: &[u8]) -> Option<(Frame, &[u8])> {
    let (head, rest) = bytes.split_at_checked(12)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    if length > MAX_FRAME {
        return None;
    }
    let (payload, rest) = rest.split_at_checked(length)?;
    if blake3::hash(payload).as_bytes()[..8] != head[4..] {
        return None;
    }
    Some((postcard::from_bytes(payload).ok()?, rest))
}
