//! Lays the two sides' changes over the baseline: one [`Spot`] for every path that may need a
//! decision.
//!
//! Enters: what the scans found to differ. Leaves: for each such path the baseline's memory and
//! what stands there on both sides, also below folders that vanished or could not be listed. The
//! cost grows with the changes; the whole baseline is walked only when the selection changed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::entry::{Base, Entry, Observation, Problem, State};
use crate::manifest::Direction;
use crate::path::RelPath;
use crate::sides::{Side, Sides};

use super::Context;

/// One path with everything that its decision may depend on.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    /// What the baseline remembers.
    pub(crate) base: Base,
    /// The direction under which its row was written, if it has a row.
    pub(crate) row_direction: Option<Direction>,
    /// The direction that applies now.
    pub(crate) direction: Direction,
    /// What stands there.
    pub(crate) seen: Sides<Observation>,
}

impl Spot {
    /// The state on `side`.
    pub(crate) fn state(&self, side: Side) -> &State {
        &self.seen.get(side).state
    }

    /// The entry on `side`, if one is present.
    pub(crate) fn entry(&self, side: Side) -> Option<&Entry> {
        self.state(side).entry()
    }

    /// Whether a folder stands on `side`.
    pub(crate) fn is_dir(&self, side: Side) -> bool {
        self.entry(side).is_some_and(Entry::is_dir)
    }

    /// Whether the state of either side could not be established.
    pub(crate) fn has_problem(&self) -> bool {
        Side::BOTH.iter().any(|&side| self.state(side).problem().is_some())
    }

    /// Whether `side` holds something that the baseline does not remember: created, or changed in
    /// content or kind. A changed executable bit is not content.
    pub(crate) fn changed_on(&self, side: Side) -> bool {
        match (self.entry(side), self.base.entry()) {
            (Some(entry), Some(base)) => !entry.same_content(base),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

/// All spots, and the rows that need nothing but rewriting.
pub(crate) struct Survey {
    /// By path, so that a folder comes before everything in it.
    pub(crate) spots: BTreeMap<RelPath, Spot>,
    /// Rows of paths that are not selected any more.
    pub(crate) unselected: Vec<RelPath>,
    /// Rows that are unchanged on both sides and were written under another direction.
    pub(crate) redirected: Vec<(RelPath, Entry)>,
}

/// Everything strictly below `dir` in a map ordered by path.
pub(crate) fn below<'m, T>(
    map: &'m BTreeMap<RelPath, T>,
    dir: &RelPath,
) -> impl Iterator<Item = (&'m RelPath, &'m T)> + use<'m, T> {
    let first = [dir.as_bytes(), b"/"].concat();
    // `0` is the byte after `/`.
    let end = [dir.as_bytes(), b"0"].concat();
    map.range::<[u8], _>((Bound::Included(&first[..]), Bound::Excluded(&end[..])))
}

/// Collects the spots.
pub(crate) fn survey(ctx: &Context) -> Survey {
    let mut survey =
        Survey { spots: BTreeMap::new(), unselected: Vec::new(), redirected: Vec::new() };
    for path in paths_in_question(ctx) {
        let row = ctx.baseline.row(&path);
        let Some(direction) = (ctx.direction)(&path) else {
            if row.is_some() {
                survey.unselected.push(path);
            }
            continue;
        };
        let base = ctx.baseline.base(&path);
        let row_direction = row.map(|row| row.direction);
        let seen = Sides::new(Side::Here, Side::There)
            .map(|side| observe(ctx, side, &path, &base, row_direction.is_some()));
        survey.spots.insert(path, Spot { base, row_direction, direction, seen });
    }
    if ctx.selection_changed {
        visit_all_rows(ctx, &mut survey);
    }
    survey
}

/// The listed paths, and every row below a folder that is no folder any more on some side.
fn paths_in_question(ctx: &Context) -> BTreeSet<RelPath> {
    let mut paths = BTreeSet::new();
    for (_, changes) in ctx.changes.iter() {
        let mut opened: BTreeSet<&RelPath> = BTreeSet::new();
        for (path, observation) in changes.iter() {
            paths.insert(path.clone());
            let gone = match &observation.state {
                State::Absent => true,
                State::Present(entry) => !entry.is_dir(),
                State::Problem(_) => false,
            };
            if !gone || path.ancestors().any(|above| opened.contains(&above)) {
                continue;
            }
            if ctx.baseline.base(path).entry().is_some_and(Entry::is_dir) {
                opened.insert(path);
                ctx.baseline.below(Some(path), &mut |row, _| {
                    paths.insert(row.clone());
                    true
                });
            }
        }
    }
    paths
}

/// What stands at `path` on `side`: as listed, or as follows from a listed folder above it, or as
/// the baseline has it.
fn observe(ctx: &Context, side: Side, path: &RelPath, base: &Base, has_row: bool) -> Observation {
    let changes = ctx.changes.get(side);
    let bytes = path.as_bytes();
    let mut parent_gone = false;
    for cut in bytes.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(i, _)| i) {
        match changes.get(&bytes[..cut]).map(|above| &above.state) {
            Some(State::Problem(problem)) => return Observation::of(State::Problem(*problem)),
            Some(State::Present(Entry::Dir)) | None => {}
            Some(_) => parent_gone = true,
        }
    }
    if let Some(listed) = changes.get(path) {
        return listed.clone();
    }
    Observation::of(match base {
        _ if parent_gone => State::Absent,
        Base::Known(entry) => State::Present(entry.clone()),
        // A row without memory must be listed. If it is not, its state is not known.
        Base::Unknown if has_row => State::Problem(Problem::Unreadable),
        Base::Absent | Base::Unknown => State::Absent,
    })
}

/// After a change of the manifests: finds rows that are not selected any more, and rows that
/// must learn their new direction.
fn visit_all_rows(ctx: &Context, survey: &mut Survey) {
    let seen: BTreeSet<RelPath> = survey.unselected.iter().cloned().collect();
    ctx.baseline.below(None, &mut |path, row| {
        match (ctx.direction)(path) {
            None if !seen.contains(path) => survey.unselected.push(path.clone()),
            Some(direction) if direction != row.direction && !survey.spots.contains_key(path) => {
                // Below a folder that could not be listed nothing is known to be unchanged.
                let hidden = path
                    .ancestors()
                    .any(|above| survey.spots.get(&above).is_some_and(Spot::has_problem));
                if let (Base::Known(entry), false) = (&row.base, hidden) {
                    survey.redirected.push((path.clone(), entry.clone()));
                }
            }
            _ => {}
        }
        true
    });
}
