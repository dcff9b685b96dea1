//! A territory becomes a vault: shown first, key by key, with a way back, and never twice.

use serde_json::{Value, json};
use ubos_testkit::World;
use ubos_testkit::terminal::{PATIENCE, Terminal};

use crate::agreed;

const APP: &str = "{\n  \"vimMode\": true,\n  \"newLinkFormat\": \"relative\",\n  \"ofTomorrow\": {\n    \"x\": 0.518713248970312,\n    \"y\": 1.50\n  }\n}";
const GRAPH: &str = "{\n  \"collapse-filter\": true,\n  \"search\": \"\",\n  \"showTags\": false,\n  \"colorGroups\": [\n    {\n      \"query\": \"tag:#idea\",\n      \"color\": {\n        \"a\": 1,\n        \"rgb\": 14701138\n      }\n    }\n  ],\n  \"centerStrength\": 0.518713248970312,\n  \"scale\": 0.08778812290748456,\n  \"close\": true\n}";
const GIT: &str = "{\n  \"commitMessage\": \"vault backup: {{date}}\",\n  \"autoSaveInterval\": 30,\n  \"autoPullOnBoot\": true\n}";

/// A vault as a person made it, in a territory that syncs.
fn vault() -> World {
    let world = agreed();
    let laptop = world.laptop();
    laptop.write(".obsidian/app.json", APP);
    laptop.write(".obsidian/graph.json", GRAPH);
    laptop.write(".obsidian/community-plugins.json", "[\n  \"calendar\"\n]");
    laptop.write(".obsidian/workspace.json", "{}");
    laptop.write(
        ".obsidian/plugins/obsidian-git/manifest.json",
        r#"{"id":"obsidian-git","version":"2.39.0"}"#,
    );
    laptop.write(".obsidian/plugins/obsidian-git/main.js", "//");
    laptop.write(".obsidian/plugins/obsidian-git/data.json", GIT);
    world
}

fn text(world: &World, path: &str) -> String {
    std::fs::read_to_string(world.laptop().path(path)).unwrap()
}

fn paths(document: &Value) -> Vec<&str> {
    document["changes"].as_array().unwrap().iter().map(|c| c["path"].as_str().unwrap()).collect()
}

#[test]
fn a_dry_run_shows_each_key_and_writes_nothing() {
    let world = vault();
    let before = world.laptop().snapshot();
    let shown = world.laptop().run(["vault", "init", "-n", "--theme", "brass"]);
    shown
        .exits(0)
        .says("update  .obsidian/graph.json")
        .says("showTags: false → true")
        .says("colorGroups: + {\"query\":\"path:/^docs\\\\//\"")
        .says("alwaysUpdateLinks: true (new)")
        .says("create  .obsidian/snippets/ubos-brass.css")
        .says("+ **/.obsidian/workspace*.json")
        .says("the Git plugin commits every 30 min")
        .says("Nothing was written.");
    assert_eq!(world.laptop().snapshot(), before);
}

#[test]
fn nobody_to_ask_is_no_yes() {
    let world = vault();
    world.laptop().run(["vault", "init"]).exits(2).says("--yes");
    assert_eq!(text(&world, ".obsidian/app.json"), APP);
}

#[test]
fn what_was_there_stays_and_a_second_run_changes_nothing() {
    let world = vault();
    let init = ["vault", "init", "--yes", "--theme", "brass", "--tame-git", "--json"];
    let first = world.laptop().run(init);
    let document = first.exits(0).json();
    assert_eq!(document["person"].as_array().unwrap().len(), 3);
    assert!(paths(&document).contains(&".obsidian/core-plugins.json"));
    let app = text(&world, ".obsidian/app.json");
    assert!(app.starts_with(APP.strip_suffix("\n}").unwrap()), "{app}");
    let graph = text(&world, ".obsidian/graph.json");
    assert!(graph.contains("\"scale\": 0.08778812290748456,\n  \"close\": true"), "{graph}");
    let groups: Value = serde_json::from_str(&graph).unwrap();
    let colours: Vec<&Value> =
        groups["colorGroups"].as_array().unwrap().iter().map(|g| &g["color"]["rgb"]).collect();
    assert_eq!(colours, [14_701_138, 3_900_150, 15_680_580, 2_278_750]);
    let git: Value =
        serde_json::from_str(&text(&world, ".obsidian/plugins/obsidian-git/data.json")).unwrap();
    assert_eq!(git["autoSaveInterval"], 0);
    assert_eq!(git["commitMessage"], "vault backup: {{date}}");
    // The old versions are kept, and there is a way back.
    let run = document["run"].as_str().unwrap();
    let kept =
        world.laptop().own(&format!("backups/{run}/.obsidian/plugins/obsidian-git/data.json"));
    assert_eq!(std::fs::read_to_string(kept).unwrap(), GIT);
    world.laptop().run(["log", "--verify"]).exits(0);
    let before = world.laptop().snapshot();
    let second = world.laptop().run(init).exits(0).json();
    assert_eq!((paths(&second), &second["run"]), (vec![], &Value::Null));
    assert_eq!(world.laptop().snapshot(), before);
    world.laptop().run(["undo", run]).exits(0);
    assert_eq!(text(&world, ".obsidian/app.json"), APP);
    assert_eq!(text(&world, ".obsidian/graph.json"), GRAPH);
}

