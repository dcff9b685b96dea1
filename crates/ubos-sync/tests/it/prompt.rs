//! The session about open conflicts: every answer, and what it brings about on both territories.

use ubos_testkit::{Side, World, backups};

use crate::agreed;
use crate::conversation::{CHOICE, Conversation, edit, in_conflict};

const HERE: &str = "B of the laptop\n";
const THERE: &str = "C of the server\n";

/// The contents of `notes/f` in the backups of `side`, oldest first.
fn put_aside(world: &World, side: Side) -> Vec<String> {
    let versions = backups::of_path(&world.root(side), "notes/f");
    let text = |node: &ubos_testkit::Node| node.content().map(<[u8]>::to_vec);
    versions.iter().filter_map(|v| Some(String::from_utf8(text(&v.node)?).unwrap())).collect()
}

/// Asserts that the next sync finds nothing to do and nothing to ask.
fn settled(world: &World) {
    world.laptop().sync().exits(0).clean().actions([]).no_backups();
    world.server().sync().exits(0).clean().actions([]).no_backups();
}

#[test]
fn keeping_this_one_replaces_that_one_with_a_backup() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "1").sees("localhost's version stands on both territories now");
    talk.sees("Undo: ubos-sync undo 2");
    let told = talk.ends(0);
    assert!(told.contains("1 conflict settled, none is open."), "{told}");
    let line = format!("notes/f = {}", HERE.replace('\n', "\\n"));
    world.expect(&line, &line);
    assert_eq!(put_aside(&world, Side::Server), [THERE]);
    assert!(put_aside(&world, Side::Laptop).is_empty());
    settled(&world);
}

#[test]
fn keeping_that_one_replaces_this_one_with_a_backup() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "2").sees("balaur's version stands on both territories now");
    talk.ends(0);
    let line = format!("notes/f = {}", THERE.replace('\n', "\\n"));
    world.expect(&line, &line);
    assert_eq!(put_aside(&world, Side::Laptop), [HERE]);
    assert!(put_aside(&world, Side::Server).is_empty());
    settled(&world);
}

#[test]
fn each_side_can_be_asked_and_speaks_of_itself_first() {
    let world = in_conflict();
    let mut talk = Conversation::sized(&world, Side::Server, &["resolve"], (80, 200), |_| {});
    talk.sees("1. Keep balaur's version").answers(CHOICE, "1");
    talk.sees("balaur's version stands on both territories now").ends(0);
    assert_eq!(put_aside(&world, Side::Laptop), [HERE]);
}

#[test]
fn keeping_both_gives_the_other_one_a_name_that_links_can_have() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve", "notes/f"]);
    talk.answers(CHOICE, "b").sees("stands beside it as notes/f (balaur 2").ends(0);
    for side in Side::BOTH {
        let tree = world.at(side).tree();
        let beside: Vec<_> = tree
            .iter()
            .filter(|(path, _)| path.starts_with(b"notes/f ("))
            .map(|(path, node)| (String::from_utf8_lossy(path).into_owned(), node.clone()))
            .collect();
        assert_eq!(beside.len(), 1, "{beside:?}");
        assert_eq!(beside[0].1.content(), Some(THERE.as_bytes()));
        assert!(!beside[0].0.contains(['[', ']', '#', '^', '|', ':']), "{beside:?}");
        assert_eq!(world.at(side).get("notes/f").unwrap().content(), Some(HERE.as_bytes()));
    }
    settled(&world);
}

#[test]
fn aborting_changes_nothing_and_says_so() {
    for key in ["5", "q"] {
        let world = in_conflict();
        let before = [world.laptop().snapshot(), world.server().snapshot()];
        let mut talk = Conversation::start(&world, &["resolve"]);
        let told = talk.answers(CHOICE, key).ends(3);
        assert!(told.contains("No answer was carried out; nothing was changed."), "{told}");
        assert!(told.contains("1 conflict is still open"), "{told}");
        assert!(told.contains("Go on with: ubos-sync resolve"), "{told}");
        for (before, after) in
            before.iter().zip([world.laptop().snapshot(), world.server().snapshot()])
        {
            assert_eq!(before.difference(&after), None);
        }
    }
}

