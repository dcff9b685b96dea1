//! When the manifests change (rules §14).

use std::fs;

use ubos_testkit::{Direction, Law, Node, Side, World};

use crate::{BINARY, agreed};

const TO: &str = "config/sync_to_balaur.conf";

#[test]
fn an_edited_manifest_is_the_law_of_this_run_and_travels() {
    let world = agreed();
    for side in Side::BOTH {
        world.at(side).write("more/same", "same");
    }
    world.laptop().write("more/here", "1");
    world.server().write("more/there", "2");
    world.decree_on(Side::Laptop, &Law::standard().with(Direction::Bidirectional, "more/"));
    let run = world.laptop().sync();
    run.exits(0).clean();
    for (path, content) in [("more/same", "same"), ("more/here", "1"), ("more/there", "2")] {
        for side in Side::BOTH {
            assert_eq!(world.at(side).get(path), Some(Node::file(content)), "{path} on {side:?}");
        }
    }
    assert_eq!(world.laptop().get(TO), world.server().get(TO));
    run.again();
}

#[test]
fn a_manifest_edited_on_the_server_is_the_law_too() {
    let world = agreed();
    world.laptop().write("more/here", "1");
    world.decree_on(Side::Server, &Law::standard().with(Direction::Bidirectional, "more/"));
    world.laptop().sync().exits(0).clean().again();
    assert_eq!(world.server().get("more/here"), Some(Node::file("1")));
    assert_eq!(world.laptop().get(TO), world.server().get(TO));
}

#[test]
fn a_manifest_that_waits_for_its_direction_stays_the_law() {
    for editor in Side::BOTH {
        let world = agreed();
        world.at(editor).write("notes/diary", "for nobody else");
        world.decree_on(editor, &Law::standard().excluding("diary"));
        // The filter keeps the manifest where it is.
        match editor {
            Side::Laptop => world.laptop().pull(),
            Side::Server => world.laptop().push(),
        }
        .exits(0);
        world.laptop().sync().exits(0).clean().again();
        let exclude = "config/sync_exclude.conf";
        assert_eq!(world.laptop().get(exclude), world.server().get(exclude));
        assert_eq!(world.at(editor.other()).get("notes/diary"), None, "{editor:?} excluded it");
    }
}

#[test]
fn a_manifest_that_never_travelled_can_still_be_disputed() {
    let world = agreed();
    world.laptop().append(TO, "mine/\n");
    world.laptop().pull().exits(0);
    world.server().append(TO, "theirs/\n");
    world.laptop().sync().exits(2).outcome.says("mine/").says("theirs/");
}

#[test]
fn a_pair_may_begin_with_a_pull() {
    let world = World::empty(BINARY);
    world.laptop().write(TO, "notes/\n");
    world.laptop().write("config/sync_from_balaur.conf", "in/\n");
    world.laptop().write("config/sync_exclude.conf", "");
    world.laptop().write("notes/here", "1");
    world.server().write("notes/there", "2");
    world.init().exits(0);
    world.laptop().pull().exits(0);
    world.laptop().sync().exits(0).clean().again();
    assert_eq!(world.server().get("notes/here"), Some(Node::file("1")));
}

#[test]
fn different_files_at_a_newly_selected_path_are_a_conflict() {
    let world = agreed();
    world.decree(&Law::standard().with(Direction::Bidirectional, "loose.txt"));
    let run = world.laptop().sync();
    run.exits(3).conflicts([("loose.txt", "create-create")]).no_backups().again();
    assert_eq!(world.laptop().get("loose.txt"), Some(Node::file("here")));
    assert_eq!(world.server().get("loose.txt"), Some(Node::file("there")));
}

#[test]
fn what_was_excluded_deleted_on_one_side_and_selected_again_comes_back() {
    let world = agreed();
    world.decree(&Law::standard().excluding("notes/D/"));
    world.laptop().sync().exits(0).clean();
    world.laptop().remove("notes/D");
    world.laptop().sync().exits(0).clean().actions([]);
    world.decree(&Law::standard());
    let run = world.laptop().sync();
    run.exits(0).clean().both("").no_backups().again();
}

#[test]
fn a_path_that_is_no_longer_selected_stays_on_both_sides() {
    let world = agreed();
    world.decree(&Law::standard().without("out/"));
    let run = world.laptop().sync();
    run.exits(0).clean().actions([]).no_backups();
    assert!(!run.report.notices.is_empty(), "it is said once");
    world.mark();
    let silent = run.again();
    assert!(silent.report.notices.is_empty(), "it is said only once: {:?}", silent.report.notices);
    world.laptop().remove("out/y");
    world.server().write("out/0.txt", "of the server");
    world.laptop().sync().exits(0).clean().live("- out/y", "out/0.txt = of the server");
}

