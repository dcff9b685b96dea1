//! The versioned backup beside a watch: when its snapshots are made, and what is told of them.

use serde_json::{Value, json};
use ubos_testkit::Side;

use crate::backup_runs::{backed_up, git, records};
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
