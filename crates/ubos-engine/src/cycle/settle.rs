//! Part of stage 3: what becomes of open conflicts without a person, by the policy of the run or
//! that of each path.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use ubos_core::conflict::{Choice, Conflict, ConflictKind, Resolution};
use ubos_core::entry::{Digest, Entry};
use ubos_core::merge::{Labels, Merged, merge};
use ubos_core::path::RelPath;
use ubos_core::policy::{Policies, Policy};
use ubos_core::sides::{Side, Sides};

use super::load::Loaded;
use super::{ConflictPolicy, Request, recover};
use crate::error::{EngineError, Result};
use crate::state::pack::{self, MAX_CONTENT, Pack};
use crate::state::texts;

/// So many bytes of both sides are held at a time, and so many paths asked for.
const BATCH: u64 = 8 << 20;
const BATCH_PATHS: usize = 512;
/// So many bytes of merged content are made in one run; what is left stays open until the next.
const MAX_MERGED: usize = 64 << 20;

/// What the merge is called in the marks where versions clash; such a text is only ever thrown
/// away here.
const BASE: &str = "last agreed";

/// The policy for each conflict.
pub(super) fn policy_of(policy: &ConflictPolicy, by_path: &Policies, path: &RelPath) -> Policy {
    match policy {
        ConflictPolicy::ByPath => by_path.policy_for(path),
        ConflictPolicy::Hold => Policy::Hold,
        ConflictPolicy::Newer => Policy::Newer,
        ConflictPolicy::Take(side) => Policy::Take(*side),
        ConflictPolicy::Merge => Policy::Merge,
    }
}

/// The resolutions that follow from the policies. What was merged for them is put among the
/// contents that the run provides.
pub(super) fn by_policy(
    loaded: &mut Loaded,
    request: &Request,
    by_path: &Policies,
    conflicts: &[Conflict],
) -> Result<BTreeMap<RelPath, Resolution>> {
    let mut resolutions = BTreeMap::new();
    let mut to_merge = Vec::new();
    for conflict in conflicts {
        let choice = match policy_of(&request.conflicts, by_path, &conflict.path) {
            Policy::Ask | Policy::Hold | Policy::Restore => None,
            Policy::Take(side) => Some(Choice::Take(side)),
            Policy::Newer => super::newer(conflict).map(Choice::Take),
            Policy::Merge => {
                to_merge.push(conflict);
                None
            }
        };
        if let Some(choice) = choice {
            resolutions.insert(conflict.path.clone(), resolution(conflict, choice));
        }
    }
    merge_all(loaded, &to_merge, request.dry_run, &mut resolutions)?;
    Ok(resolutions)
}

fn resolution(conflict: &Conflict, choice: Choice) -> Resolution {
    Resolution { choice, mark: conflict.mark, beside: None }
}

/// A conflict whose three texts can be had.
struct Candidate<'c> {
    conflict: &'c Conflict,
    base: Vec<u8>,
    digests: Sides<Digest>,
}

/// Merges what fits together; nothing is decided about the rest.
fn merge_all(
    loaded: &mut Loaded,
    conflicts: &[&Conflict],
    dry_run: bool,
    resolutions: &mut BTreeMap<RelPath, Resolution>,
) -> Result<()> {
    // Edits of the mirror of a one-way area go to its authority only by a person's decision.
    let edits = |c: &&&Conflict| c.kind == ConflictKind::ModifyModify;
    let mut edited = conflicts.iter().filter(edits).copied().peekable();
    if edited.peek().is_none() {
        return Ok(());
    }
    let folder = loaded.local.state().pair_folder(&loaded.pair)?;
    let pack = Pack::open(folder.as_fd(), texts::TEXTS)
        .map_err(|e| EngineError::io("read", loaded.local.state().path("state"), e))?;
    let Some(pack) = pack else { return Ok(()) };
    let mut made = 0;
    let mut damaged = !pack.is_whole();
    while edited.peek().is_some() && made < MAX_MERGED {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH && batch.len() < BATCH_PATHS {
            let Some(conflict) = edited.next() else { break };
            damaged |= is_damaged(conflict, &pack);
            if let Some(candidate) = candidate(conflict, &pack) {
                bytes += conflict.sides.iter().map(|(_, seen)| size_of(seen.as_ref())).sum::<u64>();
                batch.push(candidate);
            }
        }
        for (conflict, merged) in merge_batch(loaded, &batch)? {
            let (digest, size) = (Digest::of(&merged), merged.len() as u64);
            made += merged.len();
            loaded.provided.insert(digest, merged);
            let choice = Choice::Merged { digest, size };
            resolutions.insert(conflict.path.clone(), resolution(conflict, choice));
        }
    }
    if damaged && !dry_run {
        // Its absence is noticed at the end of the run, and the texts are filled in anew.
        pack::remove(folder.as_fd(), texts::TEXTS)
            .map_err(|e| EngineError::io("remove", loaded.local.state().path("state"), e))?;
    }
    Ok(())
}

/// Whether the text that a conflict's versions were made from is there and cannot be read.
fn is_damaged(conflict: &Conflict, pack: &Pack) -> bool {
    let digest = conflict.base.entry().and_then(Entry::digest);
    digest.is_some_and(|digest| pack.has(digest) && pack.get(digest).is_none())
}

fn size_of(seen: Option<&ubos_core::conflict::Seen>) -> u64 {
    seen.map_or(0, |seen| seen.entry.size())
}

fn candidate<'c>(conflict: &'c Conflict, pack: &Pack) -> Option<Candidate<'c>> {
    let digest = |side: Side| match &conflict.sides.get(side).as_ref()?.entry {
        Entry::File { digest, size, .. } if *size <= MAX_CONTENT as u64 => Some(*digest),
        _ => None,
    };
    let digests = Sides::new(digest(Side::Here)?, digest(Side::There)?);
    let base = pack.get(conflict.base.entry()?.digest()?)?;
    Some(Candidate { conflict, base, digests })
}

fn merge_batch<'c>(
    loaded: &mut Loaded,
    batch: &[Candidate<'c>],
) -> Result<Vec<(&'c Conflict, Vec<u8>)>> {
    let paths: Vec<RelPath> = batch.iter().map(|c| c.conflict.path.clone()).collect();
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let here = recover::endpoint(loaded, Side::Here).contents(&paths)?;
    let there = recover::endpoint(loaded, Side::There).contents(&paths)?;
    let names = &loaded.names;
    let labels = Labels { here: &names.here, base: BASE, there: &names.there };
    let merged = batch.iter().zip(here.into_iter().zip(there)).filter_map(|(candidate, both)| {
        let Candidate { conflict, base, digests } = candidate;
        let (here, there) = (both.0?, both.1?);
        // What was edited since the scan is another conflict, which the next run sees.
        if Digest::of(&here) != digests.here || Digest::of(&there) != digests.there {
            return None;
        }
        match merge(&conflict.path, Some(base), &here, &there, &labels)? {
            Merged::Clean(merged) => Some((*conflict, merged)),
            Merged::Conflicted(_) => None,
        }
    });
    Ok(merged.collect())
}
