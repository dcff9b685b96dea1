//! Making a tree from another one, in an index of our own; and reading one.
//!
//! The user's index is never touched. Paths are bytes and go to git by standard input, ended by NUL.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::command::Git;
use super::error::{BackupError, Result};
use super::objects::Oid;

/// A regular file.
pub const FILE: u32 = 0o100_644;
/// A regular file that can be executed.
pub const EXECUTABLE: u32 = 0o100_755;
/// A symbolic link; its blob is the text.
pub const LINK: u32 = 0o120_000;
/// Another repository's commit.
pub const GITLINK: u32 = 0o160_000;

/// Changes to a tree, gathered and then written.
pub struct TreeEdit {
    git: Git,
    /// What `update-index --index-info` is to read.
    changes: Vec<u8>,
    /// As long as the names of this repository.
    nothing: Oid,
}

impl TreeEdit {
    /// Starts from the tree or commit `base`, or from an empty tree. `index` is the file to work in;
    /// whatever it holds is thrown away, so one caller at a time.
    ///
    /// # Errors
    /// [`BackupError::Git`] if there is no such tree; an I/O failure on `index`.
    pub fn on(git: &Git, base: Option<&Oid>, index: &Path) -> Result<Self> {
        // A crash may have left a half-written index and its lock; both are ours alone.
        remove(index)?;
        let mut lock = index.as_os_str().to_owned();
        lock.push(".lock");
        remove(&PathBuf::from(lock))?;
        let git = git.with_index(index);
        let nothing = match base {
            Some(base) => {
                git.run(["read-tree", base.as_str()])?;
                base.none_like()
            }
            None => {
                git.run(["read-tree", "--empty"])?;
                let format = git.run(["rev-parse", "--show-object-format"])?.text();
                Oid("0".repeat(if format == "sha256" { 64 } else { 40 }))
            }
        };
        Ok(Self { git, changes: Vec::new(), nothing })
    }

    /// Puts `blob` at `path`. What stood there goes, and so does a file that stood where `path` needs
    /// a folder, or a folder that stood at `path`. See [`keepable`] for the paths that git takes.
    pub fn put(&mut self, path: &[u8], mode: u32, blob: &Oid) {
        self.change(mode, blob, path);
    }

    /// Takes the file or link at `path` away, if there is one. Of a folder, name each file.
    pub fn remove(&mut self, path: &[u8]) {
        let nothing = self.nothing.clone();
        self.change(0, &nothing, path);
    }

    /// Writes the tree with all changes so far, and says its name. More changes may follow.
    ///
    /// # Errors
    /// [`BackupError::Git`] if an object is missing or the disk is full; [`BackupError::Damaged`] if
    /// git does not take a path.
    pub fn write(&mut self) -> Result<Oid> {
        if !self.changes.is_empty() {
            let answer =
                self.git.run_with(["update-index", "-z", "--index-info"], &self.changes)?;
            // A path that git refuses is passed over with these words and exit code 0.
            if let Some(line) = answer.err.lines().find(|line| line.starts_with("Ignoring path")) {
                let path = line.trim_start_matches("Ignoring path").trim();
                return Err(BackupError::damaged(path, "git does not keep a file of this name"));
            }
            self.changes.clear();
        }
        let name = self.git.run(["write-tree"])?.text();
        Oid::parse(&name)
            .ok_or_else(|| BackupError::damaged("git write-tree", format!("it says `{name}`")))
    }

    fn change(&mut self, mode: u32, blob: &Oid, path: &[u8]) {
        self.changes.extend_from_slice(format!("{mode:o} {blob}\t").as_bytes());
        self.changes.extend_from_slice(path);
        self.changes.push(0);
    }
}

fn remove(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BackupError::io("remove", file, error))
        }
        _ => Ok(()),
    }
}

/// Whether git takes a file at `path`. It refuses names that some system might take for `.git`.
pub fn keepable(path: &[u8]) -> bool {
    path.split(|&b| b == b'/').all(|name| !matches!(name, b"" | b"." | b"..") && !is_git(name))
}

/// Whether a file system that folds case, drops trailing dots and spaces, has short names or streams
/// (NTFS), or ignores invisible characters (HFS+) could take `name` for `.git`.
fn is_git(name: &[u8]) -> bool {
    let visible = String::from_utf8_lossy(name).replace(
        |c| {
            matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
        },
        "",
    );
    let stem = visible.split([':', '\\']).next().unwrap_or_default();
    let stem = stem.trim_end_matches(['.', ' ']);
    stem.eq_ignore_ascii_case(".git") || stem.eq_ignore_ascii_case("git~1")
}

/// Every file, link and other repository's commit in the tree or commit `tree`, by path: mode and
/// name of the object.
///
/// # Errors
/// [`BackupError::Git`] if there is no such tree or it is damaged.
pub fn list_tree(git: &Git, tree: &str) -> Result<BTreeMap<Vec<u8>, (u32, Oid)>> {
    // The name is resolved first: nothing in it can be taken for an option.
    let name = git
        .resolve(&format!("{tree}^{{tree}}"))?
        .ok_or_else(|| BackupError::damaged(tree, "there is no such tree"))?;
    let answer = git.run(["ls-tree", "-r", "-z", "--full-tree", &name])?;
    let mut files = BTreeMap::new();
    for row in answer.out.split(|&b| b == 0).filter(|row| !row.is_empty()) {
        let (path, entry) = tree_row(row).ok_or_else(|| {
            BackupError::damaged(tree, format!("`{}` is no entry", String::from_utf8_lossy(row)))
        })?;
        files.insert(path, entry);
    }
    Ok(files)
}

