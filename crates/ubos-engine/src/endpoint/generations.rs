//! What a local endpoint does about its baseline: what became of runs that were cut off, and the way
//! from one generation to the next.

use ubos_core::baseline::Row;
use ubos_core::entry::Base;
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::plan::Item;

use super::local::{LocalEndpoint, no_state};
use super::rows;
use crate::agent::message::{PrepareOrder, PublicRow, RunEvidence};
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::fs::platform;
use crate::staging;
use crate::state::generation::Header;
use crate::state::record::Record;
use crate::state::table::Table;

impl LocalEndpoint {
    /// What the disk shows of runs that were cut off, and what was prepared.
    pub(super) fn evidence_of_open_runs(&mut self) -> Result<(Vec<RunEvidence>, Vec<PublicRow>)> {
        let table = self.table()?;
        let mut evidence = Vec::new();
        for open in table.open_runs() {
            // Whoever initiates now may be the other one than then.
            let items: Vec<Item> = match open.side == self.side {
                true => open.items.clone(),
                false => open.items.iter().map(Item::mirrored).collect(),
            };
            evidence.push(self.evidence_of(&open.run, &items)?);
        }
        for run in staging::runs(&self.state)? {
            if !evidence.iter().any(|known| known.run == run) {
                evidence.push(self.evidence_of(&run, &[])?);
            }
        }
        let prepared = table.prepared().map(|prepared| {
            prepared.rows.iter().map(|(path, row)| {
                let base = match row.clone().map(Record::from) {
                    Some(record) => record.row.base,
                    None => Base::Absent,
                };
                PublicRow { path: path.clone(), base, earlier: [0; 3] }
            })
        });
        Ok((evidence, prepared.into_iter().flatten().collect()))
    }

    /// Takes these rows as the baseline.
    pub(super) fn take_baseline(&mut self, header: &Header, rows: Vec<PublicRow>) -> Result<()> {
        if header.pair != self.peer.pair {
            return Err(EngineError::Damaged {
                what: "the baseline of the other side".into(),
                why: "belongs to another pair".into(),
            });
        }
        // The journal that knew of cut-off runs goes with the former state.
        for run in staging::runs(&self.state)? {
            staging::rescue(&self.state, &run)?;
        }
        let rows = rows.into_iter().map(|row| {
            let direction = Direction::Bidirectional;
            let kept = Row { base: row.base, direction, earlier: row.earlier };
            (row.path, Record { row: kept, stamp: None, pieces: Vec::new() })
        });
        let folder = self.state.pair_folder(&self.peer.pair)?;
        let table = Table::create(folder, header.clone(), rows.collect());
        self.table = Some(table.map_err(self.failed("write"))?);
        // Whoever orders this has decided that this root is the territory, on this machine.
        if let Some(marker) = &mut self.marker {
            marker.host = platform::host_id();
        }
        Ok(())
    }

    /// Journals the next generation.
    pub(super) fn prepare_next(&mut self, order: &PrepareOrder, extra: &[PublicRow]) -> Result<()> {
        let rows = rows::public_rows(&self.intended, &order.failed, extra);
        let table = self.table.as_ref().ok_or_else(no_state)?;
        let header = &order.header;
        let expected = table.header().next(
            &header.run,
            rows::rows_digest(&rows),
            header.manifests,
            header.trusted,
            header.made,
        );
        if expected != *header {
            return Err(EngineError::Damaged {
                what: "the next generation".into(),
                why: "comes out differently on the two sides; nothing was committed".into(),
            });
        }
        let stored = rows::stored_rows(rows, table, &self.evidence, self.selection.as_ref());
        self.agreed.prepare(&stored, table);
        let failed = self.failed("write");
        self.table_mut()?.prepare(expected, stored).map_err(failed)?;
        failpoint!("prepared");
        Ok(())
    }

    /// Puts the prepared generation in force.
    pub(super) fn commit_prepared(&mut self) -> Result<()> {
        let failed = self.failed("write");
        let table = self.table.as_mut().ok_or_else(no_state)?;
        let tree = self.standby.as_mut().and_then(|standby| standby.tree.as_mut());
        match (tree, table.prepared()) {
            (Some(tree), Some(prepared)) => {
                let paths: Vec<RelPath> =
                    prepared.rows.iter().map(|(path, _)| path.clone()).collect();
                tree.rows_change(&paths, table, Table::commit).map_err(failed)?;
                self.standby.iter_mut().for_each(|standby| standby.doubt(paths.iter().cloned()));
            }
            _ => table.commit().map_err(failed)?,
        }
        self.agreed.commit();
        failpoint!("committed");
        Ok(())
    }

    /// Writes the marker of the committed generation.
    pub(super) fn mark_committed(&mut self) -> Result<()> {
        let header = self.table()?.header().clone();
        let mut marker = self.marker.clone().unwrap_or_else(|| self.lost_marker());
        marker.set(&self.peer.pair, header.generation, header.chain);
        marker.save(&self.state)?;
        self.marker = Some(marker);
        failpoint!("marker-written");
        let failed = self.failed("write");
        self.table_mut()?.mark().map_err(failed)?;
        failpoint!("marked");
        Ok(())
    }
}
