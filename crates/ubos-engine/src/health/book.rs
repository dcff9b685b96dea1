//! Where the health is kept: one file, with one record for each peer. Its top is the record of the
//! peer that was last met or tried, which is all there is where there is one peer.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Ended, Health, Now, Waiting, metrics};
use crate::backups::{self, Weight};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::{atomic, probe};
use crate::scrub;
use crate::state::config::{Config, WatchPolicy};
use crate::state::lock::Lock;
use crate::state::{StateDir, matters};

const NAME: &str = "health.json";
const SCHEMA: u32 = 1;
/// The backups are weighed again after so many seconds: that takes a look at each of them.
const WEIGH_AGAIN: i64 = 3600;

/// The health with every peer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    #[serde(flatten)]
    last: Health,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    peers: BTreeMap<String, Health>,
}

impl Book {
    /// What is on record of `peer`. Where there is one peer, it is about that one under whatever
    /// name.
    pub fn of(&self, config: &Config, peer: &str) -> Option<&Health> {
        if config.peers.len() < 2 {
            return Some(&self.last);
        }
        self.peers.get(peer).or_else(|| Some(&self.last).filter(|last| last.peer == peer))
    }

    /// Changes the record of `peer`.
    fn change(&mut self, config: &Config, peer: &str, change: impl FnOnce(Health) -> Health) {
        if config.peers.len() < 2 {
            self.peers.clear();
            self.last = change(std::mem::take(&mut self.last));
            return;
        }
        // What was written while there was one peer only.
        if config.peers.contains_key(&self.last.peer) {
            self.peers.entry(self.last.peer.clone()).or_insert_with(|| self.last.clone());
        }
        self.peers.retain(|name, _| config.peers.contains_key(name));
        let changed = change(Health {
            peer: peer.to_owned(),
            ..self.peers.remove(peer).unwrap_or_else(|| self.fresh())
        });
        self.peers.insert(peer.to_owned(), changed.clone());
        self.last = changed;
    }

    /// The record of a peer that nothing is known of yet; the disk is the same for all.
    fn fresh(&self) -> Health {
        let Health { backup_bytes, weighed, .. } = &self.last;
        Health { backup_bytes: *backup_bytes, weighed: weighed.clone(), ..Health::default() }
    }

    /// Every record, by peer.
    pub(super) fn records(&self) -> Vec<&Health> {
        match self.peers.is_empty() {
            true => vec![&self.last],
            false => self.peers.values().collect(),
        }
    }

    fn records_mut(&mut self) -> impl Iterator<Item = &mut Health> {
        std::iter::once(&mut self.last).chain(self.peers.values_mut())
    }
}

/// What is kept; `None` if nothing was written yet, or it is damaged.
///
/// # Errors
/// What reading says.
pub fn load(state: &StateDir) -> Result<Option<Book>> {
    let bytes =
        atomic::read(state.fd(), NAME).map_err(|e| EngineError::io("read", state.path(NAME), e))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// What is on record of `peer`; `None` as for [`load`], or where it was never met.
///
/// # Errors
/// What reading says.
pub fn load_of(state: &StateDir, config: &Config, peer: &str) -> Result<Option<Health>> {
    Ok(load(state)?.and_then(|book| book.of(config, peer).cloned()))
}

/// Everything that waits for a person between this territory and `peer`.
///
/// # Errors
/// What reading says.
pub fn waiting(state: &StateDir, config: &Config, peer: &str) -> Result<Waiting> {
    match config.peers.get(peer) {
        Some(peer) => Ok(Waiting::of(&matters::load(state, &peer.pair)?)),
        None => Ok(Waiting::default()),
    }
}

/// Writes down what a run came to. A run that another one kept from beginning says nothing.
///
/// # Errors
/// What the system says; no run fails because of it.
pub fn after_run(state: &StateDir, config: &Config, ended: &Ended) -> Result<()> {
    // A run that failed before it knew its peer.
    let only = || config.peers.keys().next().filter(|_| config.peers.len() == 1);
    let named = Some(&ended.peer).filter(|peer| config.peers.contains_key(*peer));
    let Some(peer) = named.or_else(only) else { return Ok(()) };
    let waiting = waiting(state, config, peer)?;
    let ended = Ended { peer: peer.clone(), ..ended.clone() };
    update(state, config, Some(peer), ended.weight, |health, now| {
        health.after(&ended, &waiting, now)
    })
}

/// Changes what is kept of `peer` by `change`, and brings the figures of the disk up to date: `weight`
/// is what became of that of the backups. Without a peer it is the figures alone, where something is
/// on record.
///
/// # Errors
/// What the system says.
pub fn update(
    state: &StateDir,
    config: &Config,
    peer: Option<&str>,
    weight: Weight,
    change: impl FnOnce(Health, &Now) -> Health,
) -> Result<()> {
    let now = Now::read(config.watch.interval);
    let _lock = Lock::take_health(state)?;
    let mut book = match (load(state)?, peer) {
        (None, None) => return Ok(()),
        (book, _) => book.unwrap_or_default(),
    };
    if let Some(peer) = peer {
        book.change(config, peer, |health| Health { updated: now.text(), ..change(health, &now) });
    }
    let mut disk = Disk::of(&book.last);
    disk.update(state, weight, &now)?;
    for health in book.records_mut() {
        health.schema = SCHEMA;
        health.territory.clone_from(&config.name);
        disk.note(health);
        // One that was switched off fails no more.
        health.backup = health.backup.take().filter(|_| config.backup.enabled);
        if peer.is_none() {
            health.updated = now.text();
        }
    }
    save(state, &book)?;
    metrics::write(state, config.health.metrics.as_deref(), &book.records())
}

fn save(state: &StateDir, book: &Book) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(book).expect("plain data");
    atomic::replace(state.fd(), NAME, &bytes)
        .map_err(|e| EngineError::io("write", state.path(NAME), e))
}

