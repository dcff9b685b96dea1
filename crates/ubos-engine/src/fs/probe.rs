//! What the file system of a territory can do, measured on it: by what it does with throw-away
//! names, not by what it is called.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Mode, RenameFlags, Timespec, Timestamps, renameat_with};
use rustix::io::Errno;

use super::{atomic, list, open_child_dir, platform, stat_in};
use crate::clock;

/// What a file system can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Two names can be exchanged in one step.
    pub exchange: bool,
    /// A rename can refuse to replace, in one step.
    pub no_replace: bool,
    /// A file can have two names.
    pub hard_links: bool,
    /// Names that differ only in case are one name.
    pub folds_case: bool,
    /// Names that differ only in their Unicode form are one name.
    pub folds_unicode: bool,
    /// Names may be any bytes, not only UTF-8.
    pub any_bytes: bool,
    /// Modification times are kept to the nanosecond.
    pub nanoseconds: bool,
}

/// Measures in a new folder inside `dir`, which is removed again.
///
/// # Errors
/// What the system says where files cannot be made or removed at all.
pub fn measure(dir: BorrowedFd<'_>) -> io::Result<Capabilities> {
    let name = format!("probe-{}", clock::random_id());
    rustix::fs::mkdirat(dir, &*name, Mode::RWXU)?;
    let measured = open_child_dir(dir, name.as_bytes()).and_then(|folder| {
        let measured = measure_in(folder.as_fd());
        empty(folder.as_fd())?;
        measured
    });
    rustix::fs::unlinkat(dir, &*name, AtFlags::REMOVEDIR)?;
    measured
}

fn measure_in(dir: BorrowedFd<'_>) -> io::Result<Capabilities> {
    for name in ["one", "two", "caf\u{e9}"] {
        atomic::write_all(atomic::create(dir, name)?.as_fd(), name.as_bytes())?;
    }
    Ok(Capabilities {
        exchange: exchanges(dir)?,
        no_replace: refuses_to_replace(dir)?,
        hard_links: rustix::fs::linkat(dir, "one", dir, "linked", AtFlags::empty()).is_ok(),
        folds_case: stat_in(dir, b"ONE")?.is_some(),
        folds_unicode: stat_in(dir, "cafe\u{301}".as_bytes())?.is_some(),
        any_bytes: keeps_any_bytes(dir)?,
        nanoseconds: keeps_nanoseconds(dir)?,
    })
}

fn exchanges(dir: BorrowedFd<'_>) -> io::Result<bool> {
    let before = atomic::read(dir, "one")?;
    match platform::exchange(dir, b"one", dir, b"two") {
        Ok(()) => Ok(atomic::read(dir, "two")? == before),
        Err(e) if platform::is_unsupported(&e) => Ok(false),
        Err(e) => Err(e),
    }
}

fn refuses_to_replace(dir: BorrowedFd<'_>) -> io::Result<bool> {
    match renameat_with(dir, "one", dir, "two", RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => Ok(true),
        Err(e) if platform::is_unsupported(&e.into()) => Ok(false),
        Err(e) => Err(e.into()),
        Ok(()) => {
            // It replaced all the same; what follows needs the name again.
            atomic::create(dir, "one")?;
            Ok(false)
        }
    }
}

fn keeps_any_bytes(dir: BorrowedFd<'_>) -> io::Result<bool> {
    const NAME: &[u8] = b"bytes-\xff";
    let flags = rustix::fs::OFlags::CREATE
        | rustix::fs::OFlags::WRONLY
        | rustix::fs::OFlags::NOFOLLOW
        | rustix::fs::OFlags::CLOEXEC;
    if rustix::fs::openat(dir, NAME, flags, Mode::RUSR | Mode::WUSR).is_err() {
        return Ok(false);
    }
    Ok(list(dir)?.iter().any(|entry| &*entry.name == NAME))
}

fn keeps_nanoseconds(dir: BorrowedFd<'_>) -> io::Result<bool> {
    const TIME: Timespec = Timespec { tv_sec: 1_000_000_007, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: TIME, last_modification: TIME };
    rustix::fs::utimensat(dir, "one", &times, AtFlags::SYMLINK_NOFOLLOW)?;
    let stat = stat_in(dir, b"one")?;
    Ok(stat.is_some_and(|stat| i128::from(stat.st_mtime_nsec) == i128::from(TIME.tv_nsec)))
}

fn empty(dir: BorrowedFd<'_>) -> io::Result<()> {
    for entry in list(dir)? {
        rustix::fs::unlinkat(dir, &*entry.name, AtFlags::empty())?;
    }
    Ok(())
}

/// Room on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this user may still fill.
    pub free: u64,
    /// All there is.
    pub total: u64,
}

/// The room on the file system of `dir`.
///
/// # Errors
/// What `fstatvfs` says.
pub fn space(dir: BorrowedFd<'_>) -> io::Result<Space> {
    let stat = rustix::fs::fstatvfs(dir)?;
    Ok(Space {
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
    })
}

/// The user that this process acts as.
pub fn acting_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_behind_and_the_answer_is_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        let dir = rustix::fs::open(folder.path(), super::super::DIR_FLAGS, Mode::empty()).unwrap();
        std::fs::write(folder.path().join("mine"), "stays").unwrap();
        let first = measure(dir.as_fd()).unwrap();
        assert_eq!(measure(dir.as_fd()).unwrap(), first);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
        let space = space(dir.as_fd()).unwrap();
        assert!(space.free <= space.total && space.total > 0);
    }

    #[test]
    fn the_answers_are_those_of_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let dir = rustix::fs::open(folder.path(), super::super::DIR_FLAGS, Mode::empty()).unwrap();
        let found = measure(dir.as_fd()).unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("x"), "").unwrap();
        assert_eq!(found.folds_case, at("X").exists());
        assert_eq!(found.hard_links, std::fs::hard_link(at("x"), at("y")).is_ok());
        std::fs::write(at("\u{fc}"), "").unwrap();
        assert_eq!(found.folds_unicode, at("u\u{308}").exists());
    }
}
