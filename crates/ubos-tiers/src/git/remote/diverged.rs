//! A place where a branch went another way: somebody pushed there, its history was written anew, or
//! this repository was restored from an older copy. Nothing is forced and nothing is lost: what
//! stands there is kept here under a reference of its own, ours goes there under a branch of its own,
//! which grows with every push until a person has settled it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::place::Place;
use super::push::{Halt, talk};
use super::record::{Diverged, Relation};
use super::trouble::explain;
use crate::git::command::Git;
use crate::git::commit::{Author, NewCommit, advance};
use crate::git::error::Result;
use crate::git::names::{DIVERGED, LOGS_BRANCH, MANIFEST_BRANCH};
use crate::git::objects::Oid;

/// What stood at a place and is kept here: `<this>/<place>/<time>`.
pub const THEIRS: &str = "refs/ubos/theirs";
/// What stood at a place when it was last fetched.
const SEEN: &str = "refs/ubos/places";
/// What branches are called.
pub(super) const HEADS: &str = "refs/heads/";

/// One look at a place.
pub(super) struct Meeting<'a> {
    pub git: &'a Git,
    pub place: &'a Place,
    /// This territory's name.
    pub territory: &'a str,
    /// The branch of the snapshots, whose names carry no suffix.
    pub main: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

impl Meeting<'_> {
    /// What stands at the place under these names.
    pub(super) fn look(&self, names: &[&String]) -> Result<BTreeMap<String, Oid>, Halt> {
        let mut args = vec!["--".to_owned(), self.place.url.clone()];
        args.extend(names.iter().map(|name| (*name).clone()));
        let answer = talk(self.place, self.git, "ls-remote", &args)?;
        if !answer.ok() {
            return Err(explain(self.place, &answer.err, &[]).into());
        }
        let text = answer.text();
        let rows = text.lines().filter_map(|line| line.split_once('\t'));
        Ok(rows
            .filter(|(_, name)| names.iter().any(|asked| asked == name))
            .filter_map(|(oid, name)| Some((name.to_owned(), Oid::parse(oid)?)))
            .collect())
    }

    /// Looks again at what had gone another way: settled by now, or different again.
    pub(super) fn look_again(
        &self,
        heads: &BTreeMap<String, Oid>,
        diverged: &mut BTreeMap<String, Diverged>,
    ) -> Result<(), Halt> {
        diverged.retain(|name, _| heads.contains_key(name));
        if diverged.is_empty() {
            return Ok(());
        }
        let there = self.look(&diverged.keys().collect::<Vec<_>>())?;
        for (name, ours) in
            heads.iter().filter(|(name, _)| diverged.contains_key(*name)).collect::<Vec<_>>()
        {
            match there.get(name) {
                None => {
                    diverged.remove(name);
                }
                Some(theirs) => self.met(name, ours, theirs, diverged)?,
            }
        }
        Ok(())
    }

    /// A push of `ours` to `name` was refused because something else stands there.
    pub(super) fn refused(
        &self,
        name: &str,
        ours: &Oid,
        diverged: &mut BTreeMap<String, Diverged>,
    ) -> Result<(), Halt> {
        let asked = name.to_owned();
        match self.look(&[&asked])?.get(name) {
            Some(theirs) => self.met(name, ours, theirs, diverged),
            None => {
                diverged.remove(name);
                Ok(())
            }
        }
    }

    /// `theirs` stands at the place where `ours` should go.
    fn met(
        &self,
        name: &str,
        ours: &Oid,
        theirs: &Oid,
        diverged: &mut BTreeMap<String, Diverged>,
    ) -> Result<(), Halt> {
        let theirs = self.bring(name, theirs)?;
        let Some(relation) = relation(self.git, ours, &theirs)? else {
            diverged.remove(name);
            return Ok(());
        };
        let before = diverged.get(name);
        let (kept, since) = match before.filter(|before| before.theirs == theirs.as_str()) {
            Some(before) => (before.kept.clone(), before.since),
            None => (self.keep(name, &theirs)?, self.now),
        };
        let ours_there = match (relation, before.and_then(|before| before.ours_there.clone())) {
            (Relation::Ahead, _) => None,
            (_, Some(there)) => Some(there),
            (_, None) => Some(self.name_there(name)),
        };
        let entry = Diverged { theirs: theirs.0, kept, ours_there, since, relation };
        diverged.insert(name.to_owned(), entry);
        Ok(())
    }

    /// Brings what stands under `name` at the place into this repository; it may have moved since it
    /// was `seen`.
    fn bring(&self, name: &str, seen: &Oid) -> Result<Oid, Halt> {
        let branch = name.strip_prefix(HEADS).unwrap_or(name);
        let tracking = format!("{SEEN}/{}/{branch}", self.place.name);
        if self.git.resolve(&tracking)?.as_deref() == Some(seen.as_str()) {
            return Ok(seen.clone());
        }
        let args = [
            "--no-tags",
            "--no-write-fetch-head",
            "--no-show-forced-updates",
            "--refmap=",
            "--quiet",
            "--",
            &self.place.url,
            &format!("+{name}:{tracking}"),
        ];
        let answer = talk(self.place, self.git, "fetch", &args.map(str::to_owned))?;
        if !answer.ok() {
            return Err(explain(self.place, &answer.err, &[]).into());
        }
        Ok(self.git.resolve(&tracking)?.map_or_else(|| seen.clone(), Oid))
    }

    /// Keeps what stood there under a reference of its own, unless one keeps it already.
    fn keep(&self, name: &str, theirs: &Oid) -> Result<String> {
        let below = format!("{THEIRS}/{}", self.place.name);
        let points = format!("--points-at={theirs}");
        let known = self.git.run(["for-each-ref", "--format=%(refname)", &points, &below])?.text();
        if let Some(kept) = known.lines().next() {
            return Ok(kept.to_owned());
        }
        let base = format!("{below}/{}{}", stamp(self.now), self.suffix(name));
        for number in 1.. {
            let kept = if number == 1 { base.clone() } else { format!("{base}-{number}") };
            if advance(self.git, &kept, theirs, None, "kept from a place")? {
                return Ok(kept);
            }
        }
        unreachable!("there are numbers enough")
    }

    /// A branch at the place for ours.
    pub(super) fn name_there(&self, name: &str) -> String {
        let territory = component(self.territory);
        format!("{DIVERGED}/{territory}/{}{}", stamp(self.now), self.suffix(name))
    }

    fn suffix(&self, name: &str) -> String {
        match name {
            LOGS_BRANCH => "-logs".to_owned(),
            MANIFEST_BRANCH => "-manifest".to_owned(),
            name if name == self.main => String::new(),
            name => format!("-{}", name.strip_prefix(HEADS).unwrap_or(name).replace('/', "-")),
        }
    }
}

