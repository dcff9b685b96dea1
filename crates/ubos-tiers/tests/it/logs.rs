//! Large logs: whatever happens to them, what was recorded comes back bit for bit.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_testkit::random::Dice;
use ubos_tiers::git::command::{Git, clean};
use ubos_tiers::git::logs::{self, LogSource, Recorded};
use ubos_tiers::git::names::LOGS_BRANCH;

/// A repository, a folder with logs, and the backup's own folder.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) git: Git,
    pub(crate) time: i64,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("r.git");
        let mut init = Command::new("git");
        clean(&mut init);
        assert!(init.args(["init", "-q", "--bare"]).arg(&dir).status().unwrap().success());
        for name in ["logs", "state"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { git: Git::at(dir), folder, time: 1_700_000_000 }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    pub(crate) fn append(&self, name: &str, bytes: &[u8]) {
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).open(self.file(name)).unwrap();
        file.write_all(bytes).unwrap();
    }

    pub(crate) fn poke(&self, name: &str, at: u64) {
        let file = OpenOptions::new().read(true).write(true).open(self.file(name)).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    }

    pub(crate) fn record(&mut self, names: &[&str]) -> Recorded {
        self.time += 300;
        let paths: Vec<RelPath> = names.iter().map(|name| rel(name)).collect();
        let sources = paths.iter().map(|path| {
            let name = std::str::from_utf8(path.as_bytes()).unwrap();
            let file = File::open(self.file(name)).unwrap();
            let size = file.metadata().unwrap().len();
            LogSource { path, file, size }
        });
        let state = self.folder.path().join("state");
        logs::record(&self.git, &state, sources.collect(), self.time).unwrap()
    }

    pub(crate) fn kept(
        &self,
        commit: &str,
        name: &str,
        generation: u32,
        upto: Option<u64>,
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let path = rel(name);
        let generation = Some(generation);
        let told = logs::assemble(&self.git, commit, &path, generation, upto, &mut bytes).unwrap();
        assert_eq!(told.bytes, bytes.len() as u64);
        assert_eq!(told.blake3, Digest::of(&bytes));
        bytes
    }

    /// Number and bytes of the objects that are not in a pack.
    pub(crate) fn loose(&self) -> (u64, u64) {
        let said = self.git.run(["count-objects", "-v"]).unwrap().text();
        let value = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().parse().unwrap()
        };
        (value("count:"), 1024 * value("size:"))
    }
}

pub(crate) fn rel(name: &str) -> RelPath {
    RelPath::new(name).unwrap()
}

/// Whole lines of about `bytes` bytes.
pub(crate) fn lines(dice: &mut Dice, bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 200);
    while text.len() < bytes {
        let (id, number) = (dice.roll(), dice.below(1000));
        writeln!(text, r#"{{"ts":{number},"id":"{id:016x}","message":"step {number} done"}}"#)
            .unwrap();
    }
    text
}

