//! The backups, hashed once more: is each what the log says was put there, and is none missing?

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;

use rustix::fs::FileType;

use ubos_core::path::RelPath;

use super::mark::{Mark, look};
use super::runs::{self, RunRecord};
use super::trail::{self, Change, text};
use crate::backups::{self, Place, Store, sealed};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::Stamp;
use crate::state::config::Config;
use crate::state::{StateDir, audit};

/// What is wrong with a former version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The run whose backups it is in.
    pub run: String,
    /// The path.
    pub path: RelPath,
    /// What is wrong, as a word: `damaged`, `missing` or `unreadable`.
    pub what: &'static str,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Versions that are what the log says.
    pub whole: u64,
    /// Files in the backups of which the log says nothing: what a person put there, or lay as junk
    /// in a folder that was deleted.
    pub unrecorded: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Hashes every former version of this territory.
///
/// # Errors
/// What reading the log or listing the backups says.
pub fn verify(state: &StateDir, config: &Config) -> Result<Checked> {
    let own = config.name.as_str();
    let changes = trail::changes(state, &mut |record| text(record, "to") == own)?;
    let (records, _) = runs::all(state)?;
    let pruned = pruned(state)?;
    let present = backups::runs(state)?;
    let newest = clock::now().0 - i64::from(config.backups.days) * 86_400;
    // Older records do not tell of backups that expired; what is younger cannot have expired.
    let expected = |run: &str| {
        let ended = records.get(run).is_some_and(|run: &RunRecord| !run.command.is_empty());
        present.iter().any(|known| known == run)
            || ended
                && !pruned.contains(&run.to_owned())
                && clock::run_time(run).is_some_and(|time| time > newest)
    };
    let mut by_run: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.keeps_former()) {
        if change.seals() || expected(&change.run) {
            by_run.entry(&change.run).or_default().push(change);
        }
    }
    let mut checked = Checked::default();
    for (run, changes) in &by_run {
        let ended = records.get(*run).is_some_and(|run| !run.command.is_empty());
        for change in changes {
            let what = check(state, change)
                .map_err(|e| EngineError::io("look through", state.path("backups"), e))?;
            match what {
                None => checked.whole += 1,
                // Of a run that was cut off it is not known what it came to.
                Some("missing") if !ended => {}
                Some(what) => {
                    let (run, path) = (change.run.clone(), change.path.clone());
                    checked.findings.push(Finding { run, path, what });
                }
            }
        }
    }
    checked.unrecorded = unrecorded(state, &present, &by_run)?;
    Ok(checked)
}

/// What is wrong with the former version of `change`, if anything is.
fn check(state: &StateDir, change: &Change) -> std::io::Result<Option<&'static str>> {
    let kept: Vec<Place> = match change.seals() {
        true => backups::existing(state, Store::Sealed, &change.run, &change.path)?
            .into_iter()
            .collect(),
        false => backups::versions(state, &change.run, &change.path)?,
    };
    let mut what = "missing";
    for place in kept {
        if change.seals() {
            match sealed::digest(&place) {
                Ok(digest) if Mark::File { digest, exec: false }.same_content(&change.before) => {
                    return Ok(None);
                }
                Ok(_) => what = "damaged",
                Err(e) if e.kind() == std::io::ErrorKind::InvalidData => what = "damaged",
                Err(_) => what = "unreadable",
            }
            continue;
        }
        match look(place.dir.as_fd(), &place.name) {
            Ok(Some((mark, _))) if mark.same_content(&change.before) => return Ok(None),
            Ok(_) => what = "damaged",
            Err(_) => what = "unreadable",
        }
    }
    Ok(Some(what))
}

fn pruned(state: &StateDir) -> Result<Vec<String>> {
    let mut pruned = Vec::new();
    audit::read(state, &mut |record| {
        if text(record, "event") == "pruned" {
            pruned.push(text(record, "backups").to_owned());
        }
        true
    })?;
    Ok(pruned)
}

/// How many files of the backups no record is about.
fn unrecorded(
    state: &StateDir,
    present: &[String],
    by_run: &BTreeMap<&str, Vec<&Change>>,
) -> Result<u64> {
    let mut count = 0;
    for run in present {
        let known: BTreeSet<&[u8]> =
            by_run.get(run.as_str()).into_iter().flatten().map(|c| c.path.as_bytes()).collect();
        backups::walk(state, run, &mut |_, path, stat| {
            let is_folder = Stamp::of(stat).file_type() == FileType::Directory;
            count += u64::from(!is_folder && !known.contains(first_version(path)));
            Ok(())
        })
        .map_err(|e| EngineError::io("list", state.path("backups"), e))?;
    }
    Ok(count)
}

/// The path of which `stored` is a version: itself, or of `path.~1~` the `path`.
pub(crate) fn first_version(stored: &RelPath) -> &[u8] {
    let bytes = stored.as_bytes();
    let numbered = bytes.strip_suffix(b"~").and_then(|bytes| {
        let at = bytes.windows(2).rposition(|two| two == b".~")?;
        bytes[at + 2..].iter().all(u8::is_ascii_digit).then_some(&bytes[..at])
    });
    numbered.unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_version_of_a_path_is_told_from_a_name() {
        let first = |text: &str| {
            String::from_utf8(first_version(&RelPath::new(text).unwrap()).to_vec()).unwrap()
        };
        assert_eq!(first("D/a.~12~"), "D/a");
        assert_eq!(first("D/a.~x~"), "D/a.~x~");
        assert_eq!(first("D/a~"), "D/a~");
    }
}
