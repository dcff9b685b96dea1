//! The rows of the next generation, as each side computes them for itself: the public part must
//! come out the same on both, the stamps are its own.

use std::collections::BTreeMap;

use ubos_core::baseline::Row;
use ubos_core::entry::{Base, Digest};
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::plan::Item;
use ubos_core::plan::operation::entry_bytes;
use ubos_core::selection::Selection;

use crate::agent::message::PublicRow;
use crate::scanner::Evidence;
use crate::state::record::{Record, StoredRecord};
use crate::state::table::Table;

/// The rows that follow from `items` (all but the `failed` ones) and `extra`; a later one for the
/// same path replaces an earlier.
pub(crate) fn public_rows(items: &[Item], failed: &[u32], extra: &[PublicRow]) -> Vec<PublicRow> {
    let mut rows: BTreeMap<RelPath, PublicRow> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        if failed.binary_search(&(index as u32)).is_ok() {
            continue;
        }
        for (path, entry) in &item.rows {
            let base = entry.clone().map_or(Base::Absent, Base::Known);
            rows.insert(path.clone(), PublicRow { path: path.clone(), base, earlier: [0; 3] });
        }
    }
    for row in extra {
        rows.insert(row.path.clone(), row.clone());
    }
    rows.into_values().collect()
}

/// The hash of rows, for the chain.
pub(crate) fn rows_digest(rows: &[PublicRow]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for row in rows {
        hasher.update(&(row.path.as_bytes().len() as u64).to_le_bytes());
        hasher.update(row.path.as_bytes());
        let bytes = match &row.base {
            Base::Absent => entry_bytes(None),
            Base::Known(entry) => entry_bytes(Some(entry)),
            Base::Unknown => vec![255],
        };
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    Digest(*hasher.finalize().as_bytes())
}

/// The rows with this side's evidence.
pub(crate) fn stored_rows(
    rows: Vec<PublicRow>,
    table: &Table,
    evidence: &BTreeMap<RelPath, Evidence>,
    selection: Option<&Selection>,
) -> Vec<(RelPath, Option<StoredRecord>)> {
    rows.into_iter()
        .map(|row| {
            if row.base == Base::Absent {
                return (row.path, None);
            }
            let old = table.record(&row.path);
            let direction = direction_of(&row, old.as_ref(), selection);
            let earlier =
                if row.earlier == [0; 3] { shifted(&row.base, old.as_ref()) } else { row.earlier };
            let (stamp, pieces) = proof_of(&row, old.as_ref(), evidence);
            let record = Record { row: Row { base: row.base, direction, earlier }, stamp, pieces };
            (row.path, Some(record.into()))
        })
        .collect()
}

fn direction_of(row: &PublicRow, old: Option<&Record>, selection: Option<&Selection>) -> Direction {
    let is_dir = row.base.entry().is_some_and(|entry| entry.is_dir());
    selection
        .and_then(|selection| selection.judge_path(&row.path, is_dir).direction())
        .or_else(|| old.map(|record| record.row.direction))
        .unwrap_or(Direction::Bidirectional)
}

/// The former contents of a path: the one that is replaced comes first.
fn shifted(base: &Base, old: Option<&Record>) -> [u64; 3] {
    let Some(old) = old else { return [0; 3] };
    let before = old.row.base.entry().and_then(|entry| entry.digest());
    let now = base.entry().and_then(|entry| entry.digest());
    match before {
        Some(before) if Some(before) != now => {
            [before.short(), old.row.earlier[0], old.row.earlier[1]]
        }
        _ => old.row.earlier,
    }
}

fn proof_of(
    row: &PublicRow,
    old: Option<&Record>,
    evidence: &BTreeMap<RelPath, Evidence>,
) -> (Option<crate::fs::Stamp>, crate::scanner::digest::Pieces) {
    let Some(digest) = row.base.entry().and_then(|entry| entry.digest()) else {
        return (None, Vec::new());
    };
    match (evidence.get(&row.path), old) {
        (Some(found), _) if found.digest == digest => {
            ((!found.racy).then_some(found.stamp), found.pieces.clone())
        }
        (None, Some(old)) if old.row.base == row.base => (old.stamp, old.pieces.clone()),
        _ => (None, Vec::new()),
    }
}
