//! A tree in the repository that is read folder by folder, only where it is needed, and of which only
//! the folders that changed are written again. The cost does not grow with the number of files.

use std::collections::BTreeMap;

use crate::git::command::Git;
use crate::git::error::{BackupError, Result};
use crate::git::objects::{BlobReader, Oid, Talk};
use crate::git::tree::{FILE, GITLINK};

/// The mode of a folder in a tree.
const FOLDER: u32 = 0o040_000;

/// A tree.
pub(super) struct Folders {
    reader: BlobReader,
    root: Node,
}

/// What stands at a name.
enum Node {
    /// Something that was not looked into: its mode and its name in the repository.
    Closed(u32, Oid),
    /// A folder that was looked into.
    Open(Folder),
}

#[derive(Default)]
struct Folder {
    /// Its name in the repository, while nothing below changed.
    written: Option<Oid>,
    entries: BTreeMap<Vec<u8>, Node>,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A folder.
    Folder,
    /// A file, and where its content is.
    File(Oid),
}

/// Names from the top down.
pub(super) type Names<'a> = &'a [Vec<u8>];

impl Folders {
    /// The tree `tree`, or an empty one.
    ///
    /// # Errors
    /// [`BackupError::NoGit`] if git cannot be started.
    pub(super) fn of(git: &Git, tree: Option<Oid>) -> Result<Self> {
        let root = match tree {
            Some(tree) => Node::Closed(FOLDER, tree),
            None => Node::Open(Folder::default()),
        };
        Ok(Self { reader: BlobReader::open(git)?, root })
    }

    /// What stands at `path`, if anything.
    ///
    /// # Errors
    /// [`BackupError::Git`] or [`BackupError::Damaged`] if a folder cannot be read.
    pub(super) fn find(&mut self, path: Names<'_>) -> Result<Option<Found>> {
        let mut node = &mut self.root;
        for name in path {
            let Some(folder) = open(node, &mut self.reader)? else { return Ok(None) };
            let Some(next) = folder.entries.get_mut(name) else { return Ok(None) };
            node = next;
        }
        Ok(match node {
            Node::Open(_) => Some(Found::Folder),
            Node::Closed(FOLDER, _) => Some(Found::Folder),
            Node::Closed(FILE, blob) => Some(Found::File(blob.clone())),
            // Nothing of ours.
            Node::Closed(..) => None,
        })
    }

    /// The names in the folder `path`, in order; none if there is no such folder.
    ///
    /// # Errors
    /// As [`Folders::find`].
    pub(super) fn names(&mut self, path: Names<'_>) -> Result<Vec<Vec<u8>>> {
        let mut node = &mut self.root;
        for name in path {
            let Some(folder) = open(node, &mut self.reader)? else { return Ok(Vec::new()) };
            let Some(next) = folder.entries.get_mut(name) else { return Ok(Vec::new()) };
            node = next;
        }
        let folder = open(node, &mut self.reader)?;
        Ok(folder.map(|folder| folder.entries.keys().cloned().collect()).unwrap_or_default())
    }

    /// The content of the file at `path`, if there is one.
    ///
    /// # Errors
    /// As [`Folders::find`]; and if the file is damaged or missing in the repository.
    pub(super) fn read(&mut self, path: Names<'_>) -> Result<Option<Vec<u8>>> {
        match self.find(path)? {
            Some(Found::File(blob)) => match self.reader.read(blob.as_str())? {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(BackupError::damaged(shown(path), format!("object {blob} is missing"))),
            },
            _ => Ok(None),
        }
    }

    /// Puts the content `blob` at `path`.
    ///
    /// # Errors
    /// As [`Folders::find`].
    pub(super) fn put(&mut self, path: Names<'_>, blob: Oid) -> Result<()> {
        self.set(path, Some(Node::Closed(FILE, blob)))
    }

