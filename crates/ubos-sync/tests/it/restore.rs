//! `restore`: one version of one path stands again, as a new edit.

use std::fs;

use ubos_testkit::{Node, Side, World, backups};

use crate::{BINARY, agreed};

/// `notes/f` was A, then B (edited there), then C (edited there); the laptop has both backups.
fn three_versions() -> (World, [String; 2]) {
    let world = agreed();
    let runs = ["B", "C"].map(|content| {
        world.server().write("notes/f", content);
        world.laptop().sync().exits(0).report.run.clone()
    });
    (world, runs)
}

/// Makes the peer unreachable from the laptop; returns the configuration as it was.
fn cut_off(world: &World) -> String {
    let config = world.laptop().own("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let server = world.root(Side::Server).display().to_string();
    fs::write(&config, text.replace(&server, "nowhere.invalid:/x")).unwrap();
    text
}

#[test]
fn a_version_comes_back_offline_and_the_next_sync_carries_it() {
    let (world, runs) = three_versions();
    let config = cut_off(&world);
    let run = world.laptop().sync_with(["restore", "notes/f", "--at", &runs[0]]);
    run.exits(0).actions([("update", "notes/f", Side::Laptop)]);
    run.live("notes/f = A", "notes/f = C").backups("notes/f = C", "");
    fs::write(world.laptop().own("config.toml"), config).unwrap();
    let synced = world.laptop().sync();
    synced.exits(0).clean().both("notes/f = A").backups("", "notes/f = C").again();
}

#[test]
fn without_an_instant_it_is_the_version_before_the_present_one() {
    let (world, _) = three_versions();
    let told = world.laptop().watched(&["restore", "notes/f"]);
    told.exits(0).says("update   notes/f  on localhost  restored");
    told.says("`ubos-sync bidirectional` brings it to balaur").says("ubos-sync undo");
    assert_eq!(world.laptop().get("notes/f"), Some(Node::file("B")));
    world.laptop().sync().exits(0).clean().both("notes/f = B");
}

#[test]
fn an_instant_is_a_run_or_a_time() {
    let (world, runs) = three_versions();
    let record = world.laptop().run(["history", "notes/f", "--json"]).json();
    let time = record["versions"][0]["until"].as_str().unwrap().to_owned();
    let unique = &runs[1][..runs[1].len() - 1];
    for (at, content) in [("last", "B"), (unique, "B"), (time.as_str(), "B"), (&runs[0], "A")] {
        world.laptop().write("notes/f", "present");
        world.laptop().watched(&["restore", "notes/f", "--at", at]).exits(0);
        assert_eq!(world.laptop().get("notes/f"), Some(Node::file(content)), "{at}");
    }
    let early = world.laptop().run(["restore", "notes/f", "--at", "2001-01-01"]);
    early.exits(2).says("nothing is on record of 2001-01-01").says("the record begins");
    world.laptop().run(["restore", "notes/f", "--at", "3d"]).exits(2).says("nothing is on record");
    world.laptop().run(["restore", "notes/f", "--at", "soon"]).exits(2).says("no run `soon`");
    let now = world.laptop().watched(&["restore", "notes/f", "--at", "0s"]);
    now.exits(0).says("Nothing to put back");
}

#[test]
fn a_restore_is_undone_offline() {
    let (world, runs) = three_versions();
    world.laptop().watched(&["restore", "notes/f", "--at", &runs[0]]).exits(0);
    world.laptop().sync_with(["undo", "last"]).exits(0).clean().both("notes/f = C");
}

/// `notes/f` holds a picture on both sides, which was replaced there by the laptop's `B`. What is
/// no text is kept where it was replaced, and nowhere else.
fn replaced_picture() -> World {
    let world = agreed();
    world.laptop().write("notes/f", b"\0picture");
    world.laptop().sync().exits(0);
    world.mark();
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    world
}

#[test]
fn a_text_that_both_had_comes_back_without_the_peer() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.laptop().chmod("notes/f", 0o600);
    world.laptop().sync().exits(0);
    cut_off(&world);
    let run = world.laptop().sync_with(["restore", "notes/f"]);
    run.exits(0).live("", "notes/f = B").backups("notes/f = B", "");
    assert_eq!(world.laptop().mode("notes/f"), 0o600, "never wider than what stood there");
}

