//! The figures of a window of time, worked out. Pure: facts, window and what was seen outside the log
//! go in, one value comes out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::collect::{Clash, Facts, Failed, Left, Run, Slept};
use super::figures::{
    BackupFigures, Changed, Clocks, Confirmed, Conflicts, Figures, Jump, OpenConflict, Outside,
    PeerRecord, Reason, Record, Runs, Scrubbed, Spread, Storage, When, Window,
};
use super::{put_back, uptime};
use crate::state::audit::Head;
use crate::state::chain;

/// An attempt so soon after a failed one, in milliseconds, is a retry.
const RETRY: i64 = 240_000;
const DAY: f64 = 86_400_000.0;
/// So many findings of a kind are listed; all are counted.
const SHOWN: usize = 20;

/// Computes them.
pub fn compute(facts: &Facts, window: Window, outside: &Outside) -> Figures {
    Figures {
        here: facts.own.clone(),
        peer: facts.peer.clone(),
        since: When(window.since),
        until: When(window.until),
        uptime: uptime::measure(facts, (window.since, window.until)),
        runs: runs(facts, window),
        conflicts: conflicts(facts, window),
        confirmed: confirmed(facts, window),
        held: reasons(&facts.left, "held", window),
        skipped: reasons(&facts.left, "skipped", window),
        backups: backups(facts, window, outside),
        put_back: put_back::compute(facts, window),
        record: record(facts, window, outside),
        versions: facts.versions.iter().map(|(_, on, which)| (on.clone(), which.clone())).collect(),
        version_changes: version_changes(facts, window),
        clocks: clocks(facts, window),
        storage: storage(facts, window),
        health: outside.health.clone(),
    }
}

fn runs(facts: &Facts, window: Window) -> Runs {
    let runs: Vec<&Run> = facts.runs.iter().filter(|run| window.has(run.time)).collect();
    let failures: Vec<&Failed> = facts.failures.iter().filter(|f| window.has(f.time)).collect();
    let lost = facts.lost.iter().filter(|time| window.has(**time)).count() as u64;
    let mut out = Runs { retries: retries(facts, window), lost, ..Runs::default() };
    let add = |sums: &mut BTreeMap<String, u64>, more: &BTreeMap<String, u64>| {
        more.iter().for_each(|(name, sum)| *sums.entry(name.clone()).or_default() += sum);
    };
    for run in &runs {
        *out.by_exit.entry(run.exit).or_default() += 1;
        let mode = run.mode.as_deref().unwrap_or("not on record");
        *out.by_mode.entry(mode.to_owned()).or_default() += 1;
        run.files_to.iter().for_each(|more| add(&mut out.files_to, more));
        run.bytes_to.iter().for_each(|more| add(&mut out.bytes_to, more));
        out.wire_bytes += run.wire_bytes.unwrap_or(0);
        out.unmeasured += u64::from(run.seconds.is_none());
        run.guarded_by.iter().for_each(|g| *out.guards.entry(g.clone()).or_default() += 1);
    }
    for failed in &failures {
        *out.by_exit.entry(failed.exit).or_default() += 1;
        *out.failures.entry(failed.cause.clone()).or_default() += 1;
        if failed.exit == 4 {
            *out.guards.entry(failed.kind.clone()).or_default() += 1;
        }
    }
    out.seconds = Spread::of(runs.iter().filter_map(|run| run.seconds).collect());
    out.oldest_change = Spread::of(ages(&facts.runs, window));
    out
}

/// How long the oldest change waited that each run carried: since its modification time, but not
/// longer than since the beginning of the last run that carried everything. Before there was one, a
/// modification time says nothing about waiting.
fn ages(runs: &[Run], window: Window) -> Vec<f64> {
    let mut covered: Option<f64> = None;
    let mut out = Vec::new();
    for run in runs {
        let end = run.time as f64 / 1000.0;
        if let (Some(age), Some(covered)) = (run.oldest_change, covered)
            && window.has(run.time)
        {
            // Times are in milliseconds; more digits would only be noise.
            out.push(((age.min(end - covered)) * 1000.0).round() / 1000.0);
        }
        if run.whole && run.exit == 0 {
            covered = Some(end - run.seconds.unwrap_or(0.0));
        }
    }
    out
}

fn retries(facts: &Facts, window: Window) -> u64 {
    let length = |run: &Run| (run.seconds.unwrap_or(0.0) * 1000.0) as i64;
    let own = facts.runs.iter().filter(|run| run.from == facts.own);
    let begun = own.map(|run| run.time - length(run));
    let begun: Vec<i64> = begun.chain(facts.failures.iter().map(|f| f.started)).collect();
    let ended: BTreeSet<i64> = facts.failures.iter().map(|f| f.time).collect();
    let retried = |begin: &&i64| {
        let last = ended.range(..=**begin).next_back();
        window.has(**begin) && last.is_some_and(|end| **begin - end <= RETRY)
    };
    begun.iter().filter(retried).count() as u64
}

fn conflicts(facts: &Facts, window: Window) -> Conflicts {
    let mut closed: BTreeMap<String, u64> = BTreeMap::new();
    let mut unproved = Vec::new();
    let mut open = Vec::new();
    for Clash { path, opened, closed: ended, decided } in &facts.clashes {
        match ended {
            Some((time, by)) if window.has(*time) => {
                *closed.entry(by.clone()).or_default() += 1;
                if !decided {
                    unproved.push(path.clone());
                }
            }
            Some((time, _)) if *time < window.until => {}
            _ if *opened < window.until => {
                let age_seconds = (window.until - opened) as f64 / 1000.0;
                open.push(OpenConflict { path: path.clone(), age_seconds });
            }
            _ => {}
        }
    }
    let last = facts.runs.iter().rfind(|run| run.time < window.until);
    let counted = last.map(|run| run.conflicts);
    // More are open by their records than the last run saw: the oldest are gone without a record.
    let gone = counted.map_or(0, |counted| open.len().saturating_sub(counted as usize));
    unproved.extend(open.drain(..gone).map(|conflict| conflict.path));
    let opened = facts.clashes.iter().filter(|clash| window.has(clash.opened)).count() as u64;
    Conflicts { opened, closed, open, counted, unproved }
}

