//! Gives one spelling to names that mean the same, before anything is compared.
//!
//! The key of a name is its NFC form, folded if either side takes upper and lower case for one. A
//! row whose name is gone on a side, where another name with its key appeared, was respelled
//! there: its rows, and what both sides report at and below it, are carried over to the new
//! spelling, and the side that has another one renames. Content is compared afterwards, as if
//! nothing had happened to the name. Of several names with one key on one side only one takes
//! part, the tracked one if there is one; the others are held.
//!
//! Almost always there is nothing to do, and no row is visited.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

use crate::baseline::Baseline;
use crate::conflict::{Held, HeldReason};
use crate::entry::{Base, Changes, Digest, Entry, Observation, Problem, State};
use crate::path::RelPath;
use crate::plan::{Item, OpKind, Operation, Reason};
use crate::sides::{Side, Sides};

use super::Context;
use super::drafts::{Draft, Otherwise};
use super::overlay::Overlay;
use super::survey::below;

/// The changes and the baseline under their common spellings, and what has to be done for them.
pub(crate) struct Respelled<'a> {
    /// What both sides report, under the common spellings.
    pub(crate) changes: Sides<Changes>,
    /// The baseline under the common spellings.
    pub(crate) baseline: Overlay<'a>,
    /// The renames, with the rows they carry over.
    pub(crate) drafts: Vec<Draft>,
    /// The common spellings that are new to a side or to the baseline.
    pub(crate) names: Vec<RelPath>,
}

/// Two names are one if their keys are equal.
pub(crate) fn key(name: &[u8], fold: bool) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(name) else {
        return name.to_vec();
    };
    if fold {
        // Folding may undo the composition, so it is composed again.
        let folded: String = text.nfc().flat_map(char::to_lowercase).collect();
        folded.nfc().collect::<String>().into_bytes()
    } else {
        text.nfc().collect::<String>().into_bytes()
    }
}

/// Finds the spellings; `None` if every name stands as it is.
pub(crate) fn respell<'a>(ctx: &Context<'a>) -> Option<Respelled<'a>> {
    let fold = ctx.names.here.case_insensitive || ctx.names.there.case_insensitive;
    let ambiguous = |path: &RelPath| fold || !path.is_ascii();
    let is_new = |path: &RelPath, seen: &Observation| {
        !seen.state.is_absent() && ambiguous(path) && ctx.baseline.row(path).is_none()
    };
    let deepest = ctx
        .changes
        .iter()
        .flat_map(|(_, changes)| changes.iter())
        .filter(|(path, seen)| is_new(path, seen))
        .map(|(path, _)| path.components().count())
        .max()?;
    let out = Respelled {
        changes: ctx.changes.map(Clone::clone),
        baseline: Overlay::over(ctx.baseline),
        drafts: Vec::new(),
        names: Vec::new(),
    };
    let mut speller = Speller { ctx, fold, out };
    // Folders first: what is in them is compared under their common spelling.
    for depth in 1..=deepest {
        speller.unify(depth);
    }
    Some(speller.out)
}

struct Speller<'a, 'c> {
    ctx: &'c Context<'a>,
    fold: bool,
    out: Respelled<'a>,
}

/// The names of one folder that have one key.
#[derive(Default)]
struct Group {
    tracked: BTreeSet<RelPath>,
    new: Sides<BTreeSet<RelPath>>,
}

impl Speller<'_, '_> {
    fn unify(&mut self, depth: usize) {
        for (_, group) in self.groups(depth) {
            let mut spellings: BTreeSet<&RelPath> = group.tracked.iter().collect();
            spellings.extend(group.new.here.iter().chain(&group.new.there));
            // Two rows with one key come from before a side began to fold names: left alone.
            if spellings.len() > 1 && group.tracked.len() < 2 {
                self.settle(&group);
            }
        }
    }