#[test]
fn the_difference_is_shown_and_the_question_stays() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "3").sees("B of the laptop").sees("C of the server");
    talk.answers(CHOICE, "d").sees("B of the laptop");
    talk.answers(CHOICE, "q").ends(3);
}

#[test]
fn skipping_goes_on_and_leaves_it_open() {
    let world = agreed();
    edit(&world, "notes/f", HERE, THERE);
    edit(&world, "notes/g", "one", "two");
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees("1 of 2").answers(CHOICE, "s").sees("DETECTED: notes/g").sees("2 of 2");
    let told = talk.answers(CHOICE, "1").ends(3);
    assert!(told.contains("1 conflict settled, 1 still open."), "{told}");
    world.laptop().sync().exits(3).conflict_paths(["notes/f"]);
}

#[test]
fn leaving_it_on_purpose_is_no_longer_asked_about() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "l").sees("left as it is on both territories, on purpose").ends(0);
    world.expect("notes/f = B of the laptop\\n", "notes/f = C of the server\\n");
    let told = Conversation::start(&world, &["resolve"]).ends(0);
    assert!(told.contains("No conflict is open."), "{told}");
    world.laptop().write("notes/f", "once more");
    world.laptop().run(["bidirectional"]).exits(3);
    Conversation::start(&world, &["resolve"]).answers(CHOICE, "1").ends(0);
}

#[test]
fn help_explains_every_key_and_asks_again() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "?").sees("goes to the backups").sees("`ubos-sync undo` brings it back");
    talk.sees("Ctrl-C leaves at any time").answers(CHOICE, "q").ends(3);
}

#[test]
fn an_unknown_key_and_an_empty_line_ask_again() {
    let world = in_conflict();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "7").sees("`7` is none of the keys").sees("1 localhost's");
    talk.answers(CHOICE, "12").sees("`12` is none of the keys");
    talk.answers(CHOICE, "yes").sees("`yes` is none of the keys");
    talk.answers(CHOICE, "").sees("1 localhost's").answers(CHOICE, "q").ends(3);
    world.expect("notes/f = B of the laptop\\n", "notes/f = C of the server\\n");
}

#[test]
fn what_was_typed_before_a_question_does_not_answer_it() {
    let world = agreed();
    edit(&world, "notes/f", HERE, THERE);
    edit(&world, "notes/g", "one", "two");
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees(CHOICE);
    talk.terminal.send("1\r2\r2\r2\r");
    talk.sees("DETECTED: notes/g").sees(CHOICE);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!talk.terminal.since().contains("notes/g: "), "{}", talk.terminal.since());
    world.expect(
        "notes/f = B of the laptop\\n\nnotes/g = one",
        "notes/f = B of the laptop\\n\nnotes/g = two",
    );
    talk.terminal.enter("q");
    talk.ends(3);
}

#[test]
fn one_answer_for_everything_below_a_folder_is_one_run() {
    let world = agreed();
    for name in ["D/a", "D/b", "others/00.md", "others/01.md"] {
        edit(&world, &format!("notes/{name}"), &format!("here {name}"), &format!("there {name}"));
    }
    world.laptop().sync().exits(3);
    let known = [Side::Laptop, Side::Server].map(|side| backups::runs(&world.root(side)).len());
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees("DETECTED: notes/D/a").answers(CHOICE, "a");
    talk.sees("1. notes/D/  (2 open conflicts)").sees("2. notes/  (4 open conflicts)");
    talk.answers("Enter for 1, n back]: ", "").sees("2 conflicts in notes/D/:");
    talk.answers("[1, 2, b, m, l, s, n]: ", "2");
    talk.sees("2 conflicts in notes/D/: balaur's version").sees("DETECTED: notes/others/00.md");
    talk.answers(CHOICE, "a").answers("The same for all", "1");
    let told = talk.ends(0);
    assert!(told.contains("4 conflicts settled, none is open."), "{told}");
    let lines = "notes/D/a = there D/a\nnotes/D/b = there D/b
        notes/others/00.md = here others/00.md\nnotes/others/01.md = here others/01.md";
    world.expect(lines, lines);
    let after = [Side::Laptop, Side::Server].map(|side| backups::runs(&world.root(side)).len());
    assert_eq!([after[0] - known[0], after[1] - known[1]], [1, 1], "one run for each answer");
    settled(&world);
}

