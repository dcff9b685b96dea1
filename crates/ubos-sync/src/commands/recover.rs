//! `ubos-sync recover`: after lost, damaged or restored state, the trees are merged; nothing is
//! deleted.

use clap::Args;

use ubos_core::plan::Filter;

use super::sync;
use crate::cli::Global;
use crate::failure::Outcome;
use crate::ui::Ui;

/// Merge the two trees after lost, damaged or restored state, deleting nothing
///
/// Drops what is remembered of the pair: what both sides hold alike is agreed, what one side has is
/// given to the other, what differs becomes a conflict. Files deleted on one side only come back.
/// Without `--confirm` it shows what would happen and, on a terminal, asks.
#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// Show what would happen, change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Carry out the plan with this id, as the preview showed it
    #[arg(long, value_name = "PLAN")]
    confirm: Option<String>,
}

/// Carries it out.
pub(crate) fn run(args: &RecoverArgs, global: &Global, ui: &Ui) -> Outcome {
    let mut request = sync::request(global, "recover", Filter::Both)?;
    request.merge_lost = true;
    if args.confirm.is_some() && !args.dry_run {
        request.confirm.clone_from(&args.confirm);
        return sync::run(&request, ui);
    }
    request.dry_run = true;
    let preview = sync::cycle(&request, ui);
    let code = sync::show(&preview, ui)?;
    if preview.error.is_some() || args.dry_run {
        return Ok(code);
    }
    if !ui.can_ask() {
        ui.status(&format!("To carry this out: ubos-sync recover --confirm {}", preview.plan));
        return Ok(code);
    }
    if !ui.confirm("Carry this out? Nothing is deleted by it.") {
        ui.status("Nothing was changed.");
        return Ok(code);
    }
    request.dry_run = false;
    request.confirm = Some(preview.plan);
    sync::run(&request, ui)
}
