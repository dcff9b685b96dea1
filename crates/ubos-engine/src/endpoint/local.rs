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

use super::bounds::compile;
use super::known::Known;
use super::standby::Standby;
use super::standing;
use super::{Endpoint, Scanned};
use crate::agent::content::{Collect, Resume, SendItem, Slot, StageResult, Want};
use crate::agent::message::{
    AuditNote, FolderMode, KeptVersion, LogCheck, OpOutcome, OpenMatter, PrepareOrder, PublicRow,
    PutBackOrder, PutBackResult, PutBackStep, RunEvidence, ScanOrder, Standing,
};
use crate::apply::{self, BackedUp};
use crate::backups::Weight;
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::fs::Stamp;
use crate::history::trail::text;
use crate::rsync;
use crate::rsync::boxes::BoxKind;
use crate::scanner::digest::Pieces;
use crate::scanner::seen::Seen;
use crate::scanner::{self, Evidence, ScanRequest};
use crate::staging::Staging;
use crate::state::audit::{Audit, Head};
use crate::state::config::{Config, Peer};
use crate::state::generation::Header;
use crate::state::lock::Lock;
use crate::state::marker::Marker;
use crate::state::record::Record;
use crate::state::table::Table;
use crate::state::{StateDir, chain, machine, matters, texts, versions};
use crate::transfer::ContentSink;
use crate::transfer::send;

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
    pub(super) wants: Vec<Want>,
    pub(super) staged: BTreeMap<Slot, Evidence>,
    pub(super) results: Vec<StageResult>,
    /// The run that brings something here, until it has ended.
    pub(super) run: String,
    pub(super) intended: Vec<Item>,
    pub(super) backed_up: Vec<BackedUp>,
    pub(super) agreed: texts::Agreed,
    pub(super) audit: Option<Audit>,
    /// When this side was locked for the run.
    pub(super) begun: SystemTime,
    /// What the record of the run says of it, once it is written.
    pub(super) said: Map<String, Value>,
    /// Records that the end of the run makes durable.
    pub(super) last_notes: Vec<Map<String, Value>>,
    /// What is remembered of the machine once the run has ended.
    pub(super) machine: Option<machine::Memory>,
    /// What the run did to the weight of the backups, once it has ended.
    pub(super) weight: Weight,
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
            weight: Weight::default(),
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
        self.weight = Weight::default();
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

    pub(super) fn table_mut(&mut self) -> Result<&mut Table> {
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

pub(super) fn no_state() -> EngineError {
    EngineError::Damaged { what: "the state of this pair".into(), why: "is lost".into() }
}

pub(super) fn not_scanned() -> EngineError {
    EngineError::Damaged { what: "this run".into(), why: "nothing was scanned".into() }
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
        self.evidence_of_open_runs()
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
        self.take_baseline(header, rows)
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
        self.make_ready(run, wants)
    }

    fn sink(&mut self) -> Result<Box<dyn ContentSink + '_>> {
        self.content_sink()
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
        self.journal(run, items, confirmed)
    }

    fn apply(&mut self, modes: &[FolderMode]) -> Result<Vec<OpOutcome>> {
        self.carry_out(modes)
    }

    fn recheck(&mut self) -> Result<Vec<RelPath>> {
        let root = self.state.root();
        let written = self.backed_up.iter().filter(|kept| apply::was_written(root, kept));
        Ok(written.map(|kept| kept.path.clone()).collect())
    }

    fn prepare(&mut self, order: &PrepareOrder, extra: &[PublicRow]) -> Result<()> {
        self.prepare_next(order, extra)
    }

    fn commit(&mut self) -> Result<()> {
        self.commit_prepared()
    }

    fn mark(&mut self) -> Result<()> {
        self.mark_committed()
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
        self.end_run(run)
    }

    fn wire_bytes(&self) -> u64 {
        0
    }
}
