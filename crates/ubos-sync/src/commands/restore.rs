//! `ubos-sync restore`: brings a former version back, as a new edit.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use ubos_core::path::RelPath;
use ubos_core::plan::Filter;
use ubos_engine::agent::message::PutBackReason;
use ubos_engine::clock;
use ubos_engine::cycle::report::RunReport;
use ubos_engine::cycle::{PutBack, put_back_here};
use ubos_engine::history::restore::{self, Finder, Present, Restore};
use ubos_engine::history::trail;
use ubos_engine::history::versions::{Turn, turns};
use ubos_engine::state::table::Table;

use super::backup::{Wish, bring_back, is_commit};
use super::history::nothing_known;
use super::sync;
use crate::backup;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::past::{Past, Since, agreed};
use crate::render;
use crate::render::command::about;
use crate::ui::Ui;
use crate::ui::sanitize::one_line;

/// Bring a former version of a file or folder back
///
/// What stands there now goes to the backups first, so that this can be undone too. Without `--at`
/// it is the last agreed version, if that was changed here since the last sync, else the newest
/// former version that differs from what stands now. A content that is kept here
/// needs no peer, and the next sync carries it; one that only the peer has is brought by a sync at
/// once. A deleted folder comes back whole. Nothing is deleted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync restore docs/plan.md                     the one before
  ubos-sync restore docs/plan.md --at 20261122T1405  before that run
  ubos-sync restore docs/plan.md --at 3f9c2e1        of that commit
  ubos-sync restore docs/ --at 2h                    two hours ago
  ubos-sync restore docs/ --at 2026-11-20 -n         only show it")]
