//! What differs between Linux and macOS. Nothing outside this folder looks at the system's name.
//!
//! The macOS half is type-checked from Linux and follows Apple's manual pages; it has to be seen
//! on a Mac before it is promised.

#[cfg(not(target_os = "linux"))]
mod fsevents;
#[cfg(target_os = "linux")]
mod inotify;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

#[cfg(not(target_os = "linux"))]
pub use fsevents::Native as Watcher;
#[cfg(target_os = "linux")]
pub use inotify::Native as Watcher;

/// What the system noticed about a watched tree. Paths are relative to its root, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Something about a path changed.
    Path {
        /// Where.
        path: Vec<u8>,
        /// Whether whoever changed it is done with it, as far as can be told.
        settled: bool,
    },
    /// A folder (perhaps a file) appeared: all that is in it is new.
    Folder(Vec<u8>),
    /// A folder went away, with all that was in it.
    Gone(Vec<u8>),
    /// Hints were lost: anything may have changed.
    Lost,
}

/// A pipe whose ends no program started from here inherits: what is read from, what is written to.
///
/// # Errors
/// What the system says.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe()?;
    for end in [&reader, &writer] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok((reader, writer))
}

/// Exchanges two names atomically (`RENAME_EXCHANGE`, `RENAME_SWAP`).
///
/// # Errors
/// What the system says; [`is_unsupported`] tells a file system that cannot.
pub fn exchange(
    a_dir: BorrowedFd<'_>,
    a: &[u8],
    b_dir: BorrowedFd<'_>,
    b: &[u8],
) -> io::Result<()> {
    Ok(renameat_with(a_dir, a, b_dir, b, RenameFlags::EXCHANGE)?)
}

/// Renames, and fails with `EEXIST` if the new name is taken. Where the file system cannot do that
/// in one step, files are linked and unlinked, which has the same effect.
///
/// # Errors
/// What the system says.
pub fn rename_noreplace(
    from_dir: BorrowedFd<'_>,
    from: &[u8],
    to_dir: BorrowedFd<'_>,
    to: &[u8],
) -> io::Result<()> {
    match renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        Err(e) if is_unsupported_errno(e) => {
            rustix::fs::linkat(from_dir, from, to_dir, to, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(from_dir, from, AtFlags::empty())?)
        }
        other => Ok(other?),
    }
}

/// Whether `error` says that the file system lacks exchange or no-replace renames.
pub fn is_unsupported(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| is_unsupported_errno(Errno::from_raw_os_error(code)))
}

fn is_unsupported_errno(errno: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&errno)
}

/// Makes everything written so far to the file system of `fd` durable.
///
/// # Errors
/// What the system says; after a failure nothing may be taken for durable.
#[cfg(target_os = "linux")]
pub fn sync_filesystem(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::syncfs(fd)?)
}

/// Makes everything written so far to the file system of `fd` durable. macOS has no `syncfs`:
/// `sync` hands all dirty data to the drive and `F_FULLFSYNC` makes the drive write it.
///
/// # Errors
/// What the system says; after a failure nothing may be taken for durable.
#[cfg(not(target_os = "linux"))]
pub fn sync_filesystem(fd: BorrowedFd<'_>) -> io::Result<()> {
    rustix::fs::sync();
    sync_file(fd)
}

/// Makes one file or folder durable, down to the drive.
///
/// # Errors
/// What the system says.
pub fn sync_file(fd: impl AsFd) -> io::Result<()> {
    #[cfg(target_vendor = "apple")]
    {
        if rustix::fs::fcntl_fullfsync(&fd).is_ok() {
            return Ok(());
        }
    }
    Ok(rustix::fs::fsync(fd)?)
}

/// Makes `to` share the bytes of `from` without copying, where the file system can.
///
/// # Errors
/// What the system says where it cannot.
#[cfg(target_os = "linux")]
pub fn clone_file(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::ioctl_ficlone(to, from)?)
}

/// Makes `to` share the bytes of `from` without copying: not offered between two open files here.
///
/// # Errors
/// Always `ENOTSUP`; the caller copies.
#[cfg(not(target_os = "linux"))]
pub fn clone_file(_from: BorrowedFd<'_>, _to: BorrowedFd<'_>) -> io::Result<()> {
    Err(Errno::NOTSUP.into())
}

/// Copies `len` bytes from the start of `from` to the start of `to`, in the kernel where it can.
///
/// # Errors
/// What the system says; `UnexpectedEof` if `from` is shorter.
pub fn copy_bytes(from: BorrowedFd<'_>, to: BorrowedFd<'_>, len: u64) -> io::Result<()> {
    let mut done = 0u64;
    #[cfg(target_os = "linux")]
    {
        let (mut off_in, mut off_out) = (0u64, 0u64);
        while done < len {
            let want = usize::try_from(len - done).unwrap_or(usize::MAX).min(1 << 30);
            match rustix::fs::copy_file_range(from, Some(&mut off_in), to, Some(&mut off_out), want)
            {
                Ok(0) => break,
                Ok(n) => done += n as u64,
                Err(_) => break,
            }
        }
    }
    let mut buffer = vec![0u8; 1 << 20];
    while done < len {
        let want = usize::try_from(len - done).unwrap_or(usize::MAX).min(buffer.len());
        let n = rustix::io::pread(from, &mut buffer[..want], done)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        super::atomic::write_all_at(to, &buffer[..n], done)?;
        done += n as u64;
    }
    Ok(())
}

