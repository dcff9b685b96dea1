//! `recover` at a terminal: a person answers.

use std::time::Duration;

use ubos_testkit::accounting::Ledger;
use ubos_testkit::terminal::Terminal;
use ubos_testkit::{Side, World};

use crate::recover::{assert_unchanged, file, sees, snapshots};
use crate::recover_restored::restored;

/// A person at a terminal.
fn person(world: &World, args: &[&str]) -> Terminal {
    let command = world.laptop().command(args.iter().copied());
    Terminal::spawn(&command, 100, 60)
}

const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_person_answers_that_the_restore_was_a_mistake() {
    let world = restored(Side::Server);
    let ledger = Ledger::open(&world);
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.enter("x");
    terminal.wait_for("Type a number from 1 to 4, then Enter. Which? [1-4]", SOON);
    terminal.enter("1");
    terminal.wait_for("[y/N]", SOON);
    assert_eq!(world.server().get("notes/f"), file("A"), "nothing is done before the answer");
    terminal.enter("y");
    terminal.exits(0);
    ledger.check(&world, &terminal.transcript());
    assert_eq!(world.server().get("notes/f"), file("newer"));
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn a_person_answers_that_the_restore_was_meant() {
    let world = restored(Side::Server);
    let ledger = Ledger::open(&world);
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.enter("2");
    terminal.wait_for("[y/N]", SOON);
    terminal.enter("yes");
    terminal.exits(0);
    ledger.check(&world, &terminal.transcript());
    assert_eq!(world.laptop().get("notes/f"), file("A"));
}

#[test]
fn a_person_lets_each_difference_become_a_conflict() {
    let world = restored(Side::Server);
    let ledger = Ledger::open(&world);
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.enter("3");
    terminal.wait_for("[y/N]", SOON);
    terminal.enter("y");
    terminal.exits(3);
    ledger.check(&world, &terminal.transcript());
    assert_eq!(world.laptop().get("notes/f"), file("newer"));
    assert_eq!(world.server().get("notes/f"), file("A"));
}

#[test]
fn a_person_who_declines_or_leaves_changes_nothing() {
    let world = restored(Side::Server);
    let before = snapshots(&world);
    for (answers, code) in [(vec!["4"], 4), (vec!["1", "n"], 4), (vec!["3", ""], 4)] {
        let mut terminal = person(&world, &["recover"]);
        for (question, answer) in ["Which? [1-4]", "[y/N]"].iter().zip(&answers) {
            terminal.wait_for(question, SOON);
            terminal.enter(answer);
        }
        terminal.exits(code);
        assert!(terminal.transcript().contains("Nothing was changed."));
    }
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.send_key(ubos_testkit::terminal::ctrl('c'));
    terminal.exits(130);
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.send_key(ubos_testkit::terminal::ctrl('d'));
    terminal.exits(4);
    assert_unchanged(&world, &before);
    // No lock was left behind, and nothing was decided.
    sees(world.laptop(), &[(Side::Server, "restored")]);
}
