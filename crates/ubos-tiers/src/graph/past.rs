//! A former state of a vault, from the snapshots of the backup: what every file said then.
//!
//! The manifest of a snapshot has the hash of each file, so that only what says something else now is
//! read from git. What no snapshot keeps, because it is not shared with the other territory, is taken
//! to have been as it is, or each such file would look new.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_engine::history::runs;
use ubos_engine::inventory;
use ubos_engine::state::config::Config;
use ubos_engine::state::{PRIVATE, StateDir};

use super::index::Index;
use super::model::{Content, Graph, Source};
use super::questions::diff::State;
use super::tree;
use crate::git::command::Git;
use crate::git::error::BackupError;
use crate::git::manifest::{Entry, Kept, What};
use crate::git::shelf::Shelf;
use crate::git::travel::point::{self, At};

/// What can be done where no snapshot helps.
const ELSE: &str = "`ubos-sync graph diff --from DIR` compares with a folder";

/// A former state.
pub struct Former {
    /// Its graph.
    pub graph: Graph,
    /// Where it comes from.
    pub state: State,
}

/// Why a former state is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PastError {
    message: String,
    /// What to do.
    pub hint: String,
    /// Whether something else can be asked for, so that nothing is wrong with what is kept.
    pub is_usage: bool,
}

impl From<BackupError> for PastError {
    fn from(error: BackupError) -> Self {
        let hint = match &error {
            BackupError::NoRepository { hint, .. } => format!("{hint}; {ELSE}"),
            other => other.hint().to_owned(),
        };
        Self { message: error.to_string(), hint, is_usage: error.exit_code() == 2 }
    }
}

/// The newest state of a time, the one just before a run, or that of a commit.
///
/// # Errors
/// If the vault is no territory, has no backup, or nothing is kept of then.
pub fn open(index: &Index, since: &str) -> Result<Former, PastError> {
    let root = index.vault();
    if !root.join(PRIVATE).is_dir() {
        return Err(PastError {
            message: format!("`{}` is no territory, so it has no snapshots", root.display()),
            hint: ELSE.to_owned(),
            is_usage: true,
        });
    }
    Ok(state_of(index, root, since)?)
}

fn state_of(index: &Index, root: &Path, since: &str) -> Result<Former, BackupError> {
    let state = StateDir::open(root)?;
    let config = Config::require(&state)?;
    let (runs, _) = runs::all(&state)?;
    let at = point::meant(&runs, since)?;
    let mut trouble = None;
    // Of several pairs, the first whose backup has that state.
    for peer in config.peers.values() {
        let opened = point::repository(root, peer).and_then(|git| shelf(&git, &at));
        let mut shelf = match opened {
            Ok(shelf) => shelf,
            Err(error) => {
                trouble.get_or_insert(error);
                continue;
            }
        };
        let selection = inventory::selection(&state, &config, peer)?;
        let is_shared = |path: &RelPath| selection.judge_path(path, false).direction().is_some();
        return Ok(Former::of(&mut shelf, index, &is_shared));
    }
    Err(trouble.unwrap_or_else(|| BackupError::NoRepository {
        message: format!("`{}` has no peer, and so no backup", root.display()),
        hint: "`ubos-sync init` pairs two territories, `ubos-sync backup init` begins a backup"
            .to_owned(),
    }))
}

fn shelf(git: &Git, at: &At) -> Result<Shelf, BackupError> {
    let opened = point::open(git, at);
    let (Err(BackupError::Usage { .. }), At::Run(run)) = (&opened, at) else { return opened };
    // Beside a watch several runs share a snapshot, which names the last: the one before them all is
    // the newest of the time at which the run began.
    match clock::run_time(run) {
        Some(seconds) => point::open(git, &At::Time(clock::rfc3339((seconds, 0)))).or(opened),
        None => opened,
    }
}

impl Former {
    fn of(shelf: &mut Shelf, index: &Index, is_shared: &dyn Fn(&RelPath) -> bool) -> Self {
        let known: HashMap<[u8; 32], &Arc<Source>> =
            index.sources().filter_map(|(_, source)| Some((source.digest?, source))).collect();
        let about = shelf.about();
        let mut state = State {
            snapshot: about.snapshot.clone(),
            made: about.made.clone(),
            territory: Some(about.territory.clone()).filter(|name| !name.is_empty()),
            run: about.run.clone(),
            unkept: 0,
            unread: 0,
        };
        let files: Vec<Then> = shelf.entries().iter().filter_map(Then::of).collect();
        let mut sources = Vec::with_capacity(files.len());
        for then in &files {
            let source = then.source(shelf, &known);
            state.unread += usize::from(matches!(source.content, Content::Unread(_)));
            sources.push(source);
        }
        let kept: HashSet<&RelPath> = files.iter().map(|then| &then.path).collect();
        for (path, source) in index.sources() {
            if !kept.contains(path) && !is_shared(path) {
                state.unkept += 1;
                sources.push(Arc::clone(source));
            }
        }
        Self { graph: Graph::build(sources), state }
    }
}

/// A file of a former state.
struct Then {
    path: RelPath,
    size: u64,
    mtime: i64,
    digest: Option<[u8; 32]>,
    kept: Kept,
}

impl Then {
    /// What Obsidian sees of a manifest.
    fn of((path, entry): (&RelPath, &Entry)) -> Option<Self> {
        let What::File { size, kept, .. } = &entry.what else { return None };
        let is_visible = path.components().all(|part| !part.starts_with(b"."));
        is_visible.then(|| Self {
            path: path.clone(),
            size: *size,
            mtime: entry.mtime,
            digest: entry.digest().map(|digest| digest.0),
            kept: kept.clone(),
        })
    }

    /// What it said: as what has the same content now, or from the snapshot.
    fn source(&self, shelf: &mut Shelf, known: &HashMap<[u8; 32], &Arc<Source>>) -> Arc<Source> {
        let name = self.path.to_string();
        let same = self.digest.and_then(|digest| known.get(&digest));
        if let Some(same) = same.filter(|same| same.path == name) {
            return Arc::clone(same);
        }
        // A canvas with the words of a note is none.
        let of_kind = same.filter(|same| tree::is_note(&same.path) == tree::is_note(&name));
        let (digest, content) = match of_kind {
            _ if !tree::is_read(&name) => (None, Content::Attachment),
            Some(same) => (self.digest, same.content.clone()),
            None => self.read(&name, shelf),
        };
        Arc::new(Source { path: name, size: self.size, mtime: self.mtime, digest, content })
    }

    fn read(&self, name: &str, shelf: &mut Shelf) -> (Option<[u8; 32]>, Content) {
        if self.size > tree::MAX_READ {
            return (None, Content::Unread(tree::too_large()));
        }
        if let Kept::Nowhere(gap) = self.kept {
            let why = format!("the backup leaves it out ({})", gap.word());
            return (self.digest, Content::Unread(why));
        }
        match shelf.text(&self.path) {
            Ok(bytes) => (Some(*blake3::hash(&bytes).as_bytes()), tree::content(name, &bytes)),
            // What else there is can still be compared; damage is what `backup maintain` looks for.
            Err(error) => (self.digest, Content::Unread(error.to_string())),
        }
    }
}

#[cfg(test)]
impl Former {
    /// A state of these files, for tests.
    pub(crate) fn sketch(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        let state = State {
            snapshot: "5".repeat(40),
            made: "2026-01-01T00:00:00Z".to_owned(),
            territory: Some("localhost".to_owned()),
            run: None,
            unkept: 0,
            unread: 0,
        };
        Self { graph: tree::graph_of(&files.collect()), state }
    }
}
