//! Recording: what is new in each log becomes a commit on the branch.

use std::fs::File;
use std::path::Path;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::append::Step;
use super::attempt::{Attempt, Trouble};
use super::memory;
use crate::git::command::Git;
use crate::git::commit::{Author, NewCommit, advance};
use crate::git::error::{BackupError, Result};
use crate::git::names::LOGS_BRANCH;
use crate::git::objects::Oid;

/// How often a commit is tried when somebody else moves the branch meanwhile.
const ATTEMPTS: usize = 5;

/// A log to be recorded.
#[derive(Debug)]
pub struct LogSource<'a> {
    /// Its path.
    pub path: &'a RelPath,
    /// The file, opened for reading.
    pub file: File,
    /// How much of it to take at most, in bytes. The last line is left for the next time if its end is
    /// not there yet.
    pub size: u64,
}

/// A generation of a log, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The log's path.
    pub path: RelPath,
    /// Its number, from 1; the highest is the one that grows.
    pub generation: u32,
    /// Its length in bytes.
    pub size: u64,
    /// Plain BLAKE3 of all its bytes.
    pub blake3: Digest,
}

/// What recording did.
#[derive(Debug)]
pub struct Recorded {
    /// The newest commit on the branch; `None` if no log was ever recorded.
    pub commit: Option<Oid>,
    /// What is kept of each log that was given, except those in `unread`, in the order of the paths.
    pub logs: Vec<LogRecord>,
    /// Whether `commit` is new.
    pub changed: bool,
    /// Logs of which nothing new could be taken, and why. What was kept of them before stays.
    pub unread: Vec<(RelPath, String)>,
}

/// Records what is new in `sources` at the time `at` (seconds since 1970), as one commit. Logs that are
/// not among them stay as they are kept. `state` is the backup's own folder, which must be there; one
/// caller at a time.
///
/// # Errors
/// The repository's. A file that cannot be read is no error: see [`Recorded::unread`].
pub fn record(git: &Git, state: &Path, sources: Vec<LogSource<'_>>, at: i64) -> Result<Recorded> {
    record_while(git, state, &sources, at, &mut || ())
}