/// Lets a pipe hold more, where the system can: fewer switches between the two ends of a transfer.
/// A pipe that stays as it is works as well.
pub fn widen_pipe(fd: BorrowedFd<'_>) {
    #[cfg(target_os = "linux")]
    {
        const WIDE: usize = 1 << 20;
        // Refused beyond the user's limit, and for what is no pipe.
        let _ = rustix::pipe::fcntl_setpipe_size(fd, WIDE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = fd;
}

/// Something that names this machine and survives a restart, for telling a copied territory from
/// its original. `None` where the system offers nothing.
pub fn host_id() -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        let id = std::fs::read_to_string("/etc/machine-id").ok()?;
        let id = id.trim();
        if id.is_empty() {
            None
        } else {
            Some(ubos_core::entry::Digest::of(id.as_bytes()).to_hex()[..16].to_owned())
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let out = std::process::Command::new("/usr/sbin/sysctl")
            .args(["-n", "kern.uuid"])
            .output()
            .ok()?;
        let id = String::from_utf8(out.stdout).ok()?;
        let id = id.trim();
        if id.is_empty() {
            None
        } else {
            Some(ubos_core::entry::Digest::of(id.as_bytes()).to_hex()[..16].to_owned())
        }
    }
}

/// Reads of this file shall come from the disk, where the system can be asked for that: what is
/// already in memory says nothing about the disk.
pub fn forget_cached(fd: BorrowedFd<'_>) {
    #[cfg(target_os = "linux")]
    {
        // Only advice; where it is not taken, the file is read from memory.
        let _ = rustix::fs::fadvise(fd, 0, None, rustix::fs::Advice::DontNeed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = fd;
}

/// This boot of the machine, and for how many seconds it has been awake since; a clock that stands
/// still while the machine sleeps. `None` where the system does not tell.
pub fn awake() -> Option<(String, u64)> {
    #[cfg(target_os = "linux")]
    {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Some((boot.trim().to_owned(), u64::try_from(now.tv_sec).ok()?))
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// System and architecture, as both ends compare them before copying a binary.
pub fn system() -> (&'static str, &'static str) {
    (std::env::consts::OS, std::env::consts::ARCH)
}

/// Readings of the machine's clocks that tell, beside an earlier reading, how long it slept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Clocks {
    /// What readings can be compared within: the boot, or this process where the system has no
    /// clock that outlives one.
    pub era: String,
    /// Whether another era means that the machine was started anew.
    pub boots: bool,
    /// Milliseconds since 1970 by the wall clock.
    pub wall: i64,
    /// Milliseconds that passed in this era, sleep included.
    pub passed: i64,
    /// Milliseconds that passed in this era while the machine was awake.
    pub awake: i64,
}

/// Reads them: `CLOCK_BOOTTIME` goes on during sleep, `CLOCK_MONOTONIC` does not.
#[cfg(target_os = "linux")]
pub fn clocks() -> Clocks {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| {
        let time = clock_gettime(clock);
        super::nanoseconds(time.tv_sec, time.tv_nsec) / 1_000_000
    };
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Clocks {
        era: boot.trim().to_owned(),
        boots: true,
        wall: read(ClockId::Realtime),
        passed: read(ClockId::Boottime),
        awake: read(ClockId::Monotonic),
    }
}

/// Reads them: an estimate. The wall clock stands for what passed, so that a clock that was set
/// looks like sleep; and only within one process, that of a watch, can readings be compared.
#[cfg(not(target_os = "linux"))]
pub fn clocks() -> Clocks {
    use std::sync::OnceLock;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};
    static BEGIN: OnceLock<(Instant, i64)> = OnceLock::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let (begin, first) = BEGIN.get_or_init(|| (Instant::now(), wall));
    Clocks {
        era: format!("process {} of {first}", std::process::id()),
        boots: false,
        wall,
        passed: wall - first,
        awake: i64::try_from(begin.elapsed().as_millis()).unwrap_or(i64::MAX),
    }
}

/// Whether the machine has a route to other networks; `None` where that cannot be told.
#[cfg(target_os = "linux")]
pub fn has_default_route() -> Option<bool> {
    let table = std::fs::read_to_string("/proc/net/route").ok()?;
    let goes_anywhere = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1) == Some(&"00000000") && words.get(7) == Some(&"00000000")
    };
    let six = std::fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    let six_goes = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let everywhere = "0".repeat(32);
        words.first() == Some(&everywhere.as_str())
            && words.get(1) == Some(&"00")
            && words.last() != Some(&"lo")
    };
    Some(table.lines().any(goes_anywhere) || six.lines().any(six_goes))
}

/// Whether the machine has a route to other networks; `None` where that cannot be told.
#[cfg(not(target_os = "linux"))]
pub fn has_default_route() -> Option<bool> {
    let mut route = std::process::Command::new("/sbin/route");
    let asked = route.args(["-n", "get", "default"]).output().ok()?;
    Some(asked.status.success())
}
