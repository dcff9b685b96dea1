//! Tier 2: everything shared, versioned in git, on the laptop, on a remote and in a mirror on the
//! server.
//!
//! The user's own git does the work, by its plumbing. The work tree is never written here, except by
//! a restore that a person asked for: no checkout, no merge, no reset; commits are built in an index
//! of our own, and references move only from the value that was seen.

pub mod command;
pub mod commit;
pub mod coverage;
pub mod drill;
pub mod error;
pub mod form;
pub mod gates;
pub mod hooks;
pub mod identity;
pub mod init;
pub mod lint;
pub mod lock;
pub mod logs;
pub mod maintain;
pub mod manifest;
pub mod manifests;
pub mod mirror;
pub mod mirrored;
pub mod names;
pub mod objects;
pub mod pulls;
pub mod remote;
pub mod repository;
pub mod rivals;
pub mod serve;
pub mod shelf;
pub mod snapshot;
mod talk;
#[cfg(test)]
pub(crate) mod testing;
pub mod travel;
pub mod tree;
pub mod upkeep;
