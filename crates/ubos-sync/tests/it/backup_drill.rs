//! The backup in three places, on the territories of `demo`: what `backup status` says of them, what
//! comes back when two are lost, and how a file comes back from git.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;
use ubos_testkit::World;
use ubos_testkit::process::{Outcome, Running};

use crate::BINARY;

/// How large the log is, in megabytes, unless `UBOS_DRILL_LOG_MB` says otherwise.
const LOG_MB: u64 = 105;
/// How long a call may take: a drill reads and writes everything several times.
const LIMIT: Duration = Duration::from_secs(600);
/// What a private key begins with, in two parts, so that no scanner takes this for one.
const KEY: [&str; 2] = ["-----BEGIN OPENSSH PRIV", "ATE KEY-----\nb3BlbnNzaA==\n"];

/// The territories of the demonstration, with a backup.
struct Demo {
    world: World,
    laptop: PathBuf,
    server: PathBuf,
    remote: PathBuf,
}

impl Demo {
    /// Both territories in sync, one snapshot, and that sent to the remote and to the mirror.
    fn new() -> Self {
        let world = World::empty(BINARY);
        let folder = world.base().join("demo");
        let demo = Self {
            laptop: folder.join("localhost"),
            server: folder.join("balaur"),
            remote: folder.join("remote.git"),
            world,
        };
        let dir = folder.to_str().unwrap();
        demo.call_in(demo.world.base(), &["demo", "--dir", dir, "-q"]).exits(0);
        demo.call(&["resolve", "config/CLAUDE.md", "--keep", "localhost"]).exits(0);
        demo.git(&folder, &["init", "--quiet", "--bare", "remote.git"]);
        demo.call(&[
            "backup",
            "init",
            "--remote",
            demo.remote.to_str().unwrap(),
            "--branch",
            "main",
        ])
        .exits(0);
        let state = StateDir::open(&demo.laptop).unwrap();
        let mut config = Config::require(&state).unwrap();
        // Every snapshot of these tests is asked for.
        config.backup.enabled = false;
        config.backup.max_file_size = serde_json::from_value("1MiB".into()).unwrap();
        config.save(&state).unwrap();
        demo.snapshot();
        demo.call(&["backup", "push"]).exits(0);
        demo
    }

    /// From now on `health` is about the backup as well.
    fn watch_over(&self) {
        let state = StateDir::open(&self.laptop).unwrap();
        let mut config = Config::require(&state).unwrap();
        config.backup.enabled = true;
        config.save(&state).unwrap();
    }

    fn snapshot(&self) {
        let made = self.call(&["backup", "snapshot", "-q"]);
        assert!([0, 3].contains(&made.code()), "{}", made.told());
    }

    /// Syncs, makes a snapshot and sends it.
    fn bring_everywhere(&self) {
        self.call(&["bidirectional", "-q"]).exits(0);
        self.snapshot();
        self.call(&["backup", "push", "-q"]).exits(0);
    }

    fn call(&self, args: &[&str]) -> Outcome {
        self.call_in(&self.laptop, args)
    }

    fn call_in(&self, dir: &Path, args: &[&str]) -> Outcome {
        let mut command: Command = self.world.command(Path::new(BINARY));
        command.args(args).current_dir(dir);
        Running::start(command, &self.world.base().join("output")).finish(LIMIT)
    }

    fn git(&self, dir: &Path, args: &[&str]) -> String {
        let output = self.world.command(Path::new("git")).args(args).current_dir(dir).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.laptop.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.laptop.join(path)).unwrap()
    }

    fn status(&self) -> (i32, Value) {
        let outcome = self.call(&["backup", "status", "--json"]);
        (outcome.code(), outcome.json())
    }

    /// Every file in a repository's folder.
    fn files_of(&self, dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { self.files_of(&path, found) } else { found.push(path) }
        }
    }
}

/// A log of about so many megabytes, in lines that compress as such logs do.
fn grow(path: &Path, megabytes: u64) {
    let file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    let mut log = BufWriter::new(file);
    let (mut written, mut number) = (0u64, 0u64);
    while written < megabytes * 1_000_000 {
        let hash = blake3_of(number);
        let line = format!(
            "{{\"id\":{number},\"mission\":\"first-light\",\"step\":\"proposal read\",\"hash\":\"{hash:016x}\"}}\n"
        );
        log.write_all(line.as_bytes()).unwrap();
        (written, number) = (written + line.len() as u64, number + 1);
    }
    log.flush().unwrap();
}

