//! A log that grows without end and is rotated at its source, in both ways that logrotate knows: the
//! laptop seals the old part, compresses it when its time has come, and gives back every byte.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use ubos_testkit::{Side, World};

use crate::agreed;
use crate::health::{configure, recorded, weighed};

const LOG: &str = "logs/day.jsonl";

/// Lines of a day.
fn lines(day: u32) -> String {
    (0..2000).map(|n| format!("{{\"day\":{day},\"n\":{n}}}\n")).collect()
}

/// `copytruncate`: the old part is copied away, the log itself is emptied.
fn copy_and_truncate(world: &World) {
    let log = world.root(Side::Server).join(LOG);
    fs::copy(&log, log.with_extension("jsonl.1")).unwrap();
    fs::File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
}

/// Without it: the log is renamed, and its writer begins another one.
fn rename(world: &World) {
    let log = world.root(Side::Server).join(LOG);
    fs::rename(&log, log.with_extension("jsonl.1")).unwrap();
    fs::write(&log, "").unwrap();
}

/// Three days of a log that is rotated each night by `rotate`; all that was ever in it.
fn three_days(world: &World, rotate: fn(&World)) -> String {
    let mut all = fs::read_to_string(world.root(Side::Server).join(LOG)).unwrap();
    for day in 1..=3 {
        for half in [lines(day), lines(day + 10)] {
            world.server().append(LOG, &half);
            all.push_str(&half);
            world.laptop().sync().exits(0).clean();
        }
        if day < 3 {
            rotate(world);
            if day == 1 {
                // A sync just after the rotation finds an empty log.
                world.laptop().sync().exits(0);
            }
        }
    }
    all
}

/// The names of the sealed logs.
fn sealed(world: &World) -> Vec<String> {
    let listed = fs::read_dir(world.laptop().own("sealed/logs")).unwrap();
    listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn assembled(world: &World) -> String {
    let out = world.laptop().run(["backups", "assemble", LOG]);
    String::from_utf8(out.exits(0).stdout.clone()).unwrap()
}

/// From now on everything that is sealed is old enough.
fn compress_at_once(world: &World) {
    configure(world.laptop(), "[logs]\ncompress_sealed_after = \"0s\"");
    sleep(Duration::from_millis(1100));
}

fn all_are_compressed(world: &World) -> bool {
    let names = sealed(world);
    !names.is_empty() && names.iter().all(|name| name.ends_with(".lz4"))
}

/// Compressing is on record, and no part of a run.
fn compressed_apart_from_runs(world: &World) {
    let document = world.laptop().run(["log", "--json", "-n", "100000"]).json();
    let records = document["records"].as_array().unwrap();
    let ids = |event: &str| -> Vec<&Value> {
        records.iter().filter(|r| r["event"] == event).map(|r| &r["run"]).collect()
    };
    let (compressed, runs) = (ids("compressed"), ids("run"));
    assert_eq!(compressed.len(), sealed(world).len());
    assert!(!runs.is_empty() && !compressed.iter().any(|id| runs.contains(id)));
    world.laptop().run(["log", "--verify"]).exits(0);
    world.laptop().run(["backups", "verify"]).exits(0);
}

#[test]
fn a_log_that_is_rotated_in_either_way_is_kept_small_and_whole() {
    for rotate in [copy_and_truncate as fn(&World), rename] {
        let world = agreed();
        let all = three_days(&world, rotate);
        let now = fs::read_to_string(world.laptop().path(LOG)).unwrap();
        assert_eq!(now, lines(3) + &lines(13), "the copy holds what the log holds");
        assert_eq!(assembled(&world), all);
        assert!(!all_are_compressed(&world));
        let before = weighed(world.laptop());
        assert_eq!(recorded(world.laptop())["backup_bytes"], before);
        compress_at_once(&world);
        world.laptop().run(["bidirectional"]).exits(0);
        assert!(all_are_compressed(&world), "{:?}", sealed(&world));
        assert_eq!(assembled(&world), all);
        let after = weighed(world.laptop());
        assert!(after * 3 < before, "{after} of {before} bytes");
        assert_eq!(recorded(world.laptop())["backup_bytes"], after);
        compressed_apart_from_runs(&world);
        world.laptop().sync().exits(0).clean().actions([]).again();
    }
}

#[test]
fn a_timer_compresses_too() {
    let world = agreed();
    let all = three_days(&world, copy_and_truncate);
    compress_at_once(&world);
    world.laptop().run(["tick"]).exits(0);
    assert!(all_are_compressed(&world), "{:?}", sealed(&world));
    assert_eq!(assembled(&world), all);
    compressed_apart_from_runs(&world);
}

#[cfg(target_os = "linux")]
#[test]
fn a_watch_compresses_beside_its_runs() {
    let world = agreed();
    let all = three_days(&world, rename);
    compress_at_once(&world);
    let watch = crate::watching::Watching::start(&world);
    watch.until("compressed logs", |_| all_are_compressed(&world));
    world.server().append(LOG, "{\"late\":1}\n");
    watch.until("the late line", |_| {
        fs::read_to_string(world.laptop().path(LOG)).unwrap().ends_with("{\"late\":1}\n")
    });
    drop(watch);
    assert_eq!(assembled(&world), all + "{\"late\":1}\n");
    compressed_apart_from_runs(&world);
}

#[test]
fn a_run_that_goes_on_is_not_disturbed_and_loses_nothing() {
    let world = agreed();
    let all = three_days(&world, rename);
    compress_at_once(&world);
    // Somebody else compresses: nobody waits, nothing fails.
    let path = world.laptop().own("state/compressing");
    let lock = fs::File::options().create(true).truncate(false).write(true).open(path).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    world.laptop().run(["bidirectional"]).exits(0);
    assert!(!all_are_compressed(&world));
    drop(lock);
    world.laptop().run(["bidirectional", "--dry-run"]).exits(0);
    assert!(!all_are_compressed(&world), "a dry run changes nothing");
    world.laptop().run(["push"]).exits(0);
    assert!(all_are_compressed(&world));
    assert_eq!(assembled(&world), all);
}
