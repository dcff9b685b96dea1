//! What a local endpoint does to bring a plan about: it takes content in, writes down what it is about
//! to do, and does it.

use ubos_core::plan::Item;

use super::bounds::refuse_unselected_operations;
use super::local::{LocalEndpoint, no_state, not_scanned};
use crate::agent::content::{Resume, Want, operations};
use crate::agent::message::{FolderMode, OpOutcome};
use crate::apply::Applier;
use crate::audit_notes;
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::scanner::digest::Pieces;
use crate::staging::Staging;
use crate::transfer::ContentSink;
use crate::transfer::receive::{self, StageSink};

impl LocalEndpoint {
    /// Makes ready to take content, with what an earlier run left.
    pub(super) fn make_ready(&mut self, run: &str, wants: &[Want]) -> Result<Vec<Resume>> {
        self.refuse_unselected(wants.iter().map(|want| &want.path))?;
        self.run = run.to_owned();
        let staging = Staging::create(&self.state, run)?;
        let mut answers = receive::prepare(&self.state, &staging, wants, &|capacity| {
            self.config.min_free_space(capacity)
        })?;
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

    /// Where the content that was announced goes.
    pub(super) fn content_sink(&mut self) -> Result<Box<dyn ContentSink + '_>> {
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

    /// Writes down what is about to be done, before anything is.
    pub(super) fn journal(&mut self, run: &str, items: &[Item], confirmed: bool) -> Result<()> {
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

    /// Carries out what was written down for this side.
    pub(super) fn carry_out(&mut self, modes: &[FolderMode]) -> Result<Vec<OpOutcome>> {
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
}
