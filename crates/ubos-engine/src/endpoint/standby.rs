//! A side that stays open between runs: its watch, what it knows of its tree, and the wait for the
//! next change. A run then costs in proportion to what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ubos_core::path::RelPath;

use super::local::{LocalEndpoint, THREADS};
use super::{Endpoint, Scanned};
use crate::agent::message::{ScanOrder, Standing, Wake};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::Root;
use crate::scanner::partial::{Looked, Tree};
use crate::scanner::{Evidence, ScanRequest, ScanResult};
use crate::state::config::Config;
use crate::state::requests;
use crate::watch::{Caller, Watch};

/// What was written or hashed in a clock tick with a write is looked at once more after this.
const SECOND_LOOK: Duration = Duration::from_millis(60);

/// How often a wait looks whether somebody asked for a run.
const ASKED: Duration = Duration::from_secs(1);

/// What a side keeps between its runs.
pub(super) struct Standby {
    watch: Watch,
    /// How the tree was scanned.
    order: ScanOrder,
    /// What the scans so far saw; nothing if only a full scan can tell.
    pub(super) tree: Option<Tree>,
    /// To be looked at once more although no hint came.
    doubtful: BTreeSet<RelPath>,
    doubtful_since: Instant,
    /// What was told about missing hints.
    told_blind: Option<String>,
    requests: requests::Known,
}

impl Standby {
    /// Paths whose rows changed, or whose hash may hide a later write.
    pub(super) fn doubt(&mut self, paths: impl IntoIterator<Item = RelPath>) {
        if self.doubtful.is_empty() {
            self.doubtful_since = Instant::now();
        }
        self.doubtful.extend(paths);
    }

    /// Doubts those of `found` whose stamp falls into the tick of their hash. One that lies ahead of
    /// the clock (set by a program, or written before the clock was set back) would be looked at
    /// again and again: hints and full scans have to do for it.
    fn doubt_racy(&mut self, found: &BTreeMap<RelPath, Evidence>) {
        let now = clock::now_ns();
        let racy = found.iter().filter(|(_, seen)| seen.racy && !seen.stamp.is_ahead(now));
        let racy: Vec<RelPath> = racy.map(|(path, _)| path.clone()).collect();
        self.doubt(racy);
    }
}

impl LocalEndpoint {
    /// From now on this side is watched between its runs.
    pub fn stand_by(&mut self) {
        self.stays = true;
    }

    /// Another run begins: takes the lock, reads the configuration anew and looks how this side
    /// stands.
    ///
    /// # Errors
    /// [`EngineError::Locked`] if another run holds it; what the system says.
    pub fn begin(&mut self) -> Result<Standing> {
        self.state.still_stands()?;
        self.lock()?;
        self.forget_run();
        let config = Config::require(&self.state)?;
        let known = config.peers.values().find(|peer| peer.pair == self.peer.pair);
        self.peer = known
            .cloned()
            .ok_or_else(|| EngineError::config("this territory no longer belongs to the pair"))?;
        self.config = config;
        let standing = self.look();
        if standing.is_err() {
            self.release();
        }
        standing
    }

    /// Ends a run of a side that stays: whoever else has a run to do may now do it.
    pub fn release(&mut self) {
        self.lock = None;
        self.forget_run();
    }

    /// Lets another thread end the wait; `None` before the first scan.
    pub fn caller(&self) -> Option<Caller> {
        self.standby.as_ref().map(|standby| standby.watch.caller())
    }

