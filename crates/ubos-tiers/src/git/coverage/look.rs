//! Gathering the facts of this machine, and of the remote: what it was given is known here, so that it
//! only has to say which commits it has.

use std::collections::BTreeMap;
use std::time::Duration;

use ubos_engine::clock;
use ubos_engine::inventory::Inventory;

use super::super::command::Git;
use super::super::drill::survivor::{history, standing};
use super::super::error::Result;
use super::super::manifests;
use super::super::names::MANIFEST_BRANCH;
use super::super::objects::Oid;
use super::super::remote::place::Place;
use super::super::remote::record::Record;
use super::super::remote::trouble;
use super::super::shelf::Shelf;
use super::facts::{Beside, Facts, Known, Shelved};

/// How long the remote may take to say what it has.
const LIMIT: Duration = Duration::from_secs(60);

/// What a territory holds: its tree and its repository.
///
/// # Errors
/// If the repository cannot be read.
pub fn territory(inventory: &Inventory, git: Option<&Git>, beside: Beside) -> Result<Facts> {
    Ok(Facts {
        tree: Some(standing(inventory)),
        troubled: inventory.troubled.keys().cloned().collect(),
        repository: git.map(shelved).transpose()?.flatten(),
        beside,
    })
}

/// What a repository holds, as its newest manifest says; `None` before the first.
///
/// # Errors
/// If it cannot be read.
pub fn shelved(git: &Git) -> Result<Option<Shelved>> {
    match manifests::newest(git)? {
        Some((_, manifest)) => shelved_at(git, &manifest).map(Some),
        None => Ok(None),
    }
}

fn shelved_at(git: &Git, manifest: &Oid) -> Result<Shelved> {
    let mut shelf = Shelf::open(git, manifest)?;
    let (snapshots, since) = history(git)?;
    Ok(Shelved {
        manifest: manifest.to_string(),
        made: shelf.about().made.clone(),
        snapshots,
        since,
        paths: shelf.forms()?,
    })
}

/// What the remote holds. `record` is what is known of earlier pushes.
///
/// # Errors
/// If the repository here cannot be read.
pub fn remote(git: &Git, place: &Place, record: &Record) -> Result<Known> {
    let since = record.succeeded.map(|seconds| clock::rfc3339((seconds, 0)));
    let unknown = |why: String| Known::Unknown { since: since.clone(), why };
    let said = place.git(git).within(LIMIT).ask(["ls-remote", "--heads", "--", &place.url])?;
    if !said.ok() {
        let trouble = trouble::explain(place, &said.err, &[]);
        return Ok(unknown(format!("{}. Hint: {}", trouble.message, trouble.hint)));
    }
    let text = said.text();
    let heads: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(id, name)| (name, id))
        .collect();
    let Some(manifest) = heads.get(MANIFEST_BRANCH) else {
        return Ok(Known::Looked(Box::default()));
    };
    let Some(manifest) = Oid::parse(manifest) else {
        return Ok(unknown("its answer is not understood".to_owned()));
    };
    if git.resolve(&format!("{manifest}^{{commit}}"))?.is_none() {
        return Ok(unknown(
            "its newest manifest is not ours: somebody else wrote there".to_owned(),
        ));
    }
    let about = manifests::about(git, &manifest)?;
    for commit in [Some(&about.snapshot), about.logs.as_ref(), about.branch.as_ref()] {
        if let Some(commit) = commit
            && !is_reachable(git, commit, heads.values())?
        {
            return Ok(unknown(format!("it has a manifest and not the commit {commit} it names")));
        }
    }
    let mut shelved = shelved_at(git, &manifest)?;
    let count = git.ask(["rev-list", "--count", "--first-parent", manifest.as_str()])?;
    shelved.snapshots = count.text().parse().unwrap_or(0);
    let repository = Some(shelved);
    Ok(Known::Looked(Box::new(Facts { repository, ..Facts::default() })))
}

/// Whether one of `heads`, as far as they are known here, leads to `commit`.
fn is_reachable<'h>(
    git: &Git,
    commit: &str,
    heads: impl Iterator<Item = &'h &'h str>,
) -> Result<bool> {
    for head in heads {
        if *head == commit {
            return Ok(true);
        }
        // A head that is not known here is an answer other than 0 as well.
        if git.ask(["merge-base", "--is-ancestor", commit, head])?.ok() {
            return Ok(true);
        }
    }
    Ok(false)
}
