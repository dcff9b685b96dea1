//! `backups`: what is kept and for how long, whether it is whole, and what may go.

use ubos_testkit::{Side, World, backups};

use crate::BINARY;

fn replaced() -> (World, String) {
    let world = World::unpaired(BINARY);
    for side in Side::BOTH {
        // What is no text is kept in the backups and nowhere else.
        world.at(side).write("notes/f", "\0");
    }
    let world = world.paired();
    world.server().write("notes/f", "B");
    world.server().remove("notes/g");
    let run = world.laptop().sync().exits(0).report.run.clone();
    (world, run)
}

/// Moves the backups of `run` far into the past.
fn age(world: &World, run: &str) -> String {
    let old = format!("2020{}", &run[4..]);
    let folder = world.laptop().own("backups");
    std::fs::rename(folder.join(run), folder.join(&old)).unwrap();
    old
}

#[test]
fn the_runs_are_listed_with_what_they_hold_and_when_it_goes() {
    let (world, run) = replaced();
    let told = world.laptop().run(["backups", "list"]);
    told.exits(0).says(&run).says("2 files").says("bidirectional").says("kept until 20");
    let document = world.laptop().run(["backups", "list", "--json"]).json();
    let row = &document["runs"][0];
    assert_eq!((row["files"].as_u64(), row["bytes"].as_u64()), (Some(2), Some(4)));
    world.laptop().run(["backups", "list", "last"]).exits(0).says("notes/f").says("ubos-sync undo");
    world.server().run(["backups", "list"]).exits(0).says("No backups");
    world.laptop().run(["backups", "list", "x"]).exits(2);
}

#[test]
fn a_flipped_byte_and_a_missing_file_are_found() {
    let (world, run) = replaced();
    world
        .laptop()
        .run(["backups", "verify"])
        .exits(0)
        .says("2 former versions are what the log says");
    world.laptop().write(format!(".ubos-sync/backups/{run}/notes/f"), "X");
    world.laptop().remove(format!(".ubos-sync/backups/{run}/notes/g"));
    let told = world.laptop().run(["backups", "verify"]);
    told.exits(1).says("damaged     notes/f").says("missing     notes/g");
    let document = world.laptop().run(["backups", "verify", "--json"]).json();
    assert_eq!(document["findings"].as_array().unwrap().len(), 2);
    // The whole folder of a run that cannot have expired.
    world.laptop().remove(format!(".ubos-sync/backups/{run}"));
    world.laptop().run(["backups", "verify"]).exits(1).says("missing     notes/f");
}

#[test]
fn what_was_pruned_is_not_missing() {
    let (world, run) = replaced();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let told = world.laptop().run(["backups", "prune", "--days", "0", "--runs", "0", "-n"]);
    told.exits(0).says("would free 4 B").says(&run);
    assert_eq!(backups::runs(&world.root(Side::Laptop)).len(), 1);
    let told = world.laptop().run(["backups", "prune", "--days", "0", "--runs", "0"]);
    told.exits(0).says("freed 4 B in 2 files");
    assert_eq!(backups::runs(&world.root(Side::Laptop)).len(), 0);
    world.laptop().run(["backups", "verify"]).exits(0);
    world.laptop().run(["backups", "prune"]).exits(0).says("Nothing to remove");
    world.laptop().run(["history", "notes/f"]).exits(0).says("no longer kept");
    world.laptop().run(["restore", "notes/f"]).exits(2).says("no longer kept");
}

#[test]
fn what_an_open_conflict_needs_is_never_pruned() {
    let (world, run) = replaced();
    world.server().write("notes/others/00.md", "other");
    let other = world.laptop().sync().exits(0).report.run.clone();
    world.laptop().write("notes/f", "here");
    world.server().write("notes/f", "there");
    world.laptop().sync().exits(3);
    let (run, other) = (age(&world, &run), age(&world, &other));
    let told = world.laptop().run(["backups", "prune", "--runs", "0"]);
    told.exits(0).says("1 older run stay for an open conflict");
    let left = backups::runs(&world.root(Side::Laptop));
    assert!(left.contains(&run) && !left.contains(&other), "{left:?}");
    world.laptop().resolve(["notes/f", "--keep", "balaur"]).exits(0);
    world.laptop().run(["backups", "prune", "--runs", "0"]).exits(0).says("freed");
}

#[test]
fn a_sync_prunes_by_the_configuration_and_the_record_tells_of_it() {
    let (world, run) = replaced();
    let config = world.laptop().own("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[backups]\ndays = 30\nruns = 0\n")).unwrap();
    age(&world, &run);
    world.laptop().sync().exits(0);
    assert!(backups::runs(&world.root(Side::Laptop)).is_empty());
    let log = world.laptop().run(["log", "--json"]).json();
    let events = log["records"].as_array().unwrap().iter();
    assert_eq!(events.filter(|record| record["event"] == "pruned").count(), 1);
    world.laptop().run(["log", "--verify"]).exits(0);
}