/// How `theirs` relates to `ours`; `None` if ours holds it.
fn relation(git: &Git, ours: &Oid, theirs: &Oid) -> Result<Option<Relation>> {
    let within = |inner: &Oid, outer: &Oid| {
        git.ask(["merge-base", "--is-ancestor", inner.as_str(), outer.as_str()]).map(|a| a.ok())
    };
    if within(theirs, ours)? {
        return Ok(None);
    }
    if within(ours, theirs)? {
        return Ok(Some(Relation::Ahead));
    }
    let tree = git.resolve(&format!("{theirs}^{{tree}}"))?;
    let ours_trees = git.run(["log", "--format=%T", ours.as_str()])?.text();
    if tree.is_some_and(|tree| ours_trees.lines().collect::<BTreeSet<_>>().contains(tree.as_str()))
    {
        return Ok(Some(Relation::SameContent));
    }
    let shared = git.ask(["merge-base", ours.as_str(), theirs.as_str()])?.ok();
    Ok(Some(if shared { Relation::Diverged } else { Relation::Unrelated }))
}

/// Joins what went another way: a commit with our content whose second parent is theirs, so that the
/// place takes the next push without force and keeps all that stood there in the history. The work tree
/// and the index stay as they are, since the content does. Returns the commit; `None` if the branch
/// moved in the meantime.
///
/// # Errors
/// What git says.
pub fn join(git: &Git, territory: &str, name: &str, entry: &Diverged) -> Result<Option<Oid>> {
    let Some(ours) = git.resolve(&format!("{name}^{{commit}}"))?.map(Oid) else { return Ok(None) };
    let tree = git.run(["rev-parse", "--verify", &format!("{ours}^{{tree}}")])?.text();
    let author = Author { name: territory.to_owned(), email: format!("ubos-sync@{territory}") };
    let message = format!(
        "Join the history of another place\n\nOurs goes on as it is; what stood there is the second parent\nand stays in the history ({}).\n",
        entry.kept
    );
    let parents = [ours.clone(), Oid(entry.theirs.clone())];
    let commit = NewCommit {
        tree: &Oid(tree),
        parents: &parents,
        author: &author,
        committer: &author,
        at: None,
        message: &message,
    };
    let commit = commit.write(git)?;
    let moved = advance(git, name, &commit, Some(&ours), "ubos-sync: join")?;
    Ok(moved.then_some(commit))
}

