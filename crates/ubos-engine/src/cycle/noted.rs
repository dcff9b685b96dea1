//! What goes on record of a run besides its changes: conflicts that open and close, what both sides
//! changed alike, how old the oldest change was, and why a run failed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use ubos_core::baseline::Baseline;
use ubos_core::conflict::Conflict;
use ubos_core::entry::{Base, Digest, Entry};
use ubos_core::path::RelPath;
use ubos_core::plan::{Item, Plan};
use ubos_core::sides::{Side, Sides};

use super::Request;
use super::load::Loaded;
use super::report::{RunReport, rounded, who};
use crate::agent::message::OpenMatter;
use crate::audit_notes::put_path;
use crate::clock;
use crate::endpoint::Scanned;
use crate::error::{EngineError, Result};
use crate::history::mark::Mark;
use crate::link::{self, Address, reach};
use crate::state::audit::Audit;
use crate::state::config::Config;
use crate::state::lock::Lock;
use crate::state::{StateDir, machine};

/// Up to so many paths that both sides changed alike are told one by one.
const SINGLY: usize = 500;
/// No conflict has this mark, which would be a hash.
const UNTOLD: Digest = Digest([0; 32]);

/// A conflict that is kept before the log tells of it: one without a mark.
pub(super) fn untold(conflict: &Conflict) -> Conflict {
    Conflict { mark: UNTOLD, ..conflict.clone() }
}

/// Whether the log may not have told of this conflict yet.
pub(super) fn is_untold(conflict: &Conflict) -> bool {
    conflict.mark == UNTOLD
}

/// Conflicts that this run found for the first time, and those that are no longer open. One that a
/// policy settled at once is both.
pub(super) fn conflicts(
    before: &[OpenMatter],
    plan: &Plan,
    items: &[Item],
    failed: &[u32],
    request: &Request,
    names: &Sides<String>,
) -> Vec<String> {
    let known: BTreeMap<&RelPath, &Conflict> = before
        .iter()
        .filter_map(|matter| match matter {
            OpenMatter::Conflict(conflict) => Some((&conflict.path, &**conflict)),
            _ => None,
        })
        .collect();
    let open: BTreeSet<&RelPath> = plan.conflicts.iter().map(|conflict| &conflict.path).collect();
    let decided = decided(items, failed);
    let asked = |path: &RelPath| {
        request.put_back.is_some()
            || request.resolutions.as_ref().is_some_and(|chosen| chosen.contains_key(path))
    };
    let is_decided = |path: &RelPath| decided.iter().any(|at| *at == path || at.is_below(path));
    let by = |path: &RelPath| match is_decided(path) {
        true if asked(path) => "resolved",
        true => "policy",
        false => "converged",
    };
    let is_told = |path: &RelPath| known.get(path).is_some_and(|conflict| !is_untold(conflict));
    let fresh = plan.conflicts.iter().filter(|conflict| !is_told(&conflict.path));
    let mut lines: Vec<String> = fresh.map(|conflict| opened(conflict, names)).collect();
    for (path, conflict) in &known {
        if !open.contains(path) {
            let mark = conflict.mark.to_hex();
            lines.push(line("closed", path, [("mark", mark.into()), ("by", by(path).into())]));
        }
    }
    let at_once = |path: &&RelPath| !known.contains_key(*path) && !open.contains(*path);
    if request.resolutions.is_none() && request.put_back.is_none() {
        for path in decided.iter().copied().filter(at_once) {
            let kind = "settled-at-once";
            lines.push(line("opened", path, [("kind", kind.into())]));
            lines.push(line("closed", path, [("by", "policy".into())]));
        }
    }
    lines
}

/// The paths that were changed because a person or a policy decided so.
fn decided<'a>(items: &'a [Item], failed: &[u32]) -> BTreeSet<&'a RelPath> {
    let done = items.iter().enumerate().filter(|(index, item)| {
        item.is_resolved() && failed.binary_search(&(*index as u32)).is_err()
    });
    done.flat_map(|(_, item)| &item.ops).map(|op| &op.path).collect()
}

fn opened(conflict: &Conflict, names: &Sides<String>) -> String {
    let version = |side: Side| {
        let seen = conflict.sides.get(side).as_ref();
        (names.get(side).clone(), Mark::of(seen.map(|seen| &seen.entry)).to_value())
    };
    let versions: Map<String, Value> = Side::BOTH.map(version).into_iter().collect();
    let fields = [
        ("kind", conflict.kind.word().into()),
        ("mark", conflict.mark.to_hex().into()),
        ("base", Mark::of(conflict.base.entry()).to_value()),
        ("versions", versions.into()),
    ];
    line("opened", &conflict.path, fields)
}

