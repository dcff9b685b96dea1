//! From paths and a choice on the command line to decisions about single clashes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ubos_core::conflict::{Choice, Conflict, Held, Resolution};
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::sides::Side;
use ubos_engine::clock;
use ubos_engine::cycle::Request;
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::endpoint::standing::read_manifests;

use super::beside::beside;
use crate::cli::Global;
use crate::commands::conflicts::Open;
use crate::failure::Failure;
use crate::territory;

/// Something that waits for a decision.
pub(super) enum Clash<'a> {
    /// Both sides changed it.
    Conflict(&'a Conflict),
    /// It is not applied.
    Held(&'a Held),
}

impl Clash<'_> {
    fn mark(&self) -> Digest {
        match self {
            Clash::Conflict(conflict) => conflict.mark,
            Clash::Held(held) => held.mark,
        }
    }
}

/// What is open, by path.
pub(super) fn clashes(open: &Open) -> BTreeMap<&RelPath, Clash<'_>> {
    let held = open.held.iter().map(|held| (&held.path, Clash::Held(held)));
    let conflicts = open.conflicts.iter().map(|c| (&c.path, Clash::Conflict(c)));
    held.chain(conflicts).collect()
}

/// Puts a choice for each path into the request.
pub(super) fn decide(
    request: &mut Request,
    open: &Open,
    paths: Vec<RelPath>,
    mut choose: impl FnMut(&RelPath, &Clash<'_>) -> Result<Choice, Failure>,
) -> Result<(), Failure> {
    let clashes = clashes(open);
    let mut resolutions = BTreeMap::new();
    let mut names = BTreeSet::new();
    for path in paths {
        let Some(clash) = clashes.get(&path) else { continue };
        let choice = choose(&path, clash)?;
        let resolution = resolution(&path, choice, clash.mark(), &open.names.there, &mut names);
        resolutions.insert(path, resolution);
    }
    request.resolutions = Some(resolutions);
    Ok(())
}

/// A choice with all that a run needs. `names` are those already given to versions of the peer.
pub(super) fn resolution(
    path: &RelPath,
    choice: Choice,
    mark: Digest,
    peer: &str,
    names: &mut BTreeSet<RelPath>,
) -> Resolution {
    let beside = (choice == Choice::Both)
        .then(|| beside(path, peer, &clock::now_rfc3339(), |name| names.contains(name)))
        .flatten();
    names.extend(beside.clone());
    Resolution { choice, mark, beside }
}

/// The open paths that are named, each directly or by a folder above it.
pub(super) fn named(
    open: &Open,
    given: &[PathBuf],
    global: &Global,
) -> Result<Vec<RelPath>, Failure> {
    let root = territory::root(global)?;
    let known: Vec<&RelPath> = clashes(open).into_keys().collect();
    let mut paths = Vec::new();
    for text in given {
        // `.` at the top means everything.
        let place = std::path::absolute(text).unwrap_or_else(|_| text.clone());
        if place.components().eq(root.components()) {
            paths.extend(known.iter().map(|path| (*path).clone()));
            continue;
        }
        let covers = |path: &RelPath, known: &RelPath| known == path || known.is_below(path);
        let path = territory::relative(&root, text, |path| known.iter().any(|k| covers(path, k)))?;
        let found: Vec<RelPath> =
            known.iter().filter(|k| covers(&path, k)).map(|k| (*k).clone()).collect();
        if found.is_empty() {
            return Err(Failure::usage(
                format!("nothing is open at `{path}`"),
                "`ubos-sync status` looks anew; `ubos-sync conflicts` lists what the last run recorded",
            ));
        }
        paths.extend(found);
    }
    Ok(paths)
}

/// The side with the newer version.
pub(super) fn newer(path: &RelPath, conflict: &Conflict) -> Result<Side, Failure> {
    ubos_engine::cycle::newer(conflict).ok_or_else(|| not_comparable(path))
}

/// Nothing tells which version is newer.
pub(super) fn not_comparable(path: &RelPath) -> Failure {
    Failure::usage(
        format!("it cannot be told which version of `{path}` is newer"),
        "name the territory whose version is to be kept",
    )
}

/// The side whose content counts at a path of a one-way area.
pub(super) fn authority(path: &RelPath, global: &Global) -> Result<Side, Failure> {
    let (state, config) = territory::open(global)?;
    let (_, peer) = config.peer(global.peer.as_deref())?;
    let texts = read_manifests(&state, &peer.manifests)?;
    let selection =
        compile(&peer.manifests, &texts.map(Option::unwrap_or_default), &config.builtin())?;
    let owner = if peer.owner { Side::Here } else { Side::There };
    let direction = selection.judge_path(path, false).direction();
    direction.and_then(|direction| direction.authority(owner)).ok_or_else(|| {
        Failure::usage(
            format!("`{path}` is not in a one-way area"),
            "settle it with `ubos-sync resolve`",
        )
    })
}
