//! Baseline and journal damaged on disk, a sample of places through the whole program: it is
//! noticed, nothing is deleted or reverted because of it, and it heals or stops.

use std::fs;
use std::path::PathBuf;

use ubos_testkit::{Node, Side, World};

use crate::agreed;

/// The files that make up the memory of the pair on a side.
fn file(world: &World, side: Side, name: &str) -> PathBuf {
    let mut folders = fs::read_dir(world.at(side).own("state")).unwrap().flatten();
    let pair = folders.find(|entry| entry.path().is_dir()).unwrap();
    pair.path().join(name)
}

/// A pair with several generations behind it, a deletion among them, and changes not yet synced.
fn lived_in() -> World {
    let world = agreed();
    world.laptop().remove("notes/D/a");
    world.server().write("notes/there", "1");
    world.laptop().run(["bidirectional"]).exits(0);
    world.server().write("notes/f", "B");
    world.laptop().run(["bidirectional"]).exits(0);
    world.laptop().write("notes/g", "C");
    world.server().write("notes/new", "N");
    world
}

/// Spoils a file and lets the program look at it.
fn survives(side: Side, name: &str, what: &str, spoil: impl Fn(&mut Vec<u8>)) {
    let world = lived_in();
    let path = file(&world, side, name);
    let mut bytes = fs::read(&path).unwrap();
    spoil(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let run = world.laptop().sync();
    let told = format!("{name} of {side:?}, {what}\n{}", run.outcome.told());
    assert!([0, 4].contains(&run.outcome.code()), "{told}");
    if run.outcome.code() == 4 {
        run.actions([]).no_backups();
        let plan = world.laptop().sync_with(["recover", "--dry-run"]).report.plan;
        let done = world.laptop().sync_with(["recover", "--confirm", &plan]);
        assert!([0, 3].contains(&done.outcome.code()), "{told}\n{}", done.outcome.told());
        assert!(done.report.actions.iter().all(|action| action.op != "delete"), "{told}");
    }
    assert!(run.report.actions.iter().all(|action| action.op != "delete"), "{told}");
    assert_eq!(world.laptop().get("notes/g"), Some(Node::file("C")), "{told}");
    assert_eq!(world.laptop().get("notes/new"), Some(Node::file("N")), "{told}");
    for side in Side::BOTH {
        assert_eq!(world.at(side).get("notes/f"), Some(Node::file("B")), "{told}");
        assert_eq!(world.at(side).get("notes/there"), Some(Node::file("1")), "{told}");
    }
}

fn flipped_and_cut(name: &str) {
    for side in Side::BOTH {
        for part in [0, 1, 3, 5, 7] {
            survives(side, name, &format!("a byte flipped at {part}/8"), |bytes| {
                let at = bytes.len() * part / 8 + 3;
                bytes[at] ^= 0x10;
            });
            survives(side, name, &format!("cut to {part}/8"), |bytes| {
                bytes.truncate(bytes.len() * part / 8);
            });
        }
    }
}

#[test]
fn a_damaged_baseline_heals_or_stops_the_run() {
    flipped_and_cut("baseline");
}

#[test]
fn a_damaged_journal_heals_or_stops_the_run() {
    flipped_and_cut("journal");
}
