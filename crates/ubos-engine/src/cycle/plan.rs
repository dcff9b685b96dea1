//! Stage 4: core's plan with its guards. A dry run ends here.

use std::collections::BTreeSet;

use ubos_core::baseline::Baseline;
use ubos_core::conflict::Notice;
use ubos_core::entry::{Base, Entry, State};
use ubos_core::limits::Limits;
use ubos_core::path::RelPath;
use ubos_core::plan::{Guard, Item, Plan, PlanInput, id_of, plan as order, within_run};
use ubos_core::sides::{Side, Sides};

use super::load::Loaded;
use super::reconcile::{Reconciled, selection};
use super::report::RunReport;
use super::{Event, Listener, Request, confirm, recent, report};
use crate::agent::message::{Guarded, OpenMatter};
use crate::clock;
use crate::endpoint::Scanned;
use crate::error::Result;
use crate::state::matters;
use crate::state::table::Table;

/// What will be done.
pub(super) struct Planned {
    /// The sides.
    pub loaded: Loaded,
    /// What was seen.
    pub seen: Sides<Scanned>,
    /// The plan.
    pub plan: Plan,
}

pub(super) fn plan(
    reconciled: Reconciled,
    request: &Request,
    report: &mut RunReport,
) -> Result<Planned> {
    let Reconciled { mut loaded, seen, decisions } = reconciled;
    let shown = confirm::Shown::by(request, &loaded.names);
    let confirmed = match &request.confirm {
        Some(id) => Some(confirm::recall(loaded.local.state(), &loaded.pair, id, &shown)?),
        None => None,
    };
    let untracked = ask_untracked(&mut loaded, decisions.questions())?;
    let selection = selection(&loaded)?;
    let table = loaded.local.table()?;
    let first = is_first(&loaded, table)?;
    let entry_of = |path: &RelPath| {
        let entry = selection.entry_of(path, false).or_else(|| selection.entry_of(path, true));
        entry.map(|entry| entry.0 as u32)
    };
    // The log of a day can be long; only a run that may delete has to look at it.
    let recent = match something_is_gone(&seen) {
        true => recent::deletes(loaded.local.state(), &loaded.names)?,
        false => Sides::default(),
    };
    let mut plan = order(
        decisions,
        &untracked,
        &PlanInput {
            baseline: table,
            filter: request.filter,
            confirmed: confirmed.as_ref(),
            recent_deletes: recent,
            entry_of: &entry_of,
            scanned: seen.as_ref().map(|side| side.scanned),
            first_run: first.then(|| shared(&seen) + agreed(&loaded, table)),
        },
    );
    plan.id = shown.id(&plan.id);
    loaded.guarded = guarded(&plan);
    keep_resolved_only(&mut plan, request);
    within_run(&mut plan, loaded.limits.as_ref().map(Limits::of_run));
    add_times(&mut loaded, &mut plan)?;
    note_strange_dates(&seen, &mut plan);
    if request.resolutions.is_some() && !plan.refused.is_empty() {
        report.refused.clone_from(&plan.refused);
    }
    report.scanned = seen.as_ref().map(|side| side.scanned);
    Ok(Planned { loaded, seen, plan })
}

/// Tells what will be changed, if anything will.
pub(super) fn announce(plan: &Plan, run: &str, listener: Listener<'_>) {
    let operations = plan.items.iter().filter(|item| item.guard.is_none());
    let mut count = Sides::new(0, 0);
    for op in operations.flat_map(|item| &item.ops) {
        *count.get_mut(op.to) += 1;
    }
    if count.here + count.there > 0 {
        listener(Event::Changing { run: run.to_owned(), here: count.here, there: count.there });
    }
}

/// What a guard holds, each with the plan that carries it out from either side.
fn guarded(plan: &Plan) -> Vec<OpenMatter> {
    let held: Vec<&Item> = plan.items.iter().filter(|item| item.guard.is_some()).collect();
    if held.is_empty() {
        return Vec::new();
    }
    let own: Vec<Item> = held.iter().map(|item| (*item).clone()).collect();
    let mirrored: Vec<Item> = held.iter().map(|item| item.mirrored()).collect();
    let plans = Sides::new(id_of(&own), id_of(&mirrored));
    let mut matters = Vec::new();
    for (item, mirrored) in held.iter().zip(&mirrored) {
        let digests = Sides::new(item.digest(), mirrored.digest());
        for action in item.ops.iter().flat_map(|op| report::actions(op, 0, item.guard)) {
            let Some(guard) = action.held_by else { continue };
            matters.push(OpenMatter::Guarded(Box::new(Guarded {
                path: action.path,
                on: action.to,
                op: action.op.to_owned(),
                guard,
                plans: plans.clone(),
                digests,
            })));
        }
    }
    matters
}

