//! Stage 3: core's answer, with what the person decided, for single paths or by a policy.

use std::collections::BTreeMap;

use ubos_core::conflict::{Choice, Conflict, ConflictKind, Resolution};
use ubos_core::entry::Entry;
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::reconcile::{Context, NameRules, Reconciliation, reconcile as decide};
use ubos_core::selection::Selection;
use ubos_core::sides::{Side, Sides};

use super::load::Loaded;
use super::scan::ScannedRun;
use super::{ConflictPolicy, Request};
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
    let ScannedRun { loaded, seen } = scanned;
    let none = BTreeMap::new();
    let given = request.resolutions.as_ref().unwrap_or(&none);
    let mut decisions = decide_with(&loaded, &seen, given)?;
    let mut by_policy = resolutions_by_policy(&request.conflicts, &decisions.conflicts);
    if request.merge_lost {
        // Without memory no folder gives way to a file: that would take away all that is in it.
        by_policy.retain(|path, resolution| !takes_a_folder_away(path, resolution, &decisions));
    }
    if !by_policy.is_empty() {
        decisions = decide_with(&loaded, &seen, &by_policy)?;
    }
    Ok(Reconciled { loaded, seen, decisions })
}

fn takes_a_folder_away(
    path: &RelPath,
    resolution: &Resolution,
    decisions: &Reconciliation,
) -> bool {
    let Choice::Take(side) = resolution.choice else { return false };
    let conflicts = &decisions.conflicts;
    let found = conflicts.binary_search_by(|conflict| conflict.path.cmp(path)).ok();
    let loser = found.and_then(|index| conflicts[index].sides.get(side.other()).as_ref());
    loser.is_some_and(|seen| seen.entry.is_dir())
}

fn decide_with(
    loaded: &Loaded,
    seen: &Sides<Scanned>,
    resolutions: &BTreeMap<RelPath, Resolution>,
) -> Result<Reconciliation> {
    let selection = selection(loaded)?;
    let table = loaded.local.table()?;
    let restore = loaded.config.restore_deleted;
    Ok(decide(&Context {
        baseline: table,
        changes: Sides::new(&seen.here.changes, &seen.there.changes),
        direction: &|path| direction(selection, path),
        owner: loaded.owner,
        names: loaded.standings.as_ref().map(|standing| NameRules {
            case_insensitive: standing.folds_case,
            ..NameRules::default()
        }),
        resolutions,
        restore_deleted: &|_| restore,
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

fn resolutions_by_policy(
    policy: &ConflictPolicy,
    conflicts: &[Conflict],
) -> BTreeMap<RelPath, Resolution> {
    let choose = |conflict: &Conflict| match policy {
        ConflictPolicy::Hold => None,
        ConflictPolicy::Take(side) => Some(Choice::Take(*side)),
        ConflictPolicy::Newer => newer(conflict).map(Choice::Take),
    };
    conflicts
        .iter()
        .filter_map(|conflict| {
            let resolution =
                Resolution { choice: choose(conflict)?, mark: conflict.mark, beside: None };
            Some((conflict.path.clone(), resolution))
        })
        .collect()
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
