//! The state that a person means: the newest at a time, the one just before a run, or that of a commit.

use std::collections::BTreeMap;
use std::path::Path;

use ubos_engine::clock;
use ubos_engine::error::EngineError;
use ubos_engine::history::runs::{self, RunRecord};
use ubos_engine::state::config::Peer;

use super::super::command::Git;
use super::super::commit::trailer_of;
use super::super::error::{BackupError, Result};
use super::super::manifests;
use super::super::mirror;
use super::super::names::{MANIFEST_BRANCH, TRAILER_PHASE, TRAILER_RUN};
use super::super::objects::Oid;
use super::super::repository::{Found, Repository};
use super::super::shelf::Shelf;

/// What a person may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// The newest state.
    Newest,
    /// The newest state of this moment, RFC 3339.
    Time(String),
    /// The state just before this run.
    Run(String),
    /// The state of a commit: a snapshot, a manifest, or one that a person made.
    Commit(String),
}

/// What a person means: a time as `restore` takes it, one of these runs on record, or a commit.
///
/// # Errors
/// [`EngineError::Config`] for `last` where no run changed anything.
pub fn meant(runs: &BTreeMap<String, RunRecord>, given: &str) -> Result<At, EngineError> {
    if let Some(time) = clock::instant(given) {
        return Ok(At::Time(time));
    }
    let run = runs::named(runs, given);
    if given == "last" {
        return Ok(At::Run(run?));
    }
    Ok(match run {
        Ok(run) => At::Run(run),
        // A run may be gone from the log here and still be in the backup.
        Err(_) if clock::is_id(given) && given.contains('T') => At::Run(given.to_owned()),
        Err(_) => At::Commit(given.to_owned()),
    })
}

/// Where former states of the territory at `root` are, for the pair with `peer`: its repository; on
/// the server the mirror, if there is one.
///
/// # Errors
/// [`BackupError::NoRepository`] if there is neither.
pub fn repository(root: &Path, peer: &Peer) -> Result<Git> {
    if peer.owner {
        return Ok(Repository::open(root)?.git().clone());
    }
    if let Some(mirror) = mirror::open(&peer.pair)? {
        return Ok(mirror);
    }
    match Repository::find(root)? {
        Found::Repository(found) => Ok(found.git().clone()),
        Found::None => Err(BackupError::NoRepository {
            message: "there is no mirror of the backup on this machine".to_owned(),
            hint: "`ubos-sync backup push` on the other machine fills it".to_owned(),
        }),
    }
}

/// Opens that state.
///
/// # Errors
/// [`BackupError::Usage`] if nothing is kept of it; [`BackupError::Damaged`] if it cannot be read.
pub fn open(git: &Git, at: &At) -> Result<Shelf> {
    match at {
        At::Newest => Shelf::open(git, &tip(git)?),
        At::Time(time) => Shelf::open(git, &of_time(git, time)?),
        At::Run(run) => Shelf::open(git, &before_run(git, run)?),
        At::Commit(name) => of_commit(git, name),
    }
}

fn tip(git: &Git) -> Result<Oid> {
    git.resolve(MANIFEST_BRANCH)?.map(Oid).ok_or_else(|| BackupError::Usage {
        message: "there is no snapshot yet".to_owned(),
        hint: "`ubos-sync backup snapshot` makes one".to_owned(),
    })
}

fn of_time(git: &Git, time: &str) -> Result<Oid> {
    tip(git)?;
    // A commit has whole seconds: one that was made within the second counts.
    let seconds = clock::seconds(time).unwrap_or(0);
    let until = format!("--until=@{seconds} +0000");
    let found = git.run(["log", "-1", "--first-parent", "--format=%H", &until, MANIFEST_BRANCH])?;
    Oid::parse(&found.text()).ok_or_else(|| {
        // Not the root: what was joined has a root of its own.
        let all = git.run(["log", "--first-parent", "--format=%cI", MANIFEST_BRANCH]);
        let all = all.map(|all| all.text()).unwrap_or_default();
        let first = all.lines().last().unwrap_or_default();
        BackupError::Usage {
            message: format!("nothing is kept of {}", clock::local(time)),
            hint: format!("the first snapshot was made at {}", clock::local(first)),
        }
    })
}

fn before_run(git: &Git, run: &str) -> Result<Oid> {
    tip(git)?;
    let wanted = format!("--grep={TRAILER_RUN}: {run}");
    let found =
        git.run(["log", "--first-parent", "--format=%H", "-F", &wanted, MANIFEST_BRANCH])?.text();
    let mut first = None;
    for name in found.lines().rev() {
        let message = git.run(["log", "-1", "--format=%B", name])?.text();
        // The words may stand elsewhere in a message.
        if trailer_of(&message, TRAILER_RUN) == Some(run) {
            first = Some((name, trailer_of(&message, TRAILER_PHASE) == Some("pre")));
            break;
        }
    }
    let (name, before) = first.ok_or_else(|| BackupError::Usage {
        message: format!("no snapshot belongs to the run {run}"),
        hint:
            "`ubos-sync backup log` with a path lists what is kept; `--at TIME` works for any time"
                .to_owned(),
    })?;
    if before {
        return Ok(Oid(name.to_owned()));
    }
    git.resolve(&format!("{name}^"))?.map(Oid).ok_or_else(|| BackupError::Usage {
        message: format!("the run {run} is the first of which a snapshot is kept"),
        hint: "nothing from before it is in the backup".to_owned(),
    })
}

fn of_commit(git: &Git, name: &str) -> Result<Shelf> {
    let commit = git.resolve(&format!("{name}^{{commit}}"))?.ok_or_else(|| BackupError::Usage {
        message: format!("`{name}` is no time, no run and no commit"),
        hint: "a time is written `2h`, `3d`, `2026-11-20` or `2026-11-20T14:05`".to_owned(),
    })?;
    if let Some((_, manifest)) = manifests::at(git, &commit)? {
        return Shelf::open(git, &manifest);
    }
    let commit = Oid(commit);
    let is_manifest = git.ask(["merge-base", "--is-ancestor", commit.as_str(), MANIFEST_BRANCH])?;
    if is_manifest.ok() {
        return Shelf::open(git, &commit);
    }
    Shelf::of_commit(git, &commit)
}
