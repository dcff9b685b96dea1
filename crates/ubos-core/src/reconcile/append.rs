//! Append-only areas: a log at its source (the authority) and its copy here (the mirror).
//!
//! The copy is only ever extended, or put aside for ever and fetched anew; it is never cut. The
//! scan of the source has already cut size and digest at the last whole line, and reports the
//! digest of as many first bytes as the baseline remembers.

use crate::conflict::ConflictKind;
use crate::entry::{Base, Entry};
use crate::plan::Reason;
use crate::sides::Side;

use super::survey::Spot;
use super::verdict::{LOCAL_ONLY, Verdict, given};

/// Decides one path of an append-only area. Neither state is a problem.
pub(crate) fn decide(spot: &Spot, authority: Side) -> Verdict {
    let mirror = authority.other();
    match (spot.entry(authority), spot.entry(mirror)) {
        (source, copy) if source == copy => Verdict::agree(source, Reason::Modified),
        (None, Some(copy)) => Verdict::Keep(match &spot.base {
            // A folder says nothing: the logs in it do.
            Base::Known(_) if copy.is_dir() => None,
            Base::Known(_) => Some((mirror, "source-gone")),
            _ => Some((mirror, LOCAL_ONLY)),
        }),
        (Some(source), None) => match &spot.base {
            Base::Known(_) => {
                Verdict::agree(Some(source), Reason::Refilled).with_notice(mirror, "refilled")
            }
            _ => given(spot, Some(source)),
        },
        (Some(source), Some(copy)) => both_present(spot, authority, source, copy),
        (None, None) => Verdict::agree(None, Reason::Deleted),
    }
}

fn both_present(spot: &Spot, authority: Side, source: &Entry, copy: &Entry) -> Verdict {
    let mirror = authority.other();
    if source.same_content(copy) {
        return Verdict::agree(Some(source), Reason::ModeChanged);
    }
    let diverged = Verdict::Clash(ConflictKind::AppendDiverged);
    if source.digest().is_none() || copy.digest().is_none() {
        return diverged;
    }
    if copy.size() == 0 {
        return Verdict::Append(mirror);
    }
    match spot.base.entry() {
        Some(base) if copy.same_content(base) => {
            let prefix = spot.seen.get(authority).prefix;
            if source.size() > base.size() && prefix == base.digest() {
                Verdict::Append(mirror)
            } else {
                Verdict::Seal(mirror, Reason::Rotated)
            }
        }
        _ => diverged,
    }
}
