//! `ubos-sync backup`: what is shared, versioned in git.

mod check;
mod hooks;

use clap::Subcommand;

use crate::cli::Global;
use crate::failure::Outcome;
use crate::ui::Ui;

/// The commands of the backup.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    // No comment of its own: clap then takes that of the arguments, which says more.
    Check(check::CheckArgs),
    // As above.
    Hooks(hooks::HooksArgs),
}

/// Carries one out.
pub(crate) fn run(command: &BackupCommand, global: &Global, ui: &Ui) -> Outcome {
    match command {
        BackupCommand::Check(args) => check::run(args, global, ui),
        BackupCommand::Hooks(args) => hooks::run(args, global, ui),
    }
}
