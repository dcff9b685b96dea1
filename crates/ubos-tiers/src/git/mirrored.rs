//! How a tree that the sync keeps relates to the mirror beside it. They are looked at and compared,
//! nothing more: the tree is the sync's alone, and a mirror that is ahead or behind is put right by the
//! next sync and the next push, never by a checkout.

use std::collections::BTreeMap;

use ubos_core::path::RelPath;
use ubos_engine::inventory::Inventory;

use super::command::Git;
use super::coverage::facts::Held;
use super::error::Result;
use super::form::Form;
use super::manifest::About;
use super::manifests;
use super::rivals::{Relation, Rivals};
use super::shelf::Shelf;

/// What a mirror holds at its newest.
#[derive(Debug, Clone)]
pub struct Newest {
    /// What the newest snapshot is.
    pub about: About,
    /// What stood at every path.
    pub paths: BTreeMap<RelPath, Held>,
}

/// The newest snapshot that a mirror holds whole; `None` if it has none.
///
/// # Errors
/// What git says; [`super::error::BackupError::Damaged`] for a manifest that cannot be read.
pub fn newest(mirror: &Git) -> Result<Option<Newest>> {
    let Some((about, manifest)) = manifests::newest(mirror)? else { return Ok(None) };
    Ok(Some(Newest { about, paths: Shelf::open(mirror, &manifest)?.forms()? }))
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
    /// The tree has the other version of an open conflict: waiting for a decision.
    pub disputed: Vec<RelPath>,
    /// The bytes differ and the time does not: nobody wrote them, on one side or the other.
    pub damaged: Vec<RelPath>,
    /// Could not be read here, which says nothing.
    pub unknown: Vec<RelPath>,
}

impl Compared {
    /// Whether the tree is what the snapshot says.
    pub fn is_equal(&self) -> bool {
        let Self { equal: _, newer, older, missing, disputed, damaged, unknown } = self;
        [newer, older, missing, disputed, damaged, unknown].iter().all(|list| list.is_empty())
    }
}

/// Compares a tree with a snapshot; `rivals` is what the open conflicts of the tree say.
pub fn compare(snapshot: &BTreeMap<RelPath, Held>, tree: &Inventory, rivals: &Rivals) -> Compared {
    let mut compared = Compared::default();
    let is_unknown = |path: &RelPath| {
        tree.troubled.keys().any(|troubled| troubled == path || path.is_below(troubled))
    };
    for (path, held) in snapshot.iter().filter(|(_, held)| !held.form.is_dir()) {
        let list = match tree.items.get(path) {
            _ if is_unknown(path) => &mut compared.unknown,
            None => &mut compared.missing,
            Some(item) => match rivals.relate(path, &Form::of_item(item), &held.form) {
                Relation::Alike => {
                    compared.equal += 1;
                    continue;
                }
                Relation::Later => &mut compared.newer,
                Relation::Earlier => &mut compared.older,
                Relation::Rivals { .. } => &mut compared.disputed,
                Relation::Unexplained => &mut compared.damaged,
            },
        };
        list.push(path.clone());
    }
    let only_here = tree.items.iter().filter(|(path, item)| {
        !item.entry.is_dir() && snapshot.get(*path).is_none_or(|held| held.form.is_dir())
    });
    compared.newer.extend(only_here.map(|(path, _)| path.clone()));
    compared.newer.sort();
    compared
}

#[cfg(test)]
mod tests {
    use ubos_core::entry::{Digest, Entry, Kind, Problem};
    use ubos_core::manifest::Direction;
    use ubos_engine::inventory::Item;

    use super::*;
    use crate::git::rivals;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn held(content: &str, mtime: i64) -> Held {
        let (digest, size) = (Digest::of(content.as_bytes()), content.len() as u64);
        Held { form: Form { kind: Kind::File, digest, size, mode: 0o644, mtime }, gap: None }
    }

    fn item(content: &str, mtime: i64) -> Item {
        let digest = Digest::of(content.as_bytes());
        let entry = Entry::File { digest, size: content.len() as u64, exec: false };
        Item { entry, direction: Direction::Bidirectional, mtime, permissions: 0o644 }
    }

    #[test]
    fn each_path_is_told_by_its_content_and_time() {
        let snapshot: BTreeMap<RelPath, Held> = [
            ("same", "a", 5),
            ("edited", "a", 5),
            ("behind", "b", 5),
            ("gone", "a", 5),
            ("docs", "ours", 5),
            ("rotten", "a", 5),
            ("locked/x", "a", 5),
        ]
        .into_iter()
        .map(|(name, content, mtime)| (path(name), held(content, mtime)))
        .collect();
        let items = [
            // The content counts: a time alone makes no difference.
            ("same", item("a", 9)),
            ("edited", item("b", 9)),
            ("behind", item("a", 3)),
            ("fresh", item("x", 1)),
            ("docs", item("theirs", 9)),
            ("rotten", item("b", 5)),
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
            equal: 1,
            newer: vec![path("edited"), path("fresh")],
            older: vec![path("behind")],
            missing: vec![path("gone")],
            disputed: vec![path("docs")],
            damaged: vec![path("rotten")],
            unknown: vec![path("locked/x")],
        };
        assert_eq!(compare(&snapshot, &tree, &rivals::tests::open()), expected);
        assert!(!expected.is_equal());
    }
}
