//! A repository with many small commits stays small, and damage is found before anything is packed.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use ubos_core::path::RelPath;
use ubos_testkit::random::Dice;
use ubos_tiers::git::logs::{self, LogSource};

use ubos_tiers::git::command::Git;
use ubos_tiers::git::maintain::{Depth, FILE, Past, Upkeep, due, extent, maintain};

use crate::history::{Laptop, PAIR, START, commit, given};

fn busy(commits: usize) -> Laptop {
    let mut laptop = Laptop::new();
    for number in 0..commits {
        laptop.snapshot(&format!("{number}"));
    }
    laptop
}

/// The file of a loose object.
fn object(git: &Git, name: &str) -> PathBuf {
    let oid = git.run(["rev-parse", name]).unwrap().text();
    git.dir().join("objects").join(&oid[..2]).join(&oid[2..])
}

#[test]
fn many_small_objects_become_few_packs() {
    let mut laptop = busy(40);
    let before = extent(&laptop.git).unwrap();
    assert!(before.loose > 300, "{before:?}");
    let light = maintain(&laptop.git, &laptop.state(), Depth::Light, laptop.now).unwrap();
    assert_eq!((light.before, light.findings.len(), light.after.loose), (before, 0, 0));
    assert_eq!(light.after.packs, 1);
    assert!(light.after.bytes < before.bytes / 4, "{light:?}");
    for _ in 0..5 {
        for _ in 0..5 {
            laptop.snapshot("again");
        }
        maintain(&laptop.git, &laptop.state(), Depth::Light, laptop.now).unwrap();
    }
    assert!(extent(&laptop.git).unwrap().packs <= 4);
    let full = maintain(&laptop.git, &laptop.state(), Depth::Full, laptop.now).unwrap();
    assert_eq!((full.after.packs, full.after.loose, full.findings.len()), (1, 0, 0));
    laptop.git.run(["fsck", "--full"]).unwrap();
    // A push afterwards finds everything.
    let there = laptop.other("remote.git");
    given(&laptop.give(&laptop.remote(there.dir().to_str().unwrap())));
    laptop.all_there(&there);
}

#[test]
fn what_nothing_reaches_stays_for_two_weeks() {
    let laptop = busy(2);
    let git = &laptop.git;
    let fresh = commit(git, b"dropped by mistake", &[], START);
    let old = commit(git, b"dropped long ago", &[], START);
    for name in [old.0.clone(), format!("{old}^{{tree}}"), format!("{old}:file")] {
        let file = fs::File::open(object(git, &name)).unwrap();
        let time = std::time::SystemTime::now() - std::time::Duration::from_secs(20 * 86_400);
        file.set_modified(time).unwrap();
    }
    maintain(git, &laptop.state(), Depth::Full, laptop.now).unwrap();
    assert!(git.resolve(&format!("{fresh}^{{tree}}")).unwrap().is_some());
    assert!(!git.ask(["cat-file", "-e", old.as_str()]).unwrap().ok());
}

#[test]
fn damage_is_found_and_then_nothing_is_touched() {
    for depth in [Depth::Light, Depth::Full] {
        let laptop = busy(3);
        fs::remove_file(object(&laptop.git, "main~1^{tree}")).unwrap();
        let done = maintain(&laptop.git, &laptop.state(), depth, laptop.now).unwrap();
        assert!(done.findings.iter().any(|line| line.contains("missing tree")), "{done:?}");
        assert_eq!(done.before, done.after);
        assert!(done.after.loose > 0, "nothing was packed");
    }
    let laptop = busy(3);
    let file = object(&laptop.git, "main~1:file");
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"not an object").unwrap();
    let done = maintain(&laptop.git, &laptop.state(), Depth::Full, laptop.now).unwrap();
    assert!(!done.findings.is_empty(), "every byte is read");
    assert!(file.exists());
}

#[test]
fn a_gc_that_runs_is_not_disturbed() {
    let laptop = busy(1);
    fs::write(laptop.git.dir().join("gc.pid"), "1 host").unwrap();
    let error = maintain(&laptop.git, &laptop.state(), Depth::Light, laptop.now).unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), ("busy-repository", 3));
}

