//! What stands at every selected path of a territory, for what follows a sync: the backup and the
//! graph. It is looked at by the sync's own scan, with the sync's own memory, and nothing is written.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::Path;

use ubos_core::entry::{Entry, Problem, State};
use ubos_core::manifest::Direction;
use ubos_core::path::{self, RelPath};
use ubos_core::selection::{DirScope, Selection};

use crate::endpoint::bounds;
use crate::endpoint::local::THREADS;
use crate::endpoint::standing::{self, ROLES, manifest_paths};
use crate::error::{EngineError, Result};
use crate::fs::{Root, Stamp, nanoseconds};
use crate::scanner::seen::Seen;
use crate::scanner::{self, ScanRequest, ScanResult};
use crate::state::StateDir;
use crate::state::config::{Config, Peer};
use crate::state::generation::Header;
use crate::state::record::RowView;
use crate::state::table::{Loaded, Table};

/// Everything selected in one territory, for one pair.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// This territory's name.
    pub territory: String,
    /// The peer's name.
    pub peer: String,
    /// The pair's id.
    pub pair: String,
    /// Whether the manifests are written from this side's point of view (the laptop).
    pub owner: bool,
    /// The last generation that both sides agreed on; 0 before the first sync.
    pub generation: u64,
    /// What is present, by path.
    pub items: BTreeMap<RelPath, Item>,
    /// What could not be looked at, each with all that is below it: unknown, which is not absent.
    pub troubled: BTreeMap<RelPath, Problem>,
}

/// Something that is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is. Of an append-only log at its source the unfinished last line is left out.
    pub entry: Entry,
    /// The direction of its path, as the owner's manifests say.
    pub direction: Direction,
    /// Modification time, nanoseconds since 1970.
    pub mtime: i64,
    /// Permission bits.
    pub permissions: u32,
}

/// Looks at everything selected in the territory at `root`, for the pair with `peer` (the only one,
/// if none is named), at the cost of a scan. This side's manifests are the law; the territory's lock
/// is not asked for, and a run may go on meanwhile.
///
/// # Errors
/// [`EngineError::Config`] where a manifest is missing or cannot be understood; what the system says
/// about the root. What cannot be looked at further down is in the inventory.
pub fn take(root: &Path, peer: Option<&str>) -> Result<Inventory> {
    let state = StateDir::open(root)?;
    let config = Config::require(&state)?;
    let (name, peer) = config.peer(peer)?;
    let selection = selection(&state, &config, peer)?;
    let Memory { table, seen, generation } = remember(&state, peer)?;
    let request = ScanRequest {
        root: state.root(),
        selection: &selection,
        table: &table,
        seen: &seen,
        log_source: !peer.owner,
        symlinks: config.symlinks,
        verify: false,
        threads: THREADS,
    };
    let found =
        scanner::scan(&request).map_err(|e| EngineError::io("list", state.root().path(), e))?;
    let mut collected = Collected::default();
    collected.changes(&found, &selection);
    collected.unchanged(&found, &request);
    Ok(Inventory {
        territory: config.name.clone(),
        peer: name.to_owned(),
        pair: peer.pair.clone(),
        owner: peer.owner,
        generation,
        items: collected.items,
        troubled: collected.troubled,
    })
}

/// What takes part, by this side's manifests. A missing one never means "nothing" or "everything".
///
/// # Errors
/// [`EngineError::Config`] where a manifest is missing or cannot be understood.
pub fn selection(state: &StateDir, config: &Config, peer: &Peer) -> Result<Selection> {
    let mut texts: [Vec<u8>; 3] = Default::default();
    let read = standing::read_manifests(state, &peer.manifests)?;
    for ((text, role), read) in texts.iter_mut().zip(ROLES).zip(read) {
        let path = manifest_paths(&peer.manifests)?.get(role).to_string();
        *text = read.ok_or_else(|| EngineError::Config {
            message: format!("the manifest `{path}` is missing"),
            hint: Some("restore it; an empty file is allowed".to_owned()),
        })?;
    }
    bounds::compile(&peer.manifests, &texts, &config.builtin())
}

/// What this side remembers, for reading only.
struct Memory {
    table: Table,
    seen: Seen,
    generation: u64,
}

