//! How a territory fares: a small file that every run writes on both sides, so that a person, a
//! monitor or the other commands can tell without asking the peer.
//!
//! [`Health::after`] is pure: what was known and what a run came to in, what is known now out.
//! [`judge`](verdict::judge) says what to think of it, [`news`] what a person is told, `metrics`
//! writes it for monitoring, [`book`] keeps it, for each peer. Writing it never fails a run.

pub mod backup;
pub mod book;
mod metrics;
pub mod news;
pub mod verdict;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use ubos_core::path::RelPath;

use crate::agent::message::OpenMatter;
use crate::backups::Weight;
use crate::clock;
use crate::error::EngineError;
use crate::fs::platform;

/// How a territory fares with one peer. Times are RFC 3339, UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Version of this form.
    pub schema: u32,
    /// This territory.
    pub territory: String,
    /// The peer of the last run.
    pub peer: String,
    /// When this was written.
    pub updated: String,
    /// When the last run ended, well or not.
    pub last_attempt: Option<String>,
    /// When the last run ended that looked at both sides and carried out what it may.
    pub last_good_run: Option<String>,
    /// Its end by the clock that stands still while the machine sleeps.
    pub good_awake: Option<Awake>,
    /// The exit code of the last run.
    pub exit: u8,
    /// Why the last run failed.
    pub error: Option<Trouble>,
    /// How many runs failed since the last good one.
    pub failures_in_a_row: u64,
    /// Conflicts that nobody has decided or left on purpose.
    pub open_conflicts: u64,
    /// Held paths, likewise.
    pub held: u64,
    /// Guards that hold something, or that stopped the last run.
    pub guards: u64,
    /// Paths that the last good run left for the next one.
    pub skipped: u64,
    /// Since when the oldest change of this side waits, as far as is known.
    pub oldest_unsynced: Option<String>,
    /// Seconds between runs by a timer or a watch that does not keep to `config.toml`.
    pub interval: Option<u64>,
    /// When the next run is due, where that is known.
    pub next_run: Option<String>,
    /// When the peer was last met.
    pub peer_seen: Option<String>,
    /// What started the last run.
    pub mode: Mode,
    /// The baseline's generation.
    pub generation: u64,
    /// Room on the file system.
    pub free_bytes: u64,
    /// What the backups take: as they were weighed, with what runs put there or let go since.
    pub backup_bytes: u64,
    /// When they were weighed.
    pub weighed: Option<String>,
    /// Files and backups that are no longer what they were, though nobody wrote to them.
    pub damaged: u64,
    /// When this side last did what it can do alone.
    pub duties: Option<String>,
    /// Seconds from these to the next, where the timer does not keep to `config.toml`.
    pub duties_interval: Option<u64>,
    /// How the versioned backup fares, where there is one.
    pub backup: Option<backup::Backup>,
}

/// Why a run failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// As `error.kind` of reports.
    pub kind: String,
    /// A sentence.
    pub message: String,
    /// The next step.
    #[serde(default)]
    pub hint: String,
}

impl Trouble {
    /// What `error` says.
    pub fn of(error: &EngineError) -> Self {
        Self {
            kind: error.kind().to_owned(),
            message: error.to_string(),
            hint: error.hint().to_owned(),
        }
    }
}

/// What started a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A watch.
    Watch,
    /// A timer.
    Timer,
    /// A person.
    #[default]
    Manual,
}

impl Mode {
    /// By the command of a run, and whether its connection stays open.
    pub fn of(command: &str, stays: bool) -> Self {
        match command {
            _ if stays => Mode::Watch,
            TICK => Mode::Timer,
            _ => Mode::Manual,
        }
    }

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Watch => "watch",
            Mode::Timer => "timer",
            Mode::Manual => "manual",
        }
    }
}

/// The command that timers start.
pub const TICK: &str = "tick";

/// An instant on the clock that stands still while the machine sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awake {
    /// The boot of the machine.
    pub boot: String,
    /// Seconds awake since then.
    pub seconds: u64,
}

/// The clocks, and what they are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// Seconds since 1970.
    pub time: i64,
    /// The clock that stands still while the machine sleeps, where there is one.
    pub awake: Option<Awake>,
    /// How often a run is due.
    pub interval: Duration,
}

impl Now {
    /// What the clocks of this machine show.
    pub fn read(interval: Duration) -> Self {
        let awake = platform::awake().map(|(boot, seconds)| Awake { boot, seconds });
        Self { time: clock::now().0, awake, interval }
    }