#[test]
fn the_result_is_kept_and_says_what_is_due() {
    let laptop = busy(1);
    let state = laptop.state();
    let mut upkeep = Upkeep::load(&state).unwrap();
    assert_eq!(due(&upkeep.repository, laptop.now), Some(Depth::Light));
    upkeep.repository.note(maintain(&laptop.git, &state, Depth::Light, laptop.now).unwrap());
    upkeep.save(&state).unwrap();
    let read = Upkeep::load(&state).unwrap();
    assert_eq!(read, upkeep);
    assert_eq!((due(&read.repository, laptop.now), &read.mirror), (None, &Past::default()));
    fs::write(state.join(FILE), "[]").unwrap();
    assert_eq!(Upkeep::load(&state).unwrap(), Upkeep::default());
}

/// Two logs, recorded piece by piece, that are the same but for a byte of each piece.
fn alike(laptop: &Laptop) {
    let mut dice = Dice::new(9);
    let names = ["a.jsonl", "b.jsonl"].map(|name| RelPath::new(name).unwrap());
    let files = [laptop.path("a.jsonl"), laptop.path("b.jsonl")];
    fs::create_dir_all(laptop.state()).unwrap();
    for turn in 0..3 {
        let mut lines = String::new();
        while lines.len() < 60_000 {
            writeln!(lines, "{{\"id\":\"{:016x}{:016x}\"}}", dice.roll(), dice.roll()).unwrap();
        }
        for file in &files {
            let mut log = fs::File::options().append(true).create(true).open(file).unwrap();
            lines.replace_range(1..2, if file == &files[0] { "0" } else { "1" });
            log.write_all(lines.as_bytes()).unwrap();
        }
        let source = |(path, file)| {
            let file = fs::File::open(file).unwrap();
            let size = file.metadata().unwrap().len();
            LogSource { path, file, size }
        };
        let sources = names.iter().zip(&files).map(source).collect();
        logs::record(&laptop.git, &laptop.state(), sources, START + 300 * turn).unwrap();
    }
}

/// Pieces of logs that are kept as a difference to another one.
fn deltas(git: &Git) -> usize {
    let format = "--batch-check=%(objecttype) %(objectsize) %(deltabase)";
    let said = git.run(["cat-file", "--batch-all-objects", format]).unwrap().text();
    let rows: Vec<Vec<&str>> = said.lines().map(|line| line.split(' ').collect()).collect();
    let pieces: Vec<_> = rows
        .iter()
        .filter(|row| row[0] == "blob" && row[1].len() == 5 && row[1] > "59999")
        .collect();
    assert_eq!(pieces.len(), 6, "{said}");
    pieces.iter().filter(|row| row[2].contains(|c| c != '0')).count()
}

#[test]
fn pieces_of_logs_are_packed_without_a_search_for_likenesses() {
    let repack = ["repack", "-a", "-d", "-f", "-q"];
    let laptop = Laptop::new();
    let git = &laptop.git;
    alike(&laptop);
    maintain(git, &laptop.state(), Depth::Full, laptop.now).unwrap();
    assert!(
        laptop.state().join("attributes").exists(),
        "the repository itself says nothing of logs"
    );
    assert_eq!(deltas(git), 0);
    git.run(repack).unwrap();
    assert!(deltas(git) > 0, "there are likenesses to be found");
    // As `backup init` leaves it, beside what the user wrote there: nothing more need be told.
    fs::remove_file(laptop.state().join("attributes")).unwrap();
    fs::create_dir_all(git.dir().join("info")).unwrap();
    let lines = format!("*.psd -diff\n# ubos-sync\n{}", logs::ATTRIBUTES);
    fs::write(git.dir().join("info/attributes"), lines).unwrap();
    maintain(git, &laptop.state(), Depth::Full, laptop.now).unwrap();
    git.run(repack).unwrap();
    assert_eq!(deltas(git), 0);
    assert!(!laptop.state().join("attributes").exists());
    // A mirror has them from the beginning.
    let mirror = laptop.mirrors().make(PAIR).unwrap();
    mirror
        .run([
            "fetch".as_ref(),
            "-q".as_ref(),
            git.dir().as_os_str(),
            "refs/heads/*:refs/heads/*".as_ref(),
        ])
        .unwrap();
    maintain(&mirror, &laptop.path("peer"), Depth::Full, laptop.now).unwrap();
    mirror.run(repack).unwrap();
    assert_eq!(deltas(&mirror), 0);
    assert!(!laptop.path("peer").exists());
}
