//! `undo`: what a run replaced, deleted or moved stands again on both sides, and nothing that
//! changed since is touched.

use ubos_testkit::{Node, Run, Side, World, backups};

use crate::{BINARY, agreed};

/// The id of a run that was watched.
fn id(run: &Run<'_>) -> String {
    run.report.run.clone()
}

/// A run that replaces, deletes, moves and makes things on the server.
fn mixed(world: &World) -> String {
    world.laptop().write("notes/f", "B");
    world.laptop().remove("notes/D");
    world.laptop().write("notes/new", "N");
    world.laptop().rename("notes/others/00.md", "notes/moved.md");
    world.server().write("notes/g", "C");
    let run = world.laptop().sync();
    run.exits(0).clean();
    id(&run)
}

#[test]
fn a_run_is_undone_from_either_side() {
    for side in Side::BOTH {
        let world = agreed();
        let run = mixed(&world);
        let undone = world.at(side).sync_with(["undo", &run]);
        undone.exits(0).clean().both("notes/new = N");
        let rows = undone.report.raw["actions"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["reason"] == "undone"), "{rows:?}");
        assert_eq!(undone.report.raw["undone"]["stay"]["created"], 1);
        world.at(side).sync().exits(0).clean().actions([]);
    }
}

#[test]
fn an_undo_says_what_it_does_and_how_to_take_it_back() {
    let world = agreed();
    let run = mixed(&world);
    let told = world.laptop().watched(&["undo", "last"]);
    told.exits(0).says("update   notes/f  on balaur  undone");
    told.says("What it only added stays: 1 new file or folder")
        .says("To take this back: ubos-sync undo 2");
    world.laptop().watched(&["undo", &run]).exits(0).says("everything stands as it was");
    world.laptop().run(["undo", "last", "-n"]).exits(0).says("would be put back");
}

#[test]
fn an_undo_is_undone_by_another() {
    let world = agreed();
    let run = mixed(&world);
    world.mark();
    let first = world.laptop().sync_with(["undo", &run]);
    first.exits(0).clean();
    // What the first one made stays, as after every undo.
    let second = world.laptop().sync_with(["undo", "last"]);
    second.exits(0).clean().both("notes/D/a = first\nnotes/D/b = second");
}

#[test]
fn undoing_twice_does_nothing() {
    let world = agreed();
    let run = mixed(&world);
    world.laptop().sync_with(["undo", &run]).exits(0).clean().again();
}

#[test]
fn what_changed_since_is_left_alone_and_named() {
    let world = agreed();
    let run = mixed(&world);
    world.laptop().write("notes/f", "edited since");
    world.server().write("notes/D/a", "made since");
    world.laptop().sync().exits(0).clean();
    let undone = world.server().sync_with(["undo", &run]);
    undone.exits(7).skipped([("notes/f", Side::Server), ("notes/D/a", Side::Server)]);
    undone.both(
        "notes/f = edited since
        notes/D/a = made since
        notes/new = N",
    );
    let reasons: Vec<&str> = undone.report.skipped.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!(reasons, ["changed-since-run"; 2]);
    world.laptop().run(["undo", &run]).exits(7).says("it changed since then");
}

#[test]
fn an_edit_that_was_not_synced_yet_becomes_a_conflict() {
    let world = agreed();
    let run = mixed(&world);
    world.laptop().write("notes/f", "not synced");
    let undone = world.laptop().sync_with(["undo", &run]);
    undone.exits(3).conflicts([("notes/f", "modify-modify")]);
    assert_eq!(world.laptop().get("notes/f"), Some(Node::file("not synced")));
    assert_eq!(world.server().get("notes/f"), Some(Node::file("A")));
}

#[test]
fn nothing_else_is_carried_by_an_undo() {
    let world = agreed();
    let run = mixed(&world);
    world.laptop().write("notes/others/10.md", "waits here");
    world.server().remove("notes/others/11.md");
    world.mark();
    world.laptop().sync_with(["undo", &run]).exits(0).clean().both(
        "notes/f = A
        notes/g = old
        notes/D/a = first
        notes/D/b = second
        - notes/moved.md
        notes/others/00.md = note number 0",
    );
}

