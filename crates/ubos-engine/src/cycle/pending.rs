//! What waits on this side while the peer cannot be reached.

use ubos_core::baseline::Baseline;
use ubos_core::entry::{Base, Entry, Observation, State};
use ubos_core::path::RelPath;
use ubos_core::plan::Reason;
use ubos_core::selection::Selection;
use ubos_core::sides::Side;

use super::Request;
use super::report::{Action, RunReport};
use crate::agent::message::ScanOrder;
use crate::endpoint::Endpoint;
use crate::endpoint::local::LocalEndpoint;
use crate::error::Result;
use crate::state::StateDir;
use crate::state::config::Config;

/// Lists this side's changes since the last sync in `report`, as far as they may go to the peer.
pub(super) fn look(request: &Request, report: &mut RunReport) -> Result<()> {
    let state = StateDir::open(&request.root)?;
    let config = Config::require(&state)?;
    let (_, peer) = config.peer(request.peer.as_deref())?;
    let peer = peer.clone();
    let owner = if peer.owner { Side::Here } else { Side::There };
    let mut local = LocalEndpoint::open(state, config.clone(), peer, Side::Here);
    local.lock()?;
    let standing = local.look()?;
    report.last_run = standing.last_run;
    report.generation = standing.header.as_ref().map_or(0, |header| header.generation);
    let [Some(to), Some(from), Some(exclude)] = standing.manifests else { return Ok(()) };
    let order = ScanOrder {
        manifests: [to, from, exclude],
        builtin: config.builtin(),
        symlinks: config.symlinks,
        verify: request.verify,
        again: false,
        blank: None,
    };
    let found = local.scan(&order)?;
    report.scanned.here = found.scanned;
    let (table, Some(selection)) = (local.table()?, local.selection()) else { return Ok(()) };
    for (path, seen) in found.changes {
        if !waits(selection, owner, &path, &seen) {
            continue;
        }
        let base = table.base(&path);
        let (op, reason) = match (&base, &seen.state) {
            (_, State::Problem(_)) => continue,
            (Base::Known(Entry::Dir), State::Absent) => ("rmdir", Reason::Deleted),
            (Base::Known(_), State::Absent) => ("delete", Reason::Deleted),
            (_, State::Absent) => continue,
            (Base::Known(_), State::Present(_)) => ("update", Reason::Modified),
            (_, State::Present(Entry::Dir)) => ("mkdir", Reason::Created),
            (_, State::Present(_)) => ("create", Reason::Created),
        };
        let bytes = seen.state.entry().map_or(0, Entry::size);
        let (to, held_by) = (Side::There, None);
        report.actions.push(Action {
            path,
            to,
            op,
            from: None,
            bytes,
            wire_bytes: 0,
            reason,
            held_by,
        });
    }
    Ok(())
}

/// Whether a change of this side may go to the peer: it can be told what it is, and it is not an edit
/// on the wrong side of a one-way area. `owner` is the side whose manifests give the directions.
pub(crate) fn waits(
    selection: &Selection,
    owner: Side,
    path: &RelPath,
    seen: &Observation,
) -> bool {
    let direction = super::reconcile::direction(selection, path);
    let theirs = direction.is_none_or(|direction| direction.authority(owner) == Some(Side::There));
    !theirs && !matches!(seen.state, State::Problem(_))
}
