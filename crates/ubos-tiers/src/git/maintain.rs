//! Keeps a repository small and sound: packs what many small commits left behind, and looks whether
//! every object can be read.
//!
//! Soundness comes first: where something is damaged nothing is packed and nothing removed, so that
//! whatever can be saved is still there. Only what no reference and no log of references has reached
//! for two weeks is let go.
//!
//! **Measured** (`tests/it/week.rs`; git 2.47, 2 busy cores): a vault of 1000 notes with a snapshot every
//! five minutes, three notes edited and a log 75 kB longer each time: 288 commits and 21.6 MB of JSON
//! Lines a day.
//!
//! | | before maintenance | after |
//! |---|---|---|
//! | the first day | 38.7 MB, 7353 loose objects | 11.0 MB, 2 packs |
//! | each later day adds | 37 MB, 7200 to 7300 loose objects | 7 to 10 MB |
//! | the week (151 MB of log, 2016 snapshots) | 93.6 MB on the last day | 62.9 MB in one pack |
//!
//! A light run took 20 to 30 s while other programs kept both cores busy, a full one 6 to 15 s.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::command::Git;
use super::error::{BackupError, Result};
use super::logs::ATTRIBUTES;
use super::remote::record::save;

/// Where results are kept, below the state of the backup.
pub const FILE: &str = "maintain.json";
/// The format of the file.
const SCHEMA: u32 = 1;
/// A day, in seconds: so far apart are the light runs.
const DAY: i64 = 24 * 3600;
/// So far apart are the full ones.
const WEEK: i64 = 7 * DAY;
/// What nothing reaches is kept so long.
const GRACE: &str = "2.weeks.ago";
/// The most of fsck's findings that are kept.
const MOST_FINDINGS: usize = 50;
/// A `git gc` that began longer ago than this is not running any more.
const GC_LIMIT: Duration = Duration::from_secs(12 * 3600);
/// The longest that one command may take.
const LIMIT: Duration = Duration::from_secs(4 * 3600);
/// What keeps the search for likenesses from taking all memory of a small machine.
const SETTINGS: [&str; 3] =
    ["pack.windowMemory=128m", "core.bigFileThreshold=32m", "pack.writeReverseIndex=true"];

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// Every reference leads somewhere; small packs become larger ones.
    Light,
    /// Every byte is read; everything is packed anew; what nothing reaches goes.
    Full,
}

/// What a run did to one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintained {
    /// How much was done.
    pub depth: Depth,
    /// When it began, seconds since 1970.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How large it was.
    pub before: Extent,
    /// How large it is.
    pub after: Extent,
    /// What is damaged or missing, as git says it; nothing was changed then.
    pub findings: Vec<String>,
}

/// How large a repository is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Objects in a file of their own.
    pub loose: u64,
    /// Objects in packs.
    pub packed: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// What is known of the last runs on the repositories of a territory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upkeep {
    schema: u32,
    /// The repository of the territory.
    #[serde(default, skip_serializing_if = "Past::is_empty")]
    pub repository: Past,
    /// The mirror on this machine.
    #[serde(default, skip_serializing_if = "Past::is_empty")]
    pub mirror: Past,
}

/// The last runs on one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Maintained>,
    /// When the last full one was that found nothing damaged, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<i64>,
}

impl Past {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Notes a run.
    pub fn note(&mut self, done: Maintained) {
        if done.depth == Depth::Full && done.findings.is_empty() {
            self.full = Some(done.at);
        }
        self.last = Some(done);
    }
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { schema: SCHEMA, repository: Past::default(), mirror: Past::default() }
    }
}

impl Upkeep {
    /// Reads it from the folder `state`; what is absent or cannot be understood is empty.
    ///
    /// # Errors
    /// What the system says.
    pub fn load(state: &Path) -> Result<Self> {
        let path = state.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)
                .ok()
                .filter(|upkeep: &Self| upkeep.schema == SCHEMA)
                .unwrap_or_default()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
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
}

