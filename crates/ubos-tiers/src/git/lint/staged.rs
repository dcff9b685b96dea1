//! What is about to be committed: the user's index against `HEAD`.

use std::collections::BTreeMap;
use std::path::Path;

use ubos_core::path::RelPath;

use super::Lint;
use super::fault::{self, Fault};
use super::targets::Targets;
use crate::git::command::Git;
use crate::git::error::{BackupError, Result};
use crate::git::objects::BlobReader;
use crate::git::repository::Repository;

/// The mode of a reference to another repository.
pub(super) const GITLINK: u32 = 0o160_000;
/// The modes of regular files.
pub(super) const FILES: [u32; 2] = [0o100_644, 0o100_755];

/// A file with a content that git has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change {
    pub(super) path: RelPath,
    pub(super) mode: u32,
    pub(super) blob: String,
}

/// Examines what is staged. `index` is the index that git says it commits from, where that is not the
/// repository's own: `git commit -a` and `git commit PATH` use another.
///
/// # Errors
/// What git says.
pub fn examine(
    repository: &Repository,
    index: Option<&Path>,
    lint: &Lint<'_>,
) -> Result<Vec<Fault>> {
    let git = with_index(repository, index);
    let head = match git.resolve("HEAD^{tree}")? {
        Some(tree) => tree,
        // Before the first commit everything is new.
        None => git.run_with(["hash-object", "-t", "tree", "--stdin"], b"")?.text(),
    };
    let args = ["diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev"];
    let changes = git.run(args.into_iter().chain([head.as_str()]))?;
    examine_blobs(&git, &parse(&changes.out)?, lint)
}

/// Where links can lead in what is staged.
///
/// # Errors
/// What git says.
pub fn targets(repository: &Repository, index: Option<&Path>) -> Result<Targets> {
    let listed = with_index(repository, index).run(["ls-files", "--cached", "-z"])?;
    let mut targets = Targets::default();
    for path in listed.out.split(|&b| b == 0).filter(|path| !path.is_empty()) {
        targets.add(path);
    }
    Ok(targets)
}

fn with_index(repository: &Repository, index: Option<&Path>) -> Git {
    match index {
        Some(index) => repository.git().with_index(index),
        None => repository.git().clone(),
    }
}

/// Examines contents that git has, each only once.
pub(super) fn examine_blobs(git: &Git, changes: &[Change], lint: &Lint<'_>) -> Result<Vec<Fault>> {
    let mut reader = BlobReader::open(git)?;
    let mut faults = Vec::new();
    for change in changes {
        if change.mode == GITLINK {
            faults.push(fault::gitlink(&change.path));
        }
        if !FILES.contains(&change.mode) {
            continue;
        }
        let size = match reader.info(&change.blob)? {
            Some((_, size)) => size,
            None => continue,
        };
        let known = lint.before_reading(&change.path, size);
        faults.extend(known.faults);
        if known.enough {
            continue;
        }
        if let Some(content) = reader.read(&change.blob)? {
            faults.extend(lint.examine(&change.path, &content));
        }
    }
    Ok(faults)
}

/// Reads the raw form of a difference, as `-z` gives it; what was deleted is left out. Lines without a
/// colon, as `diff-tree --stdin` has them for each commit, are passed over.
pub(super) fn parse(raw: &[u8]) -> Result<Vec<Change>> {
    let wrong = || BackupError::damaged("git's list of changes", "it has another form");
    // Each content of a path once, however many commits have it.
    let mut changes = BTreeMap::new();
    let mut fields = raw.split(|&b| b == 0);
    while let Some(head) = fields.next() {
        let Some(head) = head.strip_prefix(b":") else { continue };
        let head = std::str::from_utf8(head).map_err(|_| wrong())?;
        let words: Vec<&str> = head.split(' ').collect();
        let [_, mode, _, blob, status] = words[..] else { return Err(wrong()) };
        let path = fields.next().ok_or_else(wrong)?;
        let mode = u32::from_str_radix(mode, 8).map_err(|_| wrong())?;
        if status != "D" {
            let path = RelPath::new(path).map_err(|e| BackupError::damaged("a staged path", e))?;
            changes.insert(Change { path, mode, blob: blob.to_owned() }, ());
        }
    }
    Ok(changes.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raw_form_is_read() {
        let raw = b"0123\0:100644 100755 a b M\0x y\0:100644 000000 a 0 D\0gone\0:000000 160000 0 c A\0sub\0";
        let changes = parse(raw).unwrap();
        let shown: Vec<_> = changes.iter().map(|c| (c.path.to_string(), c.mode)).collect();
        assert_eq!(shown, [("sub".to_owned(), GITLINK), ("x y".to_owned(), 0o100_755)]);
        assert!(parse(b":broken\0x\0").is_err());
    }
}
