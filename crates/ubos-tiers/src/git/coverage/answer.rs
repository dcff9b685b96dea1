//! "backup-coverage": what a territory says of its tree and its mirror, told against a manifest that
//! both sides have, so that what is alike costs nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use ubos_core::path::RelPath;
use ubos_engine::inventory::{self, Inventory};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;

use super::super::command::Git;
use super::super::drill::answer::base;
use super::super::drill::survivor::standing;
use super::super::error::{BackupError, Result};
use super::super::form::{Named, Row};
use super::super::mirror::Mirrors;
use super::super::objects::Oid;
use super::super::shelf::Shelf;
use super::beside::beside;
use super::facts::{Beside, Facts, Held, Shelved};
use super::look;

/// What this question is called.
pub const COVERAGE: &str = "backup-coverage";
const SCHEMA: u32 = 1;

/// What is asked of the peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// The pair.
    pub pair: String,
    /// The newest manifest that the one who asks has.
    pub manifest: Option<String>,
}

/// A territory that is asked about itself.
pub struct Territory {
    /// Its private folder.
    pub state: StateDir,
    /// What stands in it.
    pub inventory: Inventory,
    /// The bare mirror beside it.
    pub mirror: Option<Git>,
    /// What is not shared.
    pub beside: Beside,
}

impl Territory {
    /// The territory at `root`, for the pair `pair`.
    ///
    /// # Errors
    /// If it is not of that pair, or cannot be looked at.
    pub fn open(root: &Path, pair: &str, mirrors: &Mirrors) -> Result<Self> {
        let state = StateDir::open(root)?;
        let config = Config::require(&state)?;
        let peer = config.peers.iter().find(|(_, peer)| peer.pair == pair);
        let (name, peer) = peer.ok_or_else(|| BackupError::Usage {
            message: format!("`{}` is no territory of this pair", root.display()),
            hint: "`ubos-sync init` pairs two territories".to_owned(),
        })?;
        let inventory = inventory::take(root, Some(name))?;
        let beside = beside(&state, &config, peer)?;
        Ok(Self { mirror: mirrors.open(pair)?, inventory, beside, state })
    }
}

/// How a territory stands, told against a manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    schema: u32,
    /// The manifest against which the tree is told; without one everything is.
    pub base: Option<String>,
    changed: Vec<Row>,
    absent: Vec<Named>,
    troubled: Vec<Named>,
    mirror: Option<Mirror>,
    beside: Vec<String>,
    beside_more: u64,
}

/// What a mirror has.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mirror {
    /// Its newest manifest; `None` if it has none yet.
    manifest: Option<String>,
    snapshots: u64,
    since: Option<String>,
}

/// Says how `territory` stands.
///
/// # Errors
/// If its mirror cannot be asked.
pub fn answer(territory: &Territory, asked: &Asked) -> Result<Told> {
    let git = territory.mirror.as_ref();
    let base = base(git, asked.manifest.as_deref())?;
    let known = |path: &RelPath| base.as_ref().and_then(|(_, paths)| paths.get(path));
    let tree = standing(&territory.inventory);
    let changed = tree
        .iter()
        .filter(|(path, form)| known(path).is_none_or(|held| !held.form.same_content(form)));
    let paths = base.as_ref().map(|(_, paths)| paths.keys()).into_iter().flatten();
    let absent = paths.filter(|path| !tree.contains_key(*path));
    let mirror = git.map(|git| -> Result<Mirror> {
        let newest = look::shelved(git)?;
        Ok(Mirror {
            manifest: newest.as_ref().map(|newest| newest.manifest.clone()),
            snapshots: newest.as_ref().map_or(0, |newest| newest.snapshots),
            since: newest.and_then(|newest| newest.since),
        })
    });
    Ok(Told {
        schema: SCHEMA,
        base: base.as_ref().map(|(name, _)| name.clone()),
        changed: changed.map(|(path, form)| Row::new(path, form)).collect(),
        absent: absent.map(Named::new).collect(),
        troubled: territory.inventory.troubled.keys().map(Named::new).collect(),
        mirror: mirror.transpose()?,
        beside: territory.beside.names.clone(),
        beside_more: territory.beside.more,
    })
}

impl Told {
    /// The facts, with what `git`, the repository of the one who asked, knows of the manifests.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] if the answer makes no sense.
    pub fn read(&self, git: Option<&Git>) -> Result<Facts> {
        if self.schema != SCHEMA {
            let why = format!("schema {} is not known here", self.schema);
            return Err(BackupError::damaged("the peer's answer", why));
        }
        let paths = match &self.base {
            None => BTreeMap::new(),
            Some(name) => {
                base(git, Some(name))?
                    .ok_or_else(|| BackupError::damaged("the peer's answer", "another manifest"))?
                    .1
            }
        };
        let mut tree: BTreeMap<_, _> =
            paths.iter().map(|(path, held): (_, &Held)| (path.clone(), held.form)).collect();
        for path in &self.absent {
            tree.remove(&path.read()?);
        }
        for row in &self.changed {
            let (path, form) = row.read()?;
            tree.insert(path, form);
        }
        Ok(Facts {
            tree: Some(tree),
            troubled: self.troubled.iter().map(Named::read).collect::<Result<_>>()?,
            repository: self.mirror.as_ref().map(|mirror| mirror.read(git)).transpose()?,
            beside: Beside { names: self.beside.clone(), more: self.beside_more },
        })
    }
}

impl Mirror {
    fn read(&self, git: Option<&Git>) -> Result<Shelved> {
        let empty =
            Shelved { snapshots: self.snapshots, since: self.since.clone(), ..Shelved::default() };
        let manifest = self.manifest.as_deref().and_then(Oid::parse);
        let (Some(git), Some(manifest)) = (git, manifest) else { return Ok(empty) };
        // A manifest that is not known here says nothing here.
        if git.resolve(&format!("{manifest}^{{commit}}"))?.is_none() {
            return Ok(empty);
        }
        let mut shelf = Shelf::open(git, &manifest)?;
        Ok(Shelved {
            manifest: manifest.to_string(),
            made: shelf.about().made.clone(),
            paths: shelf.forms()?,
            ..empty
        })
    }
}
