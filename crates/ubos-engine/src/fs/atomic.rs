//! The only writer of small state files: write, sync the file, rename, sync the folder.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};

use super::platform;

/// Replaces `name` in `dir` by `bytes`, mode 0600: afterwards the old or the new content stands
/// there, whole, also after a power cut.
///
/// # Errors
/// What the system says; the old content then still stands.
pub fn write(dir: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{name}.new");
    let fd = create(dir, &temporary)?;
    write_all(fd.as_fd(), bytes)?;
    platform::sync_file(&fd)?;
    rustix::fs::renameat(dir, &temporary, dir, name)?;
    platform::sync_file(dir)
}

/// As [`write()`], but not durable: whoever reads finds the old or the new content whole; after a
/// power cut it may be damaged. For what is only a picture of something else.
///
/// # Errors
/// What the system says; the old content then still stands.
pub fn replace(dir: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{name}.new");
    let fd = create(dir, &temporary)?;
    write_all(fd.as_fd(), bytes)?;
    Ok(rustix::fs::renameat(dir, &temporary, dir, name)?)
}

/// Makes or empties `name` in `dir`, mode 0600, for writing.
///
/// # Errors
/// What the system says.
pub fn create(dir: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?)
}

/// The whole content of `name` in `dir`; `None` if it is absent.
///
/// # Errors
/// What the system says.
pub fn read(dir: BorrowedFd<'_>, name: &str) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(dir, name, flags, Mode::empty()) {
        Ok(fd) => {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut std::fs::File::from(fd), &mut bytes)?;
            Ok(Some(bytes))
        }
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Writes all of `bytes` at the descriptor's position.
///
/// # Errors
/// What the system says.
pub fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = retry(|| rustix::io::write(fd, bytes))?;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[n..];
    }
    Ok(())
}

/// Writes all of `bytes` at `offset`.
///
/// # Errors
/// What the system says.
pub fn write_all_at(fd: BorrowedFd<'_>, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = retry(|| rustix::io::pwrite(fd, bytes, offset))?;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[n..];
        offset += n as u64;
    }
    Ok(())
}

/// Fills `buffer` from `offset`; returns how many bytes there were before the end of the file.
///
/// # Errors
/// What the system says.
pub fn read_full_at(fd: BorrowedFd<'_>, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        let n = retry(|| rustix::io::pread(fd, &mut buffer[done..], offset + done as u64))?;
        if n == 0 {
            break;
        }
        done += n;
    }
    Ok(done)
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}
