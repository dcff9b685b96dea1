//! The file system, by handle: every path is walked from the root's own descriptor, one component
//! at a time, never through a symlink and never onto another file system.

pub mod atomic;
pub mod platform;
pub mod probe;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use ubos_core::path::RelPath;

/// Flags for opening a folder as a step of a walk.
const DIR_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What tells one state of a file from another without reading it. `ctime` is part of it: size
/// and mtime can be put back by an editor, ctime cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime: i64,
    /// Time of the last change of inode or content, nanoseconds since 1970.
    pub ctime: i64,
    /// Type and permission bits as in `st_mode`.
    pub mode: u32,
}

impl Stamp {
    /// The step of a coarse file system's clock, in nanoseconds.
    const COARSE: i64 = 2_100_000_000;

    /// The stamp in a result of `stat`.
    pub fn of(stat: &Stat) -> Self {
        Self {
            ino: stat.st_ino as _,
            size: stat.st_size as u64,
            mtime: nanoseconds(stat.st_mtime as _, stat.st_mtime_nsec as _),
            ctime: nanoseconds(stat.st_ctime as _, stat.st_ctime_nsec as _),
            mode: stat.st_mode as _,
        }
    }

    /// Whether a write at `now` (nanoseconds since 1970) could leave this stamp unchanged, because
    /// it falls into the same step of the file system's clock. Such a stamp proves nothing.
    /// Whole seconds in both times mean a coarse file system.
    pub fn is_racy(&self, now: i64) -> bool {
        const TICK: i64 = 30_000_000;
        let coarse = self.mtime % 1_000_000_000 == 0 && self.ctime % 1_000_000_000 == 0;
        let window = if coarse { Self::COARSE } else { TICK };
        self.mtime.max(self.ctime).saturating_add(window) >= now
    }

    /// Whether this stamp lies ahead of the clock: no moment of waiting makes it prove anything.
    pub fn is_ahead(&self, now: i64) -> bool {
        self.mtime.max(self.ctime) > now.saturating_add(Self::COARSE)
    }

    /// As [`Stamp::is_racy`], looking past ctime: of a file that we have just placed, whose mtime
    /// is that of its source. A later write sets the mtime, so only that can hide it.
    pub fn mtime_is_racy(&self, now: i64) -> bool {
        Self { ctime: self.mtime, ..*self }.is_racy(now)
    }

    /// Same file with the same bytes as far as a stat can tell, looking past ctime (which a
    /// rename or a hard link bumps).
    pub fn same_but_ctime(&self, other: &Stamp) -> bool {
        self.ino == other.ino
            && self.size == other.size
            && self.mtime == other.mtime
            && self.mode == other.mode
    }

    /// The owner's executable bit.
    pub fn exec(&self) -> bool {
        self.mode & 0o100 != 0
    }

    /// Permission bits.
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// Modification time as seconds and nanoseconds since 1970.
    pub fn mtime_parts(&self) -> (i64, u32) {
        (self.mtime.div_euclid(1_000_000_000), self.mtime.rem_euclid(1_000_000_000) as u32)
    }

    /// The type of the inode.
    pub fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.mode as _)
    }
}

/// The device in a result of `stat`; its type differs between systems.
pub fn device(stat: &Stat) -> u64 {
    stat.st_dev as _
}

/// Seconds and nanoseconds as one number, held at the ends of its range.
pub fn nanoseconds(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The top folder of a territory, held open for the whole run.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
    dev: u64,
    last: Mutex<Option<LastFolder>>,
}

/// The folder that was opened last: paths are worked through in order, so the next one is mostly in
/// the same.
#[derive(Debug)]
struct LastFolder {
    dir: Box<[u8]>,
    fd: Arc<OwnedFd>,
    opened: Instant,
}

/// How long a folder's handle stands for its path. Somebody may move the folder at any moment; what
/// is done by the handle then happens in the moved folder, as it would if the move came a moment
/// later.
const HANDLE_AGE: Duration = Duration::from_millis(20);

