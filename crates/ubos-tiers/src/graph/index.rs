//! What is known of a vault, kept from one question to the next: only files whose stamp changed are
//! read again. Losing it costs time and nothing else.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_engine::error::EngineError;
use ubos_engine::fs::{Root, Stamp};

use super::excluded::Excluded;
use super::model::{Graph, Source};
use super::tree;

/// The file's first bytes; another form of what is kept is another number.
const MAGIC: &[u8; 8] = b"ubosgr\x00\x01";
/// The file in the index' folder.
const NAME: &str = "index";
/// Fewer files than this are read by one thread.
const ALONE: usize = 64;

/// A file with the stamp under which it was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Held {
    stamp: Stamp,
    /// Whether a write in the same clock tick could hide behind the stamp.
    racy: bool,
    source: Arc<Source>,
}

/// What is known of a vault.
#[derive(Debug)]
pub struct Index {
    vault: PathBuf,
    folder: Option<PathBuf>,
    files: BTreeMap<RelPath, Held>,
    links: Vec<RelPath>,
    troubled: Vec<(String, String)>,
    excluded: Excluded,
    changed: bool,
}

/// What a look brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Files that were read.
    pub read: usize,
    /// Files that are gone.
    pub gone: usize,
}

impl Index {
    /// What was kept in `folder` of the vault; of nothing where that is lost or damaged, and nothing is
    /// kept without a folder.
    pub fn open(vault: &Path, folder: Option<&Path>) -> Self {
        let files = folder.and_then(|folder| load(&folder.join(NAME))).unwrap_or_default();
        Self {
            vault: vault.to_owned(),
            folder: folder.map(Path::to_owned),
            files,
            links: Vec::new(),
            troubled: Vec::new(),
            excluded: Excluded::default(),
            changed: false,
        }
    }

    /// Looks at every file, and reads what changed.
    ///
    /// # Errors
    /// If the vault's folder cannot be opened.
    pub fn refresh(&mut self) -> Result<Refreshed, EngineError> {
        let walked = tree::walk(&self.vault)?;
        let mut fresh = BTreeMap::new();
        let mut stale = Vec::new();
        for (path, stamp) in walked.files {
            match self.files.remove(&path) {
                Some(held) if held.stamp == stamp && !held.racy => {
                    fresh.insert(path, held);
                }
                _ => stale.push((path, stamp)),
            }
        }
        let left: std::collections::BTreeSet<RelPath> =
            std::mem::take(&mut self.files).into_keys().collect();
        let read = self.read(&stale)?;
        let refreshed = Refreshed { read: stale.len(), gone: left.len() };
        self.changed |= refreshed != Refreshed::default();
        fresh.extend(read);
        self.files = fresh;
        self.links = walked.links;
        self.troubled = walked.troubled;
        self.excluded = Excluded::of(&self.vault);
        Ok(refreshed)
    }

    /// Looks at these paths only: files that a run wrote or took away.
    ///
    /// # Errors
    /// If the vault's folder cannot be opened.
    pub fn look_at(&mut self, paths: &[RelPath]) -> Result<Refreshed, EngineError> {
        let root = self.root()?;
        let mut refreshed = Refreshed::default();
        let mut stale = Vec::new();
        for path in paths.iter().filter(|path| path.components().all(|part| part[0] != b'.')) {
            match root.stat(path).ok().flatten().map(|stat| Stamp::of(&stat)) {
                Some(stamp) if stamp.file_type().is_file() => stale.push((path.clone(), stamp)),
                Some(_) => {}
                None => refreshed.gone += usize::from(self.files.remove(path).is_some()),
            }
        }
        refreshed.read = stale.len();
        let read = self.read(&stale)?;
        self.files.extend(read);
        self.changed |= refreshed != Refreshed::default();
        Ok(refreshed)
    }

    fn root(&self) -> Result<Root, EngineError> {
        Root::open(&self.vault).map_err(|e| EngineError::io("open", &self.vault, e))
    }

    fn read(&self, stale: &[(RelPath, Stamp)]) -> Result<Vec<(RelPath, Held)>, EngineError> {
        let now = clock::now_ns();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = if stale.len() < ALONE { stale.len() } else { stale.len().div_ceil(threads) };
        let read_all = |part: &[(RelPath, Stamp)]| -> Result<Vec<(RelPath, Held)>, EngineError> {
            let root = self.root()?;
            let held = |(path, stamp): &(RelPath, Stamp)| {
                let (source, stamp) = tree::read(&root, path, *stamp)?;
                let held = Held { stamp, racy: stamp.is_racy(now), source: Arc::new(source) };
                Some((path.clone(), held))
            };
            Ok(part.iter().filter_map(held).collect())
        };
        std::thread::scope(|scope| {
            let parts = stale.chunks(share.max(1));
            let readers: Vec<_> = parts.map(|part| scope.spawn(move || read_all(part))).collect();
            let mut all = Vec::with_capacity(stale.len());
            for reader in readers {
                all.extend(reader.join().expect("reading a note does not panic")?);
            }
            Ok(all)
        })
    }

