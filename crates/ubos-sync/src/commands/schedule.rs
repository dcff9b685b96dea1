//! `ubos-sync schedule`: what lets a territory sync by itself is shown, installed, removed, asked.

mod install;
mod order;
mod remove;
mod show;
mod status;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::schedule::order::Scope;
use crate::schedule::place::{self, Installed, Place};
use crate::schedule::user;
use crate::territory;
use crate::ui::Ui;

/// Let a territory sync by itself: systemd timer or launchd agent
///
/// Without options: a run every 5 minutes, by the user's own service manager on Linux, by a launchd
/// agent on a Mac. What was missed while the machine slept is made up for by one run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync schedule show             print what would be installed
  ubos-sync schedule install          a run every 5 minutes
  ubos-sync schedule install --watch  sync on every change, always running
  sudo ubos-sync --root /srv/janus schedule install --system
                                      on a server
  ubos-sync schedule status           is it on, when is it due
  ubos-sync schedule remove           as if it had never been")]
pub(crate) struct ScheduleArgs {
    #[command(subcommand)]
    command: ScheduleCommand,
}

#[derive(Debug, Subcommand)]
enum ScheduleCommand {
    /// Print the files and where they belong; install nothing
    Show(ShowArgs),
    /// Write the files and switch them on; safe to repeat
    Install(InstallArgs),
    /// Switch off and delete what was installed for this territory
    Remove(WhereArgs),
    /// Say whether it is on, how the last run ended, and when the next one is due
    Status(WhereArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync schedule show                     for this machine
  ubos-sync schedule show --watch --on macos  for a Mac
  ubos-sync schedule show --json              as data")]
struct ShowArgs {
    #[command(flatten)]
    order: OrderArgs,
    /// For which system
    #[arg(long, value_name = "SYSTEM")]
    on: Option<On>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync schedule install                a run every 5 minutes
  ubos-sync schedule install --interval 1h  a run every hour
  ubos-sync schedule install --watch        sync on every change, always running
  sudo ubos-sync --root /srv/janus schedule install --system
                                            as a service of the machine")]
struct InstallArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[arg(long, hide = true)]
    on: Option<On>,
}

/// What is to run by itself.
#[derive(Debug, Args)]
struct OrderArgs {
    /// As a service of the machine, which needs nobody logged in (Linux; needs root to install)
    #[arg(long)]
    system: bool,
    /// As a service of this user (the default)
    #[arg(long, conflicts_with = "system")]
    user: bool,
    /// One process that always runs and syncs on every change
    #[arg(long)]
    watch: bool,
    /// A run at every slot (the default)
    #[arg(long, conflicts_with = "watch")]
    timer: bool,
    /// How far apart the slots are: minutes or hours that divide an hour or a day (default 5m)
    #[arg(long, value_name = "TIME", conflicts_with = "watch")]
    interval: Option<String>,
    /// Also write a report every Monday (the default on the server's side of a pair)
    #[arg(long)]
    audit: bool,
    /// Do not write a weekly report
    #[arg(long, conflicts_with = "audit")]
    no_audit: bool,
    /// The installed program, if it is not this one
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// Where to look for what is installed; everywhere otherwise.
#[derive(Debug, Args)]
struct WhereArgs {
    /// Only what is a service of the machine
    #[arg(long)]
    system: bool,
    /// Only what is a service of this user
    #[arg(long, conflicts_with = "system")]
    user: bool,
    #[arg(long, hide = true)]
    on: Option<On>,
}

/// A system with a service manager that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    /// Systemd.
    Linux,
    /// Launchd.
    Macos,
}

impl On {
    /// The system that was named, or this one.
    fn or_this(on: Option<On>) -> On {
        on.unwrap_or(if place::is_mac() { On::Macos } else { On::Linux })
    }
}

/// Carries it out.
pub(crate) fn run(args: &ScheduleArgs, global: &Global, ui: &Ui) -> Outcome {
    match &args.command {
        ScheduleCommand::Show(show) => show::run(show, global, ui),
        ScheduleCommand::Install(install) => install::run(install, global, ui),
        ScheduleCommand::Remove(wanted) => remove::run(wanted, global, ui),
        ScheduleCommand::Status(wanted) => status::run(wanted, global, ui),
    }
}

/// The root as the files name it: without links on the way, where it is there at all.
fn real_root(global: &Global) -> Result<PathBuf, Failure> {
    let root = territory::root(global)?;
    Ok(root.canonicalize().unwrap_or(root))
}

/// The places to look at, and what is installed there for this territory; with `--peer` for that
/// pair alone.
fn found(
    wanted: &WhereArgs,
    root: &Path,
    global: &Global,
) -> Result<Vec<(Place, Vec<Installed>)>, Failure> {
    let scopes: &[Scope] = match (On::or_this(wanted.on), wanted.system, wanted.user) {
        (On::Macos, true, _) => return Err(no_machine_service()),
        (On::Macos, ..) => &[Scope::Agent],
        (On::Linux, true, _) => &[Scope::System],
        (On::Linux, _, true) => &[Scope::User],
        (On::Linux, ..) => &[Scope::User, Scope::System],
    };
    let home = user::me().home;
    let mut found = Vec::new();
    for scope in scopes {
        let place = Place::of(*scope, &home);
        let mut files = place.installed()?;
        files.retain(|file| {
            file.mark.root == root
                && global.peer.as_ref().is_none_or(|peer| *peer == file.mark.peer)
        });
        found.push((place, files));
    }
    Ok(found)
}

fn no_machine_service() -> Failure {
    Failure::usage(
        "on a Mac it is always an agent of the user who is logged in",
        "leave `--system` out",
    )
}

/// The word for a scope in the output.
fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::System => "system",
        Scope::User => "user",
        Scope::Agent => "agent",
    }
}
