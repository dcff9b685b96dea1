//! What is to be put back, on its way: copies in staging, verified, with the mode and attributes
//! of the version in the backups.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, openat};
use rustix::io::Errno;

use ubos_core::entry::Digest;
use ubos_core::path::{RelPath, escape_bytes};

use crate::agent::message::GIVEN;
use crate::apply;
use crate::backups::{self, Place};
use crate::fs::{Stamp, atomic, list, open_child_dir, open_file_in, platform, read_link, stat_in};
use crate::history::mark::Mark;
use crate::scanner::digest::hash_file;
use crate::staging::Staging;
use crate::state::{StateDir, texts};

/// What the names of staged versions begin with. What an exchange brings out has such a name for
/// a moment, so that nobody may take it for a leftover of a transfer.
const PREFIX: &str = "put-back-";

/// A version that is ready to be placed.
pub(super) struct Content {
    /// Its name in staging; empty in a dry run.
    pub name: String,
    /// What it is.
    pub mark: Mark,
    /// Its length in bytes.
    pub size: u64,
}

/// The name of a staged version whose content is known.
pub(crate) fn name_of(number: usize, digest: Digest) -> String {
    format!("{PREFIX}{number}-{}", digest.to_hex())
}

/// Whether `name` in staging is one of these.
pub(crate) fn is_ours(name: &[u8]) -> bool {
    name.starts_with(PREFIX.as_bytes())
}

/// The version of `stored` that the backups of `run` have and that is `expected` (any, if that is
/// not on record), copied into staging. Without staging it is only looked at.
pub(super) fn from_backup(
    state: &StateDir,
    staging: Option<&Staging>,
    number: usize,
    run: &str,
    stored: &RelPath,
    expected: &Mark,
) -> io::Result<Option<Content>> {
    for place in backups::versions(state, run, stored)? {
        let Some(stat) = stat_in(place.dir.as_fd(), &place.name)? else { continue };
        let stamp = Stamp::of(&stat);
        let found = match stamp.file_type() {
            FileType::RegularFile => file(staging, number, &place, stamp)?,
            FileType::Symlink => link(staging, number, &place)?,
            _ => continue,
        };
        if !expected.is_present() || found.mark.same_content(expected) {
            return Ok(Some(found));
        }
        if let Some(staging) = staging {
            rustix::fs::unlinkat(staging.fd(), &found.name, AtFlags::empty())?;
        }
    }
    Ok(None)
}

fn file(
    staging: Option<&Staging>,
    number: usize,
    place: &Place,
    stamp: Stamp,
) -> io::Result<Content> {
    let (from, _) = open_file_in(place.dir.as_fd(), &place.name)?;
    let Some(staging) = staging else {
        let digest = hash_file(from.as_fd(), stamp.size, 1)?.digest;
        let mark = Mark::File { digest, exec: stamp.exec() };
        return Ok(Content { name: String::new(), mark, size: stamp.size });
    };
    let name = format!("{PREFIX}{number}");
    let to = staging.open_for_writing(&name, 0o600, true)?;
    if platform::clone_file(from.as_fd(), to.as_fd()).is_err() {
        platform::copy_bytes(from.as_fd(), to.as_fd(), stamp.size)?;
    }
    apply::keep_attributes(&from, &to)?;
    let digest = hash_file(to.as_fd(), stamp.size, 1)?.digest;
    // Its content is in its name, so that after a crash what was only copied can be told from what
    // an exchange brought out.
    let known = format!("{name}-{}", digest.to_hex());
    rustix::fs::renameat(staging.fd(), &name, staging.fd(), &known)?;
    let mark = Mark::File { digest, exec: stamp.exec() };
    Ok(Content { name: known, mark, size: stamp.size })
}

/// What was fetched from elsewhere under `name`, if it is `expected`, copied into staging with its mode
/// and time.
pub(super) fn from_given(
    state: &StateDir,
    staging: Option<&Staging>,
    number: usize,
    name: &str,
    expected: &Mark,
) -> io::Result<Option<Content>> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    let Some(dir) = state.existing_folder(GIVEN).map_err(io::Error::other)? else {
        // A dry run fetches nothing; what would be placed is known by its hash.
        return Ok(staging.is_none().then(|| unfetched(expected)));
    };
    let place = Place { dir, name: name.as_bytes().to_vec(), dir_path: GIVEN.into() };
    let Some(stat) = stat_in(place.dir.as_fd(), &place.name)? else {
        return Ok(staging.is_none().then(|| unfetched(expected)));
    };
    let stamp = Stamp::of(&stat);
    let found = match stamp.file_type() {
        FileType::RegularFile => file(staging, number, &place, stamp)?,
        FileType::Symlink => link(staging, number, &place)?,
        FileType::Directory => folder(staging, number, stamp.permissions() & 0o777 | 0o700)?,
        _ => return Ok(None),
    };
    if !found.mark.same_content(expected) {
        return Ok(None);
    }
    if let Some(staging) = staging
        && stamp.file_type() == FileType::RegularFile
    {
        let (placed, _) = open_file_in(staging.fd(), found.name.as_bytes())?;
        let (seconds, nanos) = stamp.mtime_parts();
        apply::set_mtime(placed.as_fd(), seconds, nanos)?;
    }
    Ok(Some(found))
}

