//! The territory's own repository: finding it, and how it stands before anything is added to it.
//!
//! The territory's root must be the top of the work tree: in a repository of a larger folder, the
//! history of everything around would be part of the backup and of whatever it is pushed to.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::command::{Answer, Git, ask_in};
use super::error::{BackupError, Result};
use super::objects::Oid;

/// The oldest git whose plumbing does all that is asked of it here.
const OLDEST: (u32, u32) = (2, 30);
/// Where branches are.
const HEADS: &str = "refs/heads/";

/// The repository whose work tree is a territory.
#[derive(Debug, Clone)]
pub struct Repository {
    git: Git,
    root: PathBuf,
    dir: PathBuf,
    common: PathBuf,
}

/// Where `HEAD` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The branch that is checked out, without `refs/heads/`.
    pub branch: String,
    /// Its commit; `None` before the first.
    pub head: Option<Oid>,
    /// What is unusual and does not stop a backup.
    pub notes: Vec<String>,
}

impl Standing {
    /// The branch's full name.
    pub fn reference(&self) -> String {
        format!("{HEADS}{}", self.branch)
    }
}

/// What was found where a repository was looked for.
#[derive(Debug)]
pub enum Found {
    /// The repository.
    Repository(Box<Repository>),
    /// None, and there is room for one.
    None,
}

impl Repository {
    /// Opens the repository at `root`, the top folder of a territory.
    ///
    /// # Errors
    /// [`BackupError::NoRepository`] if there is none, or one that cannot be the territory's own;
    /// [`BackupError::NoGit`] without a git that is new enough.
    pub fn open(root: &Path) -> Result<Self> {
        match Self::find(root)? {
            Found::Repository(found) => Ok(*found),
            Found::None => Err(BackupError::NoRepository {
                message: format!("`{}` is not a git repository", root.display()),
                hint: "`ubos-sync backup init` makes one and explains what it sets".to_owned(),
            }),
        }
    }

    /// Looks for the repository at `root`.
    ///
    /// # Errors
    /// As [`Repository::open`], but finding none is an answer.
    pub fn find(root: &Path) -> Result<Found> {
        check_version()?;
        let root = std::fs::canonicalize(root).map_err(|e| BackupError::io("look at", root, e))?;
        let own = root.join(".git");
        let present = own.symlink_metadata().is_ok();
        let asked = ask_in(
            &root,
            ["rev-parse", "--absolute-git-dir", "--git-common-dir", "--show-toplevel"],
        )?;
        if !asked.ok() {
            return if present { Err(unsound(&root, &asked)) } else { Ok(Found::None) };
        }
        let text = asked.text();
        let mut lines = text.lines().map(PathBuf::from);
        let (Some(dir), Some(common), Some(top)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(unsound(&root, &asked));
        };
        if std::fs::canonicalize(&top).ok().as_ref() != Some(&root) {
            return Err(if present { broken(&root) } else { inside(&root, &top) });
        }
        // Relative to the folder that git was asked in.
        let common = root.join(common);
        Ok(Found::Repository(Box::new(Self {
            git: Git::at(&dir).in_folder(&root),
            root,
            dir,
            common,
        })))
    }

    /// git for it.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The top of its work tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder with what belongs to this work tree: `HEAD`, the index.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder with what all work trees of the repository share: objects, references,
    /// configuration, `info/`.
    pub fn common(&self) -> &Path {
        &self.common
    }

    /// The user's index.
    pub fn index(&self) -> PathBuf {
        self.dir.join("index")
    }

    /// Where `HEAD` is, if the repository is in the middle of nothing.
    ///
    /// # Errors
    /// [`BackupError::Busy`] in the middle of a rebase, merge, cherry-pick, revert or bisection, with
    /// unmerged paths, or without a branch.
    pub fn standing(&self) -> Result<Standing> {
        if let Some((what, hint)) = self.under_way() {
            return Err(busy(what, hint));
        }
        self.refuse_unmerged()?;
        let head = self.git.ask(["symbolic-ref", "--quiet", "HEAD"])?;
        let name = head.text();
        let Some(branch) = name.strip_prefix(HEADS).filter(|_| head.ok()) else {
            return Err(busy(
                "no branch is checked out (detached HEAD)",
                "`git switch BRANCH` goes back to a branch, `git switch -c NAME` makes one here",
            ));
        };
        let head = self.git.resolve(&format!("{name}^{{commit}}"))?.map(Oid);
        Ok(Standing { branch: branch.to_owned(), head, notes: self.notes()? })
    }

    /// What the user has begun and not finished, with the next step.
    fn under_way(&self) -> Option<(&'static str, &'static str)> {
        let found = UNDER_WAY.iter().find(|(file, ..)| self.dir.join(file).exists());
        found.map(|&(_, what, hint)| (what, hint))
    }

