//! Is the disk still what the scan saw?

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::FileType;

use ubos_core::entry::Entry;
use ubos_core::path::{self, RelPath};
use ubos_core::selection::is_disposable_junk;

use super::{Applier, Refusal};
use crate::fs::{Stamp, list, open_child_dir, open_file_in, read_link, stat_in};
use crate::scanner::digest;

impl Applier<'_> {
    /// Checks that `path` holds exactly `expected`, and returns its parent's handle and its stamp.
    pub(super) fn check(
        &self,
        path: &RelPath,
        expected: &Entry,
    ) -> Result<(Arc<OwnedFd>, Stamp), Refusal> {
        let parent = self.state.root().open_parent(path)?;
        let stamp = self.check_in(parent.as_fd(), path, expected)?;
        Ok((parent, stamp))
    }

    fn check_in(
        &self,
        parent: BorrowedFd<'_>,
        path: &RelPath,
        expected: &Entry,
    ) -> Result<Stamp, Refusal> {
        let stat = stat_in(parent, path.name())?.ok_or(Refusal::Changed)?;
        let stamp = Stamp::of(&stat);
        let holds = match (expected, stamp.file_type()) {
            (Entry::Dir, FileType::Directory) => true,
            (Entry::Symlink { target }, FileType::Symlink) => {
                read_link(parent, path.name())? == *target
            }
            (Entry::File { .. }, FileType::RegularFile) => {
                return self.check_file(parent, path, expected, stamp);
            }
            _ => false,
        };
        if holds { Ok(stamp) } else { Err(Refusal::Changed) }
    }

    fn check_file(
        &self,
        parent: BorrowedFd<'_>,
        path: &RelPath,
        expected: &Entry,
        stamp: Stamp,
    ) -> Result<Stamp, Refusal> {
        if Some(stamp.exec()) != expected.exec() {
            return Err(Refusal::Changed);
        }
        if self.known(path, expected) == Some(stamp) {
            return Ok(stamp);
        }
        if stamp.size != expected.size() {
            return Err(Refusal::Changed);
        }
        let (fd, _) = open_file_in(parent, path.name())?;
        let hashed = digest::hash_file(fd.as_fd(), stamp.size, 1)?;
        let after = Stamp::of(&rustix::fs::fstat(&fd)?);
        if Some(hashed.digest) == expected.digest() && after == stamp {
            Ok(stamp)
        } else {
            Err(Refusal::Changed)
        }
    }

    /// The stamp under which this side's file is known to be `expected`.
    fn known(&self, path: &RelPath, expected: &Entry) -> Option<Stamp> {
        if let Some(evidence) = self.evidence.get(path) {
            return (Some(evidence.digest) == expected.digest()).then_some(evidence.stamp);
        }
        let record = self.table.record(path)?;
        (record.row.base.entry() == Some(expected)).then_some(record.stamp)?
    }

    /// Checks that the folder `dir`, opened as `fd`, holds exactly `contents` (paths below `old`,
    /// which is what `dir` is called in the plan), apart from disposable junk.
    pub(super) fn check_tree(
        &self,
        fd: &OwnedFd,
        old: &RelPath,
        contents: &BTreeMap<&RelPath, &Entry>,
    ) -> Result<(), Refusal> {
        let mut seen = 0;
        self.check_folder(fd, old.as_bytes(), contents, &mut seen)?;
        if seen == contents.len() { Ok(()) } else { Err(Refusal::Changed) }
    }

    fn check_folder(
        &self,
        fd: &OwnedFd,
        dir: &[u8],
        contents: &BTreeMap<&RelPath, &Entry>,
        seen: &mut usize,
    ) -> Result<(), Refusal> {
        for listed in list(fd.as_fd())? {
            let path = path::join_bytes(dir, &listed.name).map_err(|_| Refusal::Untracked)?;
            let Some(expected) = contents.get(&path) else {
                if is_disposable_junk(&listed.name) {
                    continue;
                }
                return Err(Refusal::Untracked);
            };
            self.check_in(fd.as_fd(), &path, expected)?;
            *seen += 1;
            if expected.is_dir() {
                let child = open_child_dir(fd.as_fd(), &listed.name)?;
                self.check_folder(&child, path.as_bytes(), contents, seen)?;
            }
        }
        Ok(())
    }
}

/// The folders among `dirs` that hold anything below them that is neither selected nor junk.
pub fn with_untracked<'d>(
    root: &crate::fs::Root,
    selection: &ubos_core::selection::Selection,
    dirs: impl Iterator<Item = &'d RelPath>,
) -> Vec<RelPath> {
    dirs.filter(|dir| {
        // What cannot be read may hold anything.
        root.open_dir(dir.as_bytes())
            .and_then(|fd| has_untracked(selection, &fd, dir.as_bytes()))
            .unwrap_or(true)
    })
    .cloned()
    .collect()
}

fn has_untracked(
    selection: &ubos_core::selection::Selection,
    fd: &OwnedFd,
    dir: &[u8],
) -> std::io::Result<bool> {
    use ubos_core::selection::Verdict;
    for listed in list(fd.as_fd())? {
        if is_disposable_junk(&listed.name) {
            continue;
        }
        let Ok(path) = path::join_bytes(dir, &listed.name) else { return Ok(true) };
        let is_dir = listed.kind == FileType::Directory;
        let special = !matches!(
            listed.kind,
            FileType::Directory | FileType::RegularFile | FileType::Symlink | FileType::Unknown
        );
        if special || !matches!(selection.judge_path(&path, is_dir), Verdict::Selected(_)) {
            return Ok(true);
        }
        if is_dir
            && has_untracked(
                selection,
                &open_child_dir(fd.as_fd(), &listed.name)?,
                path.as_bytes(),
            )?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
