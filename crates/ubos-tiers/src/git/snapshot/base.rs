//! Where the branches stand that a snapshot goes to.

use ubos_engine::state::config::backup::Layout;

use super::Order;
use super::class::Class;
use super::compare::Tree;
use crate::git::command::Git;
use crate::git::error::{BackupError, Result};
use crate::git::objects::Oid;
use crate::git::repository::{Repository, Standing};
use crate::git::tree::list_tree;

/// The branches as they were seen.
#[derive(Debug)]
pub(super) struct Base {
    /// What is checked out.
    pub(super) standing: Standing,
    /// The branch of snapshots, by its full name.
    pub(super) reference: String,
    /// Its commit.
    pub(super) tip: Option<Oid>,
    /// What that holds.
    pub(super) own: Tree,
    /// The branch of the other territory's files, where that is one of its own.
    pub(super) apart: Option<Apart>,
}

/// The branch of the other territory's files.
#[derive(Debug)]
pub(super) struct Apart {
    /// Its name.
    pub(super) name: String,
    /// Its commit.
    pub(super) tip: Option<Oid>,
    /// What that holds.
    pub(super) tree: Tree,
}

impl Apart {
    /// Its full name.
    pub(super) fn reference(&self) -> String {
        full(&self.name)
    }
}

impl Base {
    /// Looks at them.
    ///
    /// # Errors
    /// As [`Repository::standing`]; [`BackupError::Usage`] if both kinds of files would go to one
    /// branch.
    pub(super) fn look(repository: &Repository, order: &Order<'_>) -> Result<Self> {
        let git = repository.git();
        let standing = repository.standing()?;
        let (reference, tip) = match &order.settings.branch {
            Some(branch) if *branch != standing.branch => {
                (full(branch), commit(git, &full(branch))?)
            }
            _ => (standing.reference(), standing.head.clone()),
        };
        let own = tree(git, tip.as_ref())?;
        let apart = match order.settings.layout {
            Layout::Single => None,
            Layout::Branches => {
                let name = order.inventory.peer.clone();
                if full(&name) == reference {
                    return Err(own_branch_needed(&name));
                }
                let tip = commit(git, &full(&name))?;
                Some(Apart { tree: tree(git, tip.as_ref())?, name, tip })
            }
        };
        Ok(Self { standing, reference, tip, own, apart })
    }

    /// Whether the user's index belongs to the branch of snapshots.
    pub(super) fn is_checked_out(&self) -> bool {
        self.reference == self.standing.reference()
    }

    /// The tree that keeps what is of `class`.
    pub(super) fn tree_of(&self, class: Class) -> &Tree {
        match (&self.apart, class) {
            (Some(apart), Class::Generated) => &apart.tree,
            _ => &self.own,
        }
    }

    /// Whether some version of `path` is in either tree.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        self.own.contains_key(path)
            || self.apart.as_ref().is_some_and(|apart| apart.tree.contains_key(path))
    }
}

fn full(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn commit(git: &Git, reference: &str) -> Result<Option<Oid>> {
    Ok(git.resolve(&format!("{reference}^{{commit}}"))?.map(Oid))
}

fn tree(git: &Git, tip: Option<&Oid>) -> Result<Tree> {
    match tip {
        Some(tip) => list_tree(git, tip.as_str()),
        None => Ok(Tree::new()),
    }
}

fn own_branch_needed(name: &str) -> BackupError {
    BackupError::Usage {
        message: format!(
            "the branch `{name}` cannot hold both the snapshots and the files of {name}"
        ),
        hint: "set another `[backup] branch`, or `layout = \"single\"`".to_owned(),
    }
}
