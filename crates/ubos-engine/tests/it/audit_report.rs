//! The audit's figures on logs of which the truth is known, whole and tampered with.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use ubos_engine::audit_report::figures::Spread;
use ubos_engine::audit_report::{Figures, Outside, Window, collect, compute};
use ubos_engine::clock;
use ubos_engine::state::StateDir;
use ubos_engine::state::audit::Audit;

/// 2026-11-15, midnight, in milliseconds.
pub(crate) const BEGIN: i64 = 1_794_700_800_000;
pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A log of the laptop, written by the real writer at invented times.
pub(crate) struct Log {
    pub(crate) dir: TempDir,
    pub(crate) state: StateDir,
    pub(crate) audit: Audit,
    pub(crate) run: u64,
}

impl Log {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        let audit = Audit::open(&state).unwrap();
        Self { dir, state, audit, run: 0 }
    }

    pub(crate) fn note(&mut self, time: i64, fields: Value) {
        let Value::Object(fields) = fields else { panic!("a record is an object") };
        self.audit.note_at(&clock::rfc3339_ms(time), &format!("r{}", self.run), fields);
    }

    /// A run that ends at `time`, with more fields.
    pub(crate) fn run(&mut self, time: i64, exit: u64, more: Value) {
        let mut record = json!({
            "event": "run", "command": "tick", "from": "localhost", "to": "balaur", "exit": exit,
            "seconds": 1.0, "mode": "timer", "whole": true, "generation": 1, "conflicts": 0,
            "held": 0, "skipped": 0, "guards": 0, "actions": 0,
        });
        merge(&mut record, more);
        self.note(time, record);
        self.run += 1;
    }

    pub(crate) fn failed(&mut self, time: i64, kind: &str, exit: u64, cause: Option<&str>) {
        let started = clock::rfc3339_ms(time - SECOND);
        self.note(
            time,
            json!({
                "event": "run-failed", "kind": kind, "exit": exit, "message": "", "cause": cause,
                "command": "tick", "from": "localhost", "to": "balaur", "started": started,
                "seconds": 1.0, "mode": "timer", "whole": true,
            }),
        );
        self.run += 1;
    }

    pub(crate) fn change(
        &mut self,
        time: i64,
        path: &str,
        before: &Value,
        after: &Value,
        reason: &str,
    ) {
        self.note(
            time,
            json!({
                "event": "change", "path": path, "to": "balaur", "op": "update", "before": before,
                "after": after, "reason": reason,
            }),
        );
    }

    /// Runs every five minutes from `from` up to but not at `to`.
    pub(crate) fn quiet(&mut self, from: i64, to: i64) {
        (from..to).step_by(5 * MINUTE as usize).for_each(|time| self.run(time, 0, json!({})));
    }

    pub(crate) fn figures(&mut self, since: i64, until: i64) -> Figures {
        self.audit.sync().unwrap();
        let facts = collect(&self.state, "localhost", "balaur").unwrap();
        compute(&facts, Window { since, until }, &Outside::default())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.state.path("log/audit-000001.jsonl")
    }
}

pub(crate) fn merge(record: &mut Value, more: Value) {
    if let (Value::Object(record), Value::Object(more)) = (record, more) {
        record.extend(more);
    }
}

pub(crate) fn close(found: Option<f64>, wanted: f64) {
    assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-9), "{found:?} is not {wanted}");
}

/// A week: eight hours asleep, two hours without a network, an hour without an agent.
pub(crate) fn week() -> Log {
    let mut log = Log::new();
    log.quiet(BEGIN, BEGIN + DAY);
    // Asleep from 00:00 to 08:00 of the second day.
    let wake = BEGIN + DAY + 8 * HOUR;
    log.note(
        wake,
        json!({
            "event": "awake", "on": "localhost", "slept_seconds": 8 * 3600, "clock_jump": 0.0,
            "from": clock::rfc3339_ms(BEGIN + DAY - 5 * MINUTE), "to": clock::rfc3339_ms(wake),
        }),
    );
    log.quiet(wake, BEGIN + 2 * DAY);
    // Attempts fail from 00:00 until 01:55 of the third day.
    for minute in (0..120).step_by(5) {
        log.failed(BEGIN + 2 * DAY + minute * MINUTE, "unreachable", 5, Some("timed-out"));
    }
    log.quiet(BEGIN + 2 * DAY + 2 * HOUR, BEGIN + 3 * DAY);
    for minute in (0..60).step_by(5) {
        log.failed(BEGIN + 3 * DAY + minute * MINUTE, "unreachable", 5, Some("agent-missing"));
    }
    log.quiet(BEGIN + 3 * DAY + HOUR, BEGIN + 7 * DAY);
    log
}