/// Digits that do not repeat.
fn blake3_of(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn text(outcome: &Outcome) -> String {
    String::from_utf8(outcome.stdout.clone()).unwrap()
}

/// A text whose sentences are not broken into lines.
fn unbroken(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn drilled<'d>(document: &'d Value, left: &str) -> &'d Value {
    let drills = document["drills"].as_array().unwrap();
    drills.iter().find(|drill| drill["left"] == left).unwrap()
}

fn class<'d>(document: &'d Value, name: &str) -> &'d Value {
    let classes = document["classes"].as_array().unwrap();
    classes.iter().find(|row| row["class"] == name).unwrap()
}

#[test]
fn an_undecided_conflict_is_no_damage_and_a_relative_remote_is_meant_from_the_root() {
    let world = World::empty(BINARY);
    let folder = world.base().join("demo");
    let laptop = folder.join("localhost");
    let call = |cwd: &Path, args: &[&str]| {
        let mut command: Command = world.command(Path::new(BINARY));
        command.args(args).current_dir(cwd);
        Running::start(command, &world.base().join("output")).finish(LIMIT)
    };
    call(world.base(), &["demo", "--dir", folder.to_str().unwrap(), "-q"]).exits(0);
    let mut git = world.command(Path::new("git"));
    git.args(["init", "--quiet", "--bare", "remote.git"]).current_dir(&folder);
    assert!(git.status().unwrap().success());
    call(&laptop, &["backup", "init", "--remote", "../remote.git"]).exits(0);
    let below = laptop.join("docs");
    call(&below, &["backup", "push"]).exits(0);
    // `config/CLAUDE.md` has two versions, of the same second.
    call(&below, &["backup", "drill", "--all"]).exits(0);
    // The places have one version or the other: that is for a person, and no sync mends it.
    let status = call(&below, &["backup", "status", "--json"]);
    let document = status.exits(3).json();
    let gaps = class(&document, "configuration")["gaps"].as_array().unwrap().clone();
    assert!(!gaps.is_empty() && gaps.iter().all(|gap| gap["reason"] == "conflict"), "{gaps:?}");
    call(&below, &["backup", "status"]).says("Next: ubos-sync resolve config/CLAUDE.md");
    // The other version survives where the clock says that it is the later one.
    call(&below, &["health"]).says("last drill").says(": complete");
    call(&below, &["resolve", "config/CLAUDE.md", "--keep", "localhost"]).exits(0);
    call(&below, &["backup", "push"]).exits(0);
    call(&below, &["backup", "status"]).exits(0);
}

