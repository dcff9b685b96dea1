//! The script of the workflow, run on real repositories of the backup's form: whole ones pass, and
//! every kind of loss is found.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ubos_core::entry::Digest;
use ubos_engine::state::config::backup::Layout;
use ubos_engine::state::config::limits::Written;
use ubos_engine::state::{StateDir, config::Config};
use ubos_tiers::git::command::{Git, clean};
use ubos_tiers::git::hooks::workflow;
use ubos_tiers::git::init::{Wish, plan};
use ubos_tiers::git::manifest::{About, Entry, Gap, Kept, SCHEMA, What, list_path, write_list};
use ubos_tiers::git::names::{LOGS_BRANCH, MANIFEST_BRANCH};
use ubos_tiers::git::objects::{BlobWriter, Oid};
use ubos_tiers::git::tree::TreeEdit;

use crate::place::Place;

/// A repository with a snapshot, a log and a manifest.
struct Backup {
    folder: tempfile::TempDir,
    git: Git,
}

type Files<'a> = Vec<(&'a [u8], u32, Vec<u8>)>;

impl Backup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("r.git");
        let mut init = Command::new("git");
        clean(&mut init);
        assert!(init.args(["init", "--quiet", "--bare"]).arg(&dir).status().unwrap().success());
        let git = Git::at(&dir).with("GIT_AUTHOR_NAME", "A").with("GIT_AUTHOR_EMAIL", "a@a");
        let git = git.with("GIT_COMMITTER_NAME", "A").with("GIT_COMMITTER_EMAIL", "a@a");
        Self { folder, git }
    }

    fn commit(&self, files: &Files<'_>) -> String {
        let mut writer = BlobWriter::open(&self.git).unwrap();
        let blobs: Vec<Oid> = files.iter().map(|file| writer.add(&file.2).unwrap()).collect();
        writer.finish().unwrap();
        let index: PathBuf = self.folder.path().join("index");
        let mut tree = TreeEdit::on(&self.git, None, &index).unwrap();
        for ((path, mode, _), blob) in files.iter().zip(&blobs) {
            tree.put(path, *mode, blob);
        }
        let tree = tree.write().unwrap();
        self.git.run(["commit-tree", tree.as_str(), "-m", "x"]).unwrap().text()
    }

    /// Writes the three branches.
    fn write(&self, snapshot: &Files<'_>, logs: &Files<'_>, entries: &[(&[u8], Vec<Entry>)]) {
        let snapshot = self.commit(snapshot);
        let logs = self.commit(logs);
        let files = entries.iter().flat_map(|(_, list)| list);
        let files = files.filter(|entry| entry.what != What::Dir).count() as u64;
        let about = About {
            schema: SCHEMA,
            territory: "localhost".into(),
            pair: "p".into(),
            snapshot: snapshot.clone(),
            logs: Some(logs.clone()),
            branch: None,
            run: None,
            generation: 1,
            made: "2026-11-22T00:00:00Z".into(),
            files,
            bytes: 0,
            gaps: Default::default(),
        };
        let mut manifest: Vec<(Vec<u8>, Vec<u8>)> =
            entries.iter().map(|(dir, list)| (list_path(dir), write_list(list))).collect();
        manifest.push((b"about.json".to_vec(), serde_json::to_vec(&about).unwrap()));
        let manifest: Files<'_> =
            manifest.iter().map(|(path, bytes)| (&path[..], 0o100_644, bytes.clone())).collect();
        let manifest = self.commit(&manifest);
        for (name, commit) in
            [("refs/heads/main", &snapshot), (LOGS_BRANCH, &logs), (MANIFEST_BRANCH, &manifest)]
        {
            self.git.run(["update-ref", name, commit]).unwrap();
        }
    }

    fn verify(&self) -> (bool, String) {
        verify(self.git.dir())
    }
}

/// Runs the script in `dir`: whether all is well, and its words.
fn verify(dir: &Path) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("verify.py");
    std::fs::write(&script, workflow::SCRIPT).unwrap();
    let mut python = Command::new("python3");
    clean(&mut python);
    let Output { status, stdout, stderr } = python.arg(&script).current_dir(dir).output().unwrap();
    let words = [stdout, stderr].concat();
    (status.success(), String::from_utf8_lossy(&words).into_owned())
}

fn entry(name: &[u8], size: u64, kept: Kept) -> Entry {
    let what = What::File { size, blake3: Digest::of(b"").to_hex(), kept };
    Entry::new(name, what, 0o644, 0)
}

fn snapshot() -> Files<'static> {
    vec![
        (b"a.md", 0o100_644, b"abc".to_vec()),
        (b"docs/b\xff \"q\".md", 0o100_755, b"12345".to_vec()),
        (b"docs/to", 0o120_000, b"../a.md".to_vec()),
    ]
}

fn logs() -> Files<'static> {
    let index = br#"{"schema": 1, "size": 9}"#.to_vec();
    vec![
        (b"=docs/=l.jsonl/000001/index.json", 0o100_644, index),
        (b"=docs/=l.jsonl/000001/sealed/0000000000000000/pieces.json", 0o100_644, b"{}".to_vec()),
        (
            b"=docs/=l.jsonl/000001/sealed/0000000000000000/0000000000000000",
            0o100_644,
            b"123\n".to_vec(),
        ),
        (
            b"=docs/=l.jsonl/000001/sealed/0000000000000000/0000000000000004",
            0o100_644,
            b"56\n".to_vec(),
        ),
        (b"=docs/=l.jsonl/000001/tail/0000000000000007", 0o100_644, b"8\n".to_vec()),
    ]
}

