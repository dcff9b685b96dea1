//! Gives the places what is new: the branch of the snapshots, the logs and the manifests, together, so
//! that a manifest that is there proves that everything it names is there too.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::diverged::{HEADS, Meeting};
use super::parts;
use super::place::{Kind, Place};
use super::record::{Diverged, Due, Ledger, Record};
use super::rows::{Row, rows};
use super::trouble::{Trouble, explain, is_program_missing};
use crate::git::command::{Answer, Git};
use crate::git::error::{BackupError, Result};
use crate::git::names::{LOGS_BRANCH, MANIFEST_BRANCH};
use crate::git::objects::Oid;

/// How often a push begins anew because a branch went another way in the meantime.
const ATTEMPTS: u32 = 4;

/// What is to be given to whom.
#[derive(Debug)]
pub struct Order<'a> {
    /// The repository.
    pub git: &'a Git,
    /// The folder of the backup's state.
    pub state: &'a Path,
    /// This territory's name.
    pub territory: &'a str,
    /// The branch of the snapshots, `refs/heads/…`.
    pub main: &'a str,
    /// The branch of the other territory's files, if it has one.
    pub extra: Option<&'a str>,
    /// To whom.
    pub places: &'a [Place],
    /// Whether somebody asked, or it is done if it is due.
    pub when: When,
    /// Seconds since 1970.
    pub now: i64,
    /// Between 0 and 1, at random.
    pub jitter: f64,
    /// Most bytes of objects that one push may hold.
    pub most: u64,
}

/// On whose account a push is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Somebody asked: now, whatever went wrong before.
    Asked,
    /// To each place whose turn has come, at least so far apart.
    Due(Duration),
}

/// What became of a push.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pushed {
    /// For each place.
    pub places: Vec<Given>,
}

/// What became of it at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// Which place.
    pub kind: Kind,
    /// The same for people.
    pub shown: String,
    /// How it went.
    pub outcome: Outcome,
    /// What it was given: the branch there, and the commit.
    pub given: Vec<(String, Oid)>,
    /// Snapshots among that.
    pub snapshots: u64,
    /// What is known of it now.
    pub record: Record,
}

/// How a push to one place went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has everything, and had not before.
    Given,
    /// It had everything.
    UpToDate,
    /// Its turn comes later.
    NotDue,
    /// It has not everything; [`Record::trouble`] says why.
    Failed,
}

impl Outcome {
    /// The word for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Given => "given",
            Outcome::UpToDate => "up-to-date",
            Outcome::NotDue => "not-due",
            Outcome::Failed => "failed",
        }
    }
}

impl Given {
    /// A place that could not even be named.
    pub fn nowhere(kind: Kind, shown: &str, error: &BackupError) -> Self {
        let record = Record {
            trouble: Some(Trouble::new(error.kind(), error.to_string(), error.hint())),
            ..Record::default()
        };
        Self {
            kind,
            shown: shown.to_owned(),
            outcome: Outcome::Failed,
            given: Vec::new(),
            snapshots: 0,
            record,
        }
    }
}

impl Pushed {
    /// The exit code of the contract: a place that refused (1) or was not reached (5) comes before
    /// one that wants a decision (3).
    pub fn exit_code(&self) -> u8 {
        let failed = |given: &&Given| given.outcome == Outcome::Failed;
        let codes: Vec<u8> = self
            .places
            .iter()
            .filter(failed)
            .map(|given| given.record.trouble.as_ref().map_or(1, Trouble::exit_code))
            .collect();
        let apart = self.places.iter().any(|given| !given.record.diverged.is_empty());
        match codes.iter().min() {
            Some(code) => *code,
            None if apart => 3,
            None => 0,
        }
    }
}

/// Why a conversation with a place did not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// Something about the place.
    Trouble(Trouble),
    /// Something about the repository here.
    Backup(BackupError),
}

impl From<BackupError> for Halt {
    fn from(error: BackupError) -> Self {
        Halt::Backup(error)
    }
}

impl From<Trouble> for Halt {
    fn from(trouble: Trouble) -> Self {
        Halt::Trouble(trouble)
    }
}