/// Writes down that a run failed because the configuration cannot be understood: who the peers are and
/// what waits is then as it was last known, and where metrics go is not known at all.
fn after_misconfigured(state: &StateDir, ended: &Ended) -> Result<()> {
    let now = Now::read(WatchPolicy::default().interval);
    let _lock = Lock::take_health(state)?;
    let Some(mut book) = load(state)? else { return Ok(()) };
    let Health { open_conflicts, held, guards, .. } = book.last;
    let ended = Ended { peer: String::new(), ..ended.clone() };
    let after = std::mem::take(&mut book.last).after(&ended, &Waiting::default(), &now);
    book.last = Health { open_conflicts, held, guards, updated: now.text(), ..after };
    if let Some(record) = book.peers.get_mut(&book.last.peer) {
        record.clone_from(&book.last);
    }
    save(state, &book)
}

/// The figures of the disk, which are the same whatever the peer.
struct Disk {
    free: u64,
    backups: u64,
    weighed: Option<String>,
    damaged: u64,
}

impl Disk {
    fn of(health: &Health) -> Self {
        Self {
            free: health.free_bytes,
            backups: health.backup_bytes,
            weighed: health.weighed.clone(),
            damaged: health.damaged,
        }
    }

    /// Brings them up to date, at a cost of what changed: the backups are weighed as a whole only
    /// where that was long ago, or nothing else can tell.
    fn update(&mut self, state: &StateDir, weight: Weight, now: &Now) -> Result<()> {
        if let Ok(space) = probe::space(state.fd()) {
            self.free = space.free;
        }
        let weighed = self.weighed.as_deref().and_then(clock::seconds);
        let is_old = |then| now.time < then || now.time - then > WEIGH_AGAIN;
        match weight.after(weighed.filter(|then| !is_old(*then)), self.backups) {
            Some(bytes) => self.backups = bytes,
            None => {
                self.backups = backups::weigh(state)?;
                self.weighed = Some(now.text());
            }
        }
        self.damaged = scrub::damaged(state)?.len() as u64;
        Ok(())
    }

    fn note(&self, health: &mut Health) {
        health.free_bytes = self.free;
        health.backup_bytes = self.backups;
        health.weighed.clone_from(&self.weighed);
        health.damaged = self.damaged;
    }
}

/// As [`after_run`], for a territory that may not even be one, and without a word where it cannot be
/// written: it is the run that counts.
pub(crate) fn note(root: &Path, ended: &Ended) {
    let write = || -> Result<()> {
        let state = StateDir::open(root)?;
        match Config::require(&state) {
            Err(EngineError::Config { .. }) => after_misconfigured(&state, ended),
            config => after_run(&state, &config?, ended),
        }
    };
    // The next run writes it anew.
    let _ = write();
}
