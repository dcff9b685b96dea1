//! What a snapshot comes to: what was known, read and recorded, put together.

use std::collections::BTreeMap;

use ubos_core::path::RelPath;
use ubos_core::selection::Selection;
use ubos_engine::fs::Root;
use ubos_engine::inventory::Inventory;

use super::base::Base;
use super::class::Classes;
use super::compare::{Comparison, Gone};
use super::content::{Outcome, Taken};
use super::edits::{Parts, Placed, divide};
use super::logs::Logs;
use super::table::{LogRow, Table};
use crate::git::gates::Finding;
use crate::git::manifest::Gap;

/// What a snapshot comes to, before it is committed.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Files and links that the commits hold.
    pub(super) placed: Placed,
    /// Former versions, of what could not be looked at, that they still hold.
    pub(super) former: Placed,
    /// Former versions of logs that could not be looked at.
    pub(super) former_logs: BTreeMap<RelPath, LogRow>,
    /// What is proved to be gone.
    pub(super) gone: Vec<Gone>,
    /// What is selected no more.
    pub(super) left: Vec<RelPath>,
    /// What is not kept as it stands now.
    pub(super) gaps: Vec<(RelPath, Gap, String)>,
    /// What the gates found.
    pub(super) findings: Vec<Finding>,
}

impl Done {
    /// The changes of each commit.
    pub(super) fn parts(&self, logs: Option<&Logs>, base: &Base) -> Parts {
        let gone: Vec<_> =
            self.gone.iter().map(|gone| (&gone.path, gone.class, gone.apart)).collect();
        let logs = logs.into_iter().flat_map(|logs| logs.rows.keys());
        let apart = base.apart.as_ref().map(|apart| &apart.tree);
        divide(&self.placed, logs, &gone, &base.own, apart)
    }
}

/// All that it is put together from.
#[derive(Debug)]
pub(super) struct Gather<'a> {
    /// What stands on disk.
    pub(super) inventory: &'a Inventory,
    /// The territory, for proofs of absence.
    pub(super) root: &'a Root,
    /// The manifests of now.
    pub(super) selection: &'a Selection,
    /// To whom paths belong.
    pub(super) classes: &'a Classes,
    /// What the last snapshot knew.
    pub(super) table: &'a Table,
    /// What was read.
    pub(super) taken: &'a BTreeMap<RelPath, Taken>,
    /// What the branch of logs has.
    pub(super) logs: Option<&'a Logs>,
}

impl Gather<'_> {
    /// Puts it together.
    pub(super) fn done(&self, base: &Base, comparison: Comparison) -> Done {
        let mut done = Done {
            placed: comparison.known,
            gaps: comparison.gaps,
            findings: comparison.findings,
            left: comparison.left,
            ..Done::default()
        };
        for (path, class) in comparison.read {
            let Some(taken) = self.taken.get(&path) else { continue };
            done.findings.extend(taken.findings.iter().cloned());
            match &taken.outcome {
                Outcome::Kept(row) => drop(done.placed.insert(path, (class, row.clone()))),
                Outcome::LeftOut(gap, words) => done.gaps.push((path, *gap, words.clone())),
            }
        }
        let news = self.logs.into_iter().flat_map(|logs| &logs.news.findings);
        done.findings.extend(news.cloned());
        done.gaps.extend(self.logs.into_iter().flat_map(|logs| logs.gaps.iter().cloned()));
        for (path, _, words) in &mut done.gaps {
            if base.holds(path.as_bytes()) {
                words.push_str("; git keeps the version before");
            }
        }
        done.gaps.sort();
        done.gone = comparison.gone.into_iter().filter(|gone| self.proved_absent(gone)).collect();
        done.former = self.former(base, &done.placed);
        done.former_logs = self.former_logs();
        done
    }

    /// Whether nothing of a file stands at a path any more. What the inventory did not see may have
    /// come since, or may not be for it to see.
    fn proved_absent(&self, gone: &Gone) -> bool {
        let is = |path: &RelPath, dir: bool| {
            self.inventory.items.get(path).is_some_and(|item| item.entry.is_dir() == dir)
        };
        is(&gone.path, true)
            || gone.path.ancestors().any(|above| is(&above, false))
            || matches!(self.root.stat(&gone.path), Ok(None))
    }

    /// The last known versions of what could not be looked at, where the trees still hold them.
    fn former(&self, base: &Base, placed: &Placed) -> Placed {
        let mut former = Placed::new();
        for (path, row) in &self.table.rows {
            let unseen = !placed.contains_key(path) && !self.inventory.items.contains_key(path);
            if !unseen || !self.is_troubled(path) {
                continue;
            }
            let Some(direction) = self.selection.judge_path(path, false).direction() else {
                continue;
            };
            let class = self.classes.of_absent(path, direction);
            let held = base.tree_of(class).get(path.as_bytes());
            if held.is_some_and(|(_, blob)| *blob == row.blob) {
                former.insert(path.clone(), (class, row.clone()));
            }
        }
        former
    }

    /// The branch of logs keeps what it has; what is told of logs that could not be looked at stays.
    fn former_logs(&self) -> BTreeMap<RelPath, LogRow> {
        let rows = self.table.logs.iter();
        let unseen = rows.filter(|(path, _)| {
            !self.inventory.items.contains_key(*path) && self.is_troubled(path)
        });
        unseen.map(|(path, row)| (path.clone(), row.clone())).collect()
    }

    fn is_troubled(&self, path: &RelPath) -> bool {
        let troubled = &self.inventory.troubled;
        troubled.contains_key(path) || path.ancestors().any(|above| troubled.contains_key(&above))
    }
}
