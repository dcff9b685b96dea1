//! `LocalEndpoint`: a side on this machine. The agent serves one of these too.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;
use std::time::SystemTime;

use serde_json::{Map, Value};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::plan::Item;
use ubos_core::selection::Selection;
use ubos_core::sides::Side;

use super::bounds::{compile, refuse_unselected_operations};
use super::standby::Standby;
use super::standing;
use super::{Endpoint, Scanned, rows};
use crate::agent::content::{Collect, Resume, SendItem, Slot, StageResult, Want, operations};
use crate::agent::message::{
    AuditNote, FolderMode, KeptVersion, LogCheck, OpOutcome, OpenMatter, PrepareOrder, PublicRow,
    PutBackOrder, PutBackResult, PutBackStep, RunEvidence, ScanOrder, Standing,
};
use crate::apply::{self, Applier, BackedUp};
use crate::audit_notes;
use crate::backups::{retention, sealed};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::fs::Stamp;
use crate::history::trail::text;
use crate::rsync;
use crate::rsync::boxes::BoxKind;
use crate::scanner::digest::Pieces;
use crate::scanner::seen::Seen;
use crate::scanner::{self, Evidence, ScanRequest};
use crate::staging::{self, Staging};
use crate::state::audit::{Audit, Head};
use crate::state::config::{Config, Peer};
use crate::state::generation::Header;
use crate::state::lock::Lock;
use crate::state::marker::Marker;
use crate::state::record::Record;
use crate::state::table::Table;
use crate::state::{StateDir, chain, machine, matters, requests, texts, versions};
use crate::transfer::ContentSink;
use crate::transfer::receive::{self, StageSink};
use crate::transfer::send::{self, KnownPieces};

/// Threads for walking and hashing.
pub(crate) const THREADS: usize = 2;

/// A side on this machine, for one pair and one run.
pub struct LocalEndpoint {
    pub(super) state: StateDir,
    pub(super) config: Config,
    pub(super) peer: Peer,
    pub(super) side: Side,
    pub(super) lock: Option<Lock>,
    pub(super) table: Option<Table>,
    pub(super) marker: Option<Marker>,
    pub(super) seen: Seen,
    pub(super) selection: Option<Selection>,
    pub(super) evidence: BTreeMap<RelPath, Evidence>,
    pub(super) refreshed: Vec<(RelPath, Option<Stamp>, Pieces)>,
    pub(super) staging: Option<Staging>,
    wants: Vec<Want>,
    pub(super) staged: BTreeMap<Slot, Evidence>,
    results: Vec<StageResult>,
    run: String,
    intended: Vec<Item>,
    backed_up: Vec<BackedUp>,
    agreed: texts::Agreed,
    pub(super) audit: Option<Audit>,
    /// When this side was locked for the run.
    begun: SystemTime,
    /// What the record of the run says of it, once it is written.
    pub(super) said: Map<String, Value>,
    /// Records that the end of the run makes durable.
    pub(super) last_notes: Vec<Map<String, Value>>,
    /// What is remembered of the machine once the run has ended.
    pub(super) machine: Option<machine::Memory>,
    pub(super) stays: bool,
    pub(super) standby: Option<Standby>,
}

impl LocalEndpoint {
    /// Opens the side of `peer`'s pair in the territory of `state`. `side` is what the initiator
    /// calls this side.
    ///
    /// # Errors
    /// What the system says, and what [`EngineError::Guard`] stands for at this point.
    pub fn open(state: StateDir, config: Config, peer: Peer, side: Side) -> Self {
        Self {
            state,
            config,
            peer,
            side,
            lock: None,
            table: None,
            marker: None,
            seen: Seen::default(),
            selection: None,
            evidence: BTreeMap::new(),
            refreshed: Vec::new(),
            staging: None,
            wants: Vec::new(),
            staged: BTreeMap::new(),
            results: Vec::new(),
            run: String::new(),
            intended: Vec::new(),
            backed_up: Vec::new(),
            agreed: texts::Agreed::default(),
            audit: None,
            begun: SystemTime::now(),
            said: Map::new(),
            last_notes: Vec::new(),
            machine: None,
            stays: false,
            standby: None,
        }
    }

    /// Looks at the territory, loading its state unless it is the one that this side holds.
    ///
    /// # Errors
    /// What the system says.
    pub fn look(&mut self) -> Result<Standing> {
        let marker = standing::marker(&self.state)?;
        let current = self.table.as_ref().is_some_and(Table::is_current);
        let damage = if current {
            None
        } else {
            self.forget_tree();
            let (table, damage) = standing::load(&self.state, &self.peer)?;
            self.seen = Seen::load(self.state.pair_folder(&self.peer.pair)?.as_fd());
            self.table = table;
            damage
        };
        let standing = standing::describe(
            &self.state,
            &self.config,
            &self.peer,
            self.table.as_ref(),
            marker.as_ref(),
            damage,
        )?;
        self.marker = marker;
        Ok(standing)
    }