#[test]
fn what_was_changed_since_the_last_sync_comes_back_as_it_was_then() {
    let world = agreed();
    world.server().write("notes/f", "B");
    world.laptop().sync().exits(0);
    world.mark();
    world.laptop().write("notes/f", "spoiled");
    world.laptop().remove("notes/D");
    world.laptop().write("notes/others/00.md", "an edit that stays");
    for path in ["notes/f", "notes"] {
        world.laptop().watched(&["restore", path]).exits(0).says("put back");
    }
    world.expect("notes/others/00.md = an edit that stays", "");
}

#[test]
fn what_only_the_peer_has_is_brought_by_a_run() {
    let world = replaced_picture();
    let run = world.laptop().sync_with(["restore", "notes/f"]);
    run.exits(0).clean().both("").backups("notes/f = B", "notes/f = B");
    run.actions([("update", "notes/f", Side::Server), ("update", "notes/f", Side::Laptop)]);
    cut_off(&world);
    world.laptop().run(["restore", "notes/f", "--at", "last"]).exits(0);
}

#[test]
fn what_only_the_peer_has_wins_over_an_edit_here_that_was_not_synced() {
    let world = replaced_picture();
    world.laptop().write("notes/f", "not synced");
    let run = world.laptop().sync_with(["restore", "notes/f", "--at", "last"]);
    run.exits(0).clean().both("").backups("notes/f = not synced", "notes/f = B");
}

#[test]
fn an_edit_at_the_peer_is_not_overwritten_by_a_restore_there() {
    let world = replaced_picture();
    world.server().write("notes/f", "edited there");
    let run = world.laptop().sync_with(["restore", "notes/f"]);
    run.exits(7).skipped([("notes/f", Side::Server)]);
    run.live("notes/f = B", "notes/f = edited there");
}

#[test]
fn what_only_the_peer_has_waits_while_it_is_away() {
    let world = replaced_picture();
    cut_off(&world);
    let told = world.laptop().watched(&["restore", "notes/f"]);
    told.exits(5).says("on balaur: waits").says("ubos-sync restore notes/f");
    world.expect("notes/f = B", "notes/f = B");
}

#[test]
fn a_deleted_folder_comes_back_whole_from_either_side() {
    for deleted_on in Side::BOTH {
        for restored_on in Side::BOTH {
            let world = agreed();
            let territory = world.laptop();
            territory.write("notes/D/run.sh", "#!/bin/sh\n");
            territory.chmod("notes/D/run.sh", 0o755);
            territory.link("notes/D/link", "a");
            territory.mkdir("notes/D/empty/deeper");
            territory.chmod("notes/D/empty", 0o700);
            territory.write(b"notes/D/bad\xff", "bytes");
            world.laptop().sync().exits(0);
            world.mark();
            world.at(deleted_on).remove("notes/D");
            world.laptop().sync().exits(0);
            let run = world.at(restored_on).sync_with(["restore", "notes/D/"]);
            run.exits(0);
            world.at(restored_on).sync().exits(0).clean();
            world.expect("", "");
            for side in Side::BOTH {
                assert_eq!(world.at(side).mode("notes/D/run.sh"), 0o755);
                assert_eq!(
                    world.at(side).mode("notes/D/empty"),
                    0o700,
                    "{deleted_on:?} {restored_on:?} {side:?}"
                );
            }
        }
    }
}

#[test]
fn a_folder_comes_back_as_it_was_and_what_is_new_in_it_stays() {
    let world = agreed();
    let run = {
        world.server().remove("notes/D/a");
        world.server().write("notes/D/b", "changed");
        world.laptop().sync().exits(0).report.run.clone()
    };
    world.laptop().write("notes/D/new", "N");
    world.laptop().sync().exits(0);
    world.laptop().watched(&["restore", "notes/D", "--at", &run]).exits(0);
    world.laptop().sync().exits(0).clean().both("notes/D/new = N");
}

#[test]
fn a_dry_run_places_nothing() {
    let (world, _) = three_versions();
    let before = world.laptop().snapshot();
    let run = world.laptop().sync_with(["restore", "notes/f", "-n"]);
    run.exits(0).actions([("update", "notes/f", Side::Laptop)]).no_backups();
    assert_eq!(before.difference(&world.laptop().snapshot()), None);
    assert!(run.report.dry_run);
}

#[test]
fn what_is_not_shared_is_refused() {
    let world = agreed();
    for path in ["priv/diary", "loose.txt", ".ubos-sync/config.toml", "notes/.git/config", "../x"] {
        world.laptop().run(["restore", path]).exits(2);
    }
    world.laptop().run(["restore", "priv/diary"]).says("not shared").says("manifest check");
    // It was shared once, and has backups.
    world.server().write("notes/f", "B");
    world.laptop().sync().exits(0);
    world.decree(&world.law().excluding("notes/f"));
    world.laptop().run(["restore", "notes/f"]).exits(2).says("not shared");
}