fn entries() -> Vec<(&'static [u8], Vec<Entry>)> {
    let link = What::Symlink { kept: Kept::Snapshot };
    vec![
        (
            b"",
            vec![
                entry(b"a.md", 3, Kept::Snapshot),
                entry(b".env", 7, Kept::Nowhere(Gap::Secret)),
                Entry::new(b"docs", What::Dir, 0o755, 0),
            ],
        ),
        (
            b"docs",
            vec![
                entry(b"b\xff \"q\".md", 5, Kept::Snapshot),
                entry(b"l.jsonl", 9, Kept::Log { generation: 1 }),
                Entry::new(b"to", link, 0o777, 0),
            ],
        ),
    ]
}

#[test]
fn a_whole_backup_passes_and_its_gaps_are_counted() {
    let backup = Backup::new();
    backup.write(&snapshot(), &logs(), &entries());
    let (whole, words) = backup.verify();
    assert!(whole, "{words}");
    assert!(words.contains("4  kept") && words.contains("1  gap: secret"), "{words}");
}

#[test]
fn a_clone_as_the_workflow_makes_it_passes_too() {
    let backup = Backup::new();
    backup.write(&snapshot(), &logs(), &entries());
    let clone = backup.folder.path().join("clone");
    let mut git = Command::new("git");
    clean(&mut git);
    let from = backup.git.dir();
    assert!(
        git.args(["clone", "--quiet", "-b", "main"])
            .arg(from)
            .arg(&clone)
            .status()
            .unwrap()
            .success()
    );
    let moved = Backup { folder: backup.folder, git: Git::at(clone) };
    let (whole, words) = moved.verify();
    assert!(whole, "{words}");
}

#[test]
fn every_loss_is_found() {
    let backup = Backup::new();
    let find = |snapshot: Files<'_>, logs: Files<'_>, words: &str| {
        backup.write(&snapshot, &logs, &entries());
        let (whole, said) = backup.verify();
        assert!(!whole && said.contains(words), "{words}: {said}");
    };
    find(snapshot().split_off(1), logs(), "a.md: there is nothing");
    let mut other = snapshot();
    other[1].2.pop();
    find(other, logs(), "4 bytes instead of 5");
    let mut other = snapshot();
    other[2].1 = 0o100_644;
    find(other, logs(), "docs/to: it is no symlink");
    let mut hole = logs();
    hole.remove(3);
    find(snapshot(), hole, "nothing between 4 and 7");
    let mut short = logs();
    short.pop();
    find(snapshot(), short, "ends at 7 of 9");
    find(snapshot(), logs().split_off(5), "l.jsonl: None of 9 bytes");
}

#[test]
fn without_a_backup_it_says_so() {
    let (whole, words) = Backup::new().verify();
    assert!(!whole && words.contains("nothing was backed up yet"), "{words}");
}

/// A territory that `backup init` made a repository for, with some of everything, after snapshots.
fn lived_in(layout: Layout) -> Place {
    let mut place = Place::without_repository();
    let state = StateDir::open(&place.root()).unwrap();
    let config = Config::require(&state).unwrap();
    let wish = Wish { branch: Some("main"), layout: Some(layout), ..Wish::default() };
    let plan = plan(&place.root(), &config, &wish).unwrap();
    plan.carry_out().unwrap();
    place.settings = plan.settings.clone();
    place.settings.segment_above = Some(Written::Text("1KiB".to_owned()));
    place.settings.max_file_size = Some(Written::Text("64KiB".to_owned()));
    place.write("notes/a.md", "one\n");
    place.write(b"notes/b\xff \"q\"\n.md", "odd\r\n");
    place.write("notes/large.bin", vec![7; 70_000]);
    place.write("notes/.env", "PASSWORD=x\n");
    place.write("theirs/report.md", "generated\n");
    std::fs::create_dir_all(place.path("notes/empty/inside")).unwrap();
    symlink("../a.md", place.path("notes/to")).unwrap();
    let mut log = String::new();
    for turn in 0..4 {
        log.push_str(&format!("{{\"turn\":{turn}}}\n").repeat(200));
        place.write("logs/daemon.jsonl", &log);
        place.write("notes/a.md", format!("turn {turn}\n"));
        place.snapshot();
    }
    // Rotated, so that there are two generations.
    place.write("logs/daemon.jsonl", "{\"other\":1}\n".repeat(300));
    place.snapshot();
    place
}

#[test]
fn what_snapshots_leave_passes_and_damage_is_found() {
    for layout in [Layout::Single, Layout::Branches] {
        let place = lived_in(layout);
        let (whole, words) = verify(&place.root());
        assert!(whole, "{layout:?}: {words}");
        for told in ["1  gap: secret", "1  gap: too-large"] {
            assert!(words.contains(told), "{layout:?}: {words}");
        }
        // The newest piece of the log, a note, the top folder of the manifest: each is missed.
        let listed = place.git(["ls-tree", "-r", "--format=%(objectname) %(path)", LOGS_BRANCH]);
        let piece = listed.lines().rfind(|row| row.contains("/tail/0")).unwrap();
        let blobs = [
            piece.split_once(' ').unwrap().0.to_owned(),
            place.git(["rev-parse", "main:notes/a.md"]),
            place.git(["rev-parse", &format!("{MANIFEST_BRANCH}^{{tree}}")]),
        ];
        for blob in blobs {
            let file = place.path(".git/objects").join(&blob[..2]).join(&blob[2..]);
            let aside = place.beside("aside");
            std::fs::rename(&file, &aside).unwrap();
            let (whole, words) = verify(&place.root());
            assert!(!whole, "{layout:?}, {blob}: {words}");
            std::fs::rename(&aside, &file).unwrap();
        }
        assert!(verify(&place.root()).0);
    }
}
