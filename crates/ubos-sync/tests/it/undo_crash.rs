//! Either process is killed at each step of an undo or a restore: nothing is lost, and doing it
//! again comes to the same end.

use ubos_testkit::failpoints::{Crash, run_with_crash, trace};
use ubos_testkit::{Side, World};

use crate::agreed;

/// A run that replaces, deletes and moves on both sides.
fn prepare() -> (World, String) {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.laptop().remove("notes/D");
    world.laptop().rename("notes/others/00.md", "notes/moved.md");
    world.server().write("notes/g", "C");
    world.server().remove("notes/others/01.md");
    let run = world.laptop().sync().exits(0).report.run.clone();
    (world, run)
}

fn undo_from(side: Side) {
    let (world, run) = prepare();
    let (outcome, points) = trace(world.at(side), &["undo", &run]);
    outcome.exits(0);
    world.expect("", "");
    for name in [
        "put-back-staged",
        "put-back-kept",
        "put-back-recorded",
        "put-back-exchanged",
        "put-back-placed",
    ] {
        let passed = |points: &[String]| points.iter().any(|point| point == name);
        assert!(passed(&points.here) && passed(&points.agent), "nobody passes {name}");
    }
    for crash in points.crashes() {
        let (world, run) = prepare();
        let outcome = run_with_crash(world.at(side), &["undo", &run], crash);
        if matches!(crash, Crash::Agent(_)) {
            assert!([0, 5].contains(&outcome.code()), "{crash:?}\n{}", outcome.told());
        }
        let again = world.at(side).sync_with(["undo", &run]);
        again.exits(0).clean();
        world.expect("", "");
        world.at(side.other()).sync().exits(0).clean().actions([]);
        for side in Side::BOTH {
            let left = ubos_testkit::Sketch::read(&world.at(side).own("staging"));
            let files = left.iter().filter(|(_, node)| node.content().is_some()).count();
            assert_eq!(files, 0, "{crash:?} left on {side:?}:\n{left}");
            world.at(side).run(["backups", "verify"]).exits(0);
            world.at(side).run(["log", "--verify"]).exits(0);
        }
    }
}

#[test]
fn a_kill_at_any_step_of_an_undo_is_mended_by_doing_it_again() {
    undo_from(Side::Laptop);
}

#[test]
fn a_kill_at_any_step_of_an_undo_of_the_server_is_mended_too() {
    undo_from(Side::Server);
}

#[test]
fn a_kill_during_an_undo_is_mended_by_an_ordinary_sync() {
    let (world, run) = prepare();
    let (_, points) = trace(world.laptop(), &["undo", &run]);
    for crash in points.crashes() {
        let (world, run) = prepare();
        run_with_crash(world.laptop(), &["undo", &run], crash);
        world.server().sync().exits(0).clean();
        assert_eq!(
            world.laptop().tree().filtered(|path, _| path.starts_with(b"notes/")),
            world.server().tree().filtered(|path, _| path.starts_with(b"notes/")),
            "{crash:?}"
        );
        world.laptop().sync_with(["undo", &run]).exits(0).clean();
        world.expect("", "");
    }
}

#[test]
fn a_kill_at_any_step_of_an_offline_restore_leaves_the_old_or_the_new_version() {
    let (world, _) = prepare();
    let (outcome, points) = trace(world.laptop(), &["restore", "notes/g"]);
    outcome.exits(0);
    assert!(points.here.len() >= 5 && points.agent.is_empty(), "{points:?}");
    for crash in points.crashes() {
        let (world, _) = prepare();
        run_with_crash(world.laptop(), &["restore", "notes/g", "--at", "last"], crash);
        let found = world.laptop().get("notes/g").unwrap();
        assert!([Some(&b"C"[..]), Some(b"old")].contains(&found.content()), "{crash:?} {found:?}");
        world.laptop().sync().exits(0).clean();
        use std::os::unix::fs::MetadataExt;
        assert_eq!(world.laptop().meta("notes/g").nlink(), 1, "{crash:?}");
    }
}