/// One conversation of git with `place`. How it ended is for the caller to see; one that took too long
/// is trouble with the place.
pub(super) fn talk(
    place: &Place,
    git: &Git,
    command: &str,
    args: &[String],
) -> Result<Answer, Halt> {
    let words: Vec<String> = place.words(command).into_iter().chain(args.iter().cloned()).collect();
    match place.git(git).ask(words) {
        Err(BackupError::Git { message, .. }) => Err(explain(place, &message, &[]).into()),
        other => Ok(other?),
    }
}

/// Gives each place what is new, or notes that its turn has not come. Trouble with one place is in the
/// answer and keeps no other from its turn.
///
/// # Errors
/// What git says of the repository here; what the system says of the state.
pub fn push(order: &Order<'_>) -> Result<Pushed> {
    let heads = heads(order)?;
    let mut ledger = Ledger::load(order.state)?;
    let mut pushed = Pushed::default();
    for place in order.places {
        let record = ledger.of(place);
        let given = one(order, place, record, &heads)?;
        ledger.places.insert(place.name.clone(), given.record.clone());
        ledger.save(order.state)?;
        pushed.places.push(given);
    }
    Ok(pushed)
}

/// Our branches and their commits. The manifest is looked at first: what it names is then in what the
/// others hold, however many snapshots are made meanwhile.
fn heads(order: &Order<'_>) -> Result<BTreeMap<String, Oid>> {
    let mut heads = BTreeMap::new();
    for name in [Some(MANIFEST_BRANCH), Some(LOGS_BRANCH), order.extra, Some(order.main)] {
        let Some(name) = name else { continue };
        if let Some(oid) = order.git.resolve(&format!("{name}^{{commit}}"))? {
            heads.insert(name.to_owned(), Oid(oid));
        }
    }
    Ok(heads)
}

fn one(
    order: &Order<'_>,
    place: &Place,
    mut record: Record,
    heads: &BTreeMap<String, Oid>,
) -> Result<Given> {
    let unpushed = unpushed(order, &record, heads)?;
    record.unpushed_since = unpushed.map(|(since, _)| since);
    let mut given = Given {
        kind: place.kind,
        shown: place.shown.clone(),
        outcome: Outcome::NotDue,
        given: Vec::new(),
        snapshots: 0,
        record,
    };
    if let When::Due(every) = order.when {
        match given.record.due(unpushed.is_some(), every, order.now) {
            Due::Now => {}
            Due::At(_) => return Ok(given),
            Due::Nothing => return Ok(Given { outcome: Outcome::UpToDate, ..given }),
        }
    }
    let mut told = give(order, place, &mut given.record, heads);
    if let Err(Halt::Trouble(trouble)) = &told
        && is_program_missing(trouble)
        && let Some(installed) = place.installed()
    {
        told = give(order, &installed, &mut given.record, heads);
    }
    match told {
        Ok(news) => {
            let has = heads.iter().map(|(name, oid)| (name.clone(), oid.to_string())).collect();
            given.record.done(has, order.now);
            given.outcome = if news.is_empty() { Outcome::UpToDate } else { Outcome::Given };
            given.snapshots = if news.is_empty() { 0 } else { unpushed.map_or(0, |(_, n)| n) };
            given.given = news;
        }
        Err(Halt::Trouble(trouble)) => {
            given.record.failed(trouble, order.now, order.jitter);
            given.outcome = Outcome::Failed;
        }
        Err(Halt::Backup(error)) => return Err(error),
    }
    Ok(given)
}

/// What the place is not known to have: when the oldest such snapshot was made, and how many there are.
fn unpushed(
    order: &Order<'_>,
    record: &Record,
    heads: &BTreeMap<String, Oid>,
) -> Result<Option<(i64, u64)>> {
    let news = heads.iter().any(|(name, oid)| record.heads.get(name) != Some(&oid.0));
    let counted = heads.get_key_value(MANIFEST_BRANCH).or_else(|| heads.get_key_value(order.main));
    let Some((name, oid)) = counted.filter(|_| news) else { return Ok(None) };
    let mut args = vec!["log".to_owned(), "--format=%ct".to_owned(), oid.to_string()];
    if let Some(known) = record.heads.get(name)
        && order.git.resolve(&format!("{known}^{{commit}}"))?.is_some()
    {
        args.extend(["--not".to_owned(), known.clone()]);
    }
    let text = order.git.run(args)?.text();
    let times: Vec<i64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let since = times.iter().min().copied().unwrap_or(order.now);
    Ok(Some((since, times.len() as u64)))
}

