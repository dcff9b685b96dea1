//! `ubos-sync backup hooks`: checks before a person's own commits and pushes.

use clap::{Args, Subcommand};

use ubos_tiers::git::hooks::{self, Hook, workflow};
use ubos_tiers::git::repository::Repository;

use crate::cli::Global;
use crate::commands;
use crate::failure::Outcome;
use crate::render::backup::hooks as render;
use crate::territory;
use crate::ui::Ui;

/// Check every commit and push of your own, by git's hooks
///
/// A hook that is there already is called first and comes back when ours is removed. `--no-verify`
/// passes them by. Snapshots of `ubos-sync backup` never run hooks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync backup hooks install             check commits and pushes
  ubos-sync backup hooks install --pre-push-only
  ubos-sync backup hooks install --workflow  let GitHub verify the backup
  ubos-sync backup hooks remove --workflow   as if they had never been")]
pub(crate) struct HooksArgs {
    #[command(subcommand)]
    command: HooksCommand,
}

#[derive(Debug, Subcommand)]
enum HooksCommand {
    /// Write the hooks; safe to repeat
    Install(WhichArgs),
    /// Take the hooks away and bring back what was there before
    Remove(WhichArgs),
}

#[derive(Debug, Args)]
struct WhichArgs {
    /// Only the hook for commits
    #[arg(long, conflicts_with = "pre_push_only")]
    pre_commit_only: bool,
    /// Only the hook for pushes
    #[arg(long)]
    pre_push_only: bool,
    /// Also the workflow for GitHub Actions, a file to commit and push: .github/workflows/ubos-backup.yml
    #[arg(long)]
    workflow: bool,
}

impl WhichArgs {
    fn hooks(&self) -> &'static [Hook] {
        match (self.pre_commit_only, self.pre_push_only) {
            (true, _) => &[Hook::PreCommit],
            (_, true) => &[Hook::PrePush],
            _ => &Hook::ALL,
        }
    }
}

/// Carries it out.
pub(crate) fn run(args: &HooksArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, _) = territory::open(global)?;
    let root = state.root().path();
    let repository = Repository::open(root)?;
    let (done, flow) = match &args.command {
        HooksCommand::Install(which) => {
            let done = hooks::install(&repository, &commands::program()?, which.hooks())?;
            let flow = which.workflow.then(|| workflow::install(root)).transpose()?;
            (done, flow)
        }
        HooksCommand::Remove(which) => {
            let done = hooks::remove(&repository, which.hooks())?;
            let flow = which.workflow.then(|| workflow::remove(root)).transpose()?;
            (done, flow)
        }
    };
    match ui.json() {
        true => ui.document(&render::document(&done, flow.as_ref()))?,
        false => ui.answer(&render::text(&done, flow.as_ref()))?,
    }
    Ok(0)
}
