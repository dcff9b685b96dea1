//! A week of snapshots, one every five minutes, in a vault where people and programs write: how large
//! the repository grows, and what maintenance makes of it. Takes minutes, so it runs when asked for:
//! `cargo test -p ubos-tiers --test it week -- --ignored --nocapture`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

use ubos_core::path::RelPath;
use ubos_testkit::random::Dice;
use ubos_tiers::git::command::Git;
use ubos_tiers::git::commit::{Author, NewCommit, advance};
use ubos_tiers::git::logs::{self, LogSource};
use ubos_tiers::git::maintain::{Depth, Past, due, extent, maintain};
use ubos_tiers::git::names::{LOGS_BRANCH, MANIFEST_BRANCH};
use ubos_tiers::git::objects::{BlobWriter, Oid};
use ubos_tiers::git::tree::TreeEdit;

use crate::history::{Laptop, MAIN, START};

const FOLDERS: usize = 40;
const NOTES: usize = 25;
const A_DAY: i64 = 288;
/// Bytes by which the log grows each time.
const GROWTH: usize = 75_000;

/// The vault as it stands.
struct Vault {
    dice: Dice,
    notes: BTreeMap<String, String>,
    log: File,
}

impl Vault {
    fn new(seed: u64) -> Self {
        let log = tempfile::tempfile().unwrap();
        let mut vault = Self { dice: Dice::new(seed), notes: BTreeMap::new(), log };
        for number in 0..FOLDERS * NOTES {
            let name = format!("docs/{:02}/note {:02}.md", number / NOTES, number % NOTES);
            let text = (0..12).map(|_| vault.paragraph()).collect();
            vault.notes.insert(name, text);
        }
        vault
    }

    fn paragraph(&mut self) -> String {
        let words = 30 + self.dice.below(40);
        let mut text = String::new();
        for _ in 0..words {
            // A vocabulary of 2000 words, as in real prose some far more often than others.
            let word = self.dice.below(2000) * self.dice.below(2000) / 2000;
            write!(text, "w{word:x} ").unwrap();
        }
        text.push_str("\n\n");
        text
    }

    /// The log grows, by lines as a daemon writes them.
    fn log_grows(&mut self, at: i64) {
        let mut lines = String::new();
        while lines.len() < GROWTH {
            let (id, took) = (self.dice.roll(), self.dice.below(100_000));
            let words: Vec<String> =
                (0..8).map(|_| format!("w{:x}", self.dice.below(2000))).collect();
            writeln!(
                lines,
                r#"{{"ts":{at},"id":"{id:016x}","took_us":{took},"message":"{}"}}"#,
                words.join(" ")
            )
            .unwrap();
        }
        self.log.write_all(lines.as_bytes()).unwrap();
    }

    /// The log as it is recorded.
    fn source<'a>(&self, path: &'a RelPath) -> LogSource<'a> {
        let file = self.log.try_clone().unwrap();
        let size = file.metadata().unwrap().len();
        LogSource { path, file, size }
    }

    /// The list of a folder, as manifests have it.
    fn list(&self, folder: &str) -> String {
        let inside = self.notes.iter().filter(|(name, _)| name.starts_with(folder));
        let line = |(name, text): (&String, &String)| {
            let hash = blake3::hash(text.as_bytes()).to_hex();
            let name = name.rsplit('/').next().unwrap();
            format!(
                "{{\"name\":\"{name}\",\"kind\":\"file\",\"size\":{},\"blake3\":\"{hash}\",\"kept\":\"snapshot\",\"mode\":\"644\",\"mtime\":1700000000123456789}}\n",
                text.len()
            )
        };
        inside.map(line).collect()
    }
}

/// Puts `files` on `branch`.
fn put(git: &Git, branch: &str, files: &[(String, Vec<u8>)], at: i64) {
    let mut writer = BlobWriter::open(git).unwrap();
    let blobs: Vec<Oid> = files.iter().map(|(_, bytes)| writer.add(bytes).unwrap()).collect();
    writer.finish().unwrap();
    let old = git.resolve(branch).unwrap().map(Oid);
    let index = git.dir().join("week-index");
    let mut tree = TreeEdit::on(git, old.as_ref(), &index).unwrap();
    for ((name, _), blob) in files.iter().zip(&blobs) {
        tree.put(name.as_bytes(), 0o100_644, blob);
    }
    let tree = tree.write().unwrap();
    let author = Author { name: "localhost".into(), email: "ubos-sync@localhost".into() };
    let parents: Vec<Oid> = old.iter().cloned().collect();
    let commit = NewCommit {
        tree: &tree,
        parents: &parents,
        author: &author,
        committer: &author,
        at: Some(at),
        message: "snapshot\n\nUbos-Phase: post\nUbos-Run: 20261122T140533.123Z-9f3a\n",
    };
    let commit = commit.write(git).unwrap();
    assert!(advance(git, branch, &commit, old.as_ref(), "snapshot").unwrap());
}

