//! What is told of the backup in git.

pub(crate) mod check;
pub(crate) mod hooks;
pub(crate) mod init;
pub(crate) mod snapshot;
