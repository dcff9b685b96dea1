//! The three files that say what is shared, and in which direction.

use serde::{Deserialize, Serialize};

use crate::sides::Side;

/// The direction of a selected path, as seen from the territory whose manifests these are (the
/// laptop).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Both sides may change it.
    Bidirectional,
    /// The laptop is the authority.
    PushOnly,
    /// The server is the authority.
    PullOnly,
    /// The server is the authority and the file only grows.
    AppendOnly,
}

impl Direction {
    /// The side whose content counts, given the side that owns the manifests (the laptop);
    /// `None` where both count.
    pub fn authority(self, owner: Side) -> Option<Side> {
        match self {
            Direction::Bidirectional => None,
            Direction::PushOnly => Some(owner),
            Direction::PullOnly | Direction::AppendOnly => Some(owner.other()),
        }
    }

    /// The word used in manifests and reports.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Bidirectional => "bidirectional",
            Direction::PushOnly => "push-only",
            Direction::PullOnly => "pull-only",
            Direction::AppendOnly => "append-only",
        }
    }
}
