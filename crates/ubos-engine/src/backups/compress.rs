//! Compressing sealed logs that are old. It takes seconds for a large one, so it belongs to no run: a
//! timer's duties, the idle time of a watch, or the time after a report.
//!
//! It keeps every byte: the frame (`NAME.RUN.lz4`, readable by the common tool too) is made beside the
//! log, synced, read back and compared by hash before the log itself goes. Cut off at any step, both
//! or the log alone are left, and the log counts. The territory is locked for the exchange alone.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use lz4_flex::frame::{BlockMode, FrameEncoder, FrameInfo};
use rustix::fs::{AtFlags, FileType};
use serde_json::{Map, Value};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::sealed::{COMPRESSED, Name, copy, read_back};
use super::{SEALED, walk_sealed};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::open_file_in;
use crate::fs::{Stamp, atomic, platform, stat_in};
use crate::state::StateDir;
use crate::state::audit::Audit;
use crate::state::config::Config;
use crate::state::lock::Lock;

/// The name of a frame that is not finished.
const UNFINISHED: &str = ".unfinished.lz4";
/// Bytes of logs that one call begins to compress at most, besides the first.
const SHARE: u64 = 256 << 20;
/// So many times the lock is asked for, of which each waits for a moment, until the log stays as it is.
const ATTEMPTS: u32 = 20;

/// What was compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compressed {
    /// Logs.
    pub logs: u64,
    /// Bytes that they no longer take.
    pub saved: i64,
}

/// A sealed log whose time has come.
struct Old {
    dir: OwnedFd,
    path: RelPath,
    stamp: Stamp,
}

/// Whether a sealed log waits to be compressed, as the configuration has it.
///
/// # Errors
/// What the system says of the folder.
pub fn is_due(state: &StateDir, config: &Config, now: i64) -> Result<bool> {
    Ok(!old(state, config, now)?.is_empty())
}

/// Compresses the sealed logs that the configuration wants to be, as long as the disk has room; `now`
/// in seconds since 1970. What cannot be compressed stays as it is, for a later call, and so does all
/// while another process is at it.
///
/// # Errors
/// What the system says of the folder or the log.
pub fn compress(state: &StateDir, config: &Config, now: i64) -> Result<Compressed> {
    let mut done = Compressed::default();
    let old = old(state, config, now)?;
    if old.is_empty() {
        return Ok(done);
    }
    let _alone = match Lock::take_compressing(state) {
        Err(EngineError::Locked { .. }) => return Ok(done),
        lock => lock?,
    };
    let mut begun = 0;
    for log in old {
        if begun >= SHARE {
            break;
        }
        begun += log.stamp.size;
        if !has_room(&log.dir, log.stamp.size, config) {
            continue;
        }
        let Ok(frame) = make_frame(&log.dir, log.path.name()) else {
            drop_frame(&log.dir);
            continue;
        };
        let Some(_lock) = patiently(state, config)? else {
            drop_frame(&log.dir);
            break;
        };
        match frame.exchange() {
            Ok(Some(size)) => {
                let mut audit = Audit::open(state)?;
                audit.note(&clock::run_id(), record(&log.path, &frame, size));
                audit.sync()?;
                done.logs += 1;
                done.saved += log.stamp.size.cast_signed().saturating_sub(size.cast_signed());
            }
            Ok(None) => {}
            Err(_) => drop_frame(&log.dir),
        }
    }
    Ok(done)
}

/// The sealed logs whose time has come.
fn old(state: &StateDir, config: &Config, now: i64) -> Result<Vec<Old>> {
    let mut found = Vec::new();
    let Some(age) = config.compress_sealed_after() else { return Ok(found) };
    let before = now.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    let walked = walk_sealed(state, &mut |dir, path, stat| {
        let stamp = Stamp::of(stat);
        let is_old = Name::of(path.name())
            .filter(|name| !name.compressed)
            .and_then(|name| clock::run_time(name.run))
            .is_some_and(|time| time < before);
        if is_old && stamp.file_type() == FileType::RegularFile {
            found.push(Old { dir: dir.try_clone()?, path: path.clone(), stamp });
        }
        Ok(())
    });
    walked.map_err(|e| EngineError::io("look through", state.path(SEALED), e))?;
    Ok(found)
}

/// The lock of the territory, once no run holds it; `None` if one holds it for long.
fn patiently(state: &StateDir, config: &Config) -> Result<Option<Lock>> {
    for _ in 0..ATTEMPTS {
        match Lock::take(state, &config.name) {
            Err(EngineError::Locked { .. }) => {}
            lock => return lock.map(Some),
        }
    }
    Ok(None)
}

fn record(path: &RelPath, frame: &Frame<'_>, size: u64) -> Map<String, Value> {
    let fields: [(&str, Value); 5] = [
        ("event", "compressed".into()),
        ("sealed", path.to_string().into()),
        ("hash", frame.digest.to_hex().into()),
        ("bytes", frame.stamp.size.into()),
        ("compressed_bytes", size.into()),
    ];
    fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}

