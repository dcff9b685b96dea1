//! What is due now and then: giving the other places what is new, keeping the repository small and
//! sound, and, where a mirror is, filling it from the remote while the laptop is away.
//!
//! A run that the other machine starts makes no snapshot here: its program runs there, and the agent that
//! serves it here must not keep it waiting. What such a run brought shows in the generation of the
//! territory, which is then ahead of that of the last snapshot; this machine's own `tick` or `watch`
//! sees that and makes one. Without either, `health` shows how old the last snapshot is.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use ubos_engine::clock;
use ubos_engine::error::EngineError;
use ubos_engine::health::{self, Trouble};
use ubos_engine::state::config::{Config, Peer};
use ubos_engine::state::{PRIVATE, StateDir, audit};
use ubos_tiers::git::command::Git;
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::maintain::{self, Maintained, Upkeep};
use ubos_tiers::git::mirror;
use ubos_tiers::git::names::STATE;
use ubos_tiers::git::remote::fetch::{Wanted, fetch};
use ubos_tiers::git::remote::place::{Kind, Place};
use ubos_tiers::git::remote::push::{Outcome, Pushed, When};
use ubos_tiers::git::remote::record::{Due, Ledger};
use ubos_tiers::git::remote::{self};
use ubos_tiers::git::repository::Repository;
use ubos_tiers::git::snapshot::Phase;

use super::attempt::{self, Attempt, trouble_of};
use super::{Subject, WORD};

/// Also what no run carries (an edit that waits for a decision) is in a snapshot that is not older.
const OLDEST: i64 = 3600;
/// The name under which fetches are remembered beside pushes.
const FETCHES: &str = "fetch";

/// What was done, and what a person is to be warned of.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// For the report.
    pub(crate) fields: Map<String, Value>,
    /// Each on a line of its own.
    pub(crate) warnings: Vec<String>,
    records: Vec<Value>,
}

impl Done {
    fn failed(&mut self, what: &str, trouble: &Trouble) {
        self.warnings.push(format!("{what}: {}; {}", trouble.message, trouble.hint));
        self.records.push(json!({
            "event": "backup-failed", "phase": what, "kind": trouble.kind,
            "message": trouble.message,
        }));
    }
}

/// Who makes snapshots besides.
pub(crate) enum Beside {
    /// The run that has just ended; whether it made or tried one.
    Run(bool),
    /// A watch, after its own runs. A generation that no snapshot holds is none of its own if it was
    /// seen at the last look, too: this one.
    Watch(Option<u64>),
}

impl Beside {
    /// Whether a snapshot is left to be made here, where the last one lacks a generation (`unsaved`) or
    /// `is_old`.
    fn leaves(&self, unsaved: Option<u64>, is_old: bool) -> bool {
        match self {
            Beside::Run(made) => !made && (unsaved.is_some() || is_old),
            Beside::Watch(seen) => is_old || unsaved.is_some() && unsaved == *seen,
        }
    }
}

/// The generation of the territory at `root`, if the last snapshot is of an earlier one.
pub(crate) fn unsaved(root: &Path, peer: Option<&str>) -> Option<u64> {
    let (state, config) = open(root).ok()?;
    let (name, peer) = config.peer(peer).ok()?;
    let known = health::backup::known(&state, &config).filter(|_| peer.owner)?;
    let now = health::book::load_of(&state, &config, name).ok()??.generation;
    (now > known.generation?).then_some(now)
}

