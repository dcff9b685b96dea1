//! Looks at a whole plan and holds back what a guard finds suspicious.
//!
//! A guard holds its whole class of items on a side, never a part of it; everything else goes on.
//! What a person decided is neither counted nor held. Rows are counted only when a plan is large
//! enough for it to matter.

use std::collections::{BTreeMap, BTreeSet};

use crate::entry::{Digest, Entry};
use crate::path::RelPath;
use crate::sides::{Side, Sides};

use super::{Guard, GuardReport, Item, OpKind, Operation, Plan, PlanInput};

/// Deletions up to this many are never held by [`Guard::MaxDelete`].
const FEW_DELETES: u64 = 25;
/// Overwrites up to this many are never held by [`Guard::MassOverwrite`].
const FEW_OVERWRITES: u64 = 25;
/// An entry or top-level folder with fewer rows may be emptied.
const FEW_ROWS: u64 = 3;
/// Fewer files than this may become empty at once.
const FEW_ZEROED: u64 = 3;
/// Fewer paths than this may return to an earlier content at once.
const FEW_REGRESSIONS: u64 = 20;
/// On a first run a side may receive up to this many files from a folder with little in common.
const MANY_CREATES: u64 = 1000;

/// Looks at all items and marks those that a guard holds; the reports go into `plan`. True if
/// nothing at all may be applied.
pub(super) fn look(items: &mut [Item], plan: &mut Plan, input: &PlanInput) -> bool {
    if let Some(report) = emptied(items, input) {
        for item in items.iter_mut() {
            item.guard = Some(Guard::Emptied);
        }
        plan.guards.push(report);
        return true;
    }
    let gone: BTreeSet<RelPath> = plan
        .adopt
        .iter()
        .filter(|(_, entry)| entry.is_none())
        .map(|(path, _)| path.clone())
        .collect();
    let mut watch = Watch { items, input, gone, totals: None, reports: Vec::new() };
    for on in Side::BOTH {
        watch.direction_changed(on);
        watch.entry_emptied(on);
        watch.max_delete(on);
        watch.mass_overwrite(on);
        watch.zeroed(on);
        watch.regression(on);
    }
    watch.first_run();
    let reports = watch.reports;
    plan.guards.extend(reports);
    hold_folders_with_content(items);
    false
}

/// One side has nothing left at all.
fn emptied(items: &[Item], input: &PlanInput) -> Option<GuardReport> {
    let (empty, _) = input.scanned.iter().find(|(_, count)| **count == 0)?;
    let mut rows = 0;
    input.baseline.below(None, &mut |_, _| {
        rows += 1;
        rows < 2
    });
    (rows >= 2).then(|| GuardReport {
        guard: Guard::Emptied,
        on: empty.other(),
        count: items.len() as u64,
        detail: "one side has no selected path left".to_owned(),
        stops: true,
    })
}

/// A folder is not removed while a guard keeps something in it.
fn hold_folders_with_content(items: &mut [Item]) {
    let mut kept: Vec<(Side, RelPath, Guard)> = Vec::new();
    for item in items.iter() {
        if let Some(guard) = item.guard {
            for side in Side::BOTH {
                kept.extend(item.deletes_on(side).map(|path| (side, path.clone(), guard)));
            }
        }
    }
    kept.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    for item in items.iter_mut().filter(|item| item.guard.is_none()) {
        let Some(op) = item.ops.first().filter(|op| op.kind == OpKind::Rmdir) else {
            continue;
        };
        let start = [op.path.as_bytes(), b"/"].concat();
        let first = kept.partition_point(|(side, path, _)| {
            (*side, path.as_bytes()) < (op.to, start.as_slice())
        });
        item.guard = kept
            .get(first)
            .filter(|(side, path, _)| *side == op.to && path.is_below(&op.path))
            .map(|(_, _, guard)| *guard);
    }
    hold_empty_folders(items);
}

/// An empty folder below one that is held goes with it or not at all: one confirmation, and one
/// undo, is about the whole.
fn hold_empty_folders(items: &mut [Item]) {
    let removal = |item: &Item| {
        let op = item.ops.first().filter(|op| op.kind == OpKind::Rmdir)?;
        Some((op.to, op.path.clone()))
    };
    let held: BTreeMap<(Side, RelPath), Guard> =
        items.iter().filter_map(|item| Some((removal(item)?, item.guard?))).collect();
    if held.is_empty() {
        return;
    }
    for item in items.iter_mut().filter(|item| item.guard.is_none()) {
        let Some((side, path)) = removal(item) else { continue };
        item.guard = path.ancestors().find_map(|above| held.get(&(side, above)).copied());
    }
}

/// The rows that are files or links, in all and by manifest entry.
#[derive(Default)]
struct Totals {
    all: u64,
    by_entry: BTreeMap<Option<u32>, u64>,
}

