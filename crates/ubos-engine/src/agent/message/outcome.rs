//! What became of operations, in a run and after one that was cut off.

use serde::{Deserialize, Serialize};

use ubos_core::plan::Item;

use crate::agent::content::Slot;

/// What became of the operations of a run that was cut off, on the side that carried them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEvidence {
    /// The run.
    pub run: String,
    /// Its items, if this side journalled them.
    pub items: Vec<Item>,
    /// Per operation of this side: what the disk shows.
    pub found: Vec<(Slot, Applied)>,
    /// Whether this side staged for the run but never began to carry it out. Kept outside the
    /// journal, so that it also tells when the journal was lost.
    pub unbegun: bool,
}

/// What the disk shows of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    /// It was carried out.
    Yes,
    /// It was not.
    No,
    /// It cannot be told.
    Unknown,
}

/// Permission bits of the source of a folder that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderMode {
    /// For which operation.
    pub slot: Slot,
    /// The bits.
    pub mode: u32,
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpOutcome {
    /// Which.
    pub slot: Slot,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Carried out.
    Done,
    /// Not carried out, nothing changed; the reason. The next run tries again.
    Skipped(String),
    /// Not carried out: untracked content is in the way.
    Untracked,
}
