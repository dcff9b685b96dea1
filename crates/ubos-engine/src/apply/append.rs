//! Growing a log in place, so that a `tail -f` on it goes on. The only operation that writes into
//! a live file; it only ever adds behind the agreed end.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Mode, OFlags, Timespec, Timestamps, futimens, openat};

use ubos_core::plan::Operation;

use super::{Applier, Refusal};
use crate::agent::content::Slot;
use crate::agent::message::Outcome;
use crate::failpoint;
use crate::fs::atomic::{read_full_at, write_all};
use crate::fs::{Stamp, platform};
use crate::scanner::{Evidence, digest};
use crate::staging::Staging;

const STEP: usize = 1 << 20;

impl Applier<'_> {
    pub(super) fn append(
        &mut self,
        slot: Slot,
        op: &Operation,
        from: u64,
    ) -> Result<Outcome, Refusal> {
        let (Some(pre), Some(post)) = (&op.pre, &op.post) else { return Err(Refusal::Changed) };
        let length = post.size().checked_sub(from).ok_or(Refusal::Changed)?;
        self.check_staged(slot, post)?;
        let (parent, _) = self.check(&op.path, pre)?;
        // APPEND: whatever somebody else adds in this very moment is not written over. The log then
        // is not what was agreed, and the next run finds that out.
        let flags =
            OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let live = openat(&parent, op.path.name(), flags, Mode::empty())?;
        let before = Stamp::of(&rustix::fs::fstat(&live)?);
        if before.size != from {
            return Err(Refusal::Changed);
        }
        let tail = self.staging.open_for_writing(&Staging::name(slot, post), 0o600, false)?;
        failpoint!("before-append");
        let written = copy_tail(tail.as_fd(), live.as_fd(), length);
        let whole = written.and_then(|()| same_tail(tail.as_fd(), live.as_fd(), from, length));
        let after = Stamp::of(&rustix::fs::fstat(&live)?);
        if !whole.as_ref().is_ok_and(|same| *same) || after.size != post.size() {
            cut_back(tail.as_fd(), live.as_fd(), from, length)?;
            return Err(whole.err().map_or(Refusal::Changed, Refusal::Io));
        }
        platform::sync_file(&live)?;
        failpoint!("appended");
        if let Some(staged) = self.staged.get(&slot) {
            let (seconds, nanos) = staged.stamp.mtime_parts();
            set_mtime(live.as_fd(), seconds, nanos)?;
            let stamp = Stamp::of(&rustix::fs::fstat(&live)?);
            let racy = stamp.mtime_is_racy(crate::clock::now_ns());
            let evidence = Evidence { stamp, racy, ..staged.clone() };
            self.evidence.insert(op.path.clone(), evidence);
        }
        Ok(Outcome::Done)
    }
}

/// Sets a file's modification time, leaving its access time.
///
/// # Errors
/// What the system says.
pub(crate) fn set_mtime(fd: BorrowedFd<'_>, seconds: i64, nanos: u32) -> io::Result<()> {
    let omit = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos as _ };
    Ok(futimens(fd, &Timestamps { last_access: omit, last_modification: time })?)
}

/// Adds `length` bytes of `tail` at the end of `live`, wherever that is by now.
fn copy_tail(tail: BorrowedFd<'_>, live: BorrowedFd<'_>, length: u64) -> io::Result<()> {
    let mut buffer = vec![0u8; STEP];
    let mut done = 0;
    while done < length {
        let want = (length - done).min(STEP as u64) as usize;
        if read_full_at(tail, &mut buffer[..want], done)? != want {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all(live, &buffer[..want])?;
        done += want as u64;
    }
    Ok(())
}

/// Whether `live` holds the first `length` bytes of `tail` behind `from`.
fn same_tail(
    tail: BorrowedFd<'_>,
    live: BorrowedFd<'_>,
    from: u64,
    length: u64,
) -> io::Result<bool> {
    let (mut a, mut b) = (vec![0u8; STEP], vec![0u8; STEP]);
    let mut done = 0;
    while done < length {
        let want = (length - done).min(STEP as u64) as usize;
        let staged = read_full_at(tail, &mut a[..want], done)?;
        let grown = read_full_at(live, &mut b[..want], from + done)?;
        if staged != want || grown != want || a[..want] != b[..want] {
            return Ok(false);
        }
        done += want as u64;
    }
    Ok(true)
}

/// Cuts a half-appended log back to `from`, but only if all that lies behind is ours.
pub(super) fn cut_back(
    tail: BorrowedFd<'_>,
    live: BorrowedFd<'_>,
    from: u64,
    length: u64,
) -> io::Result<bool> {
    let size = Stamp::of(&rustix::fs::fstat(live)?).size;
    let extra = size.saturating_sub(from);
    if size < from || extra > length || !same_tail(tail, live, from, extra)? {
        return Ok(false);
    }
    if extra > 0 {
        rustix::fs::ftruncate(live, from)?;
        platform::sync_file(live)?;
    }
    Ok(true)
}

/// Whether the first bytes of `live` are a whole file with this hash.
pub(super) fn holds(live: BorrowedFd<'_>, post: &ubos_core::entry::Entry) -> io::Result<bool> {
    let size = Stamp::of(&rustix::fs::fstat(live)?).size;
    if size < post.size() {
        return Ok(false);
    }
    Ok(Some(digest::hash_file(live, post.size(), 1)?.digest) == post.digest())
}
