//! Sealed logs: the copies of logs that were rotated or cut at their source, in `.ubos-sync/sealed/`,
//! each as `NAME.RUN` below the folders of its path. They never expire; old ones can be compressed.
//!
//! Compressing keeps every byte: the frame (`NAME.RUN.lz4`, readable by the common tool too) is made
//! beside the log, synced, read back and compared by hash before the log itself goes. Cut off at any
//! step, both or the log alone are left, and the log counts.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use lz4_flex::frame::{BlockMode, FrameDecoder, FrameEncoder, FrameInfo};
use rustix::fs::{AtFlags, FileType};
use serde_json::{Map, Value};

use ubos_core::entry::Digest;
use ubos_core::path::{RelPath, escape_bytes};

use super::{Place, SEALED, walk_below};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::{Stamp, atomic, list, open_file_in, platform, stat_in};
use crate::state::{PRIVATE, StateDir};

/// What a compressed log's name ends with.
pub(super) const COMPRESSED: &[u8] = b".lz4";
/// The name of a frame that is not finished.
const UNFINISHED: &[u8] = b".unfinished.lz4";
/// Bytes of logs that one run begins to compress at most, besides the first.
const SHARE: u64 = 256 << 20;
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
struct Name<'n> {
    log: &'n [u8],
    run: &'n str,
    number: u32,
    compressed: bool,
}

impl<'n> Name<'n> {
    fn of(name: &'n [u8]) -> Option<Self> {
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

/// Compresses the sealed logs that are older than `age`, as long as `reserve` bytes stay free;
/// `now` in seconds since 1970. What cannot be compressed stays as it is, for a later run. Returns
/// what the log says of it.
///
/// # Errors
/// What the system says of the folder.
pub fn compress(
    state: &StateDir,
    age: Duration,
    reserve: u64,
    now: i64,
) -> Result<Vec<Map<String, Value>>> {
    let before = now.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    let mut records = Vec::new();
    let mut begun = 0;
    let Some(top) = state.existing_folder(SEALED)? else { return Ok(records) };
    let walked = walk_below(&top, b"", &mut |dir, path, stat| {
        let stamp = Stamp::of(stat);
        let old = Name::of(path.name())
            .filter(|name| !name.compressed)
            .and_then(|name| clock::run_time(name.run))
            .is_some_and(|time| time < before);
        if !old || stamp.file_type() != FileType::RegularFile || begun >= SHARE {
            return Ok(());
        }
        begun += stamp.size;
        if !has_room(dir, stamp.size, reserve) {
            return Ok(());
        }
        match compress_one(dir, path.name()) {
            Ok(Some((digest, size))) => records.push(record(path, digest, stamp.size, size)),
            Ok(None) => {}
            Err(_) => {
                let _ = rustix::fs::unlinkat(dir, UNFINISHED, AtFlags::empty());
            }
        }
        Ok(())
    });
    walked.map_err(|e| EngineError::io("look through", state.path(SEALED), e))?;
    Ok(records)
}

fn record(path: &RelPath, digest: Digest, bytes: u64, compressed: u64) -> Map<String, Value> {
    let fields: [(&str, Value); 5] = [
        ("event", "compressed".into()),
        ("sealed", path.to_string().into()),
        ("hash", digest.to_hex().into()),
        ("bytes", bytes.into()),
        ("compressed_bytes", compressed.into()),
    ];
    fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}

/// A frame is at worst a little larger than what is in it.
fn has_room(dir: &OwnedFd, size: u64, reserve: u64) -> bool {
    let Ok(space) = rustix::fs::fstatvfs(dir) else { return false };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    size.saturating_add(size / 64).saturating_add(reserve) < free
}

/// Puts a frame in the place of the log `name`; returns the log's hash and the frame's length.
/// `None` if the log changed meanwhile, or if another frame stands in the way.
fn compress_one(dir: &OwnedFd, name: &[u8]) -> io::Result<Option<(Digest, u64)>> {
    let (log, stat) = open_file_in(dir.as_fd(), name)?;
    let stamp = Stamp::of(&stat);
    let unfinished = std::str::from_utf8(UNFINISHED).expect("a constant");
    let frame = atomic::create(dir.as_fd(), unfinished)?;
    let (digest, length) = write_frame(&log, &frame)?;
    let (seconds, nanoseconds) = stamp.mtime_parts();
    crate::apply::keep_attributes(&log, &frame)?;
    crate::apply::set_mtime(frame.as_fd(), seconds, nanoseconds)?;
    platform::sync_file(&frame)?;
    let finished = [name, COMPRESSED].concat();
    if read_back(dir, UNFINISHED)? != (digest, length) || length != stamp.size {
        return Err(io::ErrorKind::InvalidData.into());
    }
    match platform::rename_noreplace(dir.as_fd(), UNFINISHED, dir.as_fd(), &finished) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            // From a run that was cut off just before the log would have gone.
            rustix::fs::unlinkat(dir, UNFINISHED, AtFlags::empty())?;
            if read_back(dir, &finished)? != (digest, length) {
                return Ok(None);
            }
        }
        Err(e) => return Err(e),
    }
    platform::sync_file(dir)?;
    // RACE: who still holds the log open could write to it just now; it was sealed long ago.
    let now = stat_in(dir.as_fd(), name)?.map(|stat| Stamp::of(&stat));
    if now != Some(stamp) {
        return Ok(None);
    }
    rustix::fs::unlinkat(dir, name, AtFlags::empty())?;
    platform::sync_file(dir)?;
    let size = stat_in(dir.as_fd(), &finished)?.map_or(0, |stat| Stamp::of(&stat).size);
    Ok(Some((digest, size)))
}

