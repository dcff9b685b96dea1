//! What a replaced file leaves to its successor: owner, group, permissions, extended attributes.
//! Only content and the executable bit are synced; the rest belongs to the machine.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, Stat, XattrFlags, fchmod, fchown, fgetxattr, flistxattr, fsetxattr, fstat};

use crate::fs::Stamp;

/// Longest attribute that is carried over, in bytes.
const MAX_ATTRIBUTE: usize = 64 << 10;

/// Permission bits with the executable bit set for whoever may read, or cleared for all.
pub(super) fn with_exec(mode: u32, exec: bool) -> u32 {
    let mode = mode & 0o777;
    if exec { mode | 0o100 | ((mode & 0o444) >> 2) } else { mode & !0o111 }
}

/// Gives `to` the owner, group, permissions (with the executable bit as `exec`) and extended
/// attributes of `from`. What the system does not let us carry over stays as it is: a lost
/// attribute must not keep an edit from arriving.
pub(super) fn inherit(from: &OwnedFd, to: &OwnedFd, exec: bool) -> std::io::Result<()> {
    let old = copy_ownership(from, to)?;
    let mode = with_exec(Stamp::of(&old).permissions(), exec);
    fchmod(to, Mode::from_raw_mode(mode as _))?;
    Ok(())
}

/// Gives `to` the owner, group, permissions and extended attributes of `from`, of which it is a
/// copy, as [`inherit`] does; bits that lend rights stay off.
pub(crate) fn keep_attributes(from: &OwnedFd, to: &OwnedFd) -> std::io::Result<()> {
    let old = copy_ownership(from, to)?;
    let mode = Stamp::of(&old).permissions() & 0o777;
    Ok(fchmod(to, Mode::from_raw_mode(mode as _))?)
}

fn copy_ownership(from: &OwnedFd, to: &OwnedFd) -> std::io::Result<Stat> {
    let old = fstat(from)?;
    let new = fstat(to)?;
    if old.st_uid != new.st_uid || old.st_gid != new.st_gid {
        let uid = rustix::fs::Uid::from_raw(old.st_uid);
        let gid = rustix::fs::Gid::from_raw(old.st_gid);
        if fchown(to, Some(uid), Some(gid)).is_err() {
            // Not the owner's right: the group alone may still be possible.
            let _ = fchown(to, None, Some(gid));
        }
    }
    copy_attributes(from, to);
    Ok(old)
}

fn copy_attributes(from: &OwnedFd, to: &OwnedFd) {
    let mut names = vec![0u8; MAX_ATTRIBUTE];
    let Ok(length) = flistxattr(from.as_fd(), &mut names[..]) else { return };
    for name in names[..length].split(|&b| b == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0u8; MAX_ATTRIBUTE];
        if let Ok(length) = fgetxattr(from.as_fd(), name, &mut value[..]) {
            // Some name spaces are the system's own and refuse; see `inherit`.
            let _ = fsetxattr(to.as_fd(), name, &value[..length], XattrFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::with_exec;

    #[test]
    fn the_executable_bit_follows_the_right_to_read() {
        assert_eq!(with_exec(0o640, true), 0o750);
        assert_eq!(with_exec(0o600, true), 0o700);
        assert_eq!(with_exec(0o755, false), 0o644);
        assert_eq!(with_exec(0o4755, true), 0o755);
    }
}