#[test]
fn what_did_not_exist_is_said_so() {
    let world = agreed();
    world.server().write("notes/late", "1");
    let made = world.laptop().sync().report.run.clone();
    world.server().write("notes/late", "2");
    world.laptop().sync().exits(0);
    let told = world.laptop().run(["restore", "notes/late", "--at", &made]);
    told.exits(2).says("did not exist").says("oldest known version");
    world.laptop().run(["restore", "notes/g"]).exits(2).says("no former version");
}

#[test]
fn a_moved_file_is_followed_and_its_old_place_says_where_it_went() {
    let (world, runs) = three_versions();
    world.server().rename("notes/f", "notes/renamed");
    let moved = world.laptop().sync().report.run.clone();
    world
        .laptop()
        .run(["restore", "notes/f", "--at", &moved])
        .exits(2)
        .says("moved to `notes/renamed`")
        .says(&moved);
    world.laptop().watched(&["restore", "notes/renamed", "--at", &runs[0]]).exits(0);
    assert_eq!(world.laptop().get("notes/renamed"), Some(Node::file("A")));
}

#[test]
fn modes_and_links_come_back_as_they_were_and_the_time_is_now() {
    let world = agreed();
    world.laptop().chmod("notes/f", 0o640);
    world.laptop().link("notes/l", "f");
    world.laptop().sync().exits(0);
    world.server().write("notes/f", "B");
    world.server().remove("notes/l");
    world.laptop().sync().exits(0);
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(2);
    world.laptop().watched(&["restore", "notes/f"]).exits(0);
    world.laptop().watched(&["restore", "notes/l"]).exits(0);
    assert_eq!(world.laptop().mode("notes/f"), 0o640);
    assert_eq!(world.laptop().get("notes/l"), Some(Node::link("f")));
    assert!(world.laptop().meta("notes/f").modified().unwrap() >= before);
}

#[test]
fn a_rotated_log_is_a_version_that_is_named_and_left_where_it_is() {
    let world = agreed();
    world.server().write("logs/day.jsonl", "{\"fresh\":1}\n");
    world.laptop().sync().exits(0);
    world.mark();
    let told = world.laptop().run(["restore", "logs/day.jsonl"]);
    told.exits(2).says("log that only grows").says(".ubos-sync/sealed/logs/day.jsonl.");
    world.expect("", "");
}

#[test]
fn something_that_stands_in_the_way_is_not_touched() {
    let (world, runs) = three_versions();
    world.laptop().remove("notes/f");
    world.laptop().mkdir("notes/f");
    let run = world.laptop().sync_with(["restore", "notes/f", "--at", &runs[0]]);
    run.exits(7).skipped([("notes/f", Side::Laptop)]);
    world.laptop().remove("notes/f");
    world.laptop().link("notes/f", "/etc/passwd");
    world.laptop().watched(&["restore", "notes/f", "--at", &runs[0]]).exits(0);
    assert_eq!(world.laptop().get("notes/f"), Some(Node::file("A")));
    let kept = backups::of_path(&world.root(Side::Laptop), "notes/f");
    assert_eq!(kept.last().unwrap().node, Node::link("/etc/passwd"));
}

#[test]
fn where_nothing_can_be_written_nothing_changes_and_it_is_said() {
    let Some(world) = World::agreed_unprivileged(BINARY) else { return };
    world.server().write("notes/D/a", "B");
    world.laptop().sync().exits(0);
    world.laptop().chmod("notes/D", 0o555);
    let run = world.laptop().sync_with(["restore", "notes/D/a"]);
    world.laptop().chmod("notes/D", 0o755);
    run.exits(7).skipped([("notes/D/a", Side::Laptop)]);
    assert_eq!(run.report.skipped[0].reason, "permission-denied");
    assert_eq!(world.laptop().get("notes/D/a"), Some(Node::file("B")));
}

#[test]
fn a_path_may_be_named_from_the_folder_beside_it() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    let beside = |args: [&str; 2]| {
        let mut command = world.laptop().command(args);
        command.current_dir(world.laptop().path("out"));
        command.output().expect("the program starts").status.code()
    };
    assert_eq!(beside(["restore", "../notes/f"]), Some(0));
    assert_eq!(world.laptop().get("notes/f"), Some(Node::file("A")));
    assert_eq!(beside(["history", "../../elsewhere"]), Some(2));
}
