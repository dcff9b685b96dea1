//! Stage 8: what a run tells. A value; rendering it is the binary's business.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::{Map, Value};

use ubos_core::conflict::{Conflict, Held, Notice, Skipped};
use ubos_core::entry::{Digest, Entry};
use ubos_core::path::RelPath;
use ubos_core::plan::{Filter, GuardReport, Item, Plan};
use ubos_core::sides::{Side, Sides};

use super::diagnosis::Finding;
use super::plan::Planned;
use super::record::Recorded;
use super::session::Kept;
use super::{ConflictPolicy, Request, confirm};
use crate::agent::content::Slot;
use crate::agent::message::{OpenMatter, Standing};
use crate::backups::Weight;
use crate::clock;
use crate::error::{EngineError, Result};

pub use super::actions::Action;
pub(super) use super::actions::actions;
pub(crate) use super::on_record::who;

/// A former version that was put back, or would be by a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutBackRow {
    /// Where.
    pub path: RelPath,
    /// The side.
    pub to: Side,
    /// The word of the contract.
    pub op: &'static str,
    /// Of a move: where it was.
    pub from: Option<RelPath>,
    /// Bytes of content.
    pub bytes: u64,
    /// `restored` or `undone`.
    pub reason: &'static str,
}

/// The report of a run.
#[derive(Debug, Default)]
pub struct RunReport {
    /// The run's id.
    pub run: String,
    /// The plan's id, once there is a plan.
    pub plan: String,
    /// The command.
    pub command: String,
    /// Whether nothing was to be changed.
    pub dry_run: bool,
    /// Names of the territories.
    pub names: Sides<String>,
    /// Start, RFC 3339.
    pub started: String,
    /// End, RFC 3339.
    pub finished: String,
    /// What was put back before anything else.
    pub put_back: Vec<PutBackRow>,
    /// What was done.
    pub actions: Vec<Action>,
    /// What a guard held.
    pub guarded: Vec<Action>,
    /// Open conflicts.
    pub conflicts: Vec<Conflict>,
    /// Held paths.
    pub held: Vec<Held>,
    /// Paths to be tried again.
    pub skipped: Vec<Skipped>,
    /// Worth knowing.
    pub notices: Vec<Notice>,
    /// Guards that fired.
    pub guards: Vec<GuardReport>,
    /// Resolutions that were refused because the clash is another one now.
    pub refused: Vec<RelPath>,
    /// Marks of clashes that a person chose to leave as they are.
    pub left: BTreeSet<(RelPath, Digest)>,
    /// Selected files and links seen.
    pub scanned: Sides<u64>,
    /// Items that wait in the direction that was not asked for.
    pub pending: u64,
    /// Bytes that crossed the wire, both ways, frames and all.
    pub wire_bytes: u64,
    /// Bytes that had crossed the connection before this run.
    pub(super) wire_before: u64,
    /// What started the run: `watch`, `timer` or `manual`.
    pub mode: &'static str,
    /// Whether the run is about everything in both directions.
    pub whole: bool,
    /// Seconds to the next run like this one, where `config.toml` does not say it.
    pub interval: Option<u64>,
    /// When it began, for its length.
    pub(super) begun: Option<Instant>,
    /// Seconds that the peer's clock is ahead of this one, where it was heard at the beginning; too
    /// little by the time that one message takes.
    pub clock_offset: Option<f64>,
    /// The peer's build, where it was heard at the beginning.
    pub peer_build: Option<String>,
    /// Seconds from the modification time of the oldest change that was carried to the end.
    pub oldest_change: Option<f64>,
    /// The baseline's generation.
    pub generation: u64,
    /// End of the last finished run that changed the baseline, seconds since 1970.
    pub last_run: Option<(i64, u32)>,
    /// What the remote shell printed before the agent answered.
    pub noise: Option<String>,
    /// A run that was cut off waits to be settled by the next one that may write.
    pub recovery_pending: bool,
    /// What is the matter with the two territories, once they were looked at.
    pub diagnosis: Vec<Finding>,
    /// The memory of the pair is dropped, or would be, to merge what was lost.
    pub forgets: bool,
    /// The territory whose versions win while that is merged, if a person named one.
    pub prefer: Option<Side>,
    /// Files and links that both sides hold alike without having agreed on them before.
    pub adopted: u64,
    /// Which directions were asked for.
    pub asked: Filter,
    /// The paths that a person's decision was about; only they count for the exit code.
    pub focus: Option<Vec<RelPath>>,
    /// Whether the two sides met.
    pub met: bool,
    /// What it did to the weight of this side's backups.
    pub weight: Weight,
    /// What those that follow a run made of it, each under a word of its own, as reports in JSON
    /// show it.
    pub beside: Map<String, Value>,
    /// Why it ended early.
    pub error: Option<EngineError>,
}

