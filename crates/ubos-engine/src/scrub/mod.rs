//! Hashing again, a slice at a time, what nobody has read for long: is the disk still telling the
//! truth? A file of the tree whose bytes differ from the baseline although size and times are as
//! they were, and a former version that is not what the log says, are damaged.
//!
//! A write that sets the modification time back is not among them: the change time gives it away,
//! and the next scan takes it for the edit that it is. What is found here is what no scan can see.

mod items;
pub mod slices;

use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use ubos_core::path::RelPath;

use crate::audit_notes::put_path;
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::{Stamp, atomic};
use crate::state::StateDir;
use crate::state::audit::Audit;
use crate::state::config::Config;
use crate::state::lock::Lock;
use items::{Item, Read};
use slices::Cursor;

pub use items::Place;

const NAME: &str = "scrub";

/// Something that is no longer what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Where it is kept.
    pub place: Place,
    /// Its path in the tree or the store.
    pub path: RelPath,
    stamp: Stamp,
}

/// What is kept between two slices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Book {
    cursor: Cursor,
    damaged: Vec<Damage>,
}

/// What one call read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rehashed {
    /// Files and former versions.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// All that is known to be damaged now.
    pub damaged: Vec<Damage>,
    /// How much of it was not known before.
    pub found: u64,
}

/// What is known to be damaged.
///
/// # Errors
/// What reading says.
pub fn damaged(state: &StateDir) -> Result<Vec<Damage>> {
    Ok(load(state)?.damaged)
}

/// Reads the slices that are due at `now`, in seconds since 1970. The lock is held before and after,
/// not while the disk is read: a run need not wait for it.
///
/// # Errors
/// [`EngineError::Locked`] while a run goes on; what the system says. The slices then stay due.
pub fn rehash(state: &StateDir, config: &Config, now: i64) -> Result<Rehashed> {
    let (cursor, items) = {
        let _lock = Lock::take(state, &config.name)?;
        let (due, cursor) = load(state)?.cursor.due(now);
        (cursor, items::due(state, config, &due)?)
    };
    let mut read = Rehashed::default();
    let (mut whole, mut suspects) = (Vec::new(), Vec::new());
    for item in items {
        match item.read(state.root()) {
            Read::Whole(bytes) => {
                read.files += 1;
                read.bytes += bytes;
                whole.push(item);
            }
            Read::Damaged => {
                read.files += 1;
                suspects.push(item);
            }
            Read::Changed => {}
        }
    }
    let _lock = Lock::take(state, &config.name)?;
    let mut book = load(state)?;
    let known = book.damaged.clone();
    book.cursor = cursor;
    book.damaged.retain(|damage| {
        let is = |item: &Item| item.place == damage.place && item.path == damage.path;
        let stands = items::look(state.root(), &damage.place, &damage.path);
        // What somebody wrote to since is no longer the damaged one.
        !whole.iter().any(is) && stands.is_ok_and(|now| now == Some(damage.stamp))
    });
    for item in suspects {
        let Item { place, path, stamp, .. } = item.clone();
        let damage = Damage { place, path, stamp };
        let same = item.now(state.root()).is_ok_and(|now| now == Some(stamp));
        if same && is_still_wanted(state, config, &item)? && !book.damaged.contains(&damage) {
            book.damaged.push(damage);
        }
    }
    let new: Vec<&Damage> = book.damaged.iter().filter(|d| !known.contains(d)).collect();
    read.found = new.len() as u64;
    record(state, &read, &new)?;
    save(state, &book)?;
    read.damaged = book.damaged;
    Ok(read)
}

/// Whether the same is expected of a file of the tree as before it was read: a run may have ended
/// meanwhile.
fn is_still_wanted(state: &StateDir, config: &Config, item: &Item) -> Result<bool> {
    if item.place != Place::Tree {
        return Ok(true);
    }
    let slice = slices::of(&[item.path.parent_bytes(), item.path.name()]);
    Ok(items::due(state, config, &[slice])?.contains(item))
}

fn record(state: &StateDir, read: &Rehashed, new: &[&Damage]) -> Result<()> {
    if read.files == 0 && new.is_empty() {
        return Ok(());
    }
    let mut log = Audit::open(state)?;
    let run = clock::run_id();
    for damage in new {
        let mut fields = Map::from_iter([("event".to_owned(), Value::from("damaged"))]);
        put_path(&mut fields, "path", &damage.path);
        let (place, of) = match &damage.place {
            Place::Tree => ("tree", None),
            Place::Backups(run) => ("backups", Some(run)),
            Place::Sealed(run) => ("sealed", Some(run)),
        };
        fields.insert("in".into(), place.into());
        fields.extend(of.map(|run| ("of".to_owned(), Value::from(run.as_str()))));
        log.note(&run, fields);
    }
    let event = Map::from_iter([
        ("event".to_owned(), Value::from("scrub")),
        ("files".to_owned(), read.files.into()),
        ("bytes".to_owned(), read.bytes.into()),
        ("damaged".to_owned(), new.len().into()),
    ]);
    log.note(&run, event);
    log.sync()
}

fn load(state: &StateDir) -> Result<Book> {
    let Some(folder) = state.existing_folder("state")? else { return Ok(Book::default()) };
    let bytes = atomic::read(folder.as_fd(), NAME)
        .map_err(|e| EngineError::io("read", state.path("state/scrub"), e))?;
    // What is lost only means that the reading begins anew.
    Ok(bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default())
}

fn save(state: &StateDir, book: &Book) -> Result<()> {
    let folder = state.folder("state")?;
    let bytes = postcard::to_stdvec(book).expect("serialising into memory cannot fail");
    atomic::replace(folder.as_fd(), NAME, &bytes)
        .map_err(|e| EngineError::io("write", state.path("state/scrub"), e))
}

#[cfg(test)]
mod tests;
