//! A restore: what has to be placed so that a path, or all below a folder, is as it was. The content is
//! fetched into a folder of the territory's private one, and the engine's own way of putting versions
//! back takes it from there, with backup and record.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use ubos_core::entry::Digest;
use ubos_core::path::{RelPath, escape_bytes};
use ubos_engine::agent::message::{Expected, PutBackSource, PutBackStep};
use ubos_engine::history::mark::Mark;

use super::super::drill::rebuild::set_time;
use super::super::error::{BackupError, Result};
use super::super::manifest::{Entry, Gap, What};
use super::super::shelf::{Shelf, gap_of};

/// What a restore comes to.
#[derive(Debug, Default)]
pub struct Restore {
    /// What is placed, and, of an exact one, removed.
    pub steps: Vec<PutBackStep>,
    /// Paths that stand as they stood.
    pub stands: u64,
    /// What the backup left out, and why.
    pub gaps: Vec<(RelPath, Gap)>,
    /// Logs that only grow: they are never put back.
    pub logs: Vec<RelPath>,
}

/// What the caller knows of the territory now.
pub struct Present<'p> {
    /// What stands at a path.
    pub now: &'p dyn Fn(&RelPath) -> Mark,
    /// Selected paths that stand at or below what is restored.
    pub standing: &'p [RelPath],
    /// Whether a path is a log that only grows.
    pub only_grows: &'p dyn Fn(&RelPath) -> bool,
}

/// Says what has to be done and fetches the contents into `given`, which must be new and private.
/// With `exact`, what stands there and did not then goes, to the backups. Without `given` nothing is
/// fetched.
///
/// # Errors
/// [`BackupError::Usage`] if nothing stood at `path` then; [`BackupError::Damaged`] for content that is
/// not what it was.
pub fn plan(
    shelf: &mut Shelf,
    path: &RelPath,
    present: &Present<'_>,
    exact: bool,
    given: Option<&Path>,
) -> Result<Restore> {
    let wanted = below(shelf.entries(), path);
    if wanted.is_empty() {
        return Err(BackupError::Usage {
            message: format!("`{path}` did not stand there then"),
            hint: format!("`ubos-sync backup log {path}` lists its versions"),
        });
    }
    let mut restore = Restore::default();
    for (at, entry) in &wanted {
        if let Some(gap) = gap_of(entry) {
            restore.gaps.push((at.clone(), gap));
            continue;
        }
        let now = (present.now)(at);
        if (present.only_grows)(at) && !matches!(entry.what, What::Dir) {
            restore.logs.push(at.clone());
            continue;
        }
        let content = content_of(shelf, at, entry)?;
        // The executable bit counts, too: it travels.
        if now == content {
            restore.stands += 1;
            continue;
        }
        let name = format!("{:06}", restore.steps.len());
        let content = match given {
            Some(given) => fetch(shelf, at, entry, content, &given.join(&name))?,
            None => content,
        };
        let source = PutBackSource::Given { name };
        restore.steps.push(step(at, source, content, now));
    }
    if exact {
        let mut gone: Vec<&RelPath> =
            present.standing.iter().filter(|at| !wanted.contains_key(*at)).collect();
        // What is in a folder goes before it.
        gone.sort_unstable_by(|a, b| b.cmp(a));
        for at in gone.into_iter().filter(|at| !(present.only_grows)(at)) {
            let now = (present.now)(at);
            restore.steps.push(step(at, PutBackSource::Nothing, Mark::Absent, now));
        }
    }
    Ok(restore)
}

fn step(path: &RelPath, source: PutBackSource, content: Mark, now: Mark) -> PutBackStep {
    PutBackStep { path: path.clone(), source, content, expects: Expected::Holds(now) }
}

fn below(entries: &BTreeMap<RelPath, Entry>, path: &RelPath) -> BTreeMap<RelPath, Entry> {
    let chosen = entries.iter().filter(|(at, _)| *at == path || at.is_below(path));
    chosen.map(|(at, entry)| (at.clone(), entry.clone())).collect()
}

/// What stood there, as far as it is known before it is fetched.
fn content_of(shelf: &mut Shelf, path: &RelPath, entry: &Entry) -> Result<Mark> {
    let exec = entry.permissions().is_some_and(|mode| mode & 0o100 != 0);
    Ok(match &entry.what {
        What::Dir => Mark::Folder,
        What::Symlink { .. } => Mark::Link(escape_bytes(&shelf.text(path)?)),
        What::File { .. } => {
            let digest = match entry.digest() {
                Some(digest) => digest,
                // A commit without a manifest does not say.
                None => shelf.copy(path, &mut std::io::sink())?.digest,
            };
            Mark::File { digest, exec }
        }
    })
}

/// Puts the content at `to`, with mode and time.
fn fetch(
    shelf: &mut Shelf,
    path: &RelPath,
    entry: &Entry,
    content: Mark,
    to: &Path,
) -> Result<Mark> {
    let failed = |e| BackupError::io("write", to, e);
    let mode = entry.permissions().unwrap_or(0o644) & 0o777;
    match &content {
        Mark::Folder => {
            std::fs::create_dir(to).map_err(failed)?;
            std::fs::set_permissions(to, Permissions::from_mode(mode | 0o700)).map_err(failed)?;
        }
        Mark::Link(_) => {
            use std::os::unix::ffi::OsStrExt;
            let text = shelf.text(path)?;
            symlink(std::ffi::OsStr::from_bytes(&text), to).map_err(failed)?;
        }
        Mark::File { digest, .. } => {
            let mut file = File::create_new(to).map_err(failed)?;
            let copied = shelf.copy(path, &mut file)?;
            check(path, *digest, copied.digest)?;
            file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
        }
        Mark::Absent => {}
    }
    set_time(to, entry.mtime).map_err(failed)?;
    Ok(content)
}

fn check(path: &RelPath, expected: Digest, found: Digest) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let what = format!("`{path}` in the backup");
    Err(BackupError::damaged(what, "its bytes are not those that were kept"))
}
