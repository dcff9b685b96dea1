//! What happens beside a waiting question: other runs, and changes of what the question is about.

use ubos_testkit::Side;

use crate::agreed;
use crate::conversation::{CHOICE, Conversation, edit, in_conflict};

#[test]
fn a_change_on_either_side_refuses_the_answer_and_asks_anew() {
    for side in Side::BOTH {
        for key in ["1", "2", "b"] {
            let world = in_conflict();
            let mut talk = Conversation::start(&world, &["resolve"]);
            talk.sees(CHOICE);
            world.at(side).write("notes/f", "slipped in");
            talk.recount();
            talk.terminal.enter(key);
            talk.sees("notes/f changed while the question stood here, so nothing was done.");
            talk.sees("Size: 10 B").sees(CHOICE);
            let mut lines = ["notes/f = B of the laptop\\n", "notes/f = C of the server\\n"];
            lines[usize::from(side == Side::Server)] = "notes/f = slipped in";
            world.expect(lines[0], lines[1]);
            talk.terminal.enter(if side == Side::Laptop { "1" } else { "2" });
            talk.sees("stands on both territories now");
            talk.ends(0);
            world.expect("notes/f = slipped in", "notes/f = slipped in");
        }
    }
}

#[test]
fn what_changed_while_the_question_stood_there_is_not_left_as_it_is() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees(CHOICE);
    world.server().write("notes/f", "slipped in");
    talk.recount();
    talk.terminal.enter("l");
    talk.sees("notes/f changed while the question stood here, so nothing was done.");
    talk.sees("Size: 10 B").answers(CHOICE, "l").sees("left as it is").ends(0);
    world.expect("notes/f = B of the laptop\\n", "notes/f = slipped in");
}

#[test]
fn of_all_below_a_folder_only_what_changed_is_not_left() {
    let world = agreed();
    edit(&world, "notes/D/a", "here", "there");
    edit(&world, "notes/D/b", "here", "there");
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "a").sees("The same for all");
    world.server().write("notes/D/b", "slipped in");
    talk.recount();
    talk.terminal.enter("l");
    talk.sees("notes/D/a: left as it is").sees("1 changed meanwhile").sees("DETECTED: notes/D/b");
    talk.answers(CHOICE, "q").ends(3);
}

#[test]
fn a_change_that_ends_the_conflict_is_told() {
    let world = agreed();
    edit(&world, "notes/f", "B of the laptop\n", "C of the server\n");
    edit(&world, "notes/g", "one", "two");
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees(CHOICE);
    world.laptop().write("notes/f", "C of the server\n");
    talk.recount();
    talk.terminal.enter("1");
    talk.sees("notes/f changed while the question stood here").sees("no conflict any more");
    talk.sees("DETECTED: notes/g").answers(CHOICE, "1").ends(0);
    let both = "notes/f = C of the server\\n\nnotes/g = one";
    world.expect(both, both);
}

#[test]
fn a_change_while_one_answer_for_all_is_asked_leaves_that_one_open() {
    let world = agreed();
    edit(&world, "notes/D/a", "here", "there");
    edit(&world, "notes/D/b", "here", "there");
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "a").sees("The same for all");
    world.server().write("notes/D/b", "slipped in");
    talk.recount();
    talk.terminal.enter("1");
    talk.sees("1 conflict in notes/D/").sees("1 stays open").sees("DETECTED: notes/D/b");
    talk.answers(CHOICE, "q").ends(3);
    world.expect("notes/D/a = here\nnotes/D/b = here", "notes/D/a = here\nnotes/D/b = slipped in");
}

#[test]
fn nothing_is_locked_while_a_question_waits() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees(CHOICE);
    world.server().write("notes/new", "N");
    talk.recount();
    world.server().sync().exits(3).actions([("create", "notes/new", Side::Laptop)]);
    world.laptop().write("notes/new", "M");
    talk.recount();
    world.laptop().sync().exits(3);
    talk.terminal.enter("2");
    talk.sees("balaur's version stands on both territories now").ends(0);
    let both = "notes/f = C of the server\\n\nnotes/new = M";
    world.expect(both, both);
}

#[test]
fn a_conflict_that_another_run_settled_is_not_asked_about_again() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees(CHOICE);
    world.server().resolve(["notes/f", "--keep", "localhost"]).exits(0);
    talk.recount();
    talk.terminal.enter("2");
    talk.ends(0);
    world.expect("notes/f = B of the laptop\\n", "notes/f = B of the laptop\\n");
}

#[test]
fn a_peer_that_is_away_leaves_the_question_standing() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees(CHOICE);
    let aside = world.base().join("away");
    std::fs::rename(world.root(Side::Server), &aside).unwrap();
    talk.terminal.enter("1");
    talk.sees("The answer was not carried out").sees(CHOICE);
    std::fs::rename(&aside, world.root(Side::Server)).unwrap();
    talk.terminal.enter("1");
    talk.sees("localhost's version stands on both territories now").ends(0);
}
