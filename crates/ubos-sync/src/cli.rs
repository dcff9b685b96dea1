//! The program's table of contents: commands, global flags, exit codes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    agent, audit, backup, backups, conflicts, demo, diff, doctor, graph, health, history, init,
    log, manifest, recover, resolve, restore, schedule, sync, tick, undo, vault, watch,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; nothing is left to decide
  1  failed; what was committed before is consistent and recorded
  2  wrong usage, configuration or manifest; nothing was touched
  3  done, but a person must decide: open conflicts or held paths
  4  a guard held all or part of the plan
  5  the peer could not be reached; the next run carries on
  6  another run holds the pair
  7  done, but some paths were skipped and will be tried again";

const EXAMPLES: &str = "\
Examples:
  ubos-sync init ~/UBOS --peer balaur=me@balaur:/srv/janus  pair two folders
  ubos-sync status                                          what would happen
  ubos-sync bidirectional                                   sync both ways
  ubos-sync watch                                           sync on every change
  ubos-sync resolve docs/plan.md --keep balaur              settle a conflict
  ubos-sync undo last                                       undo the last sync
  ubos-sync schedule install                                let it run by itself";

/// Keep a folder on this machine and one on another the same, safely
///
/// Manifests in `config/` say what is shared and in which direction. Nothing is overwritten without
/// a backup; what both sides changed is shown and decided by a person; everything is on record.
#[derive(Debug, Parser)]
#[command(name = "ubos-sync", version, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The territory's top folder; found from the working directory upwards otherwise
    #[arg(long, global = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The other territory; may be left out where there is one (for `init`: NAME=ADDRESS)
    #[arg(long, global = true, value_name = "NAME")]
    pub peer: Option<String>,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make this folder and a peer's a pair
    Init(init::InitArgs),
    // No comment of its own: clap then takes that of the arguments, which says more.
    Demo(demo::DemoArgs),
    /// Show what a sync would do now, open conflicts and held paths; change nothing
    Status(sync::StatusArgs),
    /// Sync what changed here to the peer
    Push(sync::SyncArgs),
    /// Sync what changed at the peer to here
    Pull(sync::SyncArgs),
    /// Sync both ways
    #[command(visible_alias = "sync")]
    Bidirectional(sync::SyncArgs),
    // As above.
    Watch(watch::WatchArgs),
    /// List open conflicts and held paths
    Conflicts(conflicts::ConflictsArgs),
    /// Settle a conflict
    Resolve(resolve::ResolveArgs),
    /// Take the authority's version of an edit in a one-way area
    Revert(resolve::PathsArgs),
    /// Send an edit in a one-way area to its authority, once
    Promote(resolve::PathsArgs),
    /// Merge the two trees after lost, damaged or restored state, deleting nothing
    Recover(recover::RecoverArgs),
    /// Read the audit log
    Log(log::LogArgs),
    // As above.
    History(history::HistoryArgs),
    // As above.
    Diff(diff::DiffArgs),
    // As above.
    Restore(restore::RestoreArgs),
    // As above.
    Undo(undo::UndoArgs),
    // As above.
    Backup(backup::BackupArgs),
    // As above.
    Backups(backups::BackupsArgs),
    // As above.
    Audit(audit::AuditArgs),
    // As above.
    Graph(graph::GraphArgs),
    /// Explain the manifests
    Manifest(manifest::ManifestArgs),
    // As above.
    Schedule(schedule::ScheduleArgs),
    Health(health::HealthArgs),
    // As above.
    Tick(tick::TickArgs),
    // As above.
    Doctor(doctor::DoctorArgs),
    // As above.
    Vault(vault::VaultArgs),
    /// The other end of a connection, on standard input and output
    #[command(hide = true)]
    Agent,
    /// What rsync starts as its remote shell
    #[command(hide = true)]
    RsyncPipe(agent::PipeArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// An example that is broken into two lines can no longer be copied, and its remark hangs nowhere.
    #[test]
    fn what_stands_below_the_options_fits_into_80_columns() {
        fn look(command: &clap::Command, path: &str, long: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            let texts = [command.get_after_help(), command.get_after_long_help()];
            for text in texts.into_iter().flatten() {
                let text = text.to_string();
                let lines = text.lines().filter(|line| line.chars().count() > 80);
                long.extend(lines.map(|line| format!("{path}: {line}")));
            }
            command.get_subcommands().for_each(|command| look(command, &path, long));
        }
        let mut long = Vec::new();
        look(&Cli::command(), "", &mut long);
        assert!(long.is_empty(), "{}", long.join("\n"));
    }
}
