//! `resolve`, `revert`, `promote`: a person's decision about single paths, carried out at once on
//! both sides. Refused if either side changed since the clash was recorded.
//!
//! With a choice on the command line `resolve` is a run like any other; without one it is a
//! [`session`] on the terminal, in which every answer is such a run.

mod answers;
mod below;
mod beside;
mod by_hand;
mod choices;
mod copies;
mod merge;
mod one_way;
pub(crate) mod session;
mod versions;
mod words;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use ubos_core::conflict::Choice;
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::plan::Filter;

use self::choices::{Clash, decide, named, newer, not_comparable};
use super::conflicts::{self, Open};
use super::sync;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

pub(crate) use self::one_way::{PathsArgs, promote, revert};

/// Settle conflicts: one by one on the terminal, or with `--keep`
///
/// Without an option each open conflict is shown with what can be done about it, and every answer
/// is carried out at once. The version that is not kept goes to the backups. A conflict that
/// changed on either side since it was last recorded is shown anew instead.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync resolve                                 asks about all that is open
  ubos-sync resolve docs                            about what is open in there
  ubos-sync resolve config/CLAUDE.md --keep balaur  balaur's version wins
  ubos-sync resolve config/CLAUDE.md --keep both    balaur's version beside ours
  ubos-sync resolve docs --keep newer               every conflict below docs/
  ubos-sync resolve docs --keep merge               where both edits fit
  ubos-sync resolve . --leave                       all stays as it is")]
pub(crate) struct ResolveArgs {
    /// The paths in conflict, or folders above them; all that is open if none is given
    paths: Vec<PathBuf>,
    /// What to keep: a territory's name, both, newer, merge (both edits, where they fit together), or changed-only (of a deleted folder: keep what was changed in it)
    #[arg(long, value_name = "CHOICE", conflicts_with = "leave", requires = "paths")]
    keep: Option<String>,
    /// Leave it as it is, on purpose: no longer a reason for exit 3 until it changes
    #[arg(long, requires = "paths")]
    leave: bool,
}

/// Settles conflicts.
pub(crate) fn resolve(args: &ResolveArgs, global: &Global, ui: &Ui) -> Outcome {
    if args.keep.is_none() && !args.leave {
        return ask(args, global, ui);
    }
    let open = conflicts::open(global)?;
    let paths = named(&open, &args.paths, global)?;
    let mut request = sync::request(global, "resolve", Filter::Both)?;
    if args.leave {
        request.leave = marks(&open, &paths);
        return sync::run(&request, ui);
    }
    let keep = args.keep.as_deref().unwrap_or_default();
    if keep == "merge" {
        return merge::where_it_fits(request, &open, paths, global, ui);
    }
    decide(&mut request, &open, paths, |path, clash| {
        let choice = match (keep, clash) {
            ("both", _) => Choice::Both,
            ("changed-only", _) => Choice::ChangedOnly,
            ("newer", Clash::Conflict(conflict)) => Choice::Take(newer(path, conflict)?),
            ("newer", Clash::Held(_)) => return Err(not_comparable(path)),
            (name, _) => Choice::Take(sync::side_named(name, global)?),
        };
        Ok(choice)
    })?;
    sync::run(&request, ui)
}

/// What is open at `paths`, with its marks.
fn marks(open: &Open, paths: &[RelPath]) -> Vec<(RelPath, Digest)> {
    let conflicts = open.conflicts.iter().map(|c| (&c.path, c.mark));
    let held = open.held.iter().map(|h| (&h.path, h.mark));
    let named: BTreeSet<&RelPath> = paths.iter().collect();
    let all = conflicts.chain(held).filter(|(path, _)| named.contains(path));
    all.map(|(path, mark)| (path.clone(), mark)).collect()
}

/// The conversation about everything that is open, or that is open at the given paths.
fn ask(args: &ResolveArgs, global: &Global, ui: &Ui) -> Outcome {
    if !ui.converses() {
        return Err(Failure::usage(
            "there is no terminal to ask on",
            "say what to keep: `ubos-sync resolve PATH --keep TERRITORY` (or both, newer, merge), or `--leave`; `ubos-sync conflicts` lists what is open",
        ));
    }
    let open = conflicts::open(global)?;
    let paths = if args.paths.is_empty() { None } else { Some(named(&open, &args.paths, global)?) };
    session::run(session::Scope { paths, policies: None }, global, ui)
}
