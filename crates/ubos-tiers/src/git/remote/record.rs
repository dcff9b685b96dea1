//! What is known of each place: when it was last given something, what it surely has, what went wrong,
//! and when its turn is next. Kept in `push.json` below the state of the backup; all of it can be
//! lost, and the next push finds out again.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::place::Place;
use super::trouble::Trouble;
use crate::git::error::{BackupError, Result};

/// The file's name.
pub const FILE: &str = "push.json";
/// The format of the file.
const SCHEMA: u32 = 1;
/// After the first failure a place is asked again so many seconds later, then twice as many …
const FIRST_WAIT: i64 = 60;
/// … up to this many.
const LONGEST_WAIT: i64 = 4 * 3600;

/// Everything known of the places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    schema: u32,
    /// By the place's name.
    pub places: BTreeMap<String, Record>,
}

/// What is known of one place. Times are seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Which place this was; another one begins anew.
    pub identity: String,
    /// For people.
    pub shown: String,
    /// When it was last tried.
    pub attempted: Option<i64>,
    /// When it last had all that was to be given.
    pub succeeded: Option<i64>,
    /// Since when there is a snapshot that it does not have.
    pub unpushed_since: Option<i64>,
    /// Failures since the last success.
    pub failures: u32,
    /// Not before this is it asked again by itself.
    pub not_before: Option<i64>,
    /// Why the last attempt failed.
    pub trouble: Option<Trouble>,
    /// What it surely has: our reference and the commit.
    pub heads: BTreeMap<String, String>,
    /// Our references that went another way there.
    pub diverged: BTreeMap<String, Diverged>,
}

/// A reference of ours that went another way at a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diverged {
    /// What stands there.
    pub theirs: String,
    /// Under which reference that is kept here.
    pub kept: String,
    /// Under which reference ours is kept there; none if what stands there holds all of ours.
    pub ours_there: Option<String>,
    /// When it was seen first.
    pub since: i64,
    /// How it differs.
    pub relation: Relation,
}

/// How what stands at a place relates to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// It holds all of ours and more: somebody added to it, or this repository is an older copy.
    Ahead,
    /// Other commits, whose content is in our history too: the history was only written anew.
    SameContent,
    /// Both have what the other has not.
    Diverged,
    /// It shares no commit with ours.
    Unrelated,
}

/// Whether a place's turn has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Now.
    Now,
    /// Not before this time.
    At(i64),
    /// It has everything.
    Nothing,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { schema: SCHEMA, places: BTreeMap::new() }
    }
}

impl Ledger {
    /// Reads it from the folder `state`; what is absent or cannot be understood is empty.
    ///
    /// # Errors
    /// What the system says.
    pub fn load(state: &Path) -> Result<Ledger> {
        let path = state.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)
                .ok()
                .filter(|ledger: &Ledger| ledger.schema == SCHEMA)
                .unwrap_or_default()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Ledger::default()),
            Err(e) => Err(BackupError::io("read", path, e)),
        }
    }

    /// Writes it: whole, or not at all.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&self, state: &Path) -> Result<()> {
        save(state, FILE, self)
    }

    /// What is known of `place`.
    pub fn of(&self, place: &Place) -> Record {
        let known = self.places.get(&place.name).filter(|r| r.identity == place.identity);
        let mut record = known.cloned().unwrap_or_default();
        record.identity.clone_from(&place.identity);
        record.shown.clone_from(&place.shown);
        record
    }
}

/// Writes `value` as `name` into the folder `state`: whole, or not at all.
///
/// # Errors
/// What the system says.
pub fn save(state: &Path, name: &str, value: &impl Serialize) -> Result<()> {
    let path = state.join(name);
    let failed = |e| BackupError::io("write", &path, e);
    std::fs::create_dir_all(state).map_err(failed)?;
    let file = NamedTempFile::new_in(state).map_err(failed)?;
    serde_json::to_writer_pretty(&file, value).map_err(|e| failed(e.into()))?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&path).map_err(|e| failed(e.error))?;
    Ok(())
}