#[test]
fn uptime_of_a_week_with_sleep_a_lost_network_and_a_lost_agent() {
    let mut log = week();
    let figures = log.figures(BEGIN, BEGIN + 7 * DAY);
    let uptime = &figures.uptime;
    let awake = (7 * 24 - 8) as f64 * 3600.0;
    assert_eq!(uptime.awake_seconds, awake);
    // From the last run, 23:55, to 02:00, less ten minutes; and to 01:00 of the day after.
    let (network, agent) = (115.0 * 60.0, 55.0 * 60.0);
    assert_eq!(uptime.down_seconds, network + agent);
    close(uptime.raw, 1.0 - (network + agent) / awake);
    // From the first failed attempt's begin, a second before midnight, to the begin of the run at 02:00.
    let excused = 7200.0;
    assert_eq!(uptime.excused_seconds, excused);
    // Of the down time of the network only the second before that run began is not explained.
    close(uptime.program, 1.0 - (agent + 1.0) / (awake - excused));
    assert_eq!(uptime.outages.len(), 2);
    assert_eq!(uptime.outages[0].causes.get("timed-out"), Some(&24));
    assert_eq!(uptime.outages[1].causes.get("agent-missing"), Some(&12));
    assert_eq!(uptime.slots, 7 * 288 - 96);
    assert_eq!(uptime.good_slots, 7 * 288 - 96 - 24 - 12);
    assert_eq!(figures.runs.by_exit.get(&5), Some(&36));
    assert!(figures.is_sound());
}

#[test]
fn a_window_is_cut_at_both_ends_and_a_younger_log_begins_it() {
    let mut log = week();
    // In the middle of the lost network.
    let (since, until) = (BEGIN + 2 * DAY + HOUR, BEGIN + 2 * DAY + 90 * MINUTE);
    let uptime = log.figures(since, until).uptime;
    close(uptime.raw, 0.0);
    assert_eq!((uptime.outages[0].to, uptime.outages[0].down_seconds), (None, 1800.0));
    // What ends at the end is not in it, what ends at its beginning is.
    let figures = log.figures(BEGIN, BEGIN + 10 * MINUTE);
    assert_eq!(figures.runs.by_exit.get(&0), Some(&2));
    let early = log.figures(BEGIN - 30 * DAY, BEGIN + DAY).uptime;
    assert_eq!((early.from.0, early.raw), (BEGIN, Some(1.0)));
    let nothing = log.figures(BEGIN - 2 * DAY, BEGIN - DAY);
    assert_eq!((nothing.uptime.raw, nothing.runs.by_exit.len()), (None, 0));
}

#[test]
fn an_empty_log_claims_nothing() {
    let figures = Log::new().figures(BEGIN, BEGIN + DAY);
    assert_eq!((figures.uptime.raw, figures.uptime.program), (None, None));
    assert_eq!((figures.record.begin, figures.conflicts.counted), (None, None));
    assert_eq!(figures.runs.seconds, Spread::default());
    assert!(figures.is_sound());
}

#[test]
fn records_of_older_programs_are_read_for_what_they_say() {
    let mut log = Log::new();
    log.note(
        BEGIN,
        json!({
            "event": "run", "command": "bidirectional", "from": "localhost", "to": "balaur",
            "generation": 1, "actions": 0, "conflicts": 0, "held": 1, "skipped": 0, "guards": 0,
            "quiet": true,
        }),
    );
    let figures = log.figures(BEGIN, BEGIN + 5 * MINUTE);
    assert_eq!(figures.runs.by_exit.get(&3), Some(&1));
    assert_eq!(figures.runs.by_mode.get("not on record"), Some(&1));
    assert_eq!((figures.runs.unmeasured, figures.uptime.raw), (1, Some(1.0)));
}

#[test]
fn percentiles_are_values_that_were_measured() {
    let of = |values: &[f64]| {
        let spread = Spread::of(values.to_vec());
        (spread.p50, spread.p95, spread.p99, spread.max)
    };
    assert_eq!(of(&[]), (None, None, None, None));
    assert_eq!(of(&[7.0]), (Some(7.0), Some(7.0), Some(7.0), Some(7.0)));
    assert_eq!(of(&[2.0, 1.0]), (Some(1.0), Some(2.0), Some(2.0), Some(2.0)));
    let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
    assert_eq!(of(&hundred), (Some(50.0), Some(95.0), Some(99.0), Some(100.0)));
    let more: Vec<f64> = (1..=101).map(f64::from).collect();
    assert_eq!(of(&more), (Some(51.0), Some(96.0), Some(100.0), Some(101.0)));
}