#[test]
fn two_of_three_places_can_be_lost_with_a_large_log() {
    let megabytes = std::env::var("UBOS_DRILL_LOG_MB").ok().and_then(|text| text.parse().ok());
    let megabytes: u64 = megabytes.unwrap_or(LOG_MB);
    let demo = Demo::new();
    grow(&demo.server.join("mission_log.jsonl"), megabytes);
    demo.bring_everywhere();
    let outcome = demo.call(&["backup", "drill", "--all", "--json"]);
    let document = outcome.exits(0).json();
    for left in ["laptop", "server", "remote"] {
        let drill = drilled(&document, left);
        assert_eq!(drill["result"], "complete", "{drill:#}");
        assert_eq!(drill["complete"], drill["files"]);
        assert_eq!(drill["versions"], 2);
        assert!(drill["bytes"].as_u64().unwrap() >= megabytes * 1_000_000);
        eprintln!("{megabytes} MB log, {left} left: {} ms", drill["milliseconds"]);
    }
    let kept = fs::read(demo.laptop.join(".ubos-sync/state/backup/drill.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), document);
    let log = demo.call(&["log", "--json"]).json();
    assert!(log.to_string().contains("backup-drill"), "it is on record");
    let status = demo.status();
    assert_eq!(status.0, 0, "{:#}", status.1);
    assert_eq!(class(&status.1, "logs")["copies"], 3);
}

#[test]
fn a_configured_gap_is_said_and_nothing_else_is_missing() {
    let demo = Demo::new();
    demo.write("docs/deploy.pem", KEY.concat().as_bytes());
    demo.write("docs/film.mov", &vec![7; 2 << 20]);
    demo.bring_everywhere();
    demo.watch_over();
    let outcome = demo.call(&["backup", "drill", "--all", "--json"]);
    let document = outcome.exits(3).json();
    for left in ["laptop", "server"] {
        assert_eq!(drilled(&document, left)["result"], "complete", "{document:#}");
    }
    let remote = drilled(&document, "remote");
    let missing = remote["missing"].as_array().unwrap();
    let told: Vec<_> =
        missing.iter().map(|row| (row["path"].clone(), row["reason"].clone())).collect();
    let expected = [("docs/deploy.pem", "secret"), ("docs/film.mov", "too-large")];
    assert_eq!(told, expected.map(|(path, why)| (path.into(), why.into())));
    let told = unbroken(&text(&demo.call(&["health"])));
    assert!(told.contains("complete but for 2 known gaps"), "{told}");
    let health = demo.call(&["health", "--json"]).json();
    assert_eq!(
        (&health["backup"]["drill_complete"], &health["backup"]["drill_known_gaps"]),
        (&Value::Bool(false), &2.into())
    );
    let told = demo.call(&["backup", "drill", "--lose", "localhost,balaur"]);
    let told = text(told.exits(3));
    for words in
        ["remote left", "docs/deploy.pem", "out of git as", "docs/film.mov", "max_file_size"]
    {
        assert!(unbroken(&told).contains(words), "{words}: {told}");
    }
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    let (exit, status) = demo.status();
    assert_eq!(exit, 0, "what git does not take is promised two copies: {status:#}");
    assert_eq!(class(&status, "withheld")["copies"], 2);
    assert_eq!(class(&status, "too-large")["copies"], 2);
}

#[test]
fn a_damaged_remote_is_noticed() {
    let demo = Demo::new();
    let mut files = Vec::new();
    demo.files_of(&demo.remote.join("objects"), &mut files);
    let largest = files.into_iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::remove_file(&largest).unwrap();
    fs::write(&largest, bytes).unwrap();
    demo.watch_over();
    let outcome = demo.call(&["backup", "drill", "--lose", "laptop,server", "--json"]);
    let document = outcome.exits(1).json();
    assert_eq!(drilled(&document, "remote")["result"], "damaged", "{document:#}");
    demo.call(&["health"]).says(": incomplete");
}

#[test]
fn the_status_says_what_is_missing_where_and_what_to_do() {
    let demo = Demo::new();
    let (exit, status) = demo.status();
    assert_eq!(exit, 0, "{status:#}");
    for name in ["constitution", "configuration", "generated", "logs"] {
        assert_eq!(class(&status, name)["copies"], 3, "{status:#}");
    }
    let beside = &status["not_shared"];
    assert!(beside["laptop"]["names"].to_string().contains("scripts/"), "{beside}");
    assert!(beside["server"]["names"].to_string().contains("agent/"), "{beside}");
    demo.write("docs/new.md", b"new\n");
    demo.snapshot();
    let told = text(demo.call(&["backup", "status"]).exits(3));
    for words in ["backup push", "not yet pushed", "bidirectional", "docs/new.md", "1 of 3"] {
        assert!(unbroken(&told).contains(words), "{words}: {told}");
    }
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    demo.bring_everywhere();
    assert_eq!(demo.status().0, 0);
    fs::rename(&demo.remote, demo.remote.with_extension("away")).unwrap();
    let (exit, status) = demo.status();
    assert_eq!((exit, &status["places"]["remote"]["state"]), (3, &"unknown".into()));
    assert_eq!(class(&status, "constitution")["copies"], 2);
    assert!(status["places"]["remote"]["since"].is_string(), "{status:#}");
    let drill = demo.call(&["backup", "drill", "--all", "--json"]).exits(5).json();
    assert_eq!(drilled(&drill, "remote")["result"], "not-proved");
    assert_eq!(drilled(&drill, "server")["result"], "complete");
}

#[test]
fn the_server_drills_itself_and_says_how_it_stands() {
    let demo = Demo::new();
    let drill = demo.call_in(&demo.server, &["backup", "drill", "--all", "--json"]);
    assert_eq!(drilled(&drill.exits(0).json(), "server")["result"], "complete");
    demo.call_in(&demo.server, &["backup", "status"]).exits(0);
    let other = demo.call_in(&demo.server, &["backup", "drill", "--lose", "laptop,server"]);
    assert!(String::from_utf8_lossy(&other.exits(2).stderr).contains("run it on localhost"));
}

#[test]
fn what_is_lost_must_be_two_places() {
    let demo = Demo::new();
    for wrong in ["laptop", "laptop,localhost", "laptop,moon", "laptop,server,remote"] {
        demo.call(&["backup", "drill", "--lose", wrong]).exits(2);
    }
    demo.call(&["backup", "drill"]).exits(2);
}

#[test]
fn a_file_comes_back_from_git_as_a_new_edit() {
    let demo = Demo::new();
    let path = "docs/charter.md";
    let first = demo.read(path);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    File::open(demo.laptop.join(path)).unwrap().set_modified(time).unwrap();
    demo.snapshot();
    demo.write(path, b"worse\n");
    demo.write("docs/extra.md", b"extra\n");
    demo.snapshot();
    let shown = text(demo.call(&["backup", "show", path, "--at", "main~1"]).exits(0));
    assert_eq!(shown, first);
    let diff = text(demo.call(&["backup", "diff", path, "--at", "main~1"]).exits(0));
    assert!(diff.contains("worse"), "{diff}");
    let versions = demo.call(&["backup", "log", path, "--json"]).exits(0).json();
    assert!(versions["versions"].as_array().unwrap().len() >= 2, "{versions:#}");
    demo.call(&["backup", "restore", path, "--at", "main~1", "-n"]).exits(0);
    assert_eq!(demo.read(path), "worse\n");
    demo.write(path, b"not in any snapshot\n");
    demo.call(&["backup", "restore", "docs", "--at", "main~1"]).exits(0);
    assert_eq!(demo.read(path), first);
    let restored = demo.laptop.join(path).metadata().unwrap().modified().unwrap();
    assert_eq!(restored, time, "its time came back");
    assert_eq!(demo.read("docs/extra.md"), "extra\n", "nothing is deleted unless asked");
    let before = demo.git(&demo.laptop, &["show", &format!("main:{path}")]);
    assert_eq!(before, "not in any snapshot", "a snapshot was made first");
    let at = demo.git(&demo.laptop, &["rev-parse", "main~2"]);
    demo.call(&["backup", "restore", "docs", "--at", &at, "--exact"]).exits(0);
    assert!(!demo.laptop.join("docs/extra.md").exists());
    let run = demo.call(&["log", "--json"]).json().to_string();
    assert!(run.contains("docs/extra.md"), "it is on record");
    demo.call(&["bidirectional", "-q"]).exits(0);
    assert_eq!(fs::read_to_string(demo.server.join(path)).unwrap(), first);
    demo.call(&["backup", "restore", "docs/never.md", "--at", "main~1"]).exits(2);
    let plain = demo.git(&demo.laptop, &["rev-parse", "main"]);
    let file = demo.laptop.join(path);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    demo.call(&["backup", "restore", path, "--at", &plain]).exits(0);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o111, 0, "its mode came back");
    // `restore` does the same where git alone knows what is meant.
    demo.snapshot();
    let commit = demo.git(&demo.laptop, &["rev-parse", "--short", "HEAD"]);
    let standing = demo.read(path);
    demo.write(path, b"worked on\n");
    demo.call(&["restore", path, "--at", &commit, "-n"]).exits(0);
    assert_eq!(demo.read(path), "worked on\n");
    demo.call(&["restore", path, "--at", &commit]).exits(0);
    assert_eq!(demo.read(path), standing);
    demo.call(&["restore", path, "--at", "0123456789abcdef"]).exits(2);
    demo.call(&["backup", "show", path, "--at", "1999-01-01"]).exits(2);
}
