//! From the records of a log to the facts that figures are computed from. Times are milliseconds
//! since 1970 by the clock of the territory whose log it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::continuity::{Break, Continuity};
use crate::clock;
use crate::error::Result;
use crate::state::audit::{self, Head, Verdict};
use crate::state::{StateDir, chain};

/// A run on record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// Its end.
    pub time: i64,
    /// Its id.
    pub id: String,
    /// The territory that started it.
    pub from: String,
    /// Its exit code; of older records worked out from their counts.
    pub exit: u64,
    /// Its length in seconds.
    pub seconds: Option<f64>,
    /// Whether it was about everything in both directions.
    pub whole: bool,
    /// `watch`, `timer` or `manual`.
    pub mode: Option<String>,
    /// Files brought to each territory.
    pub files_to: Option<BTreeMap<String, u64>>,
    /// Bytes of content brought to each.
    pub bytes_to: Option<BTreeMap<String, u64>>,
    /// Bytes that crossed the wire.
    pub wire_bytes: Option<u64>,
    /// Age of the oldest change carried, in seconds, by its modification time.
    pub oldest_change: Option<f64>,
    /// The generation that it left.
    pub generation: u64,
    /// Conflicts open afterwards.
    pub conflicts: u64,
    /// Guards that held something.
    pub guarded_by: Vec<String>,
    /// Seconds that the clock of the other side was ahead of the starter's.
    pub clock_offset: Option<f64>,
}

impl Run {
    /// Whether all shared documents were brought up to date, but for what waits for a person.
    pub fn is_complete(&self) -> bool {
        self.whole && matches!(self.exit, 0 | 3 | 4)
    }
}

/// A run that ended early, as the territory that started it noted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failed {
    /// When it began.
    pub started: i64,
    /// When it ended.
    pub time: i64,
    /// The error's kind.
    pub kind: String,
    /// Its exit code.
    pub exit: u64,
    /// Why the peer was not reached, or the kind.
    pub cause: String,
}

/// A conflict that opened, and perhaps closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The path.
    pub path: String,
    /// When it was first seen.
    pub opened: i64,
    /// When it was closed and by what: `resolved`, `policy` or `converged`.
    pub closed: Option<(i64, String)>,
    /// Whether the run that closed it has the record of a decision about it.
    pub decided: bool,
}

/// A path that was held or skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// When.
    pub time: i64,
    /// `held` or `skipped`.
    pub event: String,
    /// The path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A stretch in which a machine slept or was off for some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Slept {
    /// The territory.
    pub on: String,
    /// Seen before.
    pub from: i64,
    /// Seen after.
    pub to: i64,
    /// For how long, in seconds.
    pub seconds: f64,
    /// By how much the clock was set, in seconds.
    pub jump: f64,
}

/// A version that was put back here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// When.
    pub time: i64,
    /// By which run.
    pub run: String,
    /// The path.
    pub path: String,
    /// Whether by an undo.
    pub undone: bool,
}

/// What the log tells, all of it: figures take a window of it.
#[derive(Debug, Default)]
pub struct Facts {
    /// The territory.
    pub own: String,
    /// The peer.
    pub peer: String,
    /// Whether the log is whole.
    pub verdict: Option<Verdict>,
    /// The last sound record.
    pub end: Option<Head>,
    /// The time of the first record.
    pub begin: Option<i64>,
    /// The times of all records.
    pub times: Vec<i64>,
    /// Runs with the peer.
    pub runs: Vec<Run>,
    /// Runs that failed.
    pub failures: Vec<Failed>,
    /// Conflicts.
    pub clashes: Vec<Clash>,
    /// Held and skipped paths.
    pub left: Vec<Left>,
    /// Sleep.
    pub slept: Vec<Slept>,
    /// Confirmations: when, who, which plan.
    pub confirmed: Vec<(i64, String, String)>,
    /// What was noted of the peer's log.
    pub heads: Vec<(i64, Head)>,
    /// Backups looked at anew: when, files, bytes, damaged.
    pub scrubs: Vec<(i64, u64, u64, u64)>,
    /// What was found damaged: when, and whether in the `tree`, the `backups` or the `sealed` logs.
    pub damaged: Vec<(i64, String)>,
    /// Runs whose backups expired.
    pub pruned: Vec<i64>,
    /// Runs of the peer that lost it before they had ended: when.
    pub lost: Vec<i64>,
    /// Versions that were put back here.
    pub restored: Vec<Restored>,
    /// Versions: when, on which territory, which.
    pub versions: Vec<(i64, String, Value)>,
    /// Free and all bytes: when, on which territory.
    pub storage: Vec<(i64, String, u64, u64)>,
    /// Changes that do not continue the one before.
    pub breaks: Vec<Break>,
    /// Changes on record.
    pub changes: u64,
    /// Paths decided about in the run that is being read.
    decisions: (String, Vec<String>),
}

