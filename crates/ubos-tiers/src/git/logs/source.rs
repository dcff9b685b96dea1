//! Reading the log's file: from a descriptor that the caller opened, by offset, and never past what
//! was asked for.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use serde::{Deserialize, Serialize};
use ubos_core::entry::Digest;

use super::hash::Running;
use super::layout::{SEGMENT, WINDOW};

/// How much is read at once when looking for a line's end.
const STEP: u64 = 64 << 10;
/// How much is read at once when hashing.
const BLOCK: usize = 1 << 20;

/// Which file it was, and when it changed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    dev: u64,
    ino: u64,
    size: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

impl Stamp {
    /// As it is now.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            dev: meta.dev(),
            ino: meta.ino(),
            size: meta.size(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
            ctime: (meta.ctime(), meta.ctime_nsec()),
        })
    }

    /// Length in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is the same file, however changed.
    pub(super) fn is_same_file(&self, other: &Stamp) -> bool {
        (self.dev, self.ino) == (other.dev, other.ino)
    }
}

/// The end of the last whole line in `[from, to)`; `None` if no line ends there.
pub(super) fn last_line_end(file: &File, from: u64, to: u64) -> io::Result<Option<u64>> {
    let mut end = to;
    while end > from {
        let begin = end.saturating_sub(STEP).max(from);
        let bytes = read_at(file, begin, end - begin)?;
        if let Some(at) = bytes.iter().rposition(|&b| b == b'\n') {
            return Ok(Some(begin + at as u64 + 1));
        }
        end = begin;
    }
    Ok(None)
}

/// The bytes `[at, at + bytes)`.
///
/// # Errors
/// `UnexpectedEof` if the file is shorter.
pub(super) fn read_at(file: &File, at: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    file.read_exact_at(&mut buffer, at)?;
    Ok(buffer)
}

/// The next piece of `[at, to)`: whole lines, as many as a segment holds; a part of a line only if it
/// is longer than that.
pub(in crate::git) fn next_piece(file: &File, at: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = read_at(file, at, (to - at).min(SEGMENT))?;
    if at + (bytes.len() as u64) < to
        && let Some(end) = bytes.iter().rposition(|&b| b == b'\n')
    {
        bytes.truncate(end + 1);
    }
    Ok(bytes)
}

/// The hashes of the first and of the last bytes of the first `size`.
pub(super) fn windows(file: &File, size: u64) -> io::Result<(Digest, Digest)> {
    let length = size.min(WINDOW);
    let first = Digest::of(&read_at(file, 0, length)?);
    let last =
        if size <= WINDOW { first } else { Digest::of(&read_at(file, size - length, length)?) };
    Ok((first, last))
}

/// The hash of the first `size` bytes.
pub(super) fn hash(file: &File, size: u64) -> io::Result<Digest> {
    let mut running = Running::default();
    let mut at = 0;
    while at < size {
        let bytes = read_at(file, at, (size - at).min(BLOCK as u64))?;
        running.update(&bytes);
        at += bytes.len() as u64;
    }
    Ok(running.digest())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn the_last_line_is_found_however_long() {
        let mut bytes = b"one\n".to_vec();
        bytes.extend(vec![b'x'; 3 * STEP as usize]);
        let log = file(&bytes);
        assert_eq!(last_line_end(&log, 0, bytes.len() as u64).unwrap(), Some(4));
        assert_eq!(last_line_end(&log, 4, bytes.len() as u64).unwrap(), None);
        assert_eq!(last_line_end(&log, 0, 3).unwrap(), None);
        assert_eq!(last_line_end(&log, 0, 0).unwrap(), None);
        assert!(last_line_end(&log, 0, bytes.len() as u64 + 1).is_err());
    }

    #[test]
    fn a_piece_ends_with_a_line_unless_the_line_is_too_long() {
        let mut bytes = vec![b'x'; SEGMENT as usize - 10];
        bytes.push(b'\n');
        bytes.extend(vec![b'y'; SEGMENT as usize + 10]);
        bytes.push(b'\n');
        let log = file(&bytes);
        let size = bytes.len() as u64;
        assert_eq!(next_piece(&log, 0, size).unwrap().len() as u64, SEGMENT - 9);
        assert_eq!(next_piece(&log, SEGMENT - 9, size).unwrap().len() as u64, SEGMENT);
        assert_eq!(next_piece(&log, 2 * SEGMENT - 9, size).unwrap(), b"yyyyyyyyyy\n");
    }

    #[test]
    fn the_hash_in_blocks_is_the_hash() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 253) as u8).collect();
        let log = file(&bytes);
        assert_eq!(hash(&log, 2_500_001).unwrap(), Digest::of(&bytes[..2_500_001]));
        let (first, last) = windows(&log, 70_000).unwrap();
        assert_eq!(first, Digest::of(&bytes[..WINDOW as usize]));
        assert_eq!(last, Digest::of(&bytes[70_000 - WINDOW as usize..70_000]));
    }
}
