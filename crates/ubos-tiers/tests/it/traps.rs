//! What breaks or bends other backups in git, and must not bend this one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::manifest::Gap;

use crate::place::{Place, read, rel};

#[test]
fn gitignore_hides_nothing_that_is_selected() {
    let place = Place::new();
    place.write(".gitignore", "*.md\nnotes/\n");
    place.write("notes/.gitignore", "*\n");
    place.write("notes/a.md", "a");
    fs::create_dir_all(place.path(".git/info")).unwrap();
    fs::write(place.path(".git/info/exclude"), "*\n").unwrap();
    place.snapshot();
    assert_eq!(place.content("main", "notes/a.md"), b"a");
    assert_eq!(place.content("main", "notes/.gitignore"), b"*\n");
}

#[test]
fn no_filter_or_line_end_rule_touches_a_byte() {
    let place = Place::new();
    place.configure("core.autocrlf", "input");
    place.configure("core.safecrlf", "true");
    place.configure("filter.loud.clean", "tr a-z A-Z");
    place.configure("filter.loud.required", "true");
    place.configure("filter.broken.clean", "false");
    place.configure("filter.broken.required", "true");
    let rules = "* text=auto eol=lf ident\n*.loud filter=loud\n*.broken filter=broken\n*.utf16 working-tree-encoding=UTF-16\n";
    place.write("notes/.gitattributes", rules);
    place.write(".gitattributes", rules);
    let contents: [(&str, &[u8]); 5] = [
        ("notes/crlf.txt", b"a\r\nb\n\r\n$Id$\r\n"),
        ("notes/x.loud", b"quiet\r\n"),
        ("notes/x.broken", b"whole"),
        ("notes/x.utf16", b"not utf-16 at all"),
        ("notes/nul.bin", b"\0\r\n\xff"),
    ];
    for (path, content) in contents {
        place.write(path, content);
    }
    place.snapshot();
    for (path, content) in contents {
        assert_eq!(place.content("main", path), content, "{path}");
    }
}

