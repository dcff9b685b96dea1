//! Which state a person means with `--at`, for the commands that look back.

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_tiers::git::command::Git;
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::mirror;
use ubos_tiers::git::repository::Repository;
use ubos_tiers::git::shelf::Shelf;
use ubos_tiers::git::travel::point::{At, open};

use crate::failure::Failure;
use crate::past::Past;

/// The repository of a territory; on the server its mirror.
pub(super) fn repository(past: &Past) -> Result<Git, Failure> {
    if !past.peer.owner
        && let Some(mirror) = mirror::open(&past.peer.pair)?
    {
        return Ok(mirror);
    }
    match Repository::open(past.state.root().path()) {
        Err(BackupError::NoRepository { .. }) if !past.peer.owner => Err(Failure::usage(
            "there is no mirror of the backup on this machine",
            "`ubos-sync backup push` on the other machine fills it",
        )),
        found => Ok(found?.git().clone()),
    }
}

/// What `--at` means: a time as `restore` takes it, a run, a commit.
pub(super) fn at(past: &Past, given: Option<&str>) -> Result<At, Failure> {
    let Some(given) = given else { return Ok(At::Newest) };
    if let Some(time) = clock::instant(given) {
        return Ok(At::Time(time));
    }
    // A run may be gone from the log here and still be in the backup.
    let run = past.run(given);
    if given == "last" {
        return Ok(At::Run(run?));
    }
    Ok(match run {
        Ok(run) => At::Run(run),
        Err(_) if clock::is_id(given) && given.contains('T') => At::Run(given.to_owned()),
        Err(_) => At::Commit(given.to_owned()),
    })
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
