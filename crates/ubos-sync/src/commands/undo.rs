//! `ubos-sync undo`: puts back what a run replaced, deleted or moved.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use ubos_core::path::RelPath;
use ubos_core::plan::Filter;
use ubos_engine::agent::message::PutBackReason;
use ubos_engine::cycle::PutBack;
use ubos_engine::history::trail;
use ubos_engine::history::undo::{Undo, undo};

use super::sync;
use crate::cli::Global;
use crate::failure::Outcome;
use crate::past::Past;
use crate::render;
use crate::render::units::plural;
use crate::ui::Ui;
use crate::ui::sanitize::one_line;

/// Put back what a run replaced, deleted or moved, on both territories
///
/// Each version goes where it stood, if what the run left there still stands there; what changed
/// since is left alone and named. What is replaced by it goes to the backups, so that an undo can
/// be undone. Files that the run made stay. No guard is in the way.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync undo last -n              what would come back
  ubos-sync undo last                 the last run that changed something
  ubos-sync undo 20261122T1405 docs/  only what it did to this folder")]
pub(crate) struct UndoArgs {
    /// The run: its id, a beginning of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Only these files and folders
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Show what would be put back, change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Carries it out.
pub(crate) fn run(args: &UndoArgs, global: &Global, ui: &Ui) -> Outcome {
    let past = Past::open(global)?;
    let run = past.run(&args.run)?;
    let only =
        args.paths.iter().map(|path| past.path(path)).collect::<Result<Vec<RelPath>, _>>()?;
    let changes = trail::of_run(&past.state, &run)?;
    let undo = undo(&changes, &past.names, &only);
    if undo.steps.here.is_empty() && undo.steps.there.is_empty() {
        return nothing_to_undo(&run, &undo, &past, ui);
    }
    let stays = stays(&undo);
    let stay = stay_json(&run, &undo);
    let mut request = sync::request(global, "undo", Filter::Both)?;
    request.dry_run = args.dry_run;
    request.put_back =
        Some(PutBack { steps: undo.steps, reason: PutBackReason::Undone, wins: false });
    let report = sync::cycle(&request, ui);
    if ui.json() {
        let mut document = render::json::run(&report);
        document["undone"] = stay;
        ui.document(&document)?;
    } else {
        let again = format!("ubos-sync undo {run}");
        ui.answer(&format!("{}{stays}", render::put_back::text(&report, &again, ui)))?;
    }
    if let Some(error) = &report.error {
        ui.error(&error.to_string(), Some(error.hint()));
    }
    Ok(report.exit_code())
}

fn nothing_to_undo(run: &str, undo: &Undo, past: &Past, ui: &Ui) -> Outcome {
    if ui.json() {
        ui.document(&json!({
            "schema": 1, "command": "undo", "here": past.names.here, "peer": past.names.there,
            "actions": [], "skipped": [], "undone": stay_json(run, undo), "exit": 0,
        }))?;
    } else {
        let run = one_line(run);
        ui.answer(&format!(
            "Run {run} replaced, deleted and moved nothing here.\n{}",
            stays(undo)
        ))?;
    }
    Ok(0)
}

/// What an undo does not touch, in words.
fn stays(undo: &Undo) -> String {
    let mut parts = Vec::new();
    for (count, what) in [
        (undo.created, "new file or folder"),
        (undo.grown, "log that grew"),
        (undo.modes, "changed executable bit"),
        (undo.elsewhere, "change on another territory"),
    ] {
        if count > 0 {
            parts.push(match (count, what) {
                (1, _) => format!("1 {what}"),
                (_, "new file or folder") => format!("{count} new files and folders"),
                (_, "log that grew") => format!("{count} logs that grew"),
                (_, what) => plural(usize::try_from(count).unwrap_or(usize::MAX), what),
            });
        }
    }
    match parts.is_empty() {
        true => String::new(),
        false => format!("What it only added stays: {}.\n", parts.join(", ")),
    }
}

fn stay_json(run: &str, undo: &Undo) -> Value {
    json!({"run": run, "stay": {
        "created": undo.created, "grown": undo.grown, "modes": undo.modes,
        "elsewhere": undo.elsewhere,
    }})
}
