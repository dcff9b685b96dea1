//! What a snapshot holds, and what it leaves alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use ubos_core::entry::Problem;
use ubos_engine::state::config::backup::Layout;
use ubos_engine::state::config::limits::Written;
use ubos_testkit::random::Dice;
use ubos_tiers::git::commit::trailer_of;
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::gates::{Gates, Weight};
use ubos_tiers::git::lock::BackupLock;
use ubos_tiers::git::manifest::{Gap, Kept, What};
use ubos_tiers::git::manifests;

use crate::place::{Place, rel};

#[test]
fn the_first_snapshot_holds_everything_selected_and_nothing_else() {
    let place = Place::new();
    place.write("notes/a.md", "a\n");
    place.write("notes/run.sh", "#!/bin/sh\n");
    fs::set_permissions(place.path("notes/run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("a.md", place.path("notes/link")).unwrap();
    fs::create_dir_all(place.path("notes/empty/inner")).unwrap();
    place.write("private/diary.md", "mine");
    let snapshot = place.snapshot();
    assert_eq!(snapshot.changed.added, 6);
    let tree = place.tree("main");
    assert_eq!(tree[&b"notes/a.md"[..]], (0o100_644, b"a\n".to_vec()));
    assert_eq!(tree[&b"notes/run.sh"[..]].0, 0o100_755);
    assert_eq!(tree[&b"notes/link"[..]], (0o120_000, b"a.md".to_vec()));
    assert_eq!(tree.len(), 6, "{:?}", place.paths("main"));
    assert_eq!(place.status(), "");
    let manifest = place.manifest();
    assert_eq!(manifest[&rel("notes/empty/inner")].what, What::Dir);
    assert_eq!(manifest[&rel("notes/run.sh")].permissions(), Some(0o750));
    assert!(matches!(manifest[&rel("notes/link")].what, What::Symlink { kept: Kept::Snapshot }));
    let about = manifests::at(&place.plumbing(), "main").unwrap().unwrap().0;
    assert_eq!((about.snapshot, about.files), (place.head(), 6));
    place.git(["fsck", "--strict"]);
}

#[test]
fn without_a_change_nothing_is_committed_and_nothing_is_read() {
    let place = Place::new();
    place.write("notes/a.md", "a\n");
    let first = place.snapshot();
    let second = place.snapshot();
    assert_eq!((second.commits.len(), second.bytes), (0, 0));
    assert_eq!((&second.head, &second.manifest), (&first.head, &first.manifest));
    // The memory is lost: it is made again from the manifest, and still nothing is read.
    fs::remove_dir_all(place.path(".ubos-sync/state/backup")).unwrap();
    let third = place.snapshot();
    assert_eq!((third.commits.len(), third.bytes), (0, 0));
    assert_eq!(third.manifest, second.manifest);
    // It is damaged, or of a program with other gates: everything is looked at again.
    place.write(".ubos-sync/state/backup/table", "nonsense");
    let fourth = place.snapshot();
    assert_eq!(fourth.commits.len(), 0);
    assert!(fourth.bytes > 0);
    assert_eq!(fourth.manifest, second.manifest);
}

#[test]
fn what_changed_is_committed_and_told() {
    let place = Place::new();
    for name in ["same", "changed", "gone", "exec", "kind"] {
        place.write(format!("notes/{name}"), name);
    }
    place.snapshot();
    place.write("notes/changed", "other");
    place.remove("notes/gone");
    fs::set_permissions(place.path("notes/exec"), fs::Permissions::from_mode(0o755)).unwrap();
    place.remove("notes/kind");
    place.write("notes/kind/inside", "x");
    let snapshot = place.snapshot();
    let changed = snapshot.changed;
    assert_eq!((changed.added, changed.updated, changed.deleted), (1, 2, 2));
    let expected = ["notes/changed", "notes/exec", "notes/kind/inside", "notes/same"];
    assert_eq!(place.paths("main")[3..], expected);
    let message = place.git(["log", "-1", "--format=%B"]);
    assert!(message.starts_with("2 updated, 1 new, 2 deleted: notes/changed, "), "{message}");
    assert_eq!(trailer_of(&message, "Ubos-Phase"), Some("asked"));
    assert_eq!(trailer_of(&message, "Ubos-Run"), Some("20260101T000000.000Z-0001"));
    assert_eq!(trailer_of(&message, "Ubos-Territory"), Some("localhost"));
    assert_eq!(trailer_of(&message, "Ubos-Gaps"), Some("0"));
    assert_eq!(place.status(), "");
    place.write("notes/kind2", "x");
    place.remove("notes/kind");
    place.write("notes/kind", "a file again");
    place.snapshot();
    assert_eq!(place.content("main", "notes/kind"), b"a file again");
}

#[test]
fn tracked_files_outside_the_selection_stay_as_head_has_them() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.write("code/main.rs", "one");
    place.user_commit("mine");
    place.write("code/main.rs", "two");
    place.remove("notes/a.md");
    place.write("notes/b.md", "b");
    place.snapshot();
    assert_eq!(place.content("main", "code/main.rs"), b"one");
    assert!(!place.paths("main").contains(&"notes/a.md".to_owned()));
    assert_eq!(place.status(), " M code/main.rs");
}

#[test]
fn what_leaves_the_selection_stays_in_git_with_a_notice() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.write("kept/b.md", "b");
    place.snapshot();
    place.select("notes/\n");
    place.write("kept/b.md", "changed");
    let snapshot = place.snapshot();
    assert_eq!(place.content("main", "kept/b.md"), b"b");
    let told = snapshot.notices.iter().any(|notice| notice.contains("kept/b.md"));
    assert!(told, "{:?}", snapshot.notices);
    assert!(!place.snapshot().notices.iter().any(|notice| notice.contains("kept/b.md")));
}

