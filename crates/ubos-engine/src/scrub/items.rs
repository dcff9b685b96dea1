//! What is hashed again: files that the baseline vouches for without having read them lately, and
//! former versions that the log knows. In: which parts are due. Out: what each must be.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd;

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};

use ubos_core::path::{self, RelPath};

use super::slices;
use crate::backups;
use crate::clock;
use crate::endpoint::standing;
use crate::error::{EngineError, Result};
use crate::fs::{Root, Stamp, open_file_in, platform, stat_in};
use crate::history::mark::Mark;
use crate::history::trail;
use crate::history::verify::first_version;
use crate::scanner::digest::hash_file;
use crate::state::config::Config;
use crate::state::{PRIVATE, StateDir};

/// Records of a run may carry other times than its id, where a clock was set.
const CLOCKS: i64 = 86_400;

/// Where something is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// In the tree.
    Tree,
    /// In the backups of a run.
    Backups(String),
    /// Among the sealed logs, by this run.
    Sealed(String),
}

/// One thing to be hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Where it is kept.
    pub(super) place: Place,
    /// Its path in the tree or the store.
    pub(super) path: RelPath,
    /// What a look at it shows as long as nobody writes to it.
    pub(super) stamp: Stamp,
    /// Bytes to be hashed, from its beginning.
    size: u64,
    /// What it may be.
    wanted: Vec<Mark>,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// It is what it should be; so many bytes.
    Whole(u64),
    /// Nobody wrote to it, and it is something else, or cannot be read any more.
    Damaged,
    /// Somebody changed it meanwhile, or it is gone: the next scan looks at it.
    Changed,
}

/// Everything in the parts that are due.
///
/// # Errors
/// What the system says.
pub(super) fn due(state: &StateDir, config: &Config, due: &[u32]) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    if due.is_empty() {
        return Ok(items);
    }
    let is_due = |name: &[&[u8]]| due.contains(&slices::of(name));
    for peer in config.peers.values() {
        if let (Some(table), _) = standing::load(state, peer)? {
            table.folders(None, &mut |dir| {
                table.folder_rows(dir, &mut |row| {
                    let Some(stamp) = row.stamp.filter(|_| row.is_file()) else { return };
                    if !is_due(&[dir, row.name]) {
                        return;
                    }
                    let Ok(path) = path::join_bytes(dir, row.name) else { return };
                    let (digest, size, exec) = row.file();
                    let wanted = vec![Mark::File { digest, exec }];
                    items.push(Item { place: Place::Tree, path, stamp, size, wanted });
                });
                true
            });
        }
    }
    stored(state, config, &is_due, &mut items)?;
    Ok(items)
}

/// Former versions of which the log knows what they must be.
fn stored(
    state: &StateDir,
    config: &Config,
    is_due: &dyn Fn(&[&[u8]]) -> bool,
    items: &mut Vec<Item>,
) -> Result<()> {
    let failed = |e| EngineError::io("look through", state.path("backups"), e);
    let mut found: Vec<(Place, RelPath, Stamp)> = Vec::new();
    for run in backups::runs(state)? {
        backups::walk(state, &run, &mut |_, path, stat| {
            let stamp = Stamp::of(stat);
            let is_file = stamp.file_type() == FileType::RegularFile;
            if is_file && is_due(&[run.as_bytes(), path.as_bytes()]) {
                found.push((Place::Backups(run.clone()), path.clone(), stamp));
            }
            Ok(())
        })
        .map_err(failed)?;
    }
    backups::walk_sealed(state, &mut |_, path, stat| {
        let stamp = Stamp::of(stat);
        let is_file = stamp.file_type() == FileType::RegularFile;
        if let Some((_, run)) = sealed_name(path)
            && is_file
            && is_due(&[b"sealed", path.as_bytes()])
        {
            found.push((Place::Sealed(run), path.clone(), stamp));
        }
        Ok(())
    })
    .map_err(failed)?;
    let known = recorded(state, config, &found)?;
    for (place, path, stamp) in found {
        let key = match &place {
            Place::Backups(run) => RelPath::new(first_version(&path)).ok().map(|p| (run, p)),
            Place::Sealed(run) => sealed_name(&path).map(|(path, _)| (run, path)),
            Place::Tree => None,
        };
        let wanted = key.and_then(|(run, path)| known.get(&(run.clone(), path)));
        if let Some(wanted) = wanted.cloned() {
            items.push(Item { place, path, stamp, size: stamp.size, wanted });
        }
    }
    Ok(())
}