fn confirmed(facts: &Facts, window: Window) -> Vec<Confirmed> {
    let confirmed = facts.confirmed.iter().filter(|(time, ..)| window.has(*time)).cloned();
    confirmed.map(|(time, who, plan)| Confirmed { time: When(time), who, plan }).collect()
}

fn reasons(left: &[Left], event: &str, window: Window) -> BTreeMap<String, Reason> {
    let mut before: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut now: BTreeSet<(&str, &str)> = BTreeSet::new();
    for left in left.iter().filter(|left| left.event == event) {
        let key = (left.reason.as_str(), left.path.as_str());
        if left.time < window.since {
            before.insert(key);
        } else if window.has(left.time) {
            now.insert(key);
        }
    }
    let mut out: BTreeMap<String, Reason> = BTreeMap::new();
    for key in now {
        let reason = out.entry(key.0.to_owned()).or_default();
        reason.paths += 1;
        reason.new += u64::from(!before.contains(&key));
    }
    out
}

fn backups(facts: &Facts, window: Window, outside: &Outside) -> BackupFigures {
    let mut scrubs = Scrubbed::default();
    for (_, files, bytes, damaged) in facts.scrubs.iter().filter(|scrub| window.has(scrub.0)) {
        scrubs.times += 1;
        scrubs.files += files;
        scrubs.bytes += bytes;
        scrubs.damaged += damaged;
    }
    let pruned = facts.pruned.iter().filter(|time| window.has(**time)).count() as u64;
    let mut findings = BTreeMap::new();
    for (_, place) in facts.damaged.iter().filter(|(time, _)| window.has(*time)) {
        *findings.entry(place.clone()).or_default() += 1;
    }
    BackupFigures { now: outside.backups.clone(), pruned, scrubs, findings }
}

fn record(facts: &Facts, window: Window, outside: &Outside) -> Record {
    let heads: Vec<Head> = facts.heads.iter().map(|(_, head)| head.clone()).collect();
    // What was put back while the peer was away made no generation, and names none.
    let named = facts.runs.iter().map(|run| run.generation).filter(|generation| *generation > 0);
    let named: Vec<u64> = named.collect();
    let back = named.windows(2).filter(|pair| pair[1] < pair[0]);
    let peer = outside.peer.as_ref().map(|check| PeerRecord {
        records: check.records,
        fault: check.fault.clone(),
        wrong: check.wrong.clone(),
        denied: outside.denied.clone(),
    });
    let verdict = facts.verdict.as_ref();
    Record {
        records: verdict.map_or(0, |verdict| verdict.records),
        in_window: facts.times.iter().filter(|time| window.has(**time)).count() as u64,
        begin: facts.begin.map(When),
        end: facts.end.clone(),
        fault: verdict.and_then(|verdict| verdict.fault.clone()),
        heads: facts.heads.iter().filter(|(time, _)| window.has(*time)).count() as u64,
        heads_fault: chain::contradiction(&heads),
        last_head: heads.into_iter().last(),
        peer,
        not_asked: outside.not_asked.clone(),
        changes: facts.changes,
        breaks: facts.breaks.len() as u64,
        broken: facts.breaks.iter().take(SHOWN).cloned().collect(),
        generations_back: back.count() as u64,
        generation: named.last().copied(),
    }
}

fn version_changes(facts: &Facts, window: Window) -> Vec<Changed> {
    let mut known: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut out = Vec::new();
    for (time, on, which) in &facts.versions {
        let before = known.insert(on, which);
        if before.is_some_and(|before| before != which) && window.has(*time) {
            out.push(Changed { time: When(*time), on: on.clone() });
        }
    }
    out
}

fn clocks(facts: &Facts, window: Window) -> Clocks {
    let runs = facts.runs.iter().filter(|run| window.has(run.time));
    let offset = Spread::of(runs.filter_map(|run| run.clock_offset.map(f64::abs)).collect());
    let own = facts.slept.iter().filter(|slept| slept.on == facts.own && window.has(slept.to));
    let set = own.filter(|slept| slept.jump.abs() >= 2.0);
    let jump = |slept: &Slept| Jump { time: When(slept.to), seconds: slept.jump };
    Clocks { offset, jumps: set.map(jump).collect() }
}

fn storage(facts: &Facts, window: Window) -> Storage {
    let own: Vec<_> = facts
        .storage
        .iter()
        .filter(|(time, on, ..)| *on == facts.own && window.has(*time))
        .collect();
    let Some((last, _, free, total)) = own.last() else { return Storage::default() };
    let points: Vec<(f64, f64)> =
        own.iter().map(|(time, _, free, _)| ((time - last) as f64 / DAY, *free as f64)).collect();
    let long_enough = points.first().is_some_and(|(day, _)| *day <= -1.0);
    let per_day = slope(&points).filter(|_| long_enough).map(|slope| -slope);
    let days_left = per_day.filter(|rate| *rate > 0.0).map(|rate| *free as f64 / rate);
    Storage { free: Some(*free), total: Some(*total), per_day, days_left }
}

/// Of the straight line that is nearest to the points.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut both, mut square) = (0.0, 0.0);
    for (x, y) in points {
        both += (x - mean_x) * (y - mean_y);
        square += (x - mean_x) * (x - mean_x);
    }
    (square > 0.0).then(|| both / square)
}