    fn refuse_unmerged(&self) -> Result<()> {
        let unmerged = self.git.ask(["ls-files", "--unmerged", "-z"])?;
        // An index that cannot be read is the user's affair; no backup depends on it.
        if !unmerged.ok() || unmerged.out.is_empty() {
            return Ok(());
        }
        Err(busy(
            "the index has unmerged paths",
            "settle them and `git add` them; `git status` lists them",
        ))
    }

    fn notes(&self) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        if self.common.join("shallow").exists() {
            notes.push(
                "the repository is shallow: what is older than its first commits is not in it, and copies of it lack that too (`git fetch --unshallow` brings it)"
                    .to_owned(),
            );
        }
        let sparse = self.git.ask(["config", "--type=bool", "--get", "core.sparseCheckout"])?;
        if sparse.ok() && sparse.text() == "true" {
            notes.push(
                "the work tree is sparse: tracked files that are selected and were left out count as deleted (`git sparse-checkout disable` brings them)"
                    .to_owned(),
            );
        }
        Ok(notes)
    }
}

/// What lies in a repository's folder while something is under way; the first that is there tells.
const UNDER_WAY: [(&str, &str, &str); 8] = [
    (
        "rebase-merge",
        "a rebase is under way",
        "`git rebase --continue` goes on, `git rebase --abort` gives it up",
    ),
    (
        "rebase-apply/applying",
        "patches are being applied (git am)",
        "`git am --continue` goes on, `git am --abort` gives it up",
    ),
    (
        "rebase-apply",
        "a rebase is under way",
        "`git rebase --continue` goes on, `git rebase --abort` gives it up",
    ),
    (
        "MERGE_HEAD",
        "a merge is under way",
        "`git commit` concludes it, `git merge --abort` gives it up",
    ),
    (
        "CHERRY_PICK_HEAD",
        "a cherry-pick is under way",
        "`git cherry-pick --continue` goes on, `git cherry-pick --abort` gives it up",
    ),
    (
        "REVERT_HEAD",
        "a revert is under way",
        "`git revert --continue` goes on, `git revert --abort` gives it up",
    ),
    (
        "sequencer/todo",
        "a series of cherry-picks or reverts is under way",
        "`git status` names it; `--continue` goes on, `--abort` gives it up",
    ),
    ("BISECT_LOG", "a bisection is under way", "`git bisect reset` ends it"),
];

fn busy(what: &str, hint: &str) -> BackupError {
    BackupError::Busy { what: what.to_owned(), hint: hint.to_owned() }
}

/// Why git takes no notice of the `.git` that is there.
fn unsound(root: &Path, answer: &Answer) -> BackupError {
    let words = answer.err.trim();
    if words.contains("dubious ownership") || words.contains("unsafe repository") {
        return BackupError::NoRepository {
            message: format!(
                "the repository at `{}` belongs to another user, so git refuses to work in it",
                root.display()
            ),
            hint: "run as its owner, or trust it: `git config --global --add safe.directory` and the folder".to_owned(),
        };
    }
    BackupError::NoRepository {
        message: format!(
            "`{}` cannot be used: {}",
            root.join(".git").display(),
            words.lines().next().unwrap_or("git does not say why").trim_start_matches("fatal: ")
        ),
        hint: "`git status` there shows what git makes of it; a bare repository cannot be the territory's own".to_owned(),
    }
}

fn broken(root: &Path) -> BackupError {
    BackupError::NoRepository {
        message: format!("`{}` is no sound repository", root.join(".git").display()),
        hint: "restore it, or move it away and run `ubos-sync backup init`".to_owned(),
    }
}

fn inside(root: &Path, top: &Path) -> BackupError {
    BackupError::NoRepository {
        message: format!(
            "`{}` lies inside the repository of `{}`; the backup needs one whose top is the territory",
            root.display(),
            top.display()
        ),
        hint: "`git init` in the territory makes it a repository of its own, which the larger one then leaves out; `ubos-sync backup init` takes it from there".to_owned(),
    }
}

/// Whether there is a git that is new enough; asked once, since it stays so while a process lives.
fn check_version() -> Result<()> {
    static ENOUGH: OnceLock<()> = OnceLock::new();
    if ENOUGH.get().is_some() {
        return Ok(());
    }
    let text = ask_in(Path::new("/"), ["--version"])?.text();
    match version(&text) {
        Some(found) if found >= OLDEST => {
            ENOUGH.get_or_init(|| ());
            Ok(())
        }
        _ => Err(BackupError::NoGit {
            message: format!("`{text}` is older than git {}.{}", OLDEST.0, OLDEST.1),
        }),
    }
}

/// Major and minor number in what `git --version` says.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("git version ")?.split(['.', ' ']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_vendors_write_them() {
        assert_eq!(version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(version("git version 2.30.rc1"), Some((2, 30)));
        assert_eq!(version("gti"), None);
        assert!(version("git version 1.9.1") < Some(OLDEST));
    }
}