fn remember(state: &StateDir, peer: &Peer) -> Result<Memory> {
    let folder = format!("state/{}", peer.pair);
    let failed = |e| EngineError::io("read", state.path(&folder), e);
    let dir = state.existing_folder(&folder)?;
    let seen = dir.as_ref().map(|dir| Seen::load(dir.as_fd())).unwrap_or_default();
    let loaded = dir.map(|dir| Table::view(dir.as_fd())).transpose().map_err(failed)?;
    if let Some(Loaded::Present(table)) = loaded
        && table.header().pair == peer.pair
    {
        return Ok(Memory { generation: table.header().generation, table: *table, seen });
    }
    let table = Table::blank(&Header::first(&peer.pair)).map_err(failed)?;
    let marker = standing::marker(state)?;
    let generation = marker.and_then(|marker| Some(marker.pair(&peer.pair)?.generation));
    Ok(Memory { table, seen, generation: generation.unwrap_or(0) })
}

#[derive(Default)]
struct Collected {
    items: BTreeMap<RelPath, Item>,
    troubled: BTreeMap<RelPath, Problem>,
}

impl Collected {
    /// What differs from the baseline.
    fn changes(&mut self, found: &ScanResult, selection: &Selection) {
        self.troubled.extend(found.closed.iter().map(|dir| (dir.clone(), Problem::Unreadable)));
        for (path, seen) in &found.changes {
            let entry = match &seen.state {
                State::Absent => continue,
                State::Problem(problem) => {
                    self.troubled.insert(path.clone(), *problem);
                    continue;
                }
                State::Present(entry) => entry.clone(),
            };
            let direction = selection.judge_path(path, entry.is_dir()).direction();
            let Some(direction) = direction else { continue };
            let (seconds, nanos) = seen.mtime.unwrap_or_default();
            let (mtime, permissions) = match found.evidence.get(path) {
                Some(evidence) => (evidence.stamp.mtime, evidence.stamp.permissions()),
                None => (nanoseconds(seconds, nanos.into()), seen.mode),
            };
            self.items.insert(path.clone(), Item { entry, direction, mtime, permissions });
        }
    }

    /// What stands as the baseline has it: all rows that are still selected, and neither changed nor
    /// in a place that could not be looked at.
    fn unchanged(&mut self, found: &ScanResult, request: &ScanRequest<'_>) {
        request.table.folders(None, &mut |dir| {
            let unknown = RelPath::new(dir).is_ok_and(|dir| self.is_unknown(&dir));
            if !unknown {
                let scope = scope_of(request.selection, dir);
                request.table.folder_rows(dir, &mut |row| {
                    let Ok(path) = path::join_bytes(dir, row.name) else { return };
                    if !found.changes.contains_key(&path) {
                        self.row(path, &row, &scope, found, request.root);
                    }
                });
            }
            true
        });
    }

    /// Whether nothing is known of what is in `dir`.
    fn is_unknown(&self, dir: &RelPath) -> bool {
        !self.troubled.is_empty()
            && (self.troubled.contains_key(dir)
                || dir.ancestors().any(|above| self.troubled.contains_key(&above)))
    }

    fn row(
        &mut self,
        path: RelPath,
        row: &RowView<'_>,
        scope: &DirScope<'_>,
        found: &ScanResult,
        root: &Root,
    ) {
        let record = row.to_record();
        let Some(entry) = record.row.base.entry() else { return };
        let Some(direction) = scope.judge(row.name, entry.is_dir()).direction() else { return };
        let stamp = found.evidence.get(&path).map(|evidence| evidence.stamp).or(record.stamp);
        match stamp.or_else(|| look(root, &path, entry)) {
            Some(stamp) => {
                let (mtime, permissions) = (stamp.mtime, stamp.permissions());
                let item = Item { entry: entry.clone(), direction, mtime, permissions };
                self.items.insert(path, item);
            }
            None => {
                self.troubled.insert(path, Problem::Busy);
            }
        }
    }
}

/// The stamp of what stands at `path`, if that is still of the kind that was seen there.
fn look(root: &Root, path: &RelPath, seen: &Entry) -> Option<Stamp> {
    let stamp = Stamp::of(&root.stat(path).ok()??);
    let kind = match seen {
        Entry::File { .. } => rustix::fs::FileType::RegularFile,
        Entry::Symlink { .. } => rustix::fs::FileType::Symlink,
        Entry::Dir => rustix::fs::FileType::Directory,
    };
    (stamp.file_type() == kind).then_some(stamp)
}

/// What the selection says in the folder `dir`.
fn scope_of<'s>(selection: &'s Selection, dir: &[u8]) -> DirScope<'s> {
    let names = dir.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
    names.fold(selection.root(), |scope, name| scope.enter(name))
}