#[test]
fn hooks_signatures_and_templates_have_no_say() {
    let place = Place::new();
    let hooks =
        ["pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-index-change"];
    for hook in hooks {
        let path = place.path(format!(".git/hooks/{hook}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/sh\ntouch \"$(dirname \"$0\")/../../ran\"\nexit 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    place.configure("commit.gpgSign", "true");
    place.configure("gpg.program", "/bin/false");
    place.configure("commit.template", "/nonexistent");
    place.configure("core.editor", "/bin/false");
    place.write("notes/a.md", "a");
    place.snapshot();
    assert_eq!(place.content("main", "notes/a.md"), b"a");
    assert!(!place.path("ran").exists(), "a hook ran");
}

#[test]
fn files_of_nested_repositories_are_files() {
    let place = Place::new();
    for (name, commits) in [("with", true), ("without", false)] {
        place.write(format!("notes/{name}/inner.md"), name);
        let dir = format!("notes/{name}");
        place.git(["-C", &dir, "init", "--quiet"]);
        if commits {
            place.git(["-C", &dir, "add", "--all"]);
            let who = ["-c", "user.name=x", "-c", "user.email=x"];
            place.git(["-C", &dir].iter().chain(&who).chain(&["commit", "--quiet", "-m", "x"]));
        }
    }
    // The user committed one of them as git does it: as a commit of another repository.
    place.git(["-c", "advice.addEmbeddedRepo=false", "add", "notes/with"]);
    place.git(["commit", "--quiet", "--message", "a gitlink"]);
    assert_eq!(place.paths("main"), ["notes/with"]);
    place.snapshot();
    assert_eq!(place.content("main", "notes/with/inner.md"), b"with");
    assert_eq!(place.content("main", "notes/without/inner.md"), b"without");
    assert!(!place.paths("main").iter().any(|path| path.contains(".git/")));
    place.git(["fsck", "--strict"]);
}

#[test]
fn a_held_index_lock_is_left_alone_and_the_index_follows_later() {
    let place = Place::new();
    place.write("notes/a.md", "one");
    place.snapshot();
    let lock = place.path(".git/index.lock");
    File::create(&lock).unwrap();
    let index = read(&place.path(".git/index"));
    place.write("notes/a.md", "two");
    let held = place.snapshot();
    assert_eq!(place.content("main", "notes/a.md"), b"two");
    assert!(held.notices.iter().any(|notice| notice.contains("holds the index")));
    assert!(lock.exists());
    assert_eq!(read(&place.path(".git/index")), index);
    place.write("notes/a.md", "three");
    place.snapshot();
    fs::remove_file(&lock).unwrap();
    // Nothing changed since, and still the index is brought along.
    let later = place.snapshot();
    assert!(later.commits.is_empty() && later.notices.is_empty(), "{:?}", later.notices);
    assert_eq!(place.status(), "");
}

#[test]
fn a_lock_before_the_first_snapshot_is_no_hindrance_either() {
    let place = Place::new();
    place.write("notes/a.md", "one");
    File::create(place.path(".git/index.lock")).unwrap();
    place.snapshot();
    fs::remove_file(place.path(".git/index.lock")).unwrap();
    place.snapshot();
    assert_eq!(place.status(), "");
}

#[test]
fn what_the_user_staged_survives_byte_for_byte() {
    let place = Place::new();
    for name in ["staged", "deleted", "plain", "untouched"] {
        place.write(format!("notes/{name}.md"), "one");
    }
    place.write("code/x.rs", "one");
    place.user_commit("base");
    place.write("notes/staged.md", "staged");
    place.write("notes/new.md", "staged as new");
    place.write("code/x.rs", "staged outside");
    place.git(["add", "notes/staged.md", "notes/new.md", "code/x.rs"]);
    place.git(["rm", "--quiet", "--cached", "notes/deleted.md"]);
    place.write("notes/intended.md", "i");
    place.git(["add", "--intent-to-add", "notes/intended.md"]);
    let entries = |place: &Place| {
        let paths = ["notes/staged.md", "notes/new.md", "code/x.rs", "notes/deleted.md"];
        place.git(["ls-files", "--stage", "--"].iter().chain(&paths))
    };
    let before = entries(&place);
    place.write("notes/staged.md", "worked on");
    place.write("notes/new.md", "worked on too");
    place.write("notes/plain.md", "two");
    let snapshot = place.snapshot();
    assert_eq!(entries(&place), before);
    assert_eq!(place.content("main", "notes/staged.md"), b"worked on");
    assert_eq!(place.content("main", "code/x.rs"), b"one");
    assert!(snapshot.notices.iter().any(|notice| notice.contains("staged otherwise")));
    let plain = place.git(["status", "--porcelain", "notes/plain.md"]);
    assert_eq!(plain, "", "it was not staged and follows");
    let staged = place.git(["show", ":notes/staged.md"]);
    assert_eq!(staged, "staged");
    place.git(["fsck", "--strict"]);
}

#[test]
fn an_index_that_cannot_be_read_is_left_and_the_snapshot_is_made() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.snapshot();
    fs::write(place.path(".git/index"), b"DIRC nonsense").unwrap();
    place.write("notes/a.md", "b");
    let snapshot = place.snapshot();
    assert_eq!(place.content("main", "notes/a.md"), b"b");
    assert!(snapshot.notices.iter().any(|notice| notice.contains("left as it is")));
    assert_eq!(read(&place.path(".git/index")), b"DIRC nonsense");
}

#[test]
fn names_are_bytes() {
    let place = Place::new();
    let names: [&[u8]; 9] = [
        b"notes/\xff\xfe.md",
        b"notes/line\nbreak",
        b"notes/\"quoted\" \\back",
        b"notes/ leading and trailing ",
        b"notes/-n",
        b"notes/:(glob)*",
        "notes/ă\u{301}".as_bytes(),
        b"notes/tab\there",
        b"notes/Ubos-Run: x",
    ];
    for name in names {
        place.write(name, name);
    }
    let snapshot = place.snapshot();
    assert!(snapshot.gaps.is_empty(), "{:?}", snapshot.gaps);
    let tree = place.tree("main");
    let manifest = place.manifest();
    for name in names {
        assert_eq!(tree[name].1, name);
        assert!(manifest.contains_key(&rel(name)));
    }
    assert_eq!(place.status(), "");
    let first = place.path(names[0]);
    fs::rename(&first, first.with_file_name(OsStr::from_bytes(b"\xfe"))).unwrap();
    place.remove(names[1]);
    place.snapshot();
    let tree = place.tree("main");
    assert!(tree.contains_key(&b"notes/\xfe"[..]) && !tree.contains_key(names[0]));
    assert!(!tree.contains_key(names[1]));
}

#[test]
fn a_name_that_git_refuses_is_a_gap_and_stops_nothing() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.write("notes/git~1", "x");
    place.write("notes/back\\.git\\x", "x");
    let snapshot = place.snapshot();
    let gaps: Vec<_> = snapshot.gaps.iter().map(|(path, gap, _)| (path.clone(), *gap)).collect();
    let expected = [(rel("notes/back\\.git\\x"), Gap::Name), (rel("notes/git~1"), Gap::Name)];
    assert_eq!(gaps, expected);
    assert_eq!(place.content("main", "notes/a.md"), b"a");
    place.git(["fsck", "--strict"]);
}

#[test]
fn names_that_differ_only_in_case_are_both_kept() {
    let place = Place::new();
    place.write("notes/Readme.md", "one");
    place.write("notes/README.md", "two");
    if read(&place.path("notes/Readme.md")) == b"two" {
        eprintln!("skipped: this file system takes them for one");
        return;
    }
    place.snapshot();
    assert_eq!(place.content("main", "notes/Readme.md"), b"one");
    assert_eq!(place.content("main", "notes/README.md"), b"two");
}

#[test]
fn a_damaged_commit_is_an_error_and_moves_nothing() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.snapshot();
    let tree = place.git(["rev-parse", "HEAD:notes"]);
    let refs = place.git(["for-each-ref"]);
    damage(&place, &tree);
    place.write("notes/a.md", "b");
    let error = place.try_snapshot().unwrap_err();
    assert!(matches!(error, BackupError::Git { .. } | BackupError::Damaged { .. }), "{error:?}");
    assert_eq!(error.exit_code(), 1);
    assert_eq!(place.git(["for-each-ref"]), refs);
}