fn line<const N: usize>(event: &str, path: &RelPath, fields: [(&str, Value); N]) -> String {
    let mut record = Map::new();
    record.insert("event".into(), event.into());
    put_path(&mut record, "path", path);
    record.extend(fields.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Value::Object(record).to_string()
}

/// A plan that a guard held and a person confirmed.
pub(super) fn confirmed(plan: &str) -> String {
    json!({"event": "confirmed", "plan": plan, "who": who()}).to_string()
}

/// Paths that both sides changed alike since they last agreed: no run carried anything, so that
/// without a record the next change there would not continue the one before.
pub(super) fn agreed(loaded: &Loaded, adopted: &[(RelPath, Option<Entry>)]) -> Result<Vec<String>> {
    let table = loaded.local.table()?;
    if adopted.len() > SINGLY {
        return Ok(vec![json!({"event": "agreed", "count": adopted.len()}).to_string()]);
    }
    let told = adopted.iter().filter_map(|(path, entry)| {
        let after = Mark::of(entry.as_ref()).to_value();
        let same = match table.base(path) {
            Base::Known(before) => Mark::of(Some(&before)).to_value() == after,
            Base::Absent => after.is_null(),
            Base::Unknown => false,
        };
        (!same).then(|| line("agreed", path, [("after", after)]))
    });
    Ok(told.collect())
}

/// Seconds since the oldest modification time among the contents that were carried; `None` if no
/// content was.
pub(super) fn oldest_change(items: &[Item], failed: &[u32], seen: &Sides<Scanned>) -> Option<f64> {
    let mut oldest: Option<(i64, u32)> = None;
    for (index, item) in items.iter().enumerate() {
        if failed.binary_search(&(index as u32)).is_ok() {
            continue;
        }
        for op in item.ops.iter().filter(|op| op.needs_content()) {
            let source = item.source_of(op);
            let there = seen.get(op.to.other()).changes.get(&source);
            if let Some(time) = there.and_then(|observation| observation.mtime) {
                oldest = Some(oldest.map_or(time, |before| before.min(time)));
            }
        }
    }
    let (seconds, nanoseconds) = oldest?;
    let now = clock::now();
    let age = (now.0 - seconds) as f64 + (f64::from(now.1) - f64::from(nanoseconds)) / 1e9;
    Some(rounded(age.max(0.0)))
}

/// Puts a run that ended early on record on this side, if nobody else holds the territory. The
/// failure itself is what is told: that it could not be noted too changes nothing about it.
pub(super) fn failure(request: &Request, report: &RunReport) {
    if let Some(error) = &report.error {
        let _ = try_to_note(request, report, error);
    }
}

fn try_to_note(request: &Request, report: &RunReport, error: &EngineError) -> Result<()> {
    let state = StateDir::open(&request.root)?;
    let config = Config::require(&state)?;
    // The network is looked at before the lock is taken: nobody shall wait for it.
    let cause = cause(request, &config, error);
    let _lock = Lock::take_if_free(&state, &config.name)?;
    // A run that was refused touches nothing but the log; one that found nobody is often the first
    // after a sleep.
    let machine = match error {
        EngineError::Unreachable { .. } => Some(machine::look(&state, &config.name)?),
        _ => None,
    };
    let (records, memory) = machine.unzip();
    let mut records: Vec<Map<String, Value>> = records.unwrap_or_default();
    let record = json!({
        "event": "run-failed", "kind": error.kind(), "exit": error.exit_code(),
        "message": error.to_string(), "cause": cause, "command": report.command,
        "from": config.name, "to": report.names.there, "who": who(), "started": report.started,
        "seconds": report.seconds(), "mode": report.mode, "whole": report.whole,
    });
    records.extend(record.as_object().cloned());
    let mut log = Audit::open(&state)?;
    for record in records {
        log.note(&report.run, record);
    }
    log.sync()?;
    match memory {
        Some(memory) => machine::save(&state, &memory),
        None => Ok(()),
    }
}

/// Why the peer was not reached, as a word; `None` for a failure of another kind.
fn cause(request: &Request, config: &Config, error: &EngineError) -> Option<&'static str> {
    if !matches!(error, EngineError::Unreachable { .. }) {
        return None;
    }
    let told = link::cause(error);
    told.or_else(|| {
        let (_, peer) = config.peer(request.peer.as_deref()).ok()?;
        Some(reach::look(&Address::parse(peer.address.as_ref()?).ok()?))
    })
}
