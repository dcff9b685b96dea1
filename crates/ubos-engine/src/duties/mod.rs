//! What a territory does between runs, without its peer: it looks at its own tree, asks for a run if
//! something waits (a run that was cut off, too), hashes a slice of what is kept, lets old backups
//! go, compresses old logs. Nothing is decided here and no baseline advances.

use std::path::Path;
use std::time::Duration;

use ubos_core::path::RelPath;
use ubos_core::sides::Side;

use crate::agent::message::OpenMatter;
use crate::backups::compress::{self, Compressed};
use crate::backups::{Weight, retention};
use crate::clock;
use crate::cycle;
use crate::endpoint::Endpoint;
use crate::endpoint::Scanned;
use crate::endpoint::local::LocalEndpoint;
use crate::error::{EngineError, Result};
use crate::health::{Health, Trouble, book};
use crate::scrub::{self, Rehashed};
use crate::state::audit::Audit;
use crate::state::config::{Config, Peer};
use crate::state::lock::Lock;
use crate::state::{StateDir, matters, requests};

/// A run within so many seconds makes looking and asking needless.
const RECENT: i64 = 300;

/// What was done alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Files and links that were looked at; `None` if a run did that just now.
    pub scanned: Option<u64>,
    /// Changes that wait for the peer.
    pub waiting: u64,
    /// A run was cut off and waits to be settled by both sides.
    pub interrupted: bool,
    /// Why there is no baseline to work with.
    pub lost: Option<String>,
    /// The request that was left.
    pub asked: Option<String>,
    /// What was done about the disk.
    pub upkeep: Upkeep,
}

/// What was done about the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// What was hashed again.
    pub rehashed: Rehashed,
    /// Runs whose backups were let go.
    pub pruned: Vec<String>,
    /// Sealed logs that were compressed.
    pub compressed: Compressed,
    /// What that did to the weight of the backups.
    pub weight: Weight,
}

/// Everything that a side without an address for its peer can do, and its health.
///
/// # Errors
/// [`EngineError::Locked`] while a run goes on, which does all this itself; what the system says.
pub fn alone(root: &Path, peer: Option<&str>, interval: Option<Duration>) -> Result<Done> {
    let state = StateDir::open(root)?;
    let config = Config::require(&state)?;
    let (name, peer) = config.peer(peer)?;
    let done = look(&config, (name, peer), root, true).and_then(|(mut done, oldest)| {
        done.upkeep = keep_up(&state, &config)?;
        Ok((done, oldest))
    });
    if matches!(done, Err(EngineError::Locked { .. })) {
        return done.map(|(done, _)| done);
    }
    let failed = done.as_ref().err().map(|error| (Trouble::of(error), error.exit_code()));
    let oldest = done.as_ref().ok().and_then(|(_, oldest)| oldest.clone());
    // Where it cannot be written, the duties are done all the same.
    let weight = done.as_ref().map_or(Weight::Same, |(done, _)| done.upkeep.weight);
    let _ = book::update(&state, &config, Some(name), weight, |health, now| {
        let interval = interval.map(|interval| interval.as_secs());
        Health { peer: name.to_owned(), ..health }.after_duties(failed, oldest, interval, now)
    });
    done.map(|(done, _)| done)
}

/// Hashes a slice and lets old backups go, for a side that has just run or tried to; where the peer
/// was `away`, it looks at its own tree as well. Leaves quietly while another run goes on.
///
/// # Errors
/// What the system says.
pub fn upkeep(root: &Path, peer: Option<&str>, away: bool) -> Result<Upkeep> {
    let state = StateDir::open(root)?;
    let config = Config::require(&state)?;
    let (name, peer) = config.peer(peer)?;
    let looked = if away { Some(look(&config, (name, peer), root, false)) } else { None };
    let done = keep_up(&state, &config);
    if matches!(done, Err(EngineError::Locked { .. })) {
        return Ok(Upkeep::default());
    }
    // As above.
    let weight = done.as_ref().map_or(Weight::Same, |done| done.weight);
    let _ = book::update(&state, &config, Some(name), weight, |health, _| match looked {
        Some(Ok((_, oldest))) => Health { oldest_unsynced: oldest, ..health },
        _ => health,
    });
    done
}

/// Brings the figures of the disk up to date, where a watch does all else.
///
/// # Errors
/// What the system says.
pub fn figures(root: &Path) -> Result<()> {
    let state = StateDir::open(root)?;
    let config = Config::require(&state)?;
    book::update(&state, &config, None, Weight::Same, |health, _| health)
}

/// Compresses sealed logs whose time has come: for the time after a run, when nobody waits for it.
///
/// # Errors
/// What the system says; they stay as they are then.
pub fn tidy(root: &Path) -> Result<Compressed> {
    let state = StateDir::open(root)?;
    let config = Config::require(&state)?;
    let begun = clock::now().0;
    let compressed = compress::compress(&state, &config, begun)?;
    if compressed.logs > 0 {
        let weight = Weight::changed(compressed.saved.saturating_neg(), begun);
        book::update(&state, &config, None, weight, |health, _| health)?;
    }
    Ok(compressed)
}

/// Whether [`tidy`] would have something to do.
///
/// # Errors
/// What the system says.
pub fn is_untidy(root: &Path) -> Result<bool> {
    let state = StateDir::open(root)?;
    compress::is_due(&state, &Config::require(&state)?, clock::now().0)
}