/// What should be kept of a log: the bytes of each generation.
type Model = BTreeMap<(&'static str, u32), Vec<u8>>;

const NAMES: [&str; 2] = ["a.jsonl", "b.log"];

/// What happens to a log between two recordings. Says whether it must begin a new generation, or must
/// not; `None` if it may.
fn happen(world: &World, dice: &mut Dice, name: &str, recorded: u64) -> Option<bool> {
    let path = world.file(name);
    let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
    let large = [200, 5_000, 200_000, 3_000_000];
    let choices = if dice.chance(15) { 4 } else { 3 };
    let more = large[dice.below(choices)];
    match dice.below(12) {
        0 if size > 0 => {
            std::fs::rename(&path, world.file("rotated")).unwrap();
            world.append(name, &lines(dice, more));
            (recorded > 0).then_some(true)
        }
        1 if size > 0 => {
            std::fs::copy(&path, world.file("rotated")).unwrap();
            OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
            if dice.chance(50) {
                world.append(name, &lines(dice, more));
            }
            (recorded > 0).then_some(true)
        }
        2 if recorded > 0 => {
            world.poke(name, recorded.saturating_sub(1 + dice.below(60_000) as u64));
            Some(true)
        }
        3 if recorded > 0 => {
            world.poke(name, dice.below(recorded.min(60_000) as usize) as u64);
            Some(true)
        }
        4 if recorded > 0 => {
            world.poke(name, dice.below(recorded as usize) as u64);
            world.append(name, &lines(dice, more));
            None
        }
        5 if recorded > 0 => {
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(dice.below(recorded as usize) as u64).unwrap();
            Some(true)
        }
        6 => {
            // A line whose end is written later.
            world.append(name, b"{\"half\":");
            Some(false)
        }
        7 if size > 0 => {
            // The same bytes in another file, as a tool that replaces by renaming leaves them.
            let copy = world.file("copy");
            std::fs::copy(&path, &copy).unwrap();
            std::fs::rename(&copy, &path).unwrap();
            world.append(name, &lines(dice, more));
            Some(false)
        }
        _ => {
            world.append(name, &lines(dice, more));
            Some(false)
        }
    }
}

/// Takes over into the model what a recording says it kept, and checks that it may say so.
fn learn(world: &World, model: &mut Model, name: &'static str, now: &Recorded, must: Option<bool>) {
    let newest = model.keys().filter(|(log, _)| *log == name).map(|(_, number)| *number).max();
    let Some(record) = now.logs.iter().find(|record| record.path == rel(name)) else {
        assert!(newest.is_none() && now.unread.iter().any(|(path, _)| *path == rel(name)));
        return;
    };
    let file = std::fs::read(world.file(name)).unwrap();
    let end = file.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let bytes = match newest {
        Some(newest) if newest == record.generation => {
            assert_ne!(must, Some(true), "`{name}` should have begun a new generation");
            let mut bytes = model[&(name, newest)].clone();
            bytes.extend_from_slice(&file[bytes.len()..end]);
            bytes
        }
        newest => {
            assert!(newest.is_none() || must != Some(false), "`{name}` only grew");
            assert_eq!(record.generation, newest.unwrap_or(0) + 1);
            file[..end].to_vec()
        }
    };
    assert_eq!(record.size, bytes.len() as u64);
    assert_eq!(record.blake3, Digest::of(&bytes));
    model.insert((name, record.generation), bytes);
}

/// Whether a commit keeps exactly what the model says.
fn compare(world: &World, dice: &mut Dice, commit: &str, model: &Model) {
    let kept: Vec<(Vec<u8>, u32, u64)> = logs::generations(&world.git, commit)
        .unwrap()
        .into_iter()
        .map(|record| (record.path.as_bytes().to_vec(), record.generation, record.size))
        .collect();
    let expected: Vec<(Vec<u8>, u32, u64)> = model
        .iter()
        .map(|((name, generation), bytes)| {
            (name.as_bytes().to_vec(), *generation, bytes.len() as u64)
        })
        .collect();
    assert_eq!(kept, expected);
    for ((name, generation), bytes) in model {
        assert!(world.kept(commit, name, *generation, None) == *bytes, "{name} {generation}");
        let upto = dice.below(bytes.len() + 1);
        let part = world.kept(commit, name, *generation, Some(upto as u64));
        assert!(part == bytes[..upto], "{name} {generation} up to {upto}");
    }
}

fn live(seed: u64) {
    let mut dice = Dice::new(seed);
    let mut world = World::new();
    let mut model = Model::new();
    let mut history: Vec<(String, Model)> = Vec::new();
    for name in NAMES {
        world.append(name, b"");
    }
    for _ in 0..18 {
        let before = model.clone();
        let mut musts = Vec::new();
        for name in NAMES {
            let newest = model.iter().rev().find(|((log, _), _)| *log == name);
            let recorded = newest.map_or(0, |(_, bytes)| bytes.len() as u64);
            musts.push(happen(&world, &mut dice, name, recorded));
        }
        if dice.chance(10) {
            let _ = std::fs::remove_file(world.folder.path().join("state/logs"));
        }
        let mut recorded = world.record(&NAMES);
        for (name, must) in NAMES.into_iter().zip(&musts) {
            learn(&world, &mut model, name, &recorded, *must);
        }
        if dice.chance(15)
            && let Some((commit, _)) = history.last()
        {
            // As after a crash before the branch moved: everything was written but is not named.
            world.git.run(["update-ref", LOGS_BRANCH, commit]).unwrap();
            model = before;
            recorded = world.record(&NAMES);
            for (name, must) in NAMES.into_iter().zip(&musts) {
                learn(&world, &mut model, name, &recorded, *must);
            }
        }
        if let Some(commit) = recorded.commit {
            history.push((commit.0, model.clone()));
        }
        assert!(!world.record(&NAMES).changed, "a second look changes nothing");
    }
    for (commit, model) in &history {
        compare(&world, &mut dice, commit, model);
    }
    let (last, _) = history.last().unwrap();
    assert_eq!(logs::verify(&world.git, last).unwrap(), []);
    world.git.run(["fsck", "--full", "--strict"]).unwrap();
}

#[test]
fn every_recorded_state_comes_back_bit_for_bit() {
    let given = std::env::var("UBOS_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = given.map_or(1..=4, |seed| seed..=seed);
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| live(seed)) {
            eprintln!("failed with UBOS_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn what_grows_costs_what_is_new_whatever_the_size() {
    let mut dice = Dice::new(3);
    let mut world = World::new();
    world.append("a.jsonl", &lines(&mut dice, 40 << 20));
    world.record(&["a.jsonl"]);
    let (count, bytes) = world.loose();
    assert!(count < 20 && bytes < 100_000, "the content is a pack, folders and commit are not");
    for _ in 0..3 {
        let (count, bytes) = world.loose();
        world.append("a.jsonl", &lines(&mut dice, 200_000));
        assert!(world.record(&["a.jsonl"]).changed);
        let (count_after, bytes_after) = world.loose();
        // A piece and two lists; the folders of the tail, the generation, the log and the top; a commit.
        assert!(count_after - count <= 8, "{} objects", count_after - count);
        assert!(bytes_after - bytes < 150_000, "{} bytes", bytes_after - bytes);
    }
}

#[test]
fn many_small_pieces_become_few_and_full_segments_are_never_written_again() {
    let mut dice = Dice::new(4);
    let mut world = World::new();
    let mut whole = Vec::new();
    for round in 0..140 {
        let more = lines(&mut dice, if round == 130 { 9 << 20 } else { 150 });
        world.append("a.jsonl", &more);
        whole.extend(more);
        world.record(&["a.jsonl"]);
    }
    let said = world.git.run(["ls-tree", "-r", "--name-only", LOGS_BRANCH]).unwrap().text();
    let base = "=a.jsonl/000001";
    assert!(said.contains(&format!("{base}/sealed/0000000000000000/0000000000000000\n")), "{said}");
    // Before the large one: two that were joined and two small ones. After it: itself, in two parts,
    // and nine small ones.
    assert_eq!(said.lines().filter(|line| !line.ends_with(".json")).count(), 4 + 2 + 9, "{said}");
    assert!(world.kept(LOGS_BRANCH, "a.jsonl", 1, None) == whole);
}

#[test]
fn plain_git_puts_a_log_together() {
    let mut dice = Dice::new(5);
    let mut world = World::new();
    world.append("a.jsonl", &lines(&mut dice, 20 << 20));
    for _ in 0..3 {
        world.append("a.jsonl", &lines(&mut dice, 1_000));
        world.record(&["a.jsonl"]);
    }
    let script = r#"git ls-tree -r "$1" =a.jsonl/000001/ | grep -v '\.json$' |
        while read -r mode kind object path; do git cat-file blob "$object"; done"#;
    let mut shell = Command::new("sh");
    clean(&mut shell);
    let shell = shell.args(["-c", script, "sh", LOGS_BRANCH]).env("GIT_DIR", world.git.dir());
    let out = shell.output().unwrap();
    assert!(out.stdout == std::fs::read(world.file("a.jsonl")).unwrap(), "{:?}", out.stderr);
}

#[test]
fn a_change_far_from_both_ends_is_found_in_time_and_the_old_bytes_stay() {
    let mut dice = Dice::new(6);
    let mut world = World::new();
    world.append("a.jsonl", &lines(&mut dice, 30 << 20));
    world.record(&["a.jsonl"]);
    let before = std::fs::read(world.file("a.jsonl")).unwrap();
    world.poke("a.jsonl", 12 << 20);
    let mut rounds = 0;
    let recorded = loop {
        rounds += 1;
        assert!(rounds <= 6, "there are five segments to look at");
        world.append("a.jsonl", &lines(&mut dice, 100));
        let recorded = world.record(&["a.jsonl"]);
        if recorded.logs[0].generation == 2 {
            break recorded;
        }
    };
    let commit = recorded.commit.unwrap().0;
    let old = world.kept(&commit, "a.jsonl", 1, None);
    assert!(old.starts_with(&before));
    assert!(
        world.kept(&commit, "a.jsonl", 2, None) == std::fs::read(world.file("a.jsonl")).unwrap()
    );
}

#[test]
fn a_changed_copy_in_place_of_the_file_is_found_at_once() {
    let mut dice = Dice::new(7);
    let mut world = World::new();
    world.append("a.jsonl", &lines(&mut dice, 1 << 20));
    world.record(&["a.jsonl"]);
    std::fs::copy(world.file("a.jsonl"), world.file("copy")).unwrap();
    world.poke("copy", 500_000);
    std::fs::rename(world.file("copy"), world.file("a.jsonl")).unwrap();
    assert_eq!(world.record(&["a.jsonl"]).logs[0].generation, 2);
}