#[test]
fn unknown_is_not_absent() {
    let place = Place::new();
    place.write("notes/sub/a.md", "a");
    place.write("notes/b.md", "b");
    place.snapshot();
    let mut inventory = place.inventory();
    inventory.items.retain(|path, _| !path.as_bytes().starts_with(b"notes/"));
    inventory.troubled.insert(rel("notes/sub"), Problem::Unreadable);
    inventory.troubled.insert(rel("notes/b.md"), Problem::Busy);
    fs::rename(place.path("notes"), place.beside("elsewhere")).unwrap();
    let snapshot = place.snapshot_of(&inventory).unwrap();
    assert_eq!(place.content("main", "notes/sub/a.md"), b"a");
    assert_eq!(place.content("main", "notes/b.md"), b"b");
    let gaps: Vec<_> = snapshot.gaps.iter().map(|(path, gap, _)| (path.clone(), *gap)).collect();
    assert_eq!(gaps, [(rel("notes/b.md"), Gap::Unreadable), (rel("notes/sub"), Gap::Unreadable)]);
    assert!(place.manifest().contains_key(&rel("notes/sub/a.md")));
    let about = manifests::newest(&place.plumbing()).unwrap().unwrap().0;
    assert_eq!(about.gaps.get("unreadable"), Some(&2));
    fs::rename(place.beside("elsewhere"), place.path("notes")).unwrap();
    assert!(place.snapshot().gaps.is_empty());
}

#[test]
fn what_came_after_the_inventory_is_not_taken_for_gone() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.snapshot();
    let mut inventory = place.inventory();
    inventory.items.remove(&rel("notes/a.md"));
    place.snapshot_of(&inventory).unwrap();
    assert_eq!(place.content("main", "notes/a.md"), b"a");
}

#[test]
fn a_file_that_goes_or_changes_after_the_inventory_harms_nothing() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.snapshot();
    place.write("notes/a.md", "changed");
    place.write("notes/new.md", "new");
    let inventory = place.inventory();
    place.remove("notes/a.md");
    symlink("/etc/passwd", place.path("notes/a.md")).unwrap();
    place.remove("notes/new.md");
    let snapshot = place.snapshot_of(&inventory).unwrap();
    assert_eq!(place.content("main", "notes/a.md"), b"a");
    assert!(!place.paths("main").contains(&"notes/new.md".to_owned()));
    let gaps: Vec<_> = snapshot.gaps.iter().map(|(_, gap, words)| (*gap, words.as_str())).collect();
    assert_eq!(gaps.len(), 2);
    assert!(gaps.iter().all(|(gap, _)| *gap == Gap::Unreadable), "{gaps:?}");
    assert!(gaps[0].1.ends_with("; git keeps the version before"), "{gaps:?}");
}

