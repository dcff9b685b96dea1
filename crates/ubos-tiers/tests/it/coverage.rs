//! What the remote and a mirror say of themselves, and what is not shared.

use std::fs;

use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;
use ubos_tiers::git::coverage::beside::beside;
use ubos_tiers::git::coverage::facts::Known;
use ubos_tiers::git::coverage::look;
use ubos_tiers::git::remote::place::Place as Remote;
use ubos_tiers::git::remote::record::Record;

use crate::place::rel;
use crate::survivors::Trio;

fn remote(trio: &Trio) -> Known {
    let git = trio.laptop.plumbing();
    let url = trio.laptop.beside("remote.git");
    let place = Remote::remote(&git, url.to_str().unwrap()).unwrap();
    let record = Record { succeeded: Some(1_700_000_000), ..Record::default() };
    look::remote(&git, &place, &record).unwrap()
}

#[test]
fn the_remote_holds_what_it_was_given_and_no_more() {
    let trio = Trio::new();
    let old = stands(&remote(&trio), "notes/a.md");
    trio.laptop.write("notes/a.md", "newer\n");
    trio.laptop.snapshot();
    assert_eq!(stands(&remote(&trio), "notes/a.md"), old);
    trio.give("remote.git");
    assert_ne!(stands(&remote(&trio), "notes/a.md"), old);
}

fn stands(known: &Known, path: &str) -> ubos_tiers::git::form::Form {
    known.facts().unwrap().shelved(&rel(path)).unwrap().form
}

#[test]
fn a_remote_that_is_away_or_lies_is_unknown() {
    let trio = Trio::new();
    let there = trio.laptop.beside("remote.git");
    let away = trio.laptop.beside("away.git");
    fs::rename(&there, &away).unwrap();
    let Known::Unknown { since, .. } = remote(&trio) else { panic!("it is away") };
    assert_eq!(since.as_deref(), Some("2023-11-14T22:13:20Z"));
    fs::rename(&away, &there).unwrap();
    trio.laptop.write("notes/a.md", "newer\n");
    trio.laptop.snapshot();
    let url = there.to_str().unwrap();
    trio.laptop.git(["push", "--quiet", url, "refs/heads/ubos/manifest"]);
    let Known::Unknown { why, .. } = remote(&trio) else { panic!("the snapshot is not there") };
    assert!(why.contains("and not the commit"), "{why}");
}

#[test]
fn what_is_not_selected_is_named_and_not_opened() {
    let trio = Trio::new();
    trio.laptop.write("private/diary.md", "mine");
    trio.laptop.write("draft.txt", "mine");
    let state = StateDir::open(&trio.laptop.root()).unwrap();
    let config = Config::require(&state).unwrap();
    let (_, peer) = config.peer(None).unwrap();
    let found = beside(&state, &config, peer).unwrap();
    assert_eq!((found.names, found.more), (vec!["draft.txt".into(), "private/".into()], 0));
}
