//! Scenarios B01–B21: one file, both ways.

use std::fs;

use ubos_core::entry::Digest;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;
use ubos_engine::state::texts::version;
use ubos_testkit::{Node, Run, Side, Sketch, World, backups};

use crate::agreed;

/// A pair with `notes/f` edited differently on both sides, and the run that found it.
fn conflicting(world: &World) -> Run<'_> {
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    world.laptop().sync()
}

#[test]
fn b01_nothing_to_do_moves_nothing_and_consumes_no_generation() {
    let world = agreed();
    let markers = || Side::BOTH.map(|side| fs::read(world.at(side).own("marker")).unwrap());
    let before = markers();
    let run = world.laptop().sync();
    run.exits(0).clean().actions([]).both("").no_backups().again();
    assert_eq!(markers(), before);
    assert_eq!(run.report.raw["totals"]["wire_bytes"], 0);
}

#[test]
fn b02_a_file_created_here_reaches_the_server() {
    let world = agreed();
    world.laptop().write("notes/new", "X");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("create", "notes/new", Side::Server)]);
    run.both("notes/new = X").no_backups().again();
}

#[test]
fn b03_a_file_created_there_reaches_the_laptop() {
    let world = agreed();
    world.server().write("notes/new", "X");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("create", "notes/new", Side::Laptop)]);
    run.both("notes/new = X").no_backups().again();
}

#[test]
fn b04_an_edit_here_replaces_the_old_version_there_which_is_backed_up() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("update", "notes/f", Side::Server)]);
    run.both("notes/f = B").backups("", "notes/f = A").again();
}

#[test]
fn b05_an_edit_there_replaces_the_old_version_here_which_is_backed_up() {
    let world = agreed();
    world.server().write("notes/f", "C");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("update", "notes/f", Side::Laptop)]);
    run.both("notes/f = C").backups("notes/f = A", "").again();
}

#[test]
fn b06_a_deletion_here_is_followed_there_with_backup() {
    let world = agreed();
    world.laptop().remove("notes/f");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("delete", "notes/f", Side::Server)]);
    run.both("- notes/f").backups("", "notes/f = A").again();
}

#[test]
fn b07_a_deletion_there_is_followed_here_with_backup() {
    let world = agreed();
    world.server().remove("notes/f");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("delete", "notes/f", Side::Laptop)]);
    run.both("- notes/f").backups("notes/f = A", "").again();
}

#[test]
fn b08_the_same_file_created_on_both_sides_is_adopted() {
    let world = agreed();
    for side in Side::BOTH {
        world.at(side).write("notes/new", "X");
    }
    let run = world.laptop().sync();
    run.exits(0).clean().actions([]).both("notes/new = X").no_backups().again();
    // It was adopted: a deletion on one side is now a deletion.
    world.server().remove("notes/new");
    world.laptop().sync().exits(0).clean().both("").backups("notes/new = X", "");
}

#[test]
fn b09_different_files_created_at_one_path_both_stay_in_conflict() {
    let world = agreed();
    world.laptop().write("notes/new", "X");
    world.server().write("notes/new", "Y");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("notes/new = X", "notes/new = Y").no_backups();
    run.conflicts([("notes/new", "create-create")]).again();
}

#[test]
fn b10_the_same_edit_on_both_sides_is_adopted() {
    let world = agreed();
    for side in Side::BOTH {
        world.at(side).write("notes/f", "B");
    }
    let run = world.laptop().sync();
    run.exits(0).clean().actions([]).both("notes/f = B").no_backups().again();
    world.server().write("notes/f", "C");
    world.laptop().sync().exits(0).clean().both("notes/f = C").backups("notes/f = B", "");
}

#[test]
fn b11_both_modify_keeps_both_and_reports_a_conflict() {
    let world = agreed();
    let run = conflicting(&world);
    run.exits(3).actions([]).live("notes/f = B", "notes/f = C").no_backups();
    run.conflicts([("notes/f", "modify-modify")]).held([]).skipped([]).again();
}

#[test]
fn b11_each_side_keeps_the_other_version_to_show_it_offline() {
    let world = agreed();
    conflicting(&world).exits(3);
    for (side, other) in [(Side::Laptop, "C"), (Side::Server, "B")] {
        let state = StateDir::open(&world.root(side)).unwrap();
        let config = Config::require(&state).unwrap();
        let (_, peer) = config.peer(None).unwrap();
        let kept = version(&state, &peer.pair, Digest::of(other.as_bytes())).unwrap();
        assert_eq!(kept.as_deref(), Some(other.as_bytes()), "{side:?}");
    }
}

#[test]
fn b11_is_the_same_conflict_seen_from_the_server() {
    let world = agreed();
    conflicting(&world).exits(3);
    let run = world.server().sync();
    run.exits(3).actions([]).live("notes/f = B", "notes/f = C");
    run.conflicts([("notes/f", "modify-modify")]).again();
}

