//! Lost, damaged and restored state (rules §6–7): nothing is deleted or reverted because of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use ubos_testkit::{Node, Side, Snapshot, World};

use crate::agreed;

/// Changes of every kind on both sides, none of which touches the same path.
fn edit_both(world: &World) {
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    world.laptop().write("notes/here", "1");
    world.server().write("notes/there", "2");
}

/// What both sides hold once [`edit_both`] has been synced.
const EDITED: &str = "notes/f = B\nnotes/g = C\nnotes/here = 1\nnotes/there = 2";

fn lose_state(world: &World, side: Side) {
    fs::remove_dir_all(world.at(side).own("state")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// Puts the content of `from` in place of what the root of `side` holds; the folder stays.
fn restore(world: &World, side: Side, from: &Path) {
    let root = world.root(side);
    for entry in fs::read_dir(&root).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
        .unwrap();
    }
    copy(&from.join("."), &root);
}

fn snapshots(world: &World) -> [Snapshot; 2] {
    Side::BOTH.map(|side| world.at(side).snapshot())
}

fn assert_unchanged(world: &World, before: &[Snapshot; 2]) {
    for (before, after) in before.iter().zip(&snapshots(world)) {
        assert_eq!(before.difference(after), None);
    }
}

/// Lets `recover` merge what a guard stopped, as a person would: look, then confirm.
fn recover(world: &World, side: Side) {
    let before = snapshots(world);
    let shown = world.at(side).sync_with(["recover", "--dry-run"]);
    assert!(shown.report.dry_run);
    assert_unchanged(world, &before);
    let done = world.at(side).sync_with(["recover", "--confirm", &shown.report.plan]);
    assert!([0, 3].contains(&done.outcome.code()), "{}", done.outcome.told());
    let removes = |op: &str| ["delete", "rmdir"].contains(&op);
    assert!(
        !done.report.actions.iter().any(|action| removes(&action.op)),
        "{}",
        done.outcome.told()
    );
}

#[test]
fn lost_state_on_one_side_heals_from_the_other() {
    for loser in Side::BOTH {
        for starter in Side::BOTH {
            let world = agreed();
            edit_both(&world);
            lose_state(&world, loser);
            let run = world.at(starter).sync();
            run.exits(0).conflicts([]).both(EDITED);
            run.backups("notes/g = old", "notes/f = A");
            world.laptop().sync().exits(0).clean().actions([]).again();
        }
    }
}

#[test]
fn lost_state_on_one_side_still_knows_deletions() {
    for loser in Side::BOTH {
        let world = agreed();
        world.laptop().remove("notes/f");
        lose_state(&world, loser);
        let run = world.laptop().sync();
        run.exits(0).clean().both("- notes/f").backups("", "notes/f = A");
    }
}

#[test]
fn lost_state_on_both_sides_deletes_and_reverts_nothing() {
    let world = agreed();
    edit_both(&world);
    world.laptop().remove("notes/D/a");
    for side in Side::BOTH {
        lose_state(&world, side);
    }
    let before = snapshots(&world);
    world.laptop().sync().exits(4).actions([]);
    assert_unchanged(&world, &before);
    recover(&world, Side::Laptop);
    assert_eq!(world.laptop().get("notes/D/a"), Some(Node::file("first")), "it comes back");
    assert_eq!(world.laptop().get("notes/f"), Some(Node::file("B")));
    assert_eq!(world.server().get("notes/f"), Some(Node::file("A")), "unknown base: a conflict");
    assert_eq!(world.server().get("notes/here"), Some(Node::file("1")));
    assert_eq!(world.laptop().get("notes/there"), Some(Node::file("2")));
    world.laptop().sync().exits(3).conflict_paths(["notes/f", "notes/g"]);
}

/// Changes every seventh byte of every file below a folder; returns how many files that were.
fn damage(folder: &std::path::Path) -> usize {
    let mut damaged = 0;
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            damaged += damage(&entry.path());
            continue;
        }
        let mut bytes = fs::read(entry.path()).unwrap();
        bytes.iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
        damaged += usize::from(!bytes.is_empty());
        fs::write(entry.path(), bytes).unwrap();
    }
    damaged
}

#[test]
fn damaged_state_is_noticed_and_never_believed() {
    for side in Side::BOTH {
        let world = agreed();
        world.laptop().write("notes/f", "B");
        assert!(damage(&world.at(side).own("state")) >= 2, "baseline and journal at least");
        let run = world.laptop().sync();
        assert!([0, 4].contains(&run.outcome.code()), "{}", run.outcome.told());
        let deletes = run.report.actions.iter().any(|action| action.op == "delete");
        assert!(!deletes, "{}", run.outcome.told());
        if run.outcome.code() == 4 {
            recover(&world, side);
        }
        assert_eq!(world.laptop().get("notes/f"), Some(Node::file("B")));
    }
}

