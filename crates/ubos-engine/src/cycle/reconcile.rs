//! Stage 3: core's answer, with what the person decided, for single paths or by a policy.

use std::collections::BTreeMap;

use ubos_core::conflict::{Choice, Conflict, ConflictKind, Resolution};
use ubos_core::entry::Entry;
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::policy::{Policies, Policy};
use ubos_core::reconcile::{Context, NameRules, Reconciliation, reconcile as decide};
use ubos_core::selection::Selection;
use ubos_core::sides::{Side, Sides};

use super::load::Loaded;
use super::put_back::PutBackPaths;
use super::scan::ScannedRun;
use super::{ConflictPolicy, Request, settle};
use crate::endpoint::Scanned;
use crate::error::{EngineError, Result};

/// What was decided, not yet ordered.
pub(super) struct Reconciled {
    /// The sides.
    pub loaded: Loaded,
    /// What was seen.
    pub seen: Sides<Scanned>,
    /// The decisions.
    pub decisions: Reconciliation,
}

pub(super) fn reconcile(scanned: ScannedRun, request: &Request) -> Result<Reconciled> {
    let ScannedRun { mut loaded, seen } = scanned;
    let none = BTreeMap::new();
    let given = request.resolutions.as_ref().unwrap_or(&none);
    let policies = policies(&loaded, request)?;
    let mut decisions = decide_with(&loaded, &seen, &policies, given)?;
    // A person's decision about single paths decides nothing else, nor does merging after a loss, unless
    // a territory was named that wins.
    let preferred = matches!(request.conflicts, ConflictPolicy::Take(_));
    if request.focus().is_none() && (!request.merge_lost || preferred) {
        let mut by_policy =
            settle::by_policy(&mut loaded, request, &policies, &decisions.conflicts)?;
        // A policy brings nothing that is too large; a person may.
        by_policy.retain(|path, resolution| {
            let found = conflict_at(path, &decisions);
            !found.is_some_and(|conflict| exceeds(&loaded, &seen, conflict, resolution.choice))
        });
        if request.merge_lost {
            // Without memory no folder gives way to a file: that would take away all that is in it.
            by_policy.retain(|path, resolution| !takes_a_folder_away(path, resolution, &decisions));
        }
        if !by_policy.is_empty() {
            decisions = decide_with(&loaded, &seen, &policies, &by_policy)?;
        }
    }
    if let Some(placed) = &loaded.put_back {
        let winning = winning(placed, &decisions.conflicts);
        if !winning.is_empty() {
            decisions = decide_with(&loaded, &seen, &policies, &winning)?;
        }
        decisions.keep_only(&placed.set(), &placed.trees);
    }
    Ok(Reconciled { loaded, seen, decisions })
}

fn conflict_at<'d>(path: &RelPath, decisions: &'d Reconciliation) -> Option<&'d Conflict> {
    let conflicts = &decisions.conflicts;
    let found = conflicts.binary_search_by(|conflict| conflict.path.cmp(path)).ok();
    found.map(|index| &conflicts[index])
}

/// Whether `choice` would bring a file, or one that changed in a folder, to a side that does not
/// take one so large.
fn exceeds(loaded: &Loaded, seen: &Sides<Scanned>, conflict: &Conflict, choice: Choice) -> bool {
    let above =
        |to: Side, path: &RelPath, size| loaded.limits.get(to).excess(path, size, size).is_some();
    let from = |side: Side| {
        let own = conflict.sides.get(side).as_ref().map_or(0, |seen| seen.entry.size());
        let changes = &seen.get(side).changes;
        let size =
            |path| changes.get(path).and_then(|seen| seen.state.entry()).map_or(0, Entry::size);
        let below = conflict.children.iter().any(|path| above(side.other(), path, size(path)));
        above(side.other(), &conflict.path, own) || below
    };
    match choice {
        Choice::Take(side) => from(side),
        Choice::Merged { size, .. } => Side::BOTH.iter().any(|&to| above(to, &conflict.path, size)),
        Choice::Both | Choice::ChangedOnly => Side::BOTH.into_iter().any(from),
    }
}

