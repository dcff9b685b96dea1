//! Recording: what is new in each log becomes a commit on the branch.

use std::fs::File;
use std::io;
use std::path::Path;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::append::{Growing, Start, Step};
use super::folders::Folders;
use super::growth::{Verdict, judge};
use super::layout::{INDEX, Index, Segment, folders, generation_name, generation_of, index_from};
use super::look::{self, Sight};
use super::memory::{self, Known, Memory};
use super::source::{self, Stamp};
use crate::git::command::Git;
use crate::git::commit::{Author, NewCommit, advance};
use crate::git::error::{BackupError, Result};
use crate::git::names::LOGS_BRANCH;
use crate::git::objects::{BlobWriter, Oid};

/// How often a commit is tried when somebody else moves the branch meanwhile.
const ATTEMPTS: usize = 5;
/// From so many new bytes on, they go into a pack at once.
const MUCH: u64 = 16 << 20;

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

/// Why a log could not be recorded.
pub(super) enum Trouble {
    /// Its file: the others go on.
    Source(io::Error),
    /// The repository: nothing can be recorded.
    Repository(BackupError),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Source(error)
    }
}

impl From<BackupError> for Trouble {
    fn from(error: BackupError) -> Self {
        Self::Repository(error)
    }
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
        let mut work = Work::on(git, state)?;
        let much = work.is_much(sources)?;
        for source in sources {
            match work.take(source, much) {
                Ok(()) => {}
                Err(Trouble::Source(error)) => {
                    work.unread.push((source.path.clone(), error.to_string()));
                }
                Err(Trouble::Repository(error)) => return Err(error),
            }
        }
        if let Some(recorded) = work.finish(state, at, meanwhile)? {
            return Ok(recorded);
        }
    }
    Err(BackupError::Busy {
        what: format!("something else keeps moving `{LOGS_BRANCH}`"),
        hint: "only ubos-sync writes to that branch; end what else does".to_owned(),
    })
}

/// An attempt.
struct Work<'a> {
    git: &'a Git,
    /// What the branch was when it began.
    tip: Option<Oid>,
    folders: Folders,
    writer: Option<BlobWriter>,
    memory: Memory,
    steps: Vec<Step>,
    logs: Vec<LogRecord>,
    unread: Vec<(RelPath, String)>,
    /// A line for each log that changed.
    told: Vec<String>,
}

/// The newest generation of a log.
struct Kept {
    base: Vec<Vec<u8>>,
    generation: u32,
    /// What it is, and the segment that grows; or why that cannot be read.
    lists: Result<(Index, Segment)>,
}

/// What was seen of a file before it was read.
#[derive(Debug, Clone, Copy)]
struct Seen {
    stamp: Stamp,
    /// How much of it is to be taken.
    asked: u64,
    /// Whether much is new in all the logs together.
    much: bool,
}

/// A generation, for messages.
pub(super) fn what(path: &RelPath, generation: u32) -> String {
    format!("log `{path}`, generation {generation}")
}

impl<'a> Work<'a> {
    fn on(git: &'a Git, state: &Path) -> Result<Self> {
        let tip = git.resolve(LOGS_BRANCH)?.map(Oid);
        let tree = match &tip {
            Some(tip) => Some(super::assemble::tree_of(git, tip.as_str())?),
            None => None,
        };
        Ok(Self {
            git,
            tip,
            folders: Folders::of(git, tree)?,
            writer: None,
            memory: memory::load(state),
            steps: Vec::new(),
            logs: Vec::new(),
            unread: Vec::new(),
            told: Vec::new(),
        })
    }

