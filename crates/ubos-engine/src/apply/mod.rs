//! Carrying out a plan's operations on one side: check, back up, replace, sync. By handle, and in
//! this folder only.
//!
//! In: operations whose content is staged and verified, and whose intents are journalled on both
//! sides. Out: an outcome for each. An operation acts only if the disk still holds what the plan
//! saw; otherwise nothing changes and the next run looks again.

mod append;
mod attributes;
pub mod evidence;
mod late;
mod precondition;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd;

use ubos_core::entry::Entry;
use ubos_core::path::RelPath;
use ubos_core::plan::{OpKind, Operation};

use crate::agent::content::Slot;
use crate::agent::message::Outcome;
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::fs::{Stamp, platform};
use crate::scanner::Evidence;
use crate::staging::Staging;
use crate::state::StateDir;
use crate::state::table::Table;

/// Up to this many folders and files are synced one by one; beyond, the whole file system at once.
const SYNC_EACH: usize = 16;

/// What applying needs to know and what it finds out.
pub struct Applier<'a> {
    /// The territory.
    pub state: &'a StateDir,
    /// The run.
    pub run: &'a str,
    /// Where content is staged.
    pub staging: &'a Staging,
    /// This side's baseline, for stamps of unchanged files.
    pub table: &'a Table,
    /// Evidence from the scan and from staging; extended with what is placed.
    pub evidence: &'a mut BTreeMap<RelPath, Evidence>,
    /// Evidence of staged files, by operation.
    pub staged: &'a BTreeMap<Slot, Evidence>,
    /// Permission bits for folders that are made, by operation.
    pub modes: &'a BTreeMap<Slot, u32>,
    /// Former versions that were moved to the backups, for the check at the end of the run.
    pub backed_up: &'a mut Vec<BackedUp>,
    touched: BTreeSet<Vec<u8>>,
}

/// A former version in the backups.
#[derive(Debug, Clone)]
pub struct BackedUp {
    /// The path it had.
    pub path: RelPath,
    /// Its place, as a path relative to the root.
    pub place: RelPath,
    /// What it was when it was taken.
    pub entry: Entry,
    /// Its stamp when it was taken.
    pub stamp: Option<Stamp>,
}

impl<'a> Applier<'a> {
    /// Gathers what applying needs.
    #[expect(clippy::too_many_arguments, reason = "each is a different thing that applying needs")]
    pub fn new(
        state: &'a StateDir,
        run: &'a str,
        staging: &'a Staging,
        table: &'a Table,
        evidence: &'a mut BTreeMap<RelPath, Evidence>,
        staged: &'a BTreeMap<Slot, Evidence>,
        modes: &'a BTreeMap<Slot, u32>,
        backed_up: &'a mut Vec<BackedUp>,
    ) -> Self {
        let touched = BTreeSet::new();
        Self { state, run, staging, table, evidence, staged, modes, backed_up, touched }
    }

    /// Carries out `operations` in order.
    ///
    /// # Errors
    /// Only if durability cannot be had (nothing was applied), or could not be had afterwards.
    pub fn apply(&mut self, operations: &[(Slot, &Operation)]) -> Result<Vec<Outcome>> {
        let failed = |e| EngineError::io("sync", self.state.root().path(), e);
        self.sync_staged(operations).map_err(failed)?;
        self.staging.begin().map_err(failed)?;
        failpoint!("apply-begun");
        let mut outcomes = Vec::with_capacity(operations.len());
        for (slot, operation) in operations {
            outcomes.push(self.one(*slot, operation));
            failpoint!("applied-one");
        }
        self.sync_touched().map_err(|e| EngineError::io("sync", self.state.root().path(), e))?;
        failpoint!("applied-all");
        Ok(outcomes)
    }

