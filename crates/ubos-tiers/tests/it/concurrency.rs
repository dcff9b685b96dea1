//! The user commits at the same moment: neither loses anything.

use std::sync::atomic::{AtomicBool, Ordering};

use ubos_tiers::git::error::BackupError;

use crate::place::Place;

#[test]
fn commits_of_the_user_in_between_are_built_upon() {
    let place = Place::new();
    place.write("notes/a.md", "0");
    place.write("code/x", "0");
    place.user_commit("base");
    let done = AtomicBool::new(false);
    let users = std::thread::scope(|scope| {
        let user = scope.spawn(|| {
            let mut made = Vec::new();
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                place.write("code/x", number.to_string());
                // Any of these may lose the race, as against any other program.
                let add = place.try_git(["add", "code/x"]);
                let message = format!("user {number}");
                let commit = place.try_git(["commit", "--quiet", "-m", &message, "--", "code/x"]);
                if add.status.success() && commit.status.success() {
                    made.push(message);
                }
            }
            made
        });
        for number in 0..12 {
            place.write("notes/a.md", format!("snapshot {number}"));
            match place.try_snapshot() {
                Ok(snapshot) => assert!(!snapshot.commits.is_empty()),
                // The user may be faster several times in a row; never is anything half done.
                Err(BackupError::Busy { .. }) => {}
                // Somebody holds the branch's own lock at this moment.
                Err(BackupError::Git { message, .. }) if message.contains("lock") => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        done.store(true, Ordering::Relaxed);
        user.join().unwrap()
    });
    place.snapshot();
    let log = place.git(["log", "--format=%s"]);
    for message in &users {
        assert!(log.lines().any(|line| line == message), "{message} is not in\n{log}");
    }
    assert!(!users.is_empty(), "the user never got a turn");
    assert_eq!(place.content("main", "notes/a.md"), b"snapshot 11");
    // One line of history: every commit has the one before as its only parent.
    assert_eq!(place.git(["rev-list", "--merges", "HEAD"]), "");
    place.git(["fsck", "--strict"]);
}
