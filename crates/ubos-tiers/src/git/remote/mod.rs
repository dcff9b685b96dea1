//! The places beside this machine that hold the history: the user's remote, and the mirror on the
//! machine of the peer.
//!
//! [`place`] says how git gets there, [`record`] what is known of it and when its turn is, [`mod@push`]
//! gives it what is new, in [`parts`] where that is much, [`diverged`] deals with a place that went
//! another way, [`trouble`] has the words for what went wrong, [`fetch`] fills a mirror from the
//! remote while the laptop is away, [`takeover`] a new repository after the laptop was lost.
//!
//! A place only ever gets more: nothing is forced, and no branch is deleted there.

pub mod diverged;
pub mod fetch;
pub mod parts;
pub mod place;
pub mod push;
pub mod record;
mod rows;
pub mod takeover;
pub mod trouble;

use std::path::{Path, PathBuf};

use ubos_engine::clock;
use ubos_engine::state::config::backup::{BackupSettings, Layout};
use ubos_engine::state::config::{Config, Peer};
use ubos_engine::state::{PRIVATE, StateDir};

use super::command::Git;
use super::error::{BackupError, Result};
use super::lock::BackupLock;
use super::mirror::Mirrors;
use super::names::STATE;
use super::repository::Repository;
use place::{Kind, Place};
use push::{Given, Order, Pushed, When};
use record::{Due, Ledger};

/// Gives the places of the territory at `root` what is new, to the one of `only` if that is set.
/// Snapshots can be made meanwhile. What went wrong with a place is in the answer.
///
/// # Errors
/// [`BackupError::NoRepository`], [`BackupError::Locked`] while another push goes on,
/// [`BackupError::Busy`] without a branch to give, [`BackupError::Usage`] on the machine that makes no
/// snapshots, what the system says.
pub fn push(
    root: &Path,
    config: &Config,
    peer: (&str, &Peer),
    when: When,
    only: Option<Kind>,
) -> Result<Pushed> {
    refuse_at_server(config, peer.1)?;
    let repository = Repository::open(root)?;
    let state = StateDir::open(root)?;
    let _lock = BackupLock::take_push(&state)?;
    let (git, settings) = (repository.git(), &config.backup);
    let main = main_branch(git, settings)?;
    let extra = extra_branch(settings, peer.1);
    let (mut places, mut nowhere) = (Vec::new(), Vec::new());
    for (kind, found) in all(git, settings, peer) {
        let wanted = only.is_none_or(|only| only == kind);
        match found {
            Ok(Some(place)) if wanted => places.push(place),
            Err(error) if wanted => nowhere.push(Given::nowhere(kind, kind.word(), &error)),
            _ => {}
        }
    }
    let [byte] = clock::random::<1>();
    let order = Order {
        git,
        state: &folder(root),
        territory: &config.name,
        main: &main,
        extra: extra.as_deref(),
        places: &places,
        when,
        now: clock::now().0,
        jitter: f64::from(byte) / 255.0,
        most: parts::MOST,
    };
    let mut pushed = push::push(&order)?;
    pushed.places.extend(nowhere);
    Ok(pushed)
}

/// Joins at this side whatever went another way at a place, as a person asked: the next push is then
/// taken without force. Returns the branches that were joined.
///
/// # Errors
/// As [`push()`]; [`BackupError::Locked`] also while a snapshot is made.
pub fn join(root: &Path, config: &Config) -> Result<Vec<String>> {
    let repository = Repository::open(root)?;
    let state = StateDir::open(root)?;
    let _lock = BackupLock::take_push(&state)?;
    let _snapshots = BackupLock::take(&state)?;
    let ledger = Ledger::load(&folder(root))?;
    let mut joined = Vec::new();
    for (name, entry) in ledger.places.values().flat_map(|record| &record.diverged) {
        if diverged::join(repository.git(), &config.name, name, entry)?.is_some() {
            joined.push(name.clone());
        }
    }
    joined.dedup();
    Ok(joined)
}

/// What is known of the places of the territory at `root`, from this side's files alone.
///
/// # Errors
/// What the system says.
pub fn known(root: &Path) -> Result<Ledger> {
    Ledger::load(&folder(root))
}

/// Whether a place of the territory at `root` is to be tried now, by what was noted when a push was
/// last tried; cheap enough to ask every few minutes. Only the repository knows whether there is
/// anything new, so a place that was never tried or whose turn has come counts.
///
/// # Errors
/// What the system says.
pub fn is_due(root: &Path, settings: &BackupSettings, now: i64) -> Result<bool> {
    let ledger = known(root)?;
    let due = |kind: Kind| match ledger.places.get(kind.word()) {
        None => true,
        Some(record) => record.due(true, settings.push_every, now) == Due::Now,
    };
    let remote = settings.remote.is_some() && due(Kind::Remote);
    Ok(remote || settings.mirror && due(Kind::Mirror))
}

/// Snapshots are made on one machine, and given from there. A repository in the server's tree is
/// another one, whose commits would only get in the way at the remote.
fn refuse_at_server(config: &Config, peer: &Peer) -> Result<()> {
    if peer.owner || config.backup.enabled {
        return Ok(());
    }
    Err(BackupError::Usage {
        message: "snapshots are made and pushed on the other machine".to_owned(),
        hint: "here, `ubos-sync backup mirror` shows what arrived, and `ubos-sync backup mirror fetch` brings it from the remote".to_owned(),
    })
}

/// The places that the settings name.
fn all(
    git: &Git,
    settings: &BackupSettings,
    (name, peer): (&str, &Peer),
) -> Vec<(Kind, Result<Option<Place>>)> {
    let mut all = Vec::new();
    if settings.mirror {
        let place = Mirrors::of_user().and_then(|mirrors| Place::mirror(name, peer, &mirrors));
        all.push((Kind::Mirror, place));
    }
    if let Some(remote) = &settings.remote {
        all.push((Kind::Remote, Place::remote(git, remote).map(Some)));
    }
    all
}

/// The branch of the snapshots. A rebase that goes on, or a commit that is only looked at, does not
/// keep anything from being given: what is on the branch is there.
fn main_branch(git: &Git, settings: &BackupSettings) -> Result<String> {
    if let Some(branch) = &settings.branch {
        return Ok(push::full_name(branch));
    }
    let head = git.ask(["symbolic-ref", "--quiet", "HEAD"])?;
    if head.ok() {
        return Ok(head.text());
    }
    let rebasing = ["rebase-merge", "rebase-apply"]
        .iter()
        .find_map(|folder| std::fs::read_to_string(git.dir().join(folder).join("head-name")).ok());
    rebasing.map(|name| name.trim().to_owned()).ok_or_else(|| BackupError::Busy {
        what: "no branch is checked out (detached HEAD), and none is set".to_owned(),
        hint: "`git switch BRANCH` goes back to one; or set `branch` below `[backup]` in `.ubos-sync/config.toml`".to_owned(),
    })
}

/// The branch of the other territory's files.
fn extra_branch(settings: &BackupSettings, peer: &Peer) -> Option<String> {
    (settings.layout == Layout::Branches).then(|| push::full_name(&peer.manifests))
}

/// The folder of the backup's state.
fn folder(root: &Path) -> PathBuf {
    root.join(PRIVATE).join(STATE)
}
