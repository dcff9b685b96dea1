//! "backup-drill": the peer does the drill where it is, with its tree and its mirror alone.

use std::collections::BTreeMap;

use ubos_core::path::RelPath;

use super::super::command::Git;
use super::super::coverage::answer::{Asked, Territory};
use super::super::coverage::facts::Held;
use super::super::error::Result;
use super::super::objects::Oid;
use super::super::shelf::Shelf;
use super::survivor;
use super::told::Told;
use super::verdict::Recovered;
use super::workshop::Workshop;

/// What this question is called.
pub const DRILL: &str = "backup-drill";

/// Does the drill of `territory` and tells it against the manifest that is asked for, if that is here.
///
/// # Errors
/// If it cannot be done; what does not come back is in the answer.
pub fn answer(territory: &Territory, asked: &Asked) -> Result<Told> {
    let git = territory.mirror.as_ref();
    let base = base(git, asked.manifest.as_deref())?;
    let recovered = recover(territory, None)?;
    let known = base.as_ref().map(|(name, paths)| (name.as_str(), paths));
    Ok(Told::new(&recovered, known))
}

/// What can be built again from `territory` alone, in a new folder in `place`.
///
/// # Errors
/// As [`answer`].
pub fn recover(territory: &Territory, place: Option<&std::path::Path>) -> Result<Recovered> {
    let needed = territory.inventory.items.values().map(|item| item.entry.size()).sum();
    let shop = Workshop::open(place, needed)?;
    let root = territory.state.root();
    survivor::territory(root, &territory.inventory, territory.mirror.as_ref(), &shop)
}

/// The paths of a manifest, if `git` has it.
///
/// # Errors
/// If git cannot be asked.
pub fn base(
    git: Option<&Git>,
    manifest: Option<&str>,
) -> Result<Option<(String, BTreeMap<RelPath, Held>)>> {
    let (Some(git), Some(manifest)) = (git, manifest.and_then(Oid::parse)) else { return Ok(None) };
    if git.resolve(&format!("{manifest}^{{commit}}"))?.is_none() {
        return Ok(None);
    }
    // A manifest that is damaged here is no base; what it names is told in full.
    let paths = Shelf::open(git, &manifest).and_then(|mut shelf| shelf.forms());
    Ok(paths.ok().map(|paths| (manifest.to_string(), paths)))
}
