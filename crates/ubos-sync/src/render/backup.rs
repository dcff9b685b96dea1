//! What is told of the backup in git.

pub(crate) mod check;
pub(crate) mod drill;
pub(crate) mod hooks;
pub(crate) mod init;
pub(crate) mod maintain;
pub(crate) mod mirror;
pub(crate) mod push;
pub(crate) mod snapshot;
pub(crate) mod status;
