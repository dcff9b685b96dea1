//! The versions of a path that are in git, for the commands that go back.

use std::collections::BTreeSet;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::{Config, Peer};
use ubos_tiers::git::command::Git;
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::manifest::{Kept, What};
use ubos_tiers::git::objects::BlobReader;
use ubos_tiers::git::repository::Repository;
use ubos_tiers::git::travel::versions::versions;
use ubos_tiers::git::{manifests, mirror};

/// Most versions that are looked for.
const MOST: usize = 50;

/// A file that stood at a path when a snapshot was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// The first snapshot that has it.
    pub(crate) commit: String,
    /// When that was made, RFC 3339.
    pub(crate) made: String,
    /// The run it belongs to, if any.
    pub(crate) run: Option<String>,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// Its content.
    pub(crate) digest: Digest,
}

/// The versions of the file at `path` that git has and none of `known` is, the newest first; none
/// where there is no backup.
///
/// # Errors
/// What git says.
pub(crate) fn beside(
    state: &StateDir,
    config: &Config,
    peer: &Peer,
    path: &RelPath,
    known: &BTreeSet<Digest>,
) -> Result<Vec<Version>, BackupError> {
    let Some(git) = history(state, config, peer)? else { return Ok(Vec::new()) };
    let mut seen = known.clone();
    let mut found = Vec::new();
    for version in versions(&git, path, MOST)? {
        let Some(entry) = version.entry else { continue };
        let What::File { size, kept, .. } = &entry.what else { continue };
        let Some(digest) = entry.digest().filter(|_| !matches!(kept, Kept::Nowhere(_))) else {
            continue;
        };
        if seen.insert(digest) {
            let commit = manifests::about(&git, &version.manifest)?.snapshot;
            found.push(Version {
                commit,
                made: version.made,
                run: version.run,
                size: *size,
                digest,
            });
        }
    }
    Ok(found)
}

/// What git knows of the path of a conflict.
#[derive(Debug, Clone, Default)]
pub(crate) struct OfConflict {
    /// How many versions it has.
    pub(crate) count: usize,
    /// The content that was asked for, if it has that.
    pub(crate) wanted: Option<Vec<u8>>,
}

/// How many versions of the file at `path` git has, and the content `wanted`, if that is at most `most`
/// bytes long and among them. Where git cannot be asked it knows nothing: the conflict is settled
/// without it.
pub(crate) fn of_conflict(
    state: &StateDir,
    config: &Config,
    peer: &Peer,
    path: &RelPath,
    (wanted, most): (Option<Digest>, u64),
) -> OfConflict {
    let look = || -> Result<OfConflict, BackupError> {
        let found = beside(state, config, peer, path, &BTreeSet::new())?;
        let named = found.iter().find(|version| Some(version.digest) == wanted);
        let bytes =
            match (named.filter(|version| version.size <= most), history(state, config, peer)?) {
                (Some(version), Some(git)) => read(&git, version, path)?,
                _ => None,
            };
        Ok(OfConflict { count: found.len(), wanted: bytes })
    };
    look().unwrap_or_default()
}

/// The content of a version, if it is in the snapshot itself and still what it was.
fn read(git: &Git, version: &Version, path: &RelPath) -> Result<Option<Vec<u8>>, BackupError> {
    // Of what stands elsewhere (a log, another branch), and of a name that cannot be asked for in a
    // line, nothing is shown.
    let Ok(name) = std::str::from_utf8(path.as_bytes()) else { return Ok(None) };
    if name.contains('\n') {
        return Ok(None);
    }
    let bytes = BlobReader::open(git)?.read(&format!("{}:{name}", version.commit))?;
    Ok(bytes.filter(|bytes| Digest::of(bytes) == version.digest))
}

/// Where the history is on this machine.
fn history(state: &StateDir, config: &Config, peer: &Peer) -> Result<Option<Git>, BackupError> {
    match (config.backup.enabled, peer.owner) {
        (true, true) => Ok(Some(Repository::open(state.root().path())?.git().clone())),
        (_, false) => mirror::open(&peer.pair),
        (false, true) => Ok(None),
    }
}
