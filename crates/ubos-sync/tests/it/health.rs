//! `health`: what every run writes down on both sides, and what a person and a monitor read there.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use ubos_testkit::{Side, Territory, World};

use crate::{BINARY, agreed};

/// What is on record of a territory.
pub(crate) fn recorded(territory: Territory<'_>) -> Value {
    serde_json::from_slice(&fs::read(territory.own("health.json")).unwrap()).unwrap()
}

/// Changes what is on record.
pub(crate) fn amend(territory: Territory<'_>, change: impl FnOnce(&mut Value)) {
    let mut health = recorded(territory);
    change(&mut health);
    fs::write(territory.own("health.json"), health.to_string()).unwrap();
}

/// Lets the last good run lie far in the past, all of it awake.
pub(crate) fn age(territory: Territory<'_>) {
    amend(territory, |health| {
        health["last_good_run"] = "2026-01-01T00:00:00Z".into();
        health["good_awake"] = Value::Null;
    });
}

/// Adds lines to the configuration of a territory.
pub(crate) fn configure(territory: Territory<'_>, lines: &str) {
    let path = territory.own("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n{lines}\n")).unwrap();
}

#[test]
fn every_run_writes_down_how_both_sides_fare() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    let report = world.laptop().sync().exits(0).report.raw.clone();
    for side in Side::BOTH {
        let territory = world.at(side);
        let health = recorded(territory);
        assert_eq!(health["schema"], 1);
        assert_eq!(health["territory"], side.name());
        assert_eq!(health["peer"], side.other().name());
        assert_eq!(health["generation"], report["generation"]);
        assert_eq!((&health["exit"], &health["error"]), (&json!(0), &Value::Null));
        assert_eq!(health["last_good_run"], health["last_attempt"]);
        assert_eq!((&health["mode"], &health["next_run"]), (&json!("manual"), &Value::Null));
        assert!(health["peer_seen"].is_string() && health["free_bytes"].as_u64() > Some(0));
        for name in ["health.json", "metrics.prom"] {
            let mode = fs::metadata(territory.own(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let told = territory.run(["health"]);
        told.exits(0).says(&format!("in sync with {}", side.other().name())).says("ago");
    }
    assert!(recorded(world.server())["backup_bytes"].is_u64());
}

/// What the backups and the sealed logs of a territory take, found by looking at each.
pub(crate) fn weighed(territory: Territory<'_>) -> u64 {
    let mut folders = vec![territory.own("backups"), territory.own("sealed")];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let meta = entry.metadata().unwrap();
            match meta.is_dir() {
                true => folders.push(entry.path()),
                false => bytes += meta.len(),
            }
        }
    }
    bytes
}

#[test]
fn the_size_of_the_backups_is_that_of_now() {
    let world = agreed();
    let is_right = || {
        for side in Side::BOTH {
            let territory = world.at(side);
            assert_eq!(recorded(territory)["backup_bytes"], weighed(territory), "{side:?}");
        }
    };
    is_right();
    // Far from the moment of the first weighing: what follows is added to it.
    let weighed_at = ubos_engine::clock::rfc3339((ubos_engine::clock::now().0 - 60, 0));
    for side in Side::BOTH {
        amend(world.at(side), |health| health["weighed"] = weighed_at.clone().into());
    }
    for round in 0..3 {
        world.laptop().write("notes/f", "B".repeat(1000 + round));
        world.server().write("notes/g", "C".repeat(500 + round));
        world.laptop().sync().exits(0);
        is_right();
    }
    world.laptop().remove("notes/g");
    world.laptop().sync().exits(0);
    is_right();
    world.laptop().run(["restore", "notes/g"]).exits(0);
    is_right();
    assert!(weighed(world.server()) > 1000);
    // Added up, and not weighed anew.
    assert_eq!(recorded(world.server())["weighed"], weighed_at);
    // Only what is older than this second goes.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.server().run(["backups", "prune", "--days", "0", "--runs", "0"]).exits(0);
    is_right();
    assert_eq!(weighed(world.server()), 0);
}

#[test]
fn what_only_looks_writes_nothing_down() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    let before = Side::BOTH.map(|side| recorded(world.at(side)));
    world.laptop().run(["status"]).exits(0);
    world.laptop().run(["bidirectional", "--dry-run"]).exits(0);
    world.laptop().run(["bidirectional", "--confirm", "nothing"]).exits(2);
    assert_eq!(before, Side::BOTH.map(|side| recorded(world.at(side))));
}

