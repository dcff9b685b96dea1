//! `Run`: one sync that was watched from outside, and questions about it that read like a row of
//! a table.
//!
//! Before a question can be asked, these have been checked already: nothing was lost and nothing
//! outside the selection touched ([`crate::accounting`]), the report is the contract's, and the
//! exit code in it is the one of the process.

use std::collections::BTreeMap;

use crate::accounting::Ledger;
use crate::backups;
use crate::escape::shown;
use crate::process::Outcome;
use crate::report::{Remark, Report, counted};
use crate::sketch::{Node, Sketch};
use crate::snapshot::Snapshot;
use crate::territory::Territory;
use crate::world::Side;

/// A finished run.
pub struct Run<'w> {
    territory: Territory<'w>,
    args: Vec<String>,
    /// How the process ended.
    pub outcome: Outcome,
    /// What it reported.
    pub report: Report,
    put_aside: [Sketch; 2],
}

impl<'w> Run<'w> {
    /// Calls the binary with `args` and `--json` and watches it.
    ///
    /// # Panics
    /// If a promise is broken or the report is not the contract's.
    pub(crate) fn watched(territory: Territory<'w>, args: &[&str]) -> Self {
        let world = territory.world();
        let ledger = Ledger::open(world);
        let trees = Side::BOTH.map(|side| world.at(side).tree());
        let runs = Side::BOTH.map(|side| backups::runs(&world.root(side)));
        let outcome = territory.run(args.iter().copied().chain(["--json"]));
        ledger.check(world, &outcome.told());
        let report = match Report::read(outcome.json()) {
            Ok(report) => report,
            Err(why) => panic!("not the contract's report: {why}\n{}", outcome.told()),
        };
        assert_eq!(report.exit, outcome.code(), "two exit codes\n{}", outcome.told());
        let put_aside = Side::BOTH.map(|side| {
            let index = side.index();
            new_backups(&world.at(side), &runs[index], &trees[index])
        });
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Self { territory, args, outcome, report, put_aside }
    }

    /// Asserts the exit code.
    ///
    /// # Panics
    /// If it is another one.
    pub fn exits(&self, code: i32) -> &Self {
        self.outcome.exits(code);
        self
    }

    /// Asserts that both sides are as at the last mark, amended by the same lines.
    ///
    /// # Panics
    /// If one is not.
    pub fn both(&self, lines: &str) -> &Self {
        self.live(lines, lines)
    }

    /// Asserts that both sides are as at the last mark, amended by lines of their own.
    ///
    /// # Panics
    /// If one is not.
    pub fn live(&self, laptop: &str, server: &str) -> &Self {
        let world = self.territory.world();
        for (side, lines) in [(Side::Laptop, laptop), (Side::Server, server)] {
            let expected = world.start(side).amended(lines);
            if let Some(lines) = expected.difference(&world.at(side).tree()) {
                panic!("the tree of {side:?} is another one:\n{lines}\n{}", self.outcome.told());
            }
        }
        self
    }

    /// Asserts what was put into the backups of the two sides by this run, each as a sketch of
    /// files and links.
    ///
    /// # Panics
    /// If it was more, less or something else.
    pub fn backups(&self, laptop: &str, server: &str) -> &Self {
        for (side, lines) in [(Side::Laptop, laptop), (Side::Server, server)] {
            let expected = without_folders(&Sketch::parse(lines));
            if let Some(lines) = expected.difference(&self.put_aside[side.index()]) {
                panic!("the backups of {side:?} are others:\n{lines}\n{}", self.outcome.told());
            }
        }
        self
    }

    /// Asserts that no side put anything into its backups.
    ///
    /// # Panics
    /// If one did.
    pub fn no_backups(&self) -> &Self {
        self.backups("", "")
    }

    /// Asserts the open conflicts, by path and kind, and no others.
    ///
    /// # Panics
    /// If they are others.
    pub fn conflicts<const N: usize>(&self, expected: [(&str, &str); N]) -> &Self {
        let found = self.report.conflicts.iter().map(|row| (shown(&row.path), row.kind.clone()));
        self.same(
            "conflicts",
            found,
            expected.map(|(path, kind)| (path.to_owned(), kind.to_owned())),
        )
    }

    /// Asserts the held paths, by path and territory, and no others.
    ///
    /// # Panics
    /// If they are others.
    pub fn held<const N: usize>(&self, expected: [(&str, Side); N]) -> &Self {
        self.same("held", places(&self.report.held), expected.map(place))
    }

    /// Asserts the skipped paths, by path and territory, and no others.
    ///
    /// # Panics
    /// If they are others.
    pub fn skipped<const N: usize>(&self, expected: [(&str, Side); N]) -> &Self {
        self.same("skipped", places(&self.report.skipped), expected.map(place))
    }