/// `MODE KIND NAME<tab>PATH`.
fn tree_row(row: &[u8]) -> Option<(Vec<u8>, (u32, Oid))> {
    let tab = row.iter().position(|&b| b == b'\t')?;
    let mut words = std::str::from_utf8(&row[..tab]).ok()?.split(' ');
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let name = Oid::parse(words.nth(1)?)?;
    Some((row[tab + 1..].to_vec(), (mode, name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::objects::BlobWriter;
    use crate::git::testing::repository;

    fn blob(git: &Git, bytes: &[u8]) -> Oid {
        let mut writer = BlobWriter::open(git).unwrap();
        let name = writer.add(bytes).unwrap();
        writer.finish().unwrap();
        name
    }

    fn paths(git: &Git, tree: &Oid) -> Vec<String> {
        let files = list_tree(git, &tree.0).unwrap();
        files.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    }

    #[test]
    fn a_tree_is_made_from_nothing_and_from_another() {
        let (folder, git) = repository();
        let index = folder.path().join("index");
        let (a, b) = (blob(&git, b"a"), blob(&git, b"b"));
        let mut edit = TreeEdit::on(&git, None, &index).unwrap();
        edit.put(b"docs/a.md", FILE, &a);
        edit.put(b"-n \xff\nline", EXECUTABLE, &b);
        edit.put(b"link", LINK, &a);
        let first = edit.write().unwrap();
        let files = list_tree(&git, &first.0).unwrap();
        assert_eq!(files[&b"-n \xff\nline"[..]], (EXECUTABLE, b.clone()));
        assert_eq!(files[&b"link"[..]], (LINK, a.clone()));

        let mut edit = TreeEdit::on(&git, Some(&first), &index).unwrap();
        edit.remove(b"link");
        edit.remove(b"never/there");
        edit.put(b"docs/a.md", FILE, &b);
        let second = edit.write().unwrap();
        let files = list_tree(&git, &second.0).unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(files[&b"docs/a.md"[..]], (FILE, b));
    }

    #[test]
    fn a_file_becomes_a_folder_and_the_other_way_round() {
        let (folder, git) = repository();
        let index = folder.path().join("index");
        let a = blob(&git, b"a");
        let mut edit = TreeEdit::on(&git, None, &index).unwrap();
        edit.put(b"x", FILE, &a);
        edit.put(b"y/1", FILE, &a);
        let first = edit.write().unwrap();
        let mut edit = TreeEdit::on(&git, Some(&first), &index).unwrap();
        edit.put(b"x/1", FILE, &a);
        edit.put(b"y", FILE, &a);
        let second = edit.write().unwrap();
        assert_eq!(paths(&git, &second), ["x/1", "y"]);
    }

    #[test]
    fn an_empty_tree_can_be_written_and_listed() {
        let (folder, git) = repository();
        let mut edit = TreeEdit::on(&git, None, &folder.path().join("index")).unwrap();
        let empty = edit.write().unwrap();
        assert!(list_tree(&git, &empty.0).unwrap().is_empty());
    }

    #[test]
    fn what_a_crash_left_of_the_index_does_not_matter() {
        let (folder, git) = repository();
        let index = folder.path().join("index");
        std::fs::write(&index, b"DIRC half").unwrap();
        std::fs::write(folder.path().join("index.lock"), b"").unwrap();
        let a = blob(&git, b"a");
        let mut edit = TreeEdit::on(&git, None, &index).unwrap();
        edit.put(b"a", FILE, &a);
        let tree = edit.write().unwrap();
        assert_eq!(paths(&git, &tree), ["a"]);
    }

    #[test]
    fn what_git_refuses_is_known_before_and_never_passed_over() {
        let (folder, git) = repository();
        let a = blob(&git, b"a");
        let names: [&[u8]; 12] = [
            b".GIT/x",
            b"git~1",
            b".git .",
            b".git::$DATA",
            b"a/../b",
            b"a//b",
            b".gitignore",
            b"x.git",
            b"a\\b",
            b"...",
            b"git~2",
            b".git\xe2\x80\x8c/config",
        ];
        for name in names {
            let mut edit = TreeEdit::on(&git, None, &folder.path().join("index")).unwrap();
            edit.put(name, FILE, &a);
            let taken = edit.write().is_ok();
            let shown = String::from_utf8_lossy(name);
            // More is refused than git here does: the file may be restored on another system.
            assert!(taken || !keepable(name), "{shown} is refused by git");
        }
        assert!(keepable(b".gitignore") && keepable(b"x.git/.gitattributes") && keepable(b"..."));
        assert!(!keepable(b"a/.Git/b") && !keepable(b"git~1"));
    }

    #[test]
    fn a_missing_object_is_not_written_into_a_tree() {
        let (folder, git) = repository();
        let mut edit = TreeEdit::on(&git, None, &folder.path().join("index")).unwrap();
        edit.put(b"a", FILE, &Oid("1".repeat(40)));
        assert!(edit.write().is_err());
        assert!(list_tree(&git, "refs/heads/none").is_err());
    }
}
