//! The versioned backup beside a watch: when its snapshots are made, and what is told of them.

use serde_json::{Value, json};
use ubos_testkit::Side;

use crate::backup_runs::{backed_up, git, records};
use crate::health::configure;
use crate::watching::Watching;

#[test]
fn beside_a_watch_snapshots_follow_when_the_dust_has_settled_and_at_its_end() {
    let world = backed_up();
    world.server().remove("notes/D");
    let watch = Watching::start(&world);
    // The first run waited for the snapshot before it took the deletion over.
    watch.vanishes(Side::Laptop, "notes/D");
    watch.until("a snapshot", |watch| !watch.told("backup").is_empty());
    let noted = records(&world, "backup-snapshot");
    assert_eq!((&noted[0]["phase"], &noted[1]["phase"]), (&json!("pre"), &json!("post")));
    let before = format!("{}:notes/D/a", noted[0]["head"].as_str().unwrap());
    assert_eq!(git(&world, &["show", &before]), "first");
    // The next one is not due yet when the watch ends.
    let rested = watch.rests();
    world.laptop().write("notes/f", "B");
    watch.arrives(Side::Server, "notes/f", "B");
    assert_eq!(watch.rests() - rested, 1, "{}", watch.said());
    watch.ends();
    assert_eq!(git(&world, &["show", "HEAD:notes/f"]), "B");
    assert!(records(&world, "backup-snapshot").len() >= 3);
    assert_eq!(records(&world, "backup-failed").len(), 0);
    assert_eq!(world.laptop().sync().exits(0).report.raw["backup"], Value::Null);
}

#[test]
fn a_watch_tells_what_to_look_at_in_a_log_that_it_keeps() {
    let world = backed_up();
    configure(world.laptop(), "segment_above = \"1KiB\"\nlogs = [\"*.jsonl\"]");
    let watch = Watching::start(&world);
    // Put together when the test runs, so that none stands here.
    let token = ["gh", "p_", "a8Jd72kLmQ0zXv53Rt9wYb1NcE4uHs6GfPoi"].concat();
    let line = format!("{{\"text\":\"{}\"}}\n", "x".repeat(90));
    world.laptop().write("notes/day.jsonl", [line.repeat(50), format!("used {token}\n")].concat());
    let warned = |watch: &Watching<'_>| {
        let told = watch.told("backup");
        told.iter().filter_map(|event| event["warning"].as_str().map(str::to_owned)).next()
    };
    watch.until("a warning", |watch| warned(watch).is_some());
    let warning = warned(&watch).unwrap();
    assert!(warning.contains("notes/day.jsonl") && !warning.contains(&token), "{warning}");
    watch.ends();
}
