//! Before anything new is decided: what became of a run that was cut off is read from the disk and
//! committed as a generation of its own; a lost state is taken from the other side; or, on a
//! person's order, all memory is dropped and the two trees are merged.

use std::collections::{BTreeMap, BTreeSet};

use ubos_core::baseline::Baseline;
use ubos_core::entry::{Base, Digest, Entry};
use ubos_core::path::RelPath;
use ubos_core::plan::{Item, OpKind, Operation};
use ubos_core::sides::{Side, Sides};

use super::Request;
use super::agree::{self, Agreement};
use super::load::Loaded;
use super::report::RunReport;
use crate::agent::content::Slot;
use crate::agent::message::{Applied, AuditNote, PrepareOrder, PublicRow, RunEvidence};
use crate::clock;
use crate::endpoint::{Endpoint, rows};
use crate::error::{EngineError, Result};
use crate::state::generation::Header;

/// Makes the two sides agree. Returns false if that would have to write, and nothing may be written.
pub(super) fn settle(
    loaded: &mut Loaded,
    agreement: Agreement,
    request: &Request,
    report: &mut RunReport,
) -> Result<bool> {
    if request.dry_run {
        if agreement != Agreement::Equal {
            report.recovery_pending();
        }
        return Ok(matches!(agreement, Agreement::Equal | Agreement::Recover));
    }
    // A marker that is behind because its step was cut off is brought up first: it may only ever
    // be one generation behind its own state.
    for side in Side::BOTH {
        let standing = loaded.standings.get(side);
        if standing.header.is_some() && !standing.marked && agreement != Agreement::Heal(side) {
            endpoint(loaded, side).mark()?;
        }
    }
    match agreement {
        Agreement::Equal => {}
        Agreement::Recover => recover_runs(loaded)?,
        Agreement::RollForward(side) => endpoint(loaded, side).roll_forward()?,
        Agreement::Heal(side) => heal(loaded, side)?,
    }
    let header = loaded.local.table()?.header().clone();
    for side in Side::BOTH {
        loaded.standings.get_mut(side).header = Some(header.clone());
    }
    Ok(true)
}

/// The endpoint of a side.
pub(super) fn endpoint(loaded: &mut Loaded, side: Side) -> &mut dyn Endpoint {
    match side {
        Side::Here => &mut loaded.local,
        Side::There => &mut loaded.remote,
    }
}

