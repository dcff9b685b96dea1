//! `graph diff --since`: how the graph changed, by the snapshots of the backup.

use std::fs;

use serde_json::{Value, json};
use ubos_testkit::{Side, World};

use crate::agreed;
use crate::backup_runs::{backed_up, git};

/// A vault with a backup, and its snapshot from before the last run, which deleted a note that another
/// links to.
fn with_a_past() -> (World, String) {
    let world = backed_up();
    world.laptop().write("notes/plan.md", "to [[goal]]\n");
    world.laptop().write("notes/goal.md", "# Goal\n");
    world.laptop().write("mine.md", "[[goal]] is not shared\n");
    world.laptop().sync().exits(0);
    let first = git(&world, &["rev-parse", "HEAD"]);
    world.laptop().remove("notes/goal.md");
    world.laptop().write("notes/new.md", "by [[plan]] #fresh\n");
    world.laptop().sync().exits(0);
    (world, first)
}

fn diff(world: &World, args: &[&str]) -> Value {
    let mut all = vec!["graph", "diff", "--json"];
    all.extend(args);
    world.laptop().run(all).exits(0).json()
}

#[test]
fn a_run_a_time_and_a_commit_name_the_snapshot_that_is_compared_with() {
    let (world, first) = with_a_past();
    let told = diff(&world, &["--since", &first]);
    assert_eq!(told["since"]["snapshot"], first);
    assert_eq!(told["added"], json!(["notes/new.md"]));
    assert_eq!(told["removed"], json!(["notes/goal.md"]));
    assert_eq!(told["links_added"][0]["to"], "notes/plan.md");
    let broke: Vec<&Value> = told["broke"].as_array().unwrap().iter().map(|b| &b["from"]).collect();
    assert_eq!(broke, ["mine.md", "notes/plan.md"]);
    assert_eq!((&told["tags_added"], &told["totals"]["broke"]), (&json!(["fresh"]), &json!(2)));
    let log = world.laptop().run(["log", "--json"]).json();
    let runs: Vec<&str> = log["records"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["event"] == "run")
        .filter_map(|record| record["run"].as_str())
        .collect();
    let last = runs.last().unwrap();
    let by_run = diff(&world, &["--since", last]);
    assert_eq!(by_run["since"], diff(&world, &["--since", "last"])["since"]);
    assert_eq!(by_run["since"]["run"], **last);
    // It was edited here before the run, whose own first snapshot has it.
    assert_eq!(by_run["added"], json!([]));
    let now = diff(&world, &["--since", "0s"]);
    assert_eq!(now["totals"]["broke"], 0);
    let plain = world.laptop().run(["graph", "diff", "--since", &first]);
    plain.exits(0).says("since ").says(&format!("snapshot {} of localhost", &first[..10]));
    plain.says("2 links that now lead nowhere").says("mine.md → goal");
}

#[test]
fn what_is_not_shared_is_neither_new_nor_gone() {
    let (world, _) = with_a_past();
    let told = diff(&world, &["--since", "last"]);
    assert!(!told.to_string().contains("mine.md"), "{told}");
    assert!(told["since"]["unkept"].as_u64().unwrap() >= 1);
    world.laptop().run(["graph", "diff", "--since", "last"]).says("count as unchanged");
}

#[test]
fn without_a_snapshot_that_old_it_says_what_to_do() {
    let (world, _) = with_a_past();
    let early = world.laptop().run(["graph", "diff", "--since", "2001-01-01"]);
    early.exits(2).says("nothing is kept of 2001-01-01").says("the first snapshot was made at");
    world.laptop().run(["graph", "diff", "--since", "yesterday"]).exits(2).says("is no time");
    world.laptop().run(["graph", "diff"]).exits(2).says("--since");
    let world = agreed();
    let none = world.laptop().run(["graph", "diff", "--since", "1d"]);
    none.exits(2).says("is not a git repository").says("backup init").says("--from DIR");
    let beyond = world.base().join("elsewhere");
    fs::create_dir(&beyond).unwrap();
    let beyond = beyond.to_str().unwrap();
    let folder = world.laptop().run(["graph", "diff", "--since", "1d", "--vault", beyond]);
    folder.exits(2).says("is no territory").says("--from DIR");
}

#[test]
fn the_other_territory_answers_from_its_mirror_or_says_that_it_has_none() {
    let (world, first) = with_a_past();
    let name = Side::Server.name();
    let none = world.laptop().run(["graph", "diff", "--since", "last", "--on", name]);
    none.exits(2).says("balaur: there is no mirror").says("backup push");
    let settings = world.laptop().own("config.toml");
    let with_mirror = fs::read_to_string(&settings).unwrap().replace("mirror = false", "");
    fs::write(settings, with_mirror).unwrap();
    world.laptop().run(["backup", "push"]).exits(0);
    let there = diff(&world, &["--since", &first, "--on", name]);
    assert_eq!((&there["on"], &there["since"]["snapshot"]), (&json!(name), &json!(first)));
    assert_eq!(there["removed"], json!(["notes/goal.md"]));
    assert_eq!(there["added"], diff(&world, &["--since", &first])["added"]);
}
