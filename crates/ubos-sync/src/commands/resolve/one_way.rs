//! `revert` and `promote`: a person's decision about edits in a one-way area.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use ubos_core::conflict::{Choice, ConflictKind, HeldReason};
use ubos_core::plan::Filter;
use ubos_core::sides::Side;
use ubos_engine::cycle::Request;

use super::choices::{Clash, authority, decide, named};
use super::copies;
use crate::cli::Global;
use crate::commands::{conflicts, sync};
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

/// Decide about edits in a one-way area
#[derive(Debug, Args)]
pub(crate) struct PathsArgs {
    /// The held paths
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// Takes the authority's version.
pub(crate) fn revert(args: &PathsArgs, global: &Global, ui: &Ui) -> Outcome {
    sync::run(&one_way(&args.paths, global, "revert", |authority| authority)?, ui)
}

/// Sends the mirror's version to the authority, once; also what only the mirror holds.
pub(crate) fn promote(args: &PathsArgs, global: &Global, ui: &Ui) -> Outcome {
    let open = conflicts::open(global)?;
    let is_open = |path: &&PathBuf| named(&open, std::slice::from_ref(*path), global);
    // Where each path is itself something open, nothing has to be looked for.
    let itself = |path: &PathBuf| {
        let found = is_open(&path).unwrap_or_default();
        matches!(&found[..], [one] if path.ends_with(one.to_string()))
    };
    let exact = args.paths.iter().all(itself);
    let copies = if exact { BTreeMap::new() } else { copies::to_send(&args.paths, global, ui)? };
    // Where nothing is to be sent, what is wrong with the paths is said.
    let paths: Vec<PathBuf> = match copies.is_empty() {
        true => args.paths.clone(),
        false => args.paths.iter().filter(|path| is_open(path).is_ok()).cloned().collect(),
    };
    let mut request = one_way(&paths, global, "promote", Side::other)?;
    request.resolutions.get_or_insert_default().extend(copies);
    sync::run(&request, ui)
}

fn one_way(
    paths: &[PathBuf],
    global: &Global,
    command: &str,
    winner: impl Fn(Side) -> Side,
) -> Result<Request, Failure> {
    let open = conflicts::open(global)?;
    let paths = named(&open, paths, global)?;
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
    Ok(request)
}
