//! A program that keeps a file open across the exchange goes on writing into what is a backup by
//! then. That cannot be prevented, but it can be noticed.

use std::os::fd::AsFd;

use ubos_core::entry::Entry;

use super::BackedUp;
use crate::fs::{Root, Stamp};
use crate::scanner::digest;

/// Backups beyond this length are looked at by their stamp alone, in bytes.
const HASHED: u64 = 64 << 20;

/// Whether a former version was written to after it went to the backups. What cannot be read counts
/// as written.
pub fn was_written(root: &Root, kept: &BackedUp) -> bool {
    let Entry::File { digest, size, .. } = kept.entry else { return false };
    let untouched = || -> std::io::Result<bool> {
        let (fd, stat) = root.open_file(&kept.place)?;
        let now = Stamp::of(&stat);
        if !kept.stamp.is_some_and(|then| then.same_but_ctime(&now)) {
            return Ok(false);
        }
        // Of a log's source the agreed content ends at a line, the file may not.
        Ok(size > HASHED || digest::hash_file(fd.as_fd(), size, 1)?.digest == digest)
    };
    !untouched().unwrap_or(false)
}
