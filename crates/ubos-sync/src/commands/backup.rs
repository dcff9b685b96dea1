//! `ubos-sync backup …`: tier 2, the versioned backup in git. One file, one command.

mod diff;
mod drill;
mod log;
mod moment;
mod restore;
mod scene;
mod show;
mod status;

pub(crate) use drill::{Drilled, Report};
pub(crate) use status::Status;

use clap::Subcommand;

use crate::cli::Global;
use crate::failure::Outcome;
use crate::ui::Ui;

/// What can be done with the backup.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    // No comments of their own: clap then takes those of the arguments, which say more.
    Status(status::StatusArgs),
    Log(log::LogArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Restore(restore::RestoreArgs),
    Drill(drill::DrillArgs),
}

/// Carries one out.
pub(crate) fn run(command: &BackupCommand, global: &Global, ui: &Ui) -> Outcome {
    match command {
        BackupCommand::Status(args) => status::run(args, global, ui),
        BackupCommand::Log(args) => log::run(args, global, ui),
        BackupCommand::Show(args) => show::run(args, global, ui),
        BackupCommand::Diff(args) => diff::run(args, global, ui),
        BackupCommand::Restore(args) => restore::run(args, global, ui),
        BackupCommand::Drill(args) => drill::run(args, global, ui),
    }
}