fn heal(loaded: &mut Loaded, side: Side) -> Result<()> {
    let header = loaded.standings.get(side.other()).header.clone();
    let Some(header) = header else {
        return Err(EngineError::Damaged {
            what: "the state of both sides".into(),
            why: "is lost".into(),
        });
    };
    let exported = endpoint(loaded, side.other()).export()?;
    endpoint(loaded, side).import(&header, exported)?;
    audit(loaded, &format!(r#"{{"event":"state-healed","side":"{}"}}"#, loaded.names.get(side)))?;
    let other = loaded.standings.get(side.other());
    if other.open_runs || other.prepared.is_some() { recover_runs(loaded) } else { Ok(()) }
}

/// Adds a record of this run to both audit logs.
pub(super) fn audit(loaded: &mut Loaded, json: &str) -> Result<()> {
    audit_all(loaded, vec![json.to_owned()])
}

/// Adds records of this run to both audit logs, which are made durable once.
pub(super) fn audit_all(loaded: &mut Loaded, lines: Vec<String>) -> Result<()> {
    let note = |json| AuditNote { run: loaded.run.clone(), json };
    let notes: Vec<AuditNote> = lines.into_iter().map(note).collect();
    loaded.local.audit(&notes)?;
    loaded.remote.audit(&notes)?;
    Ok(())
}

/// Settles what cut-off runs left, as a generation of its own.
fn recover_runs(loaded: &mut Loaded) -> Result<()> {
    let (here, mut prepared) = loaded.local.open_runs()?;
    let (there, prepared_there) = loaded.remote.open_runs()?;
    prepared.extend(prepared_there);
    let mut settled: BTreeMap<RelPath, Base> = BTreeMap::new();
    let runs: BTreeSet<&str> = here.iter().chain(&there).map(|e| e.run.as_str()).collect();
    for run in runs {
        let find = |side: &[RunEvidence]| side.iter().find(|e| e.run == run).cloned();
        settled.extend(settle_run(&Sides::new(find(&here), find(&there))));
    }
    let table = loaded.local.table()?;
    for row in prepared {
        if !settled.contains_key(&row.path) && table.base(&row.path) != row.base {
            settled.insert(row.path, Base::Unknown);
        }
    }
    settled.retain(|path, base| table.base(path) != *base);
    let count = settled.len();
    let rows: Vec<PublicRow> =
        settled.into_iter().map(|(path, base)| PublicRow { path, base, earlier: [0; 3] }).collect();
    let manifests = table.header().manifests;
    advance(loaded, &[], &[], rows, manifests)?;
    audit(loaded, &format!(r#"{{"event":"recovered","rows":{count}}}"#))
}

/// What the traces of a run on both sides say about its paths. Rows that stay as they are are not
/// listed.
fn settle_run(sides: &Sides<Option<RunEvidence>>) -> BTreeMap<RelPath, Base> {
    let journalled = |side: Side| sides.get(side).as_ref().filter(|e| !e.items.is_empty());
    let items: &[Item] = match (journalled(Side::Here), journalled(Side::There)) {
        (Some(evidence), _) | (None, Some(evidence)) => &evidence.items,
        (None, None) => return BTreeMap::new(),
    };
    let found = sides.as_ref().map(|evidence| match evidence {
        Some(evidence) if !evidence.items.is_empty() => Found::Looked(&evidence.found),
        // No intent on this side. If it staged and never began, nothing was done there: the run
        // was cut off between the two journals. Otherwise its journal is not what it was.
        Some(evidence) if evidence.unbegun => Found::Nothing,
        _ => Found::Unknown,
    });
    let mut settled = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let results = item.ops.iter().enumerate().map(|(op, operation)| {
            let slot = Slot { item: index as u32, op: op as u32 };
            found.get(operation.to).of(slot)
        });
        let results: Vec<Applied> = results.collect();
        let all = |applied: Applied| results.iter().all(|result| *result == applied);
        if all(Applied::No) {
            continue;
        }
        if let Some((path, entry)) = half_merged(item, &results) {
            settled.insert(path.clone(), Base::Known(entry.clone()));
            continue;
        }
        let done = all(Applied::Yes);
        for (path, entry) in &item.rows {
            let base = match (done, entry) {
                (true, Some(entry)) => Base::Known(entry.clone()),
                (true, None) => Base::Absent,
                (false, _) => Base::Unknown,
            };
            settled.insert(path.clone(), base);
        }
    }
    settled
}

/// Of a merge that only one side was given: where, and what the other side still holds. The merge
/// was made of that, so it is a later edit of it and goes on its way as such.
fn half_merged<'i>(item: &'i Item, results: &[Applied]) -> Option<(&'i RelPath, &'i Entry)> {
    let ([one, other], [first, second]) = (&item.ops[..], results) else { return None };
    let replaces = |op: &Operation| matches!(op.kind, OpKind::Replace { .. });
    let merge = replaces(one) && replaces(other) && one.to != other.to && one.post == other.post;
    let left = match (first, second) {
        (Applied::Yes, Applied::No) => other,
        (Applied::No, Applied::Yes) => one,
        _ => return None,
    };
    left.pre.as_ref().filter(|_| merge && one.path == other.path).map(|pre| (&left.path, pre))
}

/// What is known of a side's operations of a run.
enum Found<'a> {
    Looked(&'a [(Slot, Applied)]),
    Nothing,
    Unknown,
}

impl Found<'_> {
    fn of(&self, slot: Slot) -> Applied {
        match self {
            Found::Nothing => Applied::No,
            Found::Unknown => Applied::Unknown,
            Found::Looked(found) => found
                .iter()
                .find(|(s, _)| *s == slot)
                .map_or(Applied::Unknown, |(_, applied)| *applied),
        }
    }
}

/// The next generation, prepared on both sides, committed on both, marked on both, in this order:
/// whatever stops it in between can be told and finished by the next run.
pub(super) fn advance(
    loaded: &mut Loaded,
    items: &[Item],
    failed: &[u32],
    extra: Vec<PublicRow>,
    manifests: [Digest; 3],
) -> Result<Header> {
    let public = rows::public_rows(items, failed, &extra);
    let header = loaded.local.table()?.header().next(
        &loaded.run,
        rows::rows_digest(&public),
        manifests,
        true,
        clock::now(),
    );
    let order = PrepareOrder { header: header.clone(), failed: failed.to_vec() };
    loaded.local.prepare(&order, &extra)?;
    loaded.remote.prepare(&order, &extra)?;
    loaded.local.commit()?;
    loaded.remote.commit()?;
    loaded.local.mark()?;
    loaded.remote.mark()?;
    Ok(header)
}

/// Drops all memory of the pair: what both have is adopted, what one has is given to the other,
/// what differs is a conflict. In a preview the memory is only left out of account.
pub(super) fn forget(loaded: &mut Loaded, expected: &Sides<String>, dry_run: bool) -> Result<()> {
    for side in Side::BOTH {
        let replica = &loaded.standings.get(side).replica;
        if replica
            .as_ref()
            .is_some_and(|replica| replica != expected.get(side) && !expected.get(side).is_empty())
        {
            return Err(agree::foreign(side, &loaded.names));
        }
    }
    let generation =
        |side: Side| loaded.standings.get(side).header.as_ref().map_or(0, |h| h.generation);
    let mut header = Header::first(&loaded.pair);
    header.generation = generation(Side::Here).max(generation(Side::There)) + 1;
    header.chain = Digest::of(format!("{} forgotten in {}", loaded.pair, loaded.run).as_bytes());
    header.trusted = false;
    header.made = clock::now();
    loaded.order.blank = Some(header);
    if !dry_run {
        // What a run that was cut off left half-way is brought to an end first: its former versions
        // go to the backups.
        for side in Side::BOTH {
            if loaded.standings.get(side).header.is_some() {
                endpoint(loaded, side).open_runs()?;
            }
        }
        audit(loaded, r#"{"event":"memory-dropped"}"#)?;
    }
    for side in Side::BOTH {
        loaded.standings.get_mut(side).header = None;
    }
    Ok(())
}

/// Makes the dropped memory real, on both sides, once the plan stands.
pub(super) fn begin_anew(loaded: &mut Loaded) -> Result<()> {
    let Some(header) = loaded.order.blank.clone() else { return Ok(()) };
    loaded.local.import(&header, Vec::new())?;
    loaded.remote.import(&header, Vec::new())?;
    loaded.local.mark()?;
    loaded.remote.mark()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ubos_core::entry::Entry;
    use ubos_core::plan::{OpKind, Operation, Reason};

    fn item(path: &str, to: Side) -> Item {
        let path = RelPath::new(path).unwrap();
        let op = Operation {
            path: path.clone(),
            to,
            kind: OpKind::Mkdir,
            pre: None,
            post: Some(Entry::Dir),
            reason: Reason::Created,
        };
        Item { ops: vec![op], rows: vec![(path, Some(Entry::Dir))], guard: None }
    }

    fn evidence(items: &[Item], found: &[Applied], unbegun: bool) -> Option<RunEvidence> {
        let found = found.iter().enumerate();
        let found = found.map(|(i, applied)| (Slot { item: i as u32, op: 0 }, *applied)).collect();
        Some(RunEvidence { run: "r".into(), items: items.to_vec(), found, unbegun })
    }

    fn bases(sides: Sides<Option<RunEvidence>>) -> Vec<Base> {
        settle_run(&sides).into_values().collect()
    }

    #[test]
    fn what_was_carried_out_becomes_the_baseline_and_what_was_not_stays() {
        let items = [item("a", Side::There), item("b", Side::There), item("c", Side::There)];
        let there = evidence(&items, &[Applied::Yes, Applied::No, Applied::Unknown], false);
        let settled = settle_run(&Sides::new(evidence(&items, &[], false), there));
        let names: Vec<String> = settled.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(
            settled.into_values().collect::<Vec<_>>(),
            [Base::Known(Entry::Dir), Base::Unknown]
        );
    }

    #[test]
    fn an_intent_on_one_side_only_is_nothing_done_or_nothing_known() {
        let items = [item("a", Side::There)];
        let here = evidence(&items, &[], false);
        assert!(bases(Sides::new(here.clone(), evidence(&[], &[], true))).is_empty());
        assert_eq!(bases(Sides::new(here.clone(), evidence(&[], &[], false))), [Base::Unknown]);
        assert_eq!(bases(Sides::new(here, None)), [Base::Unknown]);
    }
}
