//! `init`: two folders become a pair.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ubos_testkit::{Node, Side, World};

use crate::{BINARY, agreed};

fn address(world: &World) -> String {
    format!("balaur={}", world.root(Side::Server).display())
}

#[test]
fn both_sides_get_an_identity_and_learn_each_others_address() {
    let world = World::unpaired(BINARY);
    world.init().exits(0);
    for side in Side::BOTH {
        let territory = world.at(side);
        assert!(territory.own("marker").is_file(), "{side:?}");
        let config = fs::read_to_string(territory.own("config.toml")).unwrap();
        assert!(config.contains(side.name()) && config.contains(side.other().name()), "{config}");
        let peer = world.root(side.other());
        assert!(config.contains(peer.to_str().unwrap()), "{config}");
    }
    world.server().sync().exits(0).clean();
}

#[test]
fn our_folder_is_private_and_ignored_by_git() {
    let world = World::unpaired(BINARY);
    world.init().exits(0);
    for side in Side::BOTH {
        let territory = world.at(side);
        assert_eq!(fs::metadata(territory.own("")).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(territory.own(".gitignore")).unwrap().trim(), "*");
    }
}

#[test]
fn init_keeps_the_manifests_and_all_else_that_is_there() {
    let world = World::unpaired(BINARY);
    world.init().exits(0);
    world.expect("", "");
}

#[test]
fn a_first_sync_of_equal_folders_adopts_all_and_moves_nothing() {
    let world = World::unpaired(BINARY);
    world.init().exits(0);
    let run = world.laptop().sync();
    run.exits(0).clean().actions([]).both("").no_backups().again();
    // It was adopted: a deletion is now a deletion.
    world.server().remove("notes/f");
    world.laptop().sync().exits(0).clean().both("- notes/f");
}

#[test]
fn init_writes_the_manifests_of_the_blueprint_where_none_exist() {
    let world = World::empty(BINARY);
    world.init().exits(0);
    let read = |path: &str| match world.laptop().get(path) {
        Some(Node::File { content, .. }) => String::from_utf8(content).unwrap(),
        other => panic!("{path} is {other:?}"),
    };
    for line in ["docs/", "config/", "ROADMAP.md", "missions/", "unified_boot_*.md"] {
        assert!(read("config/sync_to_balaur.conf").lines().any(|found| found == line), "{line}");
    }
    for line in
        ["proposals.jsonl", "mission_log.jsonl", "STATE_OF_THE_REPUBLIC_*.md", "intel_cache/"]
    {
        assert!(read("config/sync_from_balaur.conf").lines().any(|found| found == line), "{line}");
    }
    for line in [".git/", "node_modules/", "*.pyc"] {
        assert!(read("config/sync_exclude.conf").lines().any(|found| found == line), "{line}");
    }
    world.laptop().write("docs/a.md", "first");
    world.server().write("proposals.jsonl", "{}\n");
    world.laptop().run(["bidirectional"]).exits(0);
    assert_eq!(world.server().get("docs/a.md"), Some(Node::file("first")));
    assert_eq!(world.laptop().get("proposals.jsonl"), Some(Node::file("{}\n")));
}

#[test]
fn init_again_changes_nothing() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    let markers = || Side::BOTH.map(|side| fs::read(world.at(side).own("marker")).unwrap());
    let before = markers();
    world.init().exits(0);
    assert_eq!(markers(), before);
    world.laptop().sync().exits(0).clean().both("notes/f = B").backups("", "notes/f = A");
}

#[test]
fn init_writes_each_manifest_that_neither_side_has_and_keeps_the_others() {
    let world = World::empty(BINARY);
    world.laptop().write("config/sync_to_balaur.conf", "docs/\n");
    world.server().write("config/sync_exclude.conf", "*.bak\n");
    world.init().exits(0);
    let laptop = |path: &str| world.laptop().get(path);
    assert_eq!(laptop("config/sync_to_balaur.conf"), Some(Node::file("docs/\n")));
    assert!(laptop("config/sync_from_balaur.conf").is_some());
    assert_eq!(laptop("config/sync_exclude.conf"), None, "it comes from the other side");
    world.laptop().run(["bidirectional"]).exits(0);
    assert_eq!(laptop("config/sync_exclude.conf"), Some(Node::file("*.bak\n")));
}

#[test]
fn init_of_a_pair_with_a_third_folder_is_refused() {
    let [world, other] = [agreed(), agreed()];
    let stranger = format!("balaur={}", other.root(Side::Server).display());
    let root = world.root(Side::Laptop);
    let outcome = world.laptop().run(["init", root.to_str().unwrap(), "--peer", &stranger]);
    assert!([2, 4].contains(&outcome.code()), "{}", outcome.told());
    world.laptop().sync().exits(0).clean().actions([]);
    other.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn the_root_may_be_left_out_and_the_name_chosen() {
    let world = World::unpaired(BINARY);
    world.laptop().run(["init", "--peer", &address(&world), "--name", "desk"]).exits(0);
    let report = world.laptop().run(["bidirectional", "--json"]).json();
    assert_eq!((report["here"].as_str(), report["peer"].as_str()), (Some("desk"), Some("balaur")));
}

#[test]
fn the_root_is_found_from_below_and_by_option() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    let mut command = world.laptop().command(["bidirectional"]);
    command.current_dir(world.laptop().path("notes/D"));
    assert!(command.output().unwrap().status.success());
    assert_eq!(world.server().get("notes/f"), Some(Node::file("B")));
    world.laptop().write("notes/f", "C");
    let root = world.root(Side::Laptop);
    let mut command = world.laptop().command(["--root", root.to_str().unwrap(), "bidirectional"]);
    command.current_dir(world.base());
    assert!(command.output().unwrap().status.success());
    assert_eq!(world.server().get("notes/f"), Some(Node::file("C")));
}

#[test]
fn impossible_pairs_are_a_wrong_usage() {
    let world = World::unpaired(BINARY);
    let root = world.root(Side::Laptop);
    let inside = format!("balaur={}", root.join("notes").display());
    let itself = format!("balaur={}", root.display());
    for peer in [
        inside.as_str(),
        itself.as_str(),
        "balaur",
        "balaur=",
        "=/x",
        "balaur=relative/path",
        "balaur=-oProxyCommand=x:/y",
    ] {
        let outcome = world.laptop().run(["init", root.to_str().unwrap(), "--peer", peer]);
        outcome.exits(2);
        assert!(!world.laptop().own("marker").exists(), "{peer}");
    }
    world.expect("", "");
}

#[test]
fn folders_may_be_named_by_links_to_them() {
    let world = World::unpaired(BINARY);
    let link = |side: Side| {
        let link = world.base().join(format!("link-to-{}", side.name()));
        std::os::unix::fs::symlink(world.root(side), &link).unwrap();
        link.display().to_string()
    };
    let [here, there] = Side::BOTH.map(link);
    world.laptop().run(["init", &here, "--peer", &format!("balaur={there}")]).exits(0);
    world.laptop().sync().exits(0);
    world.laptop().write("notes/f", "B");
    world.laptop().run(["--root", &here, "bidirectional"]).exits(0);
    assert_eq!(world.server().get("notes/f"), Some(Node::file("B")));
    world.server().sync().exits(0).clean().actions([]);
    world.laptop().run(["--root", &here, "history", &format!("{here}/notes/f")]).exits(0).says("B");
}