impl Root {
    /// Opens the folder at `path`. The last component may not be a symlink.
    ///
    /// # Errors
    /// What `open` says; `ENOTDIR` or `ELOOP` if it is not a folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let fd = rustix::fs::open(path, DIR_FLAGS, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd)?;
        let last = Mutex::new(None);
        Ok(Self { fd, path: path.to_owned(), dev: stat.st_dev as _, last })
    }

    /// Where it was opened, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its device.
    pub fn dev(&self) -> u64 {
        self.dev
    }

    /// The handle.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Opens the folder `dir` (bytes relative to the root, empty for the root), component by
    /// component.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR` or `ELOOP` where a component is missing or not a real folder; `EXDEV`
    /// if it lies on another file system.
    pub fn open_dir(&self, dir: &[u8]) -> io::Result<OwnedFd> {
        let mut fd = self.fd.as_fd().try_clone_to_owned()?;
        if dir.is_empty() {
            return Ok(fd);
        }
        for name in dir.split(|&b| b == b'/') {
            fd = open_child_dir(fd.as_fd(), name)?;
        }
        if device(&rustix::fs::fstat(&fd)?) != self.dev {
            return Err(Errno::XDEV.into());
        }
        Ok(fd)
    }

    /// Opens the folder that holds `path`.
    ///
    /// # Errors
    /// As [`Root::open_dir`].
    pub fn open_parent(&self, path: &RelPath) -> io::Result<Arc<OwnedFd>> {
        let dir = path.parent_bytes();
        let mut last = self.last.lock().expect("no holder of this lock panics");
        if let Some(known) = &*last
            && *known.dir == *dir
            && known.opened.elapsed() < HANDLE_AGE
        {
            return Ok(Arc::clone(&known.fd));
        }
        let fd = Arc::new(self.open_dir(dir)?);
        *last = Some(LastFolder { dir: dir.into(), fd: Arc::clone(&fd), opened: Instant::now() });
        Ok(fd)
    }

    /// Forgets the folder that was opened last, because folders were moved or removed.
    pub fn forget_folder(&self) {
        *self.last.lock().expect("no holder of this lock panics") = None;
    }

    /// Opens the folder `dir`, making it and the folders above it where they are missing.
    ///
    /// # Errors
    /// As [`Root::open_dir`], and what `mkdir` says.
    pub fn make_dir_all(&self, dir: &[u8], mode: u32) -> io::Result<OwnedFd> {
        let mut fd = self.fd.as_fd().try_clone_to_owned()?;
        if dir.is_empty() {
            return Ok(fd);
        }
        for name in dir.split(|&b| b == b'/') {
            fd = match open_child_dir(fd.as_fd(), name) {
                Ok(child) => child,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    match rustix::fs::mkdirat(&fd, name, Mode::from_raw_mode(mode as _)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(e) => return Err(e.into()),
                    }
                    open_child_dir(fd.as_fd(), name)?
                }
                Err(e) => return Err(e),
            };
        }
        Ok(fd)
    }

    /// Stat of what stands at `path` itself, `None` if it is proved absent: the folder above was
    /// opened (or is itself absent) and has no such name.
    ///
    /// # Errors
    /// Whatever leaves the answer unknown.
    pub fn stat(&self, path: &RelPath) -> io::Result<Option<Stat>> {
        let parent = match self.open_parent(path) {
            Ok(fd) => fd,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        stat_in(parent.as_fd(), path.name())
    }

    /// Opens the regular file at `path` for reading, and its stat.
    ///
    /// # Errors
    /// `ELOOP` for a symlink, `EINVAL` for anything else that is no regular file.
    pub fn open_file(&self, path: &RelPath) -> io::Result<(OwnedFd, Stat)> {
        let parent = self.open_parent(path)?;
        open_file_in(parent.as_fd(), path.name())
    }
}

/// Opens the folder `name` in `dir`, refusing a symlink, and whatever is not the name of a child.
///
/// # Errors
/// What `openat` says; `EINVAL` for a name that leads elsewhere.
pub fn open_child_dir(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') {
        return Err(Errno::INVAL.into());
    }
    Ok(openat(dir, name, DIR_FLAGS, Mode::empty())?)
}

/// Stat of `name` in `dir`, not following a symlink; `None` if it is absent.
///
/// # Errors
/// What `fstatat` says, apart from `ENOENT`.
pub fn stat_in(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<Stat>> {
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Opens the regular file `name` in `dir` for reading. `NONBLOCK` keeps a FIFO that was swapped in
/// from hanging the run.
///
/// # Errors
/// What `openat` says; `EINVAL` if it is not a regular file.
pub fn open_file_in(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<(OwnedFd, Stat)> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = openat(dir, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&fd)?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(Errno::INVAL.into());
    }
    Ok((fd, stat))
}

/// The text of the symlink `name` in `dir`.
///
/// # Errors
/// What `readlinkat` says.
pub fn read_link(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<Box<[u8]>> {
    let text = rustix::fs::readlinkat(dir, name, Vec::new())?;
    Ok(text.into_bytes().into_boxed_slice())
}

/// A name in a folder, with the type that the listing itself told (`Unknown` on file systems that
/// do not tell).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: Box<[u8]>,
    /// Its type.
    pub kind: FileType,
}

/// What is in a folder, without `.` and `..`, sorted by the names' bytes.
///
/// # Errors
/// What `getdents` says; a partly read folder is an error, never a shorter list.
pub fn list(dir: BorrowedFd<'_>) -> io::Result<Vec<Listed>> {
    let mut found = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            found.push(Listed { name: name.into(), kind: entry.file_type() });
        }
    }
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