#[test]
fn a_part_of_a_run_is_undone() {
    let world = agreed();
    let run = mixed(&world);
    world.mark();
    let undone = world.laptop().sync_with(["undo", &run, "notes/D", "notes/moved.md"]);
    undone.exits(0).clean().both(
        "notes/D/a = first
        notes/D/b = second
        - notes/moved.md
        notes/others/00.md = note number 0",
    );
}

#[test]
fn a_dry_run_places_nothing() {
    let world = agreed();
    let run = mixed(&world);
    world.server().write("notes/f", "since");
    let before = Side::BOTH.map(|side| world.at(side).snapshot());
    let shown = world.laptop().sync_with(["undo", &run, "-n"]);
    shown.exits(7).skipped([("notes/f", Side::Server)]).no_backups();
    assert!(shown.report.actions.iter().any(|row| row.path == b"notes/D/a"));
    for (side, before) in Side::BOTH.into_iter().zip(before) {
        assert_eq!(before.difference(&world.at(side).snapshot()), None);
    }
}

#[test]
fn a_resolve_is_undone() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    world.laptop().sync().exits(3);
    world.laptop().resolve(["notes/f", "--keep", "localhost"]).exits(0);
    world.laptop().sync_with(["undo", "last"]).exits(0).clean().both("notes/f = C");
    // Both versions can still be had.
    world.laptop().sync_with(["undo", "last"]).exits(0).clean().both("notes/f = B");
}

#[test]
fn hundreds_of_deleted_files_come_back_by_one_command_without_a_guard() {
    let world = World::unpaired(BINARY);
    for number in 0..400 {
        world.laptop().write(format!("notes/many/{number:03}"), format!("file {number}"));
    }
    world.laptop().chmod("notes/many/001", 0o755);
    world.laptop().mkdir("notes/many/empty/below");
    world.laptop().chmod("notes/many/empty", 0o750);
    world.laptop().link("notes/many/l", "001");
    let world = world.paired();
    world.laptop().remove("notes/many");
    let held = world.laptop().sync();
    held.exits(4);
    world.laptop().sync_with(["bidirectional", "--confirm", &held.report.plan]).exits(0);
    assert_eq!(world.server().get("notes/many"), None);
    let undone = world.laptop().sync_with(["undo", "last"]);
    undone.exits(0).clean().both("");
    assert_eq!(world.server().mode("notes/many/empty"), 0o750);
    assert_eq!(world.laptop().mode("notes/many/empty"), 0o750);
    world.server().sync().exits(0).clean().actions([]);
}

#[test]
fn with_the_peer_away_this_side_is_done_and_the_rest_named() {
    let world = agreed();
    let run = mixed(&world);
    let away = world.base().join("away");
    std::fs::rename(world.root(Side::Server), &away).unwrap();
    let told = world.laptop().run(["undo", &run]);
    std::fs::rename(&away, world.root(Side::Server)).unwrap();
    if told.code() == 5 {
        told.says("skipped  notes/f  on balaur: waits").says(&format!("ubos-sync undo {run}"));
        assert_eq!(world.laptop().get("notes/g"), Some(Node::file("old")));
    }
    world.laptop().sync_with(["undo", &run]).exits(0).clean().both("notes/new = N");
}

