//! `tick`: what a timer does on either side, and what a person is told of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;
use ubos_testkit::process::TIME_LIMIT;
use ubos_testkit::{Node, Side, Territory, World};

use crate::agreed;
use crate::health::{age, configure, recorded};

/// Puts another text in place of one that the configuration of a territory has.
fn rewrite(territory: Territory<'_>, from: &str, to: &str) {
    let path = territory.own("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

/// How the configuration of one side names the address of `side`.
fn address(world: &World, side: Side) -> String {
    format!("address = {:?}", world.root(side).display().to_string())
}

/// A pair whose server has no address for the laptop, as over ssh.
fn one_way_reachable() -> World {
    let world = agreed();
    rewrite(world.server(), &format!("{}, ", address(&world, Side::Laptop)), "");
    world
}

const AWAY: &str = "address = \"balaur:/srv/janus\"";

/// A pair whose laptop reaches the server over an ssh that does not get there.
fn unreachable() -> World {
    let world = agreed();
    let ssh = world.base().join("bin/ssh");
    fs::write(
        &ssh,
        "#!/bin/sh\necho 'ssh: connect to host balaur port 22: refused' >&2\nexit 255\n",
    )
    .unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    rewrite(world.laptop(), &address(&world, Side::Server), AWAY);
    world
}

/// Lets the laptop reach the server again.
fn reach(world: &World) {
    rewrite(world.laptop(), AWAY, &address(world, Side::Server));
}

/// Has the territory tell into a file, and returns its path.
fn told_to_file(territory: Territory<'_>) -> PathBuf {
    let path = territory.world().base().join("told");
    let command = format!(
        "(printf '%s %s: ' \"$UBOS_SYNC_EVENT\" \"$UBOS_SYNC_TERRITORY\"; cat) >> '{}'",
        path.display()
    );
    configure(territory, &format!("[notify]\ncommand = {command:?}"));
    path
}

/// The events told so far.
fn events(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
}

fn requests(territory: Territory<'_>) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(territory.own("requests")) else { return Vec::new() };
    folder.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_tick_syncs_both_ways_and_never_asks() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    let run = world.laptop().sync_with(["tick"]);
    run.exits(0).both("notes/f = B\nnotes/g = C");
    assert_eq!(run.report.command, "tick");
    for side in Side::BOTH {
        let health = recorded(world.at(side));
        assert_eq!(health["mode"], "timer");
        assert!(health["next_run"].is_string());
    }
    world.laptop().run(["health"]).exits(0).says("(timer)");
    for side in Side::BOTH {
        world.at(side).write("notes/f", side.name());
    }
    world.laptop().run(["tick"]).exits(3).says("attempt 1 of 4: 0 changes, 1 to decide");
    let quiet = world.laptop().run(["tick", "-q"]);
    assert!(quiet.exits(3).stderr.is_empty() && quiet.stdout.is_empty(), "{}", quiet.told());
}

#[test]
fn a_side_without_an_address_does_its_duties_and_asks_once() {
    let world = one_way_reachable();
    world.server().run(["tick"]).exits(0).says("localhost was here just now");
    assert!(requests(world.server()).is_empty());
    age(world.server());
    world.server().run(["tick"]).exits(0);
    assert!(requests(world.server()).is_empty(), "nothing waits");
    world.server().write("notes/f", "B");
    // A copy edited on the wrong side goes nowhere, whoever runs.
    world.server().write("out/x", "drift");
    let before = world.server().tree();
    let told = world.server().run(["tick"]);
    told.exits(0).says("1 change for localhost").says("asked for a sync");
    let asked = requests(world.server());
    assert_eq!(asked.len(), 1);
    let request: serde_json::Value = serde_json::from_slice(&fs::read(&asked[0]).unwrap()).unwrap();
    assert_eq!(request["reason"], "changes");
    assert!(request["created"].is_string() && request["id"].is_string());
    let document = world.server().run(["tick", "--json"]).json();
    assert_eq!(document["duties"]["waiting"], 1);
    assert_eq!(document["duties"]["asked"], serde_json::Value::Null);
    assert_eq!(requests(world.server()), asked);
    assert_eq!(world.server().tree(), before);
    let health = recorded(world.server());
    assert!(health["oldest_unsynced"].is_string() && health["duties"].is_string());
    world.server().run(["health"]).says("waiting for localhost");
    world.laptop().sync_with(["tick"]).exits(0).live("notes/f = B", "notes/f = B\nout/x = drift");
    assert!(requests(world.server()).is_empty(), "the run answered it");
    assert_eq!(recorded(world.server())["oldest_unsynced"], serde_json::Value::Null);
}

#[test]
fn what_waits_for_a_person_asks_for_no_run() {
    let world = one_way_reachable();
    for side in Side::BOTH {
        world.at(side).write("notes/f", side.name());
    }
    world.laptop().run(["tick"]).exits(3);
    age(world.server());
    let document = world.server().run(["tick", "--json"]).json();
    assert_eq!(document["duties"]["waiting"], 0);
    assert!(requests(world.server()).is_empty());
}

#[test]
fn duties_leave_the_baseline_and_the_next_run_as_they_are() {
    let world = one_way_reachable();
    world.server().write("notes/new", "N");
    world.server().write("notes/f", "B");
    world.server().remove("notes/D/a");
    age(world.server());
    let generation = recorded(world.server())["generation"].clone();
    for _ in 0..2 {
        world.server().run(["tick"]).exits(0);
    }
    assert_eq!(recorded(world.server())["generation"], generation);
    world.laptop().sync().exits(0).both("notes/new = N\nnotes/f = B\n- notes/D/a");
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn ticks_of_both_sides_at_once_do_not_disturb_each_other() {
    let world = one_way_reachable();
    for number in 0..10 {
        world.laptop().write(format!("notes/here{number}"), "1");
        world.server().write(format!("notes/there{number}"), "2");
        age(world.server());
        let ticks = Side::BOTH.map(|side| world.at(side).start(["tick", "--retries", "0,1"]));
        let codes = ticks.map(|tick| tick.finish(TIME_LIMIT).code());
        assert!(codes.iter().all(|code| [0, 6].contains(code)) && codes.contains(&0), "{codes:?}");
    }
    world.laptop().sync().exits(0).clean();
    assert_eq!(world.laptop().get("notes/there9"), Some(Node::file("2")));
    assert_eq!(world.server().get("notes/here9"), Some(Node::file("1")));
}

#[test]
fn a_side_that_another_run_holds_leaves_quietly() {
    let world = one_way_reachable();
    let path = world.server().own("state/lock");
    let lock = fs::File::options().read(true).write(true).open(path).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let tick = world.server().run(["tick", "-q"]);
    assert!(tick.exits(6).stderr.is_empty(), "{}", tick.told());
    assert_eq!(world.server().run(["tick", "--json"]).exits(6).json()["error"]["kind"], "locked");
    assert_eq!(
        world
            .laptop()
            .run(["tick", "--retries", "0,0,0,0"])
            .exits(6)
            .words()
            .matches("attempt")
            .count(),
        2
    );
}

#[test]
fn an_unreachable_peer_is_tried_again_told_once_and_its_return_too() {
    let world = unreachable();
    let told = told_to_file(world.laptop());
    world.laptop().write("notes/f", "B");
    let tick = world.laptop().run(["tick", "--retries", "0,0,1"]);
    tick.exits(5).says("attempt 1 of 3").says("attempt 3 of 3").says("again in 0 seconds");
    let health = recorded(world.laptop());
    assert_eq!((&health["exit"], &health["failures_in_a_row"]), (&json!(5), &json!(3)));
    assert_eq!(health["error"]["kind"], "unreachable");
    assert!(health["oldest_unsynced"].is_string());
    assert_eq!(events(&told), ["failed"]);
    assert!(
        fs::read_to_string(&told).unwrap().starts_with("failed localhost: localhost no longer")
    );
    world.laptop().run(["tick", "--retries", "0"]).exits(5);
    assert_eq!(events(&told), ["failed"]);
    let late = world.laptop().run(["tick", "--retries", "0,5", "--deadline", "1"]);
    late.exits(5).says("attempt 1 of 2");
    reach(&world);
    world.laptop().sync_with(["tick"]).exits(0).both("notes/f = B");
    assert_eq!(events(&told), ["failed", "recovered"]);
    world.laptop().run(["tick"]).exits(0);
    assert_eq!(events(&told), ["failed", "recovered"]);
    let log = world.laptop().run(["log", "--json"]).json();
    let notified = log["records"].as_array().unwrap().iter().filter(|r| r["event"] == "notified");
    let notified: Vec<_> = notified.map(|r| (r["reason"].clone(), r["arrived"].clone())).collect();
    assert_eq!(notified, [(json!("failed"), json!(true)), (json!("recovered"), json!(true))]);
    world.laptop().run(["log", "--verify"]).exits(0);
}

#[test]
fn conflicts_and_guards_are_told_once_each() {
    let world = agreed();
    let told = told_to_file(world.laptop());
    for side in Side::BOTH {
        world.at(side).write("notes/f", side.name());
    }
    for _ in 0..2 {
        world.laptop().run(["tick"]).exits(3);
        assert_eq!(events(&told), ["conflict"]);
    }
    world.laptop().remove("out");
    world.laptop().run(["tick"]).exits(4);
    assert_eq!(events(&told), ["conflict", "guard"]);
    // A command that fails is nobody's trouble.
    rewrite(world.laptop(), "command = \"", "command = \"exit 3; ");
    world.laptop().resolve(["notes/f", "--keep", "balaur"]).exits(0);
    world.laptop().run(["tick"]).exits(4);
    for side in Side::BOTH {
        world.at(side).write("notes/f", format!("{} again", side.name()));
    }
    world.laptop().run(["tick"]).exits(4);
    let log = world.laptop().run(["log", "--json"]).json();
    let last =
        log["records"].as_array().unwrap().iter().rfind(|r| r["event"] == "notified").cloned();
    assert_eq!(last.unwrap()["arrived"], false);
}

#[test]
fn while_a_watch_runs_a_tick_only_brings_the_figures_up_to_date() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    let before = recorded(world.laptop());
    let path = world.laptop().own("state/watching");
    let watch = fs::File::options().write(true).create(true).truncate(true).open(path).unwrap();
    rustix::fs::flock(&watch, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.laptop().run(["tick"]).exits(0).says("a watch keeps this territory in sync");
    assert_eq!(world.server().get("notes/f"), Some(Node::file("A")));
    let after = recorded(world.laptop());
    assert_eq!(after["last_attempt"], before["last_attempt"]);
    assert_ne!(after["updated"], before["updated"]);
}

#[test]
fn a_day_of_ticks_finds_a_flipped_byte_in_a_backup_and_old_backups_go() {
    let world = agreed();
    let told = told_to_file(world.laptop());
    world.server().write("notes/f", "B");
    let run = world.laptop().sync().exits(0).report.run.clone();
    let backup = world.laptop().own(&format!("backups/{run}/notes/f"));
    assert_eq!(fs::read_to_string(&backup).unwrap(), "A");
    fs::write(&backup, "X").unwrap();
    // Nothing was read since long ago: each tick now reads as much as it may.
    fs::write(world.laptop().own("state/scrub"), [0, 1, 0, 0]).unwrap();
    for _ in 0..12 {
        world.laptop().run(["tick"]).exits(0);
    }
    assert_eq!(events(&told), ["damaged"]);
    let health = world.laptop().run(["health"]);
    health.exits(1).says("damaged: the former version of notes/f in the backups of run").says(&run);
    let document = world.laptop().run(["health", "--json"]).json();
    assert_eq!(document["damage"], json!([{"path": "notes/f", "in": "backups", "of": run}]));
    let log = world.laptop().run(["log", "--json"]).json();
    let records = log["records"].as_array().unwrap();
    let read: u64 =
        records.iter().filter(|r| r["event"] == "scrub").filter_map(|r| r["files"].as_u64()).sum();
    // Every file of the tree and the one in the backups, whole or not.
    let files = world.laptop().tree().iter().filter(|(_, node)| node.content().is_some()).count();
    assert!(read > 10 && read <= files as u64 + 1, "{read} of {files}");
    // Far in the past, it goes, and the damage with it.
    let old = world.laptop().own(&format!("backups/2020{}", &run[4..]));
    fs::rename(world.laptop().own(&format!("backups/{run}")), &old).unwrap();
    configure(world.laptop(), "[backups]\ndays = 30\nruns = 0");
    world.laptop().run(["tick"]).exits(0);
    assert!(!old.exists());
    world.laptop().run(["health"]).exits(0);
}
