//! A new repository goes on with the history that its remote has: after the laptop was lost, what stood
//! in its files at any time is asked for as before, and nothing needs to be joined.

use super::diverged::HEADS;
use super::fetch::offered;
use super::place::Place;
use super::push::{Halt, full_name, talk};
use super::trouble::{Trouble, explain};
use crate::git::command::Git;
use crate::git::error::Result;
use crate::git::names::{LOGS_BRANCH, MANIFEST_BRANCH};

/// Where branches come before they are ours.
const TAKEN: &str = "refs/ubos/taken/";

/// What became of the question whether there is a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenOver {
    /// There is none, or this repository has one of its own.
    Nothing,
    /// It was taken over: so many snapshots.
    Snapshots(u64),
    /// There is one, and its branch is none of these by name: which are there.
    Unclear(Vec<String>),
}

/// Takes over what `place` has of a backup, if `git`, the repository of the territory, has no commit
/// and no backup yet. `branch` is the one of the snapshots, if a person named it; `extra` that of the
/// other territory's files. The files of the tree are not touched; the index is that of the last commit.
///
/// # Errors
/// What git says. What went wrong with the place is the inner error: nothing was taken over then.
pub fn take_over(
    git: &Git,
    place: &Place,
    branch: Option<&str>,
    extra: Option<&str>,
) -> Result<Result<TakenOver, Trouble>> {
    match take(git, place, branch, extra) {
        Ok(taken) => Ok(Ok(taken)),
        Err(Halt::Trouble(trouble)) => Ok(Err(trouble)),
        Err(Halt::Backup(error)) => Err(error),
    }
}

fn take(
    git: &Git,
    place: &Place,
    branch: Option<&str>,
    extra: Option<&str>,
) -> Result<TakenOver, Halt> {
    if git.resolve("HEAD")?.is_some() || git.resolve(MANIFEST_BRANCH)?.is_some() {
        return Ok(TakenOver::Nothing);
    }
    let (head, there) = offered(git, place)?;
    if !there.contains_key(MANIFEST_BRANCH) {
        return Ok(TakenOver::Nothing);
    }
    let ours = git.run(["symbolic-ref", "HEAD"])?.text();
    let wanted = match branch {
        Some(branch) => vec![full_name(branch)],
        None => [Some(ours), head].into_iter().flatten().collect(),
    };
    let Some(main) = wanted.into_iter().find(|name| there.contains_key(name)) else {
        let short = |name: &String| name.strip_prefix(HEADS).unwrap_or(name).to_owned();
        let others = there.keys().map(short).filter(|name| !name.starts_with("ubos/"));
        return Ok(TakenOver::Unclear(others.collect()));
    };
    let extra = extra.map(full_name);
    let names = [Some(main.as_str()), extra.as_deref(), Some(LOGS_BRANCH), Some(MANIFEST_BRANCH)];
    let names: Vec<&str> =
        names.into_iter().flatten().filter(|name| there.contains_key(*name)).collect();
    bring(git, place, &names)?;
    git.run(["symbolic-ref", "HEAD", &main])?;
    git.run(["read-tree", "HEAD"])?;
    let count = git.run(["rev-list", "--count", "--first-parent", MANIFEST_BRANCH])?.text();
    Ok(TakenOver::Snapshots(count.parse().unwrap_or(0)))
}

/// Brings branches, all or none: a fetch that breaks off leaves none of them here.
fn bring(git: &Git, place: &Place, names: &[&str]) -> Result<(), Halt> {
    let how = ["--no-tags", "--no-write-fetch-head", "--refmap=", "--", &place.url];
    let specs = names.iter().map(|name| format!("+{name}:{TAKEN}{}", &name[HEADS.len()..]));
    let args: Vec<String> = how.iter().map(|word| (*word).to_owned()).chain(specs).collect();
    let answer = talk(place, git, "fetch", &args)?;
    if !answer.ok() {
        return Err(explain(place, &answer.err, &[]).into());
    }
    let mut moves = String::new();
    for name in names {
        let taken = format!("{TAKEN}{}", &name[HEADS.len()..]);
        let commit = git.run(["rev-parse", "--verify", &taken])?.text();
        moves.push_str(&format!("create {name} {commit}\ndelete {taken}\n"));
    }
    git.run_with(["update-ref", "--stdin"], moves.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::repository;

    /// A repository with a commit on each of `names`.
    fn filled(names: &[&str]) -> (tempfile::TempDir, Git) {
        let (folder, git) = repository();
        let tree = git.run_with(["mktree"], b"").unwrap().text();
        let who =
            ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
        let named = who.iter().fold(git.clone(), |git, key| git.with(key, "a@b"));
        for name in names {
            let commit = named.run(["commit-tree", &tree, "-m", *name]).unwrap().text();
            git.run(["update-ref", &format!("{HEADS}{name}"), &commit]).unwrap();
        }
        (folder, git)
    }

    fn taken(there: &Git, branch: Option<&str>) -> (tempfile::TempDir, Git, TakenOver) {
        let (folder, git) = repository();
        git.run(["symbolic-ref", "HEAD", "refs/heads/main"]).unwrap();
        let place = Place::remote(&git, &there.dir().display().to_string()).unwrap();
        let taken = take_over(&git, &place, branch, Some("balaur")).unwrap().unwrap();
        (folder, git, taken)
    }

    fn branches(git: &Git) -> Vec<String> {
        let names = git.run(["for-each-ref", "--format=%(refname)"]).unwrap().text();
        names.lines().map(str::to_owned).collect()
    }

    #[test]
    fn all_that_belongs_to_the_backup_comes_and_nothing_else() {
        let (_there, there) = filled(&["main", "balaur", "topic", "ubos/manifest", "ubos/logs"]);
        let (_folder, git, taken) = taken(&there, None);
        assert_eq!(taken, TakenOver::Snapshots(1));
        let expected = ["balaur", "main", "ubos/logs", "ubos/manifest"];
        assert_eq!(branches(&git), expected.map(|name| format!("{HEADS}{name}")));
        let place = Place::remote(&git, &there.dir().display().to_string()).unwrap();
        let again = take_over(&git, &place, None, None).unwrap().unwrap();
        assert_eq!(again, TakenOver::Nothing);
    }

    #[test]
    fn the_branch_is_the_one_that_was_named_or_that_the_remote_names() {
        let (_there, there) = filled(&["trunk", "old", "ubos/manifest"]);
        there.run(["symbolic-ref", "HEAD", "refs/heads/trunk"]).unwrap();
        let (_folder, git, first) = taken(&there, None);
        assert_eq!(first, TakenOver::Snapshots(1));
        assert_eq!(git.run(["symbolic-ref", "HEAD"]).unwrap().text(), "refs/heads/trunk");
        there.run(["symbolic-ref", "HEAD", "refs/heads/none"]).unwrap();
        let (_folder, git, unclear) = taken(&there, None);
        assert_eq!(unclear, TakenOver::Unclear(vec!["old".into(), "trunk".into()]));
        assert!(branches(&git).is_empty());
        let (_folder, git, named) = taken(&there, Some("old"));
        assert_eq!(named, TakenOver::Snapshots(1));
        assert_eq!(git.run(["symbolic-ref", "HEAD"]).unwrap().text(), "refs/heads/old");
    }

    #[test]
    fn a_remote_without_a_backup_gives_nothing() {
        let (_there, there) = filled(&["main"]);
        let (_folder, git, taken) = taken(&there, None);
        assert_eq!(taken, TakenOver::Nothing);
        assert!(branches(&git).is_empty());
    }
}
