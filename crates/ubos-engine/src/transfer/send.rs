//! The sending half: reads what the plan saw, and nothing else. The receiver verifies, so a file
//! that changes while it is read is found out there.

use std::os::fd::{AsFd, BorrowedFd};

use ubos_core::entry::Entry;

use super::ContentSink;
use crate::agent::content::{Begin, Form, SendItem};
use crate::error::Result;
use crate::fs::atomic::read_full_at;
use crate::fs::{Root, Stamp};
use crate::scanner::digest::{PIECE, Pieces};

/// Bytes read and sent at a time.
const STEP: usize = 256 << 10;

/// What the sender knows of its files' pieces.
pub trait KnownPieces {
    /// Pieces of the file as it is now.
    fn now(&self, item: &SendItem) -> Option<Pieces>;
    /// Pieces of the file as the baseline has it, which is what the receiver holds.
    fn before(&self, item: &SendItem) -> Option<Pieces>;
}

/// Sends `items` into `sink`.
///
/// # Errors
/// What the sink says. A file that cannot be read is told to the sink and is no error.
pub fn send(
    root: &Root,
    known: &dyn KnownPieces,
    items: &[SendItem],
    sink: &mut dyn ContentSink,
) -> Result<()> {
    for item in items {
        send_one(root, known, item, sink)?;
    }
    Ok(())
}

fn send_one(
    root: &Root,
    known: &dyn KnownPieces,
    item: &SendItem,
    sink: &mut dyn ContentSink,
) -> Result<()> {
    let Entry::File { size, .. } = item.entry else { return Ok(()) };
    let opened = root.open_file(&item.path);
    let stamp = opened.as_ref().ok().map(|(_, stat)| Stamp::of(stat));
    let changed = match (item.tail_from, item.have) {
        (None, 0) => changed_pieces(known, item, size),
        _ => None,
    };
    let form = match (item.tail_from, &changed) {
        (Some(from), _) => Form::Tail { from },
        (None, Some(_)) => Form::Patch,
        (None, None) => Form::Whole { from: item.have },
    };
    sink.begin(&Begin {
        slot: item.slot,
        form,
        mode: stamp.map_or(0o600, |stamp| stamp.permissions()),
        mtime: stamp.map_or(0, |stamp| stamp.mtime),
    })?;
    let Ok((fd, _)) = opened else { return sink.end(false) };
    let whole = match (form, changed) {
        (Form::Patch, Some(ranges)) => {
            let mut whole = true;
            for (start, end) in ranges {
                sink.seek(start)?;
                whole = whole && send_range(fd.as_fd(), start, end, sink)?;
            }
            whole
        }
        (Form::Tail { from } | Form::Whole { from }, _) => {
            send_range(fd.as_fd(), from, size, sink)?
        }
        (Form::Patch, None) => false,
    };
    sink.end(whole)
}

/// Bytes that sending `item` costs: all of it, or the pieces that changed.
pub fn cost(known: &dyn KnownPieces, item: &SendItem) -> u64 {
    let size = item.entry.size();
    match changed_pieces(known, item, size) {
        Some(ranges) => ranges.iter().map(|(start, end)| end - start).sum(),
        None => size,
    }
}

/// The ranges of a large file that differ from what the receiver holds, if it is known and sending
/// them alone is worth while.
fn changed_pieces(known: &dyn KnownPieces, item: &SendItem, size: u64) -> Option<Vec<(u64, u64)>> {
    item.basis.as_ref()?.digest()?;
    let (before, now) = (known.before(item)?, known.now(item)?);
    if before.is_empty() || now.is_empty() {
        return None;
    }
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let mut bytes = 0;
    for (index, piece) in now.iter().enumerate() {
        if before.get(index) == Some(piece) {
            continue;
        }
        let start = index as u64 * PIECE;
        let end = (start + PIECE).min(size);
        bytes += end - start;
        match ranges.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => ranges.push((start, end)),
        }
    }
    (bytes <= size / 4 * 3).then_some(ranges)
}

fn send_range(
    fd: BorrowedFd<'_>,
    start: u64,
    end: u64,
    sink: &mut dyn ContentSink,
) -> Result<bool> {
    let length = end.saturating_sub(start);
    let mut buffer = vec![0u8; STEP.min(usize::try_from(length).unwrap_or(STEP))];
    let mut at = start;
    while at < end {
        let want = (end - at).min(buffer.len() as u64) as usize;
        match read_full_at(fd, &mut buffer[..want], at) {
            Ok(n) if n == want => sink.data(&buffer[..want])?,
            _ => return Ok(false),
        }
        at += want as u64;
    }
    Ok(true)
}
