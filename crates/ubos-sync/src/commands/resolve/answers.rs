//! What follows from an answer of a session: a run, and a word about what came of it.

use std::collections::{BTreeMap, BTreeSet};

use ubos_core::conflict::{Choice, Conflict};
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::plan::Filter;
use ubos_engine::cycle::report::RunReport;
use ubos_engine::error::EngineError;

use super::choices::resolution;
use super::session::{Session, Step};
use super::words::{self, Applied};
use crate::commands::conflicts::Open;
use crate::commands::sync;
use crate::failure::Failure;
use crate::ui::Tone;
use crate::ui::sanitize::one_line;

impl Session<'_> {
    /// Carries out a choice about one conflict; `merged` is the content of a merge.
    pub(super) fn settle(
        &mut self,
        conflict: &Conflict,
        choice: Choice,
        merged: Option<Vec<u8>>,
        open: &Open,
    ) -> Result<Step, Failure> {
        let chosen = vec![(conflict, choice)];
        let merged = merged.map(|text| (Digest::of(&text), text)).into_iter().collect();
        let (report, names) = self.apply(&chosen, merged, open)?;
        if !self.happened(&report, conflict)? {
            return Ok(Step::Next);
        }
        let path = one_line(&conflict.path.to_string());
        let what = words::done(conflict, choice, names.get(&conflict.path), &open.names);
        self.tell(Tone::Good, &format!("{path}: {what}."))?;
        self.ui.answer(&words::undo(&report.run))?;
        self.settled += 1;
        self.kept.remove(&conflict.path);
        let choice = words::brief(choice, &open.names);
        self.applied.push(Applied { what: path, choice, run: report.run });
        Ok(Step::Next)
    }

    /// One run for these choices; `merged` are the contents of merges. Returns its report and the new names that were given.
    pub(super) fn apply(
        &mut self,
        chosen: &[(&Conflict, Choice)],
        merged: BTreeMap<Digest, Vec<u8>>,
        open: &Open,
    ) -> Result<(RunReport, BTreeMap<RelPath, RelPath>), Failure> {
        let mut names = BTreeSet::new();
        let mut resolutions = BTreeMap::new();
        let mut beside = BTreeMap::new();
        for (conflict, choice) in chosen {
            let peer = &open.names.there;
            let made = resolution(&conflict.path, *choice, conflict.mark, peer, &mut names);
            beside.extend(made.beside.clone().map(|name| (conflict.path.clone(), name)));
            resolutions.insert(conflict.path.clone(), made);
        }
        let mut request = sync::request(self.global, "resolve", Filter::Both)?;
        request.resolutions = Some(resolutions);
        request.provided = merged;
        let report = self.prompt.during_run(|| sync::cycle(&request, self.ui));
        Ok((report, beside))
    }

    /// Leaves these conflicts as they are, on purpose; those that are still what the person saw.
    pub(super) fn leave(&mut self, chosen: &[&Conflict]) -> Result<Step, Failure> {
        let mut request = sync::request(self.global, "resolve", Filter::Both)?;
        request.leave = chosen.iter().map(|c| (c.path.clone(), c.mark)).collect();
        let report = self.prompt.during_run(|| sync::cycle(&request, self.ui));
        if !self.ran(&report)? {
            return Ok(Step::Next);
        }
        let is_left = |c: &&&Conflict| report.left.contains(&(c.path.clone(), c.mark));
        let left: Vec<&&Conflict> = chosen.iter().filter(is_left).collect();
        let Some(first) = left.first() else {
            self.anew = chosen.first().map(|conflict| conflict.path.clone());
            return Ok(Step::Next);
        };
        let what = match left.len() {
            1 => one_line(&first.path.to_string()),
            count => crate::render::units::plural(count, "conflict"),
        };
        let mut line = format!(
            "{what}: left as it is on both territories, on purpose; you are asked again once it changes."
        );
        match chosen.len() - left.len() {
            0 => {}
            changed => line
                .push_str(&format!(" {changed} changed meanwhile and will be asked about anew.")),
        }
        self.tell(Tone::Good, &line)?;
        self.note(left.len(), Applied { what, choice: "left as it is".into(), run: report.run });
        Ok(Step::Next)
    }

    /// Whether the run came to its end; says why not.
    pub(super) fn ran(&mut self, report: &RunReport) -> Result<bool, Failure> {
        self.failed = report.error.as_ref().map(EngineError::exit_code);
        if let Some(error) = &report.error {
            self.ui.error(&error.to_string(), Some(error.hint()));
            self.tell(
                Tone::Attention,
                "The answer was not carried out; here is the question again.",
            )?;
        }
        Ok(report.error.is_none())
    }

    /// Whether the answer about `conflict` was carried out; says why not.
    fn happened(&mut self, report: &RunReport, conflict: &Conflict) -> Result<bool, Failure> {
        if !self.ran(report)? {
            return Ok(false);
        }
        if report.refused.contains(&conflict.path) {
            self.anew = Some(conflict.path.clone());
            return Ok(false);
        }
        let skipped = report.skipped.iter().find(|s| s.path == conflict.path);
        if let Some(skipped) = skipped {
            let line = format!(
                "{} could not be changed on {}: {}. It stays open.",
                one_line(&conflict.path.to_string()),
                one_line(report.names.get(skipped.on)),
                one_line(&skipped.reason)
            );
            self.tell(Tone::Attention, &line)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Counts what an answer for several conflicts settled.
    pub(super) fn note(&mut self, settled: usize, applied: Applied) {
        self.settled += settled;
        self.applied.push(applied);
    }

    /// Passes over these conflicts.
    pub(super) fn skip(&mut self, conflicts: &[&Conflict]) {
        self.skipped.extend(conflicts.iter().map(|c| (c.path.clone(), c.mark)));
    }
}