    /// The names of this depth with their folder and key, where something is new.
    fn groups(&self, depth: usize) -> BTreeMap<(Vec<u8>, Vec<u8>), Group> {
        let mut groups: BTreeMap<(Vec<u8>, Vec<u8>), Group> = BTreeMap::new();
        for side in Side::BOTH {
            for (path, seen) in self.out.changes.get(side) {
                if seen.state.is_absent()
                    || path.components().count() != depth
                    || self.out.baseline.row(path).is_some()
                {
                    continue;
                }
                let id = (path.parent_bytes().to_vec(), key(path.name(), self.fold));
                groups.entry(id).or_default().new.get_mut(side).insert(path.clone());
            }
        }
        let folders: BTreeSet<Vec<u8>> = groups.keys().map(|(folder, _)| folder.clone()).collect();
        for folder in folders {
            let above = RelPath::new(folder.clone()).ok();
            self.out.baseline.children(above.as_ref(), &mut |path, _| {
                let id = (folder.clone(), key(path.name(), self.fold));
                if let Some(group) = groups.get_mut(&id) {
                    group.tracked.insert(path.clone());
                }
            });
        }
        groups
    }

    fn settle(&mut self, group: &Group) {
        let tracked = group.tracked.first();
        let spelling = Sides::new(Side::Here, Side::There).map(|side| {
            let changes = self.out.changes.get(side);
            let gone = |path: &RelPath| changes.get(path).is_some_and(|s| s.state.is_absent());
            match tracked {
                Some(path) if !gone(path) => Some(path.clone()),
                _ => {
                    let new = group.new.get(side);
                    let shared = new.intersection(group.new.get(side.other())).next();
                    shared.or(new.first()).cloned()
                }
            }
        });
        for (side, chosen) in spelling.iter() {
            for name in group.new.get(side) {
                if Some(name) != chosen.as_ref() {
                    self.withdraw(side, name, Problem::NameCollision);
                }
            }
        }
        let Some(common) = self.common(tracked, &spelling) else {
            return;
        };
        if Side::BOTH.into_iter().any(|side| self.is_unreadable(side, spelling.get(side), &common))
        {
            self.postpone(group, Problem::Unreadable);
        } else if spelling.iter().any(|(side, name)| {
            name.as_ref() != Some(&common) && group.new.get(side).contains(&common)
        }) {
            // The place of the common spelling is taken by another file on that side.
            self.postpone(group, Problem::NameCollision);
        } else if (self.ctx.direction)(&common).is_some() {
            self.carry_over(tracked, &spelling, &common);
        }
    }

    /// The spelling for both: the one that was changed; of two, the authority's, or the first.
    fn common(
        &self,
        tracked: Option<&RelPath>,
        spelling: &Sides<Option<RelPath>>,
    ) -> Option<RelPath> {
        let (Some(here), Some(there)) = (&spelling.here, &spelling.there) else {
            return spelling.here.clone().or(spelling.there.clone());
        };
        let direction = (self.ctx.direction)(here).or((self.ctx.direction)(there));
        let authority = direction.and_then(|direction| direction.authority(self.ctx.owner));
        let common = match authority {
            Some(Side::Here) => here,
            Some(Side::There) => there,
            None if Some(here) == tracked => there,
            None if Some(there) == tracked => here,
            None => here.min(there),
        };
        Some(common.clone())
    }

    fn is_unreadable(&self, side: Side, name: &Option<RelPath>, common: &RelPath) -> bool {
        let changes = self.out.changes.get(side);
        let problem = |seen: &Observation| seen.state.problem().is_some();
        // What lies in a folder that could not be listed is not known.
        if common.ancestors().any(|above| changes.get(&above).is_some_and(problem)) {
            return true;
        }
        let Some(name) = name else { return false };
        changes.get(name).is_some_and(problem)
            || below(changes, name).any(|(_, seen)| problem(seen))
    }

    /// What cannot be read or has no free place is not renamed: the whole group waits.
    fn postpone(&mut self, group: &Group, problem: Problem) {
        for side in Side::BOTH {
            for name in group.tracked.iter().chain(group.new.get(side)) {
                self.withdraw(side, name, problem);
            }
        }
    }

    /// Takes a name out of the comparison. As a problem it also keeps the folders that hold it.
    fn withdraw(&mut self, side: Side, name: &RelPath, problem: Problem) {
        let changes = self.out.changes.get_mut(side);
        take_below(changes, name);
        changes.insert(name.clone(), Observation::of(State::Problem(problem)));
    }

