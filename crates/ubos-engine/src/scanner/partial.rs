//! Looks again at some paths of a tree that was scanned before. What a watch noticed costs in
//! proportion to what it noticed; the truth is still what stands on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound;

use ubos_core::entry::{Base, Changes, Entry, Observation, Problem, State};
use ubos_core::path::RelPath;
use ubos_core::selection::Verdict;

use super::walk::{self, Walked};
use super::{Evidence, ScanRequest, ScanResult, hashing};
use crate::fs::Stamp;
use crate::scanner::digest::Pieces;
use crate::state::table::Table;

/// How a territory differs from its baseline, as all scans so far saw it.
#[derive(Debug, Default)]
pub struct Tree {
    changes: Changes,
    scanned: u64,
}

/// What looking again brought to light besides the differences.
#[derive(Debug, Default)]
pub struct Looked {
    /// Evidence for the files that were looked at.
    pub evidence: BTreeMap<RelPath, Evidence>,
    /// Unchanged rows whose stamp is new.
    pub refreshed: Vec<(RelPath, Option<Stamp>, Pieces)>,
    /// Whether anything stands there that did not when it was looked at before.
    pub differs: bool,
}

impl Tree {
    /// The tree that a full scan saw.
    pub fn of(found: &ScanResult) -> Self {
        Self { changes: found.changes.clone(), scanned: found.scanned }
    }

    /// Paths that differ from the baseline.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Selected files and links.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// Looks again at `dirty`, each with all that is below it, and at what was busy or in trouble
    /// before. `None` if only a full scan can tell; the tree is then of no use any more.
    ///
    /// # Errors
    /// What the system says.
    pub fn look(
        &mut self,
        request: &ScanRequest<'_>,
        dirty: &BTreeSet<RelPath>,
    ) -> io::Result<Option<Looked>> {
        // A folder that was renamed must not be taken for the one that has its name now.
        request.root.forget_folder();
        let troubled = self.changes.iter().filter(|(_, seen)| seen.state.problem().is_some());
        let troubled: Vec<RelPath> = troubled.map(|(path, _)| path.clone()).collect();
        let mut places = BTreeSet::new();
        for path in dirty.iter().chain(&troubled) {
            match place_of(request, path)? {
                Place::At(path) => {
                    places.insert(path);
                }
                Place::Nowhere => {}
                Place::Everywhere => return Ok(None),
            }
        }
        let tops: Vec<&RelPath> = places
            .iter()
            .filter(|path| !path.ancestors().any(|above| places.contains(&above)))
            .collect();
        let mut walked = Walked::default();
        for path in &tops {
            let Some(found) = look_at(request, path, walked)? else { return Ok(None) };
            walked = found;
        }
        let found = hashing::settle(request, walked);
        let mut before = Changes::new();
        for path in tops {
            self.forget(request.table, path, &mut before);
        }
        let differs = !same_states(&before, &found.changes);
        self.scanned += found.scanned;
        self.changes.extend(found.changes);
        let looked = Looked { evidence: found.evidence, refreshed: found.refreshed, differs };
        // Nothing left at all is a claim that only a full scan may make.
        Ok((self.scanned > 0).then_some(looked))
    }

    /// The rows of these paths are about to change, `apply` changes them: what was seen there no
    /// longer tells anything about the baseline, and counts as equal to it until it is looked at
    /// again.
    pub fn rows_change<T>(
        &mut self,
        paths: &[RelPath],
        table: &mut Table,
        apply: impl FnOnce(&mut Table) -> T,
    ) -> T {
        let count = |tree: &Self, table: &Table| {
            paths.iter().filter(|path| tree.counts(table, path)).count() as u64
        };
        let before = count(self, table);
        let result = apply(table);
        for path in paths {
            self.changes.remove(path);
        }
        let after = count(self, table);
        self.scanned = (self.scanned + after).saturating_sub(before);
        result
    }