impl RunReport {
    /// An empty report of a run that begins.
    pub(super) fn begin(request: &Request, run: String) -> Self {
        Self {
            run,
            command: request.command.clone(),
            dry_run: request.dry_run,
            started: clock::now_rfc3339(),
            begun: Some(Instant::now()),
            mode: match request.command.as_str() {
                _ if request.stays => "watch",
                "tick" => "timer",
                _ => "manual",
            },
            interval: request.interval.map(|interval| interval.as_secs()),
            whole: request.filter == Filter::Both
                && request.resolutions.is_none()
                && request.leave.is_empty()
                && request.put_back.is_none(),
            focus: request.focus(),
            prefer: match request.conflicts {
                ConflictPolicy::Take(side) if request.merge_lost => Some(side),
                _ => None,
            },
            ..Self::default()
        }
    }

    /// The report of a run that could not even begin.
    pub fn of_failure(command: &str, error: EngineError) -> Self {
        let now = clock::now_rfc3339();
        Self {
            run: clock::run_id(),
            command: command.to_owned(),
            started: now.clone(),
            finished: now,
            error: Some(error),
            ..Self::default()
        }
    }

    pub(super) fn name(&mut self, here: &str, there: &str) {
        self.names = Sides::new(here.to_owned(), there.to_owned());
    }

    pub(super) fn stand(&mut self, standings: &Sides<Standing>) {
        self.met = true;
        self.last_run = standings.here.last_run.max(standings.there.last_run);
        let generation = |standing: &Standing| standing.header.as_ref().map_or(0, |h| h.generation);
        self.generation = generation(&standings.here).max(generation(&standings.there));
    }

    pub(super) fn filter(&mut self, filter: Filter) {
        self.asked = filter;
    }

    pub(super) fn recovery_pending(&mut self) {
        self.recovery_pending = true;
    }

    pub(super) fn fail(&mut self, error: EngineError) {
        self.error = Some(error);
    }

    pub(super) fn finish(&mut self) {
        self.finished = clock::now_rfc3339();
    }

    pub(super) fn note_left(&mut self, left: &[OpenMatter]) {
        self.left = left
            .iter()
            .filter_map(|matter| match matter {
                OpenMatter::Left(path, mark) => Some((path.clone(), *mark)),
                _ => None,
            })
            .collect();
    }

    pub(super) fn carried_out(
        &mut self,
        items: &[Item],
        failed: &[u32],
        wire: &BTreeMap<Slot, u64>,
    ) {
        for (index, item) in items.iter().enumerate() {
            if failed.binary_search(&(index as u32)).is_ok() {
                continue;
            }
            for (op, operation) in item.ops.iter().enumerate() {
                let slot = Slot { item: index as u32, op: op as u32 };
                let wire_bytes = wire.get(&slot).copied().unwrap_or(0);
                self.actions.extend(actions(operation, wire_bytes, None));
            }
        }
    }