#[test]
fn what_a_change_waited_is_no_longer_than_since_the_last_run_that_saw_everything() {
    let mut log = Log::new();
    // The first run carries files of any age; nobody waited for them.
    log.run(BEGIN, 0, json!({"oldest_change": 9e6}));
    // Copied with an old date, after a run that saw everything: it waited at most since then.
    log.run(BEGIN + 5 * MINUTE, 0, json!({"oldest_change": 9e6}));
    log.run(BEGIN + 10 * MINUTE, 7, json!({"oldest_change": 20.0}));
    // The run before skipped something, so that this may have waited since the one before it.
    log.run(BEGIN + 15 * MINUTE, 0, json!({"oldest_change": 9e6}));
    let spread = log.figures(BEGIN, BEGIN + HOUR).runs.oldest_change;
    assert_eq!((spread.count, spread.p50, spread.max), (3, Some(301.0), Some(601.0)));
}

#[test]
fn conflicts_are_followed_from_opening_to_the_record_of_a_decision() {
    let mut log = Log::new();
    let opened = |path: &str| json!({"event": "opened", "path": path, "kind": "modify-modify"});
    let closed = |path: &str, by: &str| json!({"event": "closed", "path": path, "by": by});
    for path in ["a", "b", "c", "d"] {
        log.note(BEGIN, opened(path));
    }
    log.run(BEGIN, 3, json!({"conflicts": 4}));
    let (one, two) = (json!("1"), json!("2"));
    log.change(BEGIN + HOUR, "a", &one, &two, "resolved");
    log.note(BEGIN + HOUR, closed("a", "resolved"));
    log.note(BEGIN + HOUR, closed("b", "converged"));
    log.run(BEGIN + HOUR, 3, json!({"conflicts": 2}));
    let figures = log.figures(BEGIN, BEGIN + 2 * HOUR);
    let open: Vec<_> =
        figures.conflicts.open.iter().map(|c| (&c.path[..], c.age_seconds)).collect();
    assert_eq!(open, [("c", 7200.0), ("d", 7200.0)]);
    assert!(figures.conflicts.unproved.is_empty() && figures.is_sound());
    // One is closed without a decision, the other is gone without a word.
    log.note(BEGIN + 2 * HOUR, closed("c", "resolved"));
    log.run(BEGIN + 2 * HOUR, 0, json!({"conflicts": 0}));
    let figures = log.figures(BEGIN, BEGIN + 3 * HOUR);
    assert_eq!(figures.conflicts.unproved, ["c", "d"]);
    assert!(!figures.is_sound());
}

#[test]
fn what_was_left_for_the_first_time_is_told_apart() {
    let mut log = Log::new();
    let skipped = |path: &str| json!({"event": "skipped", "path": path, "reason": "busy"});
    log.note(BEGIN, skipped("a"));
    log.run(BEGIN, 7, json!({}));
    for path in ["a", "a", "b"] {
        log.note(BEGIN + DAY, skipped(path));
    }
    log.run(BEGIN + DAY, 7, json!({}));
    let figures = log.figures(BEGIN + HOUR, BEGIN + 2 * DAY);
    let busy = &figures.skipped["busy"];
    assert_eq!((busy.paths, busy.new), (2, 1));
}

/// Restores, an undo, what was found damaged, and two runs of the peer that lost it.
pub(crate) fn way_back(log: &mut Log, time: i64) {
    let restored = |path: &str, reason: &str| json!({"event": "restored", "path": path, "to": "localhost", "op": "update", "reason": reason});
    let skipped = |path: &str, on: &str| json!({"event": "skipped", "path": path, "on": on, "reason": "busy"});
    // Two come back, a third is left after all; a fourth is here, and not yet at the peer.
    ["a", "b", "c", "d"].iter().for_each(|path| log.note(time, restored(path, "restored")));
    log.note(time, skipped("c", "localhost"));
    log.note(time, skipped("d", "balaur"));
    log.run(time, 7, json!({"command": "restore", "whole": false}));
    log.note(time, restored("a", "restored"));
    log.run(time, 0, json!({"command": "restore", "whole": false}));
    ["x", "y"].iter().for_each(|path| log.note(time, restored(path, "undone")));
    log.run(time, 0, json!({"command": "undo", "whole": false}));
    // One that came to nothing.
    log.note(time, restored("z", "undone"));
    log.note(time, skipped("z", "localhost"));
    log.run(time, 7, json!({"command": "undo", "whole": false}));
    for (path, place) in [("a", "backups"), ("l", "sealed"), ("t", "tree"), ("b", "backups")] {
        log.note(time, json!({"event": "damaged", "path": path, "in": place}));
    }
    log.note(time, json!({"event": "scrub", "files": 9, "bytes": 90, "damaged": 4}));
    for (from, to) in [("balaur", "localhost"), ("balaur", "localhost"), ("attic", "localhost")] {
        log.note(time, json!({"event": "peer-lost", "from": from, "to": to, "reason": "broken"}));
        log.run += 1;
    }
}