#[test]
fn a_secret_is_left_out_from_the_moment_it_appears() {
    let place = Place::new();
    place.write("notes/a.md", "harmless");
    place.write("notes/.env", "PASSWORD=x");
    place.snapshot();
    // Put together here, so that no gate stumbles over this file.
    let line = "MIIEowIBAAKCAQEAx9vX4v7Q2n0mL8s1wZr5tYb3uHc6dKfJgPeRaTqWnXoSvEi\n";
    let key = format!(
        "-----BEGIN RSA {0}-----\n{1}-----END RSA {0}-----\n",
        "PRIVATE KEY",
        line.repeat(8)
    );
    place.write("notes/a.md", key);
    let snapshot = place.snapshot();
    assert_eq!(place.content("main", "notes/a.md"), b"harmless");
    assert!(!place.paths("main").contains(&"notes/.env".to_owned()));
    let gaps: Vec<_> = snapshot.gaps.iter().map(|(path, gap, _)| (path.clone(), *gap)).collect();
    assert_eq!(gaps, [(rel("notes/.env"), Gap::Secret), (rel("notes/a.md"), Gap::Secret)]);
    assert_eq!(snapshot.findings.len(), 2);
    let entry = &place.manifest()[&rel("notes/a.md")];
    assert!(matches!(entry.what, What::File { kept: Kept::Nowhere(Gap::Secret), .. }));
    // It is told each time, as long as it is there.
    assert_eq!(place.snapshot().gaps.len(), 2);
}

#[test]
fn a_file_above_the_limit_is_a_gap() {
    let mut place = Place::new();
    place.settings.max_file_size = Some(Written::Text("1KiB".to_owned()));
    place.write("notes/large.bin", vec![b'x'; 2000]);
    place.write("notes/small.bin", vec![b'x'; 1000]);
    let snapshot = place.snapshot();
    assert_eq!(snapshot.gaps.len(), 1);
    assert_eq!((&snapshot.gaps[0].0, snapshot.gaps[0].1), (&rel("notes/large.bin"), Gap::TooLarge));
    assert!(place.paths("main").contains(&"notes/small.bin".to_owned()));
}

#[test]
fn what_the_other_territory_makes_has_a_commit_and_an_author_of_its_own() {
    let mut place = Place::new();
    place.settings.generated_author = Some("janus-server <janus@balaur>".to_owned());
    place.write("notes/a.md", "a");
    place.write("theirs/p.md", "p");
    place.write("notes/STATE_OF_THE_REPUBLIC_1.md", "s");
    let snapshot = place.snapshot();
    assert_eq!(snapshot.commits.len(), 2);
    let log = place.git(["log", "--format=%an <%ae> %cn: %s"]);
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("janus-server <janus@balaur> Ana: from balaur: 2 new: "), "{log}");
    assert!(lines[1].starts_with("Ana <ana@example.org> Ana: 4 new: "), "{log}");
    let names = place.git(["show", "--format=", "--name-only", "HEAD"]);
    assert_eq!(names, "notes/STATE_OF_THE_REPUBLIC_1.md\ntheirs/p.md");
    // Only one of the two changed: one commit.
    place.write("theirs/p.md", "p2");
    assert_eq!(place.snapshot().commits.len(), 1);
    assert_eq!(place.git(["log", "-1", "--format=%an"]), "janus-server");
}

