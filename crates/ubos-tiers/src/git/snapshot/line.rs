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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::objects::BlobWriter;
    use crate::git::snapshot::Phase;
    use crate::git::testing::repository;
    use crate::git::tree::FILE;
    use ubos_core::path::RelPath;

    const MAIN: &str = "refs/heads/main";

    struct Place {
        folder: tempfile::TempDir,
        git: Git,
        who: Author,
    }

    impl Place {
        fn new() -> Self {
            let (folder, git) = repository();
            let who = Author { name: "a".to_owned(), email: "a@b".to_owned() };
            Self { folder, git, who }
        }

        fn edits(&self, path: &str, content: &[u8]) -> Edits {
            let mut writer = BlobWriter::open(&self.git).unwrap();
            let blob = writer.add(content).unwrap();
            writer.finish().unwrap();
            Edits::from([(RelPath::new(path).unwrap(), Some((FILE, blob)))])
        }

        /// A line after `tip` with a commit for each of the edits, and whether it was published.
        fn continued(&self, tip: Option<&Oid>, edits: &[Edits]) -> (Option<Oid>, usize, bool) {
            let (index, base) = (self.folder.path().join("index"), Tree::new());
            let words = Words { phase: Phase::Asked, from: None, what: None, trailers: &[] };
            let signed = Signed { author: &self.who, committer: &self.who, words };
            let mut line = Line::on(&self.git, &index, tip.cloned(), &base);
            for edits in edits {
                line.add(edits, &signed).unwrap();
            }
            let published = line.publish(MAIN, tip).unwrap();
            (line.tip.clone(), line.commits.len(), published)
        }
    }

    #[test]
    fn commits_follow_each_other_and_what_changes_nothing_is_none() {
        let place = Place::new();
        let (a, b) = (place.edits("a", b"1"), place.edits("b", b"2"));
        let (tip, commits, published) = place.continued(None, &[a.clone(), Edits::new(), b, a]);
        assert_eq!((commits, published), (2, true));
        assert_eq!(place.git.resolve(MAIN).unwrap(), tip.map(|tip| tip.0));
        assert_eq!(place.git.run(["rev-list", "--count", MAIN]).unwrap().text(), "2");
    }

    #[test]
    fn a_commit_that_came_in_between_is_not_overwritten() {
        let place = Place::new();
        let (first, ..) = place.continued(None, &[place.edits("a", b"1")]);
        let (users, ..) = place.continued(first.as_ref(), &[place.edits("users", b"2")]);
        let (_, commits, published) = place.continued(first.as_ref(), &[place.edits("a", b"3")]);
        assert_eq!((commits, published), (1, false));
        assert_eq!(place.git.resolve(MAIN).unwrap(), users.map(|users| users.0));
        let (_, _, published) = place.continued(None, &[place.edits("a", b"3")]);
        assert!(!published, "a branch that came into being meanwhile");
    }
}
