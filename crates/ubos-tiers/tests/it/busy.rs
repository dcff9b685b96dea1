//! In the middle of something, no snapshot is made, and what is under way goes on undisturbed.

use ubos_tiers::git::error::BackupError;

use crate::place::Place;

/// A repository with two branches, `main` and `other`, that changed the same line.
fn forked() -> Place {
    let place = Place::new();
    place.configure("core.editor", "true");
    place.write("notes/a.md", "one\n");
    place.user_commit("base");
    place.git(["switch", "--quiet", "--create", "other"]);
    place.write("notes/a.md", "theirs\n");
    place.user_commit("theirs");
    place.git(["switch", "--quiet", "main"]);
    place.write("notes/a.md", "ours\n");
    place.user_commit("ours");
    place
}

/// A snapshot must be refused with these words, whatever waits, and nothing may have moved.
fn check_busy(place: &Place, what: &str, hint: &str) {
    place.write("notes/waiting.md", "waits\n");
    let refs = place.git(["for-each-ref"]);
    let status = place.git(["status", "--porcelain=v2", "--branch"]);
    let error = place.try_snapshot().unwrap_err();
    let BackupError::Busy { .. } = &error else { panic!("{error:?}") };
    assert_eq!(error.to_string(), format!("{what}; the backup waits until that is finished"));
    assert!(error.hint().contains(hint), "{}", error.hint());
    assert_eq!(error.exit_code(), 3);
    assert_eq!(place.git(["for-each-ref"]), refs);
    assert_eq!(place.git(["status", "--porcelain=v2", "--branch"]), status);
}

/// Runs git into a conflict.
fn stopped(place: &Place, args: &[&str]) {
    assert!(!place.try_git(args).status.success(), "{args:?} found no conflict");
}

#[test]
fn a_merge_is_waited_for() {
    let place = forked();
    stopped(&place, &["merge", "other"]);
    check_busy(&place, "a merge is under way", "git merge --abort");
    place.git(["merge", "--abort"]);
    place.snapshot();
}

#[test]
fn a_rebase_of_either_kind_is_waited_for() {
    for kind in ["--merge", "--apply"] {
        let place = forked();
        stopped(&place, &["rebase", kind, "other"]);
        check_busy(&place, "a rebase is under way", "git rebase --abort");
        place.git(["rebase", "--abort"]);
        place.snapshot();
    }
}

#[test]
fn a_cherry_pick_and_a_revert_are_waited_for() {
    let place = forked();
    stopped(&place, &["cherry-pick", "other"]);
    check_busy(&place, "a cherry-pick is under way", "git cherry-pick --abort");
    place.git(["cherry-pick", "--abort"]);
    place.write("notes/a.md", "later\n");
    place.user_commit("later");
    stopped(&place, &["revert", "HEAD~1"]);
    check_busy(&place, "a revert is under way", "git revert --abort");
    place.git(["revert", "--abort"]);
    place.snapshot();
}

#[test]
fn patches_are_waited_for() {
    let place = forked();
    let patch = place.beside("patch");
    std::fs::write(&patch, place.git(["format-patch", "-1", "--stdout", "other"]) + "\n").unwrap();
    stopped(&place, &["am", patch.to_str().unwrap()]);
    check_busy(&place, "patches are being applied (git am)", "git am --abort");
}

#[test]
fn a_bisection_and_a_detached_head_are_waited_for() {
    let place = forked();
    place.git(["bisect", "start"]);
    check_busy(&place, "a bisection is under way", "git bisect reset");
    place.git(["bisect", "reset"]);
    place.git(["checkout", "--quiet", "--detach"]);
    check_busy(&place, "no branch is checked out (detached HEAD)", "git switch");
    place.git(["switch", "--quiet", "main"]);
    place.snapshot();
}

#[test]
fn unmerged_paths_are_waited_for() {
    let place = forked();
    stopped(&place, &["merge", "other"]);
    // What `git stash pop` leaves behind as well: conflicts without a merge.
    std::fs::remove_file(place.path(".git/MERGE_HEAD")).unwrap();
    check_busy(&place, "the index has unmerged paths", "git add");
}
