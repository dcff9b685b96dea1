//! What a snapshot comes to: the inventory laid over what the last snapshot knew and what the commits
//! hold. Pure: nothing is read here and nothing written.

use std::collections::BTreeMap;

use ubos_core::entry::{Digest, Entry, Problem};
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_engine::inventory::{Inventory, Item};

use super::class::{Class, Classes};
use super::name;
use super::table::{Row, Table};
use crate::git::gates::{Finding, Weight};
use crate::git::manifest::Gap;
use crate::git::objects::Oid;
use crate::git::tree::{EXECUTABLE, FILE, GITLINK, LINK};

/// What a tree holds: mode and object by path.
pub type Tree = BTreeMap<Vec<u8>, (u32, Oid)>;

/// All that the comparison rests on.
pub struct Given<'a> {
    /// What stands on disk.
    pub inventory: &'a Inventory,
    /// What the last snapshot knew.
    pub table: &'a Table,
    /// The tree of the branch of snapshots.
    pub own: &'a Tree,
    /// The tree of the branch of the other territory's files, where that is one of its own.
    pub apart: Option<&'a Tree>,
    /// To whom paths belong.
    pub classes: &'a Classes,
    /// The direction of a path by the manifests of now; `None` if it is not selected.
    pub selected: &'a dyn Fn(&RelPath) -> Option<Direction>,
    /// What the name of a path alone says.
    pub by_path: &'a dyn Fn(&RelPath) -> Option<Finding>,
    /// Larger files that are no logs are kept nowhere.
    pub max_file: u64,
}

/// What has to be done.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Files and links whose content the commits hold already.
    pub known: BTreeMap<RelPath, (Class, Row)>,
    /// Files and links whose content has to be looked at.
    pub read: Vec<(RelPath, Class)>,
    /// Large logs.
    pub logs: Vec<RelPath>,
    /// What is kept nowhere, or not as it stands now, with the reason in words.
    pub gaps: Vec<(RelPath, Gap, String)>,
    /// What a person should know about paths by their names.
    pub findings: Vec<Finding>,
    /// Paths of the commits that are selected and were not seen: to be removed if they are proved
    /// absent.
    pub gone: Vec<(RelPath, Class)>,
    /// Paths that the last snapshot had and that are selected no more.
    pub left: Vec<RelPath>,
}

/// Lays them over each other.
pub fn compare(given: &Given<'_>) -> Comparison {
    let mut found = Comparison::default();
    for (path, problem) in &given.inventory.troubled {
        let (gap, words) = trouble(*problem);
        found.gaps.push((path.clone(), gap, words.to_owned()));
    }
    for (path, item) in &given.inventory.items {
        if item.entry.is_dir() {
            // Only a refused name of its own makes a folder a gap; what is in it is one anyway.
            continue;
        }
        place(given, path, item, &mut found);
    }
    missing(given, given.own, None, &mut found);
    if let Some(apart) = given.apart {
        missing(given, apart, Some(Class::Generated), &mut found);
    }
    found
}

/// Where the content of what stands at `path` comes from.
fn place(given: &Given<'_>, path: &RelPath, item: &Item, found: &mut Comparison) {
    let symlink = matches!(item.entry, Entry::Symlink { .. });
    if let Some(why) = name::refused(path.as_bytes(), symlink) {
        found.gaps.push((path.clone(), Gap::Name, why.to_owned()));
        return;
    }
    if let Some(finding) = (given.by_path)(path) {
        let weight = finding.weight;
        if let Weight::Withhold(gap) = weight {
            found.gaps.push((path.clone(), gap, finding.what.clone()));
        }
        found.findings.push(finding);
        if matches!(weight, Weight::Withhold(_)) {
            return;
        }
    }
    let class = given.classes.of(path, item);
    if class == Class::Log {
        found.logs.push(path.clone());
        return;
    }
    if item.entry.size() > given.max_file {
        let words =
            format!("{} bytes; larger than the limit of {}", item.entry.size(), given.max_file);
        found.gaps.push((path.clone(), Gap::TooLarge, words));
        return;
    }
    match known(given, path, item, class) {
        Some(row) => {
            found.known.insert(path.clone(), (class, row));
        }
        None => found.read.push((path.clone(), class)),
    }
}

