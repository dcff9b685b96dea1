//! Which repository is the territory's own.

use std::fs;
use std::process::Command;

use ubos_tiers::git::command::clean;
use ubos_tiers::git::error::{BackupError, Result};
use ubos_tiers::git::repository::Repository;

use crate::place::Place;

/// What is said and what to do about it.
fn refused(found: Result<Repository>) -> (String, String) {
    match found {
        Err(error @ BackupError::NoRepository { .. }) => {
            assert_eq!(error.exit_code(), 2);
            (error.to_string(), error.hint().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_without_a_repository_is_told_how_to_get_one() {
    let place = Place::without_repository();
    let (message, hint) = refused(Repository::open(&place.root()));
    assert!(message.ends_with("is not a git repository"), "{message}");
    assert!(hint.contains("ubos-sync backup init"), "{hint}");
}

#[test]
fn a_repository_around_the_territory_is_not_its_own() {
    let place = Place::without_repository();
    let mut init = Command::new("git");
    clean(&mut init);
    init.arg("init").arg("--quiet").arg(place.root().parent().unwrap());
    assert!(init.status().unwrap().success());
    let (message, _) = refused(Repository::open(&place.root()));
    assert!(message.contains("lies inside the repository of"), "{message}");
    // A damaged one of its own is not passed over for the one around it.
    fs::create_dir(place.path(".git")).unwrap();
    let (message, _) = refused(Repository::open(&place.root()));
    assert!(message.contains("is no sound repository"), "{message}");
}

#[test]
fn a_damaged_or_bare_repository_is_refused() {
    let place = Place::new();
    fs::write(place.path(".git/HEAD"), "nonsense").unwrap();
    let (message, _) = refused(Repository::open(&place.root()));
    assert!(message.contains("cannot be used"), "{message}");
    let place = Place::new();
    place.configure("core.bare", "true");
    refused(Repository::open(&place.root()));
}

#[test]
fn a_repository_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a folder to another user");
        return;
    }
    let place = Place::new();
    for path in [place.root(), place.path(".git")] {
        std::os::unix::fs::chown(path, Some(12_345), None).unwrap();
    }
    let found = Repository::open(&place.root());
    if found.is_ok() {
        eprintln!("skipped: this machine trusts every repository (safe.directory = *)");
        return;
    }
    let (message, hint) = refused(found);
    assert!(message.contains("belongs to another user"), "{message}");
    assert!(hint.contains("safe.directory"), "{hint}");
}

#[test]
fn a_work_tree_beside_its_repository_is_as_good() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.user_commit("mine");
    // The territory moves into a second work tree of the same repository.
    let other = place.beside("other");
    fs::rename(place.root(), &other).unwrap();
    let add = |args: &[&str]| {
        let mut git = Command::new("git");
        clean(&mut git);
        assert!(git.current_dir(&other).args(args).status().unwrap().success());
    };
    add(&["worktree", "add", "--quiet", "-b", "second", place.root().to_str().unwrap()]);
    fs::rename(other.join(".ubos-sync"), place.path(".ubos-sync")).unwrap();
    assert!(place.path(".git").is_file());
    place.write("notes/b.md", "b");
    place.snapshot();
    assert_eq!(place.content("second", "notes/b.md"), b"b");
    assert!(!place.paths("main").contains(&"notes/b.md".to_owned()));
    assert_eq!(place.status(), "");
}

#[test]
fn unusual_forms_are_told_and_no_hindrance() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.snapshot();
    let standing = Repository::open(&place.root()).unwrap().standing().unwrap();
    assert_eq!((standing.branch.as_str(), standing.notes.len()), ("main", 0));
    fs::write(place.path(".git/shallow"), format!("{}\n", place.head())).unwrap();
    place.configure("core.sparseCheckout", "true");
    let notes = place.snapshot().notices;
    assert!(notes.len() == 2 && notes[0].contains("shallow"), "{notes:?}");
    assert!(notes[1].contains("sparse"), "{notes:?}");
}
