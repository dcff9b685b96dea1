//! The binary speaks: commands, rendering, prompts. Deciding and acting are the business of
//! `ubos-core` and `ubos-engine`; what follows a sync is that of `ubos-tiers`.

mod answers;
mod backup;
mod breaks;
mod cli;
mod commands;
mod failure;
mod finding;
mod notify;
mod past;
mod picture;
mod render;
mod schedule;
mod service;
mod territory;
mod ui;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use ui::Ui;

/// Runs the program on the process's arguments.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => failure::misused(&error),
    };
    let ui = Ui::new(&cli.global);
    let global = &cli.global;
    let result = match &cli.command {
        Command::Init(args) => commands::init::run(args, global, &ui),
        Command::Demo(args) => commands::demo::run(args, global, &ui),
        Command::Status(args) => commands::sync::status(args, global, &ui),
        Command::Push(args) => commands::sync::push(args, global, &ui),
        Command::Pull(args) => commands::sync::pull(args, global, &ui),
        Command::Bidirectional(args) => commands::sync::bidirectional(args, global, &ui),
        Command::Watch(args) => commands::watch::run(args, global, &ui),
        Command::Conflicts(args) => commands::conflicts::run(args, global, &ui),
        Command::Resolve(args) => commands::resolve::resolve(args, global, &ui),
        Command::Revert(args) => commands::resolve::revert(args, global, &ui),
        Command::Promote(args) => commands::resolve::promote(args, global, &ui),
        Command::Recover(args) => commands::recover::run(args, global, &ui),
        Command::Log(args) => commands::log::run(args, global, &ui),
        Command::History(args) => commands::history::run(args, global, &ui),
        Command::Diff(args) => commands::diff::run(args, global, &ui),
        Command::Restore(args) => commands::restore::run(args, global, &ui),
        Command::Undo(args) => commands::undo::run(args, global, &ui),
        Command::Backup(args) => commands::backup::run(args, global, &ui),
        Command::Backups(args) => commands::backups::run(args, global, &ui),
        Command::Audit(args) => commands::audit::run(args, global, &ui),
        Command::Graph(args) => commands::graph::run(args, global, &ui),
        Command::Manifest(args) => commands::manifest::run(args, global, &ui),
        Command::Schedule(args) => commands::schedule::run(args, global, &ui),
        Command::Health(args) => commands::health::run(args, global, &ui),
        Command::Tick(args) => commands::tick::run(args, global, &ui),
        Command::Doctor(args) => commands::doctor::run(args, global, &ui),
        Command::Vault(args) => commands::vault::run(args, global, &ui),
        Command::Agent => commands::agent::run(),
        Command::RsyncPipe(args) => commands::agent::pipe(args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => ExitCode::from(failure.report(&ui)),
    }
}
