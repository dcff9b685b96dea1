//! Stage 7: the baseline advances by what was carried out, never by what was planned; open matters
//! and the audit log follow.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use ubos_core::conflict::Conflict;
use ubos_core::entry::{Base, Digest};
use ubos_core::path::RelPath;
use ubos_core::plan::{Filter, Plan};
use ubos_core::sides::Side;

use super::commit::Committed;
use super::load::Loaded;
use super::report::RunReport;
use super::{Request, noted, recover, versions};
use crate::agent::message::{AuditNote, OpenMatter, PublicRow};
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::failpoint;
use crate::state::{chain, matters};

/// What is on record.
pub(super) struct Recorded {
    /// The sides.
    pub loaded: Loaded,
    /// The plan.
    pub plan: Plan,
}

pub(super) fn record(
    committed: Committed,
    request: &Request,
    report: &mut RunReport,
) -> Result<Recorded> {
    let Committed { mut loaded, plan, items, failed } = committed;
    let known = loaded.local.table()?.header().clone();
    let applied = items.iter().enumerate().any(|(index, item)| {
        !item.rows.is_empty() && failed.binary_search(&(index as u32)).is_err()
    });
    let intended = items.iter().any(|item| !item.ops.is_empty());
    let adopted = !plan.adopt.is_empty();
    let mut lines = noted::agreed(&loaded, &plan.adopt)?;
    if applied || intended || adopted || known.manifests != loaded.manifests {
        let extra = plan.adopt.iter().map(|(path, entry)| PublicRow {
            path: path.clone(),
            base: entry.clone().map_or(Base::Absent, Base::Known),
            earlier: [0; 3],
        });
        let manifests = loaded.manifests;
        let header = recover::advance(&mut loaded, &items, &failed, extra.collect(), manifests)?;
        report.generation = header.generation;
    }
    failpoint!("recorded");
    let before = matters::load(loaded.local.state(), &loaded.pair)?;
    let open = still_open(&before, &mut loaded, &plan, request, report);
    let closes = announce_open(&mut loaded, &before, &open, &plan)?;
    failpoint!("open-announced");
    lines.extend(noted::conflicts(&before, &plan, &items, &failed, request, &loaded.names));
    lines.extend(request.confirm.as_ref().map(|plan| noted::confirmed(plan)));
    let known: HashSet<Digest> = before.iter().filter_map(mark_of).collect();
    lines.extend(report.audit_lines(&plan, &known));
    put_on_record(&mut loaded, lines)?;
    failpoint!("on-record");
    keep_open(&mut loaded, &open)?;
    if closes {
        // Their versions are let go.
        versions::exchange(&mut loaded, &plan.conflicts)?;
    }
    let run = loaded.run.clone();
    finish(&mut loaded, &run)?;
    report.weight = loaded.local.weight();
    failpoint!("finished");
    Ok(Recorded { loaded, plan })
}

/// The records of a run, in both logs; and in each of them where the other one ends.
fn put_on_record(loaded: &mut Loaded, mut lines: Vec<String>) -> Result<()> {
    let own = loaded.local.machine_notes()?;
    // How long this machine slept says what may be expected of both.
    let (shared, private): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|record| record.get("event") == Some(&"awake".into()));
    lines.splice(0..0, shared.into_iter().map(|record| Value::Object(record).to_string()));
    let note = |json: String| AuditNote { run: loaded.run.clone(), json };
    let mut notes: Vec<AuditNote> = lines.into_iter().map(note).collect();
    // Durable here before the peer notes it: a power cut must not look like a log that was cut.
    let head = loaded.local.audit(&notes)?;
    failpoint!("on-record-here");
    let of_here = chain::record(&loaded.names.here, &head);
    notes.push(note(Value::Object(of_here).to_string()));
    let head = loaded.remote.audit(&notes)?;
    private.into_iter().for_each(|record| loaded.local.note_last(record));
    loaded.local.note_last(chain::record(&loaded.names.there, &head));
    Ok(())
}

/// Both sides end the run at the same time: each reads what it agreed on once more.
fn finish(loaded: &mut Loaded, run: &str) -> Result<()> {
    let Loaded { local, remote, .. } = loaded;
    std::thread::scope(|scope| {
        let far = scope.spawn(|| remote.finish(run));
        local.finish(run)?;
        far.join().expect("a finishing thread does not panic")
    })
}

/// What stays open after this run, together with what a person chose to leave as it is.
fn still_open(
    before: &[OpenMatter],
    loaded: &mut Loaded,
    plan: &Plan,
    request: &Request,
    report: &mut RunReport,
) -> Vec<OpenMatter> {
    let is_guarded = |matter: &OpenMatter| matches!(matter, OpenMatter::Guarded(_));
    let (before_guarded, before): (Vec<_>, Vec<_>) = before.iter().cloned().partition(is_guarded);
    let mut open: Vec<OpenMatter> =
        plan.conflicts.iter().cloned().map(Box::new).map(OpenMatter::Conflict).collect();
    open.extend(plan.held.iter().cloned().map(OpenMatter::Held));
    let left = still_left(before, plan, report, &request.leave);
    report.note_left(&left);
    open.extend(left);
    open.append(&mut guarded(before_guarded, loaded, request));
    open
}

