//! Open conflicts and held paths of a pair, as this side keeps them, in `conflicts/`.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use ubos_core::conflict::ConflictKind;
use ubos_core::entry::Digest;
use ubos_core::sides::Side;

use super::StateDir;
use crate::agent::message::OpenMatter;
use crate::error::{EngineError, Result};
use crate::fs::atomic;

/// What is kept for `pair`, as seen from this side; nothing if there is no record.
///
/// # Errors
/// What the system says; a damaged record counts as none, the next run writes it anew.
pub fn load(state: &StateDir, pair: &str) -> Result<Vec<OpenMatter>> {
    let Some(folder) = state.existing_folder("conflicts")? else { return Ok(Vec::new()) };
    let bytes = atomic::read(folder.as_fd(), pair)
        .map_err(|e| EngineError::io("read", state.path("conflicts"), e))?;
    Ok(bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default())
}

/// Keeps `matters`, given as seen from this side, if they differ from what is kept.
///
/// # Errors
/// What the system says.
pub fn save(state: &StateDir, pair: &str, matters: &[OpenMatter]) -> Result<()> {
    if load(state, pair)? == matters {
        return Ok(());
    }
    let folder = state.folder("conflicts")?;
    let bytes = postcard::to_stdvec(matters).expect("serialising into memory cannot fail");
    atomic::write(folder.as_fd(), pair, &bytes)
        .map_err(|e| EngineError::io("write", state.path("conflicts"), e))
}

/// The items of the plan `id` that carries out what guards hold; none if that is another plan.
///
/// # Errors
/// As [`load`].
pub fn guarded(state: &StateDir, pair: &str, id: &str) -> Result<BTreeSet<Digest>> {
    let own = |matter: OpenMatter| match matter {
        OpenMatter::Guarded(guarded) if guarded.plans.here == id => Some(guarded.digests.here),
        _ => None,
    };
    Ok(load(state, pair)?.into_iter().filter_map(own).collect())
}

/// The same matter as the other side sees it.
pub fn mirrored(matter: &OpenMatter) -> OpenMatter {
    match matter.clone() {
        OpenMatter::Conflict(mut conflict) => {
            conflict.sides = conflict.sides.swap();
            conflict.kind = match conflict.kind {
                ConflictKind::ModifyDelete => ConflictKind::DeleteModify,
                ConflictKind::DeleteModify => ConflictKind::ModifyDelete,
                kind => kind,
            };
            OpenMatter::Conflict(conflict)
        }
        OpenMatter::Held(mut held) => {
            held.on = Side::other(held.on);
            OpenMatter::Held(held)
        }
        left @ OpenMatter::Left(..) => left,
        OpenMatter::Guarded(mut guarded) => {
            guarded.on = guarded.on.other();
            guarded.plans = guarded.plans.swap();
            guarded.digests = guarded.digests.swap();
            OpenMatter::Guarded(guarded)
        }
    }
}
