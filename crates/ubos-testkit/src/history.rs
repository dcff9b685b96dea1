//! Random histories from a seed: two users edit, resolve, restore and undo, runs start from either
//! side, processes die; after each step the promises are checked, and at the end both sides must
//! agree.

use crate::failpoints::{Crash, run_to_crash};
use crate::model::{Agreement, unsettled};
use crate::random::Dice;
use crate::sketch::{Node, Sketch};
use crate::territory::Territory;
use crate::world::{Side, World};

/// How many steps a history has before it comes to rest.
const STEPS: usize = 16;

/// One history in a world that has agreed.
pub struct History {
    world: World,
    dice: Dice,
    agreement: Agreement,
    crashes: bool,
    told: Vec<String>,
    counter: usize,
}

impl History {
    /// A history of `seed`. `crashes` says whether the binary has failpoints.
    pub fn new(world: World, seed: u64, crashes: bool) -> Self {
        let mut agreement = Agreement::default();
        agreement.learn(&world);
        let told = vec![format!("history of UBOS_SEED={seed}")];
        Self { world, dice: Dice::new(seed), agreement, crashes, told, counter: 0 }
    }

    /// Lives it to the end.
    ///
    /// # Panics
    /// If a promise is broken on the way or the sides do not come to rest; with the seed and all
    /// steps.
    pub fn live(mut self) {
        let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..STEPS {
                self.step();
            }
            self.come_to_rest();
        }));
        if let Err(panic) = lived {
            eprintln!("{}", self.told.join("\n  "));
            std::panic::resume_unwind(panic);
        }
    }

    fn step(&mut self) {
        let side = *self.dice.pick(&Side::BOTH);
        match self.dice.below(100) {
            0..62 => self.edit(side),
            62..68 => self.resolve(side),
            68..72 => self.restore(side),
            72..76 => self.undo(side),
            76..82 if self.crashes => self.crash(side),
            82..84 if self.crashes => self.crash_undo(side),
            _ => self.sync(side),
        }
    }

    fn note(&mut self, side: Side, words: String) {
        self.told.push(format!("{side:?} {words}"));
    }

    /// A content that no other edit ever wrote, so that the ledger cannot mistake one for another.
    fn fresh(&mut self) -> String {
        self.counter += 1;
        format!("edit {}\n", self.counter)
    }

    fn sync(&mut self, side: Side) {
        let command =
            *self.dice.pick(&["bidirectional", "bidirectional", "bidirectional", "push", "pull"]);
        self.note(side, command.to_owned());
        let before = self.trees();
        let run = self.world.at(side).sync_with([command]);
        let code = run.outcome.code();
        assert!([0, 3, 7].contains(&code), "exit {code} in a history\n{}", run.outcome.told());
        account(&self.world, &mut self.agreement, &before, &run.outcome.told());
    }

    fn crash(&mut self, side: Side) {
        let number = self.dice.below(40) + 1;
        let crash = if self.dice.chance(50) { Crash::Here(number) } else { Crash::Agent(number) };
        self.note(side, format!("{crash:?}"));
        let before = self.trees();
        // Which point is the last depends on the changes, so the run may also come through.
        let outcome = run_to_crash(self.world.at(side), &["bidirectional"], crash);
        account(&self.world, &mut self.agreement, &before, &outcome.told());
    }

    /// Settles one of the open conflicts, which may take away a version: into the backups.
    fn resolve(&mut self, side: Side) {
        let listed = self.world.at(side).run(["conflicts", "--json"]).json();
        let rows = listed["conflicts"].as_array().cloned().unwrap_or_default();
        if rows.is_empty() {
            return;
        }
        let row = self.dice.pick(&rows).clone();
        let path = row["path"].as_str().unwrap_or_default().to_owned();
        let choices: [&[&str]; 5] = [
            &["--keep", "localhost"],
            &["--keep", "balaur"],
            &["--keep", "both"],
            &["--keep", "newer"],
            &["--leave"],
        ];
        let choice = *self.dice.pick(&choices);
        self.note(side, format!("resolve {path} {}", choice.join(" ")));
        let mut args = vec!["resolve", &path];
        args.extend(choice);
        // Which version is newer cannot be told of every conflict.
        self.decide(side, &args, &[0, 2, 3, 7]);
    }

    /// Brings a former version of some path back, which may take away what stands there: into the
    /// backups.
    fn restore(&mut self, side: Side) {
        let path = self.some_path();
        let listed = self.world.at(side).run(["history", &path, "--json"]).json();
        let rows = listed["versions"].as_array().cloned().unwrap_or_default();
        if rows.is_empty() {
            return;
        }
        let run = self.dice.pick(&rows)["run"].as_str().unwrap_or_default().to_owned();
        self.note(side, format!("restore {path} --at {run}"));
        // What was moved, or began later, cannot be put back.
        self.decide(side, &["restore", &path, "--at", &run], &[0, 2, 3, 7]);
    }

    /// Undoes one of the last runs.
    fn undo(&mut self, side: Side) {
        let Some(run) = self.some_run(side) else { return };
        self.note(side, format!("undo {run}"));
        self.decide(side, &["undo", &run], &[0, 3, 7]);
        if self.dice.chance(30) {
            self.note(side, format!("undo {run} once more"));
            self.decide(side, &["undo", &run], &[0, 3, 7]);
        }
    }

    /// As [`History::undo`], with a process that dies.
    fn crash_undo(&mut self, side: Side) {
        let Some(run) = self.some_run(side) else { return };
        let number = self.dice.below(30) + 1;
        let crash = if self.dice.chance(50) { Crash::Here(number) } else { Crash::Agent(number) };
        self.note(side, format!("undo {run} with {crash:?}"));
        run_to_crash(self.world.at(side), &["undo", &run], crash);
        self.agreement.learn(&self.world);
    }

    /// One of the last runs that changed something, as `side` has it on record.
    fn some_run(&mut self, side: Side) -> Option<String> {
        const LAST: usize = 5;
        let log = self.world.at(side).run(["log", "--json"]).json();
        let records = log["records"].as_array()?.iter();
        let mut runs: Vec<&str> = records
            .filter(|record| {
                ["change", "restored"].contains(&record["event"].as_str().unwrap_or_default())
            })
            .filter_map(|record| record["run"].as_str())
            .collect();
        runs.dedup();
        let recent = runs.split_off(runs.len().saturating_sub(LAST));
        (!recent.is_empty()).then(|| (*self.dice.pick(&recent)).to_owned())
    }

    /// Carries out what a person decided. It may take away a version, as long as nothing is lost.
    fn decide(&mut self, side: Side, args: &[&str], codes: &[i32]) {
        let outcome = self.world.at(side).watched(args);
        let code = outcome.code();
        assert!(codes.contains(&code), "exit {code} of {args:?}\n{}", outcome.told());
        self.agreement.learn(&self.world);
    }

    /// Syncs until nothing is left to do, then asserts that both sides agree.
    fn come_to_rest(&mut self) {
        for round in 1.. {
            let before = self.trees();
            let run = self.world.laptop().sync();
            account(&self.world, &mut self.agreement, &before, &run.outcome.told());
            if run.report.actions.is_empty() {
                run.again();
                let lines = unsettled(&self.world, &run.report);
                assert!(lines.is_empty(), "{}\n{}", lines.join("\n"), run.outcome.told());
                // Whatever happened: no record is missing, and each change continues the one before.
                for side in Side::BOTH {
                    self.world.at(side).run(["audit", "--json"]).exits(0);
                }
                return;
            }
            assert!(round <= 3, "still busy after {round} runs\n{}", run.outcome.told());
        }
    }

    fn trees(&self) -> [Sketch; 2] {
        Side::BOTH.map(|side| self.world.at(side).tree())
    }
}

