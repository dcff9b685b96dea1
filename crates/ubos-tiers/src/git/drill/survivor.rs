//! The place that is left: a territory with its tree and its repository, or the remote, of which a
//! fresh clone is made. Nothing of the other two is looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use ubos_core::path::RelPath;
use ubos_engine::fs::Root;
use ubos_engine::inventory::Inventory;
use ubos_engine::state::StateDir;

use super::super::command::Git;
use super::super::error::{BackupError, Result};
use super::super::form::Form;
use super::super::manifests;
use super::super::names::MANIFEST_BRANCH;
use super::super::remote::place::Place;
use super::super::remote::trouble;
use super::super::rivals::Rivals;
use super::super::shelf::Shelf;
use super::rebuild::{Tree, rebuild};
use super::verdict::{Broken, Recovered};
use super::workshop::Workshop;

/// Most lines of what git finds wrong with a repository.
const MOST_FINDINGS: usize = 20;
/// A repository on this machine need not look for likenesses in the segments of logs, which are
/// compressed: that takes ten times as long as the rest of the drill.
const LOCAL: &str = "--upload-pack=git -c pack.window=0 upload-pack";
/// How long the remote may take to say what it has.
const HELLO: Duration = Duration::from_secs(60);

/// What can be built again from a territory alone.
///
/// # Errors
/// If it cannot be written.
pub fn territory(
    root: &Root,
    inventory: &Inventory,
    git: Option<&Git>,
    shop: &Workshop,
) -> Result<Recovered> {
    let forms = standing(inventory);
    let rivals = Rivals::load(&StateDir::open(root.path())?, &inventory.pair)?;
    let tree = Tree { root, forms: &forms, rivals: &rivals };
    let mut recovered = match git {
        Some(git) => from_repository(git, Some(&tree), shop)?,
        None => rebuild(None, Some(&tree), &shop.folder("tree")?)?,
    };
    for path in inventory.troubled.keys() {
        let why = "it cannot be read in the tree".to_owned();
        recovered.broken.push(Broken { path: Some(path.clone()), why });
    }
    Ok(recovered)
}

/// What stands in a territory's tree.
pub fn standing(inventory: &Inventory) -> BTreeMap<RelPath, Form> {
    inventory.items.iter().map(|(path, item)| (path.clone(), Form::of_item(item))).collect()
}

/// What can be built again from the remote alone. `git` is a repository that knows it by name.
///
/// # Errors
/// [`BackupError::Unreachable`] if it does not answer; if nothing can be written.
pub fn remote(git: &Git, place: &Place, shop: &Workshop) -> Result<Recovered> {
    let named = git.ask(["remote", "get-url", "--", &place.url])?;
    let url = if named.ok() { named.text() } else { place.url.clone() };
    let hello = place.git(git).within(HELLO).ask(["ls-remote", "--heads", "--", &url])?;
    if !hello.ok() {
        let trouble = trouble::explain(place, &hello.err, &[]);
        return Err(BackupError::Unreachable { message: trouble.message, hint: trouble.hint });
    }
    let clone = git.for_other(shop.folder("clone.git")?);
    clone.run(["init", "--quiet", "--bare"])?;
    let mut fetch = vec!["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60", "fetch"];
    if url.starts_with('/') {
        fetch.push(LOCAL);
    }
    fetch.extend(["--quiet", "--no-tags", "--", &url, "+refs/heads/*:refs/heads/*"]);
    let fetched = place.git(&clone).ask(fetch)?;
    if !fetched.ok() {
        let said = fetched.err.trim().replace('\n', "; ");
        let why = format!("a clone of {} cannot be made: {said}", place.shown);
        let broken = vec![Broken { path: None, why }];
        return Ok(Recovered { broken, ..Recovered::default() });
    }
    from_repository(&clone, None, shop)
}

fn from_repository(git: &Git, tree: Option<&Tree<'_>>, shop: &Workshop) -> Result<Recovered> {
    let mut broken = Vec::new();
    let shelf = manifests::newest(git).and_then(|newest| match newest {
        Some((_, manifest)) => Shelf::open(git, &manifest).map(Some),
        None => Ok(None),
    });
    let mut shelf = shelf.unwrap_or_else(|error| {
        let why = format!("the newest manifest cannot be read: {error}");
        broken.push(Broken { path: None, why });
        None
    });
    let mut recovered = rebuild(shelf.as_mut(), tree, &shop.folder("tree")?)?;
    recovered.broken.extend(broken);
    (recovered.snapshots, recovered.since) = history(git)?;
    recovered.broken.extend(unsound(git, shop)?);
    Ok(recovered)
}

/// How many snapshots can be reached, and when the first was made.
///
/// # Errors
/// If git cannot be asked.
pub fn history(git: &Git) -> Result<(u64, Option<String>)> {
    let count = git.ask(["rev-list", "--count", "--first-parent", MANIFEST_BRANCH])?;
    let first =
        git.ask(["log", "--first-parent", "--max-parents=0", "--format=%cI", MANIFEST_BRANCH])?;
    let since = first.text().lines().last().map(str::to_owned);
    let since = since.filter(|since| first.ok() && !since.is_empty());
    Ok((count.text().parse().ok().filter(|_| count.ok()).unwrap_or(0), since))
}

/// What git finds wrong with all of a repository, former versions included.
fn unsound(git: &Git, shop: &Workshop) -> Result<Vec<Broken>> {
    // The user's index may name what was never committed; that is no part of the history.
    let git = git.with_index(&shop.folder("no-index")?.join("index"));
    let said = git.ask(["fsck", "--full", "--no-dangling", "--no-progress", "--no-reflogs"])?;
    if said.ok() {
        return Ok(Vec::new());
    }
    let text = format!("{}\n{}", said.err, said.text());
    let findings = text.lines().map(str::trim).filter(|line| {
        !line.is_empty() && !line.starts_with("notice:") && !line.starts_with("warning")
    });
    let broken = |line: &str| Broken { path: None, why: format!("in the history: {line}") };
    let mut found: Vec<Broken> = findings.take(MOST_FINDINGS).map(broken).collect();
    if found.is_empty() {
        found.push(broken("git fsck failed"));
    }
    Ok(found)
}
