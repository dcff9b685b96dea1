//! `demo`: what it tells is so, and the commands that it names work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use ubos_testkit::World;
use ubos_testkit::process::{Outcome, Running, TIME_LIMIT};

use crate::BINARY;

const DISPUTED: &str = "config/CLAUDE.md";

fn call(world: &World, args: &[&str], dir: &Path) -> Outcome {
    let mut command: Command = world.command(Path::new(BINARY));
    command.args(args).current_dir(dir);
    Running::start(command, &world.base().join("output")).finish(TIME_LIMIT)
}

/// The demonstration with its document and its two roots.
fn told(world: &World) -> (Value, [PathBuf; 2]) {
    let outcome = call(world, &["demo", "--json"], world.base());
    let document = outcome.exits(0).json();
    let roots = ["localhost", "balaur"]
        .map(|name| PathBuf::from(document["roots"][name].as_str().unwrap()));
    (document, roots)
}

#[test]
fn everything_shared_arrives_and_everything_else_stays() {
    let world = World::empty(BINARY);
    let (document, [laptop, server]) = told(&world);
    assert_eq!((&document["schema"], &document["exit"]), (&1.into(), &0.into()));
    for path in ["ROADMAP.md", "docs/forge.md", "docs/charter.md", "proposals.jsonl"] {
        let [here, there] = [&laptop, &server].map(|root| fs::read(root.join(path)).unwrap());
        assert_eq!(here, there, "{path}");
    }
    assert_eq!(fs::read_to_string(laptop.join("proposals.jsonl")).unwrap().lines().count(), 3);
    assert!(laptop.join("scripts").exists() && !server.join("scripts").exists());
    assert!(server.join("agent").exists() && !laptop.join("agent").exists());
}

#[test]
fn the_second_run_is_a_conflict_with_both_versions_untouched() {
    let world = World::empty(BINARY);
    let (document, [laptop, server]) = told(&world);
    let runs = document["runs"].as_array().unwrap();
    assert_eq!((&runs[0]["exit"], &runs[1]["exit"]), (&0.into(), &3.into()));
    assert_eq!(runs[1]["conflicts"][0]["path"], DISPUTED);
    let [here, there] = [&laptop, &server].map(|root| fs::read(root.join(DISPUTED)).unwrap());
    assert_ne!(here, there);
    let run = runs[1]["run"].as_str().unwrap();
    let backup = server.join(".ubos-sync/backups").join(run).join("ROADMAP.md");
    assert!(!fs::read_to_string(backup).unwrap().contains("orrery"), "the version before the edit");
}

#[test]
fn it_stays_in_the_temporary_folder_and_names_it() {
    let world = World::empty(BINARY);
    let outcome = call(&world, &["demo"], world.base());
    outcome.exits(0).says("conflict").says("ubos-sync resolve config/CLAUDE.md --keep localhost");
    let made: Vec<PathBuf> = fs::read_dir(world.base().join("tmp"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(made.len(), 1, "{made:?}");
    outcome.says(made[0].to_str().unwrap());
    assert!(fs::read_dir(world.base().join("home")).unwrap().next().is_none());
    assert!(!outcome.words().contains('\u{1b}'), "no colour in a file");
}

#[test]
fn the_commands_it_names_work() {
    let world = World::empty(BINARY);
    let (_, [laptop, server]) = told(&world);
    call(&world, &["status"], &laptop).exits(3).says(DISPUTED);
    call(&world, &["resolve", DISPUTED, "--keep", "localhost"], &laptop).exits(0);
    let [here, there] = [&laptop, &server].map(|root| fs::read(root.join(DISPUTED)).unwrap());
    assert_eq!(here, there);
    call(&world, &["log"], &laptop).exits(0).says("ROADMAP.md");
    call(&world, &["bidirectional"], &laptop).exits(0).says("in sync");
}

#[test]
fn a_folder_of_ones_own_must_be_empty_and_outside_of_any_territory() {
    let world = World::empty(BINARY);
    let own = world.base().join("own");
    let own = own.to_str().unwrap();
    call(&world, &["demo", "--dir", own], world.base()).exits(0).says(own);
    call(&world, &["demo", "--dir", own], world.base()).exits(2).says("not empty");
    let inside = format!("{own}/localhost/docs/demo");
    call(&world, &["demo", "--dir", &inside], world.base()).exits(2).says("territory");
}
