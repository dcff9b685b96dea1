//! Commits on a branch, one after the other, published together.

use std::path::Path;

use super::Changed;
use super::compare::Tree;
use super::edits::{Edits, paths};
use super::message::{Words, message};
use crate::git::command::Git;
use crate::git::commit::{Author, NewCommit, advance};
use crate::git::error::Result;
use crate::git::objects::Oid;
use crate::git::tree::TreeEdit;

/// A branch that is being continued.
pub(super) struct Line<'a> {
    git: &'a Git,
    index: &'a Path,
    /// What it began with.
    base: &'a Tree,
    edit: Option<TreeEdit>,
    /// The tree of its last commit.
    tree: Option<Oid>,
    /// Its last commit.
    pub(super) tip: Option<Oid>,
    /// The commits that were added.
    pub(super) commits: Vec<Oid>,
    /// What they change.
    pub(super) changed: Changed,
}

/// Who signs a commit, and what it says.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    /// Who made the content.
    pub(super) author: &'a Author,
    /// Who recorded it.
    pub(super) committer: &'a Author,
    /// What it says.
    pub(super) words: Words<'a>,
}

impl<'a> Line<'a> {
    /// Continues the branch at `tip`, which holds `base`. `index`: a file to work in.
    pub(super) fn on(git: &'a Git, index: &'a Path, tip: Option<Oid>, base: &'a Tree) -> Self {
        let (edit, tree) = (None, None);
        let (commits, changed) = (Vec::new(), Changed::default());
        Self { git, index, base, edit, tree, tip, commits, changed }
    }

    /// Adds a commit with `edits`, if they change anything.
    ///
    /// # Errors
    /// What git says.
    pub(super) fn add(&mut self, edits: &Edits, signed: &Signed<'_>) -> Result<()> {
        if edits.is_empty() {
            return Ok(());
        }
        let before = match (&self.tree, &self.tip) {
            (Some(tree), _) => Some(tree.clone()),
            (None, Some(tip)) => self.git.resolve(&format!("{tip}^{{tree}}"))?.map(Oid),
            (None, None) => None,
        };
        let edit = match &mut self.edit {
            Some(edit) => edit,
            None => {
                let edit = TreeEdit::on(self.git, self.tip.as_ref(), self.index)?;
                self.edit.insert(edit)
            }
        };
        for (path, _) in edits.iter().filter(|(_, entry)| entry.is_none()) {
            edit.remove(path.as_bytes());
        }
        for (path, entry) in edits {
            if let Some((mode, blob)) = entry {
                edit.put(path.as_bytes(), *mode, blob);
            }
        }
        let tree = edit.write()?;
        if before.as_ref() == Some(&tree) {
            return Ok(());
        }
        let paths = paths(edits, self.base);
        let parents: Vec<Oid> = self.tip.iter().cloned().collect();
        let commit = NewCommit {
            tree: &tree,
            parents: &parents,
            author: signed.author,
            committer: signed.committer,
            at: None,
            message: &message(&signed.words, &paths),
        };
        let commit = commit.write(self.git)?;
        self.changed.added += paths.added.len();
        self.changed.updated += paths.updated.len();
        self.changed.deleted += paths.deleted.len();
        self.commits.push(commit.clone());
        self.tip = Some(commit);
        self.tree = Some(tree);
        Ok(())
    }

    /// Moves `reference` from `old` to the last commit; `false` if somebody else moved it meanwhile.
    ///
    /// # Errors
    /// What git says.
    pub(super) fn publish(&self, reference: &str, old: Option<&Oid>) -> Result<bool> {
        match self.commits.last() {
            Some(commit) => advance(self.git, reference, commit, old, "ubos-sync: snapshot"),
            None => Ok(true),
        }
    }
}
