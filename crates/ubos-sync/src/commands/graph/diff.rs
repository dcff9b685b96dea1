//! `ubos-sync graph diff`: how the graph changed.

use std::path::PathBuf;

use clap::Args;

use ubos_tiers::graph::ask::Answer;
use ubos_tiers::graph::index::Index;
use ubos_tiers::graph::questions::diff::diff;

use super::Asking;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

/// How the graph changed since an older copy of the vault
///
/// Notes that came, went and moved, links between them, and what broke or was mended.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph diff --from ~/restored/vault    against a folder with an older state")]
pub(crate) struct DiffArgs {
    /// The folder with the older state
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
}

/// Carries it out.
pub(crate) fn run(args: &DiffArgs, asking: &Asking, global: &Global, ui: &Ui) -> Outcome {
    if asking.on.is_some() {
        return Err(Failure::usage("both states must be on this machine", "leave out `--on`"));
    }
    let mut older = Index::open(&args.from, None);
    older.refresh()?;
    let mut desk = asking.desk(global)?;
    desk.refresh()?;
    asking.show(&Answer::Diff(diff(older.graph(), desk.graph(false))), ui)
}