/// A frame is at worst a little larger than what is in it.
fn has_room(dir: &OwnedFd, size: u64, config: &Config) -> bool {
    let Ok(space) = rustix::fs::fstatvfs(dir) else { return false };
    let reserve = config.min_free_space(space.f_blocks.saturating_mul(space.f_frsize));
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    size.saturating_add(size / 64).saturating_add(reserve) < free
}

/// What is left unfinished is only in the way of nobody.
fn drop_frame(dir: &OwnedFd) {
    let _ = rustix::fs::unlinkat(dir, UNFINISHED, AtFlags::empty());
}

/// A frame that was read back and found to hold the whole log, beside it under another name.
struct Frame<'a> {
    dir: &'a OwnedFd,
    name: &'a [u8],
    /// The log's.
    stamp: Stamp,
    digest: Digest,
}

fn make_frame<'a>(dir: &'a OwnedFd, name: &'a [u8]) -> io::Result<Frame<'a>> {
    let (log, stat) = open_file_in(dir.as_fd(), name)?;
    let stamp = Stamp::of(&stat);
    let frame = atomic::create(dir.as_fd(), UNFINISHED)?;
    let (digest, length) = write_frame(&log, &frame)?;
    let (seconds, nanoseconds) = stamp.mtime_parts();
    crate::apply::keep_attributes(&log, &frame)?;
    crate::apply::set_mtime(frame.as_fd(), seconds, nanoseconds)?;
    platform::sync_file(&frame)?;
    if read_back(dir, UNFINISHED.as_bytes())? != (digest, length) || length != stamp.size {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Frame { dir, name, stamp, digest })
}

impl Frame<'_> {
    /// Puts it in the place of the log; its length, or `None` if the log changed meanwhile or
    /// another frame stands in the way.
    fn exchange(&self) -> io::Result<Option<u64>> {
        let Frame { dir, name, stamp, digest } = self;
        let finished = [name, COMPRESSED].concat();
        let unfinished = UNFINISHED.as_bytes();
        match platform::rename_noreplace(dir.as_fd(), unfinished, dir.as_fd(), &finished) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                // From a call that was cut off just before the log would have gone.
                rustix::fs::unlinkat(dir, UNFINISHED, AtFlags::empty())?;
                if read_back(dir, &finished)? != (*digest, stamp.size) {
                    return Ok(None);
                }
            }
            Err(e) => return Err(e),
        }
        platform::sync_file(dir)?;
        // RACE: who still holds the log open could write to it just now; it was sealed long ago.
        let now = stat_in(dir.as_fd(), name)?.map(|stat| Stamp::of(&stat));
        if now != Some(*stamp) {
            return Ok(None);
        }
        rustix::fs::unlinkat(dir, *name, AtFlags::empty())?;
        platform::sync_file(dir)?;
        Ok(stat_in(dir.as_fd(), &finished)?.map(|stat| Stamp::of(&stat).size))
    }
}

/// Writes all of `log` into `frame`; returns the hash and the length of what was read.
fn write_frame(log: &OwnedFd, frame: &OwnedFd) -> io::Result<(Digest, u64)> {
    let info = FrameInfo::new().block_mode(BlockMode::Linked).content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, File::from(frame.try_clone()?));
    let read = copy(File::from(log.try_clone()?), &mut encoder)?;
    encoder.finish().map_err(io::Error::other)?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, OwnedFd) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = File::open(temporary.path()).unwrap().into();
        (temporary, dir)
    }

    fn compress_one(dir: &OwnedFd) -> Option<u64> {
        make_frame(dir, b"log").unwrap().exchange().unwrap()
    }

    #[test]
    fn a_compressed_log_holds_every_byte_and_takes_the_place_of_the_log() {
        let (temporary, dir) = folder();
        let text = "{\"line\":1}\n".repeat(300_000);
        std::fs::write(temporary.path().join("log"), &text).unwrap();
        let frame = make_frame(&dir, b"log").unwrap();
        let size = frame.exchange().unwrap().unwrap();
        let digest = frame.digest;
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
            compress_one(&dir).unwrap();
            std::fs::write(at("log"), "the log").unwrap();
            std::fs::write(at(".unfinished.lz4"), "half").unwrap();
            assert_eq!(compress_one(&dir).is_some(), goes);
            assert_eq!(at("log").exists(), !goes);
            assert!(at("log.lz4").exists() && !at(".unfinished.lz4").exists());
        }
    }

    #[test]
    fn a_damaged_frame_is_noticed() {
        let (temporary, dir) = folder();
        std::fs::write(temporary.path().join("log"), "some content of a log\n".repeat(50)).unwrap();
        compress_one(&dir).unwrap();
        let at = temporary.path().join("log.lz4");
        let mut bytes = std::fs::read(&at).unwrap();
        let middle = bytes.len() - 6;
        bytes[middle] ^= 1;
        std::fs::write(&at, bytes).unwrap();
        assert!(read_back(&dir, b"log.lz4").is_err());
    }
}
