//! What a local endpoint keeps of its runs: traces of those that were cut off, the audit log, what
//! was seen of files that differ.

use std::os::fd::AsFd;
use std::time::SystemTime;

use serde_json::{Map, Value};

use ubos_core::plan::Item;
use ubos_core::sides::{Side, Sides};

use super::bounds::compile;
use super::local::LocalEndpoint;
use crate::agent::content::operations;
use crate::agent::message::{Applied, PutBackOrder, PutBackResult, PutBackStep, RunEvidence};
use crate::apply;
use crate::backups::{self, Weight, retention};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::health::{self, book};
use crate::history::put_back::Batch;
use crate::history::trail::text;
use crate::staging::{self, Staging};
use crate::state::audit::{Audit, Head};
use crate::state::config::Peer;
use crate::state::marker::Marker;
use crate::state::{StateDir, machine, requests, texts, versions};

impl LocalEndpoint {
    pub(super) fn evidence_of(&self, run: &str, items: &[Item]) -> Result<RunEvidence> {
        let staging = Staging::existing(&self.state, run)?;
        let unbegun = match &staging {
            Some(staging) => !staging.began().map_err(self.failed("look at"))?,
            None => false,
        };
        let mut found = Vec::new();
        for (slot, op) in operations(items, self.side) {
            let applied = match &staging {
                Some(_) if unbegun => Applied::No,
                Some(staging) => apply::evidence::look(&self.state, staging, run, slot, op),
                None => Applied::Unknown,
            };
            found.push((slot, applied));
        }
        Ok(RunEvidence { run: run.to_owned(), items: items.to_vec(), found, unbegun })
    }

    /// Adds records to the audit log, durably.
    pub(super) fn audit_records(
        &mut self,
        run: &str,
        records: impl Iterator<Item = Map<String, Value>>,
    ) -> Result<()> {
        write_records(&mut self.audit, &self.state, run, records)
    }

    /// The last record of this side's log.
    pub(super) fn log_head(&mut self) -> Result<Head> {
        let log = match &mut self.audit {
            Some(log) => log,
            empty => empty.insert(Audit::open(&self.state)?),
        };
        Ok(log.head().clone())
    }

    /// Puts on record with the end of the run, which makes it durable.
    pub fn note_last(&mut self, record: Map<String, Value>) {
        self.last_notes.push(record);
    }

    /// What is to be put on record of this machine, which the end of the run will remember.
    ///
    /// # Errors
    /// What the system says.
    pub fn machine_notes(&mut self) -> Result<Vec<Map<String, Value>>> {
        let (records, memory) = machine::look(&self.state, &self.config.name)?;
        self.machine = Some(memory);
        Ok(records)
    }

    /// The last records of a run, and what the next one compares with.
    pub(super) fn end_of_log(&mut self, run: &str, pruned: Vec<Map<String, Value>>) -> Result<()> {
        let mut records = pruned;
        if self.machine.is_none() {
            records.extend(self.machine_notes()?);
        }
        records.append(&mut self.last_notes);
        self.audit_records(run, records.into_iter())?;
        match self.machine.take() {
            Some(memory) => machine::save(&self.state, &memory),
            None => Ok(()),
        }
    }

    /// Puts former versions back: everything is ready, kept and on record before the first path is
    /// touched.
    pub(super) fn put_back_steps(
        &mut self,
        order: &PutBackOrder,
        steps: &[PutBackStep],
    ) -> Result<Vec<PutBackResult>> {
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(bad) =
            steps.iter().filter_map(PutBackStep::source_run).find(|r| !clock::is_id(r))
        {
            return Err(EngineError::config(format!("{bad:?} cannot be a run")));
        }
        let manifests = &order.scan.manifests;
        let selection = compile(&self.peer.manifests, manifests, &order.scan.builtin)?;
        let Self { state, audit, config, peer, .. } = self;
        let (run, own) = (&order.run, &config.name);
        let mut batch = Batch::prepare(state, &peer.pair, &selection, order, steps)?;
        if order.dry_run {
            return batch.finish();
        }
        batch.keep_present()?;
        write_records(audit, state, run, batch.records(own).into_iter())?;
        failpoint!("put-back-recorded");
        let left = batch.place(own)?;
        write_records(audit, state, run, left.into_iter())?;
        batch.finish()
    }

    /// The marker of a root that lost it, under the identity that the configuration remembers.
    pub(super) fn lost_marker(&self) -> Marker {
        let mut marker = Marker::fresh(self.peer.owner);
        if let Some(replica) = &self.config.replica {
            marker.replica.clone_from(replica);
        }
        marker
    }

    /// Puts on record that whoever started the run that goes on here went away before it had ended;
    /// `how` is a word. A run that only looked, or has ended, leaves no trace.
    pub fn note_peer_lost(&mut self, how: &str) {
        let run = std::mem::take(&mut self.run);
        if run.is_empty() || self.lock.is_none() {
            return;
        }
        let names = self.names();
        let fields = [
            ("event", "peer-lost"),
            ("from", names.get(self.side.other()).as_str()),
            ("to", names.get(self.side).as_str()),
            ("reason", how),
        ];
        let record = fields.map(|(key, value)| (key.to_owned(), Value::from(value)));
        // The next run settles what became of it, on record or not.
        let _ = self.audit_records(&run, std::iter::once(record.into_iter().collect()));
    }

