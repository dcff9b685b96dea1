//! Puts former versions back on one territory, so that nothing is lost at a crash between any two
//! steps: everything that is to be placed is copied into staging and verified, the present
//! versions get a second name in the backups of this run, the log says what will be done, and only
//! then each path is exchanged, by one atomic call, for what is staged.
//!
//! In: steps, each with what must stand at its path. Out: a result for each. A step acts only if
//! the path still holds what was looked at; otherwise nothing changes there. A version that is put
//! back is a copy: the one in the backups stays as it is.

mod place;
mod plan;
pub(crate) mod staged;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;

use serde_json::{Map, Value};

use ubos_core::path::RelPath;
use ubos_core::selection::Selection;

use super::mark::Mark;
use crate::agent::message::{PutBackHow, PutBackOrder, PutBackResult, PutBackSource, PutBackStep};
use crate::apply::reason;
use crate::audit_notes::put_path;
use crate::backups::Place;
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::fs::{Stamp, list, open_file_in, platform};
use crate::staging::Staging;
use crate::state::StateDir;
use staged::Content;

/// Mode of a folder of which nobody remembers the mode.
const PASSAGE_MODE: u32 = 0o755;

/// Up to this many files and folders are synced one by one; beyond, the whole file system at once.
const EACH: usize = 16;

/// Reason of a step that found something else than it expects.
pub const CHANGED: &str = "changed-since-run";

/// Steps on their way. The methods are called in the order in which they stand here.
pub struct Batch<'a> {
    state: &'a StateDir,
    pair: &'a str,
    selection: &'a Selection,
    order: &'a PutBackOrder,
    staging: Option<Staging>,
    moves: Vec<Move<'a>>,
    /// Folders that earlier steps put where something else stands now, or move there.
    coming: BTreeSet<RelPath>,
    touched: BTreeSet<Vec<u8>>,
}

/// A step and how far it got.
struct Move<'a> {
    step: &'a PutBackStep,
    /// What was found at the path (of a move: at its source), with its stamp.
    present: Option<(Mark, Stamp)>,
    /// What is to be placed.
    content: Option<Content>,
    /// Where the present version is kept, and whether by a second name of the same inode.
    kept: Option<(Place, bool)>,
    result: PutBackResult,
}

/// Why a step is left alone.
enum Refusal {
    Because(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Io(error)
    }
}

impl Refusal {
    fn result(self) -> PutBackResult {
        PutBackResult::Skipped(match self {
            Refusal::Because(why) => why.into(),
            Refusal::Io(error) => match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => CHANGED.into(),
                io::ErrorKind::WouldBlock => "busy".into(),
                io::ErrorKind::InvalidInput => "special-file-in-the-way".into(),
                _ => reason(&error),
            },
        })
    }
}

impl<'a> Batch<'a> {
    /// Looks at what stands at each path and, unless it is a dry run, copies what is to be placed
    /// into staging, verified and durable.
    ///
    /// # Errors
    /// If staging or syncing it fails for all.
    pub fn prepare(
        state: &'a StateDir,
        pair: &'a str,
        selection: &'a Selection,
        order: &'a PutBackOrder,
        steps: &'a [PutBackStep],
    ) -> Result<Self> {
        let staging = match order.dry_run {
            true => None,
            false => Some(Staging::create(state, &order.run)?),
        };
        let (coming, touched) = Default::default();
        let mut batch =
            Self { state, pair, selection, order, staging, moves: Vec::new(), coming, touched };
        for (number, step) in steps.iter().enumerate() {
            let planned = batch.plan(number, step);
            batch.moves.push(planned);
        }
        batch.sync_staged().map_err(batch.failed("sync"))?;
        failpoint!("put-back-staged");
        Ok(batch)
    }

    /// Gives every present version that will be replaced a second name in this run's backups.
    ///
    /// # Errors
    /// If that cannot be made durable.
    pub fn keep_present(&mut self) -> Result<()> {
        for index in 0..self.moves.len() {
            let planned = &self.moves[index];
            let replaces =
                matches!(planned.result, PutBackResult::Done { how: PutBackHow::Update, .. });
            if replaces && let Err(refusal) = self.keep_one(index) {
                self.moves[index].result = refusal.result();
            }
        }
        self.sync_touched().map_err(self.failed("sync"))?;
        failpoint!("put-back-kept");
        Ok(())
    }