/// What waits here, looked at with the territory locked; and since when the oldest of it does.
/// `asks` for a run where something does.
fn look(
    config: &Config,
    (name, peer): (&str, &Peer),
    root: &Path,
    asks: bool,
) -> Result<(Done, Option<String>)> {
    let mut done = Done::default();
    let owner = if peer.owner { Side::Here } else { Side::There };
    let mut local =
        LocalEndpoint::open(StateDir::open(root)?, config.clone(), peer.clone(), Side::Here);
    local.lock()?;
    let standing = local.look()?;
    if standing.header.is_none() {
        done.lost = Some(standing.damage.unwrap_or_else(|| "the baseline is missing".to_owned()));
        return Ok((done, None));
    }
    let health = book::load_of(local.state(), config, name)?.unwrap_or_default();
    let last = health.last_good_run.as_deref().and_then(clock::seconds);
    let recent = last.is_some_and(|last| is_recent(last, clock::now().0));
    // What became of a run that was cut off is settled by both sides, in one go: looking for its
    // traces also finishes its last step, and whoever looks later would take that for the run's own.
    if standing.open_runs || standing.prepared.is_some() {
        done.interrupted = true;
        done.asked = ask(&local, asks, "interrupted")?;
        return Ok((done, health.oldest_unsynced));
    }
    if recent && asks {
        return Ok((done, health.oldest_unsynced));
    }
    let Some(found) = local.refresh(&standing)? else { return Ok((done, None)) };
    done.scanned = Some(found.scanned);
    let (count, oldest) = waiting(&local, owner, &peer.pair, found)?;
    done.waiting = count;
    if count == 0 {
        return Ok((done, None));
    }
    done.asked = ask(&local, asks, "changes")?;
    Ok((done, Some(since(oldest, last, health.oldest_unsynced))))
}

/// Whether a run that ended at `last` makes looking needless at `now`. One that lies ahead of the
/// clock says nothing: the clock was set back.
fn is_recent(last: i64, now: i64) -> bool {
    (0..RECENT).contains(&(now - last))
}

fn ask(local: &LocalEndpoint, asks: bool, reason: &str) -> Result<Option<String>> {
    if asks { requests::ask(local.state(), reason) } else { Ok(None) }
}

/// How many changes may go to the peer and wait for no person; and the modification time of the
/// oldest, where one is known.
fn waiting(
    local: &LocalEndpoint,
    owner: Side,
    pair: &str,
    found: Scanned,
) -> Result<(u64, Option<i64>)> {
    let Some(selection) = local.selection() else { return Ok((0, None)) };
    let open = matters::load(local.state(), pair)?;
    let (mut count, mut oldest) = (0, None::<i64>);
    for (path, seen) in &found.changes {
        let undecided = open.iter().any(|matter| is_about(matter, path));
        if undecided || !cycle::waits(selection, owner, path, seen) {
            continue;
        }
        count += 1;
        if let Some((seconds, _)) = seen.mtime {
            oldest = Some(oldest.map_or(seconds, |oldest| oldest.min(seconds)));
        }
    }
    Ok((count, oldest))
}

fn is_about(matter: &OpenMatter, path: &RelPath) -> bool {
    match matter {
        OpenMatter::Conflict(conflict) => conflict.path == *path || path.is_below(&conflict.path),
        OpenMatter::Held(held) => held.path == *path,
        OpenMatter::Left(left, _) => left == path,
        OpenMatter::Guarded(guarded) => guarded.path == *path,
    }
}

/// Since when something waits: a file's time can be older than the last run, which did not have it;
/// a deletion has none, and waits since it was first seen.
fn since(oldest: Option<i64>, last_run: Option<i64>, known: Option<String>) -> String {
    let now = clock::now().0;
    let since = match (oldest, known.as_deref().and_then(clock::seconds)) {
        (Some(oldest), Some(known)) => oldest.min(known),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => now,
    };
    clock::rfc3339((since.max(last_run.unwrap_or(since)).min(now), 0))
}

fn keep_up(state: &StateDir, config: &Config) -> Result<Upkeep> {
    let begun = clock::now().0;
    let (gone, pruned) = {
        // No run may put something aside, or open a conflict, while this looks.
        let _lock = Lock::take(state, &config.name)?;
        let (gone, _) = retention::expired(state, config, &config.backups)?;
        let pruned = retention::prune(state, &gone)?;
        if !pruned.records.is_empty() {
            let mut log = Audit::open(state)?;
            let run = clock::run_id();
            pruned.records.into_iter().for_each(|record| log.note(&run, record));
            log.sync()?;
        }
        (gone, pruned.bytes)
    };
    let compressed = compress::compress(state, config, clock::now().0)?;
    let rehashed = scrub::rehash(state, config, clock::now().0)?;
    let freed = pruned.cast_signed().saturating_add(compressed.saved);
    let weight = Weight::changed(freed.saturating_neg(), begun);
    Ok(Upkeep { rehashed, pruned: gone, compressed, weight })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_keeps_nobody_from_looking() {
        const DAY: i64 = 86_400;
        for (passed, recent) in [(0, true), (299, true), (300, false), (9 * DAY, false)] {
            assert_eq!(is_recent(1_800_000_000, 1_800_000_000 + passed), recent, "{passed}");
        }
        assert!(!is_recent(1_800_000_000, 1_800_000_000 - 9 * DAY));
    }

    #[test]
    fn nothing_waits_since_before_the_last_run_or_after_now() {
        let now = clock::now().0;
        let told = |oldest, last| clock::seconds(&since(oldest, last, None)).unwrap();
        assert_eq!(told(Some(now - 50), Some(now - 90)), now - 50);
        assert_eq!(told(Some(now - 90), Some(now - 50)), now - 50);
        // A file, or a run, from before the clock was set back.
        assert!((now..now + 5).contains(&told(Some(now + 900), None)));
        assert!((now..now + 5).contains(&told(Some(now - 50), Some(now + 900))));
    }
}
