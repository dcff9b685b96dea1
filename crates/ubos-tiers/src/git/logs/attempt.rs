//! Looking at each log and gathering what is to be written: the part of recording that is done again
//! when somebody else moved the branch meanwhile.

use std::io;
use std::path::Path;

use ubos_core::path::RelPath;

use super::append::{Growing, Start, Step};
use super::assemble::tree_of;
use super::folders::Folders;
use super::growth::{Verdict, judge};
use super::hash::Running;
use super::layout::{INDEX, Index, Segment, folders, generation_name, generation_of, index_from};
use super::look::{self, Sight};
use super::memory::{self, Known, Memory};
use super::record::{LogRecord, LogSource};
use super::source::{self, Stamp};
use crate::git::command::Git;
use crate::git::error::{BackupError, Result};
use crate::git::names::LOGS_BRANCH;
use crate::git::objects::{BlobWriter, Oid};

/// From so many new bytes on, they go into a pack at once.
const MUCH: u64 = 16 << 20;

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

/// What is gathered for one commit.
pub(super) struct Attempt<'a> {
    pub(super) git: &'a Git,
    /// What the branch was when it began.
    pub(super) tip: Option<Oid>,
    pub(super) folders: Folders,
    pub(super) writer: Option<BlobWriter>,
    pub(super) memory: Memory,
    pub(super) steps: Vec<Step>,
    pub(super) logs: Vec<LogRecord>,
    pub(super) unread: Vec<(RelPath, String)>,
    /// A line for each log that changed.
    pub(super) told: Vec<String>,
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

impl<'a> Attempt<'a> {
    pub(super) fn on(git: &'a Git, state: &Path) -> Result<Self> {
        let tip = git.resolve(LOGS_BRANCH)?.map(Oid);
        let tree = match &tip {
            Some(tip) => Some(tree_of(git, tip.as_str())?),
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
    pub(super) fn is_much(&mut self, sources: &[LogSource<'_>]) -> Result<bool> {
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

    pub(super) fn take(&mut self, source: &LogSource<'_>, much: bool) -> Result<(), Trouble> {
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
                let Some(running) = index.running(&end) else {
                    let why = "what was kept cannot be continued: its list contradicts itself";
                    return self.begin(source, seen, kept.generation + 1, why);
                };
                let start = Start { base: kept.base, index, tail, running, head, end };
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
        let start = Start {
            base,
            index,
            tail: Segment::empty(),
            running: Running::default(),
            head: Vec::new(),
            end: Vec::new(),
        };
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
        let mut growing = Growing::from(start, &mut self.folders, writer);
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
}

impl Index {
    /// As it is told to others.
    pub(super) fn record(&self, path: &RelPath) -> LogRecord {
        let Self { generation, size, blake3, .. } = *self;
        LogRecord { path: path.clone(), generation, size, blake3 }
    }
}