/// A branch of ours on its way to a branch there.
struct Parcel<'a> {
    name: &'a str,
    oid: &'a Oid,
    there: String,
}

/// Gives one place everything; what it had not.
fn give(
    order: &Order<'_>,
    place: &Place,
    record: &mut Record,
    heads: &BTreeMap<String, Oid>,
) -> Result<Vec<(String, Oid)>, Halt> {
    let (git, now) = (order.git, order.now);
    let meeting = Meeting { git, place, territory: order.territory, main: order.main, now };
    meeting.look_again(heads, &mut record.diverged)?;
    for _ in 0..ATTEMPTS {
        let parcels = parcels(heads, &record.diverged);
        let rows = match send(order, &meeting, &parcels, record)? {
            Sent::All(rows) => return Ok(news(&rows, &parcels)),
            Sent::Moved(rows) => rows,
        };
        for row in rows {
            let Some(parcel) = parcels.iter().find(|parcel| parcel.there == row.there) else {
                continue;
            };
            if parcel.there == parcel.name {
                meeting.refused(parcel.name, parcel.oid, &mut record.diverged)?;
            } else if let Some(entry) = record.diverged.get_mut(parcel.name) {
                // Our own history was written anew since; what went there before stays there.
                entry.ours_there = Some(meeting.name_there(parcel.name));
            }
        }
    }
    let hint = "somebody else pushes there too; `ubos-sync backup push` tries again".to_owned();
    Err(Trouble::new("busy", format!("{} changes all the time", place.shown), hint).into())
}

/// Where each branch goes; those that stand there with more than ours stay here.
fn parcels<'a>(
    heads: &'a BTreeMap<String, Oid>,
    diverged: &BTreeMap<String, Diverged>,
) -> Vec<Parcel<'a>> {
    let parcel = |(name, oid): (&'a String, &'a Oid)| {
        let there = match diverged.get(name) {
            None => name.clone(),
            Some(entry) => entry.ours_there.clone()?,
        };
        Some(Parcel { name, oid, there })
    };
    heads.iter().filter_map(parcel).collect()
}

/// What became of parcels.
enum Sent {
    /// All are there.
    All(Vec<Row>),
    /// Something else stands where these should go.
    Moved(Vec<Row>),
}

