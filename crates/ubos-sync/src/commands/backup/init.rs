//! `ubos-sync backup init`: a repository for the territory, with what keeps every byte.

use clap::{Args, ValueEnum};

use ubos_engine::state::config::backup::{self, BackupSettings};
use ubos_tiers::git::init::{Wish, plan};
use ubos_tiers::git::remote::place::Place;
use ubos_tiers::git::remote::takeover::{TakenOver, take_over};
use ubos_tiers::git::repository::Repository;

use crate::backup::asked;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render;
use crate::render::units::plural;
use crate::territory;
use crate::ui::Ui;

/// Make or adopt the git repository of this territory, and begin its backup
///
/// Every setting is shown with its reason. What you have set or committed stays; your index is not
/// touched. The first snapshot is made at once, and from then on before and after each sync that
/// changes something. A new repository goes on with the history that the remote has: after the laptop was
/// lost, nothing of it is. Safe to repeat.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync backup init -n         what it would do, and why
  ubos-sync backup init            this machine and the peer's mirror
  ubos-sync backup init --remote git@github.com:me/ubos.git
  ubos-sync backup init --branch backup --layout branches")]
pub(crate) struct InitArgs {
    /// The third place: a remote of the repository, or an address that gets a name
    #[arg(long, value_name = "NAME|URL")]
    remote: Option<String>,
    /// The branch that snapshots go to, instead of the one that is checked out
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Where the files go that the other territory makes
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<Layout>,
    /// Show what would be done, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layout {
    /// Into the same branch, in commits of their own
    Single,
    /// Into a branch with the other territory's name
    Branches,
}

/// Carries it out.
pub(crate) fn run(args: &InitArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, mut config) = territory::open(global)?;
    let (peer, known) = config.peer(global.peer.as_deref())?;
    if !known.owner {
        return Err(Failure::usage(
            "snapshots are made in the territory whose manifests are the law",
            format!("run it on `{peer}`; here is its mirror: `ubos-sync backup mirror`"),
        ));
    }
    let root = state.root().path().to_owned();
    let layout = args.layout.map(|layout| match layout {
        Layout::Single => backup::Layout::Single,
        Layout::Branches => backup::Layout::Branches,
    });
    let wish = Wish { remote: args.remote.as_deref(), branch: args.branch.as_deref(), layout };
    let mut plan = plan(&root, &config, &wish)?;
    if args.dry_run {
        show(&render::backup::init::Told { plan: &plan, dry_run: true, first: None }, ui)?;
        return Ok(0);
    }
    let repository = plan.carry_out()?;
    let peer = config.peer(global.peer.as_deref())?;
    plan.notices.extend(history(&repository, &plan.settings, &peer.1.manifests)?);
    if config.backup != plan.settings {
        config.backup = plan.settings.clone();
        config.save(&state)?;
    }
    let peer = config.peer(global.peer.as_deref())?;
    let first = asked(&root, peer, &config.backup, None, ui);
    let told = render::backup::init::Told { plan: &plan, dry_run: false, first: Some(&first) };
    show(&told, ui)?;
    match first {
        Ok(made) => Ok(render::backup::snapshot::exit_code(&made)),
        Err(error) => {
            if !ui.json() {
                ui.error(&format!("no snapshot yet: {error}"), Some(error.hint()));
            }
            Ok(error.exit_code())
        }
    }
}

/// After the laptop was lost, the history that the remote has is this repository's; what a person should
/// know of it.
fn history(
    repository: &Repository,
    settings: &BackupSettings,
    peer: &str,
) -> Result<Option<String>, Failure> {
    let Some(remote) = settings.remote.as_deref() else { return Ok(None) };
    let place = Place::remote(repository.git(), remote)?;
    let extra = (settings.layout == backup::Layout::Branches).then_some(peer);
    let branch = settings.branch.as_deref();
    Ok(match take_over(repository.git(), &place, branch, extra)? {
        Ok(TakenOver::Nothing) => None,
        Ok(TakenOver::Snapshots(count)) => {
            let snapshots = plural(usize::try_from(count).unwrap_or(usize::MAX), "snapshot");
            Some(format!("{} has {snapshots}: this repository goes on with them", place.shown))
        }
        Ok(TakenOver::Unclear(branches)) => Some(format!(
            "{} has a backup, and its branch is none that could be meant here (there are {}): it was not taken over",
            place.shown,
            branches.join(", ")
        )),
        Err(trouble) => Some(format!(
            "whether there is a history to go on with is not known: {}",
            trouble.message
        )),
    })
}

fn show(told: &render::backup::init::Told<'_>, ui: &Ui) -> Result<(), Failure> {
    match ui.json() {
        true => ui.document(&told.document()),
        false => ui.answer(&told.text(ui)),
    }
}
