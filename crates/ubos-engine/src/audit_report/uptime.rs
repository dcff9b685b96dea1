//! What was fresh when. A moment is *down* if the machine was awake and the last complete run, or
//! the last wake, was more than ten minutes before.

use std::collections::BTreeMap;

use serde::Serialize;

use super::collect::{Facts, Failed};
use super::figures::When;

/// Two intervals: one missed slot costs nothing.
pub(super) const LIMIT: i64 = 600_000;
/// One interval.
const SLOT: i64 = 300_000;
/// Causes that lie in the network or in a peer that is off.
const OUTER: [&str; 5] =
    ["no-default-route", "name-not-resolved", "refused", "timed-out", "no-route"];

/// A stretch of time, in milliseconds since 1970.
type Span = (i64, i64);

/// A time in which nothing was complete for longer than ten minutes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outage {
    /// The end of the last complete run before, or the beginning of the window.
    pub from: When,
    /// The end of the next one; `None` if it lasts.
    pub to: Option<When>,
    /// Seconds that count as down.
    pub down_seconds: f64,
    /// Why attempts failed meanwhile, and how many did so; empty if none is on record.
    pub causes: BTreeMap<String, u64>,
}

/// Uptime, in three forms.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Uptime {
    /// Where the measuring begins: the window, or the log if it is younger.
    pub from: When,
    /// Seconds awake.
    pub awake_seconds: f64,
    /// Seconds down, whatever the cause.
    pub down_seconds: f64,
    /// Share of the awake time that was not down.
    pub raw: Option<f64>,
    /// Seconds of failed attempts whose cause lay in the network or in a peer that was off.
    pub excused_seconds: f64,
    /// As `raw`, without these.
    pub program: Option<f64>,
    /// Slots of five minutes in which the machine was awake throughout.
    pub slots: u64,
    /// Of these such in which a complete run ended.
    pub good_slots: u64,
    /// Outages.
    pub outages: Vec<Outage>,
}

/// Joins overlapping spans; drops empty ones.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|(from, to)| from < to);
    spans.sort_unstable();
    let mut out: Vec<Span> = Vec::new();
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

/// How much of `span` lies in `spans`, which are apart from one another.
fn overlap(span: Span, spans: &[Span]) -> i64 {
    let first = spans.partition_point(|(_, to)| *to <= span.0);
    let near = spans[first..].iter().take_while(|(from, _)| *from < span.1);
    near.map(|(from, to)| span.1.min(*to) - span.0.max(*from)).sum()
}

/// `spans` without what lies in `holes`.
fn without(spans: &[Span], holes: &[Span]) -> Vec<Span> {
    let mut out = Vec::new();
    for &(mut from, to) in spans {
        let first = holes.partition_point(|(_, end)| *end <= from);
        for &(start, end) in holes[first..].iter().take_while(|(start, _)| *start < to) {
            out.push((from, start.max(from)));
            from = end;
        }
        out.push((from, to.max(from)));
    }
    out.retain(|(from, to)| from < to);
    out
}

fn total(spans: &[Span]) -> i64 {
    spans.iter().map(|(from, to)| to - from).sum()
}

fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// The time in which an attempt had failed for an outer cause and none was made since: at most ten
/// minutes each, since more is not known.
fn excused(facts: &Facts, window: Span) -> Vec<Span> {
    let length = |run: &super::collect::Run| (run.seconds.unwrap_or(0.0) * 1000.0) as i64;
    let mut attempts: Vec<i64> = facts.runs.iter().map(|run| run.time - length(run)).collect();
    attempts.extend(facts.failures.iter().map(|failed| failed.started));
    attempts.sort_unstable();
    let outer = |failed: &&Failed| OUTER.contains(&failed.cause.as_str());
    let spans = facts.failures.iter().filter(outer).map(|failed| {
        let next = attempts.partition_point(|begun| *begun <= failed.time);
        let next = attempts.get(next).copied().unwrap_or(window.1);
        (failed.started.max(window.0), next.min(failed.time + LIMIT).min(window.1))
    });
    merged(spans.collect())
}

