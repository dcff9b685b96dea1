//! Commits without a work tree, and references that move only from the value that was seen.

use super::command::Git;
use super::error::{BackupError, Result};
use super::objects::{Oid, settle};

/// Who made or recorded something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// A commit to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'a> {
    /// What it holds.
    pub tree: &'a Oid,
    /// What it follows.
    pub parents: &'a [Oid],
    /// Who made the content.
    pub author: &'a Author,
    /// Who recorded it.
    pub committer: &'a Author,
    /// When, seconds since 1970; `None`: now.
    pub at: Option<i64>,
    /// The whole message; a line end is added if it lacks one.
    pub message: &'a str,
}

impl NewCommit<'_> {
    /// Writes the commit. No reference points to it yet, and it is durable only once one does.
    ///
    /// # Errors
    /// [`BackupError::Git`]: no such tree or parent, a name that is empty, no space.
    pub fn write(&self, git: &Git) -> Result<Oid> {
        let mut git = git
            .with("GIT_AUTHOR_NAME", &self.author.name)
            .with("GIT_AUTHOR_EMAIL", &self.author.email)
            .with("GIT_COMMITTER_NAME", &self.committer.name)
            .with("GIT_COMMITTER_EMAIL", &self.committer.email);
        if let Some(at) = self.at {
            // With `@` git does not guess what kind of number it is. Before 1970 it has no dates.
            let date = format!("@{} +0000", at.max(0));
            git = git.with("GIT_AUTHOR_DATE", &date).with("GIT_COMMITTER_DATE", &date);
        }
        let mut args = vec!["commit-tree", self.tree.as_str()];
        for parent in self.parents {
            args.extend(["-p", parent.as_str()]);
        }
        args.extend(["-F", "-"]);
        let mut message = self.message.to_owned();
        if !message.ends_with('\n') {
            message.push('\n');
        }
        let name = git.run_with(args, message.as_bytes())?.text();
        Oid::parse(&name)
            .ok_or_else(|| BackupError::damaged("git commit-tree", format!("it says `{name}`")))
    }
}

/// The trailers of a commit's message, in their order: the last paragraph, if each of its lines is
/// `Name: value` and it is not the first.
pub fn trailers(message: &str) -> Vec<(&str, &str)> {
    let message = message.trim_end();
    let Some((_, last)) = message.rsplit_once("\n\n") else { return Vec::new() };
    let lines: Option<Vec<_>> = last.lines().map(trailer).collect();
    lines.unwrap_or_default()
}

fn trailer(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_name.then(|| (name, value.trim()))
}

/// The value of the first trailer `name` of a message.
pub fn trailer_of<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    trailers(message).into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
}