    /// Drops what belongs to one run only.
    pub(super) fn forget_run(&mut self) {
        self.staging = None;
        self.wants.clear();
        self.staged.clear();
        self.results.clear();
        self.run.clear();
        self.intended.clear();
        self.backed_up.clear();
        self.agreed = texts::Agreed::default();
        // Another process may add to the log before the next run.
        self.audit = None;
        self.said.clear();
        self.last_notes.clear();
        self.machine = None;
    }

    /// The territory's private folder.
    pub fn state(&self) -> &StateDir {
        &self.state
    }

    /// This side's baseline.
    ///
    /// # Errors
    /// [`EngineError::Damaged`] if there is none.
    pub fn table(&self) -> Result<&Table> {
        self.table.as_ref().ok_or_else(no_state)
    }

    /// What takes part, once a scan was ordered.
    pub fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    fn table_mut(&mut self) -> Result<&mut Table> {
        self.table.as_mut().ok_or_else(no_state)
    }

    pub(super) fn failed(
        &self,
        doing: &'static str,
    ) -> impl Fn(std::io::Error) -> EngineError + use<> {
        let path = self.state.path("state");
        move |e| EngineError::io(doing, &path, e)
    }
}

fn no_state() -> EngineError {
    EngineError::Damaged { what: "the state of this pair".into(), why: "is lost".into() }
}

fn not_scanned() -> EngineError {
    EngineError::Damaged { what: "this run".into(), why: "nothing was scanned".into() }
}

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

impl Endpoint for LocalEndpoint {
    fn lock(&mut self) -> Result<()> {
        if self.lock.is_none() {
            self.lock = Some(Lock::take(&self.state, &self.config.name)?);
            self.begun = SystemTime::now();
        }
        Ok(())
    }

