//! Much that is new goes to a place in parts: hosts refuse a push of more than 2 GB, and what arrived
//! in earlier parts need not be sent again after a broken connection.
//!
//! A part ends at a commit of the branch's own line, so each is a plain fast-forward. A single commit
//! cannot be divided.

use crate::git::command::Git;
use crate::git::error::Result;
use crate::git::objects::Oid;

/// Bytes of objects that one push may hold, as they lie packed here.
pub const MOST: u64 = 512 << 20;

/// The commits on the way to `new` that are to be given one after the other before it, if `known` is
/// there already; none if all of it fits into `most` bytes. A known commit that is not in this
/// repository counts for nothing.
///
/// # Errors
/// What git says.
pub fn steps(git: &Git, new: &Oid, known: &[String], most: u64) -> Result<Vec<Oid>> {
    let mut range = vec![new.to_string(), "--not".to_owned()];
    for name in known {
        if git.resolve(&format!("{name}^{{commit}}"))?.is_some() {
            range.push(name.clone());
        }
    }
    let listed = listed(git, &range)?;
    let sizes = sizes(git, &listed)?;
    if sizes.iter().map(|(size, _)| size).sum::<u64>() <= most {
        return Ok(Vec::new());
    }
    let own =
        git.run([&["rev-list".to_owned(), "--first-parent".to_owned()], &range[..]].concat())?;
    let own = own.text();
    let own: std::collections::BTreeSet<&str> = own.lines().collect();
    let objects = sizes.iter().zip(&listed).map(|(&(size, commit), name)| {
        (name.as_str(), size, commit && own.contains(name.as_str()))
    });
    Ok(cut(&groups(objects), most))
}

/// The objects that are new, each commit before what it brought, oldest first.
fn listed(git: &Git, range: &[String]) -> Result<Vec<String>> {
    let how = ["rev-list", "--objects", "--in-commit-order", "--topo-order", "--reverse"];
    let args: Vec<&str> = how.into_iter().chain(range.iter().map(String::as_str)).collect();
    let out = git.run(args)?.out;
    let lines = out.split(|&b| b == b'\n').filter(|line| !line.is_empty());
    let name = |line: &[u8]| {
        let end = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
        String::from_utf8_lossy(&line[..end]).into_owned()
    };
    Ok(lines.map(name).collect())
}

/// Packed size of each object, and whether it is a commit.
fn sizes(git: &Git, names: &[String]) -> Result<Vec<(u64, bool)>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let input = format!("{}\n", names.join("\n"));
    let asked = ["cat-file", "--batch-check=%(objectsize:disk) %(objecttype)"];
    let text = git.run_with(asked, input.as_bytes())?.text();
    let line = |line: &str| {
        let (size, kind) = line.split_once(' ').unwrap_or((line, ""));
        (size.parse().unwrap_or(0), kind == "commit")
    };
    Ok(text.lines().map(line).collect())
}

/// A list of (name, size, whether it is a commit of the branch's own line) as what each such commit
/// brings, in bytes. What comes with a merge stands before it in the list and is counted to the commit
/// before.
fn groups<'a>(objects: impl Iterator<Item = (&'a str, u64, bool)>) -> Vec<(&'a str, u64)> {
    let mut groups: Vec<(&str, u64)> = Vec::new();
    let mut before = 0;
    for (name, size, own) in objects {
        match groups.last_mut() {
            _ if own => groups.push((name, size + std::mem::take(&mut before))),
            Some((_, sum)) => *sum += size,
            None => before += size,
        }
    }
    groups
}

/// Where to cut, so that nothing between two cuts is larger than `most`, as far as commits allow.
fn cut(groups: &[(&str, u64)], most: u64) -> Vec<Oid> {
    let mut steps = Vec::new();
    let mut sum = 0u64;
    for (index, (_, size)) in groups.iter().enumerate() {
        if index > 0 && sum + size > most {
            steps.push(Oid(groups[index - 1].0.to_owned()));
            sum = 0;
        }
        sum += size;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits `a`, `b`, … with these sizes, each of one object.
    fn cuts(sizes: &[u64], most: u64) -> String {
        let names = ["a", "b", "c", "d", "e", "f"];
        let objects = sizes
            .iter()
            .zip(names)
            .flat_map(|(&size, name)| [(name, 1, true), ("blob", size - 1, false)]);
        cut(&groups(objects), most).into_iter().map(|oid| oid.0).collect()
    }

    #[test]
    fn parts_end_at_commits_and_hold_no_more_than_allowed() {
        assert_eq!(cuts(&[10, 10, 10, 10], 20), "b");
        assert_eq!(cuts(&[10, 10, 10, 10, 10], 20), "bd");
        assert_eq!(cuts(&[10, 10, 10], 10), "ab");
        assert_eq!(cuts(&[10, 10], 30), "");
        assert_eq!(cuts(&[], 30), "");
    }

    #[test]
    fn a_commit_that_is_too_large_alone_goes_alone() {
        assert_eq!(cuts(&[5, 50, 5, 5], 20), "ab");
        assert_eq!(cuts(&[50], 20), "");
        assert_eq!(cuts(&[50, 50], 20), "a");
    }
}
