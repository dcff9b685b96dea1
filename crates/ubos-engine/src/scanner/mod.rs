//! The scan of one territory: its selected tree against its own copy of the baseline.
//!
//! In: root, selection, state. Out: the paths that differ, with what stands there, and evidence
//! (stamps, hashes) for the stages that follow. The walk goes by folder handles, never through a
//! symlink and never onto another file system. What cannot be read is a problem, never an absence.
//! Nothing is written here.

pub mod digest;
mod half_written;
mod hashing;
mod links;
pub mod partial;
pub mod seen;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use ubos_core::entry::{Changes, Digest};
use ubos_core::path::RelPath;
use ubos_core::selection::Selection;

use crate::fs::{Root, Stamp};
use crate::state::config::Symlinks;
use crate::state::table::Table;
use digest::Pieces;
use seen::Seen;

/// What to scan, and against what.
#[derive(Clone, Copy)]
pub struct ScanRequest<'a> {
    /// The territory.
    pub root: &'a Root,
    /// What takes part.
    pub selection: &'a Selection,
    /// This side's baseline and stamps.
    pub table: &'a Table,
    /// Hashes of files that differ from the baseline, from earlier scans.
    pub seen: &'a Seen,
    /// Whether this side is the source of append-only logs; their unfinished last line is then
    /// left out.
    pub log_source: bool,
    /// What happens to links that leave the root.
    pub symlinks: Symlinks,
    /// Read and hash every file, trusting no stamp.
    pub verify: bool,
    /// Threads for walking and hashing.
    pub threads: usize,
}

/// Evidence for a file that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Its stamp when it was hashed, or when an earlier hash was found to hold.
    pub stamp: Stamp,
    /// Its hash (of an append-only source: of its whole lines).
    pub digest: Digest,
    /// The length that was hashed, in bytes.
    pub size: u64,
    /// Its pieces.
    pub pieces: Pieces,
    /// Whether a write in the same clock tick could hide behind the stamp.
    pub racy: bool,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct ScanResult {
    /// Paths that differ from the baseline.
    pub changes: Changes,
    /// Selected files and links seen.
    pub scanned: u64,
    /// Folders on the way to selected ones that could not be looked into, where the baseline knows of
    /// nothing below: no change, but not known to be empty either.
    pub closed: BTreeSet<RelPath>,
    /// Evidence for every file that was hashed or recognised apart from the baseline's stamps.
    pub evidence: BTreeMap<RelPath, Evidence>,
    /// Unchanged rows whose stamp is new.
    pub refreshed: Vec<(RelPath, Option<Stamp>, Pieces)>,
}

/// Scans a territory.
///
/// # Errors
/// Only if the root itself cannot be listed; trouble further down is in the result.
pub fn scan(request: &ScanRequest<'_>) -> io::Result<ScanResult> {
    let walked = walk::walk(request)?;
    Ok(hashing::settle(request, walked))
}
