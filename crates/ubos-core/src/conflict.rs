//! What a person must decide (`Conflict`, `Held`) and what they should merely know (`Notice`,
//! `Skipped`).

use serde::{Deserialize, Serialize};

use crate::entry::{Base, Digest, Entry, Observation, Problem};
use crate::limits::Excess;
use crate::path::RelPath;
use crate::sides::{Side, Sides};

/// How two changes of one path clash. `here` is named before `there`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// Both changed the content.
    ModifyModify,
    /// Both made it, differently (also: two versions with no memory of a common one).
    CreateCreate,
    /// Changed here, deleted there.
    ModifyDelete,
    /// Deleted here, changed there.
    DeleteModify,
    /// Both changed it, to different kinds.
    KindChange,
    /// A folder deleted on one side and changed below on the other.
    DirDelete,
    /// A log that is no longer a prefix of its source, and was changed at its copy.
    AppendDiverged,
    /// Both sides changed a path of a one-way area.
    Drift,
}

impl ConflictKind {
    /// The word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            ConflictKind::ModifyModify => "modify-modify",
            ConflictKind::CreateCreate => "create-create",
            ConflictKind::ModifyDelete => "modify-delete",
            ConflictKind::DeleteModify => "delete-modify",
            ConflictKind::KindChange => "kind-change",
            ConflictKind::DirDelete => "dir-delete",
            ConflictKind::AppendDiverged => "append-diverged",
            ConflictKind::Drift => "drift",
        }
    }

    /// The word that does not tell which side is which, for marks that both sides share.
    pub(crate) fn symmetric_word(self) -> &'static str {
        match self {
            ConflictKind::DeleteModify => ConflictKind::ModifyDelete.word(),
            other => other.word(),
        }
    }
}

/// What one side holds at a path: the entry with its time, for showing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The entry.
    pub entry: Entry,
    /// Modification time as seconds and nanoseconds since 1970, where the scan looked.
    pub mtime: Option<(i64, u32)>,
}

impl Seen {
    /// What an observation shows, if something is present.
    pub fn of(observation: &Observation) -> Option<Self> {
        let entry = observation.state.entry()?.clone();
        Some(Self { entry, mtime: observation.mtime })
    }
}

/// A path that both sides changed since the baseline, to different things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Where.
    pub path: RelPath,
    /// How the changes clash.
    pub kind: ConflictKind,
    /// What both sides had agreed on.
    pub base: Base,
    /// What stands there now; `None` where it is gone.
    pub sides: Sides<Option<Seen>>,
    /// The changed paths below, sorted, where a folder is part of the conflict (always of a
    /// [`ConflictKind::DirDelete`]).
    pub children: Vec<RelPath>,
    /// Identity of the clash: it changes when what either side holds changes. It
    /// covers the children's contents too, and is the same whichever side initiates.
    pub mark: Digest,
}

/// Why a change is deliberately not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldReason {
    /// The mirror of a one-way area was edited.
    Drift,
    /// The mirror was edited and its authority deleted the path.
    DriftSourceGone,
    /// Excluded or unselected content stands where something must be placed or removed.
    UntrackedInTheWay,
    /// The entry itself cannot travel.
    Problem(Problem),
    /// It is larger than the other side takes.
    TooLarge(Excess),
}

impl HeldReason {
    /// The word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            HeldReason::Drift => "drift",
            HeldReason::DriftSourceGone => "drift-source-gone",
            HeldReason::UntrackedInTheWay => "untracked-in-the-way",
            HeldReason::Problem(problem) => problem.word(),
            HeldReason::TooLarge(_) => "too-large",
        }
    }
}

/// A change that waits until a person decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Where.
    pub path: RelPath,
    /// The side on which the change stands.
    pub on: Side,
    /// Why it is held.
    pub reason: HeldReason,
    /// Identity of what is held: it changes when either side's content changes.
    pub mark: Digest,
}

/// A path that this run left alone and the next one will try again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Where.
    pub path: RelPath,
    /// The side on which it could not be handled.
    pub on: Side,
    /// A word or a short sentence.
    pub reason: String,
}

/// Worth knowing, needs no decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Where.
    pub path: RelPath,
    /// The side it speaks of.
    pub on: Side,
    /// A word, such as `source-gone`, `reappears`, `rotated`, `untracked-remains`.
    pub reason: String,
}

/// What a person decided about a conflict or a held path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// The version of this side becomes the version of both.
    Take(Side),
    /// Of a `DirDelete`: keep what was changed, let the rest be deleted.
    ChangedOnly,
    /// Each version stays, the one of the peer beside the other under a name of its own.
    Both,
    /// Of two files: both territories get this content, which was made of both. Who runs the sync
    /// provides it.
    Merged {
        /// Its hash.
        digest: Digest,
        /// Its length, in bytes.
        size: u64,
    },
}

/// A choice, with the clash it was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The choice.
    pub choice: Choice,
    /// The [`Conflict::mark`] or [`Held::mark`] that the person saw. If the path shows another
    /// one now, the choice is refused and the clash stays open.
    pub mark: Digest,
    /// For [`Choice::Both`]: where the peer's version goes. It must not exist on either side.
    pub beside: Option<RelPath>,
}
