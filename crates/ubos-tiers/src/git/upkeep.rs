//! The upkeep of all repositories of a territory on this machine: its own, and the mirror if that is
//! here too. A repository that lies in the server's tree is not the backup's and is left alone.

use std::path::{Path, PathBuf};

use ubos_engine::clock;
use ubos_engine::state::config::{Config, Peer};
use ubos_engine::state::{PRIVATE, StateDir};

use super::command::Git;
use super::error::{BackupError, Result};
use super::lock::BackupLock;
use super::maintain::{Depth, Maintained, Past, Upkeep, due, maintain};
use super::mirror::Mirrors;
use super::names::STATE;
use super::repository::Repository;

/// How much is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// This much.
    Depth(Depth),
    /// What is due.
    Due,
}

/// Which repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The territory's own.
    Repository,
    /// The mirror.
    Mirror,
}

impl Which {
    /// The word for it in JSON and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Which::Repository => "repository",
            Which::Mirror => "mirror",
        }
    }
}

/// What was done to one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Which.
    pub which: Which,
    /// Its folder.
    pub folder: PathBuf,
    /// What came of it.
    pub maintained: Maintained,
}

/// Packs and checks the repositories of the territory at `root` and keeps the result. Neither a
/// snapshot nor a push of this territory goes on meanwhile.
///
/// # Errors
/// [`BackupError::Busy`] in the middle of a rebase or the like, [`BackupError::Locked`],
/// [`BackupError::NoRepository`], what git and the system say. What is damaged is in the answer.
pub fn territory(root: &Path, config: &Config, peer: &Peer, ask: Ask) -> Result<Vec<Done>> {
    let state = StateDir::open(root)?;
    let folder = root.join(PRIVATE).join(STATE);
    let upkeep = Upkeep::load(&folder)?;
    let now = clock::now().0;
    let wanted = |past: &Past| match ask {
        Ask::Depth(depth) => Some(depth),
        Ask::Due => due(past, now),
    };
    let mut work = Vec::new();
    for (which, git) in repositories(root, config, peer)? {
        let past = match which {
            Which::Repository => &upkeep.repository,
            Which::Mirror => &upkeep.mirror,
        };
        work.extend(wanted(past).map(|depth| (which, git, depth)));
    }
    if work.is_empty() {
        return Ok(Vec::new());
    }
    let _snapshots = BackupLock::take(&state)?;
    let _pushes = BackupLock::take_push(&state)?;
    let mut upkeep = Upkeep::load(&folder)?;
    let mut done = Vec::new();
    for (which, git, depth) in work {
        let maintained = maintain(&git, &folder, depth, now)?;
        match which {
            Which::Repository => upkeep.repository.note(maintained.clone()),
            Which::Mirror => upkeep.mirror.note(maintained.clone()),
        }
        upkeep.save(&folder)?;
        done.push(Done { which, folder: git.dir().to_owned(), maintained });
    }
    Ok(done)
}

fn repositories(root: &Path, config: &Config, peer: &Peer) -> Result<Vec<(Which, Git)>> {
    let mirror = Mirrors::of_user()?.open(&peer.pair)?;
    let mut found = Vec::new();
    if peer.owner || config.backup.enabled {
        let repository = Repository::open(root)?;
        // In the middle of a rebase, what it needs may hang on nothing but its own files.
        repository.standing()?;
        found.push((Which::Repository, repository.git().clone()));
    } else if mirror.is_none() {
        return Err(BackupError::NoRepository {
            message: "there is no mirror of this pair on this machine yet".to_owned(),
            hint: "`ubos-sync backup push` on the laptop makes it".to_owned(),
        });
    }
    found.extend(mirror.map(|git| (Which::Mirror, git)));
    Ok(found)
}
