//! `ubos-sync backup`: the versioned backup in git, on this machine, at the peer and at a remote.

mod check;
mod hooks;
mod init;
mod snapshot;

use clap::{Args, Subcommand};

use crate::cli::Global;
use crate::failure::Outcome;
use crate::ui::Ui;

/// Keep everything shared in git: history on this machine, at the peer and at a remote
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    #[command(subcommand)]
    command: BackupCommand,
}

/// What can be done about the backup.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    // No comments of their own: clap then takes those of the arguments, which say more.
    Init(init::InitArgs),
    Snapshot(snapshot::SnapshotArgs),
    Check(check::CheckArgs),
    Hooks(hooks::HooksArgs),
}

/// Does it.
pub(crate) fn run(args: &BackupArgs, global: &Global, ui: &Ui) -> Outcome {
    match &args.command {
        BackupCommand::Init(args) => init::run(args, global, ui),
        BackupCommand::Snapshot(args) => snapshot::run(args, global, ui),
        BackupCommand::Check(args) => check::run(args, global, ui),
        BackupCommand::Hooks(args) => hooks::run(args, global, ui),
    }
}
