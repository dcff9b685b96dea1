//! The figures of a window of time, as values: one of them holds everything, of which text and JSON
//! are made. `compute` works them out.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::continuity::Break;
use super::put_back::PutBackFigures;
use super::uptime::Uptime;
use crate::agent::message::LogCheck;
use crate::clock;
use crate::state::audit::Head;

/// A stretch of time, in milliseconds since 1970; the end does not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Its beginning.
    pub since: i64,
    /// Its end.
    pub until: i64,
}

impl Window {
    pub(super) fn has(&self, time: i64) -> bool {
        (self.since..self.until).contains(&time)
    }
}

/// A moment, in milliseconds since 1970; in JSON as RFC 3339, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct When(pub i64);

impl Serialize for When {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&clock::rfc3339_ms(self.0))
    }
}

/// What is seen when the report is made, and not in the log.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// Files in the backups, their bytes, and the oldest run that has any.
    pub backups: Option<Backups>,
    /// The health file, if there is one.
    pub health: Option<Value>,
    /// What the peer says of its log and of ours, if it could be asked.
    pub peer: Option<LogCheck>,
    /// Why it was not asked.
    pub not_asked: Option<String>,
    /// The heads that the peer says it noted of this log and that are not in it so.
    pub denied: Vec<u64>,
}

/// The backups as they lie on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Backups {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The oldest run that has any.
    pub oldest: Option<String>,
}

/// Three points of a distribution; `None` where nothing was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many values.
    pub count: usize,
    /// Median.
    pub p50: Option<f64>,
    /// 95 of 100 are not above.
    pub p95: Option<f64>,
    /// 99 of 100 are not above.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl Spread {
    /// Of these values, by nearest rank: the smallest value that so many of them are not above.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100);
            values.get(rank.max(1) - 1).copied()
        };
        let (p50, p95, p99, max) = (rank(50), rank(95), rank(99), values.last().copied());
        Self { count: values.len(), p50, p95, p99, max }
    }
}

/// Runs and attempts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Runs {
    /// Runs and failed attempts by exit code.
    pub by_exit: BTreeMap<u64, u64>,
    /// Runs by what started them; those of older programs as `not on record`.
    pub by_mode: BTreeMap<String, u64>,
    /// Failed attempts by cause.
    pub failures: BTreeMap<String, u64>,
    /// Attempts soon after a failed one.
    pub retries: u64,
    /// Runs of the peer that this side lost it in, before they had ended.
    pub lost: u64,
    /// Length of runs in seconds.
    pub seconds: Spread,
    /// Files brought to each territory.
    pub files_to: BTreeMap<String, u64>,
    /// Bytes of content brought to each.
    pub bytes_to: BTreeMap<String, u64>,
    /// Bytes that crossed the wire.
    pub wire_bytes: u64,
    /// Runs of which lengths and bytes are not on record.
    pub unmeasured: u64,
    /// Age in seconds of the oldest change that a run carried.
    pub oldest_change: Spread,
    /// What guards held, in runs that did the rest, and runs that one stopped.
    pub guards: BTreeMap<String, u64>,
}

/// Conflicts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Conflicts {
    /// First seen in the window.
    pub opened: u64,
    /// Closed in it, by whom.
    pub closed: BTreeMap<String, u64>,
    /// Open at its end, oldest first.
    pub open: Vec<OpenConflict>,
    /// Open after the last run, as it counted them; `None` without a run.
    pub counted: Option<u64>,
    /// Closed by a decision of which there is no record, or gone without a record. Must be 0.
    pub unproved: Vec<String>,
}

/// A conflict that waits for a decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenConflict {
    /// The path.
    pub path: String,
    /// How long it has been open.
    pub age_seconds: f64,
}

/// A plan that a guard held and a person confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmed {
    /// When.
    pub time: When,
    /// Who.
    pub who: String,
    /// Which plan.
    pub plan: String,
}

/// Backups that were hashed anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Scrubbed {
    /// How often.
    pub times: u64,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
    /// Files and backups that are not what they were, found for the first time.
    pub damaged: u64,
}

/// A time at which other versions came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// When it was seen.
    pub time: When,
    /// On which territory.
    pub on: String,
}

