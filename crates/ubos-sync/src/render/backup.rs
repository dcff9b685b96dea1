//! What is said about the backup.

pub(crate) mod drill;
pub(crate) mod status;