/// Three notes are edited, the log grows, the manifest follows.
fn tick(laptop: &Laptop, vault: &mut Vault, at: i64) {
    let git = &laptop.git;
    let mut edited = BTreeMap::new();
    for _ in 0..3 {
        let names: Vec<String> = vault.notes.keys().cloned().collect();
        // People stay with a few notes for a while.
        let near = usize::try_from(at / 7200).unwrap() * 131 + vault.dice.below(40);
        let name = names[near % names.len()].clone();
        let line = vault.paragraph();
        let text = vault.notes.get_mut(&name).unwrap();
        text.push_str(&line);
        if text.len() > 9000 {
            let cut = text.find("\n\n").unwrap() + 2;
            text.drain(..cut);
        }
        edited.insert(name, text.clone().into_bytes());
    }
    let folders: Vec<String> = edited.keys().map(|n| n[..7].to_owned()).collect();
    put(git, MAIN, &edited.into_iter().collect::<Vec<_>>(), at);
    vault.log_grows(at);
    let path = RelPath::new("memory/daemon.jsonl").unwrap();
    let recorded = logs::record(git, &laptop.state(), vec![vault.source(&path)], at).unwrap();
    assert!(recorded.changed && recorded.unread.is_empty());
    let mut lists: Vec<(String, Vec<u8>)> = folders
        .iter()
        .map(|folder| {
            (format!("tree/=docs/={}/entries", &folder[5..]), vault.list(folder).into_bytes())
        })
        .collect();
    lists.push(("about.json".to_owned(), format!("{{\"made\":{at}}}").into_bytes()));
    put(git, MANIFEST_BRANCH, &lists, at);
}

#[test]
#[ignore = "takes minutes; it measures"]
fn a_week_of_snapshots_stays_small() {
    let seed = 20_261_122;
    println!("seed {seed}");
    let laptop = Laptop::new();
    let git = &laptop.git;
    let mut vault = Vault::new(seed);
    let all: Vec<(String, Vec<u8>)> =
        vault.notes.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())).collect();
    put(git, MAIN, &all, START);
    std::fs::create_dir_all(laptop.state()).unwrap();
    let mut past = Past::default();
    println!("first snapshot: {:?}", extent(git).unwrap());
    for day in 0..7 {
        let begun = Instant::now();
        for number in 0..A_DAY {
            tick(&laptop, &mut vault, START + (day * A_DAY + number) * 300);
        }
        let spent = begun.elapsed();
        let now = START + (day + 1) * A_DAY * 300;
        let depth = due(&past, now).expect("a day has passed");
        let done = maintain(git, &laptop.state(), depth, now).unwrap();
        println!(
            "day {}: {A_DAY} snapshots in {:.0} s; {:.1} MB in {} loose, {} packs -> {:?} {:.1} s -> {:.1} MB in {} packs",
            day + 1,
            spent.as_secs_f64(),
            done.before.bytes as f64 / 1e6,
            done.before.loose,
            done.before.packs,
            depth,
            done.took_ms as f64 / 1e3,
            done.after.bytes as f64 / 1e6,
            done.after.packs,
        );
        assert_eq!((done.findings.len(), done.after.loose), (0, 0));
        past.note(done);
    }
    // The weekly full run fell on the second day; one at the end shows what a week comes to.
    let now = START + 8 * A_DAY * 300;
    let done = maintain(git, &laptop.state(), Depth::Full, now).unwrap();
    let log = vault.log.metadata().unwrap().len();
    println!(
        "a full run after the week: {:.1} s, {:.1} MB, for a log of {:.1} MB and {} snapshots",
        done.took_ms as f64 / 1e3,
        done.after.bytes as f64 / 1e6,
        log as f64 / 1e6,
        7 * A_DAY
    );
    // Such lines compress to a third; notes and manifests are the rest.
    assert!(done.after.bytes < log / 3 + (12 << 20), "{}", done.after.bytes);
    logs_are_whole(git, &vault);
}

/// The log comes back from the repacked repository as it is.
fn logs_are_whole(git: &Git, vault: &Vault) {
    let path = RelPath::new("memory/daemon.jsonl").unwrap();
    let told = logs::assemble(git, LOGS_BRANCH, &path, None, None, &mut std::io::sink()).unwrap();
    assert_eq!(told.bytes, vault.log.metadata().unwrap().len());
}
