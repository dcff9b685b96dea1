//! What is left when two places are lost, and what is noticed when the third is damaged.

use std::fs;
use std::io::Write;

use ubos_engine::state::config::backup::Layout;
use ubos_tiers::git::coverage::class::Class;
use ubos_tiers::git::coverage::place::Place::{Laptop, Remote, Server};
use ubos_tiers::git::drill::verdict::Why;
use ubos_tiers::git::manifest::Gap;
use ubos_tiers::git::names::LOGS_BRANCH;

use crate::place::rel;
use crate::survivors::{Trio, age, damaged, flip_byte, lose_object, object_of, stands};

/// What a private key begins with, in two parts, so that no scanner takes this for one.
const KEY: [&str; 2] = ["-----BEGIN OPENSSH PRIV", "ATE KEY-----\nb3BlbnNzaA==\n"];

#[test]
fn each_place_alone_brings_everything_back() {
    let trio = Trio::new();
    for place in [Laptop, Server, Remote] {
        let verdict = trio.left(place);
        assert_eq!(verdict.exit_code(), 0, "{verdict:#?}");
        assert_eq!(verdict.complete, verdict.files);
        assert_eq!(verdict.snapshots, 1);
        assert!(verdict.newest.is_some());
    }
    let log = stands(&trio, "logs/events.jsonl");
    assert!(log.size > 3 << 16 && trio.laptop.git(["rev-parse", LOGS_BRANCH]).len() == 40);
}

#[test]
fn the_servers_files_come_back_from_a_branch_of_their_own() {
    let trio = Trio::laid_out(Layout::Branches);
    let listed = trio.laptop.git(["ls-tree", "-r", "--name-only", "main"]);
    assert!(!listed.contains("theirs/report.md"), "{listed}");
    for place in [Laptop, Server, Remote] {
        let verdict = trio.left(place);
        assert_eq!((verdict.exit_code(), verdict.complete), (0, verdict.files), "{verdict:#?}");
    }
}

#[test]
fn a_secret_and_what_is_too_large_are_missing_from_the_remote_and_said_to_be() {
    let trio = Trio::new();
    trio.laptop.write("notes/id_rsa", KEY.concat());
    trio.laptop.write("notes/film.mov", vec![7; 2 << 20]);
    trio.laptop.snapshot();
    trio.give("remote.git");
    trio.give("mirror.git");
    trio.sync();
    for place in [Laptop, Server] {
        let verdict = trio.left(place);
        assert_eq!(verdict.exit_code(), 0, "{verdict:#?}");
    }
    let verdict = trio.left(Remote);
    assert_eq!(verdict.exit_code(), 3, "{verdict:#?}");
    let missing: Vec<_> =
        verdict.missing.iter().map(|m| (m.path.to_string(), m.class, m.reason)).collect();
    let expected = [
        ("notes/film.mov".to_owned(), Class::TooLarge, Why::Gap(Gap::TooLarge)),
        ("notes/id_rsa".to_owned(), Class::Withheld, Why::Gap(Gap::Secret)),
    ];
    assert_eq!(missing, expected);
    assert_eq!(verdict.complete, verdict.files - 2);
}

#[test]
fn what_was_not_sent_yet_is_older_there_and_nothing_is_damaged() {
    let trio = Trio::new();
    trio.laptop.write("notes/a.md", "newer\n");
    trio.laptop.write("notes/b.md", "new\n");
    trio.laptop.snapshot();
    let verdict = trio.left(Remote);
    assert_eq!(verdict.behind, [rel("notes/a.md")]);
    assert_eq!((verdict.missing.len(), verdict.missing[0].reason), (1, Why::NotGiven));
    assert_eq!((verdict.exit_code(), verdict.damaged.len()), (3, 0), "{verdict:#?}");
}

#[test]
fn an_edit_after_the_last_snapshot_survives_with_its_tree() {
    let trio = Trio::new();
    trio.laptop.write("notes/a.md", "edited\n");
    trio.laptop.write("notes/b.md", "new\n");
    let verdict = trio.left(Laptop);
    assert_eq!(verdict.newer, [rel("notes/a.md")]);
    assert_eq!((verdict.beyond, verdict.exit_code()), (1, 0), "{verdict:#?}");
}

#[test]
fn a_turned_bit_in_a_pack_is_noticed_at_each_place() {
    let trio = Trio::new();
    for (place, name) in [(Server, "mirror.git"), (Remote, "remote.git")] {
        flip_byte(&trio.bare(name));
        let verdict = trio.left(place);
        assert_eq!(verdict.exit_code(), 1, "{place:?}: {verdict:#?}");
    }
}

#[test]
fn a_missing_object_is_noticed_and_its_file_named() {
    let trio = Trio::new();
    let lost = object_of(&trio, "notes/a.md");
    lose_object(&trio.bare("mirror.git"), &lost);
    let verdict = trio.left(Server);
    assert_eq!(verdict.exit_code(), 1, "the history is damaged: {verdict:#?}");
    assert!(damaged(&verdict).contains(&"notes/a.md".to_owned()), "{verdict:#?}");
    assert_eq!(verdict.complete, verdict.files, "the tree has it");
}

#[test]
fn a_missing_piece_of_a_log_is_noticed() {
    let trio = Trio::new();
    let git = trio.laptop.plumbing();
    let listed = git.run(["ls-tree", "-r", "-l", LOGS_BRANCH]).unwrap().text();
    let largest = listed.lines().max_by_key(|line| {
        line.split_whitespace().nth(3).and_then(|size| size.parse::<u64>().ok())
    });
    let piece = largest.and_then(|line| line.split_whitespace().nth(2)).unwrap().to_owned();
    lose_object(&trio.bare("mirror.git"), &piece);
    let verdict = trio.left(Server);
    assert!(damaged(&verdict).contains(&"logs/events.jsonl".to_owned()), "{verdict:#?}");
    lose_object(&trio.bare("remote.git"), &piece);
    let verdict = trio.left(Remote);
    assert_eq!((verdict.exit_code(), verdict.complete), (1, 0), "no clone: {verdict:#?}");
}

#[test]
fn bytes_that_changed_by_themselves_are_noticed_in_a_tree() {
    let trio = Trio::new();
    let path = trio.on_server("notes/a.md");
    fs::write(&path, "b\n").unwrap();
    age(&path, 1_600_000_000);
    let verdict = trio.left(Server);
    assert_eq!(damaged(&verdict), ["notes/a.md"], "{verdict:#?}");
    assert_eq!((verdict.exit_code(), verdict.complete), (1, verdict.files), "the mirror has it");
}

#[test]
fn a_longer_log_at_its_source_is_newer() {
    let trio = Trio::new();
    let path = trio.on_server("logs/events.jsonl");
    let mut log = fs::OpenOptions::new().append(true).open(path).unwrap();
    log.write_all(b"{\"n\":\"more\"}\n").unwrap();
    let verdict = trio.left(Server);
    assert_eq!(verdict.newer, [rel("logs/events.jsonl")]);
    assert_eq!(verdict.exit_code(), 0, "{verdict:#?}");
}
