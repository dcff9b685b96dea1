//! What the way back was used for. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use super::collect::Facts;
use super::figures::Window;

/// What was put back on this side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PutBackFigures {
    /// Restores that put something back.
    pub restores: u64,
    /// Paths that they put back.
    pub restored: u64,
    /// Undos that put something back.
    pub undos: u64,
    /// Paths that they put back.
    pub undone: u64,
}

pub(super) fn compute(facts: &Facts, window: Window) -> PutBackFigures {
    let count = |undone: bool| {
        let these = facts.restored.iter().filter(|it| it.undone == undone && window.has(it.time));
        let runs: BTreeSet<&str> = these.clone().map(|it| it.run.as_str()).collect();
        (runs.len() as u64, these.count() as u64)
    };
    let ((restores, restored), (undos, undone)) = (count(false), count(true));
    PutBackFigures { restores, restored, undos, undone }
}