/// Asserts that a run took away no edit of its author's, and learns what it has agreed on.
fn account(world: &World, agreement: &mut Agreement, before: &[Sketch; 2], told: &str) {
    let lines = agreement.overwritten(world, before);
    assert!(lines.is_empty(), "{}\n{told}", lines.join("\n"));
    agreement.learn(world);
}

/// What users do.
impl History {
    fn edit(&mut self, side: Side) {
        let area = self.dice.below(10);
        match (area, side) {
            (0, _) => self.edit_one_way(side, "out"),
            (1, _) => self.edit_one_way(side, "in"),
            (2, Side::Server) => {
                let lines = self.fresh();
                self.note(side, "appends to the log".into());
                self.world.server().append("logs/day.jsonl", lines);
            }
            _ => self.edit_notes(side),
        }
    }

    /// One-way areas have more files than the few that are edited here, so that none is emptied.
    fn edit_one_way(&mut self, side: Side, area: &str) {
        let path = format!("{area}/{}.txt", self.dice.below(3));
        if self.dice.chance(25) && self.world.at(side).get(&path).is_some() {
            self.note(side, format!("removes {path}"));
            self.world.at(side).remove(&path);
        } else {
            let content = self.fresh();
            self.note(side, format!("writes {path}"));
            self.world.at(side).write(&path, content);
        }
    }