#[test]
fn two_way_to_one_way_turns_pending_edits_of_the_mirror_into_drift() {
    let world = agreed();
    world.server().write("notes/f", "pending");
    world.decree(&Law::standard().with(Direction::PushOnly, "notes/"));
    let run = world.laptop().sync();
    run.exits(3).conflicts([]).held([("notes/f", Side::Server)]).no_backups();
    assert_eq!(world.laptop().get("notes/f"), Some(Node::file("A")));
    assert_eq!(world.server().get("notes/f"), Some(Node::file("pending")));
}

#[test]
fn one_way_to_two_way_holds_the_overwrites_that_drift_would_cause() {
    let world = agreed();
    world.server().write("out/y", "drift");
    world.laptop().sync().exits(3);
    world.decree(&Law::standard().with(Direction::Bidirectional, "out/"));
    let run = world.laptop().sync();
    run.exits(4).no_backups();
    assert_eq!(world.laptop().get("out/y"), Some(Node::file("plan")));
    let plan = world.laptop().status().report.plan;
    let run = world.laptop().sync_with(["bidirectional", "--confirm", &plan]);
    run.exits(0).backups("out/y = plan", "");
    assert_eq!(world.laptop().get("out/y"), Some(Node::file("drift")));
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn an_edit_that_became_drift_is_held_when_the_area_is_two_way_again() {
    for starter in Side::BOTH {
        let world = agreed();
        world.server().write("notes/f", "drift");
        let one_way = Law::standard().without("notes/").with(Direction::PushOnly, "notes/");
        world.decree(&one_way);
        world.at(starter).sync().exits(3).held([("notes/f", Side::Server)]).again();
        world.decree(&Law::standard());
        world.at(starter).sync().exits(4).no_backups();
        assert_eq!(world.laptop().get("notes/f"), Some(Node::file("A")));
        let plan = world.at(starter).status().report.plan;
        let run = world.at(starter).sync_with(["bidirectional", "--confirm", &plan]);
        run.exits(0).backups("notes/f = A", "");
        assert_eq!(world.laptop().get("notes/f"), Some(Node::file("drift")));
    }
}

#[test]
fn an_authority_that_is_turned_round_overwrites_nothing_unconfirmed() {
    let world = agreed();
    world.server().write("out/y", "drift");
    world.laptop().sync().exits(3);
    let turned = Law::standard().without("out/").with(Direction::PullOnly, "out/");
    world.decree(&turned);
    let run = world.laptop().sync();
    run.exits(4).no_backups();
    assert_eq!(world.laptop().get("out/y"), Some(Node::file("plan")));
    assert_eq!(world.server().get("out/y"), Some(Node::file("drift")));
}

#[test]
fn manifests_edited_differently_on_both_sides_stop_the_run() {
    let world = agreed();
    world.laptop().append(TO, "# mine\nmine/\n");
    world.server().append(TO, "# theirs\ntheirs/\n");
    world.laptop().write("notes/f", "B");
    let before = Side::BOTH.map(|side| world.at(side).snapshot());
    world.laptop().sync().exits(2).outcome.says("mine/").says("theirs/");
    for (side, before) in Side::BOTH.into_iter().zip(before) {
        assert_eq!(before.difference(&world.at(side).snapshot()), None);
    }
}

/// A run after `spoil` stops with exit 2, says `words`, and touches nothing.
fn refused(spoil: impl Fn(&World), words: &[&str]) {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.laptop().remove("notes/g");
    spoil(&world);
    let before = Side::BOTH.map(|side| world.at(side).snapshot());
    let run = world.laptop().sync();
    run.exits(2);
    for word in words {
        run.outcome.says(word);
    }
    for (side, before) in Side::BOTH.into_iter().zip(before) {
        assert_eq!(before.difference(&world.at(side).snapshot()), None);
    }
}

#[test]
fn a_missing_manifest_stops_the_run() {
    refused(|world| world.laptop().remove(TO), &["sync_to_balaur.conf"]);
}

#[test]
fn a_law_that_selects_nothing_stops_the_run() {
    let nothing = |world: &World| {
        for side in Side::BOTH {
            world.at(side).write(TO, "# nothing\n");
            world.at(side).write("config/sync_from_balaur.conf", "");
        }
    };
    refused(nothing, &[]);
}

#[test]
fn an_unknown_heading_is_named_with_file_line_and_reason() {
    let heading = |world: &World| world.laptop().append(TO, "[sideways]\nmore/\n");
    let line = fs::read_to_string(agreed().laptop().path(TO)).unwrap().lines().count() + 1;
    refused(heading, &["sync_to_balaur.conf", &line.to_string(), "[sideways]"]);
}

#[test]
fn a_pattern_that_leaves_the_root_is_an_error() {
    refused(|world| world.laptop().append(TO, "../elsewhere/\n"), &["sync_to_balaur.conf", ".."]);
}

#[test]
fn a_deleted_manifest_on_the_server_stops_the_run() {
    refused(|world| world.server().remove("config/sync_exclude.conf"), &["sync_exclude.conf"]);
}
