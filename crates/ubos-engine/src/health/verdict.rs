//! What to think of a territory's health. Pure.

use std::time::Duration;

use super::{Health, Now};
use crate::clock;

/// So many intervals may pass without a good run, and this on top.
const MISSED: u32 = 2;
const GRACE: Duration = Duration::from_secs(600);
/// A side that cannot reach its peer is not ill because the peer sleeps; a whole day is another
/// matter.
const SILENCE: u64 = 86_400;

/// The three answers, worst first; each has its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Something is wrong that does not mend itself.
    Unhealthy,
    /// All works; something waits for a person.
    Undecided,
    /// All is well.
    Healthy,
}

impl State {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            State::Unhealthy => "unhealthy",
            State::Undecided => "undecided",
            State::Healthy => "healthy",
        }
    }

    /// The exit code of `health`.
    pub fn exit_code(self) -> u8 {
        match self {
            State::Unhealthy => 1,
            State::Undecided => 3,
            State::Healthy => 0,
        }
    }
}

/// Why a territory is not simply healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No run has ever ended well.
    NeverSynced,
    /// No run ended well for so many seconds in which this machine was awake.
    NoGoodRun(u64),
    /// The peer has not been heard of for so many seconds.
    PeerSilent(u64),
    /// This side has not even done what it can do alone.
    NoDuties,
    /// So many files or backups are damaged.
    Damaged(u64),
    /// The backup has failed for so many seconds.
    BackupFails(u64),
    /// A place of the backup went another way, which a person has to look at.
    BackupDiverged,
    /// A person has something to decide.
    ToDecide,
}

impl Reason {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Reason::NeverSynced => "never-synced",
            Reason::NoGoodRun(_) => "no-good-run",
            Reason::PeerSilent(_) => "peer-silent",
            Reason::NoDuties => "no-duties",
            Reason::Damaged(_) => "damaged",
            Reason::BackupFails(_) => "backup-fails",
            Reason::BackupDiverged => "backup-diverged",
            Reason::ToDecide => "to-decide",
        }
    }

    fn state(self) -> State {
        match self {
            Reason::ToDecide | Reason::BackupDiverged => State::Undecided,
            _ => State::Unhealthy,
        }
    }
}

/// What to think of it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub state: State,
    /// Why, worst first.
    pub reasons: Vec<Reason>,
    /// Seconds since the last good run.
    pub age: Option<u64>,
    /// Of these, those in which this machine was awake, as far as it can tell.
    pub awake_age: Option<u64>,
    /// Seconds since the peer was last met.
    pub silence: Option<u64>,
}

/// Judges. `reaches` tells whether this side has an address for the peer: one without waits for
/// the peer, which may sleep.
pub fn judge(health: Option<&Health>, now: &Now, reaches: bool) -> Verdict {
    let since = |time: Option<&String>| {
        let then = clock::seconds(time?)?;
        Some(u64::try_from(now.time - then).unwrap_or(0))
    };
    let empty = Health::default();
    let health = health.unwrap_or(&empty);
    let age = since(health.last_good_run.as_ref());
    let awake_age = health
        .last_good_run
        .as_deref()
        .and_then(clock::seconds)
        .map(|then| awake(now.time - then, health, now));
    let silence = since(health.peer_seen.as_ref());
    let limit = |interval: Option<u64>| {
        let interval = interval.map_or(now.interval, Duration::from_secs);
        interval.saturating_mul(MISSED).saturating_add(GRACE).as_secs()
    };
    let mut reasons = Vec::new();
    match awake_age {
        None => reasons.push(Reason::NeverSynced),
        Some(seconds) if seconds <= limit(health.interval) => {}
        Some(seconds) if reaches => reasons.push(Reason::NoGoodRun(seconds)),
        Some(_) => {
            if let Some(silent) = silence.or(age).filter(|silent| *silent > SILENCE) {
                reasons.push(Reason::PeerSilent(silent));
            }
            if since(health.duties.as_ref()).is_none_or(|age| age > limit(health.duties_interval)) {
                reasons.push(Reason::NoDuties);
            }
        }
    }
    if health.damaged > 0 {
        reasons.push(Reason::Damaged(health.damaged));
    }
    if let Some(backup) = &health.backup {
        reasons.extend(backup.fails(now.time).map(Reason::BackupFails));
        if !backup.diverged.is_empty() {
            reasons.push(Reason::BackupDiverged);
        }
    }
    if health.open_conflicts + health.held + health.guards > 0 {
        reasons.push(Reason::ToDecide);
    }
    let state = reasons.iter().map(|reason| reason.state()).min().unwrap_or(State::Healthy);
    Verdict { state, reasons, age, awake_age, silence }
}

/// How much of the `age` of the last good run this machine was awake. Before another boot it may
/// have been asleep all the time. Where the wall clock was set back behind that run, only the other
/// clock still counts.
fn awake(age: i64, health: &Health, now: &Now) -> u64 {
    let counted = match (&now.awake, &health.good_awake) {
        (Some(now), Some(then)) if now.boot == then.boot => {
            Some(now.seconds.saturating_sub(then.seconds))
        }
        (Some(now), Some(_)) => Some(now.seconds),
        _ => None,
    };
    match (u64::try_from(age), counted) {
        (Ok(age), Some(counted)) => age.min(counted),
        (Ok(age), None) => age,
        (Err(_), counted) => counted.unwrap_or(0),
    }
}