/// The row of `path`, if it tells of the very content that stands there and the tree still holds it.
fn known(given: &Given<'_>, path: &RelPath, item: &Item, class: Class) -> Option<Row> {
    let row = given.table.rows.get(path)?;
    let digest = content(&item.entry)?;
    let symlink = matches!(item.entry, Entry::Symlink { .. });
    let (mode, blob) = given.tree_of(class).get(path.as_bytes())?;
    let same = row.digest == digest && row.symlink == symlink && row.blob == *blob;
    // A blob is the same whatever stands in its mode, a link's text excepted.
    (same && symlink == (*mode == LINK)).then(|| Row {
        permissions: item.permissions,
        mtime: item.mtime,
        ..row.clone()
    })
}

impl Given<'_> {
    /// The tree that keeps what is of `class`.
    fn tree_of(&self, class: Class) -> &Tree {
        match (class, self.apart) {
            (Class::Generated, Some(apart)) => apart,
            _ => self.own,
        }
    }

    /// Whether nothing is known of `path`: itself or a folder above it is troubled.
    fn is_troubled(&self, path: &RelPath) -> bool {
        let troubled = &self.inventory.troubled;
        !troubled.is_empty()
            && (troubled.contains_key(path)
                || path.ancestors().any(|above| troubled.contains_key(&above)))
    }
}

/// What a tree holds and the inventory does not.
fn missing(given: &Given<'_>, tree: &Tree, class: Option<Class>, found: &mut Comparison) {
    for (bytes, (mode, _)) in tree {
        let Ok(path) = RelPath::new(bytes.clone()) else { continue };
        let item = given.inventory.items.get(&path);
        if item.is_some_and(|item| !item.entry.is_dir()) || given.is_troubled(&path) {
            continue;
        }
        match (given.selected)(&path) {
            Some(direction) => {
                let class = class.unwrap_or_else(|| given.classes.of_absent(&path, direction));
                found.gone.push((path, class));
            }
            // A commit of another repository stands for a folder, whose files are kept instead.
            None if *mode == GITLINK && item.is_some() => found.gone.push((path, Class::Own)),
            None if given.table.rows.contains_key(&path) => found.left.push(path),
            None => {}
        }
    }
}

/// The hash of a content; of a link, of its text.
pub fn content(entry: &Entry) -> Option<Digest> {
    match entry {
        Entry::File { digest, .. } => Some(*digest),
        Entry::Symlink { target } => Some(Digest::of(target)),
        Entry::Dir => None,
    }
}

/// git's mode for what stands at a path.
pub fn mode(entry: &Entry) -> u32 {
    match entry {
        Entry::Symlink { .. } => LINK,
        Entry::File { exec: true, .. } => EXECUTABLE,
        _ => FILE,
    }
}

/// What could not be looked at is a gap; a name that only one side can hold is one all the same.
fn trouble(problem: Problem) -> (Gap, &'static str) {
    match problem {
        Problem::Unreadable => (Gap::Unreadable, "it could not be read"),
        Problem::Busy => (Gap::Unreadable, "it changed while it was read"),
        Problem::Special => (Gap::Unreadable, "it is no file, folder or link"),
        Problem::Mount => (Gap::Unreadable, "it lies on another file system"),
        Problem::EscapingLink => (Gap::Unreadable, "a link that leads out of the territory"),
        Problem::Name => (Gap::Name, "a name that the other territory cannot hold"),
        Problem::NameCollision => {
            (Gap::Name, "another name beside it differs only in case or Unicode form")
        }
    }
}
