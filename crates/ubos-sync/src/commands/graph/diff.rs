//! `ubos-sync graph diff`: how the graph changed.

use std::path::PathBuf;

use clap::Args;

use ubos_engine::clock;
use ubos_tiers::graph::ask::{Answer, Question};
use ubos_tiers::graph::index::Index;
use ubos_tiers::graph::questions::diff::diff;

use super::Asking;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

/// How the graph changed since a time or a run, or since an older copy of the vault
///
/// Notes that came, went and moved, links between them, and what broke or was mended. A former state
/// comes from the snapshots of the backup: the newest of that time, or the one just before the run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph diff --since 2d                since two days ago
  ubos-sync graph diff --since 2026-11-20T09:00  since that moment
  ubos-sync graph diff --since last              since before the last run
  ubos-sync graph diff --from ~/restored/vault   against an older state")]
#[group(required = true, multiple = false)]
pub(crate) struct DiffArgs {
    /// A time, a run (its id, or `last` for the last that changed something) or a commit
    #[arg(long, value_name = "TIME|RUN")]
    since: Option<String>,
    /// The folder with the older state
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
}

/// Carries it out.
pub(crate) fn run(args: &DiffArgs, asking: &Asking, global: &Global, ui: &Ui) -> Outcome {
    let answer = match (&args.since, &args.from) {
        (Some(since), _) => {
            // A time is meant by the clock here, whoever is asked.
            let since = clock::instant(since).unwrap_or_else(|| since.clone());
            asking.ask(Question::Diff { since }, global, ui)?
        }
        (None, Some(from)) => {
            if asking.on.is_some() {
                return Err(Failure::usage(
                    "both states must be on this machine",
                    "leave out `--on`, or name a time with `--since`",
                ));
            }
            let mut older = Index::open(from, None);
            older.refresh()?;
            let mut desk = asking.desk(global)?;
            desk.refresh()?;
            let diff = diff(older.graph(), desk.graph(false), asking.parity);
            Answer::Diff(Box::new(diff.limited(asking.rows(ui).unwrap_or(usize::MAX))))
        }
        (None, None) => {
            return Err(Failure::usage("no former state is named", "use `--since TIME`"));
        }
    };
    asking.show(&answer, ui)
}