/// Reads the whole log of `own` and checks it on the way.
///
/// # Errors
/// What reading says.
pub fn collect(state: &StateDir, own: &str, peer: &str) -> Result<Facts> {
    let mut facts = Facts { own: own.to_owned(), peer: peer.to_owned(), ..Facts::default() };
    let mut continuity = Continuity::default();
    let (verdict, end) = audit::examine(state, &mut |record, head| {
        continuity.see(record, head.seq);
        facts.see(record);
    })?;
    facts.verdict = Some(verdict);
    facts.end = Some(end);
    facts.breaks = continuity.breaks;
    Ok(facts)
}

fn text<'r>(record: &'r Map<String, Value>, key: &str) -> &'r str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(record: &Map<String, Value>, key: &str) -> u64 {
    record.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn time(record: &Map<String, Value>, key: &str) -> Option<i64> {
    clock::milliseconds(text(record, key))
}

fn by_name(record: &Map<String, Value>, key: &str) -> Option<BTreeMap<String, u64>> {
    let sums = record.get(key)?.as_object()?;
    Some(sums.iter().map(|(name, sum)| (name.clone(), sum.as_u64().unwrap_or(0))).collect())
}

impl Facts {
    fn see(&mut self, record: &Map<String, Value>) {
        let Some(now) = time(record, "time") else { return };
        self.begin.get_or_insert(now);
        self.times.push(now);
        if text(record, "run") != self.decisions.0 {
            self.decisions = (text(record, "run").to_owned(), Vec::new());
        }
        let float = |key: &str| record.get(key).and_then(Value::as_f64).unwrap_or(0.0);
        match text(record, "event") {
            "change" => {
                self.changes += 1;
                if text(record, "reason") == "resolved" {
                    self.decisions.1.push(text(record, "path").to_owned());
                }
            }
            "run" if [text(record, "from"), text(record, "to")].contains(&self.peer.as_str()) => {
                self.runs.push(run(record, now));
            }
            "run-failed" if ["", self.peer.as_str()].contains(&text(record, "to")) => {
                self.failures.push(failed(record, now));
            }
            "peer-lost" if text(record, "from") == self.peer => self.lost.push(now),
            "restored" => self.restored.push(Restored {
                time: now,
                run: text(record, "run").to_owned(),
                path: text(record, "path").to_owned(),
                undone: text(record, "reason") == "undone",
            }),
            "opened" => self.open(text(record, "path"), now),
            "closed" => self.close(text(record, "path"), text(record, "by"), now),
            event @ ("held" | "skipped") => {
                if event == "skipped" && text(record, "on") == self.own {
                    self.take_back(text(record, "run"), text(record, "path"));
                }
                self.left.push(Left {
                    time: now,
                    event: event.to_owned(),
                    path: text(record, "path").to_owned(),
                    reason: text(record, "reason").to_owned(),
                });
            }
            "awake" => self.slept.push(Slept {
                on: text(record, "on").to_owned(),
                from: time(record, "from").unwrap_or(now),
                to: time(record, "to").unwrap_or(now),
                seconds: float("slept_seconds"),
                jump: float("clock_jump"),
            }),
            "confirmed" => {
                let (who, plan) = (text(record, "who"), text(record, "plan"));
                self.confirmed.push((now, who.to_owned(), plan.to_owned()));
            }
            "peer-head" => {
                self.heads.extend(chain::noted(record, &self.peer).map(|head| (now, head)));
            }
            "scrub" => {
                let damaged = match record.get("damaged") {
                    Some(Value::Array(paths)) => paths.len() as u64,
                    _ => number(record, "damaged"),
                };
                self.scrubs.push((now, number(record, "files"), number(record, "bytes"), damaged));
            }
            "damaged" => self.damaged.push((now, text(record, "in").to_owned())),
            "pruned" => self.pruned.push(now),
            "versions" => self.note_versions(record, now),
            "storage" => {
                let (free, total) = (number(record, "free_bytes"), number(record, "total_bytes"));
                self.storage.push((now, text(record, "on").to_owned(), free, total));
            }
            _ => {}
        }
    }