/// All that is due in the territory at `root`.
pub(crate) fn all(root: &Path, peer: Option<&str>, beside: &Beside) -> Done {
    let mut done = Done::default();
    // A territory that cannot be opened has told so in its run.
    let Ok((state, config)) = open(root) else { return done };
    let Ok((name, peer)) = config.peer(peer) else { return done };
    if config.backup.enabled && peer.owner {
        let is_due = beside.leaves(unsaved(root, Some(name)), is_old(&state, &config));
        if is_due {
            let subject = Subject {
                root: root.to_owned(),
                peer: Some(name.to_owned()),
                settings: config.backup.clone(),
            };
            snapshot(&subject, &mut done);
        }
        give(&state, &config, (name, peer), &mut done);
        keep_up(&state, &mut done);
    } else if !peer.owner {
        fill_mirror(&state, &config, peer, &mut done);
    }
    put_on_record(&state, &config, &mut done);
    done
}

/// Puts what was done into the report of `document`.
pub(crate) fn merge(fields: Map<String, Value>, into: &mut Map<String, Value>) {
    if fields.is_empty() {
        return;
    }
    let known = into.entry(WORD).or_insert_with(|| Value::Object(Map::new()));
    if let Some(known) = known.as_object_mut() {
        known.extend(fields);
    }
}

fn open(root: &Path) -> Result<(StateDir, Config), EngineError> {
    let state = StateDir::open(root)?;
    let config = Config::require(&state)?;
    Ok((state, config))
}

fn folder(state: &StateDir) -> PathBuf {
    state.root().path().join(PRIVATE).join(STATE)
}

/// Whether the last snapshot, if there is one, was made too long ago.
fn is_old(state: &StateDir, config: &Config) -> bool {
    let backup = health::backup::known(state, config);
    let last = backup.and_then(|backup| clock::seconds(&backup.last_snapshot?));
    last.is_none_or(|last| !(0..OLDEST).contains(&(clock::now().0 - last)))
}

fn snapshot(subject: &Subject, done: &mut Done) {
    let made = Attempt::make(subject, Phase::Asked, None, "");
    if let Some(trouble) = made.trouble() {
        done.warnings.push(attempt::sentence(&trouble));
    }
    done.warnings.extend(made.warning());
    done.fields.insert(made.word().to_owned(), made.document());
    if let Err(error) = attempt::write_down(subject, &[made]) {
        done.warnings.push(format!("the backup could not be put on record: {error}"));
    }
}

/// Gives the other places what is new, where it is their turn.
fn give(state: &StateDir, config: &Config, peer: (&str, &Peer), done: &mut Done) {
    let root = state.root().path();
    if !remote::is_due(root, &config.backup, clock::now().0).unwrap_or(true) {
        return;
    }
    let when = When::Due(config.backup.push_every);
    match remote::push(root, config, peer, when, None) {
        Ok(pushed) => gather(&pushed, done),
        // Somebody else does it.
        Err(BackupError::Locked) => {}
        // The snapshot has told what is the matter with the repository.
        Err(
            BackupError::NoGit { .. } | BackupError::NoRepository { .. } | BackupError::Busy { .. },
        ) => {}
        Err(error) => done.failed("push", &trouble_of(&error)),
    }
    if let Err(error) = note_places(state, config, None) {
        done.warnings.push(format!("the backup could not be put on record: {error}"));
    }
}

/// What became of each place.
fn gather(pushed: &Pushed, done: &mut Done) {
    let tried = pushed.places.iter().filter(|place| place.outcome != Outcome::NotDue);
    for place in tried {
        let row = json!({
            "place": place.shown, "outcome": place.outcome.word(),
            "snapshots": place.snapshots, "trouble": place.record.trouble,
        });
        let failed = place.outcome == Outcome::Failed;
        if let Some(why) = place.record.trouble.as_ref().filter(|_| failed) {
            let trouble = Trouble {
                kind: why.kind.clone(),
                message: format!("{}: {}", place.shown, why.message),
                hint: why.hint.clone(),
            };
            done.failed("push", &trouble);
        } else if place.outcome == Outcome::Given {
            done.records.push(json!({
                "event": "backup-pushed", "to": place.shown, "snapshots": place.snapshots,
            }));
        }
        let rows = done.fields.entry("push").or_insert_with(|| Value::Array(Vec::new()));
        if let Some(rows) = rows.as_array_mut() {
            rows.push(row);
        }
    }
}

