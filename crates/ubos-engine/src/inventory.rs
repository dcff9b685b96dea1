//! What stands at every selected path of a territory, for what follows a sync: the backup and the
//! graph. It is looked at by the sync's own scan, with the sync's own memory, and nothing is written.

use std::collections::BTreeMap;

use ubos_core::entry::{Entry, Problem};
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;

/// Everything selected in one territory, for one pair.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// This territory's name.
    pub territory: String,
    /// The peer's name.
    pub peer: String,
    /// The pair's id.
    pub pair: String,
    /// Whether the manifests are written from this side's point of view (the laptop).
    pub owner: bool,
    /// The last generation that both sides agreed on; 0 before the first sync.
    pub generation: u64,
    /// What is present, by path.
    pub items: BTreeMap<RelPath, Item>,
    /// What could not be looked at, each with all that is below it: unknown, which is not absent.
    pub troubled: BTreeMap<RelPath, Problem>,
}

/// Something that is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is. Of an append-only log at its source the unfinished last line is left out.
    pub entry: Entry,
    /// The direction of its path, as the owner's manifests say.
    pub direction: Direction,
    /// Modification time, nanoseconds since 1970.
    pub mtime: i64,
    /// Permission bits.
    pub permissions: u32,
}
