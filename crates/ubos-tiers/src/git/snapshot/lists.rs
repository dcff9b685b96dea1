//! What the manifest of a snapshot says: an entry for everything that stands at a selected path, and
//! for what could not be looked at the version that is kept. Pure.

use std::collections::BTreeMap;

use ubos_core::entry::{Digest, Entry as Present};
use ubos_core::path::RelPath;
use ubos_engine::inventory::{Inventory, Item};

use super::class::Class;
use super::edits::Placed;
use super::table::{LogRow, Row};
use crate::git::manifest::{Entry, Gap, Kept, What};

/// What a manifest is made of.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    /// What stands there.
    pub(super) inventory: &'a Inventory,
    /// Files and links that are kept.
    pub(super) placed: &'a Placed,
    /// Logs in segments.
    pub(super) logs: &'a BTreeMap<RelPath, LogRow>,
    /// What is not kept as it stands now.
    pub(super) gaps: &'a [(RelPath, Gap, String)],
    /// Former versions, of what could not be looked at, that the trees still hold.
    pub(super) former: &'a Placed,
    /// The branch of the other territory's files, where that is one of its own.
    pub(super) branch: Option<&'a str>,
}

impl Contents<'_> {
    /// The entries by path.
    pub(super) fn entries(&self) -> BTreeMap<RelPath, Entry> {
        let gaps: BTreeMap<&RelPath, Gap> =
            self.gaps.iter().map(|(path, gap, _)| (path, *gap)).collect();
        let mut entries: BTreeMap<RelPath, Entry> = self
            .former
            .iter()
            .map(|(path, (class, row))| (path.clone(), self.row(path, *class, row)))
            .collect();
        for (path, item) in &self.inventory.items {
            if let Some(entry) = self.entry(path, item, gaps.get(path).copied()) {
                entries.insert(path.clone(), entry);
            }
        }
        entries
    }

    fn entry(&self, path: &RelPath, item: &Item, gap: Option<Gap>) -> Option<Entry> {
        if let Some((class, row)) = self.placed.get(path) {
            return Some(self.row(path, *class, row));
        }
        let what = match (&item.entry, self.logs.get(path)) {
            (Present::Dir, _) => What::Dir,
            (Present::File { .. }, Some(log)) if gap.is_none() => {
                let kept = Kept::Log { generation: log.generation };
                file(log.size, log.digest, kept)
            }
            (Present::File { digest, size, .. }, _) => file(*size, *digest, Kept::Nowhere(gap?)),
            (Present::Symlink { .. }, _) => What::Symlink { kept: Kept::Nowhere(gap?) },
        };
        Some(Entry::new(path.name(), what, item.permissions, item.mtime))
    }

    fn row(&self, path: &RelPath, class: Class, row: &Row) -> Entry {
        let kept = match (class, self.branch) {
            (Class::Generated, Some(branch)) => Kept::Branch(branch.to_owned()),
            _ => Kept::Snapshot,
        };
        let what = match row.symlink {
            true => What::Symlink { kept },
            false => file(row.size, row.digest, kept),
        };
        Entry::new(path.name(), what, row.permissions, row.mtime)
    }
}

fn file(size: u64, digest: Digest, kept: Kept) -> What {
    What::File { size, blake3: digest.to_hex(), kept }
}

/// Files and links in `entries`, and the bytes of the files.
pub(super) fn totals(entries: &BTreeMap<RelPath, Entry>) -> (u64, u64) {
    entries.values().fold((0, 0), |(files, bytes), entry| match &entry.what {
        What::File { size, .. } => (files + 1, bytes + size),
        What::Symlink { .. } => (files + 1, bytes),
        What::Dir => (files, bytes),
    })
}

/// How many paths there are of each gap.
pub(super) fn counts(gaps: &[(RelPath, Gap, String)]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for (_, gap, _) in gaps {
        *counts.entry(gap.word().to_owned()).or_default() += 1;
    }
    counts
}
