//! What is told of the backup in git.

pub(crate) mod maintain;
pub(crate) mod mirror;
pub(crate) mod push;
