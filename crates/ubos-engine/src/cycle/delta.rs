//! Part of stage 5: large files whose changes are not a few whole pieces go by rsync, if both sides
//! have one.

use std::collections::BTreeMap;

use ubos_core::conflict::Notice;
use ubos_core::sides::{Side, Sides};

use super::load::Loaded;
use super::transfer::pair;
use crate::agent::content::{Collect, SendItem, Slot, Want};
use crate::endpoint::Scanned;
use crate::error::Result;
use crate::rsync;
use crate::rsync::boxes::{self, BoxKind};

/// Moves by rsync what is better moved so, and takes it out of `sends`.
pub(super) fn by_rsync(
    loaded: &mut Loaded,
    to: Side,
    sends: &mut Vec<SendItem>,
    wants: &BTreeMap<Slot, Want>,
    seen: &Sides<Scanned>,
    wire: &mut BTreeMap<Slot, u64>,
) -> Result<Vec<Notice>> {
    let chosen = choose(loaded, to, sends)?;
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    for side in Side::BOTH {
        if !super::recover::endpoint(loaded, side).has_rsync()? {
            let notice = |item: &SendItem| Notice {
                path: item.path.clone(),
                on: side,
                reason: "sent-without-delta-because-rsync-is-missing".into(),
            };
            return Ok(chosen.iter().map(notice).collect());
        }
    }
    for item in chosen {
        let Some(want) = wants.get(&item.slot) else { continue };
        let mtime = seen.get(to.other()).changes.get(&item.path).and_then(|o| o.mtime);
        let (seconds, nanos) = mtime.unwrap_or_default();
        let mtime = crate::fs::nanoseconds(seconds, i64::from(nanos));
        let crossed = one(loaded, to, &item, Collect { want: want.clone(), mtime })?;
        if let Some(crossed) = crossed {
            wire.insert(item.slot, crossed);
            sends.retain(|send| send.slot != item.slot);
        }
    }
    Ok(Vec::new())
}

fn choose(loaded: &mut Loaded, to: Side, sends: &[SendItem]) -> Result<Vec<SendItem>> {
    let large = |item: &&SendItem| {
        let basis = item.basis.as_ref().filter(|basis| basis.size() >= rsync::MIN_SIZE);
        basis.is_some() && item.have == 0 && item.entry.size() >= rsync::MIN_SIZE
    };
    let candidates: Vec<SendItem> = sends.iter().filter(large).cloned().collect();
    if candidates.is_empty() {
        return Ok(candidates);
    }
    let (_, source) = pair(loaded, to);
    let costs = source.cost(&candidates)?;
    let worth = candidates.into_iter().zip(costs);
    let worth = worth.filter(|(item, cost)| rsync::is_worth_while(item.entry.size(), *cost));
    Ok(worth.map(|(item, _)| item).collect())
}

/// One file; `None` if it did not arrive whole.
fn one(loaded: &mut Loaded, to: Side, item: &SendItem, collect: Collect) -> Result<Option<u64>> {
    let run = loaded.run.clone();
    let (target, source) = pair(loaded, to);
    let filled = source.fill_outbox(&run, std::slice::from_ref(item))?;
    let based = target.fill_inbox(&run, std::slice::from_ref(&collect.want))?;
    let send = to == Side::There;
    let kind = if send { BoxKind::Out } else { BoxKind::In };
    let folder = boxes::path(loaded.local.state(), &run, kind);
    let crossed = if filled == [true] && based == [true] {
        loaded.remote.rsync(&run, &folder, item.slot, send)?
    } else {
        0
    };
    let (target, source) = pair(loaded, to);
    source.empty_outbox(&run, std::slice::from_ref(item))?;
    let results = target.collect_inbox(&run, &[collect])?;
    let arrived = results.iter().all(|result| result.failed.is_none());
    Ok(arrived.then_some(crossed))
}