fn unfetched(expected: &Mark) -> Content {
    Content { name: String::new(), mark: expected.clone(), size: 0 }
}

/// The agreed text that is `expected`, with the permission bits of `mode`.
pub(super) fn from_text(
    state: &StateDir,
    pair: &str,
    staging: Option<&Staging>,
    number: usize,
    expected: &Mark,
    mode: u32,
) -> io::Result<Option<Content>> {
    let Mark::File { digest, exec } = expected else { return Ok(None) };
    let Some(text) = texts::base_text(state, pair, *digest).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let name = name_of(number, *digest);
    if let Some(staging) = staging {
        let to = staging.open_for_writing(&name, 0o600, true)?;
        atomic::write_all(to.as_fd(), &text)?;
        let mode = apply::mode_for_new(mode, *exec);
        fchmod(&to, Mode::from_raw_mode(mode as _))?;
    }
    Ok(Some(Content { name, mark: expected.clone(), size: text.len() as u64 }))
}

fn link(staging: Option<&Staging>, number: usize, place: &Place) -> io::Result<Content> {
    let target = read_link(place.dir.as_fd(), &place.name)?;
    let name = format!("{PREFIX}{number}-link");
    if let Some(staging) = staging {
        rustix::fs::symlinkat(&target[..], staging.fd(), &name)?;
    }
    Ok(Content { name, mark: Mark::Link(escape_bytes(&target)), size: 0 })
}

/// A folder of this mode.
pub(super) fn folder(staging: Option<&Staging>, number: usize, mode: u32) -> io::Result<Content> {
    let name = format!("{PREFIX}{number}-folder");
    if let Some(staging) = staging {
        rustix::fs::mkdirat(staging.fd(), &name, Mode::RWXU)?;
        let fd = open_child_dir(staging.fd(), name.as_bytes())?;
        fchmod(&fd, Mode::from_raw_mode(mode as _))?;
    }
    Ok(Content { name, mark: Mark::Folder, size: 0 })
}

/// Whether the system refuses a second name for a file, so that it has to be copied.
pub(crate) fn refuses_links(error: &io::Error) -> bool {
    let refusals = [Errno::PERM, Errno::MLINK, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS];
    error.raw_os_error().is_some_and(|code| refusals.contains(&Errno::from_raw_os_error(code)))
}

/// Copies `name` of `from`, a file or a link, to a free name of `place`.
pub(crate) fn copy_to(from: BorrowedFd<'_>, name: &[u8], place: &mut Place) -> io::Result<()> {
    let temporary = [b".copy-of-", &place.name[..]].concat();
    let stat = stat_in(from, name)?.ok_or(io::ErrorKind::NotFound)?;
    if Stamp::of(&stat).file_type() == FileType::Symlink {
        rustix::fs::symlinkat(&read_link(from, name)?[..], &place.dir, &temporary[..])?;
    } else {
        let (file, stat) = open_file_in(from, name)?;
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let to = openat(&place.dir, &temporary[..], flags, Mode::RUSR | Mode::WUSR)?;
        if platform::clone_file(file.as_fd(), to.as_fd()).is_err() {
            platform::copy_bytes(file.as_fd(), to.as_fd(), stat.st_size as u64)?;
        }
        apply::keep_attributes(&file, &to)?;
    }
    let dir = place.dir.try_clone()?;
    place.take(dir.as_fd(), &temporary)
}

/// Saves what a batch that was cut off left in the staging folder `staging` of `run`: a version
/// that an exchange brought out, and that is not the one in the backups, goes there. A present
/// version that shares its inode with the backups gets a copy of its own there.
///
/// # Errors
/// What the system says.
pub(crate) fn rescue(state: &StateDir, staging: &Staging) -> io::Result<()> {
    let listed = list(staging.fd())?;
    let left: Vec<_> = listed.iter().filter(|listed| is_ours(&listed.name)).collect();
    if left.is_empty() {
        return Ok(());
    }
    let kept = backups::inodes(state, staging.run())?;
    for listed in left {
        let Some(stat) = stat_in(staging.fd(), &listed.name)? else { continue };
        let stamp = Stamp::of(&stat);
        let named = String::from_utf8_lossy(&listed.name).into_owned();
        let named = named.rsplit('-').next().and_then(Digest::from_hex);
        let needless = match stamp.file_type() {
            FileType::Directory => true,
            FileType::RegularFile => {
                let (fd, _) = open_file_in(staging.fd(), &listed.name)?;
                // Without a digest it was still being copied.
                kept.contains(&stamp.ino)
                    || named.is_none()
                    || Some(hash_file(fd.as_fd(), stamp.size, 1)?.digest) == named
            }
            _ => false,
        };
        if !needless {
            let path = RelPath::new(&listed.name[..]).map_err(|_| io::ErrorKind::InvalidInput)?;
            let mut place = backups::place(state, backups::Store::Backups, staging.run(), &path)?;
            place.take(staging.fd(), &listed.name)?;
        }
    }
    backups::unshare(state, staging.run())
}
