//! A baseline seen under other spellings, without being copied.

use std::collections::BTreeMap;

use crate::baseline::{Baseline, Row};
use crate::entry::{Base, Entry};
use crate::path::RelPath;

/// A baseline in which some paths have another spelling.
pub(crate) struct Overlay<'a> {
    inner: &'a dyn Baseline,
    /// Old spellings: rows of the inner baseline at and below them do not count.
    hidden: Vec<RelPath>,
    /// Rows under their new spelling.
    rows: BTreeMap<RelPath, Row>,
}

impl<'a> Overlay<'a> {
    /// The baseline as it is.
    pub(super) fn over(inner: &'a dyn Baseline) -> Self {
        Self { inner, hidden: Vec::new(), rows: BTreeMap::new() }
    }

    /// Respells the rows at and below `old`; what has to be written for it.
    pub(super) fn rename(&mut self, old: &RelPath, new: &RelPath) -> Vec<(RelPath, Option<Entry>)> {
        let mut found: Vec<(RelPath, Row)> = Vec::new();
        found.extend(self.row(old).map(|row| (old.clone(), row)));
        self.below(Some(old), &mut |path, row| {
            found.push((path.clone(), row.clone()));
            true
        });
        self.rows.retain(|path, _| path != old && !path.is_below(old));
        self.hidden.push(old.clone());
        let mut written = Vec::new();
        for (path, row) in found {
            let Some(respelled) = path.rebase(old, new) else {
                continue;
            };
            written.push((path, None));
            written.push((respelled.clone(), row.base.entry().cloned()));
            self.rows.insert(respelled, row);
        }
        written
    }

    /// What is remembered of `path` and of everything below it.
    pub(super) fn at_and_below(&self, path: &RelPath) -> Vec<(RelPath, Base)> {
        let mut found: Vec<(RelPath, Base)> = Vec::new();
        found.extend(self.row(path).map(|row| (path.clone(), row.base)));
        self.below(Some(path), &mut |path, row| {
            found.push((path.clone(), row.base.clone()));
            true
        });
        found
    }

    fn is_hidden(&self, path: &RelPath) -> bool {
        self.hidden.iter().any(|old| path == old || path.is_below(old))
    }
}

impl Baseline for Overlay<'_> {
    fn row(&self, path: &RelPath) -> Option<Row> {
        match self.rows.get(path) {
            Some(row) => Some(row.clone()),
            None if self.is_hidden(path) => None,
            None => self.inner.row(path),
        }
    }

    fn below(&self, dir: Option<&RelPath>, visit: &mut dyn FnMut(&RelPath, &Row) -> bool) {
        let mut ours = self
            .rows
            .iter()
            .filter(|(path, _)| dir.is_none_or(|dir| path.is_below(dir)))
            .peekable();
        let mut stopped = false;
        self.inner.below(dir, &mut |path, row| {
            while let Some((our_path, our_row)) = ours.next_if(|(ours, _)| *ours < path) {
                if !visit(our_path, our_row) {
                    stopped = true;
                    return false;
                }
            }
            stopped = !self.is_hidden(path) && !self.rows.contains_key(path) && !visit(path, row);
            !stopped
        });
        for (path, row) in ours {
            if stopped || !visit(path, row) {
                return;
            }
        }
    }

    fn children(&self, dir: Option<&RelPath>, visit: &mut dyn FnMut(&RelPath, &Row)) {
        self.inner.children(dir, &mut |path, row| {
            if !self.is_hidden(path) && !self.rows.contains_key(path) {
                visit(path, row);
            }
        });
        for (path, row) in &self.rows {
            if path.parent_bytes() == dir.map_or(&b""[..], RelPath::as_bytes) {
                visit(path, row);
            }
        }
    }

    fn trusted(&self) -> bool {
        self.inner.trusted()
    }
}
