//! One attempt at a snapshot, and what is told of it: in reports, in the audit log, in the health.

use std::time::Instant;

use serde_json::{Map, Value, json};

use ubos_engine::clock;
use ubos_engine::error::EngineError;
use ubos_engine::health::{Trouble, backup as health};
use ubos_engine::inventory::{self, Inventory};
use ubos_engine::state::config::Config;
use ubos_engine::state::{StateDir, audit};
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::snapshot::{self, Order, Phase, Snapshot};

use super::Subject;
use crate::render::backup::snapshot::{finding, warning};
use crate::ui::sanitize::one_line;

/// Most notices and gaps that a report names one by one.
const NAMED: usize = 20;

/// One attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    phase: Phase,
    run: Option<String>,
    made: Result<Snapshot, BackupError>,
    /// The generation of what was looked at.
    generation: Option<u64>,
    seconds: f64,
}

impl Attempt {
    /// Tries to make a snapshot; `what` are words about the run for the message.
    pub(super) fn make(subject: &Subject, phase: Phase, run: Option<&str>, what: &str) -> Self {
        Self::with(subject, phase, run, Some(what))
    }

    /// Tries because a person asked for it, perhaps with words for the message.
    pub(super) fn asked(subject: &Subject, what: Option<&str>) -> Self {
        Self::with(subject, Phase::Asked, None, what)
    }

    fn with(subject: &Subject, phase: Phase, run: Option<&str>, what: Option<&str>) -> Self {
        let begun = Instant::now();
        let inventory = inventory::take(&subject.root, subject.peer.as_deref());
        let generation = inventory.as_ref().ok().map(|inventory| inventory.generation);
        let order = |inventory: &Inventory| {
            let (root, settings) = (&subject.root, &subject.settings);
            snapshot::take(&Order { root, inventory, settings, phase, run, what })
        };
        Self {
            phase,
            run: run.map(str::to_owned),
            made: inventory.map_err(BackupError::from).and_then(|inventory| order(&inventory)),
            generation,
            seconds: (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }

    /// `pre`, `post` or `asked`.
    pub(super) fn word(&self) -> &'static str {
        self.phase.word()
    }

    /// Whether another one a moment later would fail alike.
    pub(super) fn is_hopeless(&self) -> bool {
        matches!(
            self.made,
            Err(BackupError::NoGit { .. }
                | BackupError::NoRepository { .. }
                | BackupError::Busy { .. })
        )
    }

    /// Why there is no snapshot.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.made.as_ref().err().map(trouble_of)
    }

    /// What a person should look at in what it keeps.
    pub(super) fn warning(&self) -> Option<String> {
        warning(self.made.as_ref().ok()?)
    }

    /// The snapshot, or why there is none.
    pub(super) fn into_made(self) -> Result<Snapshot, BackupError> {
        self.made
    }

    /// How many paths it committed; `None` without a snapshot.
    pub(super) fn changed(&self) -> Option<usize> {
        let changed = self.made.as_ref().ok()?.changed;
        Some(changed.added + changed.updated + changed.deleted)
    }

    /// For reports.
    pub(super) fn document(&self) -> Value {
        let mut document = match &self.made {
            Ok(made) => {
                let gap = |(path, gap, why): &(_, _, String)| {
                    let mut row = Map::new();
                    crate::render::json::put_path(&mut row, "path", path);
                    row.insert("gap".into(), json!(gap));
                    row.insert("why".into(), why.clone().into());
                    Value::Object(row)
                };
                json!({
                    "commits": made.commits,
                    "head": made.head,
                    "manifest": made.manifest,
                    "added": made.changed.added,
                    "updated": made.changed.updated,
                    "deleted": made.changed.deleted,
                    "bytes": made.bytes,
                    "gaps": made.gaps.len(),
                    "named_gaps": made.gaps.iter().take(NAMED).map(gap).collect::<Vec<_>>(),
                    "findings": made.findings.iter().take(NAMED).map(finding).collect::<Vec<_>>(),
                    "notices": made.notices.iter().take(NAMED).collect::<Vec<_>>(),
                })
            }
            Err(error) => json!({ "error": trouble_of(error) }),
        };
        document["seconds"] = self.seconds.into();
        document
    }

    /// For the audit log.
    fn record(&self) -> Map<String, Value> {
        let record = match &self.made {
            Ok(made) => json!({
                "event": "backup-snapshot", "phase": self.word(), "commits": made.commits,
                "head": made.head, "manifest": made.manifest, "gaps": made.gaps.len(),
                "seconds": self.seconds,
            }),
            Err(error) => json!({
                "event": "backup-failed", "phase": self.word(), "kind": error.kind(),
                "message": error.to_string(), "seconds": self.seconds,
            }),
        };
        record.as_object().cloned().unwrap_or_default()
    }
}

/// The same as it is kept and told.
pub(super) fn trouble_of(error: &BackupError) -> Trouble {
    Trouble {
        kind: error.kind().to_owned(),
        message: error.to_string(),
        hint: error.hint().to_owned(),
    }
}

/// The one line that a person is told.
pub(super) fn sentence(trouble: &Trouble) -> String {
    one_line(&format!("no backup snapshot was made: {}; {}", trouble.message, trouble.hint))
}

/// Puts attempts into the health and on record.
pub(super) fn write_down(subject: &Subject, attempts: &[Attempt]) -> Result<(), EngineError> {
    let state = StateDir::open(&subject.root)?;
    let config = Config::require(&state)?;
    let Some(last) = attempts.last() else { return Ok(()) };
    let made = match &last.made {
        Ok(made) => Ok((made.head.as_ref().map(ToString::to_string), made.gaps.len() as u64)),
        Err(error) => Err(trouble_of(error)),
    };
    let is_new = attempts.iter().any(|attempt| attempt.changed().is_some_and(|paths| paths > 0));
    let goes_elsewhere = subject.settings.remote.is_some() || subject.settings.mirror;
    let noted = health::note(&state, &config, |mut backup, now| {
        if is_new && goes_elsewhere {
            backup.unpushed_since.get_or_insert_with(|| clock::rfc3339((now.time, 0)));
        }
        if made.is_ok() {
            backup.generation = last.generation;
        }
        backup.after_snapshot(made, now)
    });
    let run = last.run.clone().unwrap_or_else(clock::run_id);
    audit::add(&state, &config.name, &run, attempts.iter().map(Attempt::record))?;
    noted
}