    /// A version that was to be put back, as a record before says, was left after all; or the run
    /// could do no more with it, which the log does not tell apart.
    fn take_back(&mut self, run: &str, path: &str) {
        let is = |restored: &Restored| restored.run == run && restored.path == path;
        if let Some(last) = self.restored.iter().rposition(is) {
            self.restored.remove(last);
        }
    }

    /// A run that was cut off may have told of a conflict, and the next one tells it again.
    fn open(&mut self, path: &str, now: i64) {
        let is_open = |clash: &Clash| clash.path == path && clash.closed.is_none();
        if !self.clashes.iter().any(is_open) {
            let path = path.to_owned();
            self.clashes.push(Clash { path, opened: now, closed: None, decided: false });
        }
    }

    fn close(&mut self, path: &str, by: &str, now: i64) {
        let below = format!("{path}/");
        let decided = by == "converged"
            || self.decisions.1.iter().any(|at| at == path || at.starts_with(&below));
        let open = |clash: &&mut Clash| clash.path == path && clash.closed.is_none();
        if let Some(clash) = self.clashes.iter_mut().rev().find(open) {
            clash.closed = Some((now, by.to_owned()));
            clash.decided = decided;
        }
    }

    fn note_versions(&mut self, record: &Map<String, Value>, now: i64) {
        let of = ["program", "system", "rsync", "ssh"];
        let versions: Map<String, Value> = of
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), record.get(*key)?.clone())))
            .collect();
        self.versions.push((now, text(record, "on").to_owned(), versions.into()));
    }
}

fn run(record: &Map<String, Value>, now: i64) -> Run {
    let count = |key: &str| number(record, key);
    let exit = record.get("exit").and_then(Value::as_u64).unwrap_or_else(|| {
        // Before exit codes were on record; what a person had chosen to leave cannot be told.
        match () {
            () if count("guards") > 0 => 4,
            () if count("conflicts") + count("held") > 0 => 3,
            () if count("skipped") > 0 => 7,
            () => 0,
        }
    });
    let whole = record.get("whole").and_then(Value::as_bool);
    let words = |key: &str| {
        let list = record.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    Run {
        time: now,
        id: text(record, "run").to_owned(),
        from: text(record, "from").to_owned(),
        exit,
        seconds: record.get("seconds").and_then(Value::as_f64),
        whole: whole.unwrap_or(text(record, "command") == "bidirectional"),
        mode: record.get("mode").and_then(Value::as_str).map(str::to_owned),
        files_to: by_name(record, "files_to"),
        bytes_to: by_name(record, "bytes_to"),
        wire_bytes: record.get("wire_bytes").and_then(Value::as_u64),
        oldest_change: record.get("oldest_change").and_then(Value::as_f64),
        generation: count("generation"),
        conflicts: count("conflicts"),
        guarded_by: words("guarded_by"),
        clock_offset: record.get("clock_offset").and_then(Value::as_f64),
    }
}

fn failed(record: &Map<String, Value>, now: i64) -> Failed {
    let kind = text(record, "kind").to_owned();
    let cause = match text(record, "cause") {
        "" => kind.clone(),
        cause => cause.to_owned(),
    };
    let started = time(record, "started").unwrap_or(now).min(now);
    Failed { started, time: now, kind, exit: number(record, "exit"), cause }
}