    fn edit_notes(&mut self, side: Side) {
        let path = self.some_path();
        let standing = self.world.at(side).get(&path);
        match (self.dice.below(8), standing) {
            (0, Some(_)) => {
                self.note(side, format!("removes {path}"));
                self.world.at(side).remove(&path);
            }
            (1, Some(_)) => self.rename(side, &path),
            (2, Some(Node::File { exec, .. })) => {
                self.note(side, format!("chmod {path}"));
                self.world.at(side).chmod(&path, if exec { 0o644 } else { 0o755 });
            }
            (3, None) => self.place(side, &path, "makes the folder", |territory, path| {
                territory.mkdir(path);
            }),
            (4, standing) => {
                if standing.is_some() {
                    self.world.at(side).remove(&path);
                }
                let text = format!("target-{}", self.counter);
                self.counter += 1;
                self.place(side, &path, "links", move |territory, path| {
                    territory.link(path, &text);
                });
            }
            (_, Some(Node::Dir)) => {
                let below = format!("{path}/{}", self.dice.below(3));
                let content = self.fresh();
                self.place(side, &below, "writes", move |territory, path| {
                    if territory.get(path) != Some(Node::Dir) {
                        territory.write(path, &content);
                    }
                });
            }
            (_, Some(Node::File { .. })) if self.dice.chance(30) => {
                let content = self.fresh();
                self.note(side, format!("saves {path}"));
                self.world.at(side).save(&path, content);
            }
            (_, standing) => {
                if matches!(standing, Some(Node::Link { .. })) {
                    self.world.at(side).remove(&path);
                }
                let content = self.fresh();
                self.place(side, &path, "writes", move |territory, path| {
                    territory.write(path, &content);
                });
            }
        }
    }

    /// A path that is often the same one again, so that the two users meet.
    fn some_path(&mut self) -> String {
        let names = [
            "notes/f",
            "notes/g",
            "notes/D",
            "notes/D/a",
            "notes/D/b",
            "notes/N",
            "notes/N/x",
            "notes/D/sub/deep",
            "notes/others/00.md",
            "notes/others/01.md",
            "notes/new.md",
        ];
        (*self.dice.pick(&names)).to_owned()
    }

    /// Does something at `path` if the folders on the way are folders, or can be made.
    fn place(
        &mut self,
        side: Side,
        path: &str,
        verb: &str,
        act: impl FnOnce(&Territory<'_>, &str),
    ) {
        let territory = self.world.at(side);
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            if territory.get(parent).is_some_and(|node| node != Node::Dir) {
                return;
            }
            above = parent;
        }
        if let Some((parent, _)) = path.rsplit_once('/') {
            territory.mkdir(parent);
        }
        act(&territory, path);
        self.note(side, format!("{verb} {path}"));
    }

    fn rename(&mut self, side: Side, path: &str) {
        let to = format!("notes/moved-{}", self.counter);
        self.counter += 1;
        self.note(side, format!("renames {path} to {to}"));
        self.world.at(side).rename(path, &to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The edits of a seed, without any run.
    fn edits(seed: u64) -> (Vec<String>, String) {
        let mut history = History::new(World::unpaired("/bin/true"), seed, false);
        for number in 0..120 {
            history.edit(Side::BOTH[number % 2]);
        }
        (history.told.clone(), history.world.laptop().tree().to_string())
    }

    #[test]
    fn a_seed_is_a_history() {
        assert_eq!(edits(1), edits(1));
        assert_ne!(edits(1), edits(2));
    }

    #[test]
    fn every_kind_of_edit_happens() {
        let told: String = (0..10).flat_map(|seed| edits(seed).0).collect::<Vec<_>>().join("\n");
        for verb in [
            "removes",
            "renames",
            "chmod",
            "makes the folder",
            "links",
            "writes",
            "saves",
            "appends",
        ] {
            assert!(told.contains(verb), "nobody {verb}");
        }
    }

    #[test]
    fn edits_stay_inside_the_selection() {
        let world = World::unpaired("/bin/true");
        let outside = |world: &World| {
            let law = world.law();
            let tree = world.laptop().tree();
            tree.filtered(|path, node| *node != Node::Dir && law.direction(path).is_none())
        };
        let before = outside(&world);
        let mut history = History::new(world, 3, false);
        for _ in 0..120 {
            history.edit(Side::Laptop);
        }
        assert_eq!(before.difference(&outside(&history.world)), None);
    }
}
