//! Stage 5: content moves into the staging of the side that needs it, and is verified there.

use std::collections::{BTreeMap, BTreeSet};

use ubos_core::conflict::{Notice, Skipped};
use ubos_core::entry::Entry;
use ubos_core::path::RelPath;
use ubos_core::plan::{Item, OpKind, Plan};
use ubos_core::sides::{Side, Sides};

use super::load::Loaded;
use super::plan::Planned;
use super::provided::Provided;
use super::report::RunReport;
use super::{Event, Listener, delta};
use crate::agent::content::operations;
use crate::agent::content::{Begin, NoSpace, SendItem, Slot, Want};
use crate::endpoint::{Endpoint, Scanned};
use crate::error::Result;
use crate::failpoint;
use crate::transfer::ContentSink;

/// What is staged.
pub(super) struct Transferred {
    /// The sides.
    pub loaded: Loaded,
    /// What was seen.
    pub seen: Sides<Scanned>,
    /// The plan.
    pub plan: Plan,
    /// What is to be carried out, by slot; an item whose content did not arrive is empty.
    pub items: Vec<Item>,
    /// Bytes of content that crossed, by operation.
    pub wire: BTreeMap<Slot, u64>,
}

pub(super) fn transfer(
    planned: Planned,
    report: &mut RunReport,
    listener: Listener<'_>,
) -> Result<Transferred> {
    let Planned { mut loaded, seen, mut plan } = planned;
    super::recover::begin_anew(&mut loaded)?;
    let mut items: Vec<Item> =
        plan.items.iter().filter(|item| item.guard.is_none()).cloned().collect();
    leave_out_undone_deletions(&mut loaded, &mut items, &mut plan)?;
    let wants = Side::BOTH.map(|side| wanted(&items, side));
    let files = wants.iter().map(Vec::len).sum::<usize>() as u64;
    let bytes = wants
        .iter()
        .flatten()
        .map(|(want, _)| want.entry.size() - want.tail_from.unwrap_or(0))
        .sum();
    if files > 0 {
        listener(Event::Moving { files, bytes });
    }
    let mut wire = BTreeMap::new();
    let provided = Provided::new(std::mem::take(&mut loaded.provided), &items);
    for (side, wants) in Side::BOTH.into_iter().zip(wants) {
        if wants.is_empty() {
            continue;
        }
        let moved = move_content(&mut loaded, side, &wants, &seen, &provided, &mut wire, listener)?;
        plan.notices.extend(moved.notices);
        for (slot, reason) in moved.failed {
            let item = &mut items[slot.item as usize];
            if let Some(op) = item.ops.get(slot.op as usize) {
                let on = if reason == "no-space" { side } else { side.other() };
                plan.skipped.push(Skipped { path: op.path.clone(), on, reason });
            }
            *item = Item { ops: Vec::new(), rows: Vec::new(), guard: None };
        }
    }
    failpoint!("transferred");
    report.wire_bytes = loaded.remote.wire_bytes().saturating_sub(report.wire_before);
    Ok(Transferred { loaded, seen, plan, items, wire })
}

/// A deletion needs two sightings: what the scan did not find must still be absent when the
/// deletion is about to be carried out on the other side.
fn leave_out_undone_deletions(
    loaded: &mut Loaded,
    items: &mut [Item],
    plan: &mut Plan,
) -> Result<()> {
    for side in Side::BOTH {
        let deleted = |item: &Item| {
            let first = item.ops.first()?;
            let deletes = first.to == side.other() && first.kind == OpKind::Delete;
            (deletes && !item.is_resolved()).then(|| first.path.clone())
        };
        let paths: Vec<RelPath> = items.iter().filter_map(deleted).collect();
        if paths.is_empty() {
            continue;
        }
        let absent = super::recover::endpoint(loaded, side).absent(&paths)?;
        for item in items.iter_mut() {
            if let Some(path) = deleted(item).filter(|path| !absent.contains(path)) {
                plan.skipped.push(Skipped { path, on: side, reason: "changed-since-plan".into() });
                *item = Item { ops: Vec::new(), rows: Vec::new(), guard: None };
            }
        }
    }
    Ok(())
}

