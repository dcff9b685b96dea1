//! The user's own index follows the commits that were made behind its back, or `git status` would
//! show them as undone. Only entries that stood as the old commit had them are brought along: what
//! the user staged stays byte for byte. A lock that someone holds is waited for until another time.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use ubos_engine::fs::Stamp;

use super::compare::Tree;
use crate::git::command::Git;
use crate::git::error::{BackupError, Result};
use crate::git::objects::Oid;
use crate::git::repository::Repository;

/// How long git may take to get hold of the index.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of the user's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// It stands at the new commit, apart from what the user staged: so many paths.
    Yes {
        /// Paths that the user staged otherwise, which were left.
        staged: usize,
    },
    /// Somebody holds it.
    Held,
}

/// Brings the index from the tree `old` to the tree `new`.
///
/// # Errors
/// What git says; the index is then as it was.
pub fn follow(repository: &Repository, old: &Tree, new: &Tree) -> Result<Followed> {
    let lock = repository.dir().join("index.lock");
    for _ in 0..3 {
        if lock.symlink_metadata().is_ok() {
            return Ok(Followed::Held);
        }
        let before = stamp(&repository.index())?;
        let steps = plan(old, new, &entries(repository.git())?);
        if steps.changes.is_empty() {
            return Ok(Followed::Yes { staged: steps.staged });
        }
        match apply(repository, &lock, before, &steps.changes)? {
            Applied::Done => return Ok(Followed::Yes { staged: steps.staged }),
            Applied::Held => return Ok(Followed::Held),
            Applied::Changed => {}
        }
    }
    Ok(Followed::Held)
}

/// What has to be told to git, and how many paths the user staged otherwise.
#[derive(Debug, Default, PartialEq, Eq)]
struct Steps {
    changes: Vec<u8>,
    staged: usize,
}

/// Decides path by path. Pure.
fn plan(old: &Tree, new: &Tree, index: &Tree) -> Steps {
    let mut steps = Steps::default();
    let mut put = |path: &[u8], entry: Option<&(u32, Oid)>, like: &Oid| {
        let (mode, blob) = match entry {
            Some((mode, blob)) => (*mode, blob.clone()),
            None => (0, like.none_like()),
        };
        steps.changes.extend_from_slice(format!("{mode:o} {blob}\t").as_bytes());
        steps.changes.extend_from_slice(path);
        steps.changes.push(0);
    };
    let mut staged = 0;
    // Removals first, so that a file can become a folder.
    for (path, was) in old.iter().filter(|(path, _)| !new.contains_key(*path)) {
        match index.get(path) {
            Some(there) if there == was => put(path, None, &was.1),
            Some(_) => staged += 1,
            None => {}
        }
    }
    for (path, is) in new.iter().filter(|(path, is)| old.get(*path) != Some(is)) {
        match index.get(path) {
            Some(there) if there == is => {}
            there if there == old.get(path) && is_free(path, old, index) => put(path, Some(is), &is.1),
            _ => staged += 1,
        }
    }
    steps.staged = staged;
    steps
}

/// Whether nothing that the user staged stands where `path` needs folders, or below it: git would
/// take it out of the index.
fn is_free(path: &[u8], old: &Tree, index: &Tree) -> bool {
    let above = (0..path.len()).filter(|&at| path[at] == b'/').map(|at| &path[..at]);
    let staged = |path: &[u8], entry: &(u32, Oid)| old.get(path) != Some(entry);
    let mut above = above.filter_map(|dir| index.get_key_value(dir));
    if above.any(|(path, entry)| staged(path, entry)) {
        return false;
    }
    let folder = [path, b"/"].concat();
    let below = index.range(folder.clone()..).take_while(|(path, _)| path.starts_with(&folder));
    !below.into_iter().any(|(path, entry)| staged(path, entry))
}

/// What the index holds.
fn entries(git: &Git) -> Result<Tree> {
    let listed = git.run(["ls-files", "--stage", "-z"])?;
    let mut entries = Tree::new();
    for row in listed.out.split(|&b| b == 0).filter(|row| !row.is_empty()) {
        let (path, entry) = row_of(row).ok_or_else(|| {
            BackupError::damaged("the index", format!("`{}`", String::from_utf8_lossy(row)))
        })?;
        entries.insert(path, entry);
    }
    Ok(entries)
}

/// `MODE NAME STAGE<tab>PATH`.
fn row_of(row: &[u8]) -> Option<(Vec<u8>, (u32, Oid))> {
    let tab = row.iter().position(|&b| b == b'\t')?;
    let mut words = std::str::from_utf8(&row[..tab]).ok()?.split(' ');
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    Some((row[tab + 1..].to_vec(), (mode, Oid::parse(words.next()?)?)))
}

