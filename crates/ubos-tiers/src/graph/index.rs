//! What is known of a vault, kept from one question to the next: only files whose stamp changed are
//! read again. Losing it costs time and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_engine::error::EngineError;
use ubos_engine::fs::{Root, Stamp};

use super::excluded::Excluded;
use super::kept::{Held, Holding, Kept};
use super::model::{Graph, Source};
use super::tree;
use super::update::Changes;

/// Fewer files than this are read by one thread.
const ALONE: usize = 64;

/// What is known of a vault.
#[derive(Debug)]
pub struct Index {
    vault: PathBuf,
    kept: Option<Kept>,
    files: Holding,
    /// What of it is not kept yet.
    unsaved: BTreeSet<RelPath>,
    links: Vec<RelPath>,
    troubled: Vec<(String, String)>,
    excluded: Excluded,
    /// Made when it is asked for, and from then on it follows.
    graph: OnceLock<Graph>,
}

/// What a look brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Files that were read.
    pub read: usize,
    /// Files among them that are new or differ from what was known.
    pub changed: usize,
    /// Files that are gone.
    pub gone: usize,
}

impl Refreshed {
    /// Whether what is known of the vault is another.
    pub fn is_news(&self) -> bool {
        self.changed + self.gone > 0
    }
}

impl Index {
    /// What was kept in `folder` of the vault; of nothing where that is lost or damaged, and nothing is
    /// kept without a folder.
    pub fn open(vault: &Path, folder: Option<&Path>) -> Self {
        let (kept, files) = folder.map(Kept::load).unzip();
        Self {
            vault: vault.to_owned(),
            kept,
            files: files.unwrap_or_default(),
            unsaved: BTreeSet::new(),
            links: Vec::new(),
            troubled: Vec::new(),
            excluded: Excluded::default(),
            graph: OnceLock::new(),
        }
    }

    /// Looks at every file, and reads what changed.
    ///
    /// # Errors
    /// If the vault's folder cannot be opened.
    pub fn refresh(&mut self) -> Result<Refreshed, EngineError> {
        let walked = tree::walk(&self.vault)?;
        let mut known = self.files.iter().peekable();
        let (mut stale, mut gone) = (Vec::new(), Vec::new());
        for (path, stamp) in walked.files {
            while let Some((former, _)) = known.next_if(|(former, _)| **former < path) {
                gone.push(former.clone());
            }
            match known.next_if(|(former, _)| **former == path) {
                Some((_, held)) if held.stamp == stamp && !held.racy => {}
                _ => stale.push((path, stamp)),
            }
        }
        gone.extend(known.map(|(former, _)| former.clone()));
        let read = self.read(&stale)?;
        (self.links, self.troubled) = (walked.links, walked.troubled);
        let refreshed = self.take(read, gone);
        self.exclude(Excluded::of(&self.vault));
        Ok(refreshed)
    }

    /// Looks at these paths only: files that a run wrote or took away.
    ///
    /// # Errors
    /// If the vault's folder cannot be opened.
    pub fn look_at(&mut self, paths: &[RelPath]) -> Result<Refreshed, EngineError> {
        let root = self.root()?;
        let (mut stale, mut gone) = (Vec::new(), Vec::new());
        for path in paths.iter().filter(|path| path.components().all(|part| part[0] != b'.')) {
            let stamp = root.stat(path).ok().flatten().map(|stat| Stamp::of(&stat));
            match stamp.filter(|stamp| stamp.file_type().is_file()) {
                Some(stamp) => stale.push((path.clone(), stamp)),
                None if self.files.contains_key(path) => gone.push(path.clone()),
                None => {}
            }
        }
        let read = self.read(&stale)?;
        Ok(self.take(read, gone))
    }

    fn root(&self) -> Result<Root, EngineError> {
        Root::open(&self.vault).map_err(|e| EngineError::io("open", &self.vault, e))
    }

    fn read(&self, stale: &[(RelPath, Stamp)]) -> Result<Vec<Read>, EngineError> {
        let now = clock::now_ns();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let read_all = |part: &[(RelPath, Stamp)]| -> Result<Vec<Read>, EngineError> {
            let root = self.root()?;
            let read = |(path, stamp): &(RelPath, Stamp)| {
                let held = tree::read(&root, path, *stamp).map(|(source, stamp)| Held {
                    stamp,
                    racy: stamp.is_racy(now),
                    source: Arc::new(source),
                });
                (path.clone(), held)
            };
            Ok(part.iter().map(read).collect())
        };
        if stale.len() < ALONE {
            return read_all(stale);
        }
        std::thread::scope(|scope| {
            let parts = stale.chunks(stale.len().div_ceil(threads));
            let readers: Vec<_> = parts.map(|part| scope.spawn(move || read_all(part))).collect();
            let mut all = Vec::with_capacity(stale.len());
            for reader in readers {
                all.extend(reader.join().expect("reading a note does not panic")?);
            }
            Ok(all)
        })
    }

