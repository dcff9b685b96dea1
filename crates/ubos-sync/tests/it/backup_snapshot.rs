//! `backup init` and `backup snapshot` from outside: what they tell, and that no environment and no
//! full disk bends them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use ubos_testkit::World;
use ubos_testkit::process::Running;
use ubos_testkit::random::Dice;

use crate::agreed;

/// git in the laptop's folder, in the world's environment.
fn git(world: &World, args: &[&str]) -> String {
    let mut command = world.command(Path::new("git"));
    let output = command.current_dir(world.laptop().root()).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

fn begun() -> World {
    let world = agreed();
    world.laptop().run(["backup", "init"]).exits(0);
    world
}

#[test]
fn init_explains_itself_and_makes_the_first_snapshot() {
    let world = agreed();
    let would = world.laptop().run(["backup", "init", "-n"]);
    would.exits(0).says("core.autocrlf = false").says("Nothing was changed.");
    assert!(!world.laptop().path(".git").exists());
    let done = world.laptop().run(["backup", "init"]);
    done.exits(0)
        .says("line ends come back as they were")
        .says("<ubos-sync@localhost>`")
        .says("Committed ");
    let config = std::fs::read_to_string(world.laptop().path(".ubos-sync/config.toml")).unwrap();
    assert!(config.contains("enabled = true"), "{config}");
    let log = git(&world, &["log", "--format=%an <%ae>"]);
    assert!(log.lines().any(|line| line == "ubos-sync <ubos-sync@localhost>"), "{log}");
    assert_eq!(git(&world, &["show", "HEAD:notes/f"]), "A");
    let listed = git(&world, &["ls-tree", "-r", "--name-only", "HEAD"]);
    assert!(!listed.contains(".ubos-sync") && !listed.contains("priv/"), "{listed}");
    let again = world.laptop().run(["backup", "init", "--json"]).json();
    assert_eq!(again["snapshot"]["commits"], serde_json::json!([]));
    let steps = again["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["done"] == true), "{again:#}");
}

#[test]
fn a_snapshot_tells_what_it_did_in_words_and_json() {
    let world = begun();
    world.laptop().run(["backup", "snapshot"]).exits(0).says("Nothing has changed since ");
    world.laptop().write("notes/new.md", "new");
    world.laptop().write("notes/f", "other");
    let made = world.laptop().run(["backup", "snapshot", "--json", "-m", "tidied up"]).json();
    let changed = serde_json::json!({"added": 1, "updated": 1, "deleted": 0});
    assert_eq!((&made["schema"], &made["changed"]), (&1.into(), &changed));
    assert_eq!(made["head"], git(&world, &["rev-parse", "HEAD"]));
    let message = git(&world, &["log", "-1", "--format=%B"]);
    assert!(message.contains("\n\ntidied up\n"), "{message}");
    world.laptop().write("notes/.env", "PASSWORD=x");
    let told = world.laptop().run(["backup", "snapshot"]);
    told.exits(0).says("NOT KEPT, looks like a secret: 1 path").says("fingerprint ");
}

#[test]
fn without_a_repository_or_in_the_middle_of_something_the_way_on_is_told() {
    let world = agreed();
    let none = world.laptop().run(["backup", "snapshot"]);
    none.exits(2).says("is not a git repository").says("ubos-sync backup init");
    world.laptop().run(["backup", "init"]).exits(0);
    git(&world, &["checkout", "--quiet", "--detach"]);
    world.laptop().write("notes/new.md", "new");
    let busy = world.laptop().run(["backup", "snapshot", "--json"]);
    busy.exits(3);
    assert_eq!(busy.json()["error"]["kind"], "busy-repository");
    let server = world.server().run(["backup", "init"]);
    server.exits(2).says("whose manifests are the law");
}

#[test]
fn variables_of_a_hook_or_an_editor_lead_nowhere() {
    let world = begun();
    let elsewhere = world.base().join("elsewhere.git");
    git(&world, &["init", "--quiet", "--bare", elsewhere.to_str().unwrap()]);
    world.laptop().write("notes/new.md", "new");
    let environment: Vec<(&str, OsString)> = vec![
        ("GIT_DIR", elsewhere.clone().into()),
        ("GIT_WORK_TREE", "/".into()),
        ("GIT_INDEX_FILE", world.base().join("their-index").into()),
        ("GIT_OBJECT_DIRECTORY", elsewhere.join("objects").into()),
        ("GIT_AUTHOR_NAME", "somebody else".into()),
        ("GIT_CONFIG_COUNT", "1".into()),
        ("GIT_CONFIG_KEY_0", "core.bare".into()),
        ("GIT_CONFIG_VALUE_0", "true".into()),
    ];
    world.laptop().run_with(&["backup", "snapshot"], &environment).exits(0).says("1 new");
    assert_eq!(git(&world, &["show", "HEAD:notes/new.md"]), "new");
    assert_eq!(git(&world, &["log", "-1", "--format=%an"]), "ubos-sync");
    assert!(!world.base().join("their-index").exists());
    let bare = Command::new("git").arg("-C").arg(&elsewhere).args(["for-each-ref"]).output();
    assert!(bare.unwrap().stdout.is_empty());
}

#[test]
fn a_disk_that_takes_no_more_is_an_error_and_moves_nothing() {
    let world = begun();
    let refs = git(&world, &["for-each-ref"]);
    let mut dice = Dice::new(1);
    let large: Vec<u8> = (0..200_000).map(|_| dice.roll() as u8).collect();
    world.laptop().write("notes/large.bin", &large);
    // No file may grow beyond this many blocks, as on a disk that is full.
    let mut command = world.command(Path::new("/bin/sh"));
    command.current_dir(world.laptop().root()).args(["-c", "ulimit -f 100; exec \"$@\"", "sh"]);
    command.arg(world.binary()).args(["backup", "snapshot"]);
    let outcome = Running::start(command, &world.base().join("output"));
    outcome.finish(Duration::from_secs(60)).exits(1);
    assert_eq!(git(&world, &["for-each-ref"]), refs);
    world.laptop().run(["backup", "snapshot"]).exits(0).says("1 new");
    git(&world, &["fsck", "--strict"]);
}

#[test]
fn what_a_person_asked_for_is_in_the_health() {
    let world = agreed();
    git(&world, &["init", "--quiet", "--bare", "../remote.git"]);
    let remote = world.laptop().root().join("../remote.git");
    let remote = std::fs::canonicalize(remote).unwrap();
    let laptop = world.laptop();
    laptop.run(["backup", "init", "--remote", remote.to_str().unwrap()]).exits(0);
    let health = || laptop.run(["health", "--json"]).json()["backup"].clone();
    let told = health();
    assert_eq!(told["commit"], git(&world, &["rev-parse", "HEAD"]));
    assert!(told["last_snapshot"].is_string() && told["unpushed_since"].is_string(), "{told:#}");
    laptop.run(["backup", "push"]).exits(0);
    assert_eq!(health()["unpushed_since"], Value::Null);
    // A push to one place says nothing of the other.
    laptop.write("notes/new.md", "new");
    laptop.write("notes/.env", "PASSWORD=x");
    laptop.run(["backup", "snapshot"]).exits(0);
    let told = health();
    assert_eq!(
        (&told["gaps"], &told["commit"]),
        (&1.into(), &git(&world, &["rev-parse", "HEAD"]).into())
    );
    laptop.run(["backup", "push", "--to", "mirror"]).exits(0);
    assert!(health()["unpushed_since"].is_string());
    laptop.run(["backup", "push"]).exits(0);
    assert_eq!(health()["unpushed_since"], Value::Null);
    // With a gap not all comes back; without one it does.
    assert_eq!(health()["last_drill"], Value::Null);
    laptop.run(["backup", "drill", "--lose", "laptop,server"]).exits(3);
    let told = health();
    assert!(told["last_drill"].is_string() && told["drill_complete"] == false, "{told:#}");
    laptop.remove("notes/.env");
    laptop.run(["backup", "snapshot"]).exits(0);
    laptop.run(["backup", "push"]).exits(0);
    laptop.run(["backup", "drill", "--lose", "laptop,server"]).exits(0);
    assert_eq!(health()["drill_complete"], true);
    // What cannot be made, and what went another way.
    git(&world, &["checkout", "--quiet", "--detach"]);
    laptop.run(["backup", "snapshot"]).exits(3);
    assert_eq!(health()["trouble"]["kind"], "busy-repository");
    git(&world, &["checkout", "--quiet", "-"]);
    laptop.run(["backup", "snapshot"]).exits(0);
    assert_eq!(health()["trouble"], Value::Null);
    let branch = git(&world, &["symbolic-ref", "HEAD"]);
    let identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    let words = ["commit-tree", "HEAD^{tree}", "-p", "HEAD~1", "-m", "theirs"];
    let theirs = git(&world, &[&identity[..], &words[..]].concat());
    git(
        &world,
        &["push", "--quiet", "--force", remote.to_str().unwrap(), &format!("{theirs}:{branch}")],
    );
    laptop.write("notes/new.md", "newer");
    laptop.run(["backup", "snapshot"]).exits(0);
    laptop.run(["backup", "push"]).exits(3);
    assert_eq!(health()["diverged"].as_array().map(Vec::len), Some(1));
    let folder = std::fs::read_dir(laptop.own("log")).unwrap();
    let files = folder.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let records = String::from_utf8(files.collect::<Vec<_>>().concat()).unwrap();
    for event in ["backup-snapshot", "backup-pushed", "backup-drill", "backup-failed"] {
        assert!(records.contains(event), "{event}: {records}");
    }
}