/// The contents that `side` needs, with the paths where the other side has them.
fn wanted(items: &[Item], side: Side) -> Vec<(Want, RelPath)> {
    operations(items, side)
        .filter(|(_, op)| op.needs_content())
        .filter_map(|(slot, op)| {
            let entry = op.post.clone().filter(|entry| matches!(entry, Entry::File { .. }))?;
            let source = items[slot.item as usize].source_of(op);
            let tail_from = match &op.kind {
                OpKind::Append { from } => Some(*from),
                _ => None,
            };
            let basis = match &op.kind {
                OpKind::Replace { .. } => op.pre.clone(),
                _ => None,
            };
            Some((Want { slot, path: op.path.clone(), entry, basis, tail_from }, source))
        })
        .collect()
}

/// What became of contents that were moved.
struct Moved {
    /// What did not arrive, with the reasons.
    failed: Vec<(Slot, String)>,
    /// Worth knowing.
    notices: Vec<Notice>,
}

/// The endpoint that receives and the one that sends.
pub(super) fn pair(loaded: &mut Loaded, to: Side) -> (&mut dyn Endpoint, &mut dyn Endpoint) {
    match to {
        Side::Here => (&mut loaded.local, &mut loaded.remote),
        Side::There => (&mut loaded.remote, &mut loaded.local),
    }
}

/// Moves `wants` to `side`; returns what did not arrive, with the reasons.
fn move_content(
    loaded: &mut Loaded,
    side: Side,
    wants: &[(Want, RelPath)],
    seen: &Sides<Scanned>,
    provided: &Provided,
    wire: &mut BTreeMap<Slot, u64>,
    listener: Listener<'_>,
) -> Result<Moved> {
    let run = loaded.run.clone();
    let (target, _) = pair(loaded, side);
    let list: Vec<Want> = wants.iter().map(|(want, _)| want.clone()).collect();
    let resumes = target.stage(&run, &list)?;
    let mut failed: Vec<(Slot, String)> = Vec::new();
    let mut notices: Vec<Notice> = Vec::new();
    let mut sends: Vec<SendItem> = Vec::new();
    let mut complete: BTreeSet<Slot> = BTreeSet::new();
    for ((want, path), resume) in wants.iter().zip(resumes) {
        match resume.refused {
            Some(short) => {
                failed.push((want.slot, "no-space".to_owned()));
                notices.push(note_no_space(&want.path, side, short));
            }
            None if resume.have == want.entry.size() && resume.have > 0 => {
                complete.insert(want.slot);
            }
            None => sends.push(want.to_send(path.clone(), resume.have)),
        }
    }
    let by_slot = list.into_iter().map(|want| (want.slot, want)).collect();
    let given = provided.take(&mut sends);
    let before = sends.len();
    notices.extend(delta::by_rsync(loaded, side, &mut sends, &by_slot, seen, wire)?);
    (sends.len()..before).for_each(|_| listener(Event::FileDone));
    let (target, source) = pair(loaded, side);
    {
        let inner = target.sink()?;
        let mut sink = Counting { inner, wire, slot: None, listener };
        provided.send(&given, &mut sink)?;
        source.send(&sends, &mut sink)?;
        sink.close()?;
    }
    for result in target.staged()? {
        let refused = failed.iter().any(|(slot, _)| *slot == result.slot);
        if let Some(reason) = result.failed.filter(|_| !refused && !complete.contains(&result.slot))
        {
            failed.push((result.slot, reason));
        }
    }
    Ok(Moved { failed, notices })
}

/// What is needed and what is free, in a sentence.
fn note_no_space(path: &RelPath, on: Side, short: NoSpace) -> Notice {
    let NoSpace { needed, free, reserve } = short;
    let reason = format!(
        "no-space: {needed} bytes are needed, {free} are free for it beyond the {reserve} that stay free"
    );
    Notice { path: path.clone(), on, reason }
}

/// Counts what passes.
struct Counting<'a> {
    inner: Box<dyn ContentSink + 'a>,
    wire: &'a mut BTreeMap<Slot, u64>,
    slot: Option<Slot>,
    listener: Listener<'a>,
}

impl ContentSink for Counting<'_> {
    fn begin(&mut self, begin: &Begin) -> Result<()> {
        self.slot = Some(begin.slot);
        self.wire.insert(begin.slot, 0);
        self.inner.begin(begin)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        self.inner.seek(offset)
    }

    fn data(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(count) = self.slot.and_then(|slot| self.wire.get_mut(&slot)) {
            *count += bytes.len() as u64;
        }
        (self.listener)(Event::Moved(bytes.len() as u64));
        self.inner.data(bytes)
    }

    fn end(&mut self, whole: bool) -> Result<()> {
        (self.listener)(Event::FileDone);
        self.inner.end(whole)
    }

    fn close(&mut self) -> Result<()> {
        self.inner.close()
    }
}
