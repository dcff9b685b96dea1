//! The steps themselves: each looks, acts in one atomic call, looks at what came out, and undoes
//! what was not expected.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, fchmod};

use ubos_core::entry::Entry;
use ubos_core::path::{self, RelPath};
use ubos_core::plan::Operation;
use ubos_core::selection::is_disposable_junk;

use super::attributes::{inherit, with_exec};
use super::{Applier, BackedUp, Refusal};
use crate::agent::content::Slot;
use crate::agent::message::Outcome;
use crate::backups::{self, Store};
use crate::clock;
use crate::failpoint;
use crate::fs::{Stamp, list, open_child_dir, open_file_in, platform, read_link, stat_in};
use crate::scanner::Evidence;
use crate::staging::Staging;

/// Mode of folders that are made only because something is placed below them.
const PASSAGE_MODE: u32 = 0o755;

type Step = Result<Outcome, Refusal>;

impl Applier<'_> {
    pub(super) fn make_folder(&mut self, slot: Slot, op: &Operation) -> Step {
        let parent = self.make_parent(&op.path)?;
        let mode = self.modes.get(&slot).map_or(PASSAGE_MODE, |mode| mode & 0o755 | 0o700);
        match rustix::fs::mkdirat(&parent, op.path.name(), Mode::from_raw_mode(mode as _)) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => {
                let stat = stat_in(parent.as_fd(), op.path.name())?.ok_or(Refusal::Changed)?;
                if Stamp::of(&stat).file_type() != FileType::Directory {
                    return Err(Refusal::Changed);
                }
            }
            Err(e) => return Err(e.into()),
        }
        self.touch(op.path.parent_bytes());
        Ok(Outcome::Done)
    }

    pub(super) fn create(&mut self, slot: Slot, op: &Operation) -> Step {
        let entry = op.post.as_ref().ok_or(Refusal::Changed)?;
        let name = self.staged_entry(slot, entry)?;
        let parent = self.make_parent(&op.path)?;
        platform::rename_noreplace(
            self.staging.fd(),
            name.as_bytes(),
            parent.as_fd(),
            op.path.name(),
        )?;
        self.placed(slot, op, parent.as_fd())?;
        Ok(Outcome::Done)
    }

    pub(super) fn replace(
        &mut self,
        slot: Slot,
        op: &Operation,
        contents: &[(RelPath, Entry)],
    ) -> Step {
        self.exchange(slot, op, contents, Store::Backups)
    }

    pub(super) fn seal_and_create(&mut self, slot: Slot, op: &Operation) -> Step {
        self.exchange(slot, op, &[], Store::Sealed)
    }

    /// Exchanges the staged entry with the live one and looks at what came out: if it is what the
    /// plan expected, it becomes the backup; if not, it is exchanged back.
    fn exchange(
        &mut self,
        slot: Slot,
        op: &Operation,
        contents: &[(RelPath, Entry)],
        store: Store,
    ) -> Step {
        let (pre, post) = match (&op.pre, &op.post) {
            (Some(pre), Some(post)) => (pre, post),
            _ => return Err(Refusal::Changed),
        };
        let contents: BTreeMap<&RelPath, &Entry> = contents.iter().map(|(p, e)| (p, e)).collect();
        let (parent, before) = self.check(&op.path, pre)?;
        if pre.is_dir() {
            let live = open_child_dir(parent.as_fd(), op.path.name())?;
            self.check_tree(&live, &op.path, &contents)?;
        }
        let name = self.staged_entry(slot, post)?;
        if let (Entry::File { .. }, Entry::File { exec, .. }) = (pre, post) {
            let (live, _) = open_file_in(parent.as_fd(), op.path.name())?;
            let staged = self.staging.open_for_writing(&name, 0o600, false)?;
            inherit(&live, &staged, *exec)?;
        }
        let mut place = backups::place(self.state, store, self.run, &op.path)?;
        failpoint!("before-exchange");
        let staging = self.staging.fd();
        let placed = stat_in(staging, name.as_bytes())?.map(|stat| Stamp::of(&stat).ino);
        match platform::exchange(staging, name.as_bytes(), parent.as_fd(), op.path.name()) {
            Err(e) if platform::is_unsupported(&e) => {
                self.replace_without_exchange(&name, parent.as_fd(), op, &mut place, before)?;
            }
            other => {
                other?;
                failpoint!("exchanged");
                if !self.came_out(&name, before, pre, &op.path, &contents)? {
                    exchange_back(
                        staging,
                        &name,
                        parent.as_fd(),
                        op.path.name(),
                        placed,
                        &mut place,
                    )?;
                    return Err(Refusal::Changed);
                }
                place.take(staging, name.as_bytes())?;
            }
        }
        failpoint!("backed-up");
        self.note_backup(&op.path, &place, pre);
        self.placed(slot, op, parent.as_fd())?;
        Ok(Outcome::Done)
    }

    /// Whether the entry that an exchange brought out is the one that was checked before it.
    fn came_out(
        &self,
        name: &str,
        before: Stamp,
        pre: &Entry,
        path: &RelPath,
        contents: &BTreeMap<&RelPath, &Entry>,
    ) -> io::Result<bool> {
        let Some(stat) = stat_in(self.staging.fd(), name.as_bytes())? else { return Ok(false) };
        if pre.is_dir() {
            let fd = open_child_dir(self.staging.fd(), name.as_bytes())?;
            return Ok(self.check_tree(&fd, path, contents).is_ok());
        }
        Ok(Stamp::of(&stat).same_but_ctime(&before))
    }

    /// The weaker way for file systems without exchange: the old file gets a second name in the
    /// backups, then the new one is renamed over it.
    ///
    /// RACE: a file saved between the last look and the rename is overwritten, although not lost:
    /// an editor that writes in place writes into the backup, which is hashed at the end of the
    /// run. An editor that replaces the file in this moment loses its version; `doctor` names such
    /// file systems.
    fn replace_without_exchange(
        &self,
        name: &str,
        parent: BorrowedFd<'_>,
        op: &Operation,
        place: &mut backups::Place,
        before: Stamp,
    ) -> Result<(), Refusal> {
        if before.file_type() == FileType::Directory || op.post == Some(Entry::Dir) {
            place.take(parent, op.path.name())?;
            return Ok(platform::rename_noreplace(
                self.staging.fd(),
                name.as_bytes(),
                parent,
                op.path.name(),
            )?);
        }
        rustix::fs::linkat(parent, op.path.name(), &place.dir, &place.name[..], AtFlags::empty())?;
        let now = place.stamp()?.ok_or(Refusal::Changed)?;
        if !now.same_but_ctime(&before) {
            rustix::fs::unlinkat(&place.dir, &place.name[..], AtFlags::empty())?;
            return Err(Refusal::Changed);
        }
        Ok(rustix::fs::renameat(self.staging.fd(), name, parent, op.path.name())?)
    }

    pub(super) fn delete(&mut self, op: &Operation) -> Step {
        // A folder is never moved to the backups as a whole, with whatever may be in it.
        let pre = op.pre.as_ref().filter(|pre| !pre.is_dir()).ok_or(Refusal::Changed)?;
        let (parent, before) = self.check(&op.path, pre)?;
        let mut place = backups::place(self.state, Store::Backups, self.run, &op.path)?;
        failpoint!("before-delete");
        place.take(parent.as_fd(), op.path.name())?;
        failpoint!("deleted");
        let out = place.stamp()?.ok_or(Refusal::Changed)?;
        if !out.same_but_ctime(&before) {
            place.give_back(parent.as_fd(), op.path.name())?;
            return Err(Refusal::Changed);
        }
        self.note_backup(&op.path, &place, pre);
        self.touch(op.path.parent_bytes());
        self.evidence.remove(&op.path);
        Ok(Outcome::Done)
    }

    pub(super) fn remove_folder(&mut self, op: &Operation) -> Step {
        let parent = self.state.root().open_parent(&op.path)?;
        let Ok(folder) = open_child_dir(parent.as_fd(), op.path.name()) else {
            return Err(Refusal::Changed);
        };
        let mode = Stamp::of(&rustix::fs::fstat(&folder)?).permissions();
        backups::keep_folder(self.state, self.run, &op.path, mode)?;
        for listed in list(folder.as_fd())? {
            if is_disposable_junk(&listed.name)
                && let Ok(path) = path::join_bytes(op.path.as_bytes(), &listed.name)
            {
                let mut place = backups::place(self.state, Store::Backups, self.run, &path)?;
                place.take(folder.as_fd(), &listed.name)?;
            }
        }
        match rustix::fs::unlinkat(&parent, op.path.name(), AtFlags::REMOVEDIR) {
            // What is in it now is not ours to remove; the folder stays, out of the baseline.
            Ok(()) | Err(rustix::io::Errno::NOTEMPTY | rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
        self.touch(op.path.parent_bytes());
        Ok(Outcome::Done)
    }

    pub(super) fn rename(
        &mut self,
        op: &Operation,
        from: &RelPath,
        contents: &[(RelPath, Entry)],
    ) -> Step {
        let pre = op.pre.as_ref().ok_or(Refusal::Changed)?;
        let (parent, _) = self.check(from, pre)?;
        if pre.is_dir() {
            let contents: BTreeMap<&RelPath, &Entry> =
                contents.iter().map(|(p, e)| (p, e)).collect();
            let live = open_child_dir(parent.as_fd(), from.name())?;
            self.check_tree(&live, from, &contents)?;
        }
        let target = self.make_parent(&op.path)?;
        failpoint!("before-rename");
        platform::rename_noreplace(parent.as_fd(), from.name(), target.as_fd(), op.path.name())?;
        self.touch(from.parent_bytes());
        self.touch(op.path.parent_bytes());
        self.carry_evidence(from, &op.path, contents)?;
        Ok(Outcome::Done)
    }

    /// What was known of moved files is known at their new paths. A file's own rename bumps its
    /// ctime; files below a renamed folder keep theirs.
    fn carry_evidence(
        &mut self,
        from: &RelPath,
        to: &RelPath,
        contents: &[(RelPath, Entry)],
    ) -> io::Result<()> {
        let paths = std::iter::once(from).chain(contents.iter().map(|(path, _)| path));
        for old in paths {
            let Some(new) = old.rebase(from, to) else { continue };
            let known = self.evidence.remove(old).or_else(|| {
                let record = self.table.record(old)?;
                let stamp = record.stamp?;
                let entry = record.row.base.entry()?.clone();
                let (digest, size) = (entry.digest()?, entry.size());
                Some(Evidence { stamp, digest, size, pieces: record.pieces, racy: false })
            });
            let Some(mut evidence) = known else { continue };
            if old == from
                && let Some(stat) = self.state.root().stat(&new)?
            {
                let now = Stamp::of(&stat);
                if !now.same_but_ctime(&evidence.stamp) {
                    continue;
                }
                evidence.stamp = now;
            }
            self.evidence.insert(new, evidence);
        }
        Ok(())
    }

    pub(super) fn set_exec(&mut self, op: &Operation) -> Step {
        let (Some(pre), Some(post)) = (&op.pre, &op.post) else { return Err(Refusal::Changed) };
        let (parent, before) = self.check(&op.path, pre)?;
        let (fd, stat) = open_file_in(parent.as_fd(), op.path.name())?;
        if Stamp::of(&stat) != before {
            return Err(Refusal::Changed);
        }
        let mode = with_exec(before.permissions(), post.exec() == Some(true));
        fchmod(&fd, Mode::from_raw_mode(mode as _))?;
        platform::sync_file(&fd)?;
        let after = Stamp::of(&rustix::fs::fstat(&fd)?);
        let pieces = self.pieces_of(&op.path);
        if let (Some(digest), true) = (post.digest(), after.mtime == before.mtime) {
            let racy = after.is_racy(clock::now_ns());
            let evidence = Evidence { stamp: after, digest, size: post.size(), pieces, racy };
            self.evidence.insert(op.path.clone(), evidence);
        }
        Ok(Outcome::Done)
    }

    /// The pieces known for the live file at `path`.
    pub(super) fn pieces_of(&self, path: &RelPath) -> crate::scanner::digest::Pieces {
        match self.evidence.get(path) {
            Some(evidence) => evidence.pieces.clone(),
            None => self.table.record(path).map(|record| record.pieces).unwrap_or_default(),
        }
    }

    /// Whether what is staged for an operation was hashed on receipt and found to be `entry`.
    /// Content that broke off, or that never came, lies there under the same name.
    pub(super) fn check_staged(&self, slot: Slot, entry: &Entry) -> Result<(), Refusal> {
        match self.staged.get(&slot) {
            Some(staged) if Some(staged.digest) == entry.digest() => Ok(()),
            _ => Err(Refusal::NotStaged),
        }
    }

    /// The staged entry for an operation; links and folders, which need no content, are made here.
    fn staged_entry(&self, slot: Slot, entry: &Entry) -> Result<String, Refusal> {
        let name = Staging::name(slot, entry);
        match entry {
            Entry::File { .. } => self.check_staged(slot, entry)?,
            Entry::Symlink { target } => {
                match rustix::fs::symlinkat(&target[..], self.staging.fd(), &name) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(e) => return Err(e.into()),
                }
            }
            Entry::Dir => {
                let mode = self.modes.get(&slot).map_or(PASSAGE_MODE, |mode| mode & 0o755 | 0o700);
                match rustix::fs::mkdirat(self.staging.fd(), &name, Mode::from_raw_mode(mode as _))
                {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(e) => return Err(e.into()),
                }
            }
        }
        Ok(name)
    }

    fn make_parent(&mut self, path: &RelPath) -> Result<Arc<OwnedFd>, Refusal> {
        let root = self.state.root();
        match root.open_parent(path) {
            Ok(fd) => Ok(fd),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                for dir in path.ancestors() {
                    self.touch(dir.parent_bytes());
                }
                Ok(Arc::new(root.make_dir_all(path.parent_bytes(), PASSAGE_MODE)?))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Notes what now stands at the path of `op`.
    fn placed(
        &mut self,
        slot: Slot,
        op: &Operation,
        parent: BorrowedFd<'_>,
    ) -> Result<(), Refusal> {
        self.touch(op.path.parent_bytes());
        let Some(staged) = self.staged.get(&slot) else {
            self.evidence.remove(&op.path);
            return Ok(());
        };
        let stat = stat_in(parent, op.path.name())?.ok_or(Refusal::Changed)?;
        let now = Stamp::of(&stat);
        // RACE: if the file was saved again in this moment its stamp differs from the staged one;
        // no evidence is kept then, and the next scan reads it.
        let same = now.ino == staged.stamp.ino
            && now.size == staged.stamp.size
            && now.mtime == staged.stamp.mtime;
        if same {
            let racy = now.mtime_is_racy(clock::now_ns());
            self.evidence.insert(op.path.clone(), Evidence { stamp: now, racy, ..staged.clone() });
        } else {
            self.evidence.remove(&op.path);
        }
        Ok(())
    }

    fn note_backup(&mut self, path: &RelPath, place: &backups::Place, entry: &Entry) {
        self.touch(&place.dir_path.clone());
        if let Ok(at) = path::join_bytes(&place.dir_path, &place.name) {
            let stamp = place.stamp().ok().flatten();
            let (path, entry) = (path.clone(), entry.clone());
            self.backed_up.push(BackedUp { path, place: at, entry, stamp });
        }
    }
}

/// Gives the live name back to what an exchange brought out of it. `placed` is the inode that
/// stands there instead, as far as nobody saved the file once more. If somebody did, that newer
/// version comes out now: it goes back in turn, and the older one, which the person replaced, to
/// the backups.
pub(crate) fn exchange_back(
    staging: BorrowedFd<'_>,
    name: &str,
    parent: BorrowedFd<'_>,
    live: &[u8],
    placed: Option<u64>,
    place: &mut backups::Place,
) -> io::Result<()> {
    const ATTEMPTS: usize = 32;
    let held =
        || Ok::<_, io::Error>(stat_in(staging, name.as_bytes())?.map(|stat| Stamp::of(&stat).ino));
    let mut expected = placed;
    for attempt in 0..ATTEMPTS {
        let given_back = held()?;
        platform::exchange(staging, name.as_bytes(), parent, live)?;
        if held()? == expected {
            // The very first to come out is our own; what comes later was somebody's.
            return if attempt == 0 { Ok(()) } else { place.take(staging, name.as_bytes()) };
        }
        expected = given_back;
    }
    place.take(staging, name.as_bytes())
}

/// Whether a live or staged entry is exactly `entry`.
///
/// # Errors
/// What reading says.
pub(super) fn is_entry(dir: BorrowedFd<'_>, name: &[u8], entry: &Entry) -> io::Result<bool> {
    let Some(stat) = stat_in(dir, name)? else { return Ok(false) };
    let stamp = Stamp::of(&stat);
    Ok(match (entry, stamp.file_type()) {
        (Entry::Dir, FileType::Directory) => true,
        (Entry::Symlink { target }, FileType::Symlink) => read_link(dir, name)? == *target,
        (Entry::File { digest, size, .. }, FileType::RegularFile) => {
            let (fd, _) = open_file_in(dir, name)?;
            stamp.size == *size
                && crate::scanner::digest::hash_file(fd.as_fd(), *size, 1)?.digest == *digest
        }
        _ => false,
    })
}
