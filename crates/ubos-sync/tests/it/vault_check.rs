//! A vault is looked over.

use ubos_testkit::World;

use crate::{BINARY, agreed};

fn rules(world: &World, args: &[&str], code: i32) -> Vec<(String, String)> {
    let mut all = vec!["vault", "check", "--json"];
    all.extend(args);
    let document = world.laptop().run(all).exits(code).json();
    assert_eq!(document["exit"], code);
    let findings = document["findings"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    findings.iter().map(|found| (text(&found["rule"]), text(&found["path"]))).collect()
}

#[test]
fn a_vault_that_is_well_is_told_so() {
    let world = agreed();
    world.laptop().write("notes/a.md", "[[b]]");
    world.laptop().write("notes/b.md", "[[a]]");
    world.laptop().run(["vault", "check"]).exits(0).says("2 links: all well");
    assert_eq!(rules(&world, &[], 0), []);
}

#[test]
fn each_finding_has_a_place_and_a_remedy() {
    let world = agreed();
    let laptop = world.laptop();
    laptop.write("notes/a.md", "---\ntags: [x\n---\n[[gone]]\n");
    laptop.write("notes/a 2.md", "");
    laptop.write("notes/board.canvas", "{\"nodes\": [");
    laptop.write(".obsidian/app.json", "{");
    laptop.link("notes/link.md", "/srv/janus/x");
    laptop
        .run(["vault", "check"])
        .exits(3)
        .says("Links to nothing (1, broken-link)\n  notes/a.md:4\n      there is no `gone`\n")
        .says("→ make the note");
    let expected = [
        ("broken-settings", ".obsidian/app.json"),
        ("duplicate", "notes/a 2.md"),
        ("symlink", "notes/link.md"),
        ("broken-canvas", "notes/board.canvas"),
        ("broken-properties", "notes/a.md"),
        ("broken-link", "notes/a.md"),
    ];
    let expected = expected.map(|(rule, path)| (rule.to_owned(), path.to_owned()));
    assert_eq!(rules(&world, &[], 3), expected);
    assert_eq!(rules(&world, &["--rule", "symlink"], 3), expected[2..3]);
    assert_eq!(rules(&world, &["--rule", "unread"], 0), []);
    laptop.run(["vault", "check", "--rule", "nothing"]).exits(2).says("broken-link");
}

#[test]
fn long_lists_are_cut_unless_all_is_asked_for() {
    let world = agreed();
    let links: String = (0..8).map(|n| format!("[[gone {n}]]\n")).collect();
    world.laptop().write("notes/a.md", links);
    world.laptop().run(["vault", "check"]).exits(3).says("… and 3 more (--all shows them)");
    world.laptop().run(["vault", "check", "--all"]).exits(3).says("there is no `gone 7`");
}

#[test]
fn any_folder_of_notes_can_be_looked_over_and_nothing_is_left_in_it() {
    let world = agreed();
    let vault = world.base().join("elsewhere");
    std::fs::create_dir(&vault).unwrap();
    std::fs::write(vault.join("a.md"), "[[gone]]").unwrap();
    let vault_path = vault.to_str().unwrap();
    world.laptop().run(["vault", "check", "--vault", vault_path]).exits(3).says("`gone`");
    assert_eq!(std::fs::read_dir(&vault).unwrap().count(), 1);
}

#[test]
fn a_vault_is_found_from_within_and_one_that_is_not_there_is_a_wrong_argument() {
    let world = agreed();
    let vault = world.base().join("notes");
    std::fs::create_dir_all(vault.join(".obsidian")).unwrap();
    std::fs::create_dir_all(vault.join("deep")).unwrap();
    std::fs::write(vault.join("a.md"), "[[gone]]\n").unwrap();
    let mut command = world.command(std::path::Path::new(BINARY));
    command.args(["vault", "check"]).current_dir(vault.join("deep"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stdout).contains("`gone`"));
    for question in [&["vault", "check"][..], &["graph", "stats"]] {
        let absent = [question, &["--vault", "/nonexistent"]].concat();
        world.laptop().run(&absent).exits(2).says("there is no folder");
    }
}