/// Writes all of `log` into `frame`; returns the hash and the length of what was read.
fn write_frame(log: &OwnedFd, frame: &OwnedFd) -> io::Result<(Digest, u64)> {
    let info = FrameInfo::new().block_mode(BlockMode::Linked).content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, File::from(frame.try_clone()?));
    let read = copy(File::from(log.try_clone()?), &mut encoder)?;
    encoder.finish().map_err(io::Error::other)?;
    Ok(read)
}

fn read_back(dir: &OwnedFd, name: &[u8]) -> io::Result<(Digest, u64)> {
    let (fd, _) = open_file_in(dir.as_fd(), name)?;
    hash(content(fd, true))
}

fn hash(content: impl Read) -> io::Result<(Digest, u64)> {
    copy(content, &mut io::sink())
}

/// Copies all of `from`; returns its hash and its length.
fn copy(mut from: impl Read, to: &mut impl Write) -> io::Result<(Digest, u64)> {
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

    fn folder() -> (tempfile::TempDir, OwnedFd) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = File::open(temporary.path()).unwrap().into();
        (temporary, dir)
    }

    #[test]
    fn a_compressed_log_holds_every_byte_and_takes_the_place_of_the_log() {
        let (temporary, dir) = folder();
        let text = "{\"line\":1}\n".repeat(300_000);
        std::fs::write(temporary.path().join("log"), &text).unwrap();
        let (digest, size) = compress_one(&dir, b"log").unwrap().unwrap();
        assert_eq!(digest, Digest::of(text.as_bytes()));
        assert!(size < text.len() as u64 / 10, "{size}");
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1);
        assert_eq!(read_back(&dir, b"log.lz4").unwrap(), (digest, text.len() as u64));
    }

    #[test]
    fn what_an_earlier_attempt_left_is_finished_or_left_alone() {
        for (left, goes) in [("the log", true), ("something else", false)] {
            let (temporary, dir) = folder();
            let at = |name: &str| temporary.path().join(name);
            std::fs::write(at("log"), left).unwrap();
            compress_one(&dir, b"log").unwrap().unwrap();
            std::fs::write(at("log"), "the log").unwrap();
            std::fs::write(at(".unfinished.lz4"), "half").unwrap();
            assert_eq!(compress_one(&dir, b"log").unwrap().is_some(), goes);
            assert_eq!(at("log").exists(), !goes);
            assert!(at("log.lz4").exists() && !at(".unfinished.lz4").exists());
        }
    }

    #[test]
    fn a_damaged_frame_is_noticed() {
        let (temporary, dir) = folder();
        std::fs::write(temporary.path().join("log"), "some content of a log\n".repeat(50)).unwrap();
        compress_one(&dir, b"log").unwrap().unwrap();
        let at = temporary.path().join("log.lz4");
        let mut bytes = std::fs::read(&at).unwrap();
        let middle = bytes.len() - 6;
        bytes[middle] ^= 1;
        std::fs::write(&at, bytes).unwrap();
        assert!(read_back(&dir, b"log.lz4").is_err());
    }
}
