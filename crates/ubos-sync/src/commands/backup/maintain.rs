//! `ubos-sync backup maintain`: packs and checks the repositories of the backup.

use clap::Args;

use ubos_tiers::git::maintain::Depth;
use ubos_tiers::git::upkeep::{Ask, territory as upkeep};

use crate::cli::Global;
use crate::failure::Outcome;
use crate::render;
use crate::territory;
use crate::ui::Ui;

/// Pack and check the backup's repositories on this machine
///
/// The territory's own repository, and the mirror if it is on this machine. Timers do this every day,
/// and once a week in full. Soundness comes first: where something is damaged nothing is packed and
/// nothing removed. What no branch reaches is kept for two weeks.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  sound and packed
  1  something is damaged or missing; nothing was changed
  3  the repository is in the middle of a rebase, merge or the like
  6  a snapshot or push goes on

Examples:
  ubos-sync backup maintain         what is cheap: packs small packs together
  ubos-sync backup maintain --full  reads every byte and packs everything anew")]
pub(crate) struct MaintainArgs {
    /// Read every byte, pack everything anew, let go what nothing has reached for two weeks
    #[arg(long)]
    full: bool,
    /// Only what is due: something every day, everything once a week
    #[arg(long, conflicts_with = "full")]
    if_due: bool,
}

/// Packs and checks.
pub(crate) fn run(args: &MaintainArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let (_, peer) = config.peer(global.peer.as_deref())?;
    let ask = match (args.full, args.if_due) {
        (true, _) => Ask::Depth(Depth::Full),
        (false, true) => Ask::Due,
        (false, false) => Ask::Depth(Depth::Light),
    };
    let done = upkeep(state.root().path(), &config, peer, ask)?;
    let code = u8::from(done.iter().any(|done| !done.maintained.findings.is_empty()));
    if ui.json() {
        ui.document(&render::backup::maintain::document(&done, code))?;
    } else if !ui.quiet() || code != 0 {
        ui.answer(&render::backup::maintain::page(&done, ui))?;
    }
    Ok(code)
}
