//! `ubos-sync vault`: the territory as an Obsidian vault.

mod check;
mod init;

use clap::{Args, Subcommand};

use ubos_engine::state::config::Config;
use ubos_tiers::vault::config_dir;
use ubos_tiers::vault::files::VaultFiles;

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

/// Make the territory an Obsidian vault, and look one over
#[derive(Debug, Args)]
pub(crate) struct VaultArgs {
    #[command(subcommand)]
    command: VaultCommand,
}

#[derive(Debug, Subcommand)]
enum VaultCommand {
    // No comment of its own: clap then takes that of the arguments, which says more.
    Init(init::InitArgs),
    // As above.
    Check(check::CheckArgs),
}

/// Carries it out.
pub(crate) fn run(args: &VaultArgs, global: &Global, ui: &Ui) -> Outcome {
    match &args.command {
        VaultCommand::Init(args) => init::run(args, global, ui),
        VaultCommand::Check(args) => check::run(args, global, ui),
    }
}

/// Obsidian's settings folder in a vault.
fn settings_folder(files: &VaultFiles, config: Option<&Config>) -> Result<String, Failure> {
    let named = config.and_then(|config| config.vault.config_dir.as_deref());
    config_dir::choose(named, &files.folders("")).map_err(|error| {
        Failure::usage(error.to_string(), "correct `config_dir` under `[vault]` in `config.toml`")
    })
}
