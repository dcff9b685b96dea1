//! `resolve`, `revert`, `promote`: a person's decision about single paths, carried out at once on
//! both sides. Refused if either side changed since the clash was recorded.

mod merge;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use ubos_core::conflict::{Choice, Conflict, ConflictKind, Held, HeldReason, Resolution};
use ubos_core::entry::Digest;
use ubos_core::path::{RelPath, join_bytes};
use ubos_core::plan::Filter;
use ubos_core::sides::Side;
use ubos_engine::clock;
use ubos_engine::cycle::Request;
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::endpoint::standing::read_manifests;

use super::conflicts::{self, Open};
use super::sync;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::territory;
use crate::ui::Ui;

/// Settle a conflict
///
/// The version that is not kept goes to the backups. A conflict that changed on either side since it
/// was last recorded is shown anew instead.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync resolve config/CLAUDE.md --keep balaur    balaur's version becomes both sides'
  ubos-sync resolve config/CLAUDE.md --keep both      balaur's version beside ours
  ubos-sync resolve docs --keep newer                 every conflict below docs/
  ubos-sync resolve docs --keep merge                 both edits, wherever they fit together
  ubos-sync resolve . --leave                         all that is open stays as it is")]
pub(crate) struct ResolveArgs {
    /// The paths in conflict, or folders above them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// What to keep: a territory's name, both, newer, merge (both edits, where they fit together), or changed-only (of a deleted folder: keep what was changed in it)
    #[arg(
        long,
        value_name = "CHOICE",
        required_unless_present = "leave",
        conflicts_with = "leave"
    )]
    keep: Option<String>,
    /// Leave it as it is, on purpose: no longer a reason for exit 3 until it changes
    #[arg(long)]
    leave: bool,
}

/// Decide about edits in a one-way area
#[derive(Debug, Args)]
pub(crate) struct PathsArgs {
    /// The held paths
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// Something that waits for a decision.
enum Clash<'a> {
    Conflict(&'a Conflict),
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

/// Settles conflicts.
pub(crate) fn resolve(args: &ResolveArgs, global: &Global, ui: &Ui) -> Outcome {
    let open = conflicts::open(global)?;
    let paths = named(&open, &args.paths, global)?;
    let mut request = sync::request(global, "resolve", Filter::Both)?;
    if args.leave {
        request.leave = paths;
        return sync::run(&request, ui);
    }
    let keep = args.keep.as_deref().unwrap_or_default();
    if keep == "merge" {
        return merge::resolve(&mut request, &open, paths, global, ui);
    }
    decide(&mut request, &open, paths, |path, clash| {
        let choice = match (keep, clash) {
            ("both", _) => Choice::Both,
            ("changed-only", _) => Choice::ChangedOnly,
            ("newer", Clash::Conflict(conflict)) => Choice::Take(newer(path, conflict)?),
            ("newer", Clash::Held(_)) => return Err(not_comparable(path)),
            (name, _) => Choice::Take(sync::side_named(name, global)?),
        };
        Ok(choice)
    })?;
    sync::run(&request, ui)
}

/// Takes the authority's version.
pub(crate) fn revert(args: &PathsArgs, global: &Global, ui: &Ui) -> Outcome {
    one_way(args, global, ui, "revert", |authority| authority)
}

/// Sends the mirror's version to the authority, once.
pub(crate) fn promote(args: &PathsArgs, global: &Global, ui: &Ui) -> Outcome {
    one_way(args, global, ui, "promote", Side::other)
}

fn one_way(
    args: &PathsArgs,
    global: &Global,
    ui: &Ui,
    command: &str,
    winner: impl Fn(Side) -> Side,
) -> Outcome {
    let open = conflicts::open(global)?;
    let paths = named(&open, &args.paths, global)?;
    let mut request = sync::request(global, command, Filter::Both)?;
    decide(&mut request, &open, paths, |path, clash| {
        let authority = match clash {
            Clash::Held(held)
                if matches!(held.reason, HeldReason::Drift | HeldReason::DriftSourceGone) =>
            {
                held.on.other()
            }
            Clash::Conflict(conflict)
                if matches!(conflict.kind, ConflictKind::Drift | ConflictKind::AppendDiverged) =>
            {
                authority(path, global)?
            }
            _ => {
                return Err(Failure::usage(
                    format!("`{path}` is not an edit in a one-way area"),
                    "`ubos-sync resolve` settles conflicts; `ubos-sync conflicts` lists what is open",
                ));
            }
        };
        Ok(Choice::Take(winner(authority)))
    })?;
    sync::run(&request, ui)
}

/// Puts a choice for each path into the request.
fn decide(
    request: &mut Request,
    open: &Open,
    paths: Vec<RelPath>,
    choose: impl Fn(&RelPath, &Clash<'_>) -> Result<Choice, Failure>,
) -> Result<(), Failure> {
    let mut resolutions = BTreeMap::new();
    for path in paths {
        let Some(clash) = clash(open, &path) else { continue };
        let choice = choose(&path, &clash)?;
        let beside = (choice == Choice::Both).then(|| beside(&path, &open.names.there)).flatten();
        resolutions.insert(path, Resolution { choice, mark: clash.mark(), beside });
    }
    request.resolutions = Some(resolutions);
    Ok(())
}

fn clash<'a>(open: &'a Open, path: &RelPath) -> Option<Clash<'a>> {
    let conflict = open.conflicts.iter().find(|c| c.path == *path).map(Clash::Conflict);
    conflict.or_else(|| open.held.iter().find(|h| h.path == *path).map(Clash::Held))
}

/// The open paths that are named, each directly or by a folder above it.
fn named(open: &Open, given: &[PathBuf], global: &Global) -> Result<Vec<RelPath>, Failure> {
    let root = territory::root(global)?;
    let known: Vec<&RelPath> =
        open.conflicts.iter().map(|c| &c.path).chain(open.held.iter().map(|h| &h.path)).collect();
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

fn newer(path: &RelPath, conflict: &Conflict) -> Result<Side, Failure> {
    ubos_engine::cycle::newer(conflict).ok_or_else(|| not_comparable(path))
}

fn not_comparable(path: &RelPath) -> Failure {
    Failure::usage(
        format!("it cannot be told which version of `{path}` is newer"),
        "name the territory whose version is to be kept",
    )
}

/// The side whose content counts at a path of a one-way area.
fn authority(path: &RelPath, global: &Global) -> Result<Side, Failure> {
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

/// The name under which the peer's version stands beside ours: `plan (balaur 2026-11-22).md`. The
/// file that links lead to keeps its name; a name that already has such an addition does not get a
/// second one.
fn beside(path: &RelPath, peer: &str) -> Option<RelPath> {
    let name = String::from_utf8_lossy(path.name()).into_owned();
    let (stem, ending) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name.as_str(), ""),
    };
    let stem = match stem.rfind(" (") {
        Some(at) if stem.ends_with(')') && stem[at + 2..].starts_with(peer) => &stem[..at],
        _ => stem,
    };
    let day = clock::now_rfc3339();
    let time = day.get(..19)?.replace(['-', ':'], "").replace('T', " ");
    let mut name = format!("{stem} ({peer} {time}){ending}");
    while name.len() > ubos_core::path::MAX_NAME {
        let cut = stem.chars().take(stem.chars().count().saturating_sub(40)).collect::<String>();
        name = format!("{cut} ({peer} {time}){ending}");
    }
    join_bytes(path.parent_bytes(), name.as_bytes()).ok()
}