    /// Takes in what was read, and what is gone.
    fn take(&mut self, read: Vec<Read>, mut gone: Vec<RelPath>) -> Refreshed {
        let mut refreshed = Refreshed { read: read.len(), ..Refreshed::default() };
        let mut changed = Vec::new();
        for (path, held) in read {
            let Some(mut held) = held else {
                // It went between the look at it and the reading.
                if self.files.contains_key(&path) {
                    gone.push(path);
                }
                continue;
            };
            match self.files.get(&path) {
                // A stamp that proves nothing made it read again: it is what it was.
                Some(former) if former.source == held.source => {
                    held.source = Arc::clone(&former.source);
                }
                _ => changed.push(path.clone()),
            }
            self.unsaved.insert(path.clone());
            self.files.insert(path, held);
        }
        for path in &gone {
            self.files.remove(path);
        }
        (refreshed.changed, refreshed.gone) = (changed.len(), gone.len());
        self.follow(changed.iter().chain(&gone));
        self.unsaved.extend(gone);
        refreshed
    }

    /// Lets the graph follow, if there is one.
    fn follow<'p>(&mut self, paths: impl Iterator<Item = &'p RelPath>) {
        if self.graph.get().is_none() {
            return;
        }
        let mut changes = Changes::new();
        for path in paths {
            let name = path.to_string();
            if name.contains("\\x") {
                // A name that is no UTF-8 may be shown as another file is called.
                self.graph.take();
                return;
            }
            let now = self.files.get(path).map(|held| Arc::clone(&held.source));
            changes.insert(name, now);
        }
        if let Some(graph) = self.graph.get_mut().filter(|_| !changes.is_empty()) {
            graph.update(&changes);
            graph.exclude(&self.excluded);
        }
    }

    /// The graph of what is known.
    pub fn graph(&self) -> &Graph {
        self.graph.get_or_init(|| {
            let sources = self.files.values().map(|held| Arc::clone(&held.source));
            let mut graph = Graph::build(sources.collect());
            graph.exclude(&self.excluded);
            graph
        })
    }

    /// Leaves out what the settings say now.
    fn exclude(&mut self, excluded: Excluded) {
        if excluded != self.excluded {
            self.excluded = excluded;
            if let Some(graph) = self.graph.get_mut() {
                graph.exclude(&self.excluded);
            }
        }
    }

    /// Which files the vault's settings leave out of its graph view.
    pub fn excluded(&self) -> &Excluded {
        &self.excluded
    }

    /// What every file says, by path.
    pub fn sources(&self) -> impl Iterator<Item = (&RelPath, &Arc<Source>)> {
        self.files.iter().map(|(path, held)| (path, &held.source))
    }

    /// The vault's top folder.
    pub fn vault(&self) -> &Path {
        &self.vault
    }

    /// Symbolic links, which are not followed.
    pub fn links(&self) -> &[RelPath] {
        &self.links
    }

    /// What could not be looked at, and why.
    pub fn troubled(&self) -> &[(String, String)] {
        &self.troubled
    }

    /// The bytes of a file, for showing a part of it; `None` if it cannot be read.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let path = RelPath::new(path).ok()?;
        let (fd, stat) = self.root().ok()?.open_file(&path).ok()?;
        if Stamp::of(&stat).size > tree::MAX_READ {
            return None;
        }
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::fs::File::from(fd), &mut bytes).ok()?;
        Some(bytes)
    }

    /// Keeps what is known, if anything changed.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&mut self) -> Result<(), EngineError> {
        let Some(kept) = self.kept.as_mut().filter(|_| !self.unsaved.is_empty()) else {
            return Ok(());
        };
        kept.save(&self.files, &self.unsaved)
            .map_err(|e| EngineError::io("write", kept.file(), e))?;
        self.unsaved.clear();
        Ok(())
    }
}

/// A file that was read; nothing if it is gone.
type Read = (RelPath, Option<Held>);

#[cfg(test)]
mod tests;
