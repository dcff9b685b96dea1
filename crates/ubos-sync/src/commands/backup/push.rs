//! `ubos-sync backup push`: what is new goes to the mirror and to the remote.

use clap::{Args, ValueEnum};

use ubos_tiers::git::remote::place::Kind;
use ubos_tiers::git::remote::push::When;
use ubos_tiers::git::remote::{self};

use crate::backup::{self, chores};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render;
use crate::territory;
use crate::ui::Ui;

/// Give the mirror and the remote the snapshots that they do not have yet
///
/// Syncs and timers do this by themselves, at most every `push_every`; a place that does not answer
/// is tried again after a minute, then two, four, … up to four hours, and then gets everything.
/// Nothing is ever forced: where a branch went another way at a place, what stands there is kept here
/// below `refs/ubos/theirs/`, ours goes there below `ubos/diverged/`, and the commands that settle it
/// are shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Much that is new goes in parts of half a gigabyte: GitHub refuses a push of
more than 2 GB, and an interrupted one goes on with the next part.

Exit codes:
  0  every place has everything
  1  a place refused
  3  a branch went another way at a place; a person must settle it
  5  a place could not be reached

Examples:
  ubos-sync backup push              now, to all places
  ubos-sync backup push --to remote  to the remote alone
  ubos-sync backup push --if-due     as a timer does it
  ubos-sync backup push --join       ours goes on, with theirs in its history")]
pub(crate) struct PushArgs {
    /// To this place alone
    #[arg(long, value_name = "PLACE")]
    to: Option<To>,
    /// Only to places whose turn has come
    #[arg(long, conflicts_with = "join")]
    if_due: bool,
    /// First join what went another way: a commit with our content whose second parent is theirs
    #[arg(long)]
    join: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    /// The mirror at the peer.
    Mirror,
    /// The remote.
    Remote,
}

/// Pushes.
pub(crate) fn run(args: &PushArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let root = state.root().path();
    let peer = config.peer(global.peer.as_deref())?;
    let settings = &config.backup;
    let only = args.to.map(|to| match to {
        To::Mirror => Kind::Mirror,
        To::Remote => Kind::Remote,
    });
    if matches!(only, Some(Kind::Remote)) && settings.remote.is_none() {
        return Err(Failure::usage(
            "there is no remote",
            "set `remote` below `[backup]` in `.ubos-sync/config.toml` to a remote's name, a URL or a folder",
        ));
    }
    let joined = if args.join { remote::join(root, &config)? } else { Vec::new() };
    let when = if args.if_due { When::Due(settings.push_every) } else { When::Asked };
    let pushed = remote::push(root, &config, peer, when, only)?;
    backup::warn(chores::put_push_on_record(&state, &config, &pushed, only), ui);
    let code = pushed.exit_code();
    if ui.json() {
        ui.document(&render::backup::push::document(&pushed, &joined))?;
    } else if !ui.quiet() || code != 0 {
        ui.answer(&render::backup::push::page(&pushed, &joined, ui))?;
    }
    Ok(code)
}