pub(crate) struct RestoreArgs {
    /// The file or folder
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// As it was just before this run (an id, a beginning of one, `last`), or at this time (RFC 3339 or
    /// a beginning of it, or `2h`, `3d` ago), or in this commit of the backup
    #[arg(long, value_name = "RUN|TIME|COMMIT")]
    at: Option<String>,
    /// Show what would be put back, change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Carries it out.
pub(crate) fn run(args: &RestoreArgs, global: &Global, ui: &Ui) -> Outcome {
    let past = Past::open(global)?;
    let path = past.path(&args.path)?;
    let trail = trail::of_path(&past.state, &path)?;
    let turns = turns(&path, &trail);
    let finder = past.finder(&trail);
    let table = past.baseline()?;
    let now = |path: &RelPath| past.present(path);
    let agreed = |path: &RelPath| agreed(table.as_ref(), path);
    let present = Present { now: &now, agreed: &agreed };
    let (words, plan) = match &args.at {
        Some(at) => {
            let since = match past.since(at) {
                Ok(since) => since,
                // Neither a run nor a time: git may know it.
                Err(_) if clock::instant(at).is_none() && is_commit(&past, at) => {
                    let wish = Wish { path, at, exact: false, dry_run: args.dry_run };
                    return bring_back(&wish, &past, global, ui);
                }
                Err(failure) => return Err(failure),
            };
            let plan = restore::at(&finder, &turns, &present, &|change| since.covers(change))?;
            (since.words(), plan)
        }
        None => match newest(&past, &path, &finder, &turns, &present, table.as_ref())? {
            Some(found) => found,
            None => return Err(nothing_known(&path, &past)),
        },
    };
    if plan.steps.here.is_empty() && plan.steps.there.is_empty() {
        return nothing_to_place(&path, &words, &plan, &turns, &past, ui);
    }
    tell_what_stays(&plan, ui);
    let offline = plan.steps.there.is_empty();
    let mut request = sync::request(global, "restore", Filter::Both)?;
    request.dry_run = args.dry_run;
    let reason = PutBackReason::Restored;
    request.put_back = Some(PutBack { steps: plan.steps, reason, wins: true });
    let report = match offline {
        true => backup::around(&request, ui, |hear| put_back_here(&request, &|event| hear(&event))),
        false => sync::cycle(&request, ui),
    };
    let again = match &args.at {
        Some(at) => {
            about("restore", path.as_bytes(), &format!("--at {}", render::command::quote(at)))
        }
        None => about("restore", path.as_bytes(), ""),
    };
    show(&report, &again, ui)
}

/// The newest version that differs from what stands now: what both sides last agreed on, if it was
/// changed here since, else what a run ended.
fn newest(
    past: &Past,
    path: &RelPath,
    finder: &Finder<'_>,
    turns: &[Turn],
    present: &Present<'_>,
    table: Option<&Table>,
) -> Result<Option<(String, Restore)>, Failure> {
    if let Some(table) = table {
        let plan = restore::agreed(finder, path, table, present);
        if !plan.is_empty() {
            return Ok(Some(("when last synced".to_owned(), plan)));
        }
    }
    let first = |run: &str| past.first(run);
    let found = restore::newest(finder, turns, present, &first)?;
    Ok(found.map(|(id, plan)| (Since::Run { first: 0, id }.words(), plan)))
}

/// Shows what was put back, and returns the exit code.
pub(crate) fn show(report: &RunReport, again: &str, ui: &Ui) -> Outcome {
    if ui.json() {
        ui.document(&render::json::run(report))?;
    } else {
        ui.answer(&render::put_back::text(report, again, ui))?;
    }
    if let Some(error) = &report.error {
        ui.error(&error.to_string(), Some(error.hint()));
    }
    Ok(report.exit_code())
}

/// What of a folder does not come back, beside what does.
fn tell_what_stays(plan: &Restore, ui: &Ui) {
    for path in &plan.gone {
        ui.warning(&format!("`{path}` does not come back: its content is no longer kept"));
    }
    for (from, to, run) in &plan.moved {
        ui.warning(&format!("`{from}` was moved to `{to}`; `ubos-sync undo {run}` moves it back"));
    }
    for (path, place) in &plan.sealed {
        ui.warning(&format!("`{path}` is a log that was rotated; the old one is `{place}`"));
    }
}

/// Nothing is placed: because it stands there already, or because it cannot be.
fn nothing_to_place(
    path: &RelPath,
    words: &str,
    plan: &Restore,
    turns: &[Turn],
    past: &Past,
    ui: &Ui,
) -> Outcome {
    let list = about("history", path.as_bytes(), "");
    if let Some((from, to, run)) = plan.moved.first() {
        return Err(Failure::usage(
            format!("`{from}` was not replaced but moved to `{to}`"),
            format!("`ubos-sync undo {run}` moves it back"),
        ));
    }
    if let Some((log, place)) = plan.sealed.first() {
        return Err(Failure::usage(
            format!(
                "`{log}` is a log that only grows; its old form is not put in the place of the new one"
            ),
            format!("it is in `{place}`, and stays there"),
        ));
    }
    if let Some(log) = plan.grown.first() {
        return Err(Failure::usage(
            format!("`{log}` only grew since; what was there {words} stands at its beginning"),
            format!("`{list}` lists its versions"),
        ));
    }
    if let Some(gone) = plan.gone.first() {
        return Err(Failure::usage(
            format!("`{gone}` as it was {words} is no longer kept"),
            format!("`{list}` lists the versions that are"),
        ));
    }
    if !plan.began_later.is_empty() && plan.stands == 0 {
        let oldest = turns.iter().rev().find(|turn| turn.is_version());
        let hint = match oldest {
            Some(turn) => format!(
                "the oldest known version is the one until {}: `{}`",
                clock::local(&turn.change.time),
                about("restore", path.as_bytes(), &format!("--at {}", turn.change.run)),
            ),
            None => "a restore deletes nothing; what stands there now stays".to_owned(),
        };
        return Err(Failure::usage(format!("`{path}` did not exist {words}"), hint));
    }
    stands_already(path, &format!("as it was {words}"), past, ui)
}

/// Says that what was asked for stands there already; `words` follow "stands".
pub(crate) fn stands_already(path: &RelPath, words: &str, past: &Past, ui: &Ui) -> Outcome {
    if ui.json() {
        ui.document(&json!({
            "schema": 1, "command": "restore", "here": past.names.here, "peer": past.names.there,
            "actions": [], "skipped": [], "exit": 0,
        }))?;
    } else {
        let name = one_line(&path.to_string());
        ui.answer(&format!("Nothing to put back: {name} stands {}.\n", one_line(words)))?;
    }
    Ok(0)
}
