//! A repository with many small commits stays small, and damage is found before anything is packed.

use std::fs;
use std::path::PathBuf;

use ubos_tiers::git::command::Git;
use ubos_tiers::git::maintain::{Depth, FILE, Past, Upkeep, due, extent, maintain};
use ubos_tiers::git::names::LOGS_BRANCH;

use crate::history::{Laptop, MAIN, START, commit, given, grow};

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

#[test]
fn logs_are_packed_without_a_search_for_likenesses() {
    let laptop = busy(1);
    let git = &laptop.git;
    // The same bytes but for a few: anywhere else one would be kept as a difference to the other.
    let noise: Vec<u8> =
        (0..60_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for number in 0..4u8 {
        let mut bytes = noise.clone();
        bytes[0] = number;
        let blob = git.run_with(["hash-object", "-w", "--stdin"], &bytes).unwrap().text();
        let tree =
            git.run_with(["mktree"], format!("100644 blob {blob}\t00000{number}.zst\n").as_bytes());
        let old = git.resolve(LOGS_BRANCH).unwrap().unwrap();
        let made = git.with("GIT_AUTHOR_NAME", "a").with("GIT_AUTHOR_EMAIL", "a@b");
        let made = made.with("GIT_COMMITTER_NAME", "a").with("GIT_COMMITTER_EMAIL", "a@b");
        let tree = tree.unwrap().text();
        let new = made.run(["commit-tree", &tree, "-p", &old, "-m", "x"]).unwrap().text();
        git.run(["update-ref", LOGS_BRANCH, &new]).unwrap();
    }
    grow(git, MAIN, "after", START + 5000);
    maintain(git, &laptop.state(), Depth::Full, laptop.now).unwrap();
    let pack = fs::read_dir(git.dir().join("objects/pack")).unwrap();
    let index = pack.map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "idx"));
    let said = git
        .run(["verify-pack".as_ref(), "-v".as_ref(), index.unwrap().as_os_str()])
        .unwrap()
        .text();
    let large = said.lines().filter(|line| line.contains(" blob   60000 ")).count();
    assert_eq!(large, 4, "{said}");
}
