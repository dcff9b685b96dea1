//! Which versions a path had, and which one stood there at an instant. Pure: from change records.

use std::collections::BTreeMap;

use ubos_core::path::RelPath;

use super::mark::Mark;
use super::trail::{Change, covers};

/// A change of what stands at a path, with the version that it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Where the version would stand under the present name of the path that was asked for.
    pub target: RelPath,
    /// Where it stood then.
    pub path: RelPath,
    /// The version that ended; [`Mark::Absent`] if something began.
    pub ended: Mark,
    /// What ended it.
    pub change: Change,
}

impl Turn {
    /// Whether it only grew: its beginning is what stood there before.
    pub fn is_growth(&self) -> bool {
        self.change.op == "append"
    }

    /// Where the version went, if it was not replaced but moved elsewhere.
    pub fn moved_to(&self) -> Option<RelPath> {
        let from = self.change.from.as_ref()?;
        self.path.rebase(from, &self.change.path)
    }

    /// Whether it is a former version that history shows: something stood there, and not only the
    /// beginning of what came after it.
    pub fn is_version(&self) -> bool {
        self.ended.is_present() && !self.is_growth()
    }
}

/// Every turn of `path` and of all below it, newest first. `trail` is what
/// [`follow`](super::trail::follow) gives for `path`.
pub fn turns(path: &RelPath, trail: &[Change]) -> Vec<Turn> {
    let mut name = path.clone();
    let mut turns = Vec::new();
    for change in trail.iter().rev() {
        let mut turn = |at: &RelPath, ended: Mark| {
            if let Some(target) = at.rebase(&name, path) {
                turns.push(Turn { target, path: at.clone(), ended, change: change.clone() });
            }
        };
        match &change.from {
            Some(from) => {
                if let Some(old) = name.rebase(&change.path, from) {
                    // The path itself, or a folder above it, had another name before.
                    name = old;
                    continue;
                }
                if covers(&name, &change.path) {
                    turn(&change.path, Mark::Absent);
                }
                if covers(from, &name) {
                    // Of what is below a folder that was moved away the log has no mark of its
                    // own.
                    let ended = if *from == name { change.before.clone() } else { Mark::Folder };
                    turn(&name.clone(), ended);
                } else if covers(&name, from) {
                    turn(from, change.before.clone());
                }
            }
            None if change.op == "mode" => {}
            None => turn(&change.path, change.before.clone()),
        }
    }
    turns
}

/// The turn that ended what stood at each path at an instant: the first one of which `since` says
/// that it happened at the instant or after it. A path that is not in the answer holds what stands
/// there now. Of two changes of one run the one of the territory `here` counts.
pub fn in_force<'t>(
    turns: &'t [Turn],
    here: &str,
    since: impl Fn(&Change) -> bool,
) -> BTreeMap<&'t RelPath, &'t Turn> {
    let mut found: BTreeMap<&RelPath, &Turn> = BTreeMap::new();
    for turn in turns.iter().filter(|turn| since(&turn.change)) {
        let later_here = found.get(&turn.target).is_some_and(|later| {
            later.change.run == turn.change.run
                && later.change.territory == here
                && turn.change.territory != here
        });
        if !later_here {
            found.insert(&turn.target, turn);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::trail::follow;
    use crate::history::trail::tests::{change, mark, path};

    fn all() -> Vec<Change> {
        vec![
            change(1, "r1", "b", "create", "D/f", ["", "A"]),
            change(2, "r2", "b", "update", "D/f", ["A", "B"]),
            change(3, "r3", "b", "rename", "D>E", ["/", "/"]),
            change(4, "r4", "a", "update", "E/f", ["C", "M"]),
            change(5, "r4", "b", "update", "E/f", ["B", "M"]),
            change(6, "r5", "b", "mode", "E/f", ["M", "M"]),
            change(7, "r6", "b", "append", "log", ["1", "12"]),
            change(8, "r7", "b", "delete", "E/f", ["M", ""]),
            change(9, "r7", "b", "rmdir", "E", ["/", ""]),
        ]
    }

    fn of(name: &str) -> Vec<Turn> {
        turns(&path(name), &follow(&path(name), &all()))
    }

    fn told(turns: &[Turn]) -> Vec<String> {
        let line = |turn: &Turn| format!("{} {} {}", turn.change.run, turn.target, turn.path);
        turns.iter().map(line).collect()
    }

    /// What stood at `name` just before the first change from `seq` on.
    fn before(name: &str, seq: u64) -> Option<Mark> {
        let turns = of(name);
        let name = path(name);
        in_force(&turns, "a", |change| change.seq >= seq).get(&name).map(|turn| turn.ended.clone())
    }

    #[test]
    fn every_version_of_a_file_is_found_under_its_present_name() {
        let found = told(&of("E/f"));
        assert_eq!(found, ["r7 E/f E/f", "r4 E/f E/f", "r4 E/f E/f", "r2 E/f D/f", "r1 E/f D/f"]);
        assert!(of("log").iter().all(Turn::is_growth));
    }

    #[test]
    fn a_folder_has_the_turns_of_all_below_it() {
        assert_eq!(told(&of("E"))[..2], ["r7 E E", "r7 E/f E/f"]);
        let old = of("D");
        assert_eq!(old[0].moved_to(), Some(path("E")));
    }

    #[test]
    fn at_an_instant_stood_what_the_first_change_after_it_ended() {
        for (seq, expected) in [(1, ""), (2, "A"), (3, "C"), (5, "B"), (6, "M"), (8, "M")] {
            assert_eq!(before("E/f", seq), Some(mark(expected)), "{seq}");
        }
        assert_eq!(before("E/f", 9), None, "what stands now");
        assert_eq!(before("E", 9), Some(Mark::Folder));
    }
}