    /// Moves rows and reports to the common spelling, and plans the rename.
    fn carry_over(
        &mut self,
        tracked: Option<&RelPath>,
        spelling: &Sides<Option<RelPath>>,
        common: &RelPath,
    ) {
        let mut rows = Vec::new();
        if let Some(old) = tracked.filter(|old| *old != common) {
            rows = self.out.baseline.rename(old, common);
        }
        let mut ops = Vec::new();
        for (side, name) in spelling.iter() {
            self.report_under(side, tracked, name.as_ref(), common);
            if let Some(name) = name.as_ref().filter(|name| *name != common) {
                ops.extend(self.rename(side, name, common));
            }
        }
        if !ops.is_empty() || !rows.is_empty() {
            // What is not tracked must not move with its folder.
            let folder = ops.iter().find(|op| op.pre == Some(Entry::Dir));
            let otherwise = folder.map(|op| {
                let mark = Digest::of(common.as_bytes());
                let reason = HeldReason::UntrackedInTheWay;
                Otherwise::Hold(Held { path: common.clone(), on: op.to, reason, mark })
            });
            let item = Item { ops, rows, guard: None };
            self.out.names.push(common.clone());
            self.out.drafts.push(Draft { item, respells: true, otherwise });
        }
    }

    /// Rewrites the report of `side` so that it speaks of `common`.
    fn report_under(
        &mut self,
        side: Side,
        tracked: Option<&RelPath>,
        name: Option<&RelPath>,
        common: &RelPath,
    ) {
        let changes = self.out.changes.get_mut(side);
        let old = tracked.map(|old| take_below(changes, old)).unwrap_or_default();
        if name == tracked || name.is_none() {
            // Not respelled here, or gone: the same report under the other name.
            let from = tracked.unwrap_or(common);
            changes.extend(
                old.into_iter().filter_map(|(path, seen)| Some((path.rebase(from, common)?, seen))),
            );
            return;
        }
        let Some(name) = name else { return };
        let mut new: Changes = take_below(changes, name)
            .into_iter()
            .filter_map(|(path, seen)| Some((path.rebase(name, common)?, seen)))
            .collect();
        // Under a new name everything is reported; what the rows know already is no change.
        for (path, base) in self.out.baseline.at_and_below(common) {
            match new.get(&path) {
                None => {
                    new.insert(path, Observation::of(State::Absent));
                }
                Some(seen) if base.equals(&seen.state) => {
                    new.remove(&path);
                }
                Some(_) => {}
            }
        }
        self.out.changes.get_mut(side).extend(new);
    }

    /// The rename on `to`, with everything that lies below.
    fn rename(&self, to: Side, name: &RelPath, common: &RelPath) -> Option<Operation> {
        let changes = self.out.changes.get(to);
        let mut present: BTreeMap<RelPath, Entry> = BTreeMap::new();
        for (path, base) in self.out.baseline.at_and_below(common) {
            if let Base::Known(entry) = base {
                present.insert(path, entry);
            }
        }
        let reported = changes.get_key_value(common).into_iter().chain(below(changes, common));
        for (path, seen) in reported {
            match seen.state.entry() {
                Some(entry) => present.insert(path.clone(), entry.clone()),
                None => present.remove(path),
            };
        }
        let entry = present.remove(common)?;
        let contents = present
            .into_iter()
            .filter_map(|(path, entry)| Some((path.rebase(common, name)?, entry)))
            .collect();
        Some(Operation {
            path: common.clone(),
            to,
            kind: OpKind::Rename { from: name.clone(), contents },
            pre: Some(entry.clone()),
            post: Some(entry),
            reason: Reason::Moved,
        })
    }
}

/// Removes and returns what is reported at and below `path`.
fn take_below(changes: &mut Changes, path: &RelPath) -> Changes {
    let mut paths: Vec<RelPath> = below(changes, path).map(|(path, _)| path.clone()).collect();
    paths.push(path.clone());
    paths.into_iter().filter_map(|path| changes.remove_entry(&path)).collect()
}