/// Sends the parcels, in parts first where they are large, then all together.
fn send(
    order: &Order<'_>,
    meeting: &Meeting<'_>,
    parcels: &[Parcel<'_>],
    record: &Record,
) -> Result<Sent, Halt> {
    if parcels.is_empty() {
        return Ok(Sent::All(Vec::new()));
    }
    let place = meeting.place;
    let known: Vec<String> = record.heads.values().cloned().collect();
    for parcel in parcels.iter().filter(|parcel| parcel.name != MANIFEST_BRANCH) {
        for step in steps(order, meeting, parcel, &known)? {
            let part = Parcel { oid: &step, there: parcel.there.clone(), ..*parcel };
            if let Sent::Moved(rows) = together(order, place, &[&part], false)? {
                return Ok(Sent::Moved(rows));
            }
        }
    }
    let all: Vec<&Parcel<'_>> = parcels.iter().collect();
    match together(order, place, &all, true) {
        Err(Halt::Trouble(trouble)) if trouble.kind == NOT_ATOMIC => {}
        other => return other,
    }
    // An old host: the manifests then go last, and only if all the rest arrived.
    let (last, first): (Vec<&Parcel<'_>>, Vec<&Parcel<'_>>) =
        parcels.iter().partition(|parcel| parcel.name == MANIFEST_BRANCH);
    let mut rows = Vec::new();
    for some in [first, last].iter().filter(|some| !some.is_empty()) {
        match together(order, place, some, false)? {
            Sent::All(more) => rows.extend(more),
            moved => return Ok(moved),
        }
    }
    Ok(Sent::All(rows))
}

/// The parts of a parcel. Before a long way is gone in parts, the place is asked how far an earlier
/// push came.
fn steps(
    order: &Order<'_>,
    meeting: &Meeting<'_>,
    parcel: &Parcel<'_>,
    known: &[String],
) -> Result<Vec<Oid>, Halt> {
    let steps = parts::steps(order.git, parcel.oid, known, order.most)?;
    if steps.is_empty() {
        return Ok(steps);
    }
    let there = meeting.look(&[&parcel.there])?;
    let known = [known, &there.into_values().map(|oid| oid.0).collect::<Vec<_>>()].concat();
    Ok(parts::steps(order.git, parcel.oid, &known, order.most)?)
}

/// The word for a host that cannot take several branches all or none.
const NOT_ATOMIC: &str = "not-atomic";

fn together(
    order: &Order<'_>,
    place: &Place,
    parcels: &[&Parcel<'_>],
    atomic: bool,
) -> Result<Sent, Halt> {
    let mut args = vec!["--porcelain".to_owned(), "--no-progress".to_owned()];
    if atomic {
        args.push("--atomic".to_owned());
    }
    args.extend(["--".to_owned(), place.url.clone()]);
    args.extend(parcels.iter().map(|parcel| format!("{}:{}", parcel.oid, parcel.there)));
    let answer = talk(place, order.git, "push", &args)?;
    let rows = rows(&answer.text());
    if answer.ok() {
        return Ok(Sent::All(rows));
    }
    if atomic && answer.err.contains("does not support --atomic") {
        return Err(Trouble::new(NOT_ATOMIC, "", "").into());
    }
    let (moved, refused): (Vec<Row>, Vec<Row>) =
        rows.into_iter().filter(Row::is_refused).partition(Row::is_moved);
    if !moved.is_empty() {
        return Ok(Sent::Moved(moved));
    }
    let own = refused.iter().filter(|row| !row.is_consequence());
    let reasons: Vec<String> = own.map(|row| format!("{}: {}", row.there, row.reason)).collect();
    Err(explain(place, &answer.err, &reasons).into())
}

fn news(rows: &[Row], parcels: &[Parcel<'_>]) -> Vec<(String, Oid)> {
    let new = rows.iter().filter(|row| matches!(row.flag, ' ' | '*'));
    new.filter_map(|row| {
        let parcel = parcels.iter().find(|parcel| parcel.there == row.there)?;
        Some((row.there.clone(), parcel.oid.clone()))
    })
    .collect()
}

/// A branch's name in full.
pub fn full_name(branch: &str) -> String {
    if branch.starts_with(HEADS) { branch.to_owned() } else { format!("{HEADS}{branch}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refused_weighs_more_than_what_was_away_and_that_more_than_a_decision() {
        let given = |kind: Option<&str>, apart: bool| {
            let mut given = Given::nowhere(Kind::Remote, "x", &BackupError::Locked);
            given.record.trouble = kind.map(|kind| Trouble::new(kind, "", ""));
            given.outcome = if kind.is_some() { Outcome::Failed } else { Outcome::Given };
            if apart {
                let entry = Diverged {
                    theirs: String::new(),
                    kept: String::new(),
                    ours_there: None,
                    since: 0,
                    relation: super::super::record::Relation::Ahead,
                };
                given.record.diverged.insert("x".into(), entry);
            }
            given
        };
        let code = |places: Vec<Given>| Pushed { places }.exit_code();
        assert_eq!(code(vec![given(None, false)]), 0);
        assert_eq!(code(vec![given(None, true)]), 3);
        assert_eq!(code(vec![given(None, true), given(Some("unreachable"), false)]), 5);
        assert_eq!(code(vec![given(Some("unreachable"), false), given(Some("refused"), false)]), 1);
    }
}
