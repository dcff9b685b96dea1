//! Holds what is larger than the side that would receive it takes.
//!
//! Comes after the moves were found: what is only moved brings no content. What a person decided
//! about a path is carried out whatever its size, and a conflict stays a conflict. The row of a held
//! path stays as it is, so that neither side loses what it has because of it.

use std::collections::BTreeMap;

use crate::conflict::{Held, HeldReason};
use crate::entry::Entry;
use crate::limits::Excess;
use crate::path::RelPath;
use crate::plan::Reason;
use crate::sides::Side;

use super::folders::{Settled, keep_needed_folders, replaced_folder, spare_stuck};
use super::moves::Moves;
use super::survey::{Spot, below};
use super::verdict::Verdict;
use super::{Context, resolve};

/// Replaces each verdict that would bring too much by one that waits for a person.
pub(super) fn hold(
    ctx: &Context,
    spots: &BTreeMap<RelPath, Spot>,
    settled: &mut Settled,
    moves: &mut Moves,
) {
    if ctx.limits.iter().all(|(_, limits)| limits.is_none()) {
        return;
    }
    let_go_of_large_rotations(ctx, spots, settled, moves);
    let mut found = Vec::new();
    for (path, verdict) in &settled.verdicts {
        let excess = || Side::BOTH.into_iter().find_map(|to| excess(ctx, path, spots, verdict, to));
        if !moves.covered.contains(path)
            && let Some((on, excess)) = excess()
        {
            found.push((path.clone(), on, HeldReason::TooLarge(excess)));
        }
    }
    if found.is_empty() {
        return;
    }
    for (path, on, reason) in found {
        let spot = &spots[&path];
        if replaced_folder(spot, &settled.verdicts[&path]).is_some() {
            // The folder stays for the time being, with all that is in it.
            for (child, _) in below(spots, &path).filter(|(p, _)| !moves.covered.contains(*p)) {
                settled.verdicts.insert(child.clone(), Verdict::Blocked);
            }
        }
        let mark = resolve::mark(ctx.owner, reason.word(), &path, spot, std::iter::empty);
        settled.held.push(Held { path: path.clone(), on, reason, mark });
        settled.verdicts.insert(path, Verdict::Hold { on, reason, forget: false });
    }
    spare_stuck(spots, &mut settled.verdicts, &moves.covered);
    keep_needed_folders(spots, &mut settled.verdicts);
}

/// A log whose fresh part is too large does not give up its place: both paths are judged by
/// themselves.
fn let_go_of_large_rotations(
    ctx: &Context,
    spots: &BTreeMap<RelPath, Spot>,
    settled: &Settled,
    moves: &mut Moves,
) {
    let covered = &mut moves.covered;
    moves.rotated.retain(|found| {
        let verdict = &settled.verdicts[&found.from];
        let fits = excess(ctx, &found.from, spots, verdict, found.to).is_none();
        if !fits {
            covered.remove(&found.from);
            covered.remove(&found.into);
        }
        fits
    });
}

/// By how much `verdict` brings more to `to` than that side takes, with the side that holds it.
fn excess(
    ctx: &Context,
    path: &RelPath,
    spots: &BTreeMap<RelPath, Spot>,
    verdict: &Verdict,
    to: Side,
) -> Option<(Side, Excess)> {
    let spot = &spots[path];
    let size = |side: Side| spot.entry(side).map_or(0, Entry::size);
    let (size, moved) = match verdict {
        Verdict::Agree { post: Some(post @ Entry::File { .. }), reason, .. }
            if *reason != Reason::Resolved
                && !spot.entry(to).is_some_and(|entry| entry.same_content(post)) =>
        {
            (post.size(), post.size())
        }
        Verdict::Append(mirror) if *mirror == to => {
            (size(to.other()), size(to.other()).saturating_sub(size(to)))
        }
        Verdict::Seal(mirror, reason) if *mirror == to && *reason != Reason::Resolved => {
            (size(to.other()), size(to.other()))
        }
        _ => return None,
    };
    let excess = ctx.limits.get(to).excess(path, size, moved)?;
    Some((to.other(), excess))
}
