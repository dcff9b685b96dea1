//! The second half of a scan: files whose stamps do not vouch for them are read, or recognised.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::ops::Bound;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use ubos_core::entry::{Base, Changes, Digest, Entry, Observation, Problem, State};
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;

use super::digest::{self, Hashed, PIECE};
use super::walk::{HashJob, Walked};
use super::{Evidence, ScanRequest, ScanResult, half_written};
use crate::clock;
use crate::fs::atomic::read_full_at;
use crate::fs::{Stamp, open_file_in};
use crate::state::record::Record;

/// Files above this length are hashed with all threads, one file after the other.
const LARGE: u64 = 32 << 20;
/// How often a file that changes while it is read is tried.
const ATTEMPTS: usize = 3;

/// What became of one job.
struct Settled {
    state: State,
    prefix: Option<Digest>,
    evidence: Option<Evidence>,
}

/// Hashes what has to be hashed and compares it with the baseline.
pub(super) fn settle(request: &ScanRequest<'_>, walked: Walked) -> ScanResult {
    let moved = Moved::new(&walked.vanished);
    let (large, small): (Vec<_>, Vec<_>) =
        walked.jobs.into_iter().partition(|job| job.stamp.size > LARGE);
    let Walked { scanned, closed, .. } = walked;
    let mut result = ScanResult { scanned, closed, ..ScanResult::default() };
    result.changes.extend(walked.changes);
    let untracked = walked.untracked;
    for (job, settled) in settle_in_parallel(request, &moved, &small) {
        record(&mut result, job, settled);
    }
    for job in &large {
        let settled = settle_one(request, &moved, job, request.threads);
        record(&mut result, job, settled);
    }
    leave_out_bare_folders(&mut result.changes, &untracked);
    result
}

/// A new folder that holds nothing but content that takes no part is no folder to be synced: what
/// remains of a folder deleted on the other side would come back there, empty.
fn leave_out_bare_folders(changes: &mut Changes, untracked: &BTreeSet<Box<[u8]>>) {
    if untracked.is_empty() {
        return;
    }
    let is_new = |seen: &Observation| seen.state == State::Present(Entry::Dir);
    let folders: Vec<RelPath> =
        changes.iter().filter(|(_, seen)| is_new(seen)).map(|(path, _)| path.clone()).collect();
    let mut bare: BTreeSet<RelPath> = BTreeSet::new();
    for folder in folders.into_iter().rev() {
        let start = [folder.as_bytes(), b"/"].concat();
        let inside = || {
            let from = changes.range::<[u8], _>((Bound::Included(&start[..]), Bound::Unbounded));
            from.take_while(|(path, _)| path.starts_with(&start))
        };
        let holds_something =
            inside().any(|(path, seen)| !seen.state.is_absent() && !bare.contains(path));
        let holds_bare = inside().any(|(path, _)| bare.contains(path));
        if !holds_something && (untracked.contains(folder.as_bytes()) || holds_bare) {
            bare.insert(folder);
        }
    }
    changes.retain(|path, _| !bare.contains(path));
}

/// Files whose paths vanished, by inode: a folder rename leaves inode and all times as they were.
struct Moved<'a>(HashMap<u64, &'a Record>);

impl<'a> Moved<'a> {
    fn new(vanished: &'a [Record]) -> Self {
        Self(vanished.iter().filter_map(|r| Some((r.stamp?.ino, r))).collect())
    }

    fn find(&self, stamp: &Stamp) -> Option<&'a Record> {
        self.0.get(&stamp.ino).copied().filter(|record| record.stamp == Some(*stamp))
    }
}

fn settle_in_parallel<'j>(
    request: &ScanRequest<'_>,
    moved: &Moved<'_>,
    jobs: &'j [HashJob],
) -> Vec<(&'j HashJob, Settled)> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let threads = request.threads.clamp(1, jobs.len().div_ceil(8).max(1));
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut mine = Vec::new();
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        mine.push((job, settle_one(request, moved, job, 1)));
                    }
                    mine
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a hashing thread does not panic"))
            .collect()
    })
}

fn settle_one(
    request: &ScanRequest<'_>,
    moved: &Moved<'_>,
    job: &HashJob,
    threads: usize,
) -> Settled {
    if !request.verify {
        if let Some(evidence) = request.seen.get(&job.path, &job.stamp)
            && let Ok(prefix) = known_prefix(request, job, evidence)
        {
            return Settled::file(evidence.clone(), prefix);
        }
        if let Some(record) = moved.find(&job.stamp)
            && let Some(Entry::File { digest, size, .. }) = record.row.base.entry()
        {
            let evidence = Evidence {
                stamp: job.stamp,
                digest: *digest,
                size: *size,
                pieces: record.pieces.clone(),
                racy: false,
            };
            return Settled::file(evidence, None);
        }
    }
    for _ in 0..ATTEMPTS {
        match read_once(request, job, threads) {
            Ok(Some(settled)) => return settled,
            Ok(None) => {}
            Err(error) => return Settled::problem(&error),
        }
    }
    Settled::busy()
}

impl Settled {
    fn busy() -> Self {
        Self { state: State::Problem(Problem::Busy), prefix: None, evidence: None }
    }

    fn file(evidence: Evidence, prefix: Option<Digest>) -> Self {
        let entry = Entry::File {
            digest: evidence.digest,
            size: evidence.size,
            exec: evidence.stamp.exec(),
        };
        Self { state: State::Present(entry), prefix, evidence: Some(evidence) }
    }