/// Whether a repository is due at `now`, and how much: something every day, everything once a week.
pub fn due(past: &Past, now: i64) -> Option<Depth> {
    // A clock that was set back must not put anything off.
    let passed =
        |time: Option<i64>, span: i64| time.is_none_or(|time| time > now || now - time >= span);
    let last = past.last.as_ref().map(|last| last.at);
    if !passed(last, DAY) {
        return None;
    }
    let first = past.last.is_none();
    // What was only just made gains nothing from being packed anew.
    Some(if !first && passed(past.full, WEEK) { Depth::Full } else { Depth::Light })
}

/// Packs and checks the repository of `git`, at `now` (seconds since 1970). `state` is a folder for a
/// file that git is told of.
///
/// # Errors
/// [`BackupError::Busy`] while somebody else packs it; what git says where that is not a finding.
pub fn maintain(git: &Git, state: &Path, depth: Depth, now: i64) -> Result<Maintained> {
    refuse_while_gc_runs(git)?;
    let begun = std::time::Instant::now();
    let git = git.within(LIMIT);
    let before = extent(&git)?;
    let findings = check(&git, depth)?;
    let mut after = before;
    if findings.is_empty() {
        pack(&git, state, depth)?;
        after = extent(&git)?;
    }
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Maintained { depth, at: now, took_ms, before, after, findings })
}

/// How large the repository is.
///
/// # Errors
/// What git says.
pub fn extent(git: &Git) -> Result<Extent> {
    let text = git.run(["count-objects", "-v"])?.text();
    let value = |key: &str| -> u64 {
        let mut rows = text.lines().filter_map(|line| line.split_once(": "));
        let found = rows.find(|(name, _)| *name == key);
        found.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
    };
    Ok(Extent {
        loose: value("count"),
        packed: value("in-pack"),
        packs: value("packs"),
        bytes: (value("size") + value("size-pack")) * 1024,
    })
}

fn refuse_while_gc_runs(git: &Git) -> Result<()> {
    let file = PathBuf::from(git.run(["rev-parse", "--git-path", "gc.pid"])?.text());
    let age = |time: SystemTime| SystemTime::now().duration_since(time).unwrap_or_default();
    match std::fs::metadata(&file).and_then(|meta| meta.modified()) {
        Ok(time) if age(time) < GC_LIMIT => Err(BackupError::Busy {
            what: format!("`git gc` is at work in `{}`", git.dir().display()),
            hint: format!(
                "wait until it is done; if no `git gc` runs, remove `{}`",
                file.display()
            ),
        }),
        _ => Ok(()),
    }
}

/// What is damaged or missing.
fn check(git: &Git, depth: Depth) -> Result<Vec<String>> {
    let how = match depth {
        Depth::Light => "--connectivity-only",
        Depth::Full => "--full",
    };
    let args = ["fsck", how, "--no-dangling", "--no-progress"];
    let answer = git.ask(args)?;
    if answer.ok() {
        return Ok(Vec::new());
    }
    let out = String::from_utf8_lossy(&answer.out).into_owned();
    let said = out.lines().chain(answer.err.lines()).map(str::trim);
    // What an old tool wrote in an unusual form is whole all the same, and packing does not hurt it.
    const UNUSUAL: [&str; 4] = ["error in ", "warning in ", "notice:", "dangling "];
    let worth =
        said.filter(|line| !line.is_empty() && !UNUSUAL.iter().any(|form| line.starts_with(form)));
    let mut findings: Vec<String> = worth.map(str::to_owned).collect();
    if findings.len() > MOST_FINDINGS {
        let more = findings.len() - MOST_FINDINGS;
        findings.truncate(MOST_FINDINGS);
        findings.push(format!("… and {more} more"));
    }
    if findings.is_empty() && out.trim().is_empty() && answer.err.trim().is_empty() {
        findings.push("git fsck ended without a word".to_owned());
    }
    Ok(findings)
}

