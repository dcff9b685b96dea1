//! The decision for one path, from its baseline and its two states: the tables of the rules, one
//! function for each kind of area.
//!
//! A verdict knows nothing of other paths. What folders demand of what is in them is decided in
//! `folders.rs`, moves are found in `moves.rs`.

use crate::conflict::{ConflictKind, HeldReason};
use crate::entry::{Base, Entry};
use crate::manifest::Direction;
use crate::plan::Reason;
use crate::sides::Side;

use super::survey::Spot;
use super::{append, one_way};

/// What is to become of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Both sides shall hold `post`; whichever differs is changed. If neither does, the row is
    /// written and nothing else.
    Agree {
        /// What both shall hold.
        post: Option<Entry>,
        /// Which row of the tables says so.
        reason: Reason,
        /// Something to tell about it.
        notice: Option<(Side, &'static str)>,
    },
    /// The copy of a log on this side grows to what its source holds.
    Append(Side),
    /// The copy of a log on this side is put aside for ever and fetched anew.
    Seal(Side, Reason),
    /// A conflict.
    Clash(ConflictKind),
    /// A change on `on` waits for a person.
    Hold {
        /// Where the change stands.
        on: Side,
        /// Why it waits.
        reason: HeldReason,
        /// Whether its row is dropped meanwhile.
        forget: bool,
    },
    /// Both sides keep what they have, and the row stays as it is.
    Keep(Option<(Side, &'static str)>),
    /// Both versions stay: the one of [`Side::Here`] here, the other at this path.
    Beside(crate::path::RelPath),
    /// A state is not known, or a parent's fate is not: nothing happens.
    Blocked,
}

impl Verdict {
    /// Both sides shall hold `post`, for `reason`.
    pub(crate) fn agree(post: Option<&Entry>, reason: Reason) -> Self {
        Verdict::Agree { post: post.cloned(), reason, notice: None }
    }

    /// The same with something to tell.
    pub(crate) fn with_notice(mut self, on: Side, word: &'static str) -> Self {
        if let Verdict::Agree { notice, .. } = &mut self {
            *notice = Some((on, word));
        }
        self
    }

    /// Whether something stands on `side` once the verdict has been carried out. A state that is
    /// not known counts as present.
    pub(crate) fn leaves(&self, spot: &Spot, side: Side) -> bool {
        match self {
            Verdict::Agree { post, .. } => post.is_some(),
            Verdict::Append(_) | Verdict::Seal(..) | Verdict::Beside(_) => true,
            _ => !spot.state(side).is_absent(),
        }
    }
}

/// The word for a log or copy that only the mirror has.
pub(crate) const LOCAL_ONLY: &str = "local-only";

/// Decides one path. `restore` is the policy that a changed file outlives its deletion on the
/// other side.
pub(crate) fn decide(spot: &Spot, owner: Side, restore: bool) -> Verdict {
    if spot.has_problem() {
        return Verdict::Blocked;
    }
    match spot.direction.authority(owner) {
        None => two_way(spot, restore),
        Some(authority) if spot.direction == Direction::AppendOnly => {
            append::decide(spot, authority)
        }
        Some(authority) => one_way::decide(spot, authority),
    }
}

fn two_way(spot: &Spot, restore: bool) -> Verdict {
    let (here, there) = (spot.entry(Side::Here), spot.entry(Side::There));
    if here == there {
        return Verdict::agree(here, Reason::Modified);
    }
    let Base::Known(base) = &spot.base else {
        return without_memory(spot);
    };
    if here == Some(base) {
        return follow(base, there);
    }
    if there == Some(base) {
        return follow(base, here);
    }
    match (here, there) {
        (Some(here), Some(there)) => both_changed(base, here, there),
        (Some(kept), None) | (None, Some(kept)) if kept.same_content(base) => {
            Verdict::agree(None, Reason::Deleted)
        }
        (kept, gone) if restore => Verdict::agree(kept.or(gone), Reason::Modified),
        (Some(_), None) => Verdict::Clash(ConflictKind::ModifyDelete),
        (None, _) => Verdict::Clash(ConflictKind::DeleteModify),
    }
}

/// One side changed: the other follows.
fn follow(base: &Entry, changed: Option<&Entry>) -> Verdict {
    let reason = match changed {
        None => Reason::Deleted,
        Some(entry) if entry.same_content(base) => Reason::ModeChanged,
        Some(_) => Reason::Modified,
    };
    Verdict::agree(changed, reason)
}

/// Both sides hold something that differs from the baseline and from each other.
fn both_changed(base: &Entry, here: &Entry, there: &Entry) -> Verdict {
    if here.same_content(there) {
        let exec = merged_exec(base, here, there);
        return Verdict::agree(Some(&here.with_exec(exec)), Reason::ModeChanged);
    }
    // A changed executable bit alone never stands against a change of content or kind.
    if here.same_content(base) {
        return merged(base, there, here);
    }
    if there.same_content(base) {
        return merged(base, here, there);
    }
    if here.kind() == there.kind() {
        Verdict::Clash(ConflictKind::ModifyModify)
    } else {
        Verdict::Clash(ConflictKind::KindChange)
    }
}

/// The content of `changed`, with the executable bit of whichever side changed that.
fn merged(base: &Entry, changed: &Entry, attribute: &Entry) -> Verdict {
    let exec = merged_exec(base, changed, attribute);
    Verdict::agree(Some(&changed.with_exec(exec)), Reason::ModeChanged)
}

/// The three-way merge of one bit: the side that differs from the baseline wins. Without a bit in
/// the baseline, set wins.
pub(crate) fn merged_exec(base: &Entry, a: &Entry, b: &Entry) -> bool {
    match (a.exec(), b.exec(), base.exec()) {
        (Some(a), Some(_), Some(base)) if a != base => a,
        (Some(_), Some(b), Some(_)) => b,
        (a, b, _) => a.unwrap_or(false) || b.unwrap_or(false),
    }
}

/// No row, or a row that cannot be trusted: nothing may be deleted or overwritten.
fn without_memory(spot: &Spot) -> Verdict {
    match (spot.entry(Side::Here), spot.entry(Side::There)) {
        (Some(here), Some(there)) if here.same_content(there) => {
            Verdict::agree(Some(&here.with_exec(true)), Reason::ModeChanged)
                .with_notice(Side::Here, "executable-bit-set")
        }
        (Some(here), Some(there)) if here.kind() == there.kind() => {
            Verdict::Clash(ConflictKind::CreateCreate)
        }
        (Some(_), Some(_)) => Verdict::Clash(ConflictKind::KindChange),
        (here, there) => given(spot, here.or(there)),
    }
}

/// What only one side has is given to the other.
pub(crate) fn given(spot: &Spot, entry: Option<&Entry>) -> Verdict {
    let receiver = if spot.state(Side::Here).is_absent() { Side::Here } else { Side::There };
    match (&spot.base, spot.row_direction) {
        (Base::Unknown, Some(_)) => {
            Verdict::agree(entry, Reason::Reappears).with_notice(receiver, "reappears")
        }
        (Base::Unknown, None) => Verdict::agree(entry, Reason::Reappears),
        _ => Verdict::agree(entry, Reason::Created),
    }
}
