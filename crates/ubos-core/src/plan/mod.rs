//! A plan: ordered operations as a value, which can be shown, refused, confirmed or carried out.

pub mod guard;
pub mod operation;

use serde::{Deserialize, Serialize};

use crate::conflict::{Conflict, Held, Notice, Skipped};
use crate::entry::Entry;
use crate::path::RelPath;

pub use guard::{Guard, GuardReport};
pub use operation::{Item, OpKind, Operation, Reason};

/// Everything one run has decided. Nothing in it has been done yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Hash of all items with their preconditions, as 16 hexadecimal digits; the held ones count.
    pub id: String,
    /// Decisions, in an order in which they can be carried out on each side.
    pub items: Vec<Item>,
    /// Rows to write although nothing has to be done: both sides hold this already (`None`: both
    /// are empty, the row is dropped).
    pub adopt: Vec<(RelPath, Option<Entry>)>,
    /// Open conflicts, sorted by path.
    pub conflicts: Vec<Conflict>,
    /// Held changes, sorted by path.
    pub held: Vec<Held>,
    /// Paths to be tried again, sorted by path.
    pub skipped: Vec<Skipped>,
    /// Worth knowing, sorted by path.
    pub notices: Vec<Notice>,
    /// Guards that fired.
    pub guards: Vec<GuardReport>,
}