#[test]
fn what_waits_for_a_person_is_told_on_both_sides_until_it_is_decided_or_left() {
    let world = agreed();
    for (side, content) in [(Side::Laptop, "B"), (Side::Server, "C")] {
        world.at(side).write("notes/f", content);
        world.at(side).write("notes/g", content);
    }
    world.laptop().sync().exits(3);
    for side in Side::BOTH {
        let told = world.at(side).run(["health"]);
        told.exits(3).says("to decide: 2 conflicts").says("ubos-sync conflicts");
        let health = world.at(side).run(["health", "--json"]).json();
        assert_eq!(
            (&health["state"], &health["reasons"]),
            (&json!("undecided"), &json!(["to-decide"]))
        );
        assert_eq!((&health["exit"], &health["open_conflicts"]), (&json!(3), &json!(2)));
    }
    world.laptop().resolve(["notes/f", "--keep", "localhost"]).exits(0);
    world.laptop().run(["health"]).exits(3).says("1 conflict.");
    world.laptop().resolve(["notes/g", "--leave"]).exits(0);
    for side in Side::BOTH {
        world.at(side).run(["health"]).exits(0);
    }
}

#[test]
fn a_guard_is_counted() {
    let world = agreed();
    world.laptop().remove("out");
    world.laptop().sync().exits(4);
    for side in Side::BOTH {
        world.at(side).run(["health"]).exits(3).says("1 guard");
        assert_eq!(recorded(world.at(side))["exit"], 4);
    }
}

#[test]
fn status_begins_with_it() {
    let world = agreed();
    let told = world.laptop().run(["status"]);
    assert!(told.exits(0).words().starts_with("in sync with balaur"), "{}", told.told());
    world.laptop().write("out/later.md", "not there yet");
    let told = world.laptop().run(["status"]);
    told.exits(0).says("not in sync with balaur yet: 1 change for the next run");
    let document = world.laptop().run(["status", "--json"]).json();
    assert_eq!(document["health"]["state"], "healthy");
    world.laptop().run(["status", "-q"]).exits(0);
    fs::remove_file(world.laptop().own("health.json")).unwrap();
    assert_eq!(world.laptop().run(["status", "--json"]).json()["health"], Value::Null);
    world.laptop().run(["health"]).exits(1).says("no sync with balaur is on record");
}

#[test]
fn a_failure_is_told_with_the_next_step_and_only_time_makes_it_ill() {
    let world = agreed();
    fs::rename(world.root(Side::Server), world.base().join("away")).unwrap();
    let run = world.laptop().run(["bidirectional"]);
    assert_ne!(run.code(), 0);
    let told = world.laptop().run(["health"]);
    told.says("not in sync with balaur").says("Next step");
    let health = recorded(world.laptop());
    assert_eq!(health["failures_in_a_row"], 1);
    assert_eq!(health["exit"], run.code());
    fs::rename(world.base().join("away"), world.root(Side::Server)).unwrap();
    world.laptop().sync().exits(0);
    world.laptop().run(["health"]).exits(0);
    age(world.laptop());
    let told = world.laptop().run(["health"]);
    told.exits(1).says("not in sync with balaur").says("ubos-sync schedule install");
    let health = world.laptop().run(["health", "--json"]).json();
    assert_eq!(health["reasons"], json!(["no-good-run"]));
}

#[test]
fn the_age_is_that_of_the_files_clock() {
    let world = agreed();
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(600);
    let then = then.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let text = ubos_engine::clock::rfc3339((i64::try_from(then).unwrap(), 0));
    amend(world.laptop(), |health| health["last_good_run"] = text.clone().into());
    let health = world.laptop().run(["health", "--json"]).json();
    assert!((600..660).contains(&health["age"].as_u64().unwrap()), "{health}");
    world.laptop().run(["health"]).says("last good run 10 minutes ago");
}

#[test]
fn a_run_that_another_one_kept_from_beginning_says_nothing() {
    let world = agreed();
    let before = recorded(world.laptop());
    let path = world.laptop().own("state/lock");
    let lock = fs::File::options().read(true).write(true).open(path).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    world.laptop().run(["bidirectional"]).exits(6);
    assert_eq!(recorded(world.laptop()), before);
}

#[test]
fn metrics_go_where_the_configuration_says_and_never_fail_a_run() {
    let world = agreed();
    let path = world.base().join("tmp/ubos.prom");
    configure(world.laptop(), &format!("[health]\nmetrics = {:?}", path.display().to_string()));
    world.laptop().sync().exits(0);
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.starts_with("ubos_sync_exit_code{")).unwrap();
    assert_eq!(line, "ubos_sync_exit_code{territory=\"localhost\",peer=\"balaur\"} 0");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let before = recorded(world.laptop());
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    assert_ne!(recorded(world.laptop())["last_good_run"], before["last_good_run"]);
}

#[test]
fn before_the_first_sync_there_is_nothing_to_tell() {
    let world = World::unpaired(BINARY);
    world.init().exits(0);
    world.laptop().run(["health"]).exits(1).says("ubos-sync bidirectional");
    let health = world.laptop().run(["health", "--json"]).json();
    assert_eq!((&health["exit"], &health["reasons"]), (&json!(1), &json!(["never-synced"])));
}
