//! Large logs that vanish, cannot be read or are damaged: the others are kept, and what is not is said.

use std::fs::{File, OpenOptions};

use ubos_testkit::random::Dice;
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::logs::{self, LogSource};
use ubos_tiers::git::names::LOGS_BRANCH;

use crate::logs::{World, lines, rel};

#[test]
fn a_log_that_vanished_stays_and_names_of_all_kinds_are_kept() {
    let mut world = World::new();
    let names = ["gone", "git~1", ".GIT", "new\nline", "-n", "=a", "000001"];
    for name in names {
        world.append(name, name.as_bytes());
        world.append(name, b"\n");
    }
    world.record(&names);
    let recorded = world.record(&names[1..]);
    assert!(!recorded.changed);
    let commit = recorded.commit.unwrap().0;
    assert_eq!(logs::list(&world.git, &commit).unwrap().len(), names.len());
    for name in names {
        let mut expected = name.as_bytes().to_vec();
        expected.push(b'\n');
        assert_eq!(world.kept(&commit, name, 1, None), expected);
    }
    world.git.run(["fsck", "--full", "--strict"]).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_does_not_hold_up_the_others() {
    let mut world = World::new();
    world.append("a.jsonl", b"one\n");
    world.append("b.log", b"one\n");
    world.append("c.log", b"no end of a line");
    world.record(&["a.jsonl", "b.log"]);
    world.append("b.log", b"two\n");
    let (a, b, c) = (rel("a.jsonl"), rel("b.log"), rel("c.log"));
    // Opened for writing only: reading it fails.
    world.append("a.jsonl", b"two\n");
    let closed = OpenOptions::new().append(true).open(world.file("a.jsonl")).unwrap();
    let sources = vec![
        LogSource { path: &a, file: closed, size: 8 },
        LogSource { path: &b, file: File::open(world.file("b.log")).unwrap(), size: 8 },
        LogSource { path: &c, file: File::open(world.file("c.log")).unwrap(), size: 16 },
    ];
    let state = world.folder.path().join("state");
    let recorded = logs::record(&world.git, &state, sources, world.time).unwrap();
    let unread: Vec<String> = recorded.unread.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(unread, ["a.jsonl", "c.log"]);
    let commit = recorded.commit.unwrap().0;
    assert_eq!(world.kept(&commit, "a.jsonl", 1, None), b"one\n");
    assert_eq!(world.kept(&commit, "b.log", 1, None), b"one\ntwo\n");
}

#[test]
fn damage_is_named_and_does_not_hide_the_rest() {
    let mut dice = Dice::new(8);
    let mut world = World::new();
    let mut whole = Vec::new();
    for _ in 0..4 {
        let more = lines(&mut dice, 3 << 20);
        world.append("a.jsonl", &more);
        whole.extend(more);
        world.record(&["a.jsonl"]);
    }
    let said = world.git.run(["ls-tree", "-r", LOGS_BRANCH]).unwrap().text();
    let row =
        said.lines().find(|line| line.contains("/sealed/") && !line.ends_with(".json")).unwrap();
    let blob = row.split([' ', '\t']).nth(2).unwrap();
    let object = world.git.dir().join("objects").join(&blob[..2]).join(&blob[2..]);
    let mut bytes = std::fs::read(&object).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, bytes).unwrap();

    let mut out = Vec::new();
    let path = rel("a.jsonl");
    let error = logs::assemble(&world.git, LOGS_BRANCH, &path, None, None, &mut out).unwrap_err();
    assert!(matches!(error, BackupError::Damaged { .. }));
    let words = error.to_string();
    let expected = "log `a.jsonl`, generation 1, segment 0000000000000000";
    assert!(words.starts_with(expected), "{words}");
    let flaws = logs::verify(&world.git, LOGS_BRANCH).unwrap();
    assert_eq!(flaws.len(), 1);
    assert!(flaws[0].what.starts_with(expected), "{}", flaws[0].what);

    // A piece of other bytes is no better than none.
    let other = world.git.run_with(["hash-object", "-w", "--stdin"], b"other").unwrap().text();
    let rows = said.replace(blob, &other).replace('\n', "\0");
    let index = world.folder.path().join("index");
    let git = world.git.with_index(&index);
    git.run_with(["update-index", "-z", "--index-info"], rows.as_bytes()).unwrap();
    let tree = git.run(["write-tree"]).unwrap().text();
    let flaws = logs::verify(&world.git, &tree).unwrap();
    assert!(flaws[0].what.contains("is not what it was"), "{}", flaws[0].what);
}

#[test]
fn what_is_not_kept_is_said() {
    let mut world = World::new();
    world.append("a.jsonl", b"one\n");
    let commit = world.record(&["a.jsonl"]).commit.unwrap().0;
    let ask = |commit: &str, name: &str, generation, upto| {
        let mut out = Vec::new();
        let path = rel(name);
        logs::assemble(&world.git, commit, &path, generation, upto, &mut out)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(ask(&commit, "b", None, None), "no log `b` is kept in this commit");
    assert_eq!(
        ask(&commit, "a.jsonl", Some(2), None),
        "no generation 2 of the log `a.jsonl` is kept"
    );
    assert!(ask(&commit, "a.jsonl", None, Some(5)).contains("4 bytes are kept, not 5"));
    assert!(ask("refs/heads/none", "a.jsonl", None, None).contains("no such commit"));
}

#[test]
fn a_repack_does_not_look_for_differences_between_pieces() {
    let mut dice = Dice::new(9);
    let mut world = World::new();
    let mut bytes = lines(&mut dice, 1 << 20);
    world.append("a.jsonl", &bytes);
    bytes[10] ^= 1;
    world.append("b.log", &bytes);
    world.record(&["a.jsonl", "b.log"]);
    let file = world.folder.path().join("attributes");
    let deltas = |attributes: &str| {
        std::fs::write(&file, attributes).unwrap();
        let setting = format!("core.attributesFile={}", file.display());
        world.git.run(["-c", &setting, "repack", "-a", "-d", "-f", "-q"]).unwrap();
        let format = "--batch-check=%(objecttype) %(objectsize) %(deltabase)";
        let said = world.git.run(["cat-file", "--batch-all-objects", format]).unwrap().text();
        let is_delta = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            words[0] == "blob" && words[1].len() >= 7 && words[2].contains(|c| c != '0')
        };
        said.lines().filter(is_delta).count()
    };
    assert_eq!(deltas(""), 1);
    assert_eq!(deltas(logs::ATTRIBUTES), 0);
}
