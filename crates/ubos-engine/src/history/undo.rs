//! What undoing a run means, as steps for each side. Pure: from the run's change records.

use ubos_core::path::RelPath;
use ubos_core::sides::{Side, Sides};

use super::mark::Mark;
use super::trail::{Change, covers};
use crate::agent::message::{Expected, PutBackSource, PutBackStep};

/// What is to be put back, and what stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undo {
    /// Steps on each side, in an order in which they can be carried out.
    pub steps: Sides<Vec<PutBackStep>>,
    /// Files, links and folders that the run made, which stay.
    pub created: u64,
    /// Logs that grew or were rotated, which stay as they are.
    pub grown: u64,
    /// Executable bits that were set or cleared, which stay as they are.
    pub modes: u64,
    /// Changes on territories that are not of this pair.
    pub elsewhere: u64,
}

/// Undoes `changes`, those of one run in the order in which they were written down, as far as they
/// are at one of `only` or below (all, if there is none).
pub fn undo(changes: &[Change], names: &Sides<String>, only: &[RelPath]) -> Undo {
    let mut undo = Undo::default();
    let wanted = |change: &Change| {
        let places = std::iter::once(&change.path).chain(&change.from);
        only.is_empty()
            || places.into_iter().any(|path| only.iter().any(|place| covers(place, path)))
    };
    // The last change is undone first: a folder stands again before what was in it.
    for change in changes.iter().rev().filter(|change| wanted(change)) {
        match (change.op.as_str(), side_of(change, names)) {
            ("create" | "mkdir", _) => undo.created += 1,
            ("append", _) => undo.grown += 1,
            (_, _) if change.seals() => undo.grown += 1,
            ("mode", _) => undo.modes += 1,
            (_, None) => undo.elsewhere += 1,
            (_, Some(side)) => undo.steps.get_mut(side).extend(step(change)),
        }
    }
    undo
}

/// The side whose territory was changed.
pub fn side_of(change: &Change, names: &Sides<String>) -> Option<Side> {
    Side::BOTH.into_iter().find(|side| *names.get(*side) == change.territory)
}

fn step(change: &Change) -> Option<PutBackStep> {
    let (run, stored) = (change.run.clone(), change.path.clone());
    let source = match (&change.from, &change.before) {
        (Some(_), _) => PutBackSource::MoveBack { from: change.path.clone() },
        (None, Mark::Absent) => return None,
        (None, Mark::Folder) => PutBackSource::Folder { run: Some(run) },
        (None, _) => PutBackSource::Backup { run, stored },
    };
    let (path, expected) = match &change.from {
        Some(from) => (from.clone(), Mark::Absent),
        None => (change.path.clone(), change.after.clone()),
    };
    let expects = Expected::Holds(expected);
    Some(PutBackStep { path, source, content: change.before.clone(), expects })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::trail::tests::{change, mark, path};

    #[test]
    fn what_was_replaced_deleted_or_moved_is_put_back_on_its_side_and_the_rest_counted() {
        let changes = [
            change(1, "r", "b", "rename", "x>y", ["X", "X"]),
            change(2, "r", "b", "update", "f", ["A", "B"]),
            change(3, "r", "a", "create", "new", ["", "N"]),
            change(4, "r", "a", "append", "log", ["1", "12"]),
            change(5, "r", "b", "mode", "m", ["M", "M"]),
            change(6, "r", "a", "delete", "D/l", ["->t", ""]),
            change(7, "r", "a", "rmdir", "D", ["/", ""]),
            change(8, "r", "c", "delete", "z", ["Z", ""]),
        ];
        let names = Sides::new("a".to_owned(), "b".to_owned());
        let all = undo(&changes, &names, &[]);
        assert_eq!((all.created, all.grown, all.modes, all.elsewhere), (1, 1, 1, 1));
        let told = |steps: &[PutBackStep]| {
            steps.iter().map(|step| step.path.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(told(&all.steps.here), ["D", "D/l"]);
        assert_eq!(told(&all.steps.there), ["f", "x"]);
        assert_eq!(all.steps.there[0].expects, Expected::Holds(mark("B")));
        assert_eq!(all.steps.there[1].source, PutBackSource::MoveBack { from: path("y") });
        let some = undo(&changes, &names, &[path("D"), path("y")]);
        assert_eq!((some.steps.here.len(), some.steps.there.len(), some.modes), (2, 1, 0));
    }
}