    /// Whether a file or link stands at `path`, as far as is known.
    fn counts(&self, table: &Table, path: &RelPath) -> bool {
        match self.changes.get(path) {
            Some(seen) => is_counted(seen),
            None => table.record(path).is_some_and(|record| {
                matches!(record.row.base, Base::Known(Entry::File { .. } | Entry::Symlink { .. }))
            }),
        }
    }

    /// Moves what was seen of `top` and below to `dropped`.
    fn forget(&mut self, table: &Table, top: &RelPath, dropped: &mut Changes) {
        let mut known: BTreeSet<RelPath> = BTreeSet::from([top.clone()]);
        table.folders(Some(top.as_bytes()), &mut |folder| {
            table.folder_rows(folder, &mut |row| {
                known.extend(ubos_core::path::join_bytes(folder, row.name));
            });
            true
        });
        let start = [top.as_bytes(), b"/"].concat();
        let from = (Bound::Included(&start[..]), Bound::Unbounded);
        let seen = self.changes.range::<[u8], _>(from).map(|(path, _)| path);
        known.extend(seen.take_while(|path| path.as_bytes().starts_with(&start)).cloned());
        let counted = known.iter().filter(|path| self.counts(table, path)).count() as u64;
        self.scanned = self.scanned.saturating_sub(counted);
        for path in &known {
            dropped.extend(self.changes.remove_entry(path));
        }
    }
}

/// Whether both hold the same at the same paths, whatever the times.
fn same_states(one: &Changes, other: &Changes) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((path, seen), (other_path, other))| {
            path == other_path && seen.state == other.state && seen.prefix == other.prefix
        })
}

fn is_counted(seen: &Observation) -> bool {
    matches!(
        seen.state,
        State::Present(Entry::File { .. } | Entry::Symlink { .. })
            | State::Problem(Problem::EscapingLink)
    )
}

/// Where one has to look to know what became of a path.
enum Place {
    At(RelPath),
    Nowhere,
    Everywhere,
}

/// A path below a folder that is new, gone or no folder any more is looked at from there.
fn place_of(request: &ScanRequest<'_>, path: &RelPath) -> io::Result<Place> {
    let mut scope = request.selection.root();
    let above: Vec<RelPath> = path.ancestors().collect();
    let down = |paths: &[RelPath]| {
        let mut paths = paths.to_vec();
        paths.sort_by_key(|path| path.as_bytes().len());
        paths
    };
    for folder in down(&above) {
        match scope.judge(folder.name(), true) {
            Verdict::Excluded | Verdict::Unselected => return Ok(Place::Nowhere),
            Verdict::Selected(_) if !is_known_folder(request.table, &folder) => {
                return Ok(Place::At(folder));
            }
            Verdict::Selected(_) | Verdict::Passage => scope = scope.enter(folder.name()),
        }
    }
    match request.root.open_parent(path) {
        Ok(_) => Ok(Place::At(path.clone())),
        Err(_) => {
            for folder in down(&above) {
                match request.root.stat(&folder) {
                    Ok(Some(stat)) if is_folder(&stat) => {}
                    Ok(_) => return Ok(Place::At(folder)),
                    Err(_) => return Ok(Place::Everywhere),
                }
            }
            Ok(Place::Everywhere)
        }
    }
}

fn is_folder(stat: &rustix::fs::Stat) -> bool {
    Stamp::of(stat).file_type() == rustix::fs::FileType::Directory
}

fn is_known_folder(table: &Table, path: &RelPath) -> bool {
    table.record(path).is_some_and(|record| record.row.base == Base::Known(Entry::Dir))
}

/// Adds what stands at `path` and below to `found`; `None` if its folder cannot be looked into.
fn look_at(request: &ScanRequest<'_>, path: &RelPath, found: Walked) -> io::Result<Option<Walked>> {
    let mut scope = request.selection.root();
    let parents = path.components().count() - 1;
    for name in path.components().take(parents) {
        scope = scope.enter(name);
    }
    match request.root.open_parent(path) {
        Ok(parent) => walk::walk_one(request, &parent, &scope, path, found).map(Some),
        Err(_) => Ok(None),
    }
}