    /// What the plan says besides the actions.
    fn take_plan(&mut self, plan: Plan, scanned: Option<Sides<u64>>) {
        for item in &plan.items {
            if let Some(guard) = item.guard {
                for op in &item.ops {
                    self.guarded.extend(actions(op, 0, Some(guard)));
                }
            }
        }
        let is_file = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| !entry.is_dir());
        self.adopted = plan.adopt.iter().filter(|(_, entry)| is_file(entry)).count() as u64;
        self.plan = plan.id;
        self.conflicts = plan.conflicts;
        self.held = plan.held;
        self.skipped.extend(plan.skipped);
        self.notices = plan.notices;
        self.guards = plan.guards;
        self.pending = plan.pending;
        if let Some(scanned) = scanned {
            self.scanned = scanned;
        }
    }

    /// Conflicts and held paths that a person has not chosen to leave.
    pub fn undecided(&self) -> usize {
        self.open(&self.conflicts, &self.held)
    }

    /// The exit code of the contract.
    pub fn exit_code(&self) -> u8 {
        if let Some(error) = &self.error {
            return error.exit_code();
        }
        self.judge(&Judged {
            guards: &self.guards,
            conflicts: &self.conflicts,
            held: &self.held,
            skips: !self.skipped.is_empty(),
        })
    }

    /// How long it has lasted, in seconds, to the millisecond.
    pub(super) fn seconds(&self) -> f64 {
        rounded(self.begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64()))
    }

    /// The exit code that a plan leads to which was carried out as far as it could be.
    pub(super) fn exit_with(&self, plan: &Plan) -> u8 {
        let verdict = Judged {
            guards: &plan.guards,
            conflicts: &plan.conflicts,
            held: &plan.held,
            skips: !plan.skipped.is_empty() || !self.skipped.is_empty(),
        };
        self.judge(&verdict)
    }

    /// Of conflicts and held paths those that a person has not chosen to leave.
    fn open(&self, conflicts: &[Conflict], held: &[Held]) -> usize {
        let in_focus =
            |path: &RelPath| self.focus.as_ref().is_none_or(|focus| focus.contains(path));
        let is_open = |path: &RelPath, mark: Digest| {
            in_focus(path) && !self.left.contains(&(path.clone(), mark))
        };
        conflicts.iter().filter(|c| is_open(&c.path, c.mark)).count()
            + held.iter().filter(|h| is_open(&h.path, h.mark)).count()
    }

    fn judge(&self, verdict: &Judged<'_>) -> u8 {
        if !verdict.guards.is_empty() {
            return 4;
        }
        if self.open(verdict.conflicts, verdict.held) > 0 || !self.refused.is_empty() {
            return 3;
        }
        if verdict.skips { 7 } else { 0 }
    }
}

/// What an exit code rests on.
struct Judged<'a> {
    guards: &'a [GuardReport],
    conflicts: &'a [Conflict],
    held: &'a [Held],
    skips: bool,
}

/// To the millisecond.
pub(super) fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// The report of a run that only looked.
pub(super) fn preview(planned: Planned, request: &Request, report: &mut RunReport) -> Result<()> {
    let Planned { loaded, seen, plan } = planned;
    let shown = confirm::Shown::by(request, &loaded.names);
    if request.resolutions.is_none() {
        confirm::remember(loaded.local.state(), &plan, &shown)?;
    }
    let left = crate::state::matters::load(loaded.local.state(), &loaded.pair)?;
    report.note_left(&left);
    for item in plan.items.iter().filter(|item| item.guard.is_none()) {
        for op in &item.ops {
            report.actions.extend(actions(op, 0, None));
        }
    }
    report.take_plan(plan, Some(seen.map(|side| side.scanned)));
    Ok(())
}

/// The report of a run that is on record; the sides stay open.
pub(super) fn conclude(
    recorded: Recorded,
    request: &Request,
    report: &mut RunReport,
) -> Result<Kept> {
    let Recorded { loaded, plan } = recorded;
    if !plan.guards.is_empty() {
        confirm::remember(
            loaded.local.state(),
            &plan,
            &confirm::Shown::by(request, &loaded.names),
        )?;
    }
    report.take_plan(plan, None);
    Ok(Kept { local: loaded.local, remote: loaded.remote })
}

/// The guard's word, for a held action.
pub fn guard_word(guard: ubos_core::plan::Guard) -> Cow<'static, str> {
    match serde_json::to_value(guard) {
        Ok(Value::String(word)) => word.into(),
        _ => "guard".into(),
    }
}
