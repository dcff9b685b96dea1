//! Looking at a log's file beside what is kept of it: what `growth` decides from.

use std::fs::File;
use std::io;

use ubos_core::entry::Digest;

use super::folders::Folders;
use super::growth::Evidence;
use super::layout::{Index, PIECES, SEALED, Segment, TAIL, WINDOW, offset_of, segment_from};
use super::memory::Known;
use super::source::{self, Stamp};
use crate::git::error::Result;

/// What was seen.
pub(super) struct Sight {
    /// What to decide from.
    pub evidence: Evidence,
    /// The first bytes of the file, as many as are kept and at most [`WINDOW`].
    pub head: Vec<u8>,
    /// The last bytes of the file before the old end, likewise.
    pub end: Vec<u8>,
    /// Where to look next time, among the earlier bytes.
    pub next: u64,
}

/// Looks at `file`, of which `index` is kept; `turn`: see [`turn`].
///
/// # Errors
/// Reading the file failed.
pub(super) fn look(
    file: &File,
    stamp: &Stamp,
    index: &Index,
    known: Option<&Known>,
    turn: Option<&(u64, Segment)>,
) -> io::Result<Sight> {
    let next = turn.map_or(0, |(start, segment)| start + segment.bytes());
    if stamp.size() < index.size {
        let evidence = Evidence {
            long_enough: false,
            first_same: false,
            last_same: false,
            middle_same: false,
        };
        return Ok(Sight { evidence, head: Vec::new(), end: Vec::new(), next: 0 });
    }
    let length = index.size.min(WINDOW);
    let head = source::read_at(file, 0, length)?;
    let end = source::read_at(file, index.size - length, length)?;
    let mut evidence = Evidence {
        long_enough: true,
        first_same: Digest::of(&head) == index.first,
        last_same: Digest::of(&end) == index.last,
        middle_same: true,
    };
    if evidence.first_same && evidence.last_same {
        let is_same_file = known.is_some_and(|known| known.stamp.is_same_file(stamp));
        evidence.middle_same = match turn {
            Some((_, segment)) if is_same_file => has(file, segment)?,
            _ if is_same_file => true,
            _ => source::hash(file, index.size)? == index.blake3,
        };
    }
    Ok(Sight { evidence, head, end, next })
}

/// The segment whose turn it is to be looked at again: the first from `next` on, then from the
/// beginning; with its offset. What cannot be read in the repository is passed over here.
///
/// # Errors
/// A folder cannot be read.
pub(super) fn turn(
    folders: &mut Folders,
    base: &[Vec<u8>],
    tail: &Segment,
    next: u64,
) -> Result<Option<(u64, Segment)>> {
    let sealed = [base, &[SEALED.to_vec()]].concat();
    let starts: Vec<u64> =
        folders.names(&sealed)?.iter().filter_map(|name| offset_of(name)).collect();
    let all = || starts.iter().copied().chain(tail.start());
    let Some(start) = all().find(|&start| start >= next).or_else(|| all().next()) else {
        return Ok(None);
    };
    if Some(start) == tail.start() {
        return Ok(Some((start, tail.clone())));
    }
    let list = [&sealed[..], &[super::layout::offset_name(start), PIECES.to_vec()]].concat();
    let segment = folders.read(&list).ok().flatten();
    Ok(segment.and_then(|bytes| segment_from(&bytes, "segment").ok()).map(|found| (start, found)))
}

/// The list of the segment that grows; empty if there is none.
///
/// # Errors
/// It is damaged.
pub(super) fn tail(folders: &mut Folders, base: &[Vec<u8>], what: &str) -> Result<Segment> {
    let path = [base, &[TAIL.to_vec(), PIECES.to_vec()]].concat();
    match folders.read(&path)? {
        Some(bytes) => segment_from(&bytes, what),
        None => Ok(Segment::empty()),
    }
}

/// Whether the file holds what the pieces hold.
fn has(file: &File, segment: &Segment) -> io::Result<bool> {
    for piece in &segment.pieces {
        if Digest::of(&source::read_at(file, piece.at, piece.bytes)?) != piece.blake3 {
            return Ok(false);
        }
    }
    Ok(true)
}