    fn problem(error: &io::Error) -> Self {
        let busy = matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
        );
        let problem = if busy { Problem::Busy } else { Problem::Unreadable };
        Self { state: State::Problem(problem), prefix: None, evidence: None }
    }
}

/// Of a log that grew and could not be carried on since: the hash of as much as was agreed on.
/// Without it the log would look as if it were another one.
fn known_prefix(
    request: &ScanRequest<'_>,
    job: &HashJob,
    evidence: &Evidence,
) -> io::Result<Option<Digest>> {
    let log = request.log_source && job.direction == Direction::AppendOnly;
    let agreed = base_size(job.record.as_ref()).filter(|agreed| log && *agreed < evidence.size);
    let Some(agreed) = agreed else { return Ok(None) };
    let parent = request.root.open_parent(&job.path)?;
    let (fd, _) = open_file_in(parent.as_fd(), job.path.name())?;
    digest::prefix(fd.as_fd(), &evidence.pieces, agreed).map(Some)
}

/// Reads a file once; `None` if it changed meanwhile.
fn read_once(
    request: &ScanRequest<'_>,
    job: &HashJob,
    threads: usize,
) -> io::Result<Option<Settled>> {
    let parent = request.root.open_parent(&job.path)?;
    let begun = clock::now_ns();
    let (fd, stat) = open_file_in(parent.as_fd(), job.path.name())?;
    let stamp = Stamp::of(&stat);
    let log = request.log_source && job.direction == Direction::AppendOnly;
    let size = if log { whole_lines(fd.as_fd(), stamp.size)? } else { stamp.size };
    let hashed = match job.record.as_ref().filter(|_| log && !request.verify) {
        Some(record) => match extend_known(fd.as_fd(), record, &stamp, size)? {
            Some(hashed) => hashed,
            None => digest::hash_file(fd.as_fd(), size, threads)?,
        },
        None => digest::hash_file(fd.as_fd(), size, threads)?,
    };
    let prefix = match base_size(job.record.as_ref()) {
        Some(length) if length < size => Some(digest::prefix(fd.as_fd(), &hashed.pieces, length)?),
        _ => None,
    };
    let after = Stamp::of(&rustix::fs::fstat(&fd)?);
    let steady =
        if log { after.ino == stamp.ino && after.size >= stamp.size } else { after == stamp };
    if !steady {
        return Ok(None);
    }
    let Hashed { digest, size, pieces } = hashed;
    let racy = stamp.is_racy(begun);
    let settled = Settled::file(Evidence { stamp, digest, size, pieces, racy }, prefix);
    let is_agreed = job.record.as_ref().is_some_and(|r| r.row.base.equals(&settled.state));
    if !is_agreed && half_written::may_be(&job.path) && half_written::is(fd.as_fd(), &stamp, begun)?
    {
        return Ok(Some(Settled::busy()));
    }
    Ok(Some(settled))
}

fn base_size(record: Option<&Record>) -> Option<u64> {
    match record?.row.base {
        Base::Known(Entry::File { size, .. }) => Some(size),
        _ => None,
    }
}

/// Continues a log from its known pieces. The last known piece is read again as a check: an
/// append-only file whose last 4 MiB are as they were is taken to be only grown (the regular
/// re-hash of the whole tree finds the rest).
fn extend_known(
    fd: BorrowedFd<'_>,
    record: &Record,
    stamp: &Stamp,
    size: u64,
) -> io::Result<Option<Hashed>> {
    let (Some(known_size), Some(known)) = (base_size(Some(record)), record.stamp) else {
        return Ok(None);
    };
    if record.pieces.is_empty() || known.ino != stamp.ino || size < known_size {
        return Ok(None);
    }
    let last = record.pieces.len() as u64 - 1;
    if digest::piece(fd, last, known_size)? != record.pieces[last as usize] {
        return Ok(None);
    }
    digest::extend(fd, &record.pieces, known_size, size).map(Some)
}

/// The length of the first `size` bytes up to and with their last newline.
fn whole_lines(fd: BorrowedFd<'_>, size: u64) -> io::Result<u64> {
    const STEP: u64 = 64 << 10;
    let mut end = size;
    let mut buffer = vec![0u8; STEP as usize];
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let part = &mut buffer[..(end - start) as usize];
        if read_full_at(fd, part, start)? != part.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(place) = part.iter().rposition(|&b| b == b'\n') {
            return Ok(start + place as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn record(result: &mut ScanResult, job: &HashJob, settled: Settled) {
    let base = job.record.as_ref().map(|record| &record.row.base);
    let unchanged = base.is_some_and(|base| base.equals(&settled.state));
    if unchanged && let Some(evidence) = &settled.evidence {
        let stamp = (!evidence.racy).then_some(evidence.stamp);
        let pieces = evidence.pieces.clone();
        debug_assert!(evidence.size <= PIECE || !pieces.is_empty());
        if job.record.as_ref().is_some_and(|r| r.stamp != stamp || r.pieces != pieces) {
            result.refreshed.push((job.path.clone(), stamp, pieces));
        }
    }
    if !unchanged {
        let observation = Observation {
            state: settled.state,
            mtime: Some(job.stamp.mtime_parts()),
            mode: job.stamp.permissions(),
            prefix: settled.prefix,
        };
        result.changes.insert(job.path.clone(), observation);
    }
    if let Some(evidence) = settled.evidence {
        result.evidence.insert(job.path.clone(), evidence);
    }
}
