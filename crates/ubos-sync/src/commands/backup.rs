//! `ubos-sync backup`: the versioned backup in git, on this machine, at the peer and at a remote.

mod check;
mod diff;
mod drill;
mod hooks;
mod init;
mod log;
mod maintain;
mod mirror;
mod moment;
mod push;
mod restore;
mod scene;
mod serve;
mod show;
mod snapshot;
mod status;

pub(crate) use drill::{Drilled, Report};
pub(crate) use restore::{Wish, bring_back, is_commit};
pub(crate) use status::Status;

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
    // In the order in which a person needs them. No comments of their own: clap then takes those of
    // the arguments, which say more.
    Init(init::InitArgs),
    Status(status::StatusArgs),
    Snapshot(snapshot::SnapshotArgs),
    Push(push::PushArgs),
    Log(log::LogArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Restore(restore::RestoreArgs),
    Drill(drill::DrillArgs),
    Check(check::CheckArgs),
    Hooks(hooks::HooksArgs),
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
        BackupCommand::Init(args) => init::run(args, global, ui),
        BackupCommand::Status(args) => status::run(args, global, ui),
        BackupCommand::Snapshot(args) => snapshot::run(args, global, ui),
        BackupCommand::Push(args) => push::run(args, global, ui),
        BackupCommand::Log(args) => log::run(args, global, ui),
        BackupCommand::Show(args) => show::run(args, global, ui),
        BackupCommand::Diff(args) => diff::run(args, global, ui),
        BackupCommand::Restore(args) => restore::run(args, global, ui),
        BackupCommand::Drill(args) => drill::run(args, global, ui),
        BackupCommand::Check(args) => check::run(args, global, ui),
        BackupCommand::Hooks(args) => hooks::run(args, global, ui),
        BackupCommand::Mirror(args) => mirror::run(args, global, ui),
        BackupCommand::Maintain(args) => maintain::run(args, global, ui),
        BackupCommand::ReceivePack(args) => serve::receive(args),
        BackupCommand::UploadPack(args) => serve::upload(args),
    }
}
