//! `ubos-sync conflicts`: what waits for a decision, as the last run recorded it.

use clap::Args;
use serde_json::json;

use ubos_core::conflict::{Conflict, Held};
use ubos_core::sides::Sides;
use ubos_engine::agent::message::{Guarded, OpenMatter};
use ubos_engine::state::matters;

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render;
use crate::territory;
use crate::ui::Ui;

/// List open conflicts and held paths, as the last run recorded them
///
/// Works without the peer. `ubos-sync status` looks anew.
#[derive(Debug, Args)]
pub(crate) struct ConflictsArgs {
    /// Show only paths that contain this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// What is open with a peer.
pub(crate) struct Open {
    /// Names of the territories.
    pub names: Sides<String>,
    /// Open conflicts.
    pub conflicts: Vec<Conflict>,
    /// Held paths.
    pub held: Vec<Held>,
    /// Marks that were left on purpose.
    pub left: Vec<OpenMatter>,
    /// What guards hold.
    pub guarded: Vec<Guarded>,
}

/// Reads what is open.
pub(crate) fn open(global: &Global) -> Result<Open, Failure> {
    let (state, config) = territory::open(global)?;
    let (peer_name, peer) = config.peer(global.peer.as_deref())?;
    let mut open = Open {
        names: Sides::new(config.name.clone(), peer_name.to_owned()),
        conflicts: Vec::new(),
        held: Vec::new(),
        left: Vec::new(),
        guarded: Vec::new(),
    };
    for matter in matters::load(&state, &peer.pair)? {
        match matter {
            OpenMatter::Conflict(conflict) => open.conflicts.push(*conflict),
            OpenMatter::Held(held) => open.held.push(held),
            left @ OpenMatter::Left(..) => open.left.push(left),
            OpenMatter::Guarded(guarded) => open.guarded.push(*guarded),
        }
    }
    Ok(open)
}

/// Carries it out.
pub(crate) fn run(args: &ConflictsArgs, global: &Global, ui: &Ui) -> Outcome {
    let mut open = open(global)?;
    if let Some(text) = &args.filter {
        open.conflicts.retain(|conflict| conflict.path.to_string().contains(text.as_str()));
        open.held.retain(|held| held.path.to_string().contains(text.as_str()));
        open.guarded.retain(|guarded| guarded.path.to_string().contains(text.as_str()));
    }
    let left = |path, mark| open.left.contains(&OpenMatter::Left(path, mark));
    let undecided = open.conflicts.iter().any(|c| !left(c.path.clone(), c.mark))
        || open.held.iter().any(|h| !left(h.path.clone(), h.mark))
        || !open.guarded.is_empty();
    let code = if undecided { 3 } else { 0 };
    if ui.json() {
        let held = open.held.iter().map(|h| render::json::held(h, &open.names));
        let guarded = open.guarded.iter().map(|g| render::json::kept_by_guard(g, &open.names));
        ui.document(&json!({
            "schema": 1,
            "conflicts": open.conflicts.iter().map(|c| render::json::conflict(c, &open.names)).collect::<Vec<_>>(),
            "held": held.chain(guarded).collect::<Vec<_>>(),
            "exit": code,
        }))?;
        return Ok(code);
    }
    let mut text = String::new();
    for conflict in &open.conflicts {
        text.push_str(&render::conflict::conflict(
            conflict,
            &open.names,
            left(conflict.path.clone(), conflict.mark),
            ui,
        ));
    }
    for held in &open.held {
        text.push_str(&render::conflict::held(
            held,
            &open.names,
            left(held.path.clone(), held.mark),
            ui,
        ));
    }
    text.push_str(&render::guarded::text(&open.guarded, &open.names, ui));
    if text.is_empty() {
        text.push_str("No open conflicts, nothing held.\n");
    }
    ui.answer(&text)?;
    Ok(code)
}
