//! The blueprint's mover for large files: rsync, for its rolling delta against the version that the
//! receiver has. It never sees a live tree, a real name or a second login.
//!
//! The sender links the checked file into a flat outbox, the receiver links its present version
//! under the same name into a flat inbox; rsync runs between the two, its remote shell being
//! [`pipe`], which carries the bytes through the connection that is already open. Whatever rsync
//! says, only a file that hashes to what the plan wants leaves the inbox.

pub mod arguments;
pub mod boxes;
pub mod pipe;
pub mod tunnel;

use std::process::{Command, Stdio};

/// Files below this length are not worth starting rsync, in bytes.
pub const MIN_SIZE: u64 = 1 << 20;

/// Whether sending `cost` bytes of pieces for a file of `size` bytes is too much, so that a rolling
/// delta is worth reading the file on both sides. Pieces cost no reading; a rolling delta finds
/// changes of any size and insertions.
pub fn is_worth_while(size: u64, cost: u64) -> bool {
    size >= MIN_SIZE && cost > MIN_SIZE.max(size / 64)
}

/// Whether this machine has an rsync.
pub fn is_here() -> bool {
    let mut command = Command::new("rsync");
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::is_worth_while;

    #[test]
    fn a_single_piece_of_a_huge_file_is_sent_as_it_is() {
        assert!(!is_worth_while(2 << 30, 4 << 20));
        assert!(is_worth_while(8 << 20, 4 << 20));
        assert!(is_worth_while(2 << 30, 1 << 30));
        assert!(!is_worth_while(100, 100));
    }
}
