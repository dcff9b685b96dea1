//! How a tree that the sync keeps relates to the mirror beside it. They are looked at and compared,
//! nothing more: the tree is the sync's alone, and a mirror that is ahead or behind is put right by the
//! next sync and the next push, never by a checkout.

use std::collections::BTreeMap;

use ubos_core::entry::Entry as Seen;
use ubos_core::path::RelPath;
use ubos_engine::inventory::{Inventory, Item};

use super::command::Git;
use super::error::Result;
use super::manifest::{About, Entry, What};
use super::manifests;
use super::shelf::Shelf;

/// What a mirror holds at its newest.
#[derive(Debug, Clone)]
pub struct Newest {
    /// What the newest snapshot is.
    pub about: About,
    /// What stood at every path.
    pub entries: BTreeMap<RelPath, Entry>,
    /// Where each symbolic link led.
    pub links: BTreeMap<RelPath, Vec<u8>>,
}

/// The newest snapshot that a mirror holds whole; `None` if it has none.
///
/// # Errors
/// What git says; [`super::error::BackupError::Damaged`] for a manifest that cannot be read.
pub fn newest(mirror: &Git) -> Result<Option<Newest>> {
    let Some((_, manifest)) = manifests::newest(mirror)? else { return Ok(None) };
    let mut shelf = Shelf::open(mirror, &manifest)?;
    let entries = shelf.entries().clone();
    let links = entries.iter().filter(|(_, entry)| matches!(entry.what, What::Symlink { .. }));
    // One that is kept nowhere is told as another.
    let links =
        links.filter_map(|(path, _)| Some((path.clone(), shelf.text(path).ok()?))).collect();
    Ok(Some(Newest { about: shelf.about().clone(), entries, links }))
}

/// Files and links of a tree against those of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// The same in both.
    pub equal: u64,
    /// Written here since, or only here: waiting for a sync and a snapshot.
    pub newer: Vec<RelPath>,
    /// The snapshot has a later version: waiting for a sync.
    pub older: Vec<RelPath>,
    /// Only in the snapshot: not yet arrived here, or removed here since.
    pub missing: Vec<RelPath>,
    /// Could not be read here, which says nothing.
    pub unknown: Vec<RelPath>,
}

impl Compared {
    /// Whether the tree is what the snapshot says.
    pub fn is_equal(&self) -> bool {
        [&self.newer, &self.older, &self.missing, &self.unknown].iter().all(|list| list.is_empty())
    }
}

/// Compares a tree with a snapshot.
pub fn compare(newest: &Newest, tree: &Inventory) -> Compared {
    let mut compared = Compared::default();
    let entries = &newest.entries;
    let is_unknown = |path: &RelPath| {
        tree.troubled.keys().any(|troubled| troubled == path || path.is_below(troubled))
    };
    for (path, entry) in entries.iter().filter(|(_, entry)| entry.what != What::Dir) {
        match tree.items.get(path) {
            _ if is_unknown(path) => compared.unknown.push(path.clone()),
            None => compared.missing.push(path.clone()),
            Some(item) if same(entry, newest.links.get(path), item) => compared.equal += 1,
            Some(item) if item.mtime > entry.mtime => compared.newer.push(path.clone()),
            Some(_) => compared.older.push(path.clone()),
        }
    }
    let only_here = tree.items.iter().filter(|(path, item)| {
        !item.entry.is_dir() && entries.get(*path).is_none_or(|entry| entry.what == What::Dir)
    });
    compared.newer.extend(only_here.map(|(path, _)| path.clone()));
    compared.newer.sort();
    compared
}

/// Whether a snapshot has what stands here. A sync carries where a link leads, and not its time.
fn same(entry: &Entry, link: Option<&Vec<u8>>, item: &Item) -> bool {
    match (&entry.what, &item.entry) {
        (What::File { .. }, Seen::File { digest, .. }) => entry.digest() == Some(*digest),
        (What::Symlink { .. }, Seen::Symlink { target }) => {
            link.is_some_and(|link| link[..] == target[..])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use ubos_core::entry::{Digest, Problem};
    use ubos_core::manifest::Direction;

    use super::*;
    use crate::git::manifest::Kept;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn entry(name: &str, content: &str, mtime: i64) -> Entry {
        let blake3 = Digest::of(content.as_bytes()).to_hex();
        let what = What::File { size: content.len() as u64, blake3, kept: Kept::Snapshot };
        Entry::new(name.as_bytes(), what, 0o644, mtime)
    }

    fn item(content: &str, mtime: i64) -> Item {
        let digest = Digest::of(content.as_bytes());
        let entry = Seen::File { digest, size: content.len() as u64, exec: false };
        Item { entry, direction: Direction::Bidirectional, mtime, permissions: 0o644 }
    }

    #[test]
    fn each_path_is_told_by_its_content_and_time() {
        let entries: BTreeMap<RelPath, Entry> = [
            ("same", "a", 5),
            ("edited", "a", 5),
            ("behind", "b", 5),
            ("gone", "a", 5),
            ("locked/x", "a", 5),
        ]
        .into_iter()
        .map(|(name, content, mtime)| (path(name), entry(name, content, mtime)))
        .collect();
        let link = |name: &str| {
            let what = What::Symlink { kept: Kept::Snapshot };
            (path(name), Entry::new(name.as_bytes(), what, 0o777, 5))
        };
        let leading = |target: &str, mtime: i64| Item {
            entry: Seen::Symlink { target: target.as_bytes().into() },
            direction: Direction::Bidirectional,
            mtime,
            permissions: 0o777,
        };
        let mut entries = entries;
        entries.extend([link("link"), link("moved link")]);
        let links = [(path("link"), b"to".to_vec()), (path("moved link"), b"to".to_vec())];
        let items = [
            // A sync does not carry the time of a link.
            ("link", leading("to", 9)),
            ("moved link", leading("elsewhere", 9)),
            // The content counts: a time alone makes no difference.
            ("same", item("a", 9)),
            ("edited", item("b", 9)),
            ("behind", item("a", 3)),
            ("fresh", item("x", 1)),
        ];
        let tree = Inventory {
            territory: "balaur".into(),
            peer: "localhost".into(),
            pair: "0".repeat(32),
            owner: false,
            generation: 3,
            items: items.into_iter().map(|(name, item)| (path(name), item)).collect(),
            troubled: [(path("locked"), Problem::Unreadable)].into_iter().collect(),
        };
        let expected = Compared {
            equal: 2,
            newer: vec![path("edited"), path("fresh"), path("moved link")],
            older: vec![path("behind")],
            missing: vec![path("gone")],
            unknown: vec![path("locked/x")],
        };
        let about = About {
            schema: 1,
            territory: "localhost".into(),
            pair: "0".repeat(32),
            snapshot: String::new(),
            logs: None,
            branch: None,
            run: None,
            generation: 3,
            made: String::new(),
            files: 7,
            bytes: 5,
            gaps: BTreeMap::new(),
        };
        let newest = Newest { about, entries, links: links.into() };
        assert_eq!(compare(&newest, &tree), expected);
        assert!(!expected.is_equal());
    }
}