    /// The graph of what is known.
    pub fn graph(&self) -> Graph {
        let sources = self.files.values().map(|held| Arc::clone(&held.source));
        let mut graph = Graph::build(sources.collect());
        graph.exclude(&self.excluded);
        graph
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
        let Some(folder) = self.folder.clone().filter(|_| self.changed) else { return Ok(()) };
        let save = || -> std::io::Result<()> {
            std::fs::create_dir_all(&folder)?;
            let body = postcard::to_stdvec(&self.files).map_err(std::io::Error::other)?;
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(MAGIC)?;
            file.write_all(blake3::hash(&body).as_bytes())?;
            file.write_all(&body)?;
            // Not made durable: what a crash spoils has a wrong hash, and is made again.
            file.persist(folder.join(NAME)).map_err(|e| e.error)?;
            Ok(())
        };
        save().map_err(|e| EngineError::io("write", folder.join(NAME), e))?;
        self.changed = false;
        Ok(())
    }
}

/// What was kept; `None` if there is none or it is damaged.
fn load(file: &Path) -> Option<BTreeMap<RelPath, Held>> {
    let bytes = std::fs::read(file).ok()?;
    let rest = bytes.strip_prefix(MAGIC)?;
    let (hash, body) = rest.split_at_checked(32)?;
    if blake3::hash(body).as_bytes() != hash {
        return None;
    }
    postcard::from_bytes(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::model::Target;
    use std::fs;

    fn vault(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            write(folder.path(), path, text);
        }
        folder
    }

    fn write(vault: &Path, path: &str, text: &str) {
        let file = vault.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Lets stamps grow old enough to prove something.
    fn age(index: &mut Index) {
        for held in index.files.values_mut() {
            held.racy = false;
        }
    }

    fn edges(graph: &Graph) -> Vec<String> {
        let name = |to| match to {
            Target::File(id) => graph.files().path(id).to_owned(),
            Target::Missing(id) => format!("?{}", graph.missing(id)),
            Target::Tag(id) => format!("#{}", graph.tag(id)),
        };
        let edges = graph.edges().iter();
        edges
            .map(|edge| format!("{} -> {}", graph.files().path(edge.from), name(edge.to)))
            .collect()
    }

    #[test]
    fn only_what_changed_is_read_again() {
        let folder = vault(&[
            ("a.md", "[[b]]"),
            ("b.md", ""),
            (".obsidian/app.json", "{}"),
            ("x/p.png", ""),
        ]);
        let kept = tempfile::tempdir().unwrap();
        let mut index = Index::open(folder.path(), Some(kept.path()));
        assert_eq!(index.refresh().unwrap(), Refreshed { read: 3, gone: 0 });
        age(&mut index);
        index.save().unwrap();
        let mut index = Index::open(folder.path(), Some(kept.path()));
        assert_eq!(index.refresh().unwrap(), Refreshed::default());
        assert_eq!(edges(&index.graph()), ["a.md -> b.md"]);
        write(folder.path(), "b.md", "[[a]] now longer");
        fs::remove_file(folder.path().join("x/p.png")).unwrap();
        assert_eq!(index.refresh().unwrap(), Refreshed { read: 1, gone: 1 });
        assert_eq!(edges(&index.graph()), ["a.md -> b.md", "b.md -> a.md"]);
    }

    #[test]
    fn a_damaged_index_is_made_again() {
        let folder = vault(&[("a.md", "[[b]]")]);
        let kept = tempfile::tempdir().unwrap();
        let mut index = Index::open(folder.path(), Some(kept.path()));
        index.refresh().unwrap();
        age(&mut index);
        index.save().unwrap();
        let file = kept.path().join(NAME);
        let good = fs::read(&file).unwrap();
        for at in [0, 9, 45, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&file, &bad).unwrap();
            assert_eq!(Index::open(folder.path(), Some(kept.path())).files.len(), 0, "byte {at}");
        }
        fs::write(&file, &good[..20]).unwrap();
        assert_eq!(Index::open(folder.path(), Some(kept.path())).files.len(), 0);
    }

    #[test]
    fn looking_at_what_a_run_changed_is_enough() {
        let folder = vault(&[("a.md", "[[n]]"), ("z/n.md", "")]);
        let mut index = Index::open(folder.path(), None);
        index.refresh().unwrap();
        write(folder.path(), "n.md", "[[a]]");
        fs::remove_file(folder.path().join("z/n.md")).unwrap();
        let paths = ["n.md", "z/n.md", ".obsidian/x.md"].map(|path| RelPath::new(path).unwrap());
        assert_eq!(index.look_at(&paths).unwrap(), Refreshed { read: 1, gone: 1 });
        assert_eq!(edges(&index.graph()), ["a.md -> n.md", "n.md -> a.md"]);
    }

    #[test]
    fn links_of_the_file_system_are_listed_and_not_followed() {
        let folder = vault(&[("a.md", "")]);
        std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("dangling.md")).unwrap();
        let mut index = Index::open(folder.path(), None);
        index.refresh().unwrap();
        let links: Vec<String> = index.links().iter().map(RelPath::to_string).collect();
        assert_eq!(links, ["dangling.md", "loop"]);
        assert_eq!(index.graph().files().len(), 1);
    }

    #[test]
    fn what_is_too_large_is_known_but_not_read() {
        let folder = vault(&[("a.md", "[[big]]")]);
        let big = fs::File::create(folder.path().join("big.md")).unwrap();
        big.set_len(tree::MAX_READ + 1).unwrap();
        let mut index = Index::open(folder.path(), None);
        index.refresh().unwrap();
        let graph = index.graph();
        assert_eq!(edges(&graph), ["a.md -> big.md"]);
        assert!(graph.note(graph.files().at("big.md").unwrap()).is_none());
    }
}