enum Applied {
    Done,
    Held,
    Changed,
}

/// Lets git change the index. It takes its lock before it reads what to change, so the changes are
/// told only once it holds the lock and the index is still the one they were made for. If this
/// program dies meanwhile, git hears the end and lets go of the lock.
fn apply(
    repository: &Repository,
    lock: &Path,
    before: Option<Stamp>,
    changes: &[u8],
) -> Result<Applied> {
    let args = ["update-index", "-z", "--index-info"];
    let mut child = repository
        .git()
        .command(args)
        .spawn()
        .map_err(|e| BackupError::io("start", "git update-index", e))?;
    let held = wait_for(lock, &mut child);
    let same = held && stamp(&repository.index())? == before;
    if let Some(mut stdin) = child.stdin.take()
        && same
    {
        // RACE: the lock that was seen may be another's that came and went in between; git then fails
        // or changes entries that the user staged within these milliseconds.
        // Where git has gone already, its exit code tells.
        let _ = stdin.write_all(changes);
    }
    let mut words = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = stderr.read_to_string(&mut words);
    }
    let status = child.wait().map_err(|e| BackupError::io("wait for", "git update-index", e))?;
    if status.success() {
        return Ok(if same { Applied::Done } else { Applied::Changed });
    }
    match words.contains("index.lock") {
        true => Ok(Applied::Held),
        false => Err(BackupError::Git {
            command: args.join(" "),
            message: words.trim().replace('\n', "; "),
            code: status.code(),
        }),
    }
}

/// Waits until git holds the index; `false` if it ended without.
fn wait_for(lock: &Path, child: &mut Child) -> bool {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if lock.symlink_metadata().is_ok() {
            return true;
        }
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

/// What tells one state of the index from another.
fn stamp(index: &Path) -> Result<Option<Stamp>> {
    match rustix::fs::lstat(index) {
        Ok(stat) => Ok(Some(Stamp::of(&stat))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(e) => Err(BackupError::io("look at", index, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tree::FILE;

    fn tree(entries: &[(&str, char)]) -> Tree {
        let oid = |c: &char| Oid(c.to_string().repeat(40));
        entries.iter().map(|(path, c)| (path.as_bytes().to_vec(), (FILE, oid(c)))).collect()
    }

    fn told(old: &Tree, new: &Tree, index: &Tree) -> (Vec<String>, usize) {
        let steps = plan(old, new, index);
        let rows = steps.changes.split(|&b| b == 0).filter(|row| !row.is_empty());
        let row = |row: &[u8]| {
            let text = String::from_utf8_lossy(row).into_owned();
            let (entry, path) = text.split_once('\t').unwrap();
            format!("{path} {}", &entry[entry.len() - 1..])
        };
        (rows.map(row).collect(), steps.staged)
    }

    #[test]
    fn entries_that_stood_at_the_old_commit_follow() {
        let old = tree(&[("a", '1'), ("b", '1'), ("gone", '1'), ("same", '1')]);
        let new = tree(&[("a", '2'), ("b", '2'), ("new", '2'), ("same", '1')]);
        assert_eq!(told(&old, &new, &old), (vec!["gone 0".into(), "a 2".into(), "b 2".into(), "new 2".into()], 0));
        assert_eq!(told(&old, &new, &new), (vec![], 0));
    }

    #[test]
    fn what_the_user_staged_stays() {
        let old = tree(&[("a", '1'), ("gone", '1'), ("kept", '1')]);
        let new = tree(&[("a", '2'), ("new", '2'), ("kept", '2')]);
        // Staged: another content of `a` and `gone`, a deletion of `kept`, and a `new` of their own.
        let index = tree(&[("a", '3'), ("gone", '3'), ("new", '3')]);
        assert_eq!(told(&old, &new, &index), (vec![], 4));
    }

    #[test]
    fn nothing_staged_is_pushed_out_by_a_file_that_became_a_folder() {
        let old = tree(&[("a", '1')]);
        let new = tree(&[("a/b", '2')]);
        assert_eq!(told(&old, &new, &old).0, ["a 0", "a/b 2"]);
        let staged = tree(&[("a", '3')]);
        assert_eq!(told(&old, &new, &staged), (vec![], 2));
        let below = tree(&[("x/staged", '3')]);
        assert_eq!(told(&tree(&[]), &tree(&[("x", '2')]), &below), (vec![], 1));
    }
}
