//! Leaving the session, however it happens: nothing is changed but what was answered before, and
//! that is said.

use ubos_testkit::World;
use ubos_testkit::terminal::ctrl;

use crate::agreed;
use crate::conversation::{CHOICE, Conversation, edit, in_conflict};

const OPEN: [&str; 2] = ["notes/f = B of the laptop\\n", "notes/f = C of the server\\n"];

/// Two conflicts, `notes/f` and `notes/g`.
fn two_conflicts() -> World {
    let world = agreed();
    edit(&world, "notes/f", "B of the laptop\n", "C of the server\n");
    edit(&world, "notes/g", "one", "two");
    world.laptop().sync().exits(3);
    world
}

#[test]
fn ctrl_c_at_the_first_question_changes_nothing() {
    let world = in_conflict();
    let told = Conversation::start(&world, &["resolve"]).presses(CHOICE, ctrl('c')).ends(130);
    assert!(told.contains("nothing was changed"), "{told}");
    assert!(told.contains("1 conflict is still open"), "{told}");
    world.expect(OPEN[0], OPEN[1]);
}

#[test]
fn ctrl_c_with_half_a_line_typed_does_not_take_it_for_an_answer() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees(CHOICE);
    talk.terminal.send("1");
    talk.terminal.send_key(ctrl('c'));
    talk.ends(130);
    world.expect(OPEN[0], OPEN[1]);
}

#[test]
fn ctrl_d_and_half_a_line_are_no_answer() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees(CHOICE);
    talk.terminal.send("1");
    talk.terminal.send_key(ctrl('d'));
    talk.terminal.send_key(ctrl('d'));
    let told = talk.ends(3);
    assert!(told.contains("nothing was changed"), "{told}");
    world.expect(OPEN[0], OPEN[1]);
}

#[test]
fn what_was_answered_before_stays_and_is_told() {
    for (key, code) in [(ctrl('c'), 130), (ctrl('d'), 3)] {
        let world = two_conflicts();
        let mut talk = Conversation::start(&world, &["resolve"]);
        talk.answers(CHOICE, "2").sees("DETECTED: notes/g");
        let told = talk.presses(CHOICE, key).ends(code);
        assert!(told.contains("These answers were carried out:\n  notes/f: balaur's"), "{told}");
        assert!(told.contains("1 conflict is still open, untouched"), "{told}");
        let settled = "notes/f = C of the server\\n";
        world.expect(&format!("{settled}\nnotes/g = one"), &format!("{settled}\nnotes/g = two"));
    }
}

#[test]
fn every_question_on_the_way_can_be_left() {
    for (key, code) in [(ctrl('c'), 130), (ctrl('d'), 3)] {
        let world = two_conflicts();
        let mut talk = Conversation::start(&world, &["resolve"]);
        talk.answers(CHOICE, "a").presses("The same for all [1", key).ends(code);
        let world = agreed();
        edit(&world, "notes/D/a", "B", "C");
        edit(&world, "notes/f", "B", "C");
        world.laptop().sync().exits(3);
        let mut talk = Conversation::start(&world, &["resolve"]);
        talk.answers(CHOICE, "a").presses("n back]: ", key).ends(code);
        world.expect("notes/f = B\nnotes/D/a = B", "notes/f = C\nnotes/D/a = C");
    }
}

#[test]
fn a_terminal_that_is_closed_changes_nothing_more() {
    let world = two_conflicts();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "2").sees("DETECTED: notes/g").sees(CHOICE);
    talk.terminal.close();
    talk.ends(3);
    let settled = "notes/f = C of the server\\n";
    world.expect(&format!("{settled}\nnotes/g = one"), &format!("{settled}\nnotes/g = two"));
    world.laptop().sync().exits(3).conflict_paths(["notes/g"]);
}

#[test]
fn ctrl_c_after_a_sync_says_what_is_left() {
    let world = agreed();
    edit(&world, "notes/f", "B", "C");
    world.laptop().write("notes/new", "N");
    let mut talk = Conversation::start(&world, &["bidirectional"]);
    talk.presses(CHOICE, ctrl('c')).ends(130);
    world.expect("notes/f = B\nnotes/new = N", "notes/f = C\nnotes/new = N");
}
