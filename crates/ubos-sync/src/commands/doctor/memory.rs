//! What is remembered of a pair: marker, baseline, journal; and the audit log.

use ubos_engine::agent::message::Standing;
use ubos_engine::clock;
use ubos_engine::endpoint::standing;
use ubos_engine::error::EngineError;
use ubos_engine::state::StateDir;
use ubos_engine::state::audit;
use ubos_engine::state::config::{Config, Peer};
use ubos_engine::state::lock::Lock;
use ubos_engine::state::marker::Marker;
use ubos_engine::state::table::Table;

use super::territory::failed;
use crate::finding::Finding;

const RECOVER: &str =
    "`ubos-sync recover` shows what would be merged, then asks; nothing is deleted by it";
const SYNC_OR_RECOVER: &str = "`ubos-sync bidirectional` takes the peer's memory over where the marker proves that it fits; otherwise `ubos-sync recover`";

/// Everything about one pair, and how this side stands, if that can be said at all.
pub(super) fn check(
    state: &StateDir,
    config: &Config,
    peer: &Peer,
) -> (Vec<Finding>, Option<Standing>) {
    let mut findings = Vec::new();
    // Held for the moment of looking, so that no run is seen half-way.
    let _lock = match held_still(state, &config.name) {
        Ok(lock) => lock,
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    match Marker::load(state) {
        Ok(marker) => findings.extend(identity(marker.as_ref(), config.replica.as_deref())),
        Err(error) => {
            findings.push(Finding::problem("marker", error.to_string(), RECOVER));
            return (findings, None);
        }
    }
    match standing::look(state, config, peer) {
        Ok((standing, table, _)) => {
            if standing.replica.is_some() && !standing.same_host {
                findings.push(Finding::problem(
                    "machine",
                    "this territory was paired on another machine: it is a copy, or was moved here",
                    RECOVER,
                ));
            }
            findings.extend(baseline(&standing, table.as_ref()));
            (findings, Some(standing))
        }
        Err(error) => {
            findings.push(failed("baseline", &error));
            (findings, None)
        }
    }
}

fn held_still(state: &StateDir, name: &str) -> Result<Option<Lock>, Finding> {
    match state.existing_folder("state") {
        Ok(Some(_)) => {}
        // The lock lives there; that the folder is gone is told by the baseline.
        Ok(None) => return Ok(None),
        Err(error) => return Err(failed("lock", &error)),
    }
    match Lock::take(state, name) {
        Ok(lock) => Ok(Some(lock)),
        Err(EngineError::Locked { .. }) => Err(Finding::warning(
            "lock",
            "a run is under way; what follows is a glimpse of it",
            "`ubos-sync doctor` again when it is done",
        )),
        Err(error) => Err(failed("lock", &error)),
    }
}

fn identity(marker: Option<&Marker>, replica: Option<&str>) -> Vec<Finding> {
    const CHECK: &str = "marker";
    let Some(marker) = marker else {
        let message = "the identity marker is gone: this may not be the folder that was paired";
        return vec![Finding::problem(CHECK, message, RECOVER)];
    };
    if replica.is_some_and(|replica| replica != marker.replica) {
        let message = "the identity marker is that of another territory";
        return vec![Finding::problem(CHECK, message, RECOVER)];
    }
    vec![Finding::ok(CHECK, format!("replica {}", short(&marker.replica)))]
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn baseline(standing: &Standing, table: Option<&Table>) -> Vec<Finding> {
    let Some(header) = &standing.header else {
        let why = standing.damage.as_deref().unwrap_or("it is missing");
        return vec![Finding::problem(
            "baseline",
            format!("what both sides last agreed on is lost: {why}"),
            SYNC_OR_RECOVER,
        )];
    };
    let about = match standing.last_run {
        None => "loads; the pair has not synced yet".to_owned(),
        Some(time) => format!(
            "loads with its journal; generation {}, agreed on {}",
            header.generation,
            clock::rfc3339(time).get(..19).unwrap_or_default().replace('T', " ")
        ),
    };
    let mut findings = vec![Finding::ok("baseline", about)];
    if standing.replica.is_some() {
        findings.push(generation(standing));
    }
    findings.push(interrupted(standing, table));
    findings
}

/// The tree's own memory, the marker, against the baseline.
fn generation(standing: &Standing) -> Finding {
    const CHECK: &str = "generation";
    let header = standing.header.as_ref().map(|header| (header.generation, header.chain));
    let (Some(header), Some(marker)) = (header, standing.marker) else {
        let message = "the identity marker does not know this pair";
        return Finding::problem(CHECK, message, RECOVER);
    };
    if marker == header {
        return Finding::ok(CHECK, "marker and baseline agree: neither is an older copy");
    }
    // The marker is written last; a run that was cut off before leaves exactly this.
    if !standing.marked && marker.0 + 1 == header.0 {
        return Finding::ok(CHECK, "the marker is one step behind, which the next run mends");
    }
    let message = format!(
        "the folder is at generation {}, its state at {}: one of them was restored from an older copy",
        marker.0, header.0
    );
    let remedy = if marker.0 > header.0 { SYNC_OR_RECOVER } else { RECOVER };
    Finding::problem(CHECK, message, remedy)
}

fn interrupted(standing: &Standing, table: Option<&Table>) -> Finding {
    const CHECK: &str = "interrupted-run";
    if !standing.open_runs && standing.prepared.is_none() {
        return Finding::ok(CHECK, "none");
    }
    let runs: Vec<&str> = table
        .map(|table| table.open_runs().iter().map(|open| open.run.as_str()).collect())
        .unwrap_or_default();
    Finding::warning(
        CHECK,
        format!("a run was cut off and waits to be settled {}", runs.join(", ")).trim_end(),
        "`ubos-sync bidirectional`: every run settles this first",
    )
}

/// Whether the record of all changes is whole.
pub(super) fn audit_log(state: &StateDir) -> Finding {
    const CHECK: &str = "audit-log";
    match audit::verify(state) {
        Ok(verdict) => match verdict.fault {
            None if verdict.records == 0 => Finding::ok(CHECK, "empty so far"),
            None => Finding::ok(
                CHECK,
                format!("whole: {} records, each chained to the one before", verdict.records),
            ),
            Some(why) => Finding::problem(
                CHECK,
                format!("was changed by someone else: {why}"),
                format!(
                    "compare `{}` with a copy; no sync depends on it, but the record has a gap",
                    state.path("log").display()
                ),
            ),
        },
        Err(error) => failed(CHECK, &error),
    }
}
