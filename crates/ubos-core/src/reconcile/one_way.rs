//! Push-only and pull-only areas: the authority's content counts, and nothing that stands on the
//! mirror ever reaches the authority.

use crate::conflict::{ConflictKind, HeldReason};
use crate::entry::{Base, Entry};
use crate::plan::Reason;
use crate::sides::Side;

use super::survey::Spot;
use super::verdict::{LOCAL_ONLY, Verdict, given};

/// Decides one path of a one-way area. Neither state is a problem.
pub(crate) fn decide(spot: &Spot, authority: Side) -> Verdict {
    let mirror = authority.other();
    let (source, copy) = (spot.entry(authority), spot.entry(mirror));
    if source == copy {
        return Verdict::agree(source, Reason::Modified);
    }
    match &spot.base {
        Base::Known(base) if source == Some(base) => untouched_source(base, copy, mirror),
        Base::Known(base) => changed_source(base, source, copy, mirror),
        Base::Absent | Base::Unknown => match (source, copy) {
            (None, _) => Verdict::Keep(Some((mirror, LOCAL_ONLY))),
            (Some(_), None) => given(spot, source),
            (Some(source), Some(copy)) if source.same_content(copy) => {
                Verdict::agree(Some(source), Reason::ModeChanged)
            }
            _ => Verdict::Clash(ConflictKind::Drift),
        },
    }
}

fn untouched_source(base: &Entry, copy: Option<&Entry>, mirror: Side) -> Verdict {
    match copy {
        None => Verdict::agree(Some(base), Reason::Refilled).with_notice(mirror, "refilled"),
        Some(copy) if copy.same_content(base) => Verdict::Keep(Some((mirror, "attribute-drift"))),
        Some(_) => Verdict::Hold { on: mirror, reason: HeldReason::Drift, forget: false },
    }
}

fn changed_source(
    base: &Entry,
    source: Option<&Entry>,
    copy: Option<&Entry>,
    mirror: Side,
) -> Verdict {
    let drifted = copy.is_some_and(|copy| !copy.same_content(base));
    match source {
        None if drifted => {
            Verdict::Hold { on: mirror, reason: HeldReason::DriftSourceGone, forget: true }
        }
        None => Verdict::agree(None, Reason::Deleted),
        Some(source) if drifted && !copy.is_some_and(|copy| copy.same_content(source)) => {
            Verdict::Clash(ConflictKind::Drift)
        }
        Some(source) => {
            let attribute_only = copy.is_some_and(|copy| copy.same_content(source));
            let reason = if attribute_only { Reason::ModeChanged } else { Reason::Modified };
            Verdict::agree(Some(source), reason)
        }
    }
}
