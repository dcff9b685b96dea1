//! What the selection can say about a path, and by which line it says so.

use crate::manifest::Direction;

/// The answer about one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It takes part, in this direction.
    Selected(Direction),
    /// It is never synced: by the exclude manifest, by a default, or for its name.
    Excluded,
    /// No line names it, or the last word on it was a `!`.
    Unselected,
    /// A folder that does not take part itself, but something below it may: a walk goes on.
    Passage,
}

impl Verdict {
    /// The direction of a selected path.
    pub fn direction(self) -> Option<Direction> {
        match self {
            Verdict::Selected(direction) => Some(direction),
            _ => None,
        }
    }

    /// Whether a walk has to look inside a folder of this verdict.
    pub fn descends(self) -> bool {
        matches!(self, Verdict::Selected(_) | Verdict::Passage)
    }
}

/// Why: rules are indexes into the patterns of one manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// One of the three manifests itself.
    Pinned(u8),
    /// A line of the to manifest.
    To(u32, Direction),
    /// A line of the from manifest.
    From(u32, Direction),
    /// The same pattern in both.
    Both { to: u32, from: u32 },
    /// `.git` or `.ubos-sync`.
    Reserved,
    /// A default of the program or the configuration.
    Builtin(u32),
    /// A line of the exclude manifest.
    Excluded(u32),
    /// A `!` line of the to manifest.
    TakenBackTo(u32),
    /// A `!` line of the from manifest.
    TakenBackFrom(u32),
    /// No line.
    Nothing,
    /// On the way to what this line of the to manifest may match.
    PassageTo(u32),
    /// The same for the from manifest.
    PassageFrom(u32),
    /// On the way to one of the three manifests.
    PassageToManifest(u8),
}

impl By {
    pub(super) fn verdict(self) -> Verdict {
        match self {
            By::Pinned(_) | By::Both { .. } => Verdict::Selected(Direction::Bidirectional),
            By::To(_, direction) | By::From(_, direction) => Verdict::Selected(direction),
            By::Reserved | By::Builtin(_) | By::Excluded(_) => Verdict::Excluded,
            By::TakenBackTo(_) | By::TakenBackFrom(_) | By::Nothing => Verdict::Unselected,
            By::PassageTo(_) | By::PassageFrom(_) | By::PassageToManifest(_) => Verdict::Passage,
        }
    }

    pub(super) fn is_selecting(self) -> bool {
        matches!(self.verdict(), Verdict::Selected(_))
    }

    pub(super) fn is_excluding(self) -> bool {
        self.verdict() == Verdict::Excluded
    }
}
