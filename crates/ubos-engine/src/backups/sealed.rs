//! Sealed logs: the copies of logs that were rotated or cut at their source, in `.ubos-sync/sealed/`,
//! each as `NAME.RUN` below the folders of its path. They never expire; old ones can be compressed, as
//! `compress` says.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use lz4_flex::frame::FrameDecoder;

use ubos_core::entry::Digest;
use ubos_core::path::{RelPath, escape_bytes};

use super::{Place, SEALED};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::{list, open_file_in};
use crate::state::{PRIVATE, StateDir};

/// What a compressed log's name ends with.
pub(super) const COMPRESSED: &[u8] = b".lz4";
/// Length of the id of a run.
const RUN: usize = "20261122T140533.123Z-9f3a".len();

/// One sealed copy of a log.
#[derive(Debug)]
pub struct Part {
    /// The run that sealed it.
    pub run: String,
    /// Which of the same run, from 0.
    pub number: u32,
    /// Whether it is compressed.
    pub compressed: bool,
    place: Place,
}

impl Part {
    /// Where it is, relative to the root.
    pub fn path(&self) -> String {
        escape_bytes(&[&self.place.dir_path[..], b"/", &self.place.name].concat())
    }

    /// Its content as it was sealed. Damage to a compressed one is an error of reading.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(&self) -> io::Result<Box<dyn Read>> {
        let (fd, _) = open_file_in(self.place.dir.as_fd(), &self.place.name)?;
        Ok(content(fd, self.compressed))
    }
}

fn content(fd: OwnedFd, compressed: bool) -> Box<dyn Read> {
    match compressed {
        true => Box::new(FrameDecoder::new(File::from(fd))),
        false => Box::new(File::from(fd)),
    }
}

/// The hash of what was sealed at `place`.
///
/// # Errors
/// What the system says; damage to a compressed one is [`io::ErrorKind::InvalidData`].
pub fn digest(place: &Place) -> io::Result<Digest> {
    let (fd, _) = open_file_in(place.dir.as_fd(), &place.name)?;
    hash(content(fd, place.name.ends_with(COMPRESSED))).map(|(digest, _)| digest)
}

/// Every sealed copy of the log at `path`, the oldest first.
///
/// # Errors
/// What the system says.
pub fn parts(state: &StateDir, path: &RelPath) -> Result<Vec<Part>> {
    let mut dir_path = format!("{PRIVATE}/{SEALED}").into_bytes();
    if !path.parent_bytes().is_empty() {
        dir_path.push(b'/');
        dir_path.extend_from_slice(path.parent_bytes());
    }
    let failed = |e| EngineError::io("list", state.path(SEALED), e);
    let dir = match state.root().open_dir(&dir_path) {
        Ok(dir) => dir,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut parts = Vec::new();
    for entry in list(dir.as_fd()).map_err(failed)? {
        let Some(Name { log, run, number, compressed }) = Name::of(&entry.name) else { continue };
        if log == path.name() {
            let dir = dir.try_clone().map_err(failed)?;
            let place = Place { dir, name: entry.name.to_vec(), dir_path: dir_path.clone() };
            parts.push(Part { run: run.to_owned(), number, compressed, place });
        }
    }
    parts.sort_by(|a, b| (&a.run, a.number, a.compressed).cmp(&(&b.run, b.number, b.compressed)));
    // Where compressing was cut off, the log itself counts.
    parts.dedup_by(|b, a| (&a.run, a.number) == (&b.run, b.number));
    Ok(parts)
}

/// One piece of an assembled log.
#[derive(Debug)]
pub struct Piece {
    /// Where it is, relative to the root.
    pub place: String,
    /// The run that sealed it; `None` for what stands at the path now.
    pub run: Option<String>,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Its hash.
    pub digest: Digest,
}

/// A log that was put together again.
#[derive(Debug)]
pub struct Assembled {
    /// Its pieces, the oldest first.
    pub pieces: Vec<Piece>,
    /// The hash of all of it.
    pub digest: Digest,
}

/// Writes every sealed copy of the log at `path`, the oldest first, and what stands there now, to
/// `to`, byte for byte. Without any of them nothing is written.
///
/// # Errors
/// What reading or writing says. Then `to` may hold a part of it.
pub fn assemble(state: &StateDir, path: &RelPath, to: &mut dyn Write) -> Result<Assembled> {
    let mut to = Hashing { to, hasher: blake3::Hasher::new() };
    let mut pieces = Vec::new();
    let mut add = |place: String, run: Option<String>, from: io::Result<Box<dyn Read>>| {
        let copied = from.and_then(|from| copy(from, &mut to));
        let full = state.root().path().join(&place);
        let (digest, bytes) = copied.map_err(|e| EngineError::io("copy", full, e))?;
        pieces.push(Piece { place, run, bytes, digest });
        Ok(())
    };
    for part in parts(state, path)? {
        add(part.path(), Some(part.run.clone()), part.open())?;
    }
    match state.root().open_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        opened => add(path.to_string(), None, opened.map(|(fd, _)| content(fd, false)))?,
    }
    Ok(Assembled { pieces, digest: Digest(*to.hasher.finalize().as_bytes()) })
}

/// Hashes what passes.
struct Hashing<'a> {
    to: &'a mut dyn Write,
    hasher: blake3::Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What the name of a sealed log says.
pub(super) struct Name<'n> {
    log: &'n [u8],
    /// The run that sealed it.
    pub(super) run: &'n str,
    number: u32,
    /// Whether it is a frame.
    pub(super) compressed: bool,
}

impl<'n> Name<'n> {
    pub(super) fn of(name: &'n [u8]) -> Option<Self> {
        let (name, compressed) = match name.strip_suffix(COMPRESSED) {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (name, number) = match name.strip_suffix(b"~") {
            Some(rest) => {
                let at = rest.windows(2).rposition(|window| window == b".~")?;
                (&rest[..at], std::str::from_utf8(&rest[at + 2..]).ok()?.parse().ok()?)
            }
            None => (name, 0),
        };
        let (log, run) = name.split_at_checked(name.len().checked_sub(RUN)?)?;
        let run = std::str::from_utf8(run).ok()?;
        clock::run_time(run)?;
        Some(Name { log: log.strip_suffix(b".")?, run, number, compressed })
    }
}

pub(super) fn read_back(dir: &OwnedFd, name: &[u8]) -> io::Result<(Digest, u64)> {
    let (fd, _) = open_file_in(dir.as_fd(), name)?;
    hash(content(fd, true))
}

fn hash(content: impl Read) -> io::Result<(Digest, u64)> {
    copy(content, &mut io::sink())
}

/// Copies all of `from`; returns its hash and its length.
pub(super) fn copy(mut from: impl Read, to: &mut impl Write) -> io::Result<(Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        length += read as u64;
    }
    Ok((Digest(*hasher.finalize().as_bytes()), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_sealed_log_tells_its_path_and_run() {
        const RUN: &str = "20261122T140533.123Z-9f3a";
        for (end, number, compressed) in
            [("", 0, false), (".lz4", 0, true), (".~2~", 2, false), (".~12~.lz4", 12, true)]
        {
            let text = format!("day.jsonl.{RUN}{end}");
            let name = Name::of(text.as_bytes()).unwrap();
            assert_eq!((name.log, name.run), (&b"day.jsonl"[..], RUN));
            assert_eq!((name.number, name.compressed), (number, compressed));
        }
        for text in ["day.jsonl", "x", "day.jsonl.lz4", ".unfinished.lz4", "day.20261122"] {
            assert!(Name::of(text.as_bytes()).is_none(), "{text}");
        }
    }
}