/// The path and the run of a sealed log, by its name.
fn sealed_name(stored: &RelPath) -> Option<(RelPath, String)> {
    let bytes = stored.as_bytes();
    let length = clock::run_id().len();
    let cut = bytes.len().checked_sub(length + 1)?;
    let run = std::str::from_utf8(&bytes[cut + 1..]).ok()?;
    clock::run_time(run).filter(|_| bytes[cut] == b'.')?;
    Some((RelPath::new(&bytes[..cut]).ok()?, run.to_owned()))
}

/// What the log says of the former versions of these runs, by run and path.
fn recorded(
    state: &StateDir,
    config: &Config,
    found: &[(Place, RelPath, Stamp)],
) -> Result<BTreeMap<(String, RelPath), Vec<Mark>>> {
    let runs: BTreeSet<&str> = found
        .iter()
        .filter_map(|(place, ..)| match place {
            Place::Tree => None,
            Place::Backups(run) | Place::Sealed(run) => Some(run.as_str()),
        })
        .collect();
    let mut known: BTreeMap<(String, RelPath), Vec<Mark>> = BTreeMap::new();
    let Some(oldest) = runs.iter().filter_map(|run| clock::run_time(run)).min() else {
        return Ok(known);
    };
    let since = clock::rfc3339((oldest - CLOCKS, 0));
    for change in trail::changes_since(state, &since, &mut |record| {
        runs.contains(trail::text(record, "run")) && trail::text(record, "to") == config.name
    })? {
        known.entry((change.run, change.path)).or_default().push(change.before);
    }
    Ok(known)
}

impl Item {
    /// What a look at it shows now; `None` if it is gone.
    pub(super) fn now(&self, root: &Root) -> io::Result<Option<Stamp>> {
        look(root, &self.place, &self.path)
    }

    /// Hashes it, from the disk where the system lets us.
    pub(super) fn read(&self, root: &Root) -> Read {
        match self.try_read(root) {
            Ok(read) => read,
            // The disk itself says that it is lost.
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                Read::Damaged
            }
            Err(_) => Read::Changed,
        }
    }

    fn try_read(&self, root: &Root) -> io::Result<Read> {
        let dir = root.open_dir(&folder(&self.place, &self.path))?;
        let (fd, stat) = open_file_in(dir.as_fd(), self.path.name())?;
        if Stamp::of(&stat) != self.stamp {
            return Ok(Read::Changed);
        }
        platform::forget_cached(fd.as_fd());
        let digest = hash_file(fd.as_fd(), self.size, 1)?.digest;
        platform::forget_cached(fd.as_fd());
        let found = Mark::File { digest, exec: self.stamp.exec() };
        let whole = self.wanted.iter().any(|wanted| wanted.same_content(&found));
        Ok(match Stamp::of(&rustix::fs::fstat(&fd)?) == self.stamp {
            _ if whole => Read::Whole(self.size),
            true => Read::Damaged,
            false => Read::Changed,
        })
    }
}

/// What a look at a path in the tree or a store shows; `None` if nothing is there.
pub(super) fn look(root: &Root, place: &Place, path: &RelPath) -> io::Result<Option<Stamp>> {
    match root.open_dir(&folder(place, path)) {
        Ok(dir) => Ok(stat_in(dir.as_fd(), path.name())?.map(|stat| Stamp::of(&stat))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The folder of a path, relative to the root.
fn folder(place: &Place, path: &RelPath) -> Vec<u8> {
    let top = match place {
        Place::Tree => return path.parent_bytes().to_vec(),
        Place::Backups(run) => format!("{PRIVATE}/backups/{run}"),
        Place::Sealed(_) => format!("{PRIVATE}/sealed"),
    };
    let mut folder = top.into_bytes();
    if !path.parent_bytes().is_empty() {
        folder.push(b'/');
        folder.extend_from_slice(path.parent_bytes());
    }
    folder
}
