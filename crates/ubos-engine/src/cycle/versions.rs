//! Part of stage 7: each side is given the other's versions of the open conflicts, so that they can
//! be shown and merged without the peer.

use std::collections::{BTreeMap, HashSet};

use ubos_core::conflict::Conflict;
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::sides::Side;

use super::load::Loaded;
use super::recover::endpoint;
use crate::agent::message::KeptVersion;
use crate::error::Result;
use crate::state::versions::digest_of;

/// So many bytes of versions are moved to a side in one run; the rest waits for the next.
const MAX_FETCH: u64 = 32 << 20;
/// So many bytes, and versions, are moved at a time.
const BATCH_BYTES: u64 = 8 << 20;
const BATCH: usize = 2_000;

/// Gives both sides what they lack of the versions of `conflicts`.
pub(super) fn exchange(loaded: &mut Loaded, conflicts: &[Conflict]) -> Result<()> {
    for side in Side::BOTH {
        let missing = endpoint(loaded, side).keep_versions(&[])?;
        if !missing.is_empty() {
            give(loaded, side, conflicts, missing)?;
        }
    }
    Ok(())
}

/// Gives `side` those versions of the other one that it is missing.
fn give(
    loaded: &mut Loaded,
    side: Side,
    conflicts: &[Conflict],
    missing: Vec<Digest>,
) -> Result<()> {
    let mut missing: HashSet<Digest> = missing.into_iter().collect();
    let mut places: BTreeMap<&RelPath, u64> = BTreeMap::new();
    let mut total = 0;
    for conflict in conflicts {
        let theirs = conflict.sides.get(side.other()).as_ref();
        let size = theirs.map_or(0, |seen| seen.entry.size());
        let wanted = digest_of(theirs).is_some_and(|digest| missing.remove(&digest));
        if wanted && total + size <= MAX_FETCH {
            total += size;
            places.insert(&conflict.path, size);
        }
    }
    let mut places = places.into_iter().peekable();
    while places.peek().is_some() {
        let mut batch: Vec<RelPath> = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH
            && let Some((path, size)) = places.next_if(|_| bytes < BATCH_BYTES)
        {
            bytes += size;
            batch.push(path.clone());
        }
        let contents = endpoint(loaded, side.other()).contents(&batch)?;
        let versions: Vec<KeptVersion> =
            contents.into_iter().flatten().map(|content| KeptVersion { content }).collect();
        endpoint(loaded, side).keep_versions(&versions)?;
    }
    Ok(())
}
