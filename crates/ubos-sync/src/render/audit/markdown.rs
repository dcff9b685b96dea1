//! The report as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use ubos_engine::audit_report::figures::{Reason, Spread};
use ubos_engine::audit_report::{Figures, When};
use ubos_engine::clock;

use super::actions;
use crate::render::units::{bytes, number};
use crate::ui::sanitize::one_line;

/// First line of every report; a file that begins otherwise is somebody else's.
pub(crate) const MARK: &str =
    "<!-- written by `ubos-sync audit`; the next report of this day replaces it -->";
/// So many outages, conflicts or findings are listed.
const SHOWN: usize = 20;
const ABSENT: &str = "not on record";

/// The report.
pub(crate) fn markdown(figures: &Figures) -> String {
    let mut out = String::new();
    let day = time(figures.until)[..10].to_owned();
    line(&mut out, MARK);
    line(&mut out, &format!("# State of the republic: sync, {day}"));
    line(&mut out, "");
    line(
        &mut out,
        &format!(
            "{} and {}, from {} to {}. All times are UTC. Every figure comes from the audit log of {} \
             (`.ubos-sync/log/`), but for those marked *now*.",
            name(&figures.here),
            name(&figures.peer),
            time(figures.since),
            time(figures.until),
            name(&figures.here)
        ),
    );
    to_do(&mut out, figures);
    uptime(&mut out, figures);
    runs(&mut out, figures);
    decisions(&mut out, figures);
    record(&mut out, figures);
    keeping(&mut out, figures);
    machines(&mut out, figures);
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn heading(out: &mut String, text: &str) {
    let _ = write!(out, "\n## {text}\n\n");
}

fn row(out: &mut String, what: &str, value: &str) {
    let _ = writeln!(out, "- {what}: {value}");
}

/// A name or path that came from a disk or a peer: harmless, and never Markdown.
fn name(text: &str) -> String {
    format!("`{}`", one_line(text).replace('`', "'"))
}

fn time(when: When) -> String {
    let text = clock::rfc3339_ms(when.0);
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// Rounded down: 100 % is said only of what was never down.
fn share(value: Option<f64>) -> String {
    let rounded = |share: f64| (share * 1e5).floor() / 1e3;
    value.map_or(ABSENT.to_owned(), |share| format!("{:.3} %", rounded(share)))
}

fn length(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

fn spread(spread: &Spread) -> String {
    match (spread.p50, spread.p95, spread.p99, spread.max) {
        (Some(p50), Some(p95), Some(p99), Some(max)) => format!(
            "p50 {}, p95 {}, p99 {}, at most {} ({} measured)",
            length(p50),
            length(p95),
            length(p99),
            length(max),
            spread.count
        ),
        _ => ABSENT.to_owned(),
    }
}

fn counts<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let words: Vec<String> = counts.iter().map(|(key, n)| format!("{key} × {n}")).collect();
    if words.is_empty() { "none".to_owned() } else { one_line(&words.join(", ")) }
}

fn to_do(out: &mut String, figures: &Figures) {
    heading(out, "To do");
    let actions = actions::of(figures);
    for action in &actions {
        let _ = writeln!(out, "- {action}");
    }
    if actions.is_empty() {
        line(out, "Nothing waits for a person, as far as this log tells.");
    }
}

fn uptime(out: &mut String, figures: &Figures) {
    let uptime = &figures.uptime;
    heading(out, "Uptime");
    line(
        out,
        "A moment counts as down if the machine that starts the runs was awake and the last complete \
         run, or the last wake, was more than 10 minutes before. Complete is a run in both directions \
         that ended with 0, 3 or 4.\n",
    );
    row(out, "raw, whatever the cause", &share(uptime.raw));
    row(
        out,
        "program, without minutes when the network or the peer was down",
        &share(uptime.program),
    );
    let slots = match uptime.slots {
        0 => ABSENT.to_owned(),
        all => {
            let good = uptime.good_slots;
            format!("{good} of {all} ({})", share(Some(good as f64 / all as f64)))
        }
    };
    row(out, "slots of five minutes with a complete run", &slots);
    row(out, "awake", &length(uptime.awake_seconds));
    row(out, "down", &length(uptime.down_seconds));
    row(out, "network or peer down by a failed attempt", &length(uptime.excused_seconds));
    row(out, "measured since", &time(uptime.from));
    row(out, "outages of more than 10 minutes", &number(uptime.outages.len() as u64));
    for outage in uptime.outages.iter().take(SHOWN) {
        let to = outage.to.map_or("now".to_owned(), time);
        let cause = match outage.causes.is_empty() {
            true => "no failed attempt is on record here".to_owned(),
            false => counts(&outage.causes),
        };
        let down = length(outage.down_seconds);
        let _ = writeln!(out, "  - {} to {to}, {down} down: {cause}", time(outage.from));
    }
    more(out, uptime.outages.len());
}

fn more(out: &mut String, all: usize) {
    if all > SHOWN {
        let _ = writeln!(out, "  - and {} more", all - SHOWN);
    }
}

fn runs(out: &mut String, figures: &Figures) {
    let runs = &figures.runs;
    heading(out, "Runs");
    row(out, "by exit code", &counts(&runs.by_exit));
    row(out, "started by", &counts(&runs.by_mode));
    row(out, "failed attempts by cause", &counts(&runs.failures));
    row(out, "retries", &number(runs.retries));
    row(out, "runs of the peer that lost it before their end", &number(runs.lost));
    row(out, "length", &spread(&runs.seconds));
    for (to, files) in &runs.files_to {
        let size = bytes(runs.bytes_to.get(to).copied().unwrap_or(0));
        row(out, &format!("brought to {}", name(to)), &format!("{} files, {size}", number(*files)));
    }
    row(out, "over the wire", &bytes(runs.wire_bytes));
    row(out, "age of the oldest unsynced change", &spread(&runs.oldest_change));
    if runs.unmeasured > 0 {
        row(out, "runs without measures", &format!("{} ({ABSENT})", runs.unmeasured));
    }
    row(out, "guards", &counts(&runs.guards));
}

fn decisions(out: &mut String, figures: &Figures) {
    let conflicts = &figures.conflicts;
    heading(out, "Decisions");
    row(out, "conflicts opened", &number(conflicts.opened));
    row(out, "conflicts closed, by whom", &counts(&conflicts.closed));
    let open = conflicts.counted.map_or(ABSENT.to_owned(), number);
    row(out, "conflicts open after the last run", &open);
    for conflict in conflicts.open.iter().take(SHOWN) {
        let _ = writeln!(out, "  - {} for {}", name(&conflict.path), length(conflict.age_seconds));
    }
    more(out, conflicts.open.len());
    row(
        out,
        "closed without the record of a decision (must be 0)",
        &number(conflicts.unproved.len() as u64),
    );
    for path in conflicts.unproved.iter().take(SHOWN) {
        let _ = writeln!(out, "  - {}", name(path));
    }
    row(out, "confirmations", &number(figures.confirmed.len() as u64));
    for confirmed in figures.confirmed.iter().take(SHOWN) {
        let (who, plan) = (name(&confirmed.who), name(&confirmed.plan));
        let _ = writeln!(out, "  - {}, plan {plan}, by {who}", time(confirmed.time));
    }
    row(out, "held", &reasons(&figures.held));
    row(out, "skipped", &reasons(&figures.skipped));
}

fn reasons(reasons: &BTreeMap<String, Reason>) -> String {
    let words: Vec<String> = reasons
        .iter()
        .map(|(word, reason)| format!("{word} × {} ({} new)", reason.paths, reason.new))
        .collect();
    if words.is_empty() { "none".to_owned() } else { one_line(&words.join(", ")) }
}

fn record(out: &mut String, figures: &Figures) {
    let record = &figures.record;
    heading(out, "The record");
    let chain = match &record.fault {
        None => "whole".to_owned(),
        Some(fault) => format!("**broken**: {}", one_line(fault)),
    };
    row(out, &format!("chain of {}", name(&figures.here)), &chain);
    let (all, within) = (number(record.records), number(record.in_window));
    row(out, "records", &format!("{all} sound, {within} of this time"));
    row(out, "it begins", &record.begin.map_or(ABSENT.to_owned(), time));
    let peer = match (&record.peer, &record.not_asked) {
        (Some(peer), _) => match &peer.fault {
            None => format!("whole, {} records (*now*)", number(peer.records)),
            Some(fault) => format!("**broken**: {} (*now*)", one_line(fault)),
        },
        (None, why) => {
            let why = why.as_deref().unwrap_or("not wanted");
            format!("not asked: {}", one_line(why))
        }
    };
    row(out, &format!("chain of {}", name(&figures.peer)), &peer);
    let agrees = match (&record.heads_fault, &record.peer) {
        (Some(fault), _) => format!("**contradict one another**: {fault}"),
        (None, Some(peer)) if !peer.wrong.is_empty() || !peer.denied.is_empty() => format!(
            "**do not match**: {} of its log, {} of this one",
            peer.wrong.len(),
            peer.denied.len()
        ),
        (None, Some(_)) => "match on both sides".to_owned(),
        (None, None) => "consistent with one another; not compared with its log".to_owned(),
    };
    row(out, &format!("heads noted ({})", record.heads), &agrees);
    let last = record.last_head.as_ref().map(|head| format!("{} {}", head.seq, head.hash));
    row(out, "last head noted of the peer", &last.unwrap_or(ABSENT.to_owned()));
    let changes = format!("{} of {}", record.breaks, number(record.changes));
    row(out, "changes that do not continue the one before", &changes);
    for broken in &record.broken {
        let _ = writeln!(out, "  - record {}: {}", broken.seq, name(&broken.path));
    }
    row(out, "generations out of order", &number(record.generations_back));
    row(out, "generation", &record.generation.map_or(ABSENT.to_owned(), number));
}

fn keeping(out: &mut String, figures: &Figures) {
    let backups = &figures.backups;
    heading(out, "Backups and storage");
    if let Some(now) = &backups.now {
        let oldest = now.oldest.as_deref().map_or("none".to_owned(), name);
        let what =
            format!("{} files, {}; oldest run {oldest}", number(now.files), bytes(now.bytes));
        row(out, "backups (*now*)", &what);
    }
    row(out, "runs whose backups expired", &number(backups.pruned));
    let scrubs = backups.scrubs;
    let scrubbed = match scrubs.times {
        0 => ABSENT.to_owned(),
        times => format!(
            "{times} times, {} files, {}, {} damaged",
            number(scrubs.files),
            bytes(scrubs.bytes),
            scrubs.damaged
        ),
    };
    row(out, "hashed anew", &scrubbed);
    let back = &figures.put_back;
    let found = |place: &str| backups.findings.get(place).copied().unwrap_or(0);
    let _ = writeln!(
        out,
        "- restores done: {} ({} paths), undone runs: {} ({} paths), backup re-hash findings: {}",
        number(back.restores),
        number(back.restored),
        number(back.undos),
        number(back.undone),
        number(found("backups") + found("sealed")),
    );
    let storage = &figures.storage;
    let free = storage.free.zip(storage.total);
    let free = free.map(|(free, total)| format!("{} of {}", bytes(free), bytes(total)));
    row(out, "free", &free.unwrap_or(ABSENT.to_owned()));
    let forecast = match (storage.per_day, storage.days_left) {
        (Some(_), Some(days)) => format!("full in {days:.0} days at this rate"),
        (Some(_), None) => "it does not shrink".to_owned(),
        (None, _) => "too little on record".to_owned(),
    };
    row(out, "forecast", &forecast);
}

fn machines(out: &mut String, figures: &Figures) {
    heading(out, "Machines");
    for (on, versions) in &figures.versions {
        row(out, &format!("versions on {}", name(on)), &one_line(&versions.to_string()));
    }
    if figures.versions.is_empty() {
        row(out, "versions", ABSENT);
    }
    for change in &figures.version_changes {
        row(out, &format!("others on {}", name(&change.on)), &time(change.time));
    }
    let offset = &figures.clocks.offset;
    row(out, "clocks apart", &spread(offset));
    row(out, "times the clock was set", &number(figures.clocks.jumps.len() as u64));
    for jump in figures.clocks.jumps.iter().take(SHOWN) {
        let _ = writeln!(out, "  - {}, by {:.1} s", time(jump.time), jump.seconds);
    }
    let health = figures.health.as_ref();
    let told = |key: &str| {
        let value = health.and_then(|health| health.get(key)).filter(|value| !value.is_null());
        value.map_or(ABSENT.to_owned(), |value| one_line(value.to_string().trim_matches('"')))
    };
    row(out, "last attempt (*now*)", &told("last_attempt"));
    row(out, "next run (*now*)", &told("next_run"));
}