/// Moves the reference `name` from `old` to `new`; `old` is `None` if it must not exist yet. `false`:
/// it has another value, somebody moved it, and nothing was changed. `why` goes to its log.
///
/// Before it moves, everything written to the repository is made durable, so that a reference never
/// points to what a power failure takes away.
///
/// # Errors
/// [`BackupError::Git`] if it could not be written for another reason, such as a lock that someone
/// holds for seconds; an I/O failure if the objects cannot be made durable.
pub fn advance(git: &Git, name: &str, new: &Oid, old: Option<&Oid>, why: &str) -> Result<bool> {
    settle(git)?;
    let expected = old.cloned().unwrap_or_else(|| new.none_like());
    // A commit of the user's holds the lock for moments.
    let patience = ["-c", "core.filesRefLockTimeout=2000"];
    let args = ["update-ref", "-m", why, name, new.as_str(), expected.as_str()];
    match git.run(patience.iter().chain(&args)) {
        Ok(_) => Ok(true),
        Err(error) => {
            let now = git.resolve(name)?;
            if now.as_deref() == Some(new.as_str()) {
                Ok(true)
            } else if now.as_deref() == old.map(Oid::as_str) {
                Err(error)
            } else {
                Ok(false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::repository;
    use crate::git::tree::TreeEdit;

    fn author(name: &str) -> Author {
        Author { name: name.to_owned(), email: "someone@example.org".to_owned() }
    }

    fn commit(git: &Git, message: &str, parents: &[Oid]) -> Oid {
        let index = git.dir().join("test-index");
        let tree = TreeEdit::on(git, None, &index).unwrap().write().unwrap();
        let (author, committer) = (author("Ana"), author("Balaur"));
        let at = Some(1_700_000_000);
        let new =
            NewCommit { tree: &tree, parents, author: &author, committer: &committer, at, message };
        new.write(git).unwrap()
    }

    #[test]
    fn a_commit_says_who_when_and_what() {
        let (_folder, git) = repository();
        let first = commit(&git, "first", &[]);
        let message = "docs: ăîâ\n\nBody.\n\nUbos-Phase: pre\nUbos-Run: 7";
        let second = commit(&git, message, std::slice::from_ref(&first));
        let shown =
            git.run(["log", "-1", "--format=%an|%cn|%ce|%at|%ct|%P|%B", &second.0]).unwrap();
        let expected =
            format!("Ana|Balaur|someone@example.org|1700000000|1700000000|{first}|{message}");
        assert_eq!(shown.text().trim_end(), expected);
        git.run(["fsck", "--strict"]).unwrap();
    }

    #[test]
    fn an_author_without_a_name_is_an_error_and_no_question() {
        let (_folder, git) = repository();
        let tree =
            TreeEdit::on(&git, None, &git.dir().join("test-index")).unwrap().write().unwrap();
        let nobody = author("");
        let new = NewCommit {
            tree: &tree,
            parents: &[],
            author: &nobody,
            committer: &nobody,
            at: None,
            message: "x",
        };
        assert!(new.write(&git).unwrap_err().to_string().contains("commit-tree"));
    }

    #[test]
    fn trailers_are_the_last_paragraph_and_nothing_else() {
        let message =
            "Title: not this\n\nBody: nor this\nprose\n\nUbos-Run: r1\nUbos-Gaps:  2 \n\n";
        assert_eq!(trailers(message), [("Ubos-Run", "r1"), ("Ubos-Gaps", "2")]);
        assert_eq!(trailer_of(message, "ubos-gaps"), Some("2"));
        assert_eq!(trailer_of(message, "Title"), None);
        assert_eq!(trailers("Title: only"), []);
        assert_eq!(trailers("Title\n\nUbos-Run: r1\nnot one"), []);
    }

    #[test]
    fn a_lock_that_is_held_for_a_moment_is_waited_for() {
        let (_folder, git) = repository();
        let name = "refs/heads/ubos/test";
        let one = commit(&git, "one", &[]);
        assert!(advance(&git, name, &one, None, "begin").unwrap());
        let two = commit(&git, "two", std::slice::from_ref(&one));
        let lock = git.dir().join(format!("{name}.lock"));
        std::fs::write(&lock, "").unwrap();
        let waiting = std::thread::spawn({
            let lock = lock.clone();
            move || {
                std::thread::sleep(std::time::Duration::from_millis(400));
                std::fs::remove_file(lock).unwrap();
            }
        });
        assert!(advance(&git, name, &two, Some(&one), "go on").unwrap());
        waiting.join().unwrap();
    }

    #[test]
    fn a_reference_moves_only_from_the_value_that_was_seen() {
        let (_folder, git) = repository();
        let name = "refs/heads/ubos/test";
        let one = commit(&git, "one", &[]);
        let two = commit(&git, "two", std::slice::from_ref(&one));
        let three = commit(&git, "three", std::slice::from_ref(&one));
        assert!(advance(&git, name, &one, None, "begin").unwrap());
        assert!(!advance(&git, name, &two, None, "begin again").unwrap());
        assert!(advance(&git, name, &two, Some(&one), "go on").unwrap());
        assert!(!advance(&git, name, &three, Some(&one), "too late").unwrap());
        assert!(!advance(&git, "refs/heads/other", &three, Some(&one), "not there").unwrap());
        assert_eq!(git.resolve(name).unwrap(), Some(two.0));
    }

    #[test]
    fn a_lock_that_someone_holds_is_an_error_and_not_a_move() {
        let (_folder, git) = repository();
        let name = "refs/heads/ubos/test";
        let one = commit(&git, "one", &[]);
        assert!(advance(&git, name, &one, None, "begin").unwrap());
        std::fs::write(git.dir().join(format!("{name}.lock")), b"").unwrap();
        let two = commit(&git, "two", std::slice::from_ref(&one));
        let error = advance(&git, name, &two, Some(&one), "go on").unwrap_err();
        assert!(error.to_string().contains(".lock"), "{error}");
        assert_eq!(git.resolve(name).unwrap(), Some(one.0));
    }
}
