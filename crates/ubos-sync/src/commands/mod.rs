//! One file, one command: its arguments, whose doc comments are the help, and the function that
//! carries it out.

pub(crate) mod agent;
pub(crate) mod audit;
pub(crate) mod backups;
pub(crate) mod conflicts;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod graph;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod install;
pub(crate) mod log;
pub(crate) mod manifest;
pub(crate) mod recover;
pub(crate) mod resolve;
pub(crate) mod restore;
pub(crate) mod schedule;
pub(crate) mod sync;
pub(crate) mod tick;
pub(crate) mod undo;
pub(crate) mod watch;

use std::path::PathBuf;

use ubos_engine::error::EngineError;

use crate::failure::Failure;

/// This program's build, as both ends of a connection tell each other.
pub(crate) const BUILD: &str = concat!("ubos-sync ", env!("CARGO_PKG_VERSION"));

/// This program, for starting agents on this machine.
pub(crate) fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|e| EngineError::io("find", "this program", e).into())
}
