//! One run: eight stages, each a file, each taking the value that the former made.
//!
//! load → scan → reconcile → plan → transfer → commit → record → report. Besides the stages live
//! here what two territories must agree on before they may decide (`agree`), the law of the
//! manifests (`law`), what is the matter with them (`diagnosis`), what becomes of a run that was cut
//! off (`recover`), confirmed plans (`confirm`), what becomes of conflicts without a person
//! (`settle`), former versions that are put back before the scan (`put_back`), and what goes on record
//! besides the changes (`noted`).

mod actions;
pub mod agree;
mod commit;
pub mod confirm;
mod delta;
pub mod diagnosis;
mod law;
mod load;
mod noted;
mod on_record;
mod pending;
mod plan;
mod provided;
mod put_back;
mod recent;
mod reconcile;
mod record;
mod recover;
pub mod report;
mod scan;
pub mod session;
mod settle;
#[cfg(test)]
mod standings;
mod transfer;
mod versions;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ubos_core::conflict::Resolution;
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::plan::Filter;
use ubos_core::sides::{Side, Sides};

use crate::agent::message::{PutBackReason, PutBackSource, PutBackStep};
use crate::clock;
use crate::error::EngineError;
use crate::health::{Ended, Mode, Trouble, book};
use report::RunReport;
use session::Kept;

pub(crate) use pending::waits;
pub use reconcile::newer;

/// What a run was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// This side's root.
    pub root: PathBuf,
    /// The peer's name, if there are several.
    pub peer: Option<String>,
    /// This program, for an agent on this machine.
    pub program: PathBuf,
    /// This program's build.
    pub build: String,
    /// The command's name, for records.
    pub command: String,
    /// Which directions.
    pub filter: Filter,
    /// Decide, but change nothing.
    pub dry_run: bool,
    /// Read and hash everything.
    pub verify: bool,
    /// What happens to conflicts.
    pub conflicts: ConflictPolicy,
    /// The id of a plan to be carried out exactly.
    pub confirm: Option<String>,
    /// How long until the next run like this one, where `config.toml` does not say it.
    pub interval: Option<Duration>,
    /// Whether more runs follow on the same connection, and both trees are watched between them.
    pub stays: bool,
    /// Looking again at what the watches had hints about is enough.
    pub again: bool,
    /// What a person decided about single paths; nothing else is then carried out.
    pub resolutions: Option<BTreeMap<RelPath, Resolution>>,
    /// The contents of each [`Choice::Merged`](ubos_core::conflict::Choice::Merged) by their hash:
    /// they are given to both sides.
    pub provided: BTreeMap<Digest, Vec<u8>>,
    /// Clashes that are to be left as they are, each with the mark that the person saw.
    pub leave: Vec<(RelPath, Digest)>,
    /// Whether lost or older state is to be merged without deleting anything. Where nothing is lost,
    /// such a run changes nothing.
    pub merge_lost: bool,
    /// Former versions that are put back before the scan; nothing else is then carried out.
    pub put_back: Option<PutBack>,
}

/// Former versions that a person wants back.
#[derive(Debug, Clone)]
pub struct PutBack {
    /// What is put back on each side.
    pub steps: Sides<Vec<PutBackStep>>,
    /// Why.
    pub reason: PutBackReason,
    /// Whether they also win over what the other side changed since the last sync. Otherwise that
    /// is a conflict.
    pub wins: bool,
}

impl PutBack {
    /// Every path that a step is about.
    pub fn paths(&self) -> impl Iterator<Item = &RelPath> {
        let steps = self.steps.here.iter().chain(&self.steps.there);
        steps.flat_map(|step| {
            let from = match &step.source {
                PutBackSource::MoveBack { from } => Some(from),
                _ => None,
            };
            std::iter::once(&step.path).chain(from)
        })
    }
}

impl Request {
    /// The paths that a person's decision is about, if it is about single paths.
    fn focus(&self) -> Option<Vec<RelPath>> {
        let resolved = self.resolutions.iter().flat_map(|map| map.keys());
        let left = self.leave.iter().map(|(path, _)| path);
        let put_back = self.put_back.iter().flat_map(PutBack::paths);
        let paths: Vec<RelPath> = resolved.chain(left).chain(put_back).cloned().collect();
        (!paths.is_empty()).then_some(paths)
    }
}

