//! The receiving half: fills staging and hashes what arrived. Only what equals the plan is kept as
//! usable; whatever moved the bytes is not believed.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ubos_core::entry::Entry;

use super::ContentSink;
use crate::agent::content::{Begin, Form, NoSpace, Resume, Slot, StageResult, Want};
use crate::apply;
use crate::error::{EngineError, Result};
use crate::fs::atomic::{read_full_at, write_all_at};
use crate::fs::{Root, Stamp, platform};
use crate::scanner::Evidence;
use crate::scanner::digest::{self, Hashed, StreamHasher};
use crate::staging::{Leftovers, Staging};
use crate::state::StateDir;

/// Partial content below this length is not worth taking up.
const MIN_RESUME: u64 = 256 << 10;
/// Threads for hashing a large received file.
const THREADS: usize = 2;

/// Looks at what is wanted: what is already here from an earlier run, what there is no space for if
/// `reserve` bytes (of the file system's capacity) are to stay free.
///
/// # Errors
/// What the system says.
pub fn prepare(
    state: &StateDir,
    staging: &Staging,
    wants: &[Want],
    reserve: &dyn Fn(u64) -> u64,
) -> Result<Vec<Resume>> {
    let failed = |e: rustix::io::Errno| EngineError::io("look at", state.path("staging"), e);
    let space = rustix::fs::fstatvfs(staging.fd()).map_err(failed)?;
    let reserve = reserve(space.f_blocks.saturating_mul(space.f_frsize));
    let mut free = space.f_bavail.saturating_mul(space.f_frsize).saturating_sub(reserve);
    let mut leftovers = Leftovers::find(state, staging.run())?;
    let mut answers = Vec::with_capacity(wants.len());
    for want in wants {
        let need = want.entry.size() - want.tail_from.unwrap_or(0).min(want.entry.size());
        let name = Staging::name(want.slot, &want.entry);
        let have = match want.tail_from {
            None => leftovers.take(&want.entry, staging, &name),
            Some(_) => 0,
        };
        let have = if have < MIN_RESUME && have < want.entry.size() { 0 } else { have };
        let needed = need - have.min(need);
        let refused = (needed > free).then_some(NoSpace { needed, free, reserve });
        if refused.is_none() {
            free -= needed;
        }
        answers.push(Resume { slot: want.slot, have, refused });
    }
    Ok(answers)
}

/// Gives the known pieces of this side's copy of a log.
pub type PiecesOfLog<'a> = Box<dyn Fn(&Want) -> digest::Pieces + 'a>;

/// A sink that writes into staging.
pub struct StageSink<'a> {
    root: &'a Root,
    staging: &'a Staging,
    wants: BTreeMap<Slot, Want>,
    staged: &'a mut BTreeMap<Slot, Evidence>,
    pieces_of_log: PiecesOfLog<'a>,
    current: Option<Current>,
    results: &'a mut Vec<StageResult>,
}

struct Current {
    begin: Begin,
    entry: Entry,
    fd: io::Result<OwnedFd>,
    hasher: Option<StreamHasher>,
    at: u64,
}

impl<'a> StageSink<'a> {
    /// A sink for `wants`; evidence of what arrives goes to `staged`, what became of each
    /// to `results`. `pieces_of_log` gives the known pieces of this side's copy of a log that is to grow.
    pub fn new(
        root: &'a Root,
        staging: &'a Staging,
        wants: Vec<Want>,
        staged: &'a mut BTreeMap<Slot, Evidence>,
        pieces_of_log: PiecesOfLog<'a>,
        results: &'a mut Vec<StageResult>,
    ) -> Self {
        let wants = wants.into_iter().map(|want| (want.slot, want)).collect();
        Self { root, staging, wants, staged, pieces_of_log, current: None, results }
    }

    fn open(&self, want: &Want, begin: &Begin) -> io::Result<(OwnedFd, Option<StreamHasher>, u64)> {
        let name = Staging::name(want.slot, &want.entry);
        let size = want.entry.size();
        let mode = apply::mode_for_new(begin.mode, want.entry.exec() == Some(true));
        match begin.form {
            Form::Whole { from } => {
                let fd = self.staging.open_for_writing(&name, mode, from == 0)?;
                let mut hasher = StreamHasher::new(size);
                feed(&mut hasher, &fd, from)?;
                Ok((fd, Some(hasher), from))
            }
            Form::Tail { from } => {
                let fd = self.staging.open_for_writing(&name, mode, true)?;
                let hasher = self.seed_from_log(want, from, size)?;
                Ok((fd, Some(hasher), 0))
            }
            Form::Patch => {
                let fd = self.staging.open_for_writing(&name, mode, true)?;
                let (basis, stat) = self.root.open_file(&want.path)?;
                if platform::clone_file(basis.as_fd(), fd.as_fd()).is_err() {
                    let length = (stat.st_size as u64).min(size);
                    while_syncing(&fd, length, || {
                        platform::copy_bytes(basis.as_fd(), fd.as_fd(), length)
                    })?;
                }
                rustix::fs::ftruncate(&fd, size)?;
                Ok((fd, None, 0))
            }
        }
    }

