//! The local endpoint's part in an rsync transfer: filling the boxes, and taking out of the inbox
//! only what is exactly what the plan wants.

use std::io;
use std::os::fd::AsFd;

use ubos_core::entry::Entry;
use ubos_core::path::RelPath;

use super::known::Known;
use super::local::LocalEndpoint;
use crate::agent::content::{Collect, SendItem, StageResult, Want};
use crate::apply;
use crate::error::Result;
use crate::fs::{Stamp, open_file_in, platform, stat_in};
use crate::rsync::boxes::{self, BoxKind};
use crate::scanner::Evidence;
use crate::scanner::digest;
use crate::staging::Staging;
use crate::transfer::send::{self, KnownPieces};

/// Threads for hashing a large received file.
const THREADS: usize = 2;

impl LocalEndpoint {
    /// Bytes that sending each item by its changed pieces would cost.
    pub(super) fn cost_by_pieces(&self, items: &[SendItem]) -> Result<Vec<u64>> {
        let known = Known { table: self.table()?, evidence: &self.evidence };
        Ok(items.iter().map(|item| send::cost(&known as &dyn KnownPieces, item)).collect())
    }

    /// Puts the present file of each path into a box.
    pub(super) fn fill(
        &mut self,
        run: &str,
        kind: BoxKind,
        files: impl Iterator<Item = (crate::agent::content::Slot, RelPath)>,
    ) -> Result<Vec<bool>> {
        let folder = boxes::open(&self.state, run, kind)?;
        let mut filled = Vec::new();
        for (slot, path) in files {
            if !self.selects(&path) {
                filled.push(false);
                continue;
            }
            let known = self.evidence_now(&path);
            let put = boxes::put(self.state.root(), &path, &folder, &boxes::name(slot));
            if let (Ok(Some(stamp)), Some(evidence)) = (&put, known) {
                self.evidence.insert(path, Evidence { stamp: *stamp, ..evidence });
            }
            filled.push(put.is_ok());
        }
        Ok(filled)
    }

    /// What is known of the live file at `path`, if its stamp still holds.
    fn evidence_now(&self, path: &RelPath) -> Option<Evidence> {
        let now = Stamp::of(&self.state.root().stat(path).ok()??);
        if let Some(evidence) = self.evidence.get(path) {
            return (evidence.stamp == now).then(|| evidence.clone());
        }
        let record = self.table().ok()?.record(path)?;
        let entry = record.row.base.entry()?;
        (record.stamp == Some(now)).then(|| Evidence {
            stamp: now,
            digest: entry.digest().unwrap_or(ubos_core::entry::Digest([0; 32])),
            size: entry.size(),
            pieces: record.pieces.clone(),
            racy: false,
        })
    }

    /// Takes a file out of a box; what is known of the live file is kept if only its ctime changed.
    pub(super) fn unlink(&mut self, run: &str, kind: BoxKind, item: &SendItem) -> Result<()> {
        let folder = boxes::open(&self.state, run, kind)?;
        let Some(known) = self.evidence.get(&item.path).cloned() else {
            // Not linked by this run, or not known: the next scan reads the file.
            let _ =
                rustix::fs::unlinkat(&folder, boxes::name(item.slot), rustix::fs::AtFlags::empty());
            return Ok(());
        };
        let after = boxes::drop_link(
            self.state.root(),
            &item.path,
            known.stamp,
            &folder,
            &boxes::name(item.slot),
        )
        .map_err(boxes::failed(&self.state, run, kind))?;
        match after {
            Some(stamp) => self.evidence.insert(item.path.clone(), Evidence { stamp, ..known }),
            None => self.evidence.remove(&item.path),
        };
        Ok(())
    }

    /// Moves what arrived in the inbox into staging, if it is what is wanted.
    pub(super) fn collect_from_inbox(
        &mut self,
        run: &str,
        wanted: &[Collect],
    ) -> Result<Vec<StageResult>> {
        let folder = boxes::open(&self.state, run, BoxKind::In)?;
        let mut results = Vec::new();
        for Collect { want, mtime } in wanted {
            let name = boxes::name(want.slot);
            let arrived = self.arrived(&folder, &name, want, *mtime);
            let failed = match arrived {
                Ok(Some(evidence)) => {
                    self.staged.insert(want.slot, evidence);
                    None
                }
                Ok(None) => Some("not-sent".to_owned()),
                Err(error) => Some(apply::reason(&error)),
            };
            self.unlink(run, BoxKind::In, &want.to_send(want.path.clone(), 0))?;
            results.push(StageResult { slot: want.slot, failed });
        }
        Ok(results)
    }

    fn arrived(
        &self,
        folder: &std::os::fd::OwnedFd,
        name: &str,
        want: &Want,
        mtime: i64,
    ) -> io::Result<Option<Evidence>> {
        let Some(staging) = &self.staging else { return Ok(None) };
        let Some(stat) = stat_in(folder.as_fd(), name.as_bytes())? else { return Ok(None) };
        let live = self.state.root().stat(&want.path)?;
        let Entry::File { digest: wanted, size, .. } = want.entry else { return Ok(None) };
        if live.is_some_and(|live| live.st_ino == stat.st_ino) || stat.st_size as u64 != size {
            return Ok(None);
        }
        let (fd, _) = open_file_in(folder.as_fd(), name.as_bytes())?;
        let hashed = digest::hash_file(fd.as_fd(), size, THREADS)?;
        if hashed.digest != wanted {
            return Ok(None);
        }
        apply::set_mtime(
            fd.as_fd(),
            mtime.div_euclid(1_000_000_000),
            mtime.rem_euclid(1_000_000_000) as u32,
        )?;
        let staged = Staging::name(want.slot, &want.entry);
        platform::rename_noreplace(
            folder.as_fd(),
            name.as_bytes(),
            staging.fd(),
            staged.as_bytes(),
        )?;
        let stamp = Stamp::of(&rustix::fs::fstat(&fd)?);
        let digest::Hashed { digest, size, pieces } = hashed;
        Ok(Some(Evidence { stamp, digest, size, pieces, racy: false }))
    }
}