    /// Asserts the paths in conflict, whatever the kinds, and no others.
    ///
    /// # Panics
    /// If they are others.
    pub fn conflict_paths<const N: usize>(&self, expected: [&str; N]) -> &Self {
        let found = self.report.conflicts.iter().map(|row| shown(&row.path));
        self.same("paths in conflict", found, expected.map(str::to_owned))
    }

    /// Asserts the held paths, whatever the territory, and no others.
    ///
    /// # Panics
    /// If they are others.
    pub fn held_paths<const N: usize>(&self, expected: [&str; N]) -> &Self {
        let found = self.report.held.iter().map(|row| shown(&row.path));
        self.same("held paths", found, expected.map(str::to_owned))
    }

    /// Asserts the skipped paths, whatever the territory, and no others.
    ///
    /// # Panics
    /// If they are others.
    pub fn skipped_paths<const N: usize>(&self, expected: [&str; N]) -> &Self {
        let found = self.report.skipped.iter().map(|row| shown(&row.path));
        self.same("skipped paths", found, expected.map(str::to_owned))
    }

    /// Asserts that there is a notice about `path`.
    ///
    /// # Panics
    /// If there is none.
    pub fn notices(&self, path: &str) -> &Self {
        let found = self.report.notices.iter().any(|row| shown(&row.path) == path);
        assert!(found, "no notice about {path}\n{}", self.outcome.told());
        self
    }

    /// Asserts that there is a notice about `path` with this word as its reason.
    ///
    /// # Panics
    /// If there is none.
    pub fn notices_that(&self, path: &str, reason: &str) -> &Self {
        let mut rows = self.report.notices.iter();
        let found = rows.any(|row| shown(&row.path) == path && row.reason == reason);
        assert!(found, "no notice that {path} is {reason}\n{}", self.outcome.told());
        self
    }

    /// Asserts the guards that fired, by name and the territory they protected, and no others.
    ///
    /// # Panics
    /// If they are others.
    pub fn guards<const N: usize>(&self, expected: [(&str, Side); N]) -> &Self {
        let found = self.report.guards.iter().map(|row| (row.guard.clone(), row.on.clone()));
        self.same("guards", found, expected.map(place))
    }

    /// Asserts the actions, by op, path and the territory that was changed, and no others.
    ///
    /// # Panics
    /// If they are others.
    pub fn actions<const N: usize>(&self, expected: [(&str, &str, Side); N]) -> &Self {
        let found = self.report.actions.iter();
        let found = found.map(|row| (row.op.clone(), shown(&row.path), row.to.clone()));
        let expected =
            expected.map(|(op, path, to)| (op.to_owned(), path.to_owned(), to.name().to_owned()));
        self.same("actions", found, expected)
    }

    /// Asserts that nothing is left over: no conflict, nothing held or skipped, no guard.
    ///
    /// # Panics
    /// If something is.
    pub fn clean(&self) -> &Self {
        self.conflicts([]).held([]).skipped([]).guards([])
    }

    /// Runs the same again at once, from the same side, and asserts that it does nothing: no
    /// action, no write to any file, the same exit code, conflicts and held paths.
    ///
    /// # Panics
    /// If it does anything.
    pub fn again(&self) -> Run<'w> {
        let world = self.territory.world();
        let before = Side::BOTH.map(|side| Snapshot::of(&world.root(side)));
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let second = Run::watched(self.territory, &args);
        for side in Side::BOTH {
            let after = Snapshot::of(&world.root(side));
            if let Some(lines) = before[side.index()].difference(&after) {
                panic!("the second run wrote on {side:?}:\n{lines}\n{}", second.outcome.told());
            }
        }
        second.exits(self.outcome.code()).actions([]).no_backups();
        let rows = |report: &Report| {
            report.conflicts.iter().map(|row| stable(&row.raw)).collect::<Vec<_>>()
        };
        second.same("conflicts", rows(&second.report), rows(&self.report));
        let held = places(&self.report.held).collect::<Vec<_>>();
        second.same("held", places(&second.report.held), held);
        second
    }

    /// What this run put into the backups of `side`, without folders.
    pub fn put_aside(&self, side: Side) -> &Sketch {
        &self.put_aside[side.index()]
    }

    /// The territory it was called from.
    pub fn territory(&self) -> Territory<'w> {
        self.territory
    }

    fn same<T: Ord + std::fmt::Debug>(
        &self,
        what: &str,
        found: impl IntoIterator<Item = T>,
        expected: impl IntoIterator<Item = T>,
    ) -> &Self {
        let (found, expected): (BTreeMap<T, usize>, BTreeMap<T, usize>) =
            (counted(found), counted(expected));
        let shown = |rows: &BTreeMap<T, usize>| format!("{:#?}", rows.keys().collect::<Vec<_>>());
        assert!(
            found == expected,
            "the {what} are others\nexpected {}\nfound {}\n{}",
            shown(&expected),
            shown(&found),
            self.outcome.told()
        );
        self
    }
}