#[test]
fn with_the_layout_branches_their_files_have_a_branch() {
    let mut place = Place::new();
    place.write("notes/a.md", "a");
    place.write("theirs/p.md", "p");
    place.snapshot();
    place.settings.layout = Layout::Branches;
    place.snapshot();
    assert_eq!(place.paths("balaur"), ["theirs/p.md"]);
    assert!(!place.paths("main").contains(&"theirs/p.md".to_owned()));
    let kept = |place: &Place| match &place.manifest()[&rel("theirs/p.md")].what {
        What::File { kept, .. } => kept.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(kept(&place), Kept::Branch("balaur".to_owned()));
    assert!(place.path("theirs/p.md").exists());
    let nothing = place.snapshot();
    assert_eq!((nothing.commits.len(), nothing.bytes), (0, 0));
    place.remove("theirs/p.md");
    place.write("theirs/q.md", "q");
    place.snapshot();
    assert_eq!(place.paths("balaur"), ["theirs/q.md"]);
    place.settings.branch = Some("balaur".to_owned());
    assert!(matches!(place.try_snapshot().unwrap_err(), BackupError::Usage { .. }));
}

#[test]
fn a_branch_that_is_not_checked_out_can_take_the_snapshots() {
    let mut place = Place::new();
    place.write("notes/a.md", "a");
    place.user_commit("mine");
    let head = place.head();
    place.settings.branch = Some("backup".to_owned());
    let snapshot = place.snapshot();
    assert_eq!(place.head(), head);
    assert_eq!(snapshot.head.unwrap().0, place.git(["rev-parse", "backup"]));
    assert_eq!(place.status(), "");
    assert_eq!(place.snapshot().commits.len(), 0);
}

#[test]
fn a_new_manifest_follows_a_change_of_times_or_folders_alone() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    let first = place.snapshot();
    fs::create_dir(place.path("notes/empty")).unwrap();
    let second = place.snapshot();
    assert!(second.commits.is_empty() && second.manifest != first.manifest);
    assert_eq!(
        manifests::at(&place.plumbing(), "main").unwrap().unwrap().1,
        second.manifest.unwrap()
    );
}

#[test]
fn a_manifest_that_a_crash_left_unwritten_is_written_by_the_next() {
    let place = Place::new();
    place.write("notes/a.md", "a");
    place.snapshot();
    place.write("notes/a.md", "b");
    let before = place.git(["rev-parse", "ubos/manifest"]);
    place.snapshot();
    place.git(["update-ref", "refs/heads/ubos/manifest", &before]);
    let again = place.snapshot();
    assert!(again.commits.is_empty());
    let (about, _) = manifests::newest(&place.plumbing()).unwrap().unwrap();
    assert_eq!(about.snapshot, place.head());
}

#[test]
fn a_large_log_is_kept_on_the_branch_of_logs() {
    let mut place = Place::new();
    place.settings.segment_above = Some(Written::Text("1KiB".to_owned()));
    place.write("logs/small.jsonl", "{\"n\":1}\n");
    let line = format!("{{\"text\":\"{}\"}}\n", "x".repeat(90));
    place.write("logs/large.jsonl", line.repeat(50));
    let first = place.snapshot();
    assert!(first.gaps.is_empty(), "{:?}", first.gaps);
    let paths = place.paths("main");
    assert!(paths.contains(&"logs/small.jsonl".to_owned()), "{paths:?}");
    assert!(!paths.contains(&"logs/large.jsonl".to_owned()), "{paths:?}");
    let entry = place.manifest()[&rel("logs/large.jsonl")].clone();
    let What::File { size, kept: Kept::Log { generation }, .. } = entry.what else {
        panic!("{entry:?}")
    };
    assert_eq!(size, line.len() as u64 * 50);
    let again = place.snapshot();
    assert_eq!((again.logs.clone(), again.commits.len()), (first.logs.clone(), 0));
    // It grew: the tree is the same, the logs and the manifest are not.
    place.write("logs/large.jsonl", line.repeat(60));
    let grown = place.snapshot();
    assert!(grown.commits.is_empty() && grown.logs != first.logs);
    let git = place.plumbing();
    let mut bytes = Vec::new();
    let commit = grown.logs.unwrap();
    let path = rel("logs/large.jsonl");
    let found = ubos_tiers::git::logs::assemble(
        &git,
        commit.as_str(),
        &path,
        Some(generation),
        Some(size),
        &mut bytes,
    );
    assert_eq!((found.unwrap().bytes, bytes.len() as u64), (size, size));
    // It cannot be looked at: what is known of it stays.
    let mut inventory = place.inventory();
    inventory.items.remove(&path);
    inventory.troubled.insert(path.clone(), Problem::Unreadable);
    place.snapshot_of(&inventory).unwrap();
    assert!(place.manifest().contains_key(&path));
    place.snapshot();
    // What was in the tree while it was small leaves it.
    place.write("logs/small.jsonl", line.repeat(20));
    place.snapshot();
    assert!(!place.paths("main").contains(&"logs/small.jsonl".to_owned()));
}