/// The commands that show and settle what went another way.
pub fn commands(name: &str, entry: &Diverged) -> Vec<String> {
    let branch = name.strip_prefix(HEADS).unwrap_or(name);
    let kept = &entry.kept;
    let mut commands = vec![format!("git log --oneline --left-right {branch}...{kept}")];
    if !name.starts_with("refs/heads/ubos/") {
        commands.push(format!("git diff {branch} {kept}"));
        let unrelated = match entry.relation {
            Relation::Unrelated => " --allow-unrelated-histories",
            _ => "",
        };
        commands.push(format!("git merge{unrelated} {kept}"));
    }
    commands.push("ubos-sync backup push --join".to_owned());
    commands
}

/// A time as a word of a reference: `20261122T140533Z`.
pub(super) fn stamp(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A territory's name as a word of a reference.
pub(super) fn component(name: &str) -> String {
    if name.contains("..") || name.ends_with('.') || name.ends_with(".lock") {
        name.replace('.', "-")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::repository;

    fn commit(git: &Git, content: &str, parents: &[&Oid], message: &str) -> Oid {
        let blob = git.run_with(["hash-object", "-w", "--stdin"], content.as_bytes()).unwrap();
        let line = format!("100644 blob {}\tf\n", blob.text());
        let tree = Oid(git.run_with(["mktree"], line.as_bytes()).unwrap().text());
        let author = Author { name: "a".into(), email: "a@b".into() };
        let parents: Vec<Oid> = parents.iter().map(|p| (*p).clone()).collect();
        let new = NewCommit {
            tree: &tree,
            parents: &parents,
            author: &author,
            committer: &author,
            at: Some(1_000),
            message,
        };
        new.write(git).unwrap()
    }

    #[test]
    fn each_relation_of_two_histories_is_told_apart() {
        let (_folder, git) = repository();
        let one = commit(&git, "1", &[], "one");
        let two = commit(&git, "2", &[&one], "two");
        let other = commit(&git, "x", &[&one], "other");
        let again = commit(&git, "2", &[&one], "two, in other words");
        let alien = commit(&git, "y", &[], "alien");
        assert_eq!(relation(&git, &two, &one).unwrap(), None);
        assert_eq!(relation(&git, &two, &two).unwrap(), None);
        assert_eq!(relation(&git, &one, &two).unwrap(), Some(Relation::Ahead));
        assert_eq!(relation(&git, &two, &other).unwrap(), Some(Relation::Diverged));
        assert_eq!(relation(&git, &two, &again).unwrap(), Some(Relation::SameContent));
        assert_eq!(relation(&git, &two, &alien).unwrap(), Some(Relation::Unrelated));
    }

    #[test]
    fn joined_histories_hold_both_and_our_content() {
        let (_folder, git) = repository();
        let ours = commit(&git, "ours", &[], "ours");
        let theirs = commit(&git, "theirs", &[], "theirs");
        let name = "refs/heads/main";
        git.run(["update-ref", name, ours.as_str()]).unwrap();
        let entry = Diverged {
            theirs: theirs.0.clone(),
            kept: "refs/ubos/theirs/remote/x".into(),
            ours_there: None,
            since: 0,
            relation: Relation::Unrelated,
        };
        let joined = join(&git, "localhost", name, &entry).unwrap().unwrap();
        assert_eq!(git.run(["cat-file", "blob", &format!("{joined}:f")]).unwrap().out, b"ours");
        assert_eq!(relation(&git, &joined, &theirs).unwrap(), None);
        assert_eq!(relation(&git, &joined, &ours).unwrap(), None);
        assert_eq!(git.resolve(name).unwrap(), Some(joined.0));
    }

    #[test]
    fn any_territory_can_be_a_word_of_a_reference() {
        assert_eq!(component("my.host"), "my.host");
        assert_eq!(component("my.host.lock"), "my-host-lock");
        assert_eq!(component("a..b"), "a--b");
        assert_eq!(stamp(1_700_000_000), "20231114T221320Z");
    }
}
