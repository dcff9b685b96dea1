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
use crate::git::tree::{GITLINK, LINK};

/// What a tree holds: mode and object by path.
pub(super) type Tree = BTreeMap<Vec<u8>, (u32, Oid)>;

/// All that the comparison rests on.
pub(super) struct Given<'a> {
    /// What stands on disk.
    pub(super) inventory: &'a Inventory,
    /// What the last snapshot knew.
    pub(super) table: &'a Table,
    /// The tree of the branch of snapshots.
    pub(super) own: &'a Tree,
    /// The tree of the branch of the other territory's files, where that is one of its own.
    pub(super) apart: Option<&'a Tree>,
    /// To whom paths belong.
    pub(super) classes: &'a Classes,
    /// The direction of a path by the manifests of now; `None` if it is not selected.
    pub(super) selected: &'a dyn Fn(&RelPath) -> Option<Direction>,
    /// What the name of a path alone says.
    pub(super) by_path: &'a dyn Fn(&RelPath) -> Option<Finding>,
    /// Larger files that are no logs are kept nowhere.
    pub(super) max_file: u64,
}

/// What has to be done.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Files and links whose content the commits hold already.
    pub(super) known: BTreeMap<RelPath, (Class, Row)>,
    /// Files and links whose content has to be looked at.
    pub(super) read: Vec<(RelPath, Class)>,
    /// Large logs.
    pub(super) logs: Vec<RelPath>,
    /// What is kept nowhere, or not as it stands now, with the reason in words.
    pub(super) gaps: Vec<(RelPath, Gap, String)>,
    /// What a person should know about paths by their names.
    pub(super) findings: Vec<Finding>,
    /// Paths of the commits that are selected and were not seen: to be removed if they are proved
    /// absent.
    pub(super) gone: Vec<Gone>,
    /// Paths that the last snapshot had and that are selected no more.
    pub(super) left: Vec<RelPath>,
}

/// A path that a tree holds and that was not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gone {
    /// The path.
    pub(super) path: RelPath,
    /// To whom it belonged.
    pub(super) class: Class,
    /// Whether it is the tree of the other territory's files that holds it.
    pub(super) apart: bool,
}

