//! Every kind of conflict at the prompt: words that fit it, and answers that do what they say.

use ubos_testkit::{Side, World};

use crate::agreed;
use crate::conversation::{CHOICE, Conversation, edit};

/// Answers the one conflict of `world` with `key`, after `words` were on the screen.
fn answer(world: &World, words: &[&str], key: &str) -> String {
    let mut talk = Conversation::start(world, &["resolve"]);
    for words in words {
        talk.sees(words);
    }
    talk.answers(CHOICE, key).ends(0)
}

fn settled(world: &World, lines: &str) {
    world.expect(lines, lines);
    world.laptop().sync().exits(0).clean().actions([]);
}

/// `notes/D` deleted on the laptop, one file in it edited on the server.
fn folder() -> World {
    let world = agreed();
    world.laptop().remove("notes/D");
    world.server().write("notes/D/a", "new");
    world.laptop().sync().exits(3);
    world
}

#[test]
fn a_deleted_folder_with_a_change_in_it() {
    let words = ["alaur changed something in this folder, localhost deleted it", "notes/D/a"];
    let world = folder();
    let told = answer(&world, &words, "1");
    assert!(told.contains("the folder is deleted on both territories now"), "{told}");
    settled(&world, "- notes/D");
    let world = folder();
    let told = answer(&world, &words, "2");
    assert!(told.contains("balaur's folder stands on both territories again"), "{told}");
    settled(&world, "notes/D/a = new");
    let world = folder();
    let told = answer(&world, &["c. Keep only what was changed in it"], "c");
    assert!(told.contains("what was changed in it stands on both territories now"), "{told}");
    settled(&world, "notes/D/a = new\n- notes/D/b");
}

#[test]
fn a_deletion_against_a_change() {
    for deleted in Side::BOTH {
        let both = || {
            let world = agreed();
            world.at(deleted).remove("notes/f");
            world.at(deleted.other()).write("notes/f", "changed");
            world.laptop().sync().exits(3);
            world
        };
        let keys = if deleted == Side::Laptop { ["1", "2"] } else { ["2", "1"] };
        let (gone, stays) = (deleted.name(), deleted.other().name());
        let words = format!("{stays} changed it, {gone} deleted it");
        let words = words.to_lowercase();
        let world = both();
        let mut talk = Conversation::start(&world, &["resolve"]);
        talk.sees(CHOICE);
        assert!(talk.terminal.transcript().to_lowercase().contains(&words));
        let told = talk.answers(CHOICE, keys[0]).ends(0);
        let expected = format!("deleted on both territories now; {stays}'s version is in the");
        assert!(told.contains(&expected), "{told}");
        settled(&world, "- notes/f");
        let world = both();
        let told = answer(&world, &[], keys[1]);
        assert!(told.contains(&format!("{stays}'s version stands on both territories")), "{told}");
        settled(&world, "notes/f = changed");
    }
}

#[test]
fn a_change_of_kind() {
    let world = agreed();
    world.laptop().remove("notes/f");
    world.laptop().link("notes/f", "g");
    world.server().write("notes/f", "changed");
    world.laptop().sync().exits(3);
    let words = ["link on localhost and a file on balaur", "Leads to: g"];
    let told = answer(&world, &words, "1");
    assert!(told.contains("localhost's version stands on both territories now"), "{told}");
    settled(&world, "notes/f -> g");
}

#[test]
fn two_new_files() {
    let world = agreed();
    edit(&world, "notes/new.md", "mine\n", "theirs\n");
    world.laptop().sync().exits(3);
    answer(&world, &["oth territories made it", "none, the path is new"], "2");
    settled(&world, "notes/new.md = theirs\\n");
}

#[test]
fn drift_in_a_one_way_area() {
    for (path, authority) in [("in/x", Side::Server), ("out/y", Side::Laptop)] {
        for side in Side::BOTH {
            let world = agreed();
            edit(&world, path, "here\n", "there\n");
            world.laptop().sync().exits(3).conflicts([(path, "drift")]);
            let (name, other) = (side.name(), side.other().name());
            let words = if side == authority {
                format!("Take {name}'s version (what counts in this area) on {other}")
            } else {
                format!("Send {name}'s version to {other}, this once")
            };
            let key = if side == Side::Laptop { "1" } else { "2" };
            answer(&world, &[&words], key);
            let text = if side == Side::Laptop { "here" } else { "there" };
            settled(&world, &format!("{path} = {text}\\n"));
        }
    }
}

#[test]
fn names_and_contents_cannot_play_with_the_terminal() {
    let world = agreed();
    let name = b"notes/evil\x1b[2J\x1b]0;title\x07\xff\xe2\x80\xae.md";
    for (side, text) in [(Side::Laptop, "a\x1b[31mred\x07\n"), (Side::Server, "b\x1b]0;own\x07\n")]
    {
        world.at(side).write(name, text);
    }
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees("\\x1B[2J").sees("\\xff").answers(CHOICE, "3").sees("\\x1B[31mred");
    talk.answers(CHOICE, "b").sees("stands beside it as").ends(0);
    let raw = talk.terminal.raw();
    for bytes in [&b"\x1b[2J"[..], b"\x1b]0;", b"\x07", b"\xff", b"\xe2\x80\xae", b"\x1b[31mred"] {
        assert!(!raw.windows(bytes.len()).any(|window| window == bytes), "{bytes:?} got through");
    }
}

#[test]
fn bytes_that_are_no_text_are_said_to_be_none() {
    let world = agreed();
    for (side, byte) in [(Side::Laptop, 1u8), (Side::Server, 2)] {
        world.at(side).write("notes/f", [0, byte, 0, 0xfe, 0x1b, b'[', b'2', b'J'].repeat(20));
    }
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees(CHOICE);
    assert!(!talk.terminal.screen().contains("4. Merge"), "{}", talk.terminal.screen());
    talk.answers(CHOICE, "3").sees("160 B").answers(CHOICE, "4").sees("none of the keys");
    talk.answers(CHOICE, "1").ends(0);
    let raw = talk.terminal.raw();
    assert!(!raw.windows(4).any(|window| window == b"\x1b[2J"));
}
