//! How former versions are put back: the order, its steps, and what becomes of each.

use serde::{Deserialize, Serialize};

use ubos_core::path::RelPath;

use super::ScanOrder;
use crate::history::mark::Mark;

/// One thing to be put back on the side that is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBackStep {
    /// Where it is to stand.
    pub path: RelPath,
    /// Where it is now.
    pub source: PutBackSource,
    /// What it is, where that is on record; [`Mark::Absent`] otherwise. Something else is never put back.
    pub content: Mark,
    /// What must stand at the path now.
    pub expects: Expected,
}

/// Where contents wait that were fetched to be put back, below `.ubos-sync/`.
pub const GIVEN: &str = "state/given";

/// Where something that is to be put back is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutBackSource {
    /// A file or link in the backups.
    Backup {
        /// The run whose backups they are.
        run: String,
        /// The path there.
        stored: RelPath,
    },
    /// Nowhere: a folder is made, with the mode that it has in the backups of the run.
    Folder {
        /// The run, if one is known.
        run: Option<String>,
    },
    /// At another path of the tree, from which it is moved.
    MoveBack {
        /// The path.
        from: RelPath,
    },
    /// Among the agreed texts: the one with the hash of the step's content.
    Text,
    /// Among what was fetched for this from elsewhere, in the folder [`GIVEN`]: a file, link or folder
    /// with its mode and time. Its name is digits.
    Given {
        /// The name.
        name: String,
    },
    /// Nowhere: nothing is to stand there. What does goes to the backups; a folder only if it is empty.
    Nothing,
}

/// What must stand at a path for something to be put there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// Whatever it is; it goes to the backups.
    Anything,
    /// This, the executable bit aside.
    Holds(Mark),
}

/// What becomes of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutBackResult {
    /// It was put back (or would be, in a dry run).
    Done {
        /// How.
        how: PutBackHow,
        /// Bytes of content.
        bytes: u64,
    },
    /// It stands there already.
    Stands,
    /// It was left alone; the reason.
    Skipped(String),
}

/// How something was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutBackHow {
    /// Where nothing stood.
    Create,
    /// In the place of something, which is now in the backups.
    Update,
    /// A folder was made.
    Mkdir,
    /// It was moved.
    Rename,
    /// It was removed, and is in the backups now.
    Delete,
}

impl PutBackHow {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            PutBackHow::Create => "create",
            PutBackHow::Update => "update",
            PutBackHow::Mkdir => "mkdir",
            PutBackHow::Rename => "rename",
            PutBackHow::Delete => "delete",
        }
    }
}

/// Why things are put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutBackReason {
    /// A person asked for a version of a path.
    Restored,
    /// A person undid a run.
    Undone,
}

impl PutBackReason {
    /// The word in reports and the log.
    pub fn word(self) -> &'static str {
        match self {
            PutBackReason::Restored => "restored",
            PutBackReason::Undone => "undone",
        }
    }
}

/// How things are to be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBackOrder {
    /// The run that does it.
    pub run: String,
    /// What takes part in it.
    pub scan: ScanOrder,
    /// Why.
    pub reason: PutBackReason,
    /// Only say what would become of each step.
    pub dry_run: bool,
}