    fn text(&self) -> String {
        clock::rfc3339((self.time, 0))
    }
}

/// What waits for a person, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Paths of open conflicts.
    pub conflicts: BTreeSet<RelPath>,
    /// Held paths.
    pub held: u64,
    /// Guards that hold something.
    pub guards: u64,
}

impl Waiting {
    /// What of `open` nobody has left on purpose.
    pub fn of(open: &[OpenMatter]) -> Self {
        let is_left = |path: &RelPath, mark| {
            open.iter()
                .any(|matter| matches!(matter, OpenMatter::Left(p, m) if p == path && *m == mark))
        };
        let mut waiting = Waiting::default();
        let mut guards = Vec::new();
        for matter in open {
            match matter {
                OpenMatter::Conflict(c) if !is_left(&c.path, c.mark) => {
                    waiting.conflicts.insert(c.path.clone());
                }
                OpenMatter::Held(h) if !is_left(&h.path, h.mark) => waiting.held += 1,
                OpenMatter::Guarded(g) if !guards.contains(&(g.on, g.guard)) => {
                    guards.push((g.on, g.guard));
                }
                _ => {}
            }
        }
        waiting.guards = guards.len() as u64;
        waiting
    }
}

/// What a run came to, as one side knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// The peer.
    pub peer: String,
    /// The exit code.
    pub exit: u8,
    /// Why it failed.
    pub error: Option<Trouble>,
    /// Whether the two sides met.
    pub met: bool,
    /// Paths left for the next run.
    pub skipped: u64,
    /// The baseline's generation, where it is known.
    pub generation: Option<u64>,
    /// What started it.
    pub mode: Mode,
    /// What it did to the weight of the backups.
    pub weight: Weight,
    /// Seconds to the next one, where that is not for `config.toml` to say.
    pub interval: Option<u64>,
}

impl Health {
    /// What is known after a run ended like this.
    #[must_use]
    pub fn after(mut self, ended: &Ended, waiting: &Waiting, now: &Now) -> Health {
        let time = now.text();
        if !ended.peer.is_empty() {
            self.peer.clone_from(&ended.peer);
        }
        self.last_attempt = Some(time.clone());
        self.exit = ended.exit;
        self.error.clone_from(&ended.error);
        if ended.met {
            self.peer_seen = Some(time.clone());
        }
        match ended.error {
            None => {
                self.last_good_run = Some(time);
                self.good_awake.clone_from(&now.awake);
                self.failures_in_a_row = 0;
                self.skipped = ended.skipped;
                self.oldest_unsynced = None;
            }
            Some(_) => self.failures_in_a_row += 1,
        }
        self.generation = ended.generation.unwrap_or(self.generation);
        self.next_run = match ended.mode {
            Mode::Watch | Mode::Timer => {
                self.interval = ended.interval;
                let seconds = ended.interval.unwrap_or(now.interval.as_secs());
                let due = now.time.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
                Some(clock::rfc3339((due, 0)))
            }
            // A run by hand moves no timer.
            Mode::Manual => self.next_run.filter(|next| clock::seconds(next) > Some(now.time)),
        };
        self.mode = ended.mode;
        self.count(waiting);
        self
    }

    /// What is known after this side did what it can do alone, or failed to. `oldest` is since when
    /// something waits; after `interval` seconds it does so again, where `config.toml` does not say it.
    #[must_use]
    pub fn after_duties(
        mut self,
        failed: Option<(Trouble, u8)>,
        oldest: Option<String>,
        interval: Option<u64>,
        now: &Now,
    ) -> Health {
        self.duties_interval = interval;
        match failed {
            Some((trouble, exit)) => {
                self.error = Some(trouble);
                self.exit = exit;
                self.failures_in_a_row += 1;
                self.mode = Mode::Timer;
            }
            None => {
                self.exit = if self.error.take().is_some() { 0 } else { self.exit };
                self.failures_in_a_row = 0;
                self.oldest_unsynced = oldest;
                self.duties = Some(now.text());
            }
        }
        self
    }

    /// What waits for a person now.
    fn count(&mut self, waiting: &Waiting) {
        let stopped = u64::from(self.error.is_some() && self.exit == 4);
        self.open_conflicts = waiting.conflicts.len() as u64;
        self.held = waiting.held;
        self.guards = waiting.guards.max(stopped);
    }
}

#[cfg(test)]
mod tests;
