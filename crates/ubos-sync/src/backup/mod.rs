//! The versioned backup beside the sync: a snapshot before and after a run that changes something,
//! one after the dust has settled while a watch runs, and what is due now and then.
//!
//! Nothing here fails a run or changes its exit code. What goes wrong is one line on standard error,
//! stands under `backup` in the run's report, in the audit log and in the health.

pub(crate) mod attempt;
pub(crate) mod chores;
pub(crate) mod follow;
pub(crate) mod versions;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Map, Value};

use ubos_engine::cycle::report::RunReport;
use ubos_engine::cycle::{Event, Request};
use ubos_engine::error::EngineError;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::backup::BackupSettings;
use ubos_engine::state::config::{Config, Peer};
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::snapshot::{Phase, Snapshot};

use crate::ui::Ui;
use attempt::Attempt;

/// The word in reports.
pub(crate) const WORD: &str = "backup";

/// A territory whose snapshots are made here.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    root: PathBuf,
    peer: Option<String>,
    settings: BackupSettings,
}

impl Subject {
    /// The territory at the root of `request`, if it wants snapshots and is the one that makes them.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let state = StateDir::open(&request.root).ok()?;
        let config = Config::load(&state).ok()??;
        let (_, peer) = config.peer(request.peer.as_deref()).ok()?;
        let wanted = config.backup.enabled && peer.owner;
        wanted.then(|| Self {
            root: request.root.clone(),
            peer: request.peer.clone(),
            settings: config.backup.clone(),
        })
    }
}

/// A snapshot that a person asked for, perhaps with words for its message. Where snapshots are made by
/// themselves too, it is in the health and on record as those are.
pub(crate) fn asked(
    root: &Path,
    (peer, known): (&str, &Peer),
    settings: &BackupSettings,
    what: Option<&str>,
    ui: &Ui,
) -> Result<Snapshot, BackupError> {
    let (root, peer, settings) = (root.to_owned(), Some(peer.to_owned()), settings.clone());
    let subject = Subject { root, peer, settings };
    let attempt = [Attempt::asked(&subject, what)];
    // The machine that makes none has nothing to tell.
    if known.owner {
        warn(attempt::write_down(&subject, &attempt), ui);
    }
    let [attempt] = attempt;
    attempt.into_made()
}

/// Warns that something is not in the health or not on record.
pub(crate) fn warn(written: Result<(), EngineError>, ui: &Ui) {
    if let Err(error) = written {
        ui.warning(&format!("the backup could not be put on record: {error}"));
    }
}

/// A run, given what is to hear of its events, with a snapshot before it changes anything and one
/// after it did.
pub(crate) fn around(
    request: &Request,
    ui: &Ui,
    run: impl FnOnce(&(dyn Fn(&Event) + Sync)) -> RunReport,
) -> RunReport {
    let subject = if request.dry_run { None } else { Subject::of(request) };
    let Some(subject) = subject else { return run(&|_| {}) };
    let before = Mutex::new(None);
    let what = format!("ubos-sync {}", request.command);
    let mut report = run(&|event| {
        if let Event::Changing { run, .. } = event {
            let mut before = before.lock().expect("no holder of this lock panics");
            before.get_or_insert_with(|| Attempt::make(&subject, Phase::Pre, Some(run), &what));
        }
    });
    let before = before.into_inner().expect("no holder of this lock panics");
    let changed = !report.actions.is_empty() || !report.put_back.is_empty();
    let broke_off = report.error.is_some() && before.is_some();
    let hopeless = before.as_ref().is_some_and(Attempt::is_hopeless);
    let after = ((changed || broke_off) && !hopeless)
        .then(|| Attempt::make(&subject, Phase::Post, Some(&report.run), &what));
    let attempts: Vec<Attempt> = before.into_iter().chain(after).collect();
    if !attempts.is_empty() {
        report.beside.insert(WORD.to_owned(), tell(&subject, &attempts, ui));
    }
    report
}

/// Warns of what went wrong, writes everything down, and returns it for the report.
fn tell(subject: &Subject, attempts: &[Attempt], ui: &Ui) -> Value {
    if let Some(trouble) = attempts.iter().rev().find_map(Attempt::trouble) {
        ui.warning(&attempt::sentence(&trouble));
    }
    attempts.iter().filter_map(Attempt::warning).for_each(|line| ui.warning(&line));
    warn(attempt::write_down(subject, attempts), ui);
    let fields = attempts.iter().map(|attempt| (attempt.word().to_owned(), attempt.document()));
    fields.collect::<Map<String, Value>>().into()
}
