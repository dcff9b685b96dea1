//! `ubos-sync backup`: the versioned backup in git, on this machine, at the peer and at a remote.

mod maintain;
mod mirror;
mod push;
mod serve;

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
    Push(push::PushArgs),
    Mirror(mirror::MirrorArgs),
    Maintain(maintain::MaintainArgs),
    /// What git starts here when the other machine pushes to the mirror
    #[command(hide = true)]
    ReceivePack(serve::ServeArgs),
    /// What git starts here when the other machine fetches from the mirror
    #[command(hide = true)]
    UploadPack(serve::ServeArgs),
}

/// Does it.
pub(crate) fn run(args: &BackupArgs, global: &Global, ui: &Ui) -> Outcome {
    match &args.command {
        BackupCommand::Push(args) => push::run(args, global, ui),
        BackupCommand::Mirror(args) => mirror::run(args, global, ui),
        BackupCommand::Maintain(args) => maintain::run(args, global, ui),
        BackupCommand::ReceivePack(args) => serve::receive(args),
        BackupCommand::UploadPack(args) => serve::upload(args),
    }
}