#[test]
fn b12_a_file_deleted_on_both_sides_is_forgotten() {
    let world = agreed();
    for side in Side::BOTH {
        world.at(side).remove("notes/f");
    }
    let run = world.laptop().sync();
    run.exits(0).clean().actions([]).both("- notes/f").no_backups().again();
    // The row is gone: the file made again on one side is a creation.
    world.server().write("notes/f", "again");
    world.laptop().sync().exits(0).clean().both("notes/f = again").no_backups();
}

#[test]
fn b13_an_edit_here_and_a_deletion_there_are_a_conflict() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().remove("notes/f");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("notes/f = B", "- notes/f").no_backups();
    run.conflicts([("notes/f", "modify-delete")]).again();
}

#[test]
fn b14_a_deletion_here_and_an_edit_there_are_a_conflict() {
    let world = agreed();
    world.laptop().remove("notes/f");
    world.server().write("notes/f", "C");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("- notes/f", "notes/f = C").no_backups();
    run.conflicts([("notes/f", "delete-modify")]).again();
}

#[test]
fn b15_the_same_content_made_again_is_no_change() {
    let world = agreed();
    world.laptop().remove("notes/f");
    world.laptop().write("notes/f", "A");
    world.laptop().sync().exits(0).clean().actions([]).both("").no_backups().again();
}

#[test]
fn b16_an_edit_taken_back_is_no_change() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.laptop().write("notes/f", "A");
    world.server().write("notes/f", "C");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f = C").backups("notes/f = A", "").again();
}

#[test]
fn b17_a_conflict_on_one_path_does_not_block_another() {
    let world = agreed();
    world.laptop().write("notes/g", "B");
    let run = conflicting(&world);
    run.exits(3).live("notes/f = B\nnotes/g = B", "notes/f = C\nnotes/g = B");
    run.conflicts([("notes/f", "modify-modify")]).backups("", "notes/g = old").again();
}

#[test]
fn b18_a_conflict_found_again_is_the_same_one_and_is_not_stashed_again() {
    let world = agreed();
    conflicting(&world).exits(3);
    let stash = || Side::BOTH.map(|side| Sketch::read(&world.at(side).own("conflicts")));
    let before = stash();
    let run = world.laptop().sync();
    run.exits(3).conflicts([("notes/f", "modify-modify")]).no_backups().again();
    for (before, after) in before.iter().zip(&stash()) {
        assert_eq!(before.iter().count(), after.iter().count(), "{after}");
    }
}

#[test]
fn b19_a_conflict_made_equal_by_hand_closes_by_itself() {
    let world = agreed();
    conflicting(&world).exits(3);
    world.server().write("notes/f", "B");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([]).both("notes/f = B").no_backups().again();
    let listed = world.laptop().run(["conflicts", "--json"]);
    assert_eq!(listed.exits(0).json()["conflicts"], serde_json::json!([]));
}

#[test]
fn b20_a_further_edit_updates_the_open_conflict() {
    let world = agreed();
    let first = conflicting(&world);
    world.laptop().write("notes/f", "D");
    let second = world.laptop().sync();
    second.exits(3).actions([]).live("notes/f = D", "notes/f = C");
    second.conflicts([("notes/f", "modify-modify")]).again();
    let [before, after] = [&first, &second].map(|run| &run.report.conflicts[0].raw);
    assert_ne!(before["localhost"]["hash"], after["localhost"]["hash"]);
    assert_eq!(before["balaur"]["hash"], after["balaur"]["hash"]);
    assert_eq!(before.get("id"), after.get("id"));
}

#[test]
fn b21_a_conflict_whose_other_side_is_put_back_resolves_to_the_edit() {
    let world = agreed();
    conflicting(&world).exits(3);
    world.server().write("notes/f", "A");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f = B").backups("", "notes/f = A").again();
}

#[test]
fn an_edit_saved_by_renaming_travels_like_any_other() {
    let world = agreed();
    world.laptop().save("notes/f", "B");
    world.server().save("notes/g", "C");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f = B\nnotes/g = C");
    run.backups("notes/g = old", "notes/f = A").again();
}

#[test]
fn a_run_typed_on_the_server_does_the_same_as_one_typed_here() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/new", "X");
    world.server().remove("notes/g");
    let run = world.server().sync();
    run.exits(0).clean().both("notes/f = B\nnotes/new = X\n- notes/g");
    run.backups("notes/g = old", "notes/f = A").again();
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn backups_keep_mode_and_time_and_every_version() {
    let world = agreed();
    world.server().chmod("notes/f", 0o640);
    let old = world.server().meta("notes/f").modified().unwrap();
    for version in ["B", "C"] {
        world.laptop().write("notes/f", version);
        world.laptop().sync().exits(0).clean();
    }
    let versions = backups::of_path(&world.root(Side::Server), "notes/f");
    let contents: Vec<Node> = versions.iter().map(|backup| backup.node.clone()).collect();
    assert_eq!(contents, [Node::file("A"), Node::file("B")]);
    let first = world.server().own("backups").join(&versions[0].run).join("notes/f");
    let meta = fs::symlink_metadata(first).unwrap();
    assert_eq!(meta.modified().unwrap(), old);
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777, 0o640);
}
