//! What the commands about coverage and drills look at: a territory, its repository, what stands in it,
//! and the way to the peer.

use std::collections::BTreeMap;
use std::path::Path;

use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_engine::endpoint::standing::manifest_paths;
use ubos_engine::error::EngineError;
use ubos_engine::inventory::{self, Inventory};
use ubos_engine::link::ask;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::{Config, Peer};
use ubos_tiers::git::command::Git;
use ubos_tiers::git::coverage::answer::Asked;
use ubos_tiers::git::coverage::class::Classes;
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::mirror;
use ubos_tiers::git::repository::{Found, Repository};

use crate::cli::Global;
use crate::commands::{BUILD, program};
use crate::failure::Failure;
use crate::territory;

/// A territory and its backup.
pub(super) struct Scene {
    /// Its private folder.
    pub state: StateDir,
    /// Its configuration.
    pub config: Config,
    /// The peer's name.
    pub name: String,
    /// The peer.
    pub peer: Peer,
    /// What stands in it.
    pub inventory: Inventory,
    /// Its repository; on the server its mirror.
    pub git: Option<Git>,
}

impl Scene {
    /// The territory of the command line.
    pub(super) fn open(global: &Global) -> Result<Self, Failure> {
        let (state, config) = territory::open(global)?;
        let (name, peer) = config.peer(global.peer.as_deref())?;
        let (name, peer) = (name.to_owned(), peer.clone());
        let inventory = inventory::take(state.root().path(), Some(&name))?;
        let git = match peer.owner {
            true => match Repository::find(state.root().path())? {
                Found::Repository(found) => Some(found.git().clone()),
                Found::None => None,
            },
            false => mirror::open(&peer.pair)?,
        };
        Ok(Self { state, config, name, peer, inventory, git })
    }

    /// Whether this is the laptop, whose repository is the source of the others.
    pub(super) fn is_laptop(&self) -> bool {
        self.peer.owner
    }

    /// Its repository or mirror, which must be there.
    pub(super) fn git(&self) -> Result<&Git, Failure> {
        self.git.as_ref().ok_or_else(|| {
            let (what, hint) = match self.is_laptop() {
                true => {
                    ("this territory has no git repository", "`ubos-sync backup init` makes one")
                }
                false => (
                    "there is no mirror of the backup on this machine",
                    "`ubos-sync backup push` on the other machine fills it",
                ),
            };
            BackupError::NoRepository { message: what.into(), hint: hint.into() }.into()
        })
    }

    /// How each path travels.
    pub(super) fn directions(&self) -> BTreeMap<RelPath, Direction> {
        let items = self.inventory.items.iter();
        items.map(|(path, item)| (path.clone(), item.direction)).collect()
    }

    /// The data classes, by the settings.
    pub(super) fn classes(&self) -> Result<Classes, Failure> {
        let manifests = manifest_paths(&self.peer.manifests)?;
        Ok(Classes::new(&self.config.backup, &manifests)?)
    }

    /// Asks the peer's program.
    pub(super) fn ask(&self, what: &str, manifest: Option<&str>) -> Result<Vec<u8>, EngineError> {
        let asked = Asked { pair: self.peer.pair.clone(), manifest: manifest.map(str::to_owned) };
        let body = serde_json::to_vec(&asked).unwrap_or_default();
        let program = program().map_err(|_| EngineError::config("this program cannot be found"))?;
        ask::ask((&self.name, &self.peer), (Path::new(&program), BUILD), what, &body)
    }
}