impl Record {
    /// Whether it is the place's turn at `now`. `news`: there is something that it does not have.
    pub fn due(&self, news: bool, every: Duration, now: i64) -> Due {
        if !news {
            return Due::Nothing;
        }
        // A clock that was set back must not put everything off.
        let sane = self.attempted.is_none_or(|attempted| attempted <= now);
        let every = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
        let next = match (self.failures, self.not_before, self.succeeded) {
            (1.., Some(time), _) => time,
            (_, _, Some(time)) => time.saturating_add(every),
            _ => now,
        };
        if sane && next > now { Due::At(next) } else { Due::Now }
    }

    /// Notes a failure at `now`. `jitter` is between 0 and 1, so that many machines do not all come
    /// back at once.
    pub fn failed(&mut self, trouble: Trouble, now: i64, jitter: f64) {
        self.attempted = Some(now);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + wait(self.failures, jitter));
        self.trouble = Some(trouble);
    }

    /// Notes at `now` that the place has `heads`.
    pub fn done(&mut self, heads: BTreeMap<String, String>, now: i64) {
        self.attempted = Some(now);
        self.succeeded = Some(now);
        self.unpushed_since = None;
        self.failures = 0;
        self.not_before = None;
        self.trouble = None;
        self.heads = heads;
    }
}

/// Seconds to wait after so many failures in a row.
fn wait(failures: u32, jitter: f64) -> i64 {
    let doubled = FIRST_WAIT << failures.saturating_sub(1).min(16);
    let wait = doubled.min(LONGEST_WAIT) as f64;
    (wait * (0.75 + jitter.clamp(0.0, 1.0) / 2.0)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(1800);

    fn trouble() -> Trouble {
        Trouble::new("unreachable", "no", "wait")
    }

    #[test]
    fn a_place_is_given_something_when_there_is_news_and_its_time_has_come() {
        let mut record = Record::default();
        assert_eq!(record.due(false, EVERY, 100), Due::Nothing);
        assert_eq!(record.due(true, EVERY, 100), Due::Now);
        record.done(BTreeMap::new(), 1000);
        assert_eq!(record.due(true, EVERY, 1000), Due::At(2800));
        assert_eq!(record.due(true, EVERY, 2800), Due::Now);
        assert_eq!(record.due(true, EVERY, 900), Due::Now, "the clock was set back");
    }

    #[test]
    fn failures_put_a_place_off_for_longer_and_longer_but_never_for_good() {
        let mut record = Record::default();
        record.done(BTreeMap::new(), 0);
        let mut now = 10_000;
        let mut waits = Vec::new();
        for _ in 0..20 {
            record.failed(trouble(), now, 0.5);
            let Due::At(next) = record.due(true, EVERY, now) else { panic!("not put off") };
            waits.push(next - now);
            now = next;
            assert_eq!(record.due(true, EVERY, now), Due::Now);
        }
        assert_eq!(waits[..4], [60, 120, 240, 480]);
        assert_eq!(waits[19], LONGEST_WAIT);
        record.done(BTreeMap::new(), now);
        assert_eq!((record.failures, record.trouble.clone()), (0, None));
    }

    #[test]
    fn the_wait_is_spread_by_a_quarter_either_way() {
        assert_eq!((wait(1, 0.0), wait(1, 1.0)), (45, 75));
        assert_eq!(wait(u32::MAX, 1.0), LONGEST_WAIT + LONGEST_WAIT / 4);
    }

    #[test]
    fn what_was_written_is_read_again_and_damage_is_as_good_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Ledger::load(folder.path()).unwrap(), Ledger::default());
        let mut ledger = Ledger::default();
        let mut record = Record::default();
        record.failed(trouble(), 7, 0.0);
        ledger.places.insert("remote".into(), record);
        ledger.save(folder.path()).unwrap();
        assert_eq!(Ledger::load(folder.path()).unwrap(), ledger);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(Ledger::load(folder.path()).unwrap(), Ledger::default());
    }
}
