//! What a person is told without having asked: changes of state only, each once. What was told is
//! remembered in `state/told`, for each peer.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::{Health, Mode, Trouble, book};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::atomic;
use crate::state::StateDir;
use crate::state::audit;
use crate::state::config::Config;

const NAME: &str = "told";
/// A watch tries again within seconds; only the failure that outlasts these attempts is news. A
/// timer's attempts are over when it looks. What a person has to mend is news at once.
const ATTEMPTS_OF_A_WATCH: u64 = 4;
/// The exit code of a run that could not understand its configuration or a manifest.
const MISCONFIGURED: u8 = 2;

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// So many conflicts that were not open before.
    Conflicts(usize),
    /// A guard holds something, or stopped a run.
    Guard,
    /// Syncing does not work any more.
    Failed(Trouble),
    /// It does again.
    Recovered,
    /// More files or backups are damaged than before; so many in all.
    Damaged(u64),
    /// The backup has failed for a day.
    BackupFails(Trouble),
    /// It works again.
    BackupWorks,
    /// These places of the backup went another way.
    BackupDiverged(Vec<String>),
}

impl News {
    /// The word that commands and the log get.
    pub fn word(&self) -> &'static str {
        match self {
            News::Conflicts(_) => "conflict",
            News::Guard => "guard",
            News::Failed(_) => "failed",
            News::Recovered => "recovered",
            News::Damaged(_) => "damaged",
            News::BackupFails(_) => "backup-failed",
            News::BackupWorks => "backup-recovered",
            News::BackupDiverged(_) => "backup-diverged",
        }
    }

    /// A sentence for a person, with the next step. Names no path.
    pub fn sentence(&self, health: &Health) -> String {
        let (own, peer) = (&health.territory, &health.peer);
        match self {
            News::Conflicts(1) => {
                format!("{own} and {peer}: a new conflict. Settle it with: ubos-sync resolve")
            }
            News::Conflicts(count) => {
                format!(
                    "{own} and {peer}: {count} new conflicts. Settle them with: ubos-sync resolve"
                )
            }
            News::Guard => format!(
                "{own} and {peer}: a guard held changes back. See what and why: ubos-sync status"
            ),
            News::Failed(trouble) => format!(
                "{own} no longer syncs with {peer}: {}. Next step: {}",
                trouble.message, trouble.hint
            ),
            News::Recovered => format!("{own} syncs with {peer} again."),
            News::BackupFails(trouble) => format!(
                "{own}: no backup for a day: {}. Next step: {}",
                trouble.message, trouble.hint
            ),
            News::BackupWorks => format!("{own}: the backup works again."),
            News::BackupDiverged(places) => format!(
                "{own}: the backup went another way on {}; nothing was overwritten. See: ubos-sync backup status",
                places.join(" and ")
            ),
            News::Damaged(count) => format!(
                "{own}: {count} damaged on the disk. See which, and what to do: ubos-sync health"
            ),
        }
    }
}

/// What a person knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    failing: bool,
    guarded: bool,
    damaged: u64,
    conflicts: BTreeSet<RelPath>,
    backup_fails: bool,
    backup_diverged: Vec<String>,
}

/// What is new in `health` to a person who knows what `told` says, and what they know then. Pure.
pub fn since(told: &Told, health: &Health, conflicts: BTreeSet<RelPath>) -> (Vec<News>, Told) {
    let guarded = health.guards > 0;
    let trouble = health.error.as_ref().filter(|_| health.exit != 4);
    let outlasts = health.mode != Mode::Watch
        || health.failures_in_a_row >= ATTEMPTS_OF_A_WATCH
        || health.exit == MISCONFIGURED;
    let failing = health.error.is_some() && (told.failing || outlasts || guarded);
    let mut news = Vec::new();
    let opened = conflicts.difference(&told.conflicts).count();
    if opened > 0 {
        news.push(News::Conflicts(opened));
    }
    if guarded && !told.guarded {
        news.push(News::Guard);
    }
    if let Some(trouble) = trouble.filter(|_| failing && !told.failing) {
        news.push(News::Failed(trouble.clone()));
    }
    if told.failing && health.error.is_none() {
        news.push(News::Recovered);
    }
    if health.damaged > told.damaged {
        news.push(News::Damaged(health.damaged));
    }
    let (backup_fails, backup_diverged) = of_backup(told, health, &mut news);
    let damaged = health.damaged;
    (news, Told { failing, guarded, damaged, conflicts, backup_fails, backup_diverged })
}

/// What is new about the backup; whether it is known to fail, and where it is known to have gone
/// another way.
fn of_backup(told: &Told, health: &Health, news: &mut Vec<News>) -> (bool, Vec<String>) {
    let Some(backup) = &health.backup else { return (false, Vec::new()) };
    let now = clock::seconds(&health.updated).unwrap_or(i64::MIN);
    let fails = backup.fails(now).is_some();
    if let Some(trouble) = backup.trouble.as_ref().filter(|_| fails && !told.backup_fails) {
        news.push(News::BackupFails(trouble.clone()));
    }
    if told.backup_fails && !fails {
        news.push(News::BackupWorks);
    }
    let is_new = |place: &&String| !told.backup_diverged.contains(place);
    let fresh: Vec<String> = backup.diverged.iter().filter(is_new).cloned().collect();
    if !fresh.is_empty() {
        news.push(News::BackupDiverged(fresh));
    }
    (fails, backup.diverged.clone())
}

/// What is new about `peer` since a person was last told, with the health that says so.
///
/// # Errors
/// What reading says.
pub fn unheard(
    state: &StateDir,
    config: &Config,
    peer: &str,
) -> Result<Option<(Health, Vec<News>, Told)>> {
    let Some(health) = book::load_of(state, config, peer)? else { return Ok(None) };
    let folder = state.folder("state")?;
    let bytes = atomic::read(folder.as_fd(), &name(config, peer))
        .map_err(|e| EngineError::io("read", state.path("state/told"), e))?;
    let told = bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default();
    let (news, now) = since(&told, &health, book::waiting(state, config, peer)?.conflicts);
    Ok((now != told).then_some((health, news, now)))
}

/// Remembers what a person knows now about `peer`.
///
/// # Errors
/// What the system says; then they may be told once more.
pub fn remember(state: &StateDir, config: &Config, peer: &str, told: &Told) -> Result<()> {
    let folder = state.folder("state")?;
    let bytes = postcard::to_stdvec(told).expect("serialising into memory cannot fail");
    atomic::replace(folder.as_fd(), &name(config, peer), &bytes)
        .map_err(|e| EngineError::io("write", state.path("state/told"), e))
}

/// The file of what a person knows about `peer`.
fn name(config: &Config, peer: &str) -> String {
    match config.peers.get(peer) {
        Some(peer) if config.peers.len() > 1 => {
            format!("{NAME}-{}", &Digest::of(peer.pair.as_bytes()).to_hex()[..16])
        }
        _ => NAME.to_owned(),
    }
}

/// Puts on record who was told of what (by word), by which way, and whether it arrived.
///
/// # Errors
/// [`EngineError::Locked`] while a run writes the log; what the system says.
pub fn record(state: &StateDir, config: &Config, sent: &[(&str, &str, bool)]) -> Result<()> {
    if sent.is_empty() {
        return Ok(());
    }
    let records = sent.iter().map(|(what, by, arrived)| {
        let fields: [(&str, Value); 4] = [
            ("event", "notified".into()),
            ("reason", (*what).into()),
            ("by", (*by).into()),
            ("arrived", (*arrived).into()),
        ];
        fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
    });
    audit::add(state, &config.name, &clock::run_id(), records)
}