/// Put together when the test runs, so that none stands here.
fn token(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let body: String = (0..36).map(|_| char::from(*dice.pick(letters))).collect();
    ["gh", "p_"].concat() + &body
}

#[test]
fn a_secret_in_a_log_is_told_once_and_the_log_stays_whole() {
    let mut place = Place::new();
    place.settings.segment_above = Some(Written::Text("1KiB".to_owned()));
    let line = format!("{{\"text\":\"{}\"}}\n", "x".repeat(90));
    let secret = |seed| format!("{{\"message\":\"used {}\"}}\n", token(seed));
    let mut log = [line.repeat(50), secret(1), line.repeat(3)].concat();
    place.write("logs/large.jsonl", &log);
    let told = |made: &ubos_tiers::git::snapshot::Snapshot| -> Vec<(String, Option<u32>, String)> {
        let rows = made.findings.iter();
        rows.map(|f| {
            assert_eq!((f.path.clone(), f.weight), (rel("logs/large.jsonl"), Weight::Warn));
            (f.rule.clone(), f.line, f.what.clone())
        })
        .collect()
    };
    let first = place.snapshot();
    let expected = ("github-token".to_owned(), Some(51), "a token of GitHub".to_owned());
    assert_eq!(told(&first), [expected]);
    assert!(first.gaps.is_empty() && first.notices.is_empty(), "{:?}", first.gaps);
    assert_eq!(told(&place.snapshot()), []);
    // Only what is new is looked at; the line is told by where it begins.
    let at = log.len() + 2 * line.len();
    log = [log, line.repeat(2), secret(2)].concat();
    place.write("logs/large.jsonl", &log);
    let what = format!("a token of GitHub, in the line that begins at byte {at}");
    let grown = place.snapshot();
    assert_eq!(told(&grown), [("github-token".to_owned(), None, what)]);
    // It was rotated: another log, from its first line on; what a person allowed is not told.
    place.write("logs/large.jsonl", [secret(3), secret(4), line.repeat(50)].concat());
    place.write("config/backup_allow.conf", format!("{}\n", fingerprint(&place, 3)));
    let rotated = place.snapshot();
    let expected = ("github-token".to_owned(), Some(2), "a token of GitHub".to_owned());
    assert_eq!(told(&rotated), [expected]);
    let mut bytes = Vec::new();
    let (commit, path) = (grown.logs.unwrap(), rel("logs/large.jsonl"));
    let git = place.plumbing();
    ubos_tiers::git::logs::assemble(&git, commit.as_str(), &path, None, None, &mut bytes).unwrap();
    assert!(bytes == log.as_bytes(), "it is kept whole");
}

/// What names the token of `seed` in the log.
fn fingerprint(place: &Place, seed: u64) -> String {
    let gates = Gates::load(&place.path(".ubos-sync"), &place.root()).unwrap();
    let found = gates.examine_part(&rel("logs/large.jsonl"), token(seed).as_bytes());
    found[0].fingerprint.clone()
}

#[test]
fn one_backup_at_a_time() {
    let place = Place::new();
    let state = ubos_engine::state::StateDir::open(&place.root()).unwrap();
    let held = BackupLock::take(&state).unwrap();
    assert!(matches!(place.try_snapshot().unwrap_err(), BackupError::Locked));
    drop(held);
    place.snapshot();
}

#[test]
fn snapshots_are_made_by_the_owner_of_the_law() {
    let place = Place::new();
    let mut inventory = place.inventory();
    inventory.owner = false;
    let error = place.snapshot_of(&inventory).unwrap_err();
    assert_eq!(error.exit_code(), 2);
}
