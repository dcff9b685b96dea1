//! What becomes of the trees, from what was compared and read. Pure.

use std::collections::BTreeMap;

use ubos_core::path::RelPath;

use super::class::Class;
use super::compare::Tree;
use super::message::Paths;
use super::table::Row;
use crate::git::objects::Oid;

/// Files and links that are kept, each with its class.
pub(super) type Placed = BTreeMap<RelPath, (Class, Row)>;

/// Changes to a tree; `None` for a path that goes.
pub(super) type Edits = BTreeMap<RelPath, Option<(u32, Oid)>>;

/// The changes of each commit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// To the branch of snapshots: the user's own files.
    pub(super) own: Edits,
    /// To the branch of snapshots: the other territory's files.
    pub(super) generated: Edits,
    /// To the branch of the other territory's files, where that is one of its own.
    pub(super) apart: Edits,
}

/// Divides what is kept and what is gone among the commits. `logs`: paths that the branch of logs
/// keeps.
pub(super) fn divide<'a>(
    placed: &Placed,
    logs: impl Iterator<Item = &'a RelPath>,
    gone: &[(&RelPath, Class, bool)],
    own: &Tree,
    apart: Option<&Tree>,
) -> Parts {
    let mut parts = Parts::default();
    for (path, (class, row)) in placed {
        let wanted = (row.mode(), row.blob.clone());
        let elsewhere = *class == Class::Generated && apart.is_some();
        let tree = apart.filter(|_| elsewhere).unwrap_or(own);
        if tree.get(path.as_bytes()) != Some(&wanted) {
            let edits = match class {
                _ if elsewhere => &mut parts.apart,
                Class::Generated => &mut parts.generated,
                Class::Own | Class::Log => &mut parts.own,
            };
            edits.insert(path.clone(), Some(wanted));
        }
        // What moved to a branch of its own, or back, stands in one place only.
        match apart {
            Some(_) if elsewhere => remove(&mut parts.generated, own, path),
            Some(apart) => remove(&mut parts.apart, apart, path),
            None => {}
        }
    }
    for path in logs {
        remove(&mut parts.generated, own, path);
        if let Some(apart) = apart {
            remove(&mut parts.apart, apart, path);
        }
    }
    for &(path, class, in_apart) in gone {
        match (in_apart, apart) {
            (true, Some(apart)) => remove(&mut parts.apart, apart, path),
            _ if class == Class::Own => remove(&mut parts.own, own, path),
            _ => remove(&mut parts.generated, own, path),
        }
    }
    parts
}

fn remove(edits: &mut Edits, tree: &Tree, path: &RelPath) {
    if tree.contains_key(path.as_bytes()) {
        edits.insert(path.clone(), None);
    }
}

/// What `edits` come to in words, on `tree`.
pub(super) fn paths(edits: &Edits, tree: &Tree) -> Paths {
    let mut paths = Paths::default();
    for (path, entry) in edits {
        let list = match (entry.is_some(), tree.contains_key(path.as_bytes())) {
            (true, true) => &mut paths.updated,
            (true, false) => &mut paths.added,
            (false, _) => &mut paths.deleted,
        };
        list.push(path.clone());
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tree::{EXECUTABLE, FILE};
    use ubos_core::entry::Digest;

    fn oid(c: char) -> Oid {
        Oid(c.to_string().repeat(40))
    }

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn placed(rows: &[(&str, Class, char, u32)]) -> Placed {
        let row = |blob, permissions| Row {
            digest: Digest::of(b""),
            size: 0,
            blob: oid(blob),
            symlink: false,
            permissions,
            mtime: 0,
        };
        let rows = rows.iter();
        rows.map(|&(at, class, blob, mode)| (path(at), (class, row(blob, mode)))).collect()
    }

    fn tree(entries: &[(&str, char)]) -> Tree {
        entries.iter().map(|(at, blob)| (at.as_bytes().to_vec(), (FILE, oid(*blob)))).collect()
    }

    fn divided(placed: &Placed, own: &Tree, apart: Option<&Tree>) -> Parts {
        divide(placed, std::iter::empty(), &[], own, apart)
    }

    #[test]
    fn what_stands_there_already_is_no_edit_and_a_mode_is_one() {
        let kept = placed(&[("a", Class::Own, '1', 0o600), ("b", Class::Own, '1', 0o755)]);
        let parts = divided(&kept, &tree(&[("a", '1'), ("b", '1')]), None);
        assert_eq!(parts.own, Edits::from([(path("b"), Some((EXECUTABLE, oid('1'))))]));
    }

    #[test]
    fn the_other_territorys_files_go_into_a_commit_or_a_branch_of_their_own() {
        let kept = placed(&[("a", Class::Own, '2', 0o644), ("p", Class::Generated, '2', 0o644)]);
        let own = tree(&[("a", '1'), ("p", '1')]);
        let put = |at: &str| Edits::from([(path(at), Some((FILE, oid('2'))))]);
        let single = divided(&kept, &own, None);
        assert_eq!((single.own, single.generated), (put("a"), put("p")));
        let branches = divided(&kept, &own, Some(&Tree::new()));
        assert_eq!((branches.own, branches.apart), (put("a"), put("p")));
        assert_eq!(branches.generated, Edits::from([(path("p"), None)]));
        // A path that is the user's again comes back.
        let kept = placed(&[("p", Class::Own, '2', 0o644)]);
        let back = divided(&kept, &Tree::new(), Some(&tree(&[("p", '2')])));
        assert_eq!((back.own, back.apart), (put("p"), Edits::from([(path("p"), None)])));
    }

    #[test]
    fn what_is_gone_or_kept_elsewhere_leaves_the_tree_once() {
        let own = tree(&[("gone", '1'), ("log", '1'), ("theirs", '1')]);
        let (gone, theirs, never) = (path("gone"), path("theirs"), path("never"));
        let lost = [
            (&gone, Class::Own, false),
            (&theirs, Class::Generated, false),
            (&never, Class::Own, false),
        ];
        let log = path("log");
        let parts = divide(&Placed::new(), [&log].into_iter(), &lost, &own, None);
        assert_eq!(parts.own, Edits::from([(path("gone"), None)]));
        assert_eq!(parts.generated, Edits::from([(path("log"), None), (path("theirs"), None)]));
        let words = paths(&parts.own, &own);
        assert_eq!(words.deleted, [path("gone")]);
    }
}
