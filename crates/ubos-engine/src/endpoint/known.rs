//! What a side knows of contents without reading them: the hashes of their pieces.

use std::collections::BTreeMap;

use ubos_core::path::RelPath;

use crate::agent::content::SendItem;
use crate::scanner::Evidence;
use crate::scanner::digest::Pieces;
use crate::state::table::Table;
use crate::transfer::send::KnownPieces;

/// By the scan of this run, and by the baseline.
pub(super) struct Known<'a> {
    pub(super) table: &'a Table,
    pub(super) evidence: &'a BTreeMap<RelPath, Evidence>,
}

impl KnownPieces for Known<'_> {
    fn now(&self, item: &SendItem) -> Option<Pieces> {
        let digest = item.entry.digest()?;
        if let Some(evidence) = self.evidence.get(&item.path) {
            return (evidence.digest == digest).then(|| evidence.pieces.clone());
        }
        let record = self.table.record(&item.path)?;
        (record.row.base.entry()?.digest() == Some(digest)).then_some(record.pieces)
    }

    fn before(&self, item: &SendItem) -> Option<Pieces> {
        let record = self.table.record(&item.path)?;
        let same = record.row.base.entry()?.digest() == item.basis.as_ref()?.digest();
        same.then_some(record.pieces)
    }
}