    /// Takes away what stands at `path`.
    ///
    /// # Errors
    /// As [`Folders::find`].
    pub(super) fn remove(&mut self, path: Names<'_>) -> Result<()> {
        self.set(path, None)
    }

    /// Moves what stands at `from`, with all below it, to `to`.
    ///
    /// # Errors
    /// As [`Folders::find`].
    pub(super) fn rename(&mut self, from: Names<'_>, to: Names<'_>) -> Result<()> {
        let (name, parent) = from.split_last().expect("the top is not moved");
        let moved = self.folder_for_change(parent)?.entries.remove(name);
        self.set(to, moved)
    }

    /// Writes what changed, and says the name of the whole.
    ///
    /// # Errors
    /// [`BackupError::Git`]: an object is missing, or no space.
    pub(super) fn write(&mut self, git: &Git) -> Result<Oid> {
        let mut maker = Talk::start(git, &["mktree", "-z", "--batch"])?;
        let name = write(&mut self.root, &mut maker)?;
        maker.end()?;
        Ok(name)
    }

    fn set(&mut self, path: Names<'_>, node: Option<Node>) -> Result<()> {
        let (name, parent) = path.split_last().expect("the top is a folder");
        let folder = self.folder_for_change(parent)?;
        match node {
            Some(node) => folder.entries.insert(name.clone(), node),
            None => folder.entries.remove(name),
        };
        Ok(())
    }

    /// The folder `path`, made if need be; it and all above count as changed.
    fn folder_for_change(&mut self, path: Names<'_>) -> Result<&mut Folder> {
        let mut node = &mut self.root;
        for name in path {
            let folder = open_for_change(node, &mut self.reader)?;
            node =
                folder.entries.entry(name.clone()).or_insert_with(|| Node::Open(Folder::default()));
        }
        open_for_change(node, &mut self.reader)
    }
}

/// A path in the tree, for messages.
pub(super) fn shown(path: Names<'_>) -> String {
    ubos_core::path::escape_bytes(&path.join(&b'/'))
}

/// Looks into a folder; `None` if it is none.
fn open<'a>(node: &'a mut Node, reader: &mut BlobReader) -> Result<Option<&'a mut Folder>> {
    if let Node::Closed(FOLDER, tree) = node {
        let tree = tree.clone();
        let bytes = reader
            .read(tree.as_str())?
            .ok_or_else(|| BackupError::damaged("a folder", format!("object {tree} is missing")))?;
        let entries = entries(&bytes, tree.as_str().len() / 2)
            .ok_or_else(|| BackupError::damaged("a folder", format!("object {tree} is no tree")))?;
        *node = Node::Open(Folder { written: Some(tree), entries });
    }
    Ok(match node {
        Node::Open(folder) => Some(folder),
        Node::Closed(..) => None,
    })
}

/// Looks into a folder that will change; a file that stands there gives way.
fn open_for_change<'a>(node: &'a mut Node, reader: &mut BlobReader) -> Result<&'a mut Folder> {
    if open(node, reader)?.is_none() {
        *node = Node::Open(Folder::default());
    }
    match node {
        Node::Open(folder) => {
            folder.written = None;
            Ok(folder)
        }
        Node::Closed(..) => unreachable!("it was opened"),
    }
}

/// The entries of a tree object: `MODE NAME<NUL>` and the name of an object in bytes, one after the
/// other.
fn entries(mut bytes: &[u8], length: usize) -> Option<BTreeMap<Vec<u8>, Node>> {
    let mut entries = BTreeMap::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|&b| b == b' ')?;
        let nul = bytes.iter().position(|&b| b == 0)?;
        let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
        let name = bytes.get(space + 1..nul)?.to_vec();
        let object = bytes.get(nul + 1..nul + 1 + length)?;
        let digits = object.iter().map(|byte| format!("{byte:02x}")).collect();
        entries.insert(name, Node::Closed(mode, Oid(digits)));
        bytes = &bytes[nul + 1 + length..];
    }
    Some(entries)
}

