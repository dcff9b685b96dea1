//! Plans that were shown, so that a person can confirm exactly what was seen. Kept beside the
//! audit log: for each plan the digests of its items. A dry run writes nothing else.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use rustix::fs::AtFlags;

use ubos_core::entry::Digest;
use ubos_core::plan::Plan;

use crate::error::{EngineError, Result};
use crate::fs::{Stamp, atomic, list, stat_in};
use crate::state::StateDir;

const FOLDER: &str = "log/plans";
/// So many plans are kept; the one shown longest ago goes first.
const KEPT: usize = 20;

/// Remembers a plan that was shown.
///
/// # Errors
/// What the system says.
pub fn remember(state: &StateDir, plan: &Plan) -> Result<()> {
    let folder = state.folder(FOLDER)?;
    let failed = |e| EngineError::io("write", state.path(FOLDER), e);
    let digests: Vec<Digest> = plan.items.iter().map(ubos_core::plan::Item::digest).collect();
    let bytes = postcard::to_stdvec(&digests).expect("serialising into memory cannot fail");
    atomic::write(folder.as_fd(), &plan.id, &bytes).map_err(failed)?;
    let mut kept = Vec::new();
    for entry in list(folder.as_fd()).map_err(failed)? {
        if let Ok(Some(stat)) = stat_in(folder.as_fd(), &entry.name) {
            kept.push((Stamp::of(&stat).mtime, entry.name));
        }
    }
    kept.sort_unstable();
    for (_, name) in kept.iter().take(kept.len().saturating_sub(KEPT)) {
        rustix::fs::unlinkat(&folder, &name[..], AtFlags::empty()).map_err(|e| failed(e.into()))?;
    }
    Ok(())
}

/// The digests of the items of a plan that was shown.
///
/// # Errors
/// [`EngineError::Config`] if no such plan is known.
pub fn recall(state: &StateDir, id: &str) -> Result<BTreeSet<Digest>> {
    let unknown = || EngineError::Config {
        message: format!("no plan `{id}` was shown here"),
        hint: Some("`ubos-sync status` shows the present plan and its id".into()),
    };
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit());
    let folder = state.existing_folder(FOLDER)?.filter(|_| plain).ok_or_else(unknown)?;
    let bytes = atomic::read(folder.as_fd(), id)
        .map_err(|e| EngineError::io("read", state.path(FOLDER), e))?
        .ok_or_else(unknown)?;
    let digests: Vec<Digest> = postcard::from_bytes(&bytes).map_err(|_| unknown())?;
    Ok(digests.into_iter().collect())
}
