//! What a side can do. The local endpoint does it here; the remote one asks an agent, which is the
//! same local endpoint behind frames.

mod alone;
pub mod bounds;
mod bringing;
mod delta;
mod generations;
mod keeping;
mod known;
pub mod local;
pub mod remote;

pub(crate) mod rows;
mod standby;
pub mod standing;

use std::collections::BTreeSet;

use ubos_core::entry::{Changes, Digest};
use ubos_core::path::RelPath;
use ubos_core::plan::Item;

use crate::agent::content::{Collect, Resume, SendItem, StageResult, Want};
use crate::agent::message::{
    AuditNote, FolderMode, KeptVersion, LogCheck, OpOutcome, OpenMatter, PrepareOrder, PublicRow,
    PutBackOrder, PutBackResult, PutBackStep, RunEvidence, ScanOrder,
};
use crate::error::Result;
use crate::state::audit::Head;
use crate::state::generation::Header;
use crate::transfer::ContentSink;

/// What a scan of a side says to the one who decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Paths that differ from this side's baseline.
    pub changes: Changes,
    /// Selected files and links seen.
    pub scanned: u64,
}

/// One side of a run. Methods are called in the order of the stages; each may fail because the
/// connection broke or this side's system refused.
#[expect(clippy::missing_errors_doc, reason = "all fail alike, see the trait")]
pub trait Endpoint: Send {
    /// Takes this side's lock, if it is not held yet.
    fn lock(&mut self) -> Result<()>;
    /// What became of runs that were cut off, and the rows of a generation that was prepared only.
    fn open_runs(&mut self) -> Result<(Vec<RunEvidence>, Vec<PublicRow>)>;
    /// Puts the prepared generation in force and marks it.
    fn roll_forward(&mut self) -> Result<()>;
    /// All rows of the baseline.
    fn export(&mut self) -> Result<Vec<PublicRow>>;
    /// Takes a baseline from the other side, in place of a lost one.
    fn import(&mut self, header: &Header, rows: Vec<PublicRow>) -> Result<()>;
    /// Scans this side.
    fn scan(&mut self, order: &ScanOrder) -> Result<Scanned>;
    /// Those of `paths` that are proved absent on this side, looked at anew.
    fn absent(&mut self, paths: &[RelPath]) -> Result<BTreeSet<RelPath>>;
    /// Modification times; `None` where nothing stands or it cannot be told.
    fn times(&mut self, paths: &[RelPath]) -> Result<Vec<Option<(i64, u32)>>>;
    /// Contents of regular files that are short enough to be kept for showing.
    fn contents(&mut self, paths: &[RelPath]) -> Result<Vec<Option<Vec<u8>>>>;
    /// Keeps the versions of the open conflicts, of which these are the other side's, and drops all
    /// others; returns what is still missing of the other side's.
    fn keep_versions(&mut self, versions: &[KeptVersion]) -> Result<Vec<Digest>>;
    /// The folders among `dirs` with untracked content anywhere below.
    fn untracked(&mut self, dirs: &[RelPath]) -> Result<BTreeSet<RelPath>>;
    /// Sends content into `sink`, without closing it.
    fn send(&mut self, items: &[SendItem], sink: &mut dyn ContentSink) -> Result<()>;
    /// Makes ready to receive; tells what is already there.
    fn stage(&mut self, run: &str, wants: &[Want]) -> Result<Vec<Resume>>;
    /// The sink for what [`Endpoint::stage`] announced.
    fn sink(&mut self) -> Result<Box<dyn ContentSink + '_>>;
    /// What became of the content that was sent, after the sink was closed.
    fn staged(&mut self) -> Result<Vec<StageResult>>;
    /// Bytes that sending each item by its changed pieces would cost.
    fn cost(&mut self, items: &[SendItem]) -> Result<Vec<u64>>;
    /// Whether there is an rsync.
    fn has_rsync(&mut self) -> Result<bool>;
    /// Puts what is to be sent into the outbox.
    fn fill_outbox(&mut self, run: &str, items: &[SendItem]) -> Result<Vec<bool>>;
    /// Puts the present versions into the inbox, as the basis of deltas.
    fn fill_inbox(&mut self, run: &str, wants: &[Want]) -> Result<Vec<bool>>;
    /// Empties the outbox.
    fn empty_outbox(&mut self, run: &str, items: &[SendItem]) -> Result<()>;
    /// Stages what arrived in the inbox, as far as it is what is wanted.
    fn collect_inbox(&mut self, run: &str, wanted: &[Collect]) -> Result<Vec<StageResult>>;
    /// Journals what is about to be done on either side, durably.
    fn intend(&mut self, run: &str, items: &[Item], confirmed: bool) -> Result<()>;
    /// Carries out the journalled operations of this side.
    fn apply(&mut self, modes: &[FolderMode]) -> Result<Vec<OpOutcome>>;
    /// Paths whose former version, now in the backups, was written to after all.
    fn recheck(&mut self) -> Result<Vec<RelPath>>;
    /// Journals the next generation, durably.
    fn prepare(&mut self, order: &PrepareOrder, extra: &[PublicRow]) -> Result<()>;
    /// Puts it in force.
    fn commit(&mut self) -> Result<()>;
    /// Writes the marker.
    fn mark(&mut self) -> Result<()>;
    /// Adds records to the audit log, durably; returns its last record now.
    fn audit(&mut self, notes: &[AuditNote]) -> Result<Head>;
    /// Checks the whole audit log, against `heads` that the other side noted of it; also tells what
    /// it noted of the other side's since `since` (and the last before).
    fn check_log(&mut self, since: &str, heads: &[Head]) -> Result<LogCheck>;
    /// Keeps the open conflicts and held paths in place of the former ones.
    fn keep_open(&mut self, matters: &[OpenMatter]) -> Result<()>;
    /// Puts former versions back, before the scan.
    fn put_back(
        &mut self,
        order: &PutBackOrder,
        steps: &[PutBackStep],
    ) -> Result<Vec<PutBackResult>>;
    /// Ends the run: drops what was staged and not used, keeps evidence, prunes.
    fn finish(&mut self, run: &str) -> Result<()>;
    /// Bytes that crossed the wire so far, both ways; 0 for a side on this machine.
    fn wire_bytes(&self) -> u64;
}