/// A time at which a clock was set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Jump {
    /// When it was seen.
    pub time: When,
    /// By how much.
    pub seconds: f64,
}

/// A reason for which paths were held or skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Paths.
    pub paths: u64,
    /// Of these such as were never left for that reason before.
    pub new: u64,
}

/// The log itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Record {
    /// Sound records, all of them.
    pub records: u64,
    /// Records in the window.
    pub in_window: u64,
    /// The time of the first record.
    pub begin: Option<When>,
    /// The last sound record.
    pub end: Option<Head>,
    /// The first thing that is wrong.
    pub fault: Option<String>,
    /// Times at which the peer's head was noted in the window.
    pub heads: u64,
    /// What the noted heads contradict one another in.
    pub heads_fault: Option<String>,
    /// The last head that was noted of the peer's log.
    pub last_head: Option<Head>,
    /// What the peer says of its own log, if it was asked.
    pub peer: Option<PeerRecord>,
    /// Why it was not asked.
    pub not_asked: Option<String>,
    /// Changes on record, all of them.
    pub changes: u64,
    /// Changes that do not continue the one before.
    pub breaks: u64,
    /// The first of them.
    pub broken: Vec<Break>,
    /// Runs whose generation is older than that of the run before.
    pub generations_back: u64,
    /// The last generation.
    pub generation: Option<u64>,
}

/// What the peer says of its log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PeerRecord {
    /// Sound records.
    pub records: u64,
    /// The first thing that is wrong.
    pub fault: Option<String>,
    /// Heads that were noted here and that it does not have so.
    pub wrong: Vec<u64>,
    /// Heads that it noted of this log and that are not in it so.
    pub denied: Vec<u64>,
}

/// Backups.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BackupFigures {
    /// As they lie on the disk now.
    pub now: Option<Backups>,
    /// Runs whose backups expired in the window.
    pub pruned: u64,
    /// Those that were hashed anew in it.
    pub scrubs: Scrubbed,
    /// What that found damaged, by where it is: `tree`, `backups` or `sealed`.
    pub findings: BTreeMap<String, u64>,
}

/// Clocks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Clocks {
    /// Seconds that the other clock was off, whichever way.
    pub offset: Spread,
    /// Times at which this machine's clock was set.
    pub jumps: Vec<Jump>,
}

/// Free space.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Storage {
    /// Free bytes when last noted.
    pub free: Option<u64>,
    /// All bytes.
    pub total: Option<u64>,
    /// Bytes that go away a day, by a straight line through the window; negative if it grows.
    pub per_day: Option<f64>,
    /// Days until nothing is left, at that rate.
    pub days_left: Option<f64>,
}

/// Everything that the report says.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// The territory.
    pub here: String,
    /// The peer.
    pub peer: String,
    /// Beginning of the window.
    pub since: When,
    /// Its end.
    pub until: When,
    /// Uptime.
    pub uptime: Uptime,
    /// Runs.
    pub runs: Runs,
    /// Conflicts.
    pub conflicts: Conflicts,
    /// Confirmations.
    pub confirmed: Vec<Confirmed>,
    /// Held paths by reason.
    pub held: BTreeMap<String, Reason>,
    /// Skipped paths by reason.
    pub skipped: BTreeMap<String, Reason>,
    /// Backups.
    pub backups: BackupFigures,
    /// What was put back.
    pub put_back: PutBackFigures,
    /// The log.
    pub record: Record,
    /// Versions now, by territory.
    pub versions: BTreeMap<String, Value>,
    /// When others came in the window.
    pub version_changes: Vec<Changed>,
    /// Clocks.
    pub clocks: Clocks,
    /// Free space of this territory.
    pub storage: Storage,
    /// What the timer says, if it keeps a health file.
    pub health: Option<Value>,
}

impl Figures {
    /// Whether the record itself holds: nothing altered, missing or unproved.
    pub fn is_sound(&self) -> bool {
        let record = &self.record;
        let peer = record.peer.as_ref().is_none_or(|peer| {
            peer.fault.is_none() && peer.wrong.is_empty() && peer.denied.is_empty()
        });
        record.fault.is_none()
            && record.heads_fault.is_none()
            && peer
            && record.breaks == 0
            && record.generations_back == 0
            && self.conflicts.unproved.is_empty()
    }
}