pub(super) fn measure(facts: &Facts, window: Span) -> Uptime {
    let Some(first) = facts.begin else { return Uptime::default() };
    let window = (window.0.max(first), window.1);
    if window.0 >= window.1 {
        return Uptime { from: When(window.0), ..Uptime::default() };
    }
    let starter = starter(facts);
    // When in the stretch between two readings it slept is not known; at its end, all that it was
    // awake counts as time since the run before.
    let slept = facts.slept.iter().filter(|slept| slept.on == starter);
    let asleep =
        merged(slept.map(|s| ((s.to - (s.seconds * 1000.0) as i64).max(s.from), s.to)).collect());
    let mut ends: Vec<i64> =
        facts.runs.iter().filter(|run| run.is_complete()).map(|run| run.time).collect();
    ends.sort_unstable();
    let down = down(&ends, &asleep, window);
    let excused = without(&excused(facts, window), &asleep);
    let awake = (window.1 - window.0) - overlap(window, &asleep);
    let fair = awake - total(&excused);
    let down_fair = total(&without(&down, &excused));
    let (slots, good_slots) = slots(&ends, &asleep, window);
    let share = |down: i64, of: i64| (of > 0).then(|| 1.0 - down as f64 / of as f64);
    Uptime {
        from: When(window.0),
        awake_seconds: seconds(awake),
        down_seconds: seconds(total(&down)),
        raw: share(total(&down), awake),
        excused_seconds: seconds(total(&excused)),
        program: share(down_fair, fair),
        slots,
        good_slots,
        outages: outages(&ends, &down, &facts.failures, window),
    }
}

/// The territory that starts most of the runs: its sleep is what counts.
fn starter(facts: &Facts) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for run in &facts.runs {
        *counts.entry(&run.from).or_default() += 1;
    }
    *counts.entry(&facts.own).or_default() += facts.failures.len() as u64;
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(name, _)| name.to_owned()).unwrap_or_default()
}

fn down(ends: &[i64], asleep: &[Span], window: Span) -> Vec<Span> {
    let before = ends.partition_point(|end| *end <= window.0);
    let start = before.checked_sub(1).map_or(window.0, |last| ends[last]);
    let wakes = asleep.iter().map(|(_, to)| *to);
    let mut fresh: Vec<i64> = ends[before..].iter().copied().chain(wakes).collect();
    fresh.retain(|time| *time > start && *time < window.1);
    fresh.push(start);
    fresh.sort_unstable();
    fresh.push(window.1);
    let stale = fresh.windows(2).map(|pair| ((pair[0] + LIMIT).max(window.0), pair[1]));
    without(&merged(stale.collect()), asleep)
}

fn slots(ends: &[i64], asleep: &[Span], window: Span) -> (u64, u64) {
    let mut slot = window.0 + (SLOT - window.0.rem_euclid(SLOT)) % SLOT;
    let (mut all, mut good) = (0, 0);
    while slot + SLOT <= window.1 {
        if overlap((slot, slot + SLOT), asleep) == 0 {
            all += 1;
            let next = ends.partition_point(|end| *end < slot);
            good += u64::from(ends.get(next).is_some_and(|end| *end < slot + SLOT));
        }
        slot += SLOT;
    }
    (all, good)
}

fn outages(ends: &[i64], down: &[Span], failures: &[Failed], window: Span) -> Vec<Outage> {
    let mut out: Vec<Outage> = Vec::new();
    for span in down {
        let next = ends.partition_point(|end| *end <= span.0);
        let from = next.checked_sub(1).map_or(window.0, |last| ends[last]);
        let to = ends.get(next).copied().filter(|end| *end <= window.1);
        let length = seconds(span.1 - span.0);
        if let Some(last) = out.last_mut().filter(|last| last.from == When(from)) {
            last.down_seconds += length;
            continue;
        }
        let mut causes = BTreeMap::new();
        let until = to.unwrap_or(window.1);
        for failed in failures.iter().filter(|f| f.time > from && f.time <= until) {
            *causes.entry(failed.cause.clone()).or_default() += 1;
        }
        out.push(Outage { from: When(from), to: to.map(When), down_seconds: length, causes });
    }
    out
}