/// As [`record`]; `meanwhile` happens before each attempt to move the branch.
fn record_while(
    git: &Git,
    state: &Path,
    sources: &[LogSource<'_>],
    at: i64,
    meanwhile: &mut dyn FnMut(),
) -> Result<Recorded> {
    for _ in 0..ATTEMPTS {
        let mut attempt = Attempt::on(git, state)?;
        let much = attempt.is_much(sources)?;
        for source in sources {
            match attempt.take(source, much) {
                Ok(()) => {}
                Err(Trouble::Source(error)) => {
                    attempt.unread.push((source.path.clone(), error.to_string()));
                }
                Err(Trouble::Repository(error)) => return Err(error),
            }
        }
        if let Some(recorded) = attempt.finish(state, at, meanwhile)? {
            return Ok(recorded);
        }
    }
    Err(BackupError::Busy {
        what: format!("something else keeps moving `{LOGS_BRANCH}`"),
        hint: "only ubos-sync writes to that branch; end what else does".to_owned(),
    })
}

impl Attempt<'_> {
    /// Commits; `None` if somebody else moved the branch.
    fn finish(
        mut self,
        state: &Path,
        at: i64,
        meanwhile: &mut dyn FnMut(),
    ) -> Result<Option<Recorded>> {
        let changed = !self.steps.is_empty();
        if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        let mut commit = self.tip.clone();
        if changed {
            let new = self.commit(at)?;
            meanwhile();
            if !advance(self.git, LOGS_BRANCH, &new, self.tip.as_ref(), "ubos-sync: logs")? {
                return Ok(None);
            }
            commit = Some(new);
        }
        memory::save(state, &self.memory)?;
        self.logs.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Some(Recorded { commit, logs: self.logs, changed, unread: self.unread }))
    }

    fn commit(&mut self, at: i64) -> Result<Oid> {
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Put(path, blob) => self.folders.put(&path, blob)?,
                Step::Remove(path) => self.folders.remove(&path)?,
                Step::Rename(from, to) => self.folders.rename(&from, &to)?,
            }
        }
        let tree = self.folders.write(self.git)?;
        let author = Author { name: "ubos-sync".into(), email: "ubos-sync@localhost".into() };
        let count = self.told.len();
        let message = format!("logs: {count} changed\n\n{}\n", self.told.join("\n"));
        let parents: Vec<Oid> = self.tip.iter().cloned().collect();
        let new = NewCommit {
            tree: &tree,
            parents: &parents,
            author: &author,
            committer: &author,
            at: Some(at),
            message: &message,
        };
        new.write(self.git)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::logs::{assemble, generations, verify};
    use crate::git::testing::repository;
    use std::io::Write;

    struct World {
        folder: tempfile::TempDir,
        git: Git,
        path: RelPath,
    }

    impl World {
        fn new() -> Self {
            let (folder, git) = repository();
            Self { folder, git, path: RelPath::new(*b"logs/a.jsonl").unwrap() }
        }

        fn write(&self, bytes: &[u8]) {
            std::fs::write(self.folder.path().join("a.jsonl"), bytes).unwrap();
        }

        fn source(&self) -> LogSource<'_> {
            let file = File::open(self.folder.path().join("a.jsonl")).unwrap();
            let size = file.metadata().unwrap().len();
            LogSource { path: &self.path, file, size }
        }

        fn record_while(&self, meanwhile: &mut dyn FnMut()) -> Result<Recorded> {
            let sources = [self.source()];
            record_while(&self.git, self.folder.path(), &sources, 1_700_000_000, meanwhile)
        }

        fn kept(&self, commit: &Oid, generation: u32) -> Vec<u8> {
            let mut bytes = Vec::new();
            let generation = Some(generation);
            assemble(&self.git, commit.as_str(), &self.path, generation, None, &mut bytes).unwrap();
            bytes
        }
    }

    #[test]
    fn who_moves_the_branch_meanwhile_loses_nothing_and_neither_do_we() {
        let world = World::new();
        world.write(b"one\n");
        world.record_while(&mut || ()).unwrap();
        world.write(b"one\ntwo\n");
        let other = RelPath::new(*b"other").unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let mut moved = 0;
        let recorded = world
            .record_while(&mut || {
                moved += 1;
                if moved <= 2 {
                    let mut file = tempfile::tempfile().unwrap();
                    file.write_all(&b"x\n".repeat(moved)).unwrap();
                    let source = LogSource { path: &other, file, size: 2 * moved as u64 };
                    record(&world.git, elsewhere.path(), vec![source], 1_700_000_100).unwrap();
                }
            })
            .unwrap();
        assert_eq!(moved, 3);
        let commit = recorded.commit.unwrap();
        assert_eq!(world.kept(&commit, 1), b"one\ntwo\n");
        let records = generations(&world.git, commit.as_str()).unwrap();
        let sizes: Vec<(u32, u64)> = records.iter().map(|r| (r.generation, r.size)).collect();
        assert_eq!(sizes, [(1, 8), (1, 4)]);
        let count = world.git.run(["rev-list", "--count", LOGS_BRANCH]).unwrap().text();
        assert_eq!(count, "4");
    }

    #[test]
    fn a_branch_that_never_rests_is_told() {
        let world = World::new();
        let mut bytes = Vec::new();
        world.write(b"one\n");
        let other = RelPath::new(*b"other").unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let error = world.record_while(&mut || {
            bytes.extend(b"x\n");
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let source = LogSource { path: &other, file, size: bytes.len() as u64 };
            record(&world.git, elsewhere.path(), vec![source], 1_700_000_100).unwrap();
        });
        assert!(matches!(error, Err(BackupError::Busy { .. })));
        assert_eq!(bytes.len(), 2 * ATTEMPTS);
    }

    #[test]
    fn a_crash_before_the_branch_moved_leaves_what_was_and_the_next_goes_on() {
        let world = World::new();
        world.write(b"one\n");
        let first = world.record_while(&mut || ()).unwrap().commit.unwrap();
        world.write(b"one\ntwo\n");
        let crash = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = world.record_while(&mut || panic!("the power fails"));
        }));
        assert!(crash.is_err());
        assert_eq!(world.git.resolve(LOGS_BRANCH).unwrap(), Some(first.0));
        let recorded = world.record_while(&mut || ()).unwrap();
        assert!(recorded.changed);
        assert_eq!(world.kept(&recorded.commit.unwrap(), 1), b"one\ntwo\n");
    }

    #[test]
    fn a_list_that_cannot_be_read_begins_anew_and_keeps_what_is_there() {
        let world = World::new();
        world.write(b"one\n");
        let first = world.record_while(&mut || ()).unwrap().commit.unwrap();
        let list = format!("{first}:=logs/=a.jsonl/000001/index.json");
        let blob = world.git.resolve(&list).unwrap().unwrap();
        std::fs::remove_file(world.git.dir().join("objects").join(&blob[..2]).join(&blob[2..]))
            .unwrap();
        world.write(b"one\ntwo\n");
        let recorded = world.record_while(&mut || ()).unwrap();
        assert_eq!(recorded.logs[0].generation, 2);
        let commit = recorded.commit.unwrap();
        assert_eq!(world.kept(&commit, 2), b"one\ntwo\n");
        let flaws = verify(&world.git, commit.as_str()).unwrap();
        assert_eq!(flaws.len(), 1);
        assert!(flaws[0].what.contains("generation 1"), "{}", flaws[0].what);
    }
}
