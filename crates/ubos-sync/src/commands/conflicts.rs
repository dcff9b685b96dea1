//! `ubos-sync conflicts`: what waits for a decision, as the last run recorded it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use ubos_core::conflict::{Conflict, Held};
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::sides::Sides;
use ubos_engine::agent::message::{Guarded, OpenMatter};
use ubos_engine::cycle::report::guard_word;
use ubos_engine::state::matters;

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render;
use crate::render::listing::{Counts, heading};
use crate::render::units::number;
use crate::territory;
use crate::ui::Ui;

/// List open conflicts and held paths, as the last run recorded them
///
/// Works without the peer. `ubos-sync status` looks anew.
#[derive(Debug, Args)]
#[command(after_help = "\
Kinds:
  modify-modify, create-create, modify-delete, delete-modify, kind-change,
  dir-delete, append-diverged, drift; held for all held paths, or the reason
  that `--json` gives for one

Examples:
  ubos-sync conflicts --below docs --limit 10    the first ten below docs/
  ubos-sync conflicts --kind held                held paths only")]
pub(crate) struct ConflictsArgs {
    /// Show only paths that contain this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show only this kind of conflict, or `held`
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Show only what is in this folder
    #[arg(long, value_name = "FOLDER")]
    below: Option<PathBuf>,
    /// Show at most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
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

impl Open {
    fn len(&self) -> usize {
        self.conflicts.len() + self.held.len() + self.guarded.len()
    }
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
    let left: HashSet<(RelPath, Digest)> = std::mem::take(&mut open.left)
        .into_iter()
        .filter_map(|matter| match matter {
            OpenMatter::Left(path, mark) => Some((path, mark)),
            _ => None,
        })
        .collect();
    let all = open.len();
    choose(&mut open, args, global)?;
    let is_left = |path: &RelPath, mark: Digest| left.contains(&(path.clone(), mark));
    let counts = Counts::of(&open.conflicts, &open.held, open.guarded.len(), is_left);
    let code = if counts.undecided() > 0 { 3 } else { 0 };
    let found = open.len();
    let limit = args.limit.unwrap_or(usize::MAX);
    open.conflicts.truncate(limit);
    open.held.truncate(limit - open.conflicts.len());
    open.guarded.truncate(limit - open.conflicts.len() - open.held.len());
    if ui.json() {
        ui.document(&document(&open, &counts, code))?;
        return Ok(code);
    }
    let mut text = heading(&counts, found < all, ui);
    for conflict in &open.conflicts {
        let left = is_left(&conflict.path, conflict.mark);
        text.push_str(&render::conflict::conflict(conflict, &open.names, left, ui));
    }
    for held in &open.held {
        let left = is_left(&held.path, held.mark);
        text.push_str(&render::conflict::held(held, &open.names, left, ui));
    }
    text.push_str(&render::guarded::text(&open.guarded, &open.names, ui));
    let shown = open.len();
    if shown < found {
        let more = number((found - shown) as u64);
        text.push_str(&format!("… and {more} more; without --limit all are shown\n"));
    }
    ui.page(&format!("{}\n", text.trim_end()))?;
    Ok(code)
}

/// Leaves only what is asked for.
fn choose(open: &mut Open, args: &ConflictsArgs, global: &Global) -> Result<(), Failure> {
    if let Some(text) = &args.filter {
        open.conflicts.retain(|conflict| conflict.path.to_string().contains(text.as_str()));
        open.held.retain(|held| held.path.to_string().contains(text.as_str()));
        open.guarded.retain(|guarded| guarded.path.to_string().contains(text.as_str()));
    }
    if let Some(folder) = &args.below
        && let Some(folder) = below(folder, open, global)?
    {
        let inside = |path: &RelPath| *path == folder || path.is_below(&folder);
        open.conflicts.retain(|conflict| inside(&conflict.path));
        open.held.retain(|held| inside(&held.path));
        open.guarded.retain(|guarded| inside(&guarded.path));
    }
    if let Some(kind) = &args.kind {
        let known = render::listing::kinds();
        if !known.iter().any(|word| word == kind) {
            return Err(Failure::usage(
                format!("`{kind}` is no kind of conflict"),
                format!("the kinds are: {}", known.join(", ")),
            ));
        }
        open.conflicts.retain(|conflict| conflict.kind.word() == kind);
        open.held.retain(|held| kind == "held" || held.reason.word() == kind);
        open.guarded.retain(|guarded| kind == "held" || guard_word(guarded.guard) == *kind);
    }
    Ok(())
}

/// The folder whose content is asked for; nothing if that is the whole territory.
fn below(folder: &Path, open: &Open, global: &Global) -> Result<Option<RelPath>, Failure> {
    let root = territory::root(global)?;
    let place = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    if place.components().eq(root.components()) {
        return Ok(None);
    }
    let conflicts = open.conflicts.iter().map(|conflict| &conflict.path);
    let held = open.held.iter().map(|held| &held.path);
    let paths = conflicts.chain(held).chain(open.guarded.iter().map(|guarded| &guarded.path));
    let holds =
        |folder: &RelPath| paths.clone().any(|path| path == folder || path.is_below(folder));
    territory::relative(&root, folder, holds).map(Some)
}

fn document(open: &Open, counts: &Counts, code: u8) -> Value {
    let names = &open.names;
    let held = open.held.iter().map(|held| render::json::held(held, names));
    let guarded = open.guarded.iter().map(|guarded| render::json::kept_by_guard(guarded, names));
    json!({
        "schema": 1,
        "conflicts": open.conflicts.iter().map(|c| render::json::conflict(c, names)).collect::<Vec<_>>(),
        "held": held.chain(guarded).collect::<Vec<_>>(),
        "totals": counts.json(),
        "exit": code,
    })
}