/// A conflict's row without the time at which it was last seen, which alone may change.
fn stable(row: &serde_json::Value) -> String {
    let mut row = row.clone();
    if let Some(fields) = row.as_object_mut() {
        fields.remove("last_seen");
    }
    row.to_string()
}

fn places(rows: &[Remark]) -> impl Iterator<Item = (String, String)> + '_ {
    rows.iter().map(|row| (shown(&row.path), row.on.clone()))
}

fn place((path, side): (&str, Side)) -> (String, String) {
    (path.to_owned(), side.name().to_owned())
}

fn without_folders(sketch: &Sketch) -> Sketch {
    // A sketch lists the folders on the way; the backups need them too, and they prove nothing.
    let mut bare = Sketch::default();
    for (path, node) in sketch.iter().filter(|(_, node)| **node != Node::Dir) {
        bare.insert(path, node.clone());
    }
    bare.filtered(|_, node| *node != Node::Dir)
}

/// Files and links that lie in the backups of runs which were not known before, as far as
/// something stood at their path. An index that a run keeps beside them is none of them.
fn new_backups(territory: &Territory<'_>, known: &[String], before: &Sketch) -> Sketch {
    let root = territory.root();
    let mut all = Sketch::default();
    for run in backups::runs(&root).iter().filter(|run| !known.contains(run)) {
        for (path, node) in without_folders(&backups::of_run(&root, run)).iter() {
            if before.get(path).is_some() {
                all.insert(path, node.clone());
            }
        }
    }
    all.filtered(|_, node| *node != Node::Dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    /// A report of this exit code with one action if `action`.
    fn report(exit: i32, action: bool) -> String {
        let row = r#"{"path":"notes/f","to":"balaur","op":"update","bytes":1,"wire_bytes":1}"#;
        let (rows, count) = if action { (row, 1) } else { ("", 0) };
        format!(
            r#"{{"schema":1,"run":"r","plan":"p","command":"bidirectional","dry_run":false,
            "here":"localhost","peer":"balaur","started":"2025-10-07T14:30:00Z",
            "finished":"2025-10-07T14:30:00Z","actions":[{rows}],"conflicts":[],"held":[],
            "skipped":[],"notices":[],"guards":[],"totals":{{"actions":{count},"bytes":{count},
            "wire_bytes":{count},"scanned":{{"localhost":1,"balaur":1}}}},"exit":{exit}}}"#
        )
    }

    /// A world whose binary does `script` in the laptop's root and reports exit 0.
    fn reporting(script: &str, action: bool) -> World {
        World::scripted(&format!("{script}\ncat <<'END'\n{}\nEND", report(0, action)))
    }

    #[test]
    fn what_happened_is_what_is_told() {
        let script = "mkdir -p ../server/.ubos-sync/backups/1/notes
            cp ../server/notes/f ../server/.ubos-sync/backups/1/notes/f
            echo index > ../server/.ubos-sync/backups/1/index
            printf B > ../server/notes/f";
        let world = reporting(script, true);
        world.laptop().write("notes/f", "B");
        let run = world.laptop().sync();
        run.exits(0).clean().both("notes/f = B").backups("", "notes/f = A");
        run.actions([("update", "notes/f", Side::Server)]);
    }

    #[test]
    #[should_panic(expected = "two exit codes")]
    fn a_report_that_contradicts_the_process_is_refused() {
        let world = World::scripted(&format!("cat <<'END'\n{}\nEND\nexit 3", report(0, false)));
        world.laptop().sync();
    }

    #[test]
    #[should_panic(expected = "the content of notes/f is lost")]
    fn a_loss_is_found_without_being_asked_for() {
        reporting("printf B > ../server/notes/f", true).laptop().sync();
    }

    #[test]
    #[should_panic(expected = "the second run wrote on Server")]
    fn a_second_run_that_writes_is_found() {
        let script = "cp ../server/notes/f ../x; mv ../x ../server/notes/f";
        reporting(script, false).laptop().sync().again();
    }

    #[test]
    #[should_panic(expected = "the actions are others")]
    fn a_second_run_that_says_it_acts_is_found() {
        reporting(":", true).laptop().sync().again();
    }

    #[test]
    #[should_panic(expected = "the backups of Server are others")]
    fn a_backup_that_was_not_made_is_missed() {
        reporting(":", false).laptop().sync().backups("", "notes/f = A");
    }
}
