//! Guards: what looks at a whole plan, to stop what one path alone cannot show to be wrong. The
//! looking itself is in `watch.rs`.

use serde::{Deserialize, Serialize};

use crate::sides::Side;

/// The guards of the rules, §9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// One side has no tracked path left, the baseline had at least two.
    Emptied,
    /// A manifest entry or top-level folder lost all of its rows on one side only.
    EntryEmptied,
    /// Too many deletions.
    MaxDelete,
    /// Too many overwrites in one direction.
    MassOverwrite,
    /// Many files became empty.
    Zeroed,
    /// Many paths returned to an earlier content.
    Regression,
    /// Two folders that hardly belong together.
    FirstRun,
    /// A folder is now on another device.
    Mount,
    /// The direction of an area was changed while the mirror held edits.
    DirectionChanged,
}

/// A guard that fired, with what it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardReport {
    /// Which.
    pub guard: Guard,
    /// The side that would have been changed.
    pub on: Side,
    /// How many operations it holds, or how many paths it counted.
    pub count: u64,
    /// A sentence with the numbers.
    pub detail: String,
    /// Whether nothing at all may be applied (true), or only its class of operations is held.
    pub stops: bool,
}