    /// The end of `run`: what was seen is kept, what was staged is dropped, what expired is let go.
    pub(super) fn end_run(&mut self, run: &str) -> Result<()> {
        failpoint!("finishing");
        self.keep_evidence()?;
        // What cannot be kept is missing, which the next run notices; the sync is as good without.
        let _ = texts::keep(&self.state, &self.peer.pair, self.table()?, &self.agreed);
        versions::clean(&self.state)?;
        self.staging = None;
        let mut cut_off = false;
        for other in staging::runs(&self.state)? {
            cut_off |= other != run;
            staging::remove(&self.state, &other)?;
        }
        let (gone, _) = retention::expired(&self.state, &self.config, &self.config.backups)?;
        let pruned = retention::prune(&self.state, &gone)?;
        self.weight = match cut_off {
            true => Weight::Unknown,
            false => self.weight_of(run, pruned.bytes)?,
        };
        self.end_of_log(run, pruned.records)?;
        self.run.clear();
        requests::clear(&self.state, self.begun)
    }

    /// What `run` did to the weight of the backups, where `pruned` bytes of older ones were let go.
    pub(super) fn weight_of(&self, run: &str, pruned: u64) -> Result<Weight> {
        let sealed = self.backed_up.iter().filter(|kept| backups::is_sealed(&kept.place));
        let sealed: u64 = sealed.filter_map(|kept| kept.stamp.map(|stamp| stamp.size)).sum();
        let added = backups::weigh_run(&self.state, run)? + sealed;
        let bytes = added.cast_signed().saturating_sub(pruned.cast_signed());
        let begun = self.begun.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Weight::changed(bytes, begun.as_secs().cast_signed()))
    }

    /// What the run that ended did to the weight of the backups.
    pub fn weight(&self) -> Weight {
        self.weight
    }

    /// Writes down how this territory fares, as the record of the run that ends here says. The other
    /// side writes its own.
    pub fn note_health(&self) {
        let count = |key: &str| self.said.get(key).and_then(Value::as_u64).unwrap_or(0);
        let write = || -> Result<()> {
            let peer = self.names().get(self.side.other()).clone();
            let waiting = book::waiting(&self.state, &self.config, &peer)?;
            let exit = match (waiting.guards, waiting.conflicts.len() as u64 + waiting.held) {
                (1.., _) => 4,
                (_, 1..) => 3,
                _ if count("skipped") > 0 => 7,
                _ => 0,
            };
            let ended = health::Ended {
                peer,
                exit,
                error: None,
                met: true,
                skipped: count("skipped"),
                generation: self.table.as_ref().map(|table| table.header().generation),
                mode: health::Mode::of(text(&self.said, "command"), self.stays),
                weight: self.weight,
                interval: self.said.get("interval").and_then(Value::as_u64),
            };
            book::after_run(&self.state, &self.config, &ended)
        };
        // It is the run that counts; the next one writes it anew.
        let _ = write();
    }

    /// The names of both territories, as the initiator's sides.
    pub(super) fn names(&self) -> Sides<String> {
        let own = self.config.name.clone();
        let is_peer = |peer: &&Peer| peer.pair == self.peer.pair;
        let other = self.config.peers.iter().find(|(_, peer)| is_peer(peer));
        let other = other.map(|(name, _)| name.clone()).unwrap_or_default();
        match self.side {
            Side::Here => Sides::new(own, other),
            Side::There => Sides::new(other, own),
        }
    }

    /// What the scan read, so that the next one need not read it again.
    pub(super) fn keep_evidence(&mut self) -> Result<()> {
        let evidence = &self.evidence;
        let mut refreshed = std::mem::take(&mut self.refreshed);
        refreshed.retain(|(path, stamp, _)| {
            evidence.get(path).is_some_and(|e| stamp.is_none() || Some(e.stamp) == *stamp)
        });
        let failed = self.failed("write");
        if let Some(table) = &mut self.table {
            table.note_stamps(refreshed).map_err(failed)?;
        }
        self.keep_seen()
    }

    /// Hashes of files that still differ from the baseline, for the next run.
    pub(super) fn keep_seen(&mut self) -> Result<()> {
        let Some(table) = &self.table else { return Ok(()) };
        let evidence = std::mem::take(&mut self.evidence);
        let differing = evidence
            .into_iter()
            .filter(|(path, evidence)| {
                let agreed = table.record(path).and_then(|r| r.row.base.entry()?.digest());
                agreed != Some(evidence.digest)
            })
            .collect();
        let folder = self.state.pair_folder(&self.peer.pair)?;
        self.seen.replace(differing, folder.as_fd()).map_err(self.failed("write"))
    }
}

/// Adds records to a log that is opened when it is first needed, durably.
fn write_records(
    audit: &mut Option<Audit>,
    state: &StateDir,
    run: &str,
    records: impl Iterator<Item = Map<String, Value>>,
) -> Result<()> {
    let mut records = records.peekable();
    if records.peek().is_none() {
        return Ok(());
    }
    let log = match audit {
        Some(log) => log,
        empty => empty.insert(Audit::open(state)?),
    };
    for record in records {
        log.note(run, record);
    }
    log.sync()
}