/// Lays them over each other.
pub(super) fn compare(given: &Given<'_>) -> Comparison {
    let mut found = Comparison::default();
    for (path, problem) in &given.inventory.troubled {
        // A socket or pipe has no content to keep, unless it stands where a file stood.
        if *problem == Problem::Special && !given.holds(path) {
            continue;
        }
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
    missing(given, given.own, false, &mut found);
    if let Some(apart) = given.apart {
        missing(given, apart, true, &mut found);
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

    /// Whether a tree holds `path`.
    fn holds(&self, path: &RelPath) -> bool {
        let trees = std::iter::once(self.own).chain(self.apart);
        trees.into_iter().any(|tree| tree.contains_key(path.as_bytes()))
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
fn missing(given: &Given<'_>, tree: &Tree, apart: bool, found: &mut Comparison) {
    for (bytes, (mode, _)) in tree {
        let Ok(path) = RelPath::new(bytes.clone()) else { continue };
        let item = given.inventory.items.get(&path);
        if item.is_some_and(|item| !item.entry.is_dir()) || given.is_troubled(&path) {
            continue;
        }
        match (given.selected)(&path) {
            Some(direction) => {
                let class = given.classes.of_absent(&path, direction);
                found.gone.push(Gone { path, class, apart });
            }
            // A commit of another repository stands for a folder, whose files are kept instead.
            None if *mode == GITLINK && item.is_some() => {
                found.gone.push(Gone { path, class: Class::Own, apart });
            }
            None if given.table.rows.contains_key(&path) => found.left.push(path),
            None => {}
        }
    }
}

/// The hash of a content; of a link, of its text.
pub(super) fn content(entry: &Entry) -> Option<Digest> {
    match entry {
        Entry::File { digest, .. } => Some(*digest),
        Entry::Symlink { target } => Some(Digest::of(target)),
        Entry::Dir => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tree::FILE;
    use ubos_engine::state::config::backup::BackupSettings;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn oid(c: char) -> Oid {
        Oid(c.to_string().repeat(40))
    }

    fn tree(entries: &[(&str, char)]) -> Tree {
        entries.iter().map(|(at, blob)| (at.as_bytes().to_vec(), (FILE, oid(*blob)))).collect()
    }

    fn inventory(files: &[(&str, &str)]) -> Inventory {
        let item = |content: &str| Item {
            entry: Entry::File {
                digest: Digest::of(content.as_bytes()),
                size: content.len() as u64,
                exec: false,
            },
            direction: Direction::Bidirectional,
            mtime: 0,
            permissions: 0o644,
        };
        Inventory {
            territory: "localhost".to_owned(),
            peer: "balaur".to_owned(),
            pair: "p".to_owned(),
            owner: true,
            generation: 0,
            items: files.iter().map(|(at, content)| (path(at), item(content))).collect(),
            troubled: BTreeMap::new(),
        }
    }

    fn table(rows: &[(&str, &str, char)]) -> Table {
        let row = |content: &str, blob| Row {
            digest: Digest::of(content.as_bytes()),
            size: content.len() as u64,
            blob: oid(blob),
            symlink: false,
            permissions: 0o644,
            mtime: 0,
        };
        let rows = rows.iter().map(|(at, content, blob)| (path(at), row(content, *blob)));
        Table { rows: rows.collect(), ..Table::default() }
    }

    /// Compares; everything below `notes/` is selected.
    fn compared(inventory: &Inventory, table: &Table, own: &Tree) -> Comparison {
        let notes = |path: &RelPath| {
            path.as_bytes().starts_with(b"notes/").then_some(Direction::Bidirectional)
        };
        compare(&Given {
            inventory,
            table,
            own,
            apart: None,
            classes: &Classes::new(&BackupSettings::default()).unwrap(),
            selected: &notes,
            by_path: &|_| None,
            max_file: 10,
        })
    }

    fn gone(found: &Comparison) -> Vec<String> {
        found.gone.iter().map(|gone| gone.path.to_string()).collect()
    }

    #[test]
    fn only_what_the_commit_does_not_hold_is_read() {
        let inventory = inventory(&[("notes/a", "a"), ("notes/b", "new"), ("notes/c", "c")]);
        let table = table(&[("notes/a", "a", '1'), ("notes/b", "old", '1'), ("notes/c", "c", '1')]);
        let own = tree(&[("notes/a", '1'), ("notes/b", '1'), ("notes/c", '2')]);
        let found = compared(&inventory, &table, &own);
        assert_eq!(found.known.keys().collect::<Vec<_>>(), [&path("notes/a")]);
        let read: Vec<String> = found.read.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(read, ["notes/b", "notes/c"]);
        assert!(found.gone.is_empty() && found.left.is_empty() && found.gaps.is_empty());
    }

    #[test]
    fn only_what_is_selected_and_not_in_trouble_can_be_gone() {
        let mut inventory = inventory(&[("notes/a", "a")]);
        inventory.troubled.insert(path("notes/dark"), Problem::Unreadable);
        inventory.troubled.insert(path("notes/socket"), Problem::Special);
        let own = tree(&[
            ("code/x", '1'),
            ("left", '1'),
            ("notes/a", '1'),
            ("notes/dark/x", '1'),
            ("notes/gone", '1'),
        ]);
        let found = compared(&inventory, &table(&[("left", "x", '1')]), &own);
        assert_eq!(gone(&found), ["notes/gone"]);
        assert_eq!(found.left, [path("left")]);
        assert_eq!(found.gaps.len(), 1);
    }

    #[test]
    fn what_is_too_large_or_has_no_name_for_git_is_a_gap() {
        let inventory = inventory(&[("notes/large", "more than ten"), ("notes/git~1", "x")]);
        let found = compared(&inventory, &Table::default(), &Tree::new());
        let gaps: Vec<Gap> = found.gaps.iter().map(|(_, gap, _)| *gap).collect();
        assert_eq!(gaps, [Gap::Name, Gap::TooLarge]);
        assert!(found.read.is_empty());
    }
}