#[test]
fn from_then_on_the_settings_travel_and_the_windows_do_not() {
    let world = vault();
    world.laptop().write(".obsidian/plugins/copilot/data.json", r#"{"apiKey":"sk-1234567890"}"#);
    world.laptop().run(["vault", "init", "--yes"]).exits(0);
    world.laptop().run(["bidirectional"]).exits(0);
    world.laptop().run(["bidirectional"]).exits(0);
    let there = |path: &str| world.server().path(path).exists();
    assert!(there(".obsidian/app.json") && there(".obsidian/plugins/obsidian-git/main.js"));
    assert!(!there(".obsidian/workspace.json") && !there(".obsidian/plugins/copilot/data.json"));
}

#[test]
fn two_linked_vaults_keep_their_settings_to_themselves() {
    let world = vault();
    world.laptop().run(["vault", "init", "--yes", "--layout", "linked"]).exits(0);
    world.laptop().run(["bidirectional"]).exits(0);
    assert!(!world.server().path(".obsidian").exists());
}

#[test]
fn a_file_that_does_not_parse_is_left_alone_and_that_is_told() {
    let world = vault();
    world.laptop().write(".obsidian/app.json", "{\n  \"vimMode\": tr");
    let told = world.laptop().run(["vault", "init", "--yes"]);
    told.exits(3).says("Left    .obsidian/app.json: it does not parse (line 2");
    assert_eq!(text(&world, ".obsidian/app.json"), "{\n  \"vimMode\": tr");
    assert!(text(&world, ".obsidian/graph.json").contains("3900150"));
}

#[test]
fn a_settings_folder_with_another_name_is_used_if_it_is_named() {
    let world = agreed();
    let config = world.laptop().own("config.toml");
    let old = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{old}\n[vault]\nconfig_dir = \".settings\"\n")).unwrap();
    world.laptop().run(["vault", "init", "--yes"]).exits(0);
    assert!(world.laptop().path(".settings/graph.json").exists());
    std::fs::write(&config, format!("{old}\n[vault]\nconfig_dir = \"a/b\"\n")).unwrap();
    world.laptop().run(["vault", "init", "-n"]).exits(2).says("config_dir");
}

#[test]
fn only_what_is_pinned_comes_from_a_pack() {
    let world = vault();
    let pack = world.base().join("pack");
    let manifest = r#"{"id":"dataview","version":"0.5.68","minAppVersion":"0.13.11"}"#;
    for (path, text) in [
        ("dataview/manifest.json", manifest),
        ("dataview/main.js", "abc"),
        ("evil/manifest.json", r#"{"id":"evil","version":"1"}"#),
        ("evil/main.js", "abc"),
    ] {
        let path = pack.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let pins = json!({
        "dataview/manifest.json": ubos_tiers::vault::pack::sha256(manifest.as_bytes()),
        "dataview/main.js": abc,
    });
    std::fs::write(pack.join("pins.json"), pins.to_string()).unwrap();
    let pack = pack.to_str().unwrap();
    let told = world.laptop().run(["vault", "init", "--yes", "--plugins", pack]);
    told.exits(3).says("dataview 0.5.68, as pinned, needs Obsidian 0.13.11").says("plugin evil");
    assert_eq!(text(&world, ".obsidian/plugins/dataview/main.js"), "abc");
    assert!(!world.laptop().path(".obsidian/plugins/evil").exists());
}

#[test]
fn on_a_terminal_it_asks_about_the_git_plugin_and_before_it_writes() {
    let world = vault();
    let command = world.laptop().command(["vault", "init"]);
    let mut terminal = Terminal::spawn(&command, 80, 200);
    terminal.wait_for("Let the Git plugin only work when asked to? [y/N]", PATIENCE);
    terminal.enter("n");
    terminal.wait_for("files? [y/N]", PATIENCE);
    terminal.enter("y");
    terminal.wait_for("What only you can do:", PATIENCE);
    terminal.exits(0);
    assert_eq!(text(&world, ".obsidian/plugins/obsidian-git/data.json"), GIT);
    assert!(text(&world, ".obsidian/graph.json").contains("3900150"));
}