    /// Waits until the tree differs from what the last look saw, somebody asks for a run or calls, or
    /// `until`.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait(&mut self, until: Instant) -> Result<Wake> {
        loop {
            let Some(standby) = &mut self.standby else {
                return Ok(Wake { changed: true, blind: None });
            };
            let blind = standby.watch.blind();
            if blind != standby.told_blind {
                standby.told_blind.clone_from(&blind);
                return Ok(Wake { changed: false, blind });
            }
            let second = standby.doubtful_since + SECOND_LOOK;
            let due = if standby.doubtful.is_empty() { until } else { second.min(until) };
            let dirty = standby.watch.wait(due.min(Instant::now() + ASKED));
            let blind = standby.watch.blind();
            let doubt = !standby.doubtful.is_empty() && Instant::now() >= second;
            // Whoever asks for a run saw something that no hint told of.
            if dirty.everything || self.is_asked() {
                self.forget_tree();
                return Ok(Wake { changed: true, blind });
            }
            if dirty.is_empty() && !doubt {
                if !dirty.called && Instant::now() < until {
                    continue;
                }
                return Ok(Wake { changed: false, blind });
            }
            if self.look_at(dirty.paths)? != Some(false) {
                return Ok(Wake { changed: true, blind });
            }
            // A call that came together with an echo ends the wait all the same.
            if dirty.called {
                return Ok(Wake { changed: false, blind });
            }
        }
    }

    /// Whether somebody has asked for a run since the last time.
    fn is_asked(&mut self) -> bool {
        let Self { standby, state, .. } = self;
        standby.as_mut().is_some_and(|standby| standby.requests.has_news(state))
    }

    /// What a scan would show, if looking again at what there were hints about is enough for it.
    pub(super) fn scan_again(&mut self, order: &ScanOrder) -> Result<Option<Scanned>> {
        let Some(standby) = &mut self.standby else { return Ok(None) };
        let same = ScanOrder { again: true, ..standby.order.clone() } == *order;
        if !same || standby.tree.is_none() {
            return Ok(None);
        }
        let dirty = standby.watch.take_but_burst();
        if dirty.everything || self.look_at(dirty.paths)?.is_none() {
            return Ok(None);
        }
        // Hashes of what differs since earlier runs, so that it can be acted on.
        let tree = self.standby.as_ref().and_then(|standby| standby.tree.as_ref());
        let Some(tree) = tree else { return Ok(None) };
        let mut evidence: BTreeMap<_, _> = self
            .seen
            .all()
            .filter(|(path, _)| tree.changes().contains_key(*path))
            .map(|(path, evidence)| (path.clone(), evidence.clone()))
            .collect();
        evidence.append(&mut self.evidence);
        self.evidence = evidence;
        Ok(Some(Scanned { changes: tree.changes().clone(), scanned: tree.scanned() }))
    }

    /// Looks again at these paths and the doubtful ones. Whether anything differs from before;
    /// `None` if only a full scan can tell.
    fn look_at(&mut self, mut paths: BTreeSet<RelPath>) -> Result<Option<bool>> {
        let failed = |e| EngineError::io("look at", self.state.root().path(), e);
        let Some(standby) = &mut self.standby else { return Ok(None) };
        paths.append(&mut standby.doubtful);
        let (Some(tree), Some(table), Some(selection)) =
            (&mut standby.tree, &self.table, &self.selection)
        else {
            return Ok(None);
        };
        let request = ScanRequest {
            root: self.state.root(),
            selection,
            table,
            seen: &self.seen,
            log_source: !self.peer.owner,
            symlinks: standby.order.symlinks,
            verify: false,
            threads: THREADS,
        };
        match tree.look(&request, &paths).map_err(failed)? {
            Some(Looked { evidence, refreshed, differs }) => {
                standby.doubt_racy(&evidence);
                self.evidence.extend(evidence);
                self.refreshed.extend(refreshed);
                Ok(Some(differs))
            }
            None => {
                self.forget_tree();
                Ok(None)
            }
        }
    }

    /// Watches before a scan of everything, so that nothing falls between the two.
    pub(super) fn watch_before_scan(&mut self, order: &ScanOrder) -> Result<()> {
        let Some(selection) = self.selection.clone().filter(|_| self.stays) else { return Ok(()) };
        let order = ScanOrder { verify: false, again: false, ..order.clone() };
        // Where hints are missing, the system may allow more watches by now.
        let watches = self
            .standby
            .as_ref()
            .is_some_and(|standby| standby.order == order && standby.watch.blind().is_none());
        if !watches {
            let path = self.state.root().path();
            let root = Root::open(path).map_err(|e| EngineError::io("open", path, e))?;
            // The former watch gives back what the system allows before the next one asks for it.
            let told_blind = self.standby.take().and_then(|standby| standby.told_blind);
            self.standby = Some(Standby {
                watch: Watch::start(root, selection),
                order,
                tree: None,
                doubtful: BTreeSet::new(),
                doubtful_since: Instant::now(),
                told_blind,
                requests: requests::Known::default(),
            });
        }
        if let Some(standby) = &mut self.standby {
            // The scan sees all that there were hints about so far.
            standby.watch.take();
            standby.doubtful.clear();
        }
        Ok(())
    }

    /// Keeps what a scan of everything saw.
    pub(super) fn keep_tree(&mut self, found: &ScanResult) {
        if let Some(standby) = &mut self.standby {
            standby.tree = Some(Tree::of(found));
            standby.doubt_racy(&found.evidence);
        }
    }

    /// The next scan has to look at everything.
    pub(super) fn forget_tree(&mut self) {
        if let Some(standby) = &mut self.standby {
            standby.tree = None;
        }
    }
}