#[test]
fn with_no_way_to_the_peer_a_later_sync_brings_what_was_put_back_here() {
    let world = agreed();
    let run = mixed(&world);
    let config = world.laptop().own("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let server = world.root(Side::Server).display().to_string();
    std::fs::write(&config, text.replace(&server, "nowhere.invalid:/x")).unwrap();
    let told = world.laptop().run(["undo", &run]);
    told.exits(5).says("on balaur: waits").says(&format!("ubos-sync undo {run}"));
    assert_eq!(world.laptop().get("notes/g"), Some(Node::file("old")));
    let kept = backups::of_path(&world.root(Side::Laptop), "notes/g");
    assert_eq!(kept.last().unwrap().node, Node::file("C"));
    std::fs::write(&config, text).unwrap();
    let synced = world.laptop().sync();
    synced.exits(0).clean().actions([("update", "notes/g", Side::Server)]);
    world.laptop().sync_with(["undo", &run]).exits(0).clean().both("notes/new = N");
}

#[test]
fn what_was_undone_in_a_one_way_area_reaches_its_authority() {
    for (path, side) in [("out/y", Side::Laptop), ("in/x", Side::Server)] {
        for delete in [false, true] {
            let world = agreed();
            if delete {
                world.at(side).remove(path);
            } else {
                world.at(side).write(path, "new");
            }
            let run = world.laptop().sync();
            run.exits(0).clean();
            world.laptop().sync_with(["undo", &id(&run)]).exits(0).clean().both("");
            world.server().sync().exits(0).clean().actions([]);
        }
    }
}

#[test]
fn a_folder_that_became_a_file_becomes_a_folder_again() {
    let world = agreed();
    world.laptop().remove("notes/D");
    world.laptop().write("notes/D", "flat");
    let run = world.laptop().sync();
    run.exits(0).clean();
    world.laptop().sync_with(["undo", &id(&run)]).exits(0).clean().both("");
}

#[test]
fn a_log_that_grew_or_was_rotated_stays() {
    let world = agreed();
    world.server().append("logs/day.jsonl", "{\"n\":4}\n");
    world.laptop().sync().exits(0);
    world.laptop().run(["undo", "last"]).exits(0).says("1 log that grew");
    world.server().write("logs/day.jsonl", "{\"fresh\":1}\n");
    world.laptop().sync().exits(0);
    world.mark();
    world.laptop().watched(&["undo", "last"]).exits(0);
    world.expect("", "");
}

#[test]
fn names_that_are_not_text_come_back() {
    let world = agreed();
    world.laptop().write(b"notes/bad\xff", "A");
    world.laptop().sync().exits(0);
    world.mark();
    world.laptop().remove(b"notes/bad\xff");
    let run = world.laptop().sync();
    run.exits(0);
    world.laptop().sync_with(["undo", &id(&run)]).exits(0).clean().both("");
}

#[test]
fn a_run_that_nobody_can_mean_is_refused_with_candidates() {
    let world = agreed();
    let run = mixed(&world);
    world.laptop().run(["undo", "nosuch"]).exits(2).says("no run `nosuch`").says(&run);
    world.laptop().run(["undo", "2"]).exits(2).says("can mean").says(&run);
    world.laptop().run(["undo", &run[..run.len() - 1]]).exits(0);
    world.laptop().run(["undo", &run, "priv/diary"]).exits(2).says("not shared");
}

#[test]
fn a_backup_that_is_damaged_or_gone_is_not_put_back() {
    let world = agreed();
    let run = mixed(&world);
    world.server().write(format!(".ubos-sync/backups/{run}/notes/f"), "X");
    world.server().remove(format!(".ubos-sync/backups/{run}/notes/D/a"));
    let undone = world.laptop().sync_with(["undo", &run]);
    undone.exits(7).skipped([("notes/f", Side::Server), ("notes/D/a", Side::Server)]);
    assert_eq!(world.server().get("notes/f"), Some(Node::file("B")));
}

#[test]
fn a_version_that_is_put_back_shares_nothing_with_its_backup() {
    use std::os::unix::fs::MetadataExt;
    let world = agreed();
    let run = mixed(&world);
    world.laptop().sync_with(["undo", &run]).exits(0);
    let backup = world.server().meta(format!(".ubos-sync/backups/{run}/notes/f"));
    assert_ne!(world.server().meta("notes/f").ino(), backup.ino());
    assert_eq!(backup.nlink(), 1);
    world.server().write("notes/f", "in place");
    let kept = backups::of_path(&world.root(Side::Server), "notes/f");
    assert_eq!(
        kept.iter().map(|b| b.node.clone()).collect::<Vec<_>>(),
        [Node::file("A"), Node::file("B")]
    );
}