/// What happens to conflicts in a run that is not about single paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// What the configuration says for each path; where it says nothing they stay open.
    ByPath,
    /// They stay open.
    Hold,
    /// The later modification time wins, where both sides hold something.
    Newer,
    /// This side wins.
    Take(Side),
    /// Edits that fit together are merged; the rest stays open.
    Merge,
}

/// What a run tells while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Both sides are looked at.
    Scanning,
    /// The plan stands, and something will be changed, which is not begun yet: the trees are still
    /// as they were. Told once more if former versions were put back first. Listening may take its
    /// time; what is changed meanwhile is left alone, as ever.
    Changing {
        /// The run.
        run: String,
        /// Operations on this side.
        here: u64,
        /// Operations on the other side.
        there: u64,
    },
    /// Contents to move and their bytes.
    Moving {
        /// Files.
        files: u64,
        /// Bytes.
        bytes: u64,
    },
    /// Bytes of content that moved.
    Moved(u64),
    /// A file was moved.
    FileDone,
    /// Everything is being put in place.
    Committing,
}

/// Receives what a run tells.
pub type Listener<'a> = &'a (dyn Fn(Event) + Sync);

/// One run. Whatever happens is in the report; a run that ended early has `error` set and tells how
/// far it got.
pub fn run_cycle(request: &Request, listener: Listener<'_>) -> RunReport {
    cycle(request, None, listener).0
}

/// One run, on sides that stayed open if there are any; they stay open afterwards if all went well.
fn cycle(
    request: &Request,
    kept: Option<Kept>,
    listener: Listener<'_>,
) -> (RunReport, Option<Kept>) {
    let mut report = RunReport::begin(request, clock::run_id());
    let kept = stages(request, kept, listener, &mut report).unwrap_or_else(|error| {
        let unreachable = matches!(error, EngineError::Unreachable { .. });
        if request.dry_run && unreachable && request.put_back.is_none() {
            // What waits here can be told without the peer; if not even that, the error is enough.
            let _ = pending::look(request, &mut report);
        }
        load::explain(request, &error, &mut report);
        if unreachable {
            put_back::without_peer(request, &mut report, listener);
        }
        report.fail(error);
        None
    });
    report.finish();
    note_health(request, &report);
    if !request.dry_run {
        noted::failure(request, &report);
    }
    (report, kept)
}

/// Writes down how this territory fares after a run; the peer writes its own.
fn note_health(request: &Request, report: &RunReport) {
    let exit = report.exit_code();
    let locked = matches!(report.error, Some(EngineError::Locked { .. }));
    // A plan that nobody was shown is a slip of the pen, and no failure of the sync.
    let mistaken = exit == 2 && request.confirm.is_some();
    if request.dry_run || locked || mistaken {
        return;
    }
    let ended = Ended {
        peer: report.names.there.clone(),
        exit,
        error: report.error.as_ref().map(Trouble::of),
        met: report.met,
        skipped: report.skipped.len() as u64,
        generation: report.met.then_some(report.generation),
        mode: Mode::of(&request.command, request.stays),
        weight: report.weight,
        interval: report.interval,
    };
    book::note(&request.root, &ended);
}

/// Puts former versions back on this side alone, without asking for the peer: the next run brings
/// them there.
pub fn put_back_here(request: &Request, listener: Listener<'_>) -> RunReport {
    let mut report = RunReport::begin(request, clock::run_id());
    if let Err(error) = put_back::here(request, &mut report, listener) {
        report.fail(error);
    }
    report.finish();
    report
}

fn stages(
    request: &Request,
    kept: Option<Kept>,
    listener: Listener<'_>,
    report: &mut RunReport,
) -> Result<Option<Kept>, EngineError> {
    let loaded = match kept {
        Some(kept) => load::resume(kept, request, report)?,
        None => load::load(request, report, listener)?,
    };
    let Some(loaded) = loaded else {
        return Ok(None);
    };
    let Some(loaded) = put_back::both(loaded, request, report, listener)? else {
        return Ok(None);
    };
    let scanned = scan::scan(loaded)?;
    let reconciled = reconcile::reconcile(scanned, request)?;
    let planned = plan::plan(reconciled, request, report)?;
    if request.dry_run {
        report::preview(planned, request, report)?;
        return Ok(None);
    }
    plan::announce(&planned.plan, &report.run, listener);
    let transferred = transfer::transfer(planned, report, listener)?;
    let committed = commit::commit(transferred, request.confirm.is_some(), report, listener)?;
    let recorded = record::record(committed, request, report)?;
    report::conclude(recorded, request, report).map(Some)
}