#[test]
fn what_came_back_what_was_damaged_and_who_was_lost_is_counted() {
    let mut log = Log::new();
    way_back(&mut log, BEGIN);
    way_back(&mut log, BEGIN + DAY);
    let figures = log.figures(BEGIN + HOUR, BEGIN + 2 * DAY);
    let back = &figures.put_back;
    assert_eq!((back.restores, back.restored, back.undos, back.undone), (2, 4, 1, 2));
    let found: Vec<_> = figures.backups.findings.iter().map(|(at, n)| (at.as_str(), *n)).collect();
    assert_eq!(found, [("backups", 2), ("sealed", 1), ("tree", 1)]);
    assert_eq!(figures.runs.lost, 2);
    assert!(figures.is_sound());
    assert_eq!(log.figures(BEGIN, BEGIN + 2 * DAY).put_back.restores, 4);
}

#[test]
fn free_space_is_forecast_by_a_straight_line() {
    let mut log = Log::new();
    for day in 0..7 {
        let free = 1_000_000 - 100_000 * day;
        log.note(
            BEGIN + day * DAY,
            json!({
                "event": "storage", "on": "localhost", "free_bytes": free, "total_bytes": 2_000_000,
            }),
        );
    }
    let storage = log.figures(BEGIN, BEGIN + 7 * DAY).storage;
    close(storage.per_day, 100_000.0);
    close(storage.days_left, 4.0);
    assert_eq!(log.figures(BEGIN, BEGIN + HOUR).storage.per_day, None);
}

#[test]
fn another_program_computes_the_same_from_the_log() {
    let mut log = week();
    log.change(BEGIN + 7 * DAY, "f", &Value::Null, &json!("1"), "created");
    let sums = json!({"localhost": 3, "balaur": 4});
    for (index, age) in [3.5, 900.0, 1e6, 12.25].into_iter().enumerate() {
        let more = json!({
            "oldest_change": age, "seconds": age / 10.0, "files_to": sums, "bytes_to": sums,
            "wire_bytes": 17, "generation": 2,
        });
        log.run(BEGIN + 7 * DAY + index as i64 * 7 * MINUTE, [0, 7, 0, 3][index], more);
    }
    way_back(&mut log, BEGIN + 7 * DAY + HOUR);
    for (since, until) in [(BEGIN - DAY, BEGIN + 8 * DAY), (BEGIN + 50 * HOUR, BEGIN + 80 * HOUR)] {
        let figures = serde_json::to_string(&log.figures(since, until)).unwrap();
        let report = log.dir.path().join("report.json");
        fs::write(&report, figures).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/audit-recompute.py");
        let mut script = Command::new(script);
        let said = script.arg(log.state.path("log")).arg("--compare").arg(&report).output();
        let said = said.expect("python3 is installed");
        let words = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert!(said.status.success(), "{words}");
    }
}

#[test]
fn a_hundred_thousand_records_are_read_checked_and_computed_at_once() {
    let mut log = Log::new();
    let fields = |index: i64| -> Map<String, Value> {
        let record = json!({
            "event": "change", "path": format!("notes/{}/file-{index}.md", index % 100),
            "to": "balaur", "op": "create", "before": null, "after": "0".repeat(64),
            "after_size": index, "reason": "created",
        });
        record.as_object().unwrap().clone()
    };
    let time = clock::rfc3339_ms(BEGIN);
    for index in 0..99_000 {
        log.audit.note_at(&time, &format!("r{}", index / 100), fields(index));
    }
    (0..1000).for_each(|index| log.run(BEGIN + index * MINUTE, 0, json!({})));
    log.audit.sync().unwrap();
    let begun = Instant::now();
    let figures = log.figures(BEGIN, BEGIN + DAY);
    let took = begun.elapsed().as_secs_f64();
    assert_eq!((figures.record.records, figures.record.fault), (100_000, None));
    // Without optimisation only that it is no other order of magnitude.
    let limit = if cfg!(debug_assertions) { 40.0 } else { 2.0 };
    assert!(took < limit, "{took} s");
}
