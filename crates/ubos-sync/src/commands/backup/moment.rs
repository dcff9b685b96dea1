//! Which state a person means with `--at`, for the commands that look back.

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_tiers::git::command::Git;
use ubos_tiers::git::shelf::Shelf;
use ubos_tiers::git::travel::point::{self, At, open};

use crate::failure::Failure;
use crate::past::Past;

/// The repository of a territory; on the server its mirror.
pub(super) fn repository(past: &Past) -> Result<Git, Failure> {
    Ok(point::repository(past.state.root().path(), &past.peer)?)
}

/// What `--at` means: a time as `restore` takes it, a run, a commit.
pub(super) fn at(past: &Past, given: Option<&str>) -> Result<At, Failure> {
    Ok(given.map_or(Ok(At::Newest), |given| point::meant(&past.runs, given))?)
}

/// Opens the state.
pub(super) fn shelf(past: &Past, git: &Git, given: Option<&str>) -> Result<Shelf, Failure> {
    Ok(open(git, &at(past, given)?)?)
}

/// Words for it: `as of 2026-11-22 14:05:33`.
pub(super) fn words(shelf: &Shelf) -> String {
    format!("as of {}", clock::local(&shelf.about().made))
}

/// The paths of a state at or below `path`, the top folder for none.
pub(super) fn below<'s>(shelf: &'s Shelf, path: &RelPath) -> Vec<&'s RelPath> {
    shelf.entries().keys().filter(|at| *at == path || at.is_below(path)).collect()
}