    /// Whether so much is new that it is better compressed into a pack at once.
    fn is_much(&mut self, sources: &[LogSource<'_>]) -> Result<bool> {
        let mut new = 0;
        for source in sources {
            let kept = self.newest(source.path)?.and_then(|kept| kept.lists.ok());
            new += source.size.saturating_sub(kept.map_or(0, |(index, _)| index.size));
        }
        Ok(new > MUCH)
    }

    /// The generation that grows.
    fn newest(&mut self, path: &RelPath) -> Result<Option<Kept>> {
        let mut base = folders(path);
        let names = self.folders.names(&base)?;
        let Some(generation) = names.iter().filter_map(|name| generation_of(name)).max() else {
            return Ok(None);
        };
        base.push(generation_name(generation));
        let lists = self.lists(&base, &what(path, generation));
        Ok(Some(Kept { base, generation, lists }))
    }

    fn lists(&mut self, base: &[Vec<u8>], what: &str) -> Result<(Index, Segment)> {
        let bytes = self
            .folders
            .read(&[base, &[INDEX.to_vec()]].concat())?
            .ok_or_else(|| BackupError::damaged(what, "its list is missing"))?;
        Ok((index_from(&bytes, what)?, look::tail(&mut self.folders, base, what)?))
    }

    fn take(&mut self, source: &LogSource<'_>, much: bool) -> Result<(), Trouble> {
        let stamp = Stamp::of(&source.file)?;
        let asked = source.size.min(stamp.size());
        let seen = Seen { stamp, asked, much };
        let Some(kept) = self.newest(source.path)? else {
            return self.begin(source, seen, 1, "it is new");
        };
        let (index, tail) = match kept.lists {
            Ok(lists) => lists,
            // What is kept is damaged and cannot be continued; what is there can be kept anew.
            Err(error) => {
                let why = format!("what was kept cannot be continued: {error}");
                return self.begin(source, seen, kept.generation + 1, &why);
            }
        };
        let known = self.memory.get(source.path);
        let known = known.filter(|k| k.generation == index.generation && k.size == index.size);
        if known.is_some_and(|known| known.stamp == stamp && known.asked == asked) {
            self.logs.push(index.record(source.path));
            return Ok(());
        }
        let next = known.map_or(0, |known| known.next);
        let turn = look::turn(&mut self.folders, &kept.base, &tail, next)?;
        let sight = look::look(&source.file, &stamp, &index, known, turn.as_ref())?;
        match judge(sight.evidence) {
            Verdict::Another(why) => self.begin(source, seen, index.generation + 1, why),
            Verdict::Same => {
                let Sight { head, end, next, .. } = sight;
                let start = Start { base: kept.base, index, tail, head, end };
                self.grow(source, seen, start, next)
            }
        }
    }

    /// A new generation.
    fn begin(
        &mut self,
        source: &LogSource<'_>,
        seen: Seen,
        generation: u32,
        why: &str,
    ) -> Result<(), Trouble> {
        let end = source::last_line_end(&source.file, 0, seen.asked)?;
        if end.is_none() && generation == 1 {
            return Err(io::Error::other("it has no whole line yet").into());
        }
        let mut base = folders(source.path);
        base.push(generation_name(generation));
        let index = Index::begin(source.path, generation, why);
        let (head, last) = (Vec::new(), Vec::new());
        let start = Start { base, index, tail: Segment::empty(), head, end: last };
        self.append(source, seen, start, end.unwrap_or(0), 0)?;
        self.told.push(format!("{}: generation {generation}: {why}", source.path));
        Ok(())
    }

    /// The same log, perhaps longer.
    fn grow(
        &mut self,
        source: &LogSource<'_>,
        seen: Seen,
        start: Start,
        next: u64,
    ) -> Result<(), Trouble> {
        let old = start.index.size;
        let Some(end) = source::last_line_end(&source.file, old, seen.asked.max(old))? else {
            self.remember(source.path, seen, &start.index, next);
            return Ok(());
        };
        self.append(source, seen, start, end, next)?;
        self.told.push(format!("{}: +{} bytes, {end} in all", source.path, end - old));
        Ok(())
    }

    fn append(
        &mut self,
        source: &LogSource<'_>,
        seen: Seen,
        start: Start,
        end: u64,
        next: u64,
    ) -> Result<(), Trouble> {
        if self.writer.is_none() {
            let open = if seen.much { BlobWriter::open_for_much } else { BlobWriter::open };
            self.writer = Some(open(self.git)?);
        }
        let writer = self.writer.as_mut().expect("it was opened");
        let before = (start.index.size, start.index.first, start.index.last);
        let what = what(source.path, start.index.generation);
        let mut growing = Growing::from(start, &mut self.folders, writer)
            .ok_or_else(|| BackupError::damaged(what, "its list contradicts itself"))?;
        growing.take(&source.file, end)?;
        let (index, steps) = growing.finish()?;
        // Looked at once more: had the file been cut and filled again meanwhile, what was read just now
        // would belong to another log.
        if source::windows(&source.file, before.0)? != (before.1, before.2) {
            return Err(io::Error::other("it was changed while it was read").into());
        }
        self.remember(source.path, seen, &index, next);
        self.steps.extend(steps);
        Ok(())
    }

    fn remember(&mut self, path: &RelPath, seen: Seen, index: &Index, next: u64) {
        let Seen { stamp, asked, .. } = seen;
        let known = Known { stamp, asked, generation: index.generation, size: index.size, next };
        self.memory.insert(path.clone(), known);
        self.logs.push(index.record(path));
    }

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

impl Index {
    /// As it is told to others.
    pub(super) fn record(&self, path: &RelPath) -> LogRecord {
        let Self { generation, size, blake3, .. } = *self;
        LogRecord { path: path.clone(), generation, size, blake3 }
    }
}