/// Writes a folder after those in it.
fn write(node: &mut Node, maker: &mut Talk) -> Result<Oid> {
    let folder = match node {
        Node::Closed(_, name) => return Ok(name.clone()),
        Node::Open(Folder { written: Some(name), .. }) => return Ok(name.clone()),
        Node::Open(folder) => folder,
    };
    let mut rows = Vec::new();
    for (name, entry) in &mut folder.entries {
        let (mode, kind) = match entry {
            Node::Open(_) | Node::Closed(FOLDER, _) => (FOLDER, "tree"),
            Node::Closed(GITLINK, _) => (GITLINK, "commit"),
            Node::Closed(mode, _) => (*mode, "blob"),
        };
        let object = write(entry, maker)?;
        rows.extend_from_slice(format!("{mode:06o} {kind} {object}\t").as_bytes());
        rows.extend_from_slice(name);
        rows.push(0);
    }
    // An empty record ends a tree.
    rows.push(0);
    maker.say(&rows)?;
    let line = maker.line()?;
    let name = Oid::parse(&line)
        .ok_or_else(|| BackupError::damaged("git mktree", format!("it says `{line}`")))?;
    folder.written = Some(name.clone());
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::objects::BlobWriter;
    use crate::git::testing::repository;
    use crate::git::tree::list_tree;

    fn names(path: &str) -> Vec<Vec<u8>> {
        path.split('/').map(|name| name.as_bytes().to_vec()).collect()
    }

    fn blob(git: &Git, bytes: &[u8]) -> Oid {
        let mut writer = BlobWriter::open(git).unwrap();
        let name = writer.add(bytes).unwrap();
        writer.finish().unwrap();
        name
    }

    fn paths(git: &Git, tree: &Oid) -> Vec<String> {
        let files = list_tree(git, tree.as_str()).unwrap();
        files.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    }

    #[test]
    fn folders_are_made_moved_and_removed() {
        let (_folder, git) = repository();
        let (a, b) = (blob(&git, b"a"), blob(&git, b"b"));
        let mut folders = Folders::of(&git, None).unwrap();
        folders.put(&names("=x/=.git/1"), a.clone()).unwrap();
        folders.put(&names("=x/tail/1"), a.clone()).unwrap();
        folders.put(&names("=x/tail/2"), b.clone()).unwrap();
        let first = folders.write(&git).unwrap();
        assert_eq!(paths(&git, &first), ["=x/=.git/1", "=x/tail/1", "=x/tail/2"]);

        let mut folders = Folders::of(&git, Some(first.clone())).unwrap();
        assert_eq!(folders.write(&git).unwrap(), first);
        folders.rename(&names("=x/tail"), &names("=x/sealed/7")).unwrap();
        folders.remove(&names("=x/sealed/7/2")).unwrap();
        folders.put(&names("=x/tail/3"), b.clone()).unwrap();
        let second = folders.write(&git).unwrap();
        assert_eq!(paths(&git, &second), ["=x/=.git/1", "=x/sealed/7/1", "=x/tail/3"]);
        assert_eq!(folders.read(&names("=x/tail/3")).unwrap().unwrap(), b"b");
        assert_eq!(folders.find(&names("=x/sealed")).unwrap(), Some(Found::Folder));
        assert_eq!(folders.find(&names("=x/sealed/9/2")).unwrap(), None);
        assert_eq!(folders.names(&names("=x")).unwrap(), names("=.git/sealed/tail"));
        git.run(["fsck", "--full", "--strict"]).unwrap();
    }

    #[test]
    fn a_folder_that_is_no_tree_is_damage() {
        let (_folder, git) = repository();
        let a = blob(&git, b"no tree at all");
        let mut folders = Folders::of(&git, Some(a)).unwrap();
        assert!(folders.names(&[]).unwrap_err().to_string().contains("is no tree"));
    }
}
