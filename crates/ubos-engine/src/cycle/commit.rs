//! Stage 6: intents on both sides, then both sides carry them out. Partial success is normal: what
//! happened goes into the outcomes, and from there into the record.

use std::collections::BTreeMap;

use ubos_core::conflict::{Held, HeldReason, Skipped};
use ubos_core::entry::{Digest, Entry};
use ubos_core::plan::{Item, OpKind, Plan};
use ubos_core::sides::{Side, Sides};

use super::load::Loaded;
use super::report::RunReport;
use super::transfer::Transferred;
use super::{Event, Listener, noted};
use crate::agent::content::Slot;
use crate::agent::content::operations;
use crate::agent::message::{FolderMode, OpOutcome, Outcome};
use crate::endpoint::{Endpoint, Scanned};
use crate::error::Result;
use crate::failpoint;

/// What was carried out.
pub(super) struct Committed {
    /// The sides.
    pub loaded: Loaded,
    /// The plan.
    pub plan: Plan,
    /// What was to be carried out.
    pub items: Vec<Item>,
    /// Indices of items that were not carried out in full, sorted.
    pub failed: Vec<u32>,
}

pub(super) fn commit(
    transferred: Transferred,
    confirmed: bool,
    report: &mut RunReport,
    listener: Listener<'_>,
) -> Result<Committed> {
    let Transferred { mut loaded, seen, mut plan, items, wire } = transferred;
    let mut failed: Vec<u32> = Vec::new();
    if items.iter().any(|item| !item.ops.is_empty()) {
        listener(Event::Committing);
        let run = loaded.run.clone();
        loaded.local.intend(&run, &items, confirmed)?;
        loaded.remote.intend(&run, &items, confirmed)?;
        failpoint!("both-intended");
        let modes = folder_modes(&items, &seen);
        let mut outcomes = loaded.remote.apply(modes.get(Side::There))?;
        failpoint!("peer-applied");
        outcomes.extend(loaded.local.apply(modes.get(Side::Here))?);
        failpoint!("both-applied");
        failed = judge(&items, &outcomes, &mut plan);
        report.oldest_change = noted::oldest_change(&items, &failed, &seen);
        note_late_writes(&mut loaded, &mut plan)?;
    }
    report.carried_out(&items, &failed, &wire);
    Ok(Committed { loaded, plan, items, failed })
}

/// Permission bits of the folders that are made, from the side that has them.
fn folder_modes(items: &[Item], seen: &Sides<Scanned>) -> Sides<Vec<FolderMode>> {
    let modes = |side: Side| {
        operations(items, side)
            .filter(|(_, op)| {
                op.post == Some(Entry::Dir) && !matches!(op.kind, OpKind::Rename { .. })
            })
            .filter_map(|(slot, op)| {
                let mode = seen.get(side.other()).changes.get(&op.path)?.mode;
                Some(FolderMode { slot, mode })
            })
            .collect()
    };
    Sides::new(modes(Side::Here), modes(Side::There))
}

/// Sorts out what was not carried out: skipped until the next run, or held for a person.
fn judge(items: &[Item], outcomes: &[OpOutcome], plan: &mut Plan) -> Vec<u32> {
    let outcomes: BTreeMap<Slot, &Outcome> =
        outcomes.iter().map(|o| (o.slot, &o.outcome)).collect();
    let mut failed = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let mut whole = true;
        for (op_index, op) in item.ops.iter().enumerate() {
            let slot = Slot { item: index as u32, op: op_index as u32 };
            let (path, on) = (op.path.clone(), op.to);
            match outcomes.get(&slot) {
                Some(Outcome::Done) => continue,
                Some(Outcome::Untracked) => {
                    let reason = HeldReason::UntrackedInTheWay;
                    let mark = Digest::of(path.as_bytes());
                    plan.held.push(Held { path, on, reason, mark });
                }
                Some(Outcome::Skipped(reason)) => {
                    plan.skipped.push(Skipped { path, on, reason: reason.clone() });
                }
                None => plan.skipped.push(Skipped { path, on, reason: "not-carried-out".into() }),
            }
            whole = false;
        }
        if !whole {
            failed.push(index as u32);
        }
    }
    failed
}

/// A program that kept a file open went on writing into the version that is now a backup: nothing
/// is lost, but someone should know.
fn note_late_writes(loaded: &mut Loaded, plan: &mut Plan) -> Result<()> {
    for side in Side::BOTH {
        let written = super::recover::endpoint(loaded, side).recheck()?;
        plan.notices.extend(written.into_iter().map(|path| ubos_core::conflict::Notice {
            path,
            on: side,
            reason: "late-write-in-backup".into(),
        }));
    }
    Ok(())
}
