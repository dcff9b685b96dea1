//! `health` where a territory has several peers: each has its record, and the worst one decides.

use std::fs;

use serde_json::{Value, json};
use ubos_testkit::World;
use ubos_testkit::process::Outcome;

use crate::agreed;
use crate::health::{amend, configure, recorded};

/// The laptop with the server and, beside it, a third folder called `attic`.
fn two_peers() -> World {
    let world = agreed();
    let attic = world.base().join("attic");
    fs::create_dir(&attic).unwrap();
    let address = format!("attic={}", attic.display());
    world.laptop().run(["init", "--peer", address.as_str()]).exits(0);
    world
}

fn with(world: &World, peer: &str, rest: &[&str]) -> Outcome {
    world.laptop().run([&["--peer", peer], rest].concat())
}

/// The states of `health --json` by peer, in its order.
fn states(document: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let peers = document["peers"].as_array().unwrap();
    peers.iter().map(|peer| (text(&peer["peer"]), text(&peer["state"]))).collect()
}

fn words(states: &[(&str, &str)]) -> Vec<(String, String)> {
    states.iter().map(|(peer, state)| ((*peer).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn one_peer_is_told_as_ever_and_once_more_in_the_list() {
    let world = agreed();
    let document = world.laptop().run(["health", "--json"]).exits(0).json();
    assert_eq!(states(&document), words(&[("balaur", "healthy")]));
    let mut top = document.clone();
    top.as_object_mut().unwrap().remove("peers");
    assert_eq!(document["peers"][0], top);
    assert!(recorded(world.laptop()).get("peers").is_none());
}

#[test]
fn every_peer_is_told_of_and_the_worst_decides() {
    let world = two_peers();
    // Never met, whatever the other one is like.
    let told = world.laptop().run(["health"]);
    told.exits(1).says("in sync with balaur").says("no sync with attic is on record");
    with(&world, "balaur", &["health"]).exits(0);
    with(&world, "attic", &["bidirectional"]).exits(0);
    let told = world.laptop().run(["health"]);
    told.exits(0).says("in sync with balaur").says("in sync with attic");
    // A conflict with one of them.
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    with(&world, "balaur", &["bidirectional"]).exits(3);
    with(&world, "attic", &["bidirectional"]).exits(0);
    let document = world.laptop().run(["health", "--json"]).exits(3).json();
    assert_eq!(states(&document), words(&[("balaur", "undecided"), ("attic", "healthy")]));
    assert_eq!((&document["state"], &document["exit"]), (&json!("undecided"), &json!(3)));
    assert_eq!((&document["peer"], &document["open_conflicts"]), (&json!("balaur"), &json!(1)));
    assert_eq!(document["peers"][1]["open_conflicts"], 0);
    let one = with(&world, "attic", &["health", "--json"]).exits(0).json();
    assert_eq!(states(&one), words(&[("attic", "healthy")]));
    // One that fails does not hide behind one that works.
    fs::rename(world.base().join("attic"), world.base().join("away")).unwrap();
    assert_ne!(with(&world, "attic", &["bidirectional"]).code(), 0);
    with(&world, "balaur", &["bidirectional"]).exits(3);
    let told = world.laptop().run(["health"]);
    told.says("not in sync with attic").says("in sync with balaur, but for");
    with(&world, "nobody", &["health"]).exits(2);
}

#[test]
fn metrics_have_a_sample_for_each_peer() {
    let world = two_peers();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    with(&world, "balaur", &["bidirectional"]).exits(3);
    with(&world, "attic", &["bidirectional"]).exits(0);
    let text = fs::read_to_string(world.laptop().own("metrics.prom")).unwrap();
    for (peer, count) in [("attic", 0), ("balaur", 1)] {
        let sample = format!(
            "ubos_sync_open_conflicts{{territory=\"localhost\",peer=\"{peer}\"}} {count}\n"
        );
        assert!(text.contains(&sample), "no {sample} in {text}");
    }
    assert_eq!(text.matches("# TYPE ubos_sync_open_conflicts gauge").count(), 1);
}

#[test]
fn a_peer_that_fails_is_news_once_though_the_other_one_works() {
    let world = two_peers();
    let told = world.base().join("told");
    let command = format!("[notify]\ncommand = \"cat >> {}\"", told.display());
    configure(world.laptop(), &command);
    let tick = |peer| with(&world, peer, &["tick", "--retries", "0"]);
    tick("balaur").exits(0);
    tick("attic").exits(0);
    fs::rename(world.base().join("attic"), world.base().join("away")).unwrap();
    for _ in 0..2 {
        assert_ne!(tick("attic").code(), 0);
        tick("balaur").exits(0);
    }
    let said = || fs::read_to_string(&told).unwrap_or_default();
    assert_eq!(said().lines().count(), 1, "{}", said());
    assert!(said().contains("localhost") && said().contains("attic"), "{}", said());
}

#[test]
fn what_was_written_with_one_peer_stays_when_another_one_comes() {
    let world = agreed();
    amend(world.laptop(), |health| health["skipped"] = 7.into());
    let attic = world.base().join("attic");
    fs::create_dir(&attic).unwrap();
    let address = format!("attic={}", attic.display());
    world.laptop().run(["init", "--peer", address.as_str()]).exits(0);
    with(&world, "attic", &["bidirectional"]).exits(0);
    let document = with(&world, "balaur", &["health", "--json"]).json();
    assert_eq!(document["skipped"], 7);
    assert_eq!(with(&world, "attic", &["health", "--json"]).json()["skipped"], 0);
}