fn takes_a_folder_away(
    path: &RelPath,
    resolution: &Resolution,
    decisions: &Reconciliation,
) -> bool {
    let Choice::Take(side) = resolution.choice else { return false };
    let found = conflict_at(path, decisions);
    let loser = found.and_then(|conflict| conflict.sides.get(side.other()).as_ref());
    loser.is_some_and(|seen| seen.entry.is_dir())
}

/// What the configuration says for each path; nothing where the request overrules it.
fn policies(loaded: &Loaded, request: &Request) -> Result<Policies> {
    if request.conflicts != ConflictPolicy::ByPath {
        return Ok(Policies::default());
    }
    let fold_case = loaded.standings.iter().any(|(_, standing)| standing.folds_case);
    loaded.config.policies(&loaded.names.there, fold_case)
}

fn decide_with(
    loaded: &Loaded,
    seen: &Sides<Scanned>,
    policies: &Policies,
    resolutions: &BTreeMap<RelPath, Resolution>,
) -> Result<Reconciliation> {
    let selection = selection(loaded)?;
    let table = loaded.local.table()?;
    let restore = |path: &RelPath| match policies.set_for(path) {
        Some(policy) => policy == Policy::Restore,
        None => loaded.config.restore_deleted,
    };
    Ok(decide(&Context {
        baseline: table,
        limits: loaded.limits.as_ref(),
        changes: Sides::new(&seen.here.changes, &seen.there.changes),
        direction: &|path| {
            let by_manifest = direction(selection, path)?;
            // What a person puts back in a one-way area goes to the other side once, as with
            // `promote`.
            let put_back = loaded.put_back.as_ref().is_some_and(|placed| placed.contains(path));
            Some(if put_back { Direction::Bidirectional } else { by_manifest })
        },
        owner: loaded.owner,
        names: loaded.standings.as_ref().map(|standing| NameRules {
            case_insensitive: standing.folds_case,
            ..NameRules::default()
        }),
        resolutions,
        restore_deleted: &restore,
        selection_changed: table.header().generation > 0
            && table.header().manifests != loaded.manifests,
    }))
}

/// What takes part in the run.
pub(super) fn selection(loaded: &Loaded) -> Result<&Selection> {
    loaded.local.selection().ok_or_else(|| EngineError::Damaged {
        what: "this run".into(),
        why: "nothing was scanned".into(),
    })
}

/// The direction of a path, be it a file or a folder.
pub(super) fn direction(selection: &Selection, path: &RelPath) -> Option<Direction> {
    let as_file = selection.judge_path(path, false).direction();
    as_file.or_else(|| selection.judge_path(path, true).direction())
}

/// Where a version that was put back wins over what the other side changed.
fn winning(placed: &PutBackPaths, conflicts: &[Conflict]) -> BTreeMap<RelPath, Resolution> {
    let conflicts = conflicts.iter().filter(|c| placed.wins && c.kind != ConflictKind::DirDelete);
    let won = conflicts.filter_map(|conflict| {
        let choice = Choice::Take(*placed.paths.get(&conflict.path)?);
        let resolution = Resolution { choice, mark: conflict.mark, beside: None };
        Some((conflict.path.clone(), resolution))
    });
    won.collect()
}

/// The side that was modified later, where that can be said: both hold a file or link, and the
/// clocks say different times. A deletion has no time.
pub fn newer(conflict: &Conflict) -> Option<Side> {
    if conflict.kind == ConflictKind::DirDelete {
        return None;
    }
    let time = |side: Side| {
        let seen = conflict.sides.get(side).as_ref()?;
        (!matches!(seen.entry, Entry::Dir)).then_some(seen.mtime)?
    };
    match time(Side::Here)?.cmp(&time(Side::There)?) {
        std::cmp::Ordering::Greater => Some(Side::Here),
        std::cmp::Ordering::Less => Some(Side::There),
        std::cmp::Ordering::Equal => None,
    }
}