    fn one(&mut self, slot: Slot, op: &Operation) -> Outcome {
        let result = match &op.kind {
            OpKind::Mkdir => self.make_folder(slot, op),
            OpKind::Create => self.create(slot, op),
            OpKind::Replace { contents } => self.replace(slot, op, contents),
            OpKind::SealAndCreate => self.seal_and_create(slot, op),
            OpKind::Append { from } => self.append(slot, op, *from),
            OpKind::Delete => self.delete(op),
            OpKind::Rmdir => self.remove_folder(op),
            OpKind::Rename { from, contents } => self.rename(op, from, contents),
            OpKind::SetExec => self.set_exec(op),
        };
        let folder = [&op.pre, &op.post].into_iter().flatten().any(Entry::is_dir);
        if folder && op.kind != OpKind::Mkdir {
            self.state.root().forget_folder();
        }
        result.unwrap_or_else(|refusal| match refusal {
            Refusal::Changed => Outcome::Skipped("changed-since-plan".into()),
            Refusal::NotStaged => Outcome::Skipped("content-not-staged".into()),
            Refusal::Untracked => Outcome::Untracked,
            Refusal::Io(error) => Outcome::Skipped(reason(&error)),
        })
    }

    fn touch(&mut self, dir: &[u8]) {
        self.touched.insert(dir.to_vec());
    }

    /// Staged data must be on disk before it takes a live name: an exchange that reaches the disk
    /// before the data leaves an empty file after a power cut.
    fn sync_staged(&self, operations: &[(Slot, &Operation)]) -> io::Result<()> {
        let staged: Vec<(Slot, &Operation)> = operations
            .iter()
            .filter(|(_, op)| {
                op.needs_content() && op.post.as_ref().is_some_and(|e| e.digest().is_some())
            })
            .copied()
            .collect();
        if staged.len() > SYNC_EACH {
            return platform::sync_filesystem(self.staging.fd());
        }
        for (slot, op) in &staged {
            let Some(entry) = &op.post else { continue };
            let name = Staging::name(*slot, entry);
            if let Ok(fd) = self.staging.open_for_writing(&name, 0o600, false) {
                platform::sync_file(fd)?;
            }
        }
        if staged.is_empty() { Ok(()) } else { platform::sync_file(self.staging.fd()) }
    }

    fn sync_touched(&mut self) -> io::Result<()> {
        let touched = std::mem::take(&mut self.touched);
        if touched.len() > SYNC_EACH {
            return platform::sync_filesystem(self.state.fd());
        }
        for dir in touched {
            match self.state.root().open_dir(&dir) {
                Ok(fd) => platform::sync_file(fd.as_fd())?,
                // Removed or replaced by a later operation of the same run; its parent is in the
                // list.
                Err(e) if is_no_folder(&e) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// Whether `error` says that there is no folder of that name (any more).
fn is_no_folder(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::NotFound | K::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Why an operation was not carried out.
enum Refusal {
    /// The disk does not hold what the plan saw.
    Changed,
    /// Untracked content is in the way.
    Untracked,
    /// The content was not received and verified.
    NotStaged,
    /// The system refused.
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Io(error)
    }
}

impl From<rustix::io::Errno> for Refusal {
    fn from(errno: rustix::io::Errno) -> Self {
        Refusal::Io(errno.into())
    }
}

pub(crate) use append::set_mtime;
pub(crate) use attributes::keep_attributes;
pub use late::was_written;
pub use precondition::with_untracked;
pub(crate) use steps::exchange_back;

/// Permission bits of a new file: never wider than its source, and writable by nobody else.
pub(crate) fn mode_for_new(source: u32, exec: bool) -> u32 {
    attributes::with_exec(source & 0o755, exec)
}

/// A system error in the words of a report.
pub(crate) fn reason(error: &io::Error) -> String {
    use io::ErrorKind as K;
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return "parent-is-not-a-folder".into();
    }
    match error.kind() {
        K::NotFound | K::AlreadyExists => "changed-since-plan".into(),
        K::StorageFull | K::QuotaExceeded => "no-space".into(),
        K::ReadOnlyFilesystem => "read-only-file-system".into(),
        K::PermissionDenied => "permission-denied".into(),
        K::NotADirectory => "parent-is-not-a-folder".into(),
        _ => error.to_string(),
    }
}