/// A group of paths that must not vanish as a whole.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Entry(u32),
    Top(Vec<u8>),
}

struct Watch<'a> {
    items: &'a mut [Item],
    input: &'a PlanInput<'a>,
    /// Rows that vanish because both sides lost them.
    gone: BTreeSet<RelPath>,
    totals: Option<Totals>,
    reports: Vec<GuardReport>,
}

impl Watch<'_> {
    /// Counts the rows, once, and only when a count is high enough to need it.
    fn totals(&mut self) -> &Totals {
        let input = self.input;
        self.totals.get_or_insert_with(|| {
            let mut totals = Totals::default();
            input.baseline.below(None, &mut |path, row| {
                if !row.base.entry().is_some_and(Entry::is_dir) {
                    totals.all += 1;
                    *totals.by_entry.entry((input.entry_of)(path)).or_default() += 1;
                }
                true
            });
            totals
        })
    }

    /// Holds the items among `which` that nothing holds yet, and reports it.
    fn hold(&mut self, guard: Guard, on: Side, which: &[usize], count: u64, detail: String) {
        for &index in which {
            self.items[index].guard.get_or_insert(guard);
        }
        self.reports.push(GuardReport { guard, on, count, detail, stops: false });
    }

    /// The items that are neither held nor decided by a person.
    fn free(&self) -> impl Iterator<Item = (usize, &Item)> {
        let items = self.items.iter().enumerate();
        items.filter(|(_, item)| item.guard.is_none() && !item.is_resolved())
    }

    /// The paths that the free items delete on a side, by some key, with the items.
    fn deletes<K: Ord>(
        &self,
        on: Side,
        key: impl Fn(&RelPath) -> Vec<K>,
    ) -> BTreeMap<K, (BTreeSet<RelPath>, Vec<usize>)> {
        let mut groups: BTreeMap<K, (BTreeSet<RelPath>, Vec<usize>)> = BTreeMap::new();
        for (index, item) in self.free() {
            for path in item.deletes_on(on) {
                for key in key(path) {
                    let group = groups.entry(key).or_default();
                    group.0.insert(path.clone());
                    group.1.push(index);
                }
            }
        }
        groups
    }

    fn direction_changed(&mut self, on: Side) {
        let count = self
            .items
            .iter()
            .filter(|item| item.guard == Some(Guard::DirectionChanged))
            .filter(|item| item.ops.first().is_some_and(|op| op.to == on))
            .count() as u64;
        if count > 0 {
            let detail =
                format!("{count} changes follow from a changed direction in the manifests");
            self.hold(Guard::DirectionChanged, on, &[], count, detail);
        }
    }

    fn entry_emptied(&mut self, on: Side) {
        let entry_of = self.input.entry_of;
        let groups = self.deletes(on, |path| {
            let entry = entry_of(path).map(Group::Entry);
            let top = path.ancestors().last().map(|top| Group::Top(top.as_bytes().to_vec()));
            entry.into_iter().chain(top).collect()
        });
        for (group, (deleted, items)) in groups {
            let count = deleted.len() as u64;
            if count >= FEW_ROWS && !self.has_survivor(on, &group, &deleted) {
                let name = match &group {
                    Group::Entry(number) => format!("manifest entry {number}"),
                    Group::Top(name) => format!("folder {}", crate::path::escape_bytes(name)),
                };
                let detail = format!("all {count} paths of {name} are gone on the other side");
                self.hold(Guard::EntryEmptied, on, &items, count, detail);
            }
        }
    }

    /// Whether anything of the group is left where the deletions come from: a row that is not
    /// deleted, or a file that was moved within the group. Looks near the deletions first.
    fn has_survivor(&self, on: Side, group: &Group, deleted: &BTreeSet<RelPath>) -> bool {
        let belongs = |path: &RelPath| match group {
            Group::Entry(number) => (self.input.entry_of)(path) == Some(*number),
            Group::Top(name) => path.components().next() == Some(name),
        };
        let mut moved: BTreeSet<&RelPath> = BTreeSet::new();
        for op in self.items.iter().flat_map(|item| &item.ops).filter(|op| op.to == on) {
            if let OpKind::Rename { from, contents } = &op.kind {
                if belongs(&op.path) {
                    return true;
                }
                moved.insert(from);
                moved.extend(contents.iter().map(|(path, _)| path));
            }
        }
        let Some(first) = deleted.first() else {
            return true;
        };
        for above in first.ancestors().map(Some).chain([None]) {
            let mut found = false;
            self.input.baseline.below(above.as_ref(), &mut |path, row| {
                let folder = row.base.entry().is_some_and(Entry::is_dir);
                let left =
                    deleted.contains(path) || moved.contains(path) || self.gone.contains(path);
                found = !folder && !left && belongs(path);
                !found
            });
            if found {
                return true;
            }
        }
        false
    }

    fn max_delete(&mut self, on: Side) {
        let entry_of = self.input.entry_of;
        let groups = self.deletes(on, |path| vec![entry_of(path)]);
        for (entry, (deleted, items)) in &groups {
            let count = deleted.len() as u64;
            if count > FEW_DELETES {
                let rows = self.totals().by_entry.get(entry).copied().unwrap_or(0);
                if count > rows / 10 {
                    let detail = format!("{count} of {rows} paths would be deleted");
                    self.hold(Guard::MaxDelete, on, items, count, detail);
                }
            }
        }
        let items: Vec<usize> = groups.values().flat_map(|(_, items)| items).copied().collect();
        let count = groups.values().map(|(deleted, _)| deleted.len() as u64).sum::<u64>();
        let recent = *self.input.recent_deletes.get(on);
        let held = items.iter().any(|&index| self.items[index].guard.is_some());
        if recent > 0 && count > 0 && !held && count + recent > FEW_DELETES {
            // What was deleted meanwhile has no row any more.
            let rows = self.totals().all + recent;
            if count + recent > rows / 10 {
                let detail = format!(
                    "{count} paths would be deleted, after {recent} in the last 24 hours, of {rows}"
                );
                self.hold(Guard::MaxDelete, on, &items, count, detail);
            }
        }
    }

    /// The free items that overwrite a file on a side, with the operation.
    fn overwrites(&self, on: Side) -> Vec<(usize, &Operation)> {
        self.free()
            .flat_map(|(index, item)| item.ops.iter().map(move |op| (index, op)))
            .filter(|(_, op)| op.to == on && matches!(op.kind, OpKind::Replace { .. }))
            .filter(|(_, op)| matches!(op.pre, Some(Entry::File { .. })))
            .collect()
    }

    fn mass_overwrite(&mut self, on: Side) {
        let mut groups: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
        for (index, op) in self.overwrites(on) {
            groups.entry((self.input.entry_of)(&op.path)).or_default().push(index);
        }
        for (entry, items) in groups {
            let count = items.len() as u64;
            if count <= FEW_OVERWRITES {
                continue;
            }
            let rows = self.totals().by_entry.get(&entry).copied().unwrap_or(0);
            if count * 2 > rows {
                let detail = format!("{count} of {rows} files would be overwritten");
                self.hold(Guard::MassOverwrite, on, &items, count, detail);
            }
        }
    }

    fn zeroed(&mut self, on: Side) {
        let items: Vec<usize> = self
            .overwrites(on)
            .into_iter()
            .filter(|(_, op)| op.pre.as_ref().is_some_and(|pre| pre.size() > 0))
            .filter(|(_, op)| matches!(op.post, Some(Entry::File { size: 0, .. })))
            .map(|(index, _)| index)
            .collect();
        let count = items.len() as u64;
        if count >= FEW_ZEROED && count * 50 >= self.totals().all {
            let detail = format!("{count} files became empty on the other side");
            self.hold(Guard::Zeroed, on, &items, count, detail);
        }
    }

    fn regression(&mut self, on: Side) {
        let items: Vec<usize> = self
            .overwrites(on)
            .into_iter()
            .filter(|(_, op)| {
                let mark = op.post.as_ref().and_then(Entry::digest).map(Digest::short);
                let earlier = self.input.baseline.row(&op.path).map(|row| row.earlier);
                mark.zip(earlier).is_some_and(|(mark, earlier)| earlier.contains(&mark))
            })
            .map(|(index, _)| index)
            .collect();
        let count = items.len() as u64;
        if count >= FEW_REGRESSIONS && count * 20 >= self.totals().all {
            let detail = format!("{count} files went back to an earlier content on the other side");
            self.hold(Guard::Regression, on, &items, count, detail);
        }
    }

    fn first_run(&mut self) {
        let Some(shared) = self.input.first_run else {
            return;
        };
        let smaller = self.input.scanned.here.min(self.input.scanned.there);
        if shared * 2 >= smaller {
            return;
        }
        let makes = |item: &Item, on: Side, folders: bool| {
            item.ops.iter().any(|op| {
                op.to == on
                    && (matches!(op.kind, OpKind::Create) || folders && op.kind == OpKind::Mkdir)
            })
        };
        let counts = Sides::new(Side::Here, Side::There)
            .map(|on| self.free().filter(|(_, item)| makes(item, on, false)).count() as u64);
        if counts.here.max(counts.there) <= MANY_CREATES {
            return;
        }
        for on in Side::BOTH {
            let items: Vec<usize> = self
                .free()
                .filter(|(_, item)| makes(item, on, true))
                .map(|(index, _)| index)
                .collect();
            let count = *counts.get(on);
            if !items.is_empty() {
                let detail = format!(
                    "{count} files would be made; the two folders share {shared} of {smaller} paths"
                );
                self.hold(Guard::FirstRun, on, &items, count, detail);
            }
        }
    }
}