/// Before the log tells which conflicts opened and closed, both sides keep what it is about to tell:
/// fresh ones without their mark, closed ones as they are. Whichever step a broken run got to, the
/// next one tells the rest; the log may tell something twice, and never not at all. Returns whether a
/// conflict closes.
fn announce_open(
    loaded: &mut Loaded,
    before: &[OpenMatter],
    open: &[OpenMatter],
    plan: &Plan,
) -> Result<bool> {
    let told: HashSet<&RelPath> = before
        .iter()
        .filter_map(conflict_of)
        .filter(|c| !noted::is_untold(c))
        .map(|c| &c.path)
        .collect();
    let still: HashSet<&RelPath> = plan.conflicts.iter().map(|conflict| &conflict.path).collect();
    let untold = |matter: &OpenMatter| match matter {
        OpenMatter::Conflict(conflict) if !told.contains(&conflict.path) => {
            OpenMatter::Conflict(Box::new(noted::untold(conflict)))
        }
        matter => matter.clone(),
    };
    let closes =
        |matter: &&OpenMatter| conflict_of(matter).is_some_and(|c| !still.contains(&c.path));
    let closing: Vec<OpenMatter> = before.iter().filter(closes).cloned().collect();
    let announced: Vec<OpenMatter> =
        open.iter().map(untold).chain(closing.iter().cloned()).collect();
    keep_open(loaded, &announced)?;
    if !plan.conflicts.is_empty() {
        versions::exchange(loaded, &plan.conflicts)?;
    }
    Ok(!closing.is_empty())
}

/// Keeps what is open on both sides, as far as they do not know it yet.
fn keep_open(loaded: &mut Loaded, open: &[OpenMatter]) -> Result<()> {
    loaded.local.keep_open(open)?;
    loaded.remote.keep_open(open)
}

fn conflict_of(matter: &OpenMatter) -> Option<&Conflict> {
    match matter {
        OpenMatter::Conflict(conflict) => Some(conflict),
        _ => None,
    }
}

/// What was left on purpose and is as it was then, and what is to be left now. What changed since
/// the person saw it is refused.
fn still_left(
    before: Vec<OpenMatter>,
    plan: &Plan,
    report: &mut RunReport,
    leave: &[(RelPath, Digest)],
) -> Vec<OpenMatter> {
    let conflicts = plan.conflicts.iter().map(|c| (&c.path, c.mark));
    let held = plan.held.iter().map(|h| (&h.path, h.mark));
    let open: HashSet<(&RelPath, Digest)> = conflicts.chain(held).collect();
    let is_open = |path: &RelPath, mark: Digest| open.contains(&(path, mark));
    let mut left: BTreeSet<(RelPath, Digest)> = before
        .into_iter()
        .filter_map(|matter| match matter {
            OpenMatter::Left(path, mark) if is_open(&path, mark) => Some((path, mark)),
            _ => None,
        })
        .collect();
    for (path, mark) in leave {
        let now = open.iter().filter(|(open, _)| *open == path).map(|(_, mark)| *mark);
        // What was found to be in the way only when it was to be replaced has no better mark.
        let provisional = *mark == Digest::of(path.as_bytes());
        if provisional {
            left.extend(now.map(|mark| (path.clone(), mark)));
        } else if is_open(path, *mark) {
            left.insert((path.clone(), *mark));
        } else if now.count() > 0 {
            report.refused.push(path.clone());
        }
    }
    left.into_iter().map(|(path, mark)| OpenMatter::Left(path, mark)).collect()
}

fn mark_of(matter: &OpenMatter) -> Option<Digest> {
    match matter {
        OpenMatter::Conflict(conflict) => Some(conflict.mark),
        OpenMatter::Held(held) => Some(held.mark),
        OpenMatter::Left(..) | OpenMatter::Guarded(_) => None,
    }
}

/// What guards hold now. A run in one direction says nothing of what they hold in the other.
fn guarded(before: Vec<OpenMatter>, loaded: &mut Loaded, request: &Request) -> Vec<OpenMatter> {
    let unasked = match request.filter {
        Filter::Both => None,
        Filter::Out => Some(Side::Here),
        Filter::In => Some(Side::There),
    };
    let mut held = std::mem::take(&mut loaded.guarded);
    held.extend(
        before
            .into_iter()
            .filter(|matter| matches!(matter, OpenMatter::Guarded(g) if Some(g.on) == unasked)),
    );
    held
}