/// A person's decision about single paths carries out nothing else.
fn keep_resolved_only(plan: &mut Plan, request: &Request) {
    if request.resolutions.is_some() || !request.leave.is_empty() {
        plan.items.retain(Item::is_resolved);
        plan.guards.retain(|report| report.guard == Guard::Mount);
    }
}

/// A conflict shows when each version was modified, also the one that the scan did not have to
/// look at.
fn add_times(loaded: &mut Loaded, plan: &mut Plan) -> Result<()> {
    for side in Side::BOTH {
        let mut seen: Vec<_> = plan
            .conflicts
            .iter_mut()
            .filter_map(|c| Some((c.path.clone(), c.sides.get_mut(side).as_mut()?)))
            .filter(|(_, seen)| seen.mtime.is_none())
            .collect();
        if seen.is_empty() {
            continue;
        }
        let paths: Vec<RelPath> = seen.iter().map(|(path, _)| path.clone()).collect();
        let times = super::recover::endpoint(loaded, side).times(&paths)?;
        for ((_, seen), time) in seen.iter_mut().zip(times) {
            seen.mtime = time;
        }
    }
    Ok(())
}

/// A date before 1970 or beyond tomorrow is copied like any other and decides nothing; it may still
/// surprise someone.
fn note_strange_dates(seen: &Sides<Scanned>, plan: &mut Plan) {
    let tomorrow = clock::now().0 + 86_400;
    for op in plan.items.iter().flat_map(|item| &item.ops).filter(|op| op.needs_content()) {
        let source = op.to.other();
        let time = seen.get(source).changes.get(&op.path).and_then(|observation| observation.mtime);
        if time.is_some_and(|(seconds, _)| seconds < 0 || seconds > tomorrow) {
            let (path, reason) = (op.path.clone(), "strange-date".to_owned());
            plan.notices.push(Notice { path, on: source, reason });
        }
    }
}

/// Whether anything that was agreed on is absent on a side: without that no plan deletes.
fn something_is_gone(seen: &Sides<Scanned>) -> bool {
    seen.iter().any(|(_, side)| side.changes.values().any(|seen| seen.state.is_absent()))
}

/// Whether the two folders meet for the first time. They still do after a run that was held because
/// of that: it is a person who says that they belong together, not the next run.
fn is_first(loaded: &Loaded, table: &Table) -> Result<bool> {
    if table.header().generation == 0 || loaded.order.blank.is_some() {
        return Ok(true);
    }
    let open = matters::load(loaded.local.state(), &loaded.pair)?;
    Ok(open.iter().any(|matter| match matter {
        OpenMatter::Guarded(held) => held.guard == Guard::FirstRun,
        _ => false,
    }))
}

/// How many files and links a held first run already found alike. A scan tells only what differs from
/// them.
fn agreed(loaded: &Loaded, table: &Table) -> u64 {
    let mut count = 0;
    if loaded.order.blank.is_none() {
        table.below(None, &mut |_, row| {
            count += u64::from(matches!(&row.base, Base::Known(entry) if *entry != Entry::Dir));
            true
        });
    }
    count
}

/// How many files and links both sides hold alike, among those that are not in the baseline.
fn shared(seen: &Sides<Scanned>) -> u64 {
    let there = &seen.there.changes;
    let same = seen.here.changes.iter().filter(|(path, observation)| {
        !matches!(observation.state, State::Present(Entry::Dir))
            && observation.state.entry().is_some()
            && there.get(*path).is_some_and(|other| other.state == observation.state)
    });
    same.count() as u64
}

fn ask_untracked(
    loaded: &mut Loaded,
    questions: Sides<Vec<RelPath>>,
) -> Result<Sides<BTreeSet<RelPath>>> {
    let mut answers = Sides::<BTreeSet<RelPath>>::default();
    for side in Side::BOTH {
        let folders = questions.get(side);
        if !folders.is_empty() {
            *answers.get_mut(side) = super::recover::endpoint(loaded, side).untracked(folders)?;
        }
    }
    Ok(answers)
}
