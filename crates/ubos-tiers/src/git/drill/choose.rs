//! Which version of a path survives where a tree stands beside a repository: that of the tree if it is
//! newer, that of the snapshot if the tree's is older. A tree whose bytes differ although its time
//! does not was not edited: it is damaged; unless the sync knows these bytes as one side of an open
//! conflict, whose two versions may well have been written in the same moment.

use super::super::form::Form;

/// Where a path is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Both have it, alike.
    Either,
    /// From the repository.
    Repository,
    /// From the tree.
    Tree,
    /// From the repository, because the tree's bytes changed and nobody wrote them.
    TreeDamaged,
}

/// Decides. `shelved` is what the repository has, with its content; `standing` what stands in the tree,
/// which is `disputed` if it is what a conflict says of this side. `None` if neither has it.
pub fn choose(shelved: Option<&Form>, standing: Option<&Form>, disputed: bool) -> Option<Choice> {
    match (shelved, standing) {
        (None, None) => None,
        (Some(_), None) => Some(Choice::Repository),
        (None, Some(_)) => Some(Choice::Tree),
        (Some(shelved), Some(standing)) => Some(if shelved.same_content(standing) {
            Choice::Either
        } else if standing.kind != shelved.kind || standing.mtime > shelved.mtime {
            Choice::Tree
        } else if standing.mtime == shelved.mtime && !disputed {
            Choice::TreeDamaged
        } else {
            Choice::Repository
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ubos_core::entry::{Digest, Kind};

    fn form(content: &str, mtime: i64) -> Form {
        let digest = Digest::of(content.as_bytes());
        Form { kind: Kind::File, digest, size: 1, mode: 0o644, mtime }
    }

    #[test]
    fn the_later_one_survives_and_a_change_without_a_time_is_damage() {
        let old = form("a", 1);
        assert_eq!(choose(None, None, false), None);
        assert_eq!(choose(Some(&old), None, false), Some(Choice::Repository));
        assert_eq!(choose(None, Some(&old), false), Some(Choice::Tree));
        assert_eq!(choose(Some(&old), Some(&form("a", 9)), false), Some(Choice::Either));
        assert_eq!(choose(Some(&old), Some(&form("b", 2)), false), Some(Choice::Tree));
        assert_eq!(choose(Some(&old), Some(&form("b", 0)), false), Some(Choice::Repository));
        assert_eq!(choose(Some(&old), Some(&form("b", 1)), false), Some(Choice::TreeDamaged));
        // Both sides of a conflict, written in one moment: that of the snapshot stays.
        assert_eq!(choose(Some(&old), Some(&form("b", 1)), true), Some(Choice::Repository));
        let link = Form { kind: Kind::Symlink, ..form("b", 1) };
        assert_eq!(choose(Some(&old), Some(&link), false), Some(Choice::Tree));
    }
}
