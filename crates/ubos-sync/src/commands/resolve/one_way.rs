//! `revert` and `promote`: a person's decision about edits in a one-way area.

use std::path::PathBuf;

use clap::Args;

use ubos_core::conflict::{Choice, ConflictKind, HeldReason};
use ubos_core::plan::Filter;
use ubos_core::sides::Side;

use super::choices::{Clash, authority, decide, named};
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