#[test]
fn a_missing_marker_stops_the_run_until_it_is_adopted_again() {
    for side in Side::BOTH {
        let world = agreed();
        edit_both(&world);
        fs::remove_file(world.at(side).own("marker")).unwrap();
        let before = snapshots(&world);
        world.laptop().sync().exits(4).actions([]);
        world.server().sync().exits(4).actions([]);
        assert_unchanged(&world, &before);
        recover(&world, side);
        let run = world.laptop().sync();
        assert!([0, 3].contains(&run.outcome.code()), "{}", run.outcome.told());
        assert_eq!(world.server().get("notes/here"), Some(Node::file("1")));
        assert_eq!(world.laptop().get("notes/there"), Some(Node::file("2")));
    }
}

#[test]
fn a_lost_folder_of_ours_stops_the_run() {
    for side in Side::BOTH {
        let world = agreed();
        edit_both(&world);
        fs::remove_dir_all(world.at(side).own("")).unwrap();
        let before = snapshots(&world);
        let outcome = world.at(side.other()).run(["bidirectional", "--json"]);
        outcome.exits(4);
        assert_unchanged(&world, &before);
    }
}

#[test]
fn a_root_restored_from_an_older_copy_reverts_nothing() {
    for side in Side::BOTH {
        let world = agreed();
        let older = world.base().join("older");
        copy(&world.root(side), &older);
        edit_both(&world);
        world.laptop().sync().exits(0).clean();
        restore(&world, side, &older);
        let before = snapshots(&world);
        world.laptop().sync().exits(4).actions([]).no_backups();
        world.server().sync().exits(4).actions([]).no_backups();
        assert_unchanged(&world, &before);
        recover(&world, side);
        let other = world.at(side.other());
        assert_eq!(other.get("notes/f"), Some(Node::file("B")), "{side:?} was restored");
        assert_eq!(other.get("notes/g"), Some(Node::file("C")), "{side:?} was restored");
        assert_eq!(world.at(side).get("notes/here"), Some(Node::file("1")));
    }
}

#[test]
fn files_restored_without_our_folder_are_seen_as_a_regression() {
    let world = agreed();
    let older = world.base().join("older");
    copy(&world.root(Side::Server).join("notes"), &older);
    for number in 0..24 {
        world.laptop().write(format!("notes/others/{number:02}.md"), format!("newer {number}"));
    }
    world.laptop().sync().exits(0).clean();
    fs::remove_dir_all(world.server().path("notes")).unwrap();
    copy(&older, &world.server().path("notes"));
    let run = world.laptop().sync();
    run.exits(4).no_backups();
    assert_eq!(world.laptop().get("notes/others/00.md"), Some(Node::file("newer 0")));
}

#[test]
fn a_state_restored_from_an_older_copy_deletes_nothing() {
    for side in Side::BOTH {
        let world = agreed();
        let older = world.base().join("older-state");
        copy(&world.at(side).own("state"), &older);
        world.laptop().remove("notes/f");
        world.server().write("notes/new", "X");
        world.laptop().sync().exits(0).clean();
        world.laptop().write("notes/f", "made again");
        fs::remove_dir_all(world.at(side).own("state")).unwrap();
        copy(&older, &world.at(side).own("state"));
        let run = world.laptop().sync();
        assert!([0, 4].contains(&run.outcome.code()), "{}", run.outcome.told());
        assert_eq!(world.laptop().get("notes/f"), Some(Node::file("made again")));
        for side in Side::BOTH {
            assert_eq!(world.at(side).get("notes/new"), Some(Node::file("X")), "{side:?}");
        }
    }
}

#[test]
fn an_up_to_date_copy_in_place_of_a_root_loses_nothing() {
    let world = agreed();
    let copied = world.base().join("copied");
    copy(&world.root(Side::Server), &copied);
    fs::rename(world.root(Side::Server), world.base().join("aside")).unwrap();
    fs::rename(&copied, world.root(Side::Server)).unwrap();
    edit_both(&world);
    let run = world.laptop().sync();
    match run.outcome.code() {
        4 => run.actions([]).no_backups(),
        _ => run.exits(0).clean().both(EDITED),
    };
}

#[test]
fn recover_with_an_unknown_plan_touches_nothing() {
    let world = agreed();
    edit_both(&world);
    for side in Side::BOTH {
        lose_state(&world, side);
    }
    let before = snapshots(&world);
    world.laptop().watched(&["recover", "--confirm", "0123456789abcdef"]).exits(2);
    world.laptop().watched(&["recover"]);
    assert_unchanged(&world, &before);
}

#[test]
fn without_memory_one_way_areas_are_copied_or_left() {
    let world = agreed();
    world.server().write("in/new", "X");
    world.laptop().write("in/local", "mine");
    world.laptop().write("in/0.txt", "edited on the mirror");
    for side in Side::BOTH {
        lose_state(&world, side);
    }
    world.laptop().sync().exits(4);
    recover(&world, Side::Laptop);
    assert_eq!(world.laptop().get("in/new"), Some(Node::file("X")));
    assert_eq!(world.laptop().get("in/local"), Some(Node::file("mine")));
    assert_eq!(world.server().get("in/local"), None);
    let run = world.laptop().sync();
    run.exits(3).conflicts([("in/0.txt", "drift")]);
}
