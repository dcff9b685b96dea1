//! The versions of a path: each snapshot in which it is something else than in the one before. Only
//! the list of its folder is read, and only where that changed.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use ubos_core::path::RelPath;

use super::super::command::Git;
use super::super::error::Result;
use super::super::manifest::{Entry, list_path, read_list};
use super::super::names::{MANIFEST_BRANCH, TRAILER_RUN};
use super::super::objects::{BlobReader, Oid};

/// A version of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The manifest in which it appears first.
    pub manifest: Oid,
    /// When that was made, RFC 3339.
    pub made: String,
    /// The run it belongs to, if any.
    pub run: Option<String>,
    /// What stood there; `None` if nothing did.
    pub entry: Option<Entry>,
}

/// The last `most` versions of `path`, the newest first.
///
/// # Errors
/// What git says; what a damaged manifest says.
pub fn versions(git: &Git, path: &RelPath, most: usize) -> Result<Vec<Version>> {
    if git.resolve(MANIFEST_BRANCH)?.is_none() {
        return Ok(Vec::new());
    }
    let dir = path.parent_bytes();
    let mut reader = BlobReader::open(git)?;
    let mut found: Vec<Version> = Vec::new();
    let mut all = true;
    for Listed { manifest, made, run, list } in lists(git, dir)? {
        let entry = match list {
            Some(list) => read_entry(&mut reader, dir, &list, path)?,
            None => None,
        };
        // Going back in time: a list in which the path is the same says when it began earlier.
        if let Some(last) = found.last_mut().filter(|last| last.entry == entry) {
            (last.manifest, last.made, last.run) = (manifest, made, run);
        } else if found.len() > most {
            all = false;
            break;
        } else {
            found.push(Version { manifest, made, run, entry });
        }
    }
    // Before the first version nothing stood there, which is none.
    if all && found.last().is_some_and(|oldest| oldest.entry.is_none()) {
        found.pop();
    }
    found.truncate(most);
    Ok(found)
}

/// A list of a folder.
struct Listed {
    manifest: Oid,
    made: String,
    run: Option<String>,
    list: Option<Oid>,
}

/// Every manifest that changed the list of `dir`, the newest first.
fn lists(git: &Git, dir: &[u8]) -> Result<Vec<Listed>> {
    let literal = git.with("GIT_LITERAL_PATHSPECS", "1");
    let format =
        format!("--format=%x01%H %cI %(trailers:key={TRAILER_RUN},valueonly=true,separator=%x20)");
    let mut args: Vec<OsString> = [
        "-c",
        "log.showRoot=true",
        "log",
        "--first-parent",
        "--raw",
        "--no-abbrev",
        "--no-renames",
    ]
    .map(OsString::from)
    .to_vec();
    args.extend([OsString::from(format), MANIFEST_BRANCH.into(), "--".into()]);
    args.push(OsString::from_vec(list_path(dir)));
    let said = literal.run(args)?;
    let text = String::from_utf8_lossy(&said.out).into_owned();
    let commits = text.split('\u{1}').filter_map(|commit| {
        let mut lines = commit.lines();
        let mut words = lines.next()?.split(' ');
        let manifest = Oid::parse(words.next()?)?;
        let made = words.next()?.to_owned();
        let run = words.next().filter(|run| !run.is_empty()).map(str::to_owned);
        let row = lines.find(|line| line.starts_with(':'))?;
        let list = row.split(' ').nth(3).and_then(Oid::parse);
        let list = list.filter(|list| *list != list.none_like());
        Some(Listed { manifest, made, run, list })
    });
    Ok(commits.collect())
}

fn read_entry(
    reader: &mut BlobReader,
    dir: &[u8],
    list: &Oid,
    path: &RelPath,
) -> Result<Option<Entry>> {
    let bytes = reader.read(list.as_str())?.unwrap_or_default();
    let found = read_list(dir, &bytes)?.into_iter().find(|(listed, _)| listed == path);
    Ok(found.map(|(_, entry)| entry))
}
