//! What the commands of the backup say.

pub(crate) mod check;
pub(crate) mod hooks;
