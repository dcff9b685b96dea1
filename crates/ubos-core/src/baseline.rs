//! What reconciliation may ask of the baseline: the rows both sides last agreed on.

use std::collections::BTreeMap;

use crate::entry::{Base, Entry};
use crate::manifest::Direction;
use crate::path::RelPath;

/// One row of the baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `Known` or `Unknown`; a row is never `Absent`.
    pub base: Base,
    /// The direction that applied to the path when the row was written.
    pub direction: Direction,
    /// Short marks ([`crate::entry::Digest::short`]) of up to three contents that stood here
    /// before the present one, newest first. They show a restore from an old copy.
    pub earlier: [u64; 3],
}

impl Row {
    /// A row for `entry`, with no earlier contents.
    pub fn known(entry: Entry, direction: Direction) -> Self {
        Self { base: Base::Known(entry), direction, earlier: [0; 3] }
    }
}

/// Read access to the rows of a baseline. Both sides hold the same rows, so one copy serves.
pub trait Baseline {
    /// The row of `path`, if there is one.
    fn row(&self, path: &RelPath) -> Option<Row>;

    /// Calls `visit` for every row strictly below `dir` (all rows if `None`), in the order of
    /// their paths' bytes. `visit` returns false to stop.
    fn below(&self, dir: Option<&RelPath>, visit: &mut dyn FnMut(&RelPath, &Row) -> bool);

    /// Calls `visit` for every row directly in `dir` (of the root if `None`), in any order. A
    /// baseline that can skip what lies deeper does better than this.
    fn children(&self, dir: Option<&RelPath>, visit: &mut dyn FnMut(&RelPath, &Row)) {
        let folder = dir.map_or(&b""[..], RelPath::as_bytes);
        self.below(dir, &mut |path, row| {
            if path.parent_bytes() == folder {
                visit(path, row);
            }
            true
        });
    }

    /// Whether a path without a row is known to have been absent (true), or the baseline as a
    /// whole has no memory to be trusted (false: every path without a row is `Unknown`).
    fn trusted(&self) -> bool;

    /// What the baseline remembers of `path`.
    fn base(&self, path: &RelPath) -> Base {
        match self.row(path) {
            Some(row) => row.base,
            None if self.trusted() => Base::Absent,
            None => Base::Unknown,
        }
    }
}

/// A baseline in memory, for tests and for small trees.
#[derive(Debug, Clone, Default)]
pub struct MemoryBaseline {
    /// The rows by path.
    pub rows: BTreeMap<RelPath, Row>,
    /// See [`Baseline::trusted`].
    pub untrusted: bool,
}

impl Baseline for MemoryBaseline {
    fn row(&self, path: &RelPath) -> Option<Row> {
        self.rows.get(path).cloned()
    }

    fn below(&self, dir: Option<&RelPath>, visit: &mut dyn FnMut(&RelPath, &Row) -> bool) {
        for (path, row) in &self.rows {
            if dir.is_none_or(|dir| path.is_below(dir)) && !visit(path, row) {
                return;
            }
        }
    }

    fn trusted(&self) -> bool {
        !self.untrusted
    }
}