    fn open_runs(&mut self) -> Result<(Vec<RunEvidence>, Vec<PublicRow>)> {
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
                    None => ubos_core::entry::Base::Absent,
                };
                PublicRow { path: path.clone(), base, earlier: [0; 3] }
            })
        });
        Ok((evidence, prepared.into_iter().flatten().collect()))
    }

    fn roll_forward(&mut self) -> Result<()> {
        self.commit()?;
        self.mark()
    }

    fn export(&mut self) -> Result<Vec<PublicRow>> {
        let mut rows = Vec::new();
        self.table()?.all_records(&mut |path, record| {
            let Record { row, .. } = record;
            rows.push(PublicRow { path, base: row.base, earlier: row.earlier });
        });
        Ok(rows)
    }

    fn import(&mut self, header: &Header, rows: Vec<PublicRow>) -> Result<()> {
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
            let direction = ubos_core::manifest::Direction::Bidirectional;
            let kept = ubos_core::baseline::Row { base: row.base, direction, earlier: row.earlier };
            (row.path, Record { row: kept, stamp: None, pieces: Vec::new() })
        });
        let folder = self.state.pair_folder(&self.peer.pair)?;
        let table = Table::create(folder, header.clone(), rows.collect());
        self.table = Some(table.map_err(self.failed("write"))?);
        // Whoever orders this has decided that this root is the territory, on this machine.
        if let Some(marker) = &mut self.marker {
            marker.host = crate::fs::platform::host_id();
        }
        Ok(())
    }

    fn scan(&mut self, order: &ScanOrder) -> Result<Scanned> {
        if order.again
            && let Some(found) = self.scan_again(order)?
        {
            return Ok(found);
        }
        self.selection = Some(compile(&self.peer.manifests, &order.manifests, &order.builtin)?);
        if let Some(header) = &order.blank {
            self.table = Some(Table::blank(header).map_err(self.failed("write"))?);
        }
        self.watch_before_scan(order)?;
        let request = ScanRequest {
            root: self.state.root(),
            selection: self.selection.as_ref().expect("just compiled"),
            table: self.table.as_ref().ok_or_else(no_state)?,
            seen: &self.seen,
            log_source: !self.peer.owner,
            symlinks: order.symlinks,
            verify: order.verify,
            threads: THREADS,
        };
        let found = scanner::scan(&request)
            .map_err(|e| EngineError::io("list", self.state.root().path(), e))?;
        self.keep_tree(&found);
        self.evidence = found.evidence;
        self.refreshed = found.refreshed;
        Ok(Scanned { changes: found.changes, scanned: found.scanned })
    }

    fn absent(&mut self, paths: &[RelPath]) -> Result<BTreeSet<RelPath>> {
        let root = self.state.root();
        let absent = |path: &&RelPath| self.selects(path) && matches!(root.stat(path), Ok(None));
        Ok(paths.iter().filter(absent).cloned().collect())
    }

    fn times(&mut self, paths: &[RelPath]) -> Result<Vec<Option<(i64, u32)>>> {
        let root = self.state.root();
        let time = |path: &RelPath| {
            let stat = self.selects(path).then(|| root.stat(path).ok()?)??;
            Some(Stamp::of(&stat).mtime_parts())
        };
        Ok(paths.iter().map(time).collect())
    }

    fn contents(&mut self, paths: &[RelPath]) -> Result<Vec<Option<Vec<u8>>>> {
        let read = |path: &RelPath| {
            self.selects(path).then(|| versions::read(self.state.root(), path)).flatten()
        };
        Ok(paths.iter().map(read).collect())
    }

    fn keep_versions(&mut self, given: &[KeptVersion]) -> Result<Vec<Digest>> {
        let open = matters::load(&self.state, &self.peer.pair)?;
        versions::keep(&self.state, &self.peer.pair, &open, given)
    }

    fn untracked(&mut self, dirs: &[RelPath]) -> Result<BTreeSet<RelPath>> {
        let Some(selection) = &self.selection else { return Ok(dirs.iter().cloned().collect()) };
        Ok(apply::with_untracked(self.state.root(), selection, dirs.iter()).into_iter().collect())
    }

    fn send(&mut self, items: &[SendItem], sink: &mut dyn ContentSink) -> Result<()> {
        self.refuse_unselected(items.iter().map(|item| &item.path))?;
        let known = Known { table: self.table()?, evidence: &self.evidence };
        send::send(self.state.root(), &known, items, sink)
    }

    fn stage(&mut self, run: &str, wants: &[Want]) -> Result<Vec<Resume>> {
        self.refuse_unselected(wants.iter().map(|want| &want.path))?;
        self.run = run.to_owned();
        let staging = Staging::create(&self.state, run)?;
        let mut answers =
            receive::prepare(&self.state, &staging, wants, self.config.min_free_space())?;
        for (want, answer) in wants.iter().zip(&mut answers) {
            if want.entry.size() == 0 || answer.have < want.entry.size() {
                continue;
            }
            match receive::accept_leftover(&staging, want) {
                Ok(Some(evidence)) => {
                    self.staged.insert(want.slot, evidence);
                }
                _ => answer.have = 0,
            }
        }
        let taken = wants.iter().zip(&answers).filter(|(_, answer)| answer.refused.is_none());
        self.wants = taken.map(|(want, _)| want.clone()).collect();
        self.staging = Some(staging);
        self.results.clear();
        Ok(answers)
    }

    fn sink(&mut self) -> Result<Box<dyn ContentSink + '_>> {
        let Self { state, staging, table, evidence, wants, staged, results, .. } = self;
        let staging =
            staging.as_ref().ok_or_else(|| EngineError::unreachable("content came unasked"))?;
        let (table, evidence) = (&*table, &*evidence);
        // What was taken over from an earlier run is complete; the rest must come.
        let wants =
            std::mem::take(wants).into_iter().filter(|want| !staged.contains_key(&want.slot));
        let pieces = move |want: &Want| -> Pieces {
            if let Some(evidence) = evidence.get(&want.path) {
                return evidence.pieces.clone();
            }
            table.as_ref().and_then(|t| t.record(&want.path)).map(|r| r.pieces).unwrap_or_default()
        };
        Ok(Box::new(StageSink::new(
            state.root(),
            staging,
            wants.collect(),
            staged,
            Box::new(pieces),
            results,
        )))
    }

    fn staged(&mut self) -> Result<Vec<StageResult>> {
        failpoint!("staged");
        Ok(std::mem::take(&mut self.results))
    }

    fn cost(&mut self, items: &[SendItem]) -> Result<Vec<u64>> {
        self.cost_by_pieces(items)
    }

    fn has_rsync(&mut self) -> Result<bool> {
        Ok(rsync::is_here())
    }

    fn fill_outbox(&mut self, run: &str, items: &[SendItem]) -> Result<Vec<bool>> {
        self.fill(run, BoxKind::Out, items.iter().map(|item| (item.slot, item.path.clone())))
    }

    fn fill_inbox(&mut self, run: &str, wants: &[Want]) -> Result<Vec<bool>> {
        self.fill(run, BoxKind::In, wants.iter().map(|want| (want.slot, want.path.clone())))
    }

    fn empty_outbox(&mut self, run: &str, items: &[SendItem]) -> Result<()> {
        items.iter().try_for_each(|item| self.unlink(run, BoxKind::Out, item))
    }

    fn collect_inbox(&mut self, run: &str, wanted: &[Collect]) -> Result<Vec<StageResult>> {
        self.collect_from_inbox(run, wanted)
    }

    fn intend(&mut self, run: &str, items: &[Item], confirmed: bool) -> Result<()> {
        // Before the journal has it: what recovery finds there, it finishes.
        let selection = self.selection.as_ref().ok_or_else(not_scanned)?;
        let own = operations(items, self.side).map(|(_, op)| op);
        refuse_unselected_operations(own, selection)?;
        self.run = run.to_owned();
        if self.staging.is_none() {
            self.staging = Some(Staging::create(&self.state, run)?);
        }
        failpoint!("before-intend");
        let names = self.names();
        let notes = audit_notes::of_items(items, &names, confirmed);
        self.audit_records(run, notes)?;
        let failed = self.failed("write");
        let side = self.side;
        self.table_mut()?.intend(run, side, items.to_vec()).map_err(failed)?;
        self.intended = items.to_vec();
        failpoint!("intended");
        Ok(())
    }

    fn apply(&mut self, modes: &[FolderMode]) -> Result<Vec<OpOutcome>> {
        let staging = self.staging.as_ref().ok_or_else(no_state)?;
        let table = self.table.as_ref().ok_or_else(no_state)?;
        let modes = modes.iter().map(|mode| (mode.slot, mode.mode)).collect();
        let operations: Vec<_> = operations(&self.intended, self.side).collect();
        if operations.is_empty() {
            return Ok(Vec::new());
        }
        let selection = self.selection.as_ref().ok_or_else(not_scanned)?;
        refuse_unselected_operations(operations.iter().map(|(_, op)| *op), selection)?;
        let mut applier = Applier::new(
            &self.state,
            &self.run,
            staging,
            table,
            &mut self.evidence,
            &self.staged,
            &modes,
            &mut self.backed_up,
        );
        let outcomes = applier.apply(&operations)?;
        let slots = operations.iter().map(|(slot, _)| *slot);
        Ok(slots.zip(outcomes).map(|(slot, outcome)| OpOutcome { slot, outcome }).collect())
    }

    fn recheck(&mut self) -> Result<Vec<RelPath>> {
        let root = self.state.root();
        let written = self.backed_up.iter().filter(|kept| apply::was_written(root, kept));
        Ok(written.map(|kept| kept.path.clone()).collect())
    }

    fn prepare(&mut self, order: &PrepareOrder, extra: &[PublicRow]) -> Result<()> {
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

    fn commit(&mut self) -> Result<()> {
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

    fn mark(&mut self) -> Result<()> {
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

    fn audit(&mut self, notes: &[AuditNote]) -> Result<Head> {
        for of_run in notes.chunk_by(|one, next| one.run == next.run) {
            let records = of_run.iter().filter_map(|note| serde_json::from_str(&note.json).ok());
            let records: Vec<Map<String, Value>> = records.collect();
            let said = records.iter().find(|record| text(record, "event") == "run");
            self.said = said.cloned().unwrap_or_else(|| std::mem::take(&mut self.said));
            self.audit_records(&of_run[0].run, records.into_iter())?;
        }
        self.log_head()
    }

    fn check_log(&mut self, since: &str, heads: &[Head]) -> Result<LogCheck> {
        let other = self.names().get(self.side.other()).clone();
        chain::check(&self.state, &other, since, heads)
    }

    fn keep_open(&mut self, open: &[OpenMatter]) -> Result<()> {
        let own: Vec<OpenMatter> = match self.side {
            Side::Here => open.to_vec(),
            Side::There => open.iter().map(matters::mirrored).collect(),
        };
        matters::save(&self.state, &self.peer.pair, &own)
    }

    fn put_back(
        &mut self,
        order: &PutBackOrder,
        steps: &[PutBackStep],
    ) -> Result<Vec<PutBackResult>> {
        self.put_back_steps(order, steps)
    }

    fn finish(&mut self, run: &str) -> Result<()> {
        failpoint!("finishing");
        self.keep_evidence()?;
        // What cannot be kept is missing, which the next run notices; the sync is as good without.
        let _ = texts::keep(&self.state, &self.peer.pair, self.table()?, &self.agreed);
        versions::clean(&self.state)?;
        self.staging = None;
        for run in staging::runs(&self.state)? {
            staging::remove(&self.state, &run)?;
        }
        let (gone, _) = retention::expired(&self.state, &self.config, &self.config.backups)?;
        let mut tidied = retention::prune(&self.state, &gone)?;
        if let Some(age) = self.config.compress_sealed_after() {
            let reserve = self.config.min_free_space();
            tidied.extend(sealed::compress(&self.state, age, reserve, clock::now().0)?);
        }
        self.end_of_log(run, tidied)?;
        requests::clear(&self.state, self.begun)
    }

    fn wire_bytes(&self) -> u64 {
        0
    }
}
