//! The screens of the session, as a person sees them: in a usual, a wide and a narrow terminal, with
//! and without colour.

use ubos_testkit::Side;

use crate::conversation::{CHOICE, Conversation, in_conflict};

/// The whole screen after a difference and an answer, in that many columns.
fn after_an_answer(cols: u16) -> String {
    let world = in_conflict();
    let mut talk = Conversation::sized(&world, Side::Laptop, &["resolve"], (cols, 120), |_| {});
    talk.answers(CHOICE, "3").answers(CHOICE, "7").answers(CHOICE, "2").ends(0);
    talk.screen()
}

#[track_caller]
fn same(found: &str, expected: &str) {
    assert_eq!(found, expected.trim_end_matches('\n'), "\n--- found\n{found}\n---");
}

#[test]
fn in_eighty_columns() {
    same(&after_an_answer(80), include_str!("screens/80.txt"));
}

#[test]
fn in_a_hundred_and_forty_columns() {
    same(&after_an_answer(140), include_str!("screens/140.txt"));
}

#[test]
fn in_forty_columns() {
    let screen = after_an_answer(40);
    assert!(screen.lines().all(|line| line.chars().count() <= 40));
    // The id of the run does not fit on a line, and ids differ.
    let (before, _) = screen.split_once("    Undo:").unwrap();
    same(before.trim_end(), include_str!("screens/40.txt"));
}

#[test]
fn without_colour_the_words_are_the_same() {
    let world = in_conflict();
    let mut plain = Conversation::sized(&world, Side::Laptop, &["resolve"], (80, 120), |command| {
        command.env("NO_COLOR", "1");
    });
    plain.answers(CHOICE, "3").answers(CHOICE, "q").ends(3);
    let mut painted = Conversation::start(&world, &["resolve"]);
    painted.answers(CHOICE, "3").answers(CHOICE, "q").ends(3);
    assert_eq!(plain.screen(), painted.screen());
    assert!(!plain.terminal.raw().contains(&0x1b), "no escape sequence at all");
    assert!(painted.terminal.raw().contains(&0x1b), "colour where it is wanted");
}

#[test]
fn the_question_fits_on_a_small_screen_and_a_window_may_change_while_it_waits() {
    let world = in_conflict();
    let mut talk = Conversation::sized(&world, Side::Laptop, &["resolve"], (80, 24), |_| {});
    talk.sees(CHOICE);
    assert!(talk.screen().contains("CONFLICT DETECTED: notes/f"), "{}", talk.screen());
    talk.terminal.resize(40, 24);
    talk.answers(CHOICE, "zz").sees("none of the keys").sees(CHOICE);
    let said = talk.terminal.since();
    assert!(said.lines().all(|line| line.chars().count() <= 40), "{said}");
    talk.answers(CHOICE, "1").ends(0);
}