/// Whether the repository has the attributes of logs by itself, as `backup init` and the making of a
/// mirror leave it.
fn knows_logs(git: &Git) -> Result<bool> {
    let file = git.run(["rev-parse", "--git-path", "info/attributes"])?.text();
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(BackupError::io("read", file, error)),
    };
    let has =
        |line: &str| text.split(|&b| b == b'\n').any(|row| row.trim_ascii() == line.as_bytes());
    Ok(ATTRIBUTES.lines().all(has))
}

/// Writes the attributes of logs into the folder `state`, and returns the setting that names them.
fn told_of_logs(state: &Path) -> Result<OsString> {
    std::fs::create_dir_all(state).map_err(|e| BackupError::io("create", state, e))?;
    let file = state.join("attributes");
    std::fs::write(&file, ATTRIBUTES).map_err(|e| BackupError::io("write", &file, e))?;
    let mut setting = OsString::from("core.attributesFile=");
    setting.push(&file);
    Ok(setting)
}

fn pack(git: &Git, state: &Path, depth: Depth) -> Result<()> {
    let mut settings: Vec<OsString> = Vec::new();
    settings.extend(SETTINGS.iter().flat_map(|s| ["-c".into(), s.into()]));
    if !knows_logs(git)? {
        settings.extend(["-c".into(), told_of_logs(state)?]);
    }
    let run = |words: &[&str]| {
        let args = settings.iter().cloned().chain(words.iter().map(OsString::from));
        git.ask(args.collect::<Vec<_>>())
    };
    let must = |words: &[&str]| -> Result<()> {
        let answer = run(words)?;
        let shown = || words.iter().map(OsString::from).collect::<Vec<_>>();
        if answer.ok() { Ok(()) } else { Err(super::command::failed(&shown(), &answer)) }
    };
    match depth {
        Depth::Light => {
            let geometric = ["repack", "-d", "-q", "--geometric=2", "--write-midx"];
            let answer = run(&geometric)?;
            match answer.code {
                Some(0) => Ok(()),
                // Before git 2.34 it knows no rows of packs.
                Some(129) => must(&["repack", "-d", "-q"]),
                _ => Err(super::command::failed(&geometric.map(OsString::from), &answer)),
            }
        }
        Depth::Full => {
            let kept = format!("--unpack-unreachable={GRACE}");
            must(&["repack", "-A", "-d", "-q", &kept])?;
            must(&["prune", "--no-progress", &format!("--expire={GRACE}")])?;
            must(&["commit-graph", "write", "--reachable", "--changed-paths", "--no-progress"])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(depth: Depth, at: i64, findings: Vec<String>) -> Maintained {
        let extent = Extent::default();
        Maintained { depth, at, took_ms: 0, before: extent, after: extent, findings }
    }

    #[test]
    fn something_is_due_every_day_and_everything_once_a_week() {
        let mut past = Past::default();
        let mut depths = Vec::new();
        for hour in 0..24 * 16 {
            let now = 1_000_000 + hour * 3600;
            if let Some(depth) = due(&past, now) {
                past.note(done(depth, now, Vec::new()));
                depths.push(depth);
            }
        }
        let full: Vec<usize> =
            depths.iter().enumerate().filter(|(_, d)| **d == Depth::Full).map(|(i, _)| i).collect();
        assert_eq!((depths.len(), full), (16, vec![1, 8, 15]));
    }

    #[test]
    fn a_full_run_that_found_damage_is_repeated_the_next_day() {
        let mut past = Past::default();
        past.note(done(Depth::Light, 0, Vec::new()));
        past.note(done(Depth::Full, DAY, vec!["missing blob".into()]));
        assert_eq!(due(&past, DAY + 3600), None);
        assert_eq!(due(&past, 2 * DAY), Some(Depth::Full));
        past.note(done(Depth::Full, 2 * DAY, Vec::new()));
        assert_eq!(due(&past, 3 * DAY), Some(Depth::Light));
        assert!(due(&past, DAY).is_some(), "the clock was set back");
    }
}