#[test]
fn one_answer_for_all_can_be_taken_back_before_it_is_given() {
    let world = agreed();
    edit(&world, "notes/D/a", "here", "there");
    edit(&world, "notes/g", "one", "two");
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "a").answers("n back]: ", "9").answers("n back]: ", "n");
    talk.answers(CHOICE, "a")
        .answers("n back]: ", "2")
        .answers("s, n]: ", "x")
        .answers("s, n]: ", "n");
    talk.answers(CHOICE, "a").answers("n back]: ", "2").answers("s, n]: ", "s").ends(3);
    world.expect("notes/D/a = here\nnotes/g = one", "notes/D/a = there\nnotes/g = two");
}

#[test]
fn both_for_all_gives_each_a_name_of_its_own() {
    let world = agreed();
    edit(&world, "notes/plan.md", "here", "there");
    edit(&world, "notes/plan (balaur 20261122 093015).md", "older here", "older there");
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "a").answers("s, n]: ", "b").ends(0);
    for side in Side::BOTH {
        let tree = world.at(side).tree();
        let texts: Vec<_> = tree
            .iter()
            .filter(|(path, _)| path.starts_with(b"notes/plan"))
            .map(|(_, node)| String::from_utf8(node.content().unwrap().to_vec()).unwrap())
            .collect();
        assert_eq!(texts.len(), 4, "{texts:?}");
        for text in ["here", "there", "older here", "older there"] {
            assert!(texts.iter().any(|t| t == text), "{texts:?}");
        }
    }
    settled(&world);
}

#[test]
fn only_what_is_named_is_asked_about() {
    let world = agreed();
    edit(&world, "notes/D/a", "here", "there");
    edit(&world, "notes/f", HERE, THERE);
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve", "notes/D"]);
    let told = talk.sees("DETECTED: notes/D/a").answers(CHOICE, "1").ends(0);
    assert!(!told.contains("DETECTED: notes/f"), "{told}");
    world.laptop().sync().exits(3).conflict_paths(["notes/f"]);
    Conversation::start(&world, &["resolve", "notes/D"]).ends(2);
}

#[test]
fn without_a_terminal_the_way_is_shown() {
    let world = in_conflict();
    world.laptop().run(["resolve"]).exits(2).says("no terminal").says("--keep");
    world.laptop().run(["resolve", "notes/f"]).exits(2).says("no terminal");
    world.laptop().run(["resolve", "--json"]).exits(2);
    world.laptop().run(["resolve", "--keep", "balaur"]).exits(2);
    world.expect("notes/f = B of the laptop\\n", "notes/f = C of the server\\n");
}

#[test]
fn a_sync_on_a_terminal_asks_about_what_it_leaves_open() {
    for command in ["bidirectional", "push", "pull"] {
        let world = agreed();
        edit(&world, "notes/f", HERE, THERE);
        let mut talk = Conversation::start(&world, &[command]);
        talk.sees("CONFLICT").answers(CHOICE, "2").ends(0);
        let line = format!("notes/f = {}", THERE.replace('\n', "\\n"));
        world.expect(&line, &line);
    }
}

#[test]
fn a_sync_does_not_ask_where_nobody_wants_to_be_asked() {
    let world = agreed();
    edit(&world, "notes/f", HERE, THERE);
    for args in [
        &["bidirectional", "-n"][..],
        &["bidirectional", "--json"],
        &["bidirectional", "--conflicts", "hold"],
        &["status"],
    ] {
        let told = Conversation::start(&world, args).ends(3);
        assert!(!told.contains("Choice ["), "{args:?}\n{told}");
    }
    world.laptop().run(["bidirectional", "--conflicts", "ask"]).exits(3);
    world.expect("notes/f = B of the laptop\\n", "notes/f = C of the server\\n");
}

#[test]
fn a_sync_that_asked_still_says_what_else_waits() {
    let world = agreed();
    edit(&world, "notes/f", HERE, THERE);
    world.laptop().link("notes/away", "/etc/hostname");
    let mut talk = Conversation::start(&world, &["bidirectional"]);
    talk.sees("HELD").answers(CHOICE, "1").ends(3);
    let line = "notes/f = B of the laptop\\n";
    world.expect(&format!("{line}\nnotes/away -> /etc/hostname"), line);
}
