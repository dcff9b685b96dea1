//! Which version of a path survives where a tree stands beside a repository: that of the tree if it is
//! newer, that of the snapshot if the tree's is older. A tree whose bytes differ although its time
//! does not was not edited: it is damaged.

use super::super::form::Form;
use super::super::rivals::Relation;

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

/// Decides. `shelved` is what the repository has, with its content; `standing` what stands in the tree;
/// `relate` says how the latter relates to the former. `None` if neither has it.
pub fn choose(
    shelved: Option<&Form>,
    standing: Option<&Form>,
    relate: impl FnOnce(&Form, &Form) -> Relation,
) -> Option<Choice> {
    match (shelved, standing) {
        (None, None) => None,
        (Some(_), None) => Some(Choice::Repository),
        (None, Some(_)) => Some(Choice::Tree),
        (Some(shelved), Some(standing)) if shelved.kind != standing.kind => Some(Choice::Tree),
        (Some(shelved), Some(standing)) => Some(match relate(standing, shelved) {
            Relation::Alike => Choice::Either,
            Relation::Later | Relation::Rivals { later: true } => Choice::Tree,
            Relation::Earlier | Relation::Rivals { later: false } => Choice::Repository,
            Relation::Unexplained => Choice::TreeDamaged,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ubos_core::entry::{Digest, Kind};

    fn form(kind: Kind) -> Form {
        Form { kind, digest: Digest::of(b"a"), size: 1, mode: 0o644, mtime: 1 }
    }

    #[test]
    fn the_later_one_survives_and_a_change_without_a_time_is_damage() {
        let file = form(Kind::File);
        let never = |_: &Form, _: &Form| -> Relation { panic!("there is nothing to compare") };
        assert_eq!(choose(None, None, never), None);
        assert_eq!(choose(Some(&file), None, never), Some(Choice::Repository));
        assert_eq!(choose(None, Some(&file), never), Some(Choice::Tree));
        assert_eq!(choose(Some(&file), Some(&form(Kind::Symlink)), never), Some(Choice::Tree));
        for (relation, choice) in [
            (Relation::Alike, Choice::Either),
            (Relation::Later, Choice::Tree),
            (Relation::Earlier, Choice::Repository),
            (Relation::Unexplained, Choice::TreeDamaged),
            // Both sides of a conflict, written in one moment: that of the snapshot stays.
            (Relation::Rivals { later: false }, Choice::Repository),
            (Relation::Rivals { later: true }, Choice::Tree),
        ] {
            assert_eq!(choose(Some(&file), Some(&file), |_, _| relation), Some(choice));
        }
    }
}