    /// What the log says of the steps that will be carried out.
    pub fn records(&self, territory: &str) -> Vec<Map<String, Value>> {
        let doing = self.moves.iter().filter_map(|planned| match &planned.result {
            PutBackResult::Done { how, bytes } => Some((planned, *how, *bytes)),
            _ => None,
        });
        let record = |(planned, how, bytes): (&Move<'_>, PutBackHow, u64)| {
            let mut fields = Map::new();
            fields.insert("event".into(), "restored".into());
            put_path(&mut fields, "path", &planned.step.path);
            fields.insert("to".into(), territory.into());
            fields.insert("op".into(), how.word().into());
            let after = planned.after();
            let before = match (how, &planned.present) {
                (PutBackHow::Rename, _) => after.clone(),
                (_, Some((mark, _))) => mark.clone(),
                (_, None) => Mark::Absent,
            };
            if let (Mark::File { .. }, Some((_, stamp))) = (&before, &planned.present) {
                fields.insert("before_size".into(), stamp.size.into());
            }
            if after.digest().is_some() {
                fields.insert("after_size".into(), bytes.into());
            }
            fields.insert("before".into(), before.to_value());
            fields.insert("after".into(), after.to_value());
            if let PutBackSource::MoveBack { from } = &planned.step.source {
                put_path(&mut fields, "from", from);
            }
            if let Some(run) = planned.step.source_run() {
                fields.insert("from_run".into(), run.into());
            }
            fields.insert("reason".into(), self.order.reason.word().into());
            fields
        };
        doing.map(record).collect()
    }

    /// Puts everything in its place. Returns what the log says of steps that were announced and
    /// not carried out after all.
    ///
    /// # Errors
    /// If what was done cannot be made durable.
    pub fn place(&mut self, territory: &str) -> Result<Vec<Map<String, Value>>> {
        let mut left = Vec::new();
        for index in 0..self.moves.len() {
            if !matches!(self.moves[index].result, PutBackResult::Done { .. }) {
                continue;
            }
            if let Err(refusal) = self.place_one(index) {
                let planned = &mut self.moves[index];
                planned.result = refusal.result();
                let mut fields = Map::new();
                fields.insert("event".into(), "skipped".into());
                put_path(&mut fields, "path", &planned.step.path);
                fields.insert("on".into(), territory.into());
                if let PutBackResult::Skipped(why) = &planned.result {
                    fields.insert("reason".into(), why.clone().into());
                }
                left.push(fields);
            }
            failpoint!("put-back-one");
        }
        self.sync_touched().map_err(self.failed("sync"))?;
        failpoint!("put-back-placed");
        Ok(left)
    }

    /// Drops what was staged and not needed, and tells what became of each step.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(self) -> Result<Vec<PutBackResult>> {
        if let Some(staging) = &self.staging {
            for name in list(staging.fd()).map_err(self.failed("list"))? {
                if staged::is_ours(&name.name) {
                    crate::staging::remove_tree(staging.fd(), &name.name)
                        .map_err(self.failed("clean"))?;
                }
            }
        }
        Ok(self.moves.into_iter().map(|planned| planned.result).collect())
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> EngineError + use<> {
        let path = self.state.root().path().to_owned();
        move |e| EngineError::io(doing, &path, e)
    }

    fn sync_staged(&self) -> io::Result<()> {
        let Some(staging) = &self.staging else { return Ok(()) };
        let files = self.moves.iter().filter_map(|planned| {
            let content = planned.content.as_ref()?;
            content.mark.digest().map(|_| content)
        });
        if self.moves.len() > EACH {
            return platform::sync_filesystem(staging.fd());
        }
        for content in files {
            platform::sync_file(open_file_in(staging.fd(), content.name.as_bytes())?.0)?;
        }
        platform::sync_file(staging.fd())
    }

    fn sync_touched(&mut self) -> io::Result<()> {
        let touched = std::mem::take(&mut self.touched);
        if touched.len() > EACH {
            return platform::sync_filesystem(self.state.fd());
        }
        for dir in touched {
            match self.state.root().open_dir(&dir) {
                Ok(fd) => platform::sync_file(fd.as_fd())?,
                // Moved by a later step, whose own folders are in the list.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl Move<'_> {
    /// What will stand at the path.
    fn after(&self) -> Mark {
        if self.step.source == PutBackSource::Nothing {
            return Mark::Absent;
        }
        match (&self.content, &self.present) {
            (Some(content), _) => content.mark.clone(),
            (None, Some((moved, _))) => moved.clone(),
            (None, None) => Mark::Absent,
        }
    }
}

impl PutBackStep {
    /// The run whose backups it takes from.
    pub fn source_run(&self) -> Option<&str> {
        match &self.source {
            PutBackSource::Backup { run, .. } => Some(run),
            PutBackSource::Folder { run } => run.as_deref(),
            PutBackSource::MoveBack { .. }
            | PutBackSource::Text
            | PutBackSource::Given { .. }
            | PutBackSource::Nothing => None,
        }
    }
}