#[test]
fn a_damaged_content_does_not_stop_what_comes_after() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.write("notes/b.md", "b");
    place.snapshot();
    damage(&place, &place.git(["rev-parse", "HEAD:notes/a.md"]));
    place.write("notes/b.md", "c");
    place.snapshot();
    assert_eq!(place.git(["show", "HEAD:notes/b.md"]), "c");
}

/// Overwrites a loose object.
fn damage(place: &Place, id: &str) {
    let path = place.path(format!(".git/objects/{}/{}", &id[..2], &id[2..]));
    make_writable(&path);
    fs::write(path, b"nothing that git wrote").unwrap();
}

fn make_writable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn a_repository_that_cannot_be_written_is_an_error_and_moves_nothing() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.snapshot();
    let refs = place.git(["for-each-ref"]);
    place.write("notes/a.md", "b");
    // No object can be written where a file stands in the way of every folder.
    fs::rename(place.path(".git/objects"), place.path(".git/kept")).unwrap();
    fs::write(place.path(".git/objects"), b"").unwrap();
    let error = place.try_snapshot().unwrap_err();
    assert!(error.exit_code() != 0, "{error}");
    fs::remove_file(place.path(".git/objects")).unwrap();
    fs::rename(place.path(".git/kept"), place.path(".git/objects")).unwrap();
    assert_eq!(place.git(["for-each-ref"]), refs);
    place.snapshot();
    assert_eq!(place.content("main", "notes/a.md"), b"b");
}
