//! `ubos-sync backup mirror`: the bare repository on this machine beside the tree that sync keeps.

use clap::{Args, Subcommand};

use ubos_engine::inventory;
use ubos_tiers::git::mirror::Mirrors;
use ubos_tiers::git::{maintain, mirrored, pulls, remote};

use crate::cli::Global;
use crate::failure::Outcome;
use crate::render;
use crate::render::backup::mirror::View;
use crate::territory;
use crate::ui::Ui;

/// Show the mirror on this machine and how the tree relates to it, or fill it from the remote
///
/// The mirror is a bare repository outside the synced tree. The laptop pushes to it over the same ssh
/// as the sync. Nothing is ever checked out, merged or committed in the tree: where it is behind or
/// ahead of the mirror, the next sync and the next push put that right.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync --root /srv/janus backup mirror        what is in it, and the tree
  ubos-sync --root /srv/janus backup mirror fetch  fill it from the remote")]
pub(crate) struct MirrorArgs {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// Show where it is, its newest snapshot, and how the tree relates to it; change nothing
    Status,
    /// Bring it up to date from the remote; what went another way there is kept beside
    Fetch,
}

/// Shows or fetches.
pub(crate) fn run(args: &MirrorArgs, global: &Global, ui: &Ui) -> Outcome {
    match args.what.unwrap_or(What::Status) {
        What::Status => status(global, ui),
        What::Fetch => fetch(global, ui),
    }
}

fn status(global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let root = state.root().path();
    let (name, peer) = config.peer(global.peer.as_deref())?;
    let mirrors = Mirrors::of_user()?;
    let git = mirrors.open(&peer.pair)?;
    let newest = git.as_ref().map(mirrored::newest).transpose()?.flatten();
    let compared = match &newest {
        Some(newest) => {
            let tree = inventory::take(root, Some(name))?;
            Some((mirrored::compare(newest, &tree), tree.generation))
        }
        None => None,
    };
    // The laptop pulls and pushes as it likes: it is where commits are made.
    let pulls =
        if peer.owner { Vec::new() } else { pulls::find(root, config.backup.remote.as_deref())? };
    let view = View {
        folder: mirrors.folder(&peer.pair)?,
        extent: git.as_ref().map(maintain::extent).transpose()?,
        newest: newest.map(|newest| newest.about),
        compared,
        pulls,
    };
    let code = view.exit_code();
    if ui.json() {
        ui.document(&render::backup::mirror::document(&view))?;
    } else if !ui.quiet() || code != 0 {
        ui.answer(&render::backup::mirror::page(&view, ui))?;
    }
    Ok(code)
}

fn fetch(global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let (_, peer) = config.peer(global.peer.as_deref())?;
    let (place, fetched) = remote::fetch::territory(state.root().path(), &config, peer)?;
    let code = match &fetched {
        Ok(fetched) if fetched.diverged.is_empty() => 0,
        Ok(_) => 3,
        Err(trouble) => trouble.exit_code(),
    };
    if ui.json() {
        ui.document(&render::backup::mirror::fetched_document(&place.shown, &fetched, code))?;
    } else if !ui.quiet() || code != 0 {
        ui.answer(&render::backup::mirror::fetched_page(&place.shown, &fetched, ui))?;
    }
    Ok(code)
}