    /// A hasher that has already taken the first `from` bytes of this side's log: from its known
    /// pieces as far as they go, the rest by reading.
    fn seed_from_log(&self, want: &Want, from: u64, size: u64) -> io::Result<StreamHasher> {
        let (log, _) = self.root.open_file(&want.path)?;
        let mut hasher = StreamHasher::with_pieces(size, (self.pieces_of_log)(want), from);
        let start = hasher.done();
        feed_range(&mut hasher, &log, start, from)?;
        Ok(hasher)
    }

    fn settle(&mut self, current: Current, whole: bool) -> io::Result<Option<String>> {
        let fd = current.fd?;
        if !whole {
            return Ok(Some("changed-while-read".into()));
        }
        let size = current.entry.size();
        let hashed = match current.hasher {
            Some(hasher) => hasher.finish(),
            None => {
                Some(while_syncing(&fd, size, || digest::hash_file(fd.as_fd(), size, THREADS))?)
            }
        };
        let tail_from = match current.begin.form {
            Form::Tail { from } => from,
            Form::Whole { .. } | Form::Patch => 0,
        };
        let length = Stamp::of(&rustix::fs::fstat(&fd)?).size;
        let Some(Hashed { digest, size, pieces }) = hashed
            .filter(|h| Some(h.digest) == current.entry.digest() && length + tail_from == h.size)
        else {
            return Ok(Some("changed-while-read".into()));
        };
        let mtime = current.begin.mtime;
        apply::set_mtime(
            fd.as_fd(),
            mtime.div_euclid(1_000_000_000),
            mtime.rem_euclid(1_000_000_000) as u32,
        )?;
        let stamp = Stamp::of(&rustix::fs::fstat(&fd)?);
        let evidence = Evidence { stamp, digest, size, pieces, racy: false };
        self.staged.insert(current.begin.slot, evidence);
        Ok(None)
    }
}

impl ContentSink for StageSink<'_> {
    fn begin(&mut self, begin: &Begin) -> Result<()> {
        let Some(want) = self.wants.get(&begin.slot) else {
            return Err(EngineError::unreachable("the peer sent content that nobody asked for"));
        };
        let entry = want.entry.clone();
        let (fd, hasher, at) = match self.open(want, begin) {
            Ok((fd, hasher, at)) => (Ok(fd), hasher, at),
            Err(error) => (Err(error), None, 0),
        };
        self.current = Some(Current { begin: begin.clone(), entry, fd, hasher, at });
        Ok(())
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        if let Some(current) = &mut self.current {
            current.at = offset;
            if current.hasher.is_some() {
                // What is hashed as it comes must come in order.
                current.fd = Err(io::Error::other("content-out-of-order"));
            }
        }
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let Ok(fd) = &current.fd else { return Ok(()) };
        if current.at.saturating_add(bytes.len() as u64) > current.entry.size() {
            current.fd = Err(io::Error::other("more-content-than-announced"));
            return Ok(());
        }
        if let Err(error) = write_all_at(fd.as_fd(), bytes, current.at) {
            current.fd = Err(error);
            return Ok(());
        }
        current.at += bytes.len() as u64;
        if let Some(hasher) = &mut current.hasher {
            hasher.update(bytes);
        }
        Ok(())
    }

    fn end(&mut self, whole: bool) -> Result<()> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let slot = current.begin.slot;
        let failed =
            self.settle(current, whole).unwrap_or_else(|error| Some(apply::reason(&error)));
        self.wants.remove(&slot);
        self.results.push(StageResult { slot, failed });
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let missing = std::mem::take(&mut self.wants);
        let failed = Some("not-sent".to_owned());
        self.results
            .extend(missing.into_keys().map(|slot| StageResult { slot, failed: failed.clone() }));
        Ok(())
    }
}

/// Checks content that is already staged whole from an earlier run.
///
/// # Errors
/// What reading says.
pub fn accept_leftover(staging: &Staging, want: &Want) -> io::Result<Option<Evidence>> {
    let name = Staging::name(want.slot, &want.entry);
    let fd = staging.open_for_writing(&name, 0o600, false)?;
    let hashed = digest::hash_file(fd.as_fd(), want.entry.size(), THREADS)?;
    let stamp = Stamp::of(&rustix::fs::fstat(&fd)?);
    if Some(hashed.digest) != want.entry.digest() || stamp.size != want.entry.size() {
        return Ok(None);
    }
    let Hashed { digest, size, pieces } = hashed;
    Ok(Some(Evidence { stamp, digest, size, pieces, racy: false }))
}

/// Does `work` while a large file is already being written to the disk: otherwise all of it waits
/// for the one sync before the commit. Whether it is durable is for that sync to say.
fn while_syncing<T>(
    file: &OwnedFd,
    size: u64,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    const LARGE: u64 = 256 << 20;
    if size < LARGE {
        return work();
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                let _ = platform::sync_file(file);
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}

fn feed(hasher: &mut StreamHasher, fd: &OwnedFd, length: u64) -> io::Result<()> {
    feed_range(hasher, fd, 0, length)
}

fn feed_range(hasher: &mut StreamHasher, fd: &OwnedFd, start: u64, end: u64) -> io::Result<()> {
    let mut buffer = vec![0u8; (1 << 20).min((end - start.min(end)) as usize)];
    let mut at = start;
    while at < end {
        let want = (end - at).min(buffer.len() as u64) as usize;
        if read_full_at(fd.as_fd(), &mut buffer[..want], at)? != want {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..want]);
        at += want as u64;
    }
    Ok(())
}