/// Puts a push that a person asked for into the health and on record; `only` if it was to one kind of
/// place.
pub(crate) fn put_push_on_record(
    state: &StateDir,
    config: &Config,
    pushed: &Pushed,
    only: Option<Kind>,
) -> Result<(), EngineError> {
    let mut done = Done::default();
    gather(pushed, &mut done);
    let noted = note_places(state, config, only);
    record(state, config, &mut done)?;
    noted
}

/// Brings what the health says of the other places up to date, after a push to all or to those of
/// `only`.
fn note_places(state: &StateDir, config: &Config, only: Option<Kind>) -> Result<(), EngineError> {
    let ledger = match remote::known(state.root().path()) {
        Ok(ledger) => ledger,
        Err(BackupError::Engine(error)) => return Err(error),
        Err(_) => return Ok(()),
    };
    let since = ledger.places.values().filter_map(|place| place.unpushed_since).min();
    let apart = ledger.places.values().filter(|place| !place.diverged.is_empty());
    let diverged: Vec<String> = apart.map(|place| place.shown.clone()).collect();
    health::backup::note(state, config, |backup, _| health::backup::Backup {
        // What the places lack that were not asked this time is not known anew.
        unpushed_since: since
            .map(|since| clock::rfc3339((since, 0)))
            .or(backup.unpushed_since.filter(|_| only.is_some())),
        diverged,
        ..backup
    })
}

/// Packs and checks the repository, if that is due.
fn keep_up(state: &StateDir, done: &mut Done) {
    let folder = folder(state);
    let Ok(known) = Upkeep::load(&folder) else { return };
    let now = clock::now().0;
    let Some(depth) = maintain::due(&known.repository, now) else { return };
    // As above.
    let Ok(repository) = Repository::open(state.root().path()) else { return };
    let made = maintain::maintain(repository.git(), &folder, depth, now);
    note_upkeep(&folder, made, done, |upkeep, made| upkeep.repository.note(made));
}

fn note_upkeep(
    folder: &Path,
    made: Result<Maintained, BackupError>,
    done: &mut Done,
    note: impl FnOnce(&mut Upkeep, Maintained),
) {
    let made = match made {
        Ok(made) => made,
        Err(BackupError::Busy { .. }) => return,
        Err(error) => return done.failed("maintain", &trouble_of(&error)),
    };
    if let Some(first) = made.findings.first() {
        let trouble = Trouble {
            kind: "damaged".to_owned(),
            message: format!("{} damaged in the repository, first: {first}", made.findings.len()),
            hint: "`ubos-sync backup drill --all` shows which place still has everything"
                .to_owned(),
        };
        done.failed("maintain", &trouble);
    }
    done.fields.insert("maintain".to_owned(), json!(made));
    let kept = Upkeep::load(folder).and_then(|mut upkeep| {
        note(&mut upkeep, made);
        upkeep.save(folder)
    });
    if let Err(error) = kept {
        done.warnings.push(format!("the backup could not be put on record: {error}"));
    }
}

/// Where the mirror is: it is filled from the remote, if this side has one set, and kept small.
fn fill_mirror(state: &StateDir, config: &Config, peer: &Peer, done: &mut Done) {
    let Ok(Some(mirror)) = mirror::open(&peer.pair) else { return };
    let (folder, now) = (folder(state), clock::now().0);
    if let Some(remote) = &config.backup.remote
        && let Err(error) = bring(&mirror, remote, &folder, config, now, done)
    {
        done.failed("fetch", &trouble_of(&error));
    }
    let Ok(known) = Upkeep::load(&folder) else { return };
    if let Some(depth) = maintain::due(&known.mirror, now) {
        let made = maintain::maintain(&mirror, &folder, depth, now);
        note_upkeep(&folder, made, done, |upkeep, made| upkeep.mirror.note(made));
    }
}

