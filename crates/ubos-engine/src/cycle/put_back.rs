//! Former versions are put back before the scan: to the run they are edits like any other, and it
//! brings them, and nothing else, to the other side.

use std::collections::{BTreeMap, BTreeSet};

use ubos_core::conflict::Skipped;
use ubos_core::path::RelPath;
use ubos_core::sides::Side;

use super::load::Loaded;
use super::report::{PutBackRow, RunReport};
use super::{Event, Listener, PutBack, Request};
use crate::agent::message::{PutBackOrder, PutBackResult, PutBackSource, PutBackStep, ScanOrder};
use crate::endpoint::Endpoint;
use crate::endpoint::local::LocalEndpoint;
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::staging;
use crate::state::StateDir;
use crate::state::config::Config;

/// Reason of a step that waits until the peer can be reached.
const PEER_AWAY: &str = "peer-away";

/// What stands as a person asked for it, and is to be carried.
#[derive(Debug, Default)]
pub(super) struct PutBackPaths {
    /// The side where each path was put back.
    pub paths: BTreeMap<RelPath, Side>,
    /// Both ends of what was moved back: all that is below them goes with it.
    pub trees: Vec<RelPath>,
    /// Whether it wins over what the other side changed.
    pub wins: bool,
}

impl PutBackPaths {
    /// Whether `path` is to be carried.
    pub(super) fn contains(&self, path: &RelPath) -> bool {
        self.paths.contains_key(path)
            || self.trees.iter().any(|tree| path == tree || path.is_below(tree))
    }

    /// The paths alone.
    pub(super) fn set(&self) -> BTreeSet<RelPath> {
        self.paths.keys().cloned().collect()
    }
}

/// Puts back what is asked for, on both sides. `None` if that was all: a dry run does not go on.
pub(super) fn both(
    mut loaded: Loaded,
    request: &Request,
    report: &mut RunReport,
    listener: Listener<'_>,
) -> Result<Option<Loaded>> {
    let Some(wanted) = &request.put_back else { return Ok(Some(loaded)) };
    let steps = wanted.steps.as_ref().map(|steps| steps.len() as u64);
    if !request.dry_run && steps.here + steps.there > 0 {
        listener(Event::Changing { here: steps.here, there: steps.there });
    }
    loaded.early = None;
    let scan = loaded.order.clone();
    let order = order(request, wanted, report, scan);
    let mut placed = PutBackPaths { wins: wanted.wins, ..PutBackPaths::default() };
    for side in Side::BOTH {
        let steps = wanted.steps.get(side);
        let endpoint: &mut dyn Endpoint = match side {
            Side::Here => &mut loaded.local,
            Side::There => &mut loaded.remote,
        };
        let results = endpoint.put_back(&order, steps)?;
        note(side, wanted, &results, report, &mut placed);
        failpoint!("put-back-side");
    }
    if request.dry_run {
        return Ok(None);
    }
    loaded.put_back = Some(placed);
    Ok(Some(loaded))
}

/// This side's part, and what waits for the peer, if nothing was put back yet.
pub(super) fn without_peer(request: &Request, report: &mut RunReport) {
    let Some(wanted) = &request.put_back else { return };
    if !report.put_back.is_empty() || !report.skipped.is_empty() {
        return;
    }
    // The peer is the error that is told; that this side could not do its part either shows in
    // what is left.
    let done = here(request, report).is_ok();
    let left = |side: Side| wanted.steps.get(side).iter().map(move |step| (side, step));
    let here = left(Side::Here).filter(|_| !done);
    for (on, step) in here.chain(left(Side::There)) {
        let (path, reason) = (step.path.clone(), PEER_AWAY.to_owned());
        report.skipped.push(Skipped { path, on, reason });
    }
}

/// This side's part alone.
pub(super) fn here(request: &Request, report: &mut RunReport) -> Result<()> {
    let Some(wanted) = &request.put_back else { return Ok(()) };
    let state = StateDir::open(&request.root)?;
    let config = Config::require(&state)?;
    let (name, peer) = config.peer(request.peer.as_deref())?;
    report.name(&config.name, name);
    let peer = peer.clone();
    let mut local = LocalEndpoint::open(state, config.clone(), peer, Side::Here);
    local.lock()?;
    let standing = local.look()?;
    let [Some(to), Some(from), Some(exclude)] = standing.manifests else {
        return Err(EngineError::config("a manifest is missing, so that nothing is selected"));
    };
    let scan = ScanOrder {
        manifests: [to, from, exclude],
        builtin: config.builtin(),
        symlinks: config.symlinks,
        verify: false,
        again: false,
        blank: None,
    };
    let order = order(request, wanted, report, scan);
    let results = local.put_back(&order, &wanted.steps.here)?;
    note(Side::Here, wanted, &results, report, &mut PutBackPaths::default());
    if request.dry_run {
        return Ok(());
    }
    let (run, end) = (report.run.clone(), report.run_record());
    local.audit(&[crate::agent::message::AuditNote { run: run.clone(), json: end }])?;
    staging::remove(local.state(), &run)
}

fn order(request: &Request, wanted: &PutBack, report: &RunReport, scan: ScanOrder) -> PutBackOrder {
    let (run, dry_run) = (report.run.clone(), request.dry_run);
    PutBackOrder { run, scan, reason: wanted.reason, dry_run }
}

fn note(
    side: Side,
    wanted: &PutBack,
    results: &[PutBackResult],
    report: &mut RunReport,
    placed: &mut PutBackPaths,
) {
    for (step, result) in wanted.steps.get(side).iter().zip(results) {
        let from = moved_from(step);
        match result {
            PutBackResult::Skipped(reason) => {
                let (path, reason) = (step.path.clone(), reason.clone());
                report.skipped.push(Skipped { path, on: side, reason });
                continue;
            }
            PutBackResult::Done { how, bytes } => report.put_back.push(PutBackRow {
                path: step.path.clone(),
                to: side,
                op: how.word(),
                from: from.cloned(),
                bytes: *bytes,
                reason: wanted.reason.word(),
            }),
            PutBackResult::Stands => {}
        }
        placed.paths.insert(step.path.clone(), side);
        if let Some(from) = from {
            placed.trees.extend([step.path.clone(), from.clone()]);
        }
    }
}

fn moved_from(step: &PutBackStep) -> Option<&RelPath> {
    match &step.source {
        PutBackSource::MoveBack { from } => Some(from),
        _ => None,
    }
}
