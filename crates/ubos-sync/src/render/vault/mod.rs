//! What is told of a vault.

pub(crate) mod check;
pub(crate) mod init;