/// Fetches from the remote into the mirror, if that is due.
fn bring(
    mirror: &Git,
    remote: &str,
    folder: &Path,
    config: &Config,
    now: i64,
    done: &mut Done,
) -> Result<(), BackupError> {
    let mut ledger = Ledger::load(folder)?;
    let mut record = ledger.places.get(FETCHES).cloned().unwrap_or_default();
    if record.due(true, config.backup.push_every, now) != Due::Now {
        return Ok(());
    }
    let place = Place::remote(mirror, remote)?;
    record.shown.clone_from(&place.shown);
    record.attempted = Some(now);
    let main = config.backup.branch.as_ref().map(|branch| format!("refs/heads/{branch}"));
    let wanted = Wanted { main: main.as_deref(), extra: None };
    match fetch(mirror, &place, wanted, now)? {
        Ok(fetched) => {
            let heads =
                fetched.news.iter().map(|(name, commit)| (name.clone(), commit.to_string()));
            let heads: std::collections::BTreeMap<String, String> = heads.collect();
            done.fields
                .insert(FETCHES.to_owned(), json!({"news": heads, "diverged": fetched.diverged}));
            record.done(heads, now);
        }
        Err(why) => {
            let [byte] = clock::random::<1>();
            let trouble = Trouble {
                kind: why.kind.clone(),
                message: why.message.clone(),
                hint: why.hint.clone(),
            };
            done.failed("fetch", &trouble);
            record.failed(why, now, f64::from(byte) / 255.0);
        }
    }
    ledger.places.insert(FETCHES.to_owned(), record);
    ledger.save(folder)
}

fn put_on_record(state: &StateDir, config: &Config, done: &mut Done) {
    if let Err(error) = record(state, config, done) {
        done.warnings.push(format!("the backup could not be put on record: {error}"));
    }
}

fn record(state: &StateDir, config: &Config, done: &mut Done) -> Result<(), EngineError> {
    let records: Vec<Map<String, Value>> =
        done.records.drain(..).filter_map(|record| record.as_object().cloned()).collect();
    if records.is_empty() {
        return Ok(());
    }
    audit::add(state, &config.name, &clock::run_id(), records)
}

/// How a drill ended.
pub(crate) struct Drilled {
    /// Everything came back from everywhere.
    pub whole: bool,
    /// How many paths did not, if it is known of all of them why.
    pub known_gaps: Option<u64>,
}

/// Puts a drill into the health of the machine that makes the snapshots, and on record.
pub(crate) fn put_drill_on_record(
    state: &StateDir,
    config: &Config,
    owner: bool,
    record: Map<String, Value>,
    found: Drilled,
) -> Result<(), EngineError> {
    let noted = match owner {
        true => health::backup::note(state, config, |backup, now| health::backup::Backup {
            last_drill: Some(clock::rfc3339((now.time, 0))),
            drill_complete: Some(found.whole),
            drill_known_gaps: found.known_gaps,
            ..backup
        }),
        false => Ok(()),
    };
    audit::add(state, &config.name, &clock::run_id(), [record])?;
    noted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_left_to_be_made_where_nobody_else_makes_it() {
        assert!(!Beside::Run(true).leaves(Some(7), true), "the run has made one");
        assert!(Beside::Run(false).leaves(Some(7), false));
        assert!(Beside::Run(false).leaves(None, true));
        assert!(!Beside::Run(false).leaves(None, false));
        // A watch makes those of its own runs within less than a look.
        assert!(!Beside::Watch(None).leaves(Some(7), false));
        assert!(!Beside::Watch(Some(6)).leaves(Some(7), false));
        assert!(Beside::Watch(Some(7)).leaves(Some(7), false));
        assert!(!Beside::Watch(Some(7)).leaves(None, false));
        assert!(Beside::Watch(None).leaves(None, true));
    }
}
