//! A laptop's repository with snapshots as the program makes them, and places to give them to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use ubos_engine::state::config::Peer;
use ubos_tiers::git::command::Git;
use ubos_tiers::git::commit::{Author, NewCommit, advance};
use ubos_tiers::git::mirror::Mirrors;
use ubos_tiers::git::names::{LOGS_BRANCH, MANIFEST_BRANCH};
use ubos_tiers::git::objects::Oid;
use ubos_tiers::git::remote::place::Place;
use ubos_tiers::git::remote::push::{Given, Order, Outcome, Pushed, When, push};
use ubos_tiers::git::remote::record::{Ledger, Record};

/// The id of the pair.
pub(crate) const PAIR: &str = "0123456789abcdef0123456789abcdef";
/// The branch of the snapshots.
pub(crate) const MAIN: &str = "refs/heads/main";
/// When the first snapshot is made.
pub(crate) const START: i64 = 1_700_000_000;
/// How often a place is given what is new.
pub(crate) const EVERY: Duration = Duration::from_secs(1800);

/// A laptop.
pub(crate) struct Laptop {
    folder: TempDir,
    pub(crate) git: Git,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// Seconds between two snapshots.
    pub(crate) step: i64,
    /// Most bytes of a push.
    pub(crate) most: u64,
    pub(crate) territory: String,
}

impl Laptop {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = bare(&folder.path().join("laptop.git"));
        let territory = "localhost".to_owned();
        Self { folder, git, now: START, step: 300, most: u64::MAX, territory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// A snapshot, so long after the one before: files, log and manifest.
    pub(crate) fn snapshot(&mut self, content: &str) -> Oid {
        self.now += self.step;
        grow(&self.git, LOGS_BRANCH, &format!("log {content}"), self.now);
        let main = grow(&self.git, MAIN, content, self.now);
        grow(&self.git, MANIFEST_BRANCH, &format!("snapshot {main}"), self.now);
        main
    }

    /// A bare repository beside it.
    pub(crate) fn other(&self, name: &str) -> Git {
        bare(&self.path(name))
    }

    pub(crate) fn remote(&self, given: &str) -> Place {
        Place::remote(&self.git, given).unwrap()
    }

    pub(crate) fn mirrors(&self) -> Mirrors {
        Mirrors::below(&self.path("data"))
    }

    pub(crate) fn mirror(&self) -> Place {
        let peer = Peer {
            address: Some("/srv/janus".into()),
            pair: PAIR.into(),
            replica: "1".repeat(32),
            owner: true,
            manifests: "balaur".into(),
            agent: None,
        };
        Place::mirror("balaur", &peer, &self.mirrors()).unwrap().unwrap()
    }

    pub(crate) fn push(&self, places: &[Place], when: When) -> Pushed {
        let order = Order {
            git: &self.git,
            state: &self.state(),
            territory: &self.territory,
            main: MAIN,
            extra: None,
            places,
            when,
            now: self.now,
            jitter: 0.5,
            most: self.most,
        };
        push(&order).unwrap()
    }

    /// Pushes to one place because somebody asked.
    pub(crate) fn give(&self, place: &Place) -> Given {
        self.push(std::slice::from_ref(place), When::Asked).places.remove(0)
    }

    /// Pushes to one place if it is due.
    pub(crate) fn tick(&self, place: &Place) -> Given {
        self.push(std::slice::from_ref(place), When::Due(EVERY)).places.remove(0)
    }

    /// What is noted of a place.
    pub(crate) fn record(&self, place: &Place) -> Record {
        Ledger::load(&self.state()).unwrap().of(place)
    }

    /// Asserts that `there` has exactly our branches as they are, and is sound.
    pub(crate) fn all_there(&self, there: &Git) {
        for name in [MAIN, LOGS_BRANCH, MANIFEST_BRANCH] {
            assert_eq!(there.resolve(name).unwrap(), self.git.resolve(name).unwrap(), "{name}");
        }
        there.run(["fsck", "--full"]).unwrap();
    }
}

/// Asserts that a place was given something.
pub(crate) fn given(given: &Given) {
    assert_eq!(given.outcome, Outcome::Given, "{given:?}");
    assert!(given.record.diverged.is_empty(), "{given:?}");
}

pub(crate) fn bare(folder: &Path) -> Git {
    let git = Git::at(folder);
    git.run(["init", "--quiet", "--bare", "--initial-branch=main"]).unwrap();
    git
}

/// A commit with `content` as its only file, on top of what `branch` has.
pub(crate) fn grow(git: &Git, branch: &str, content: &str, at: i64) -> Oid {
    let old = git.resolve(branch).unwrap().map(Oid);
    let parents: Vec<Oid> = old.iter().cloned().collect();
    let new = commit(git, content.as_bytes(), &parents, at);
    assert!(advance(git, branch, &new, old.as_ref(), "test").unwrap());
    new
}

pub(crate) fn commit(git: &Git, content: &[u8], parents: &[Oid], at: i64) -> Oid {
    let blob = git.run_with(["hash-object", "-w", "--stdin"], content).unwrap().text();
    let line = format!("100644 blob {blob}\tfile\n");
    let tree = Oid(git.run_with(["mktree"], line.as_bytes()).unwrap().text());
    let author = Author { name: "Ana".into(), email: "ana@example.org".into() };
    let commit = NewCommit {
        tree: &tree,
        parents,
        author: &author,
        committer: &author,
        at: Some(at),
        message: "test\n",
    };
    commit.write(git).unwrap()
}

/// The branches of a repository.
pub(crate) fn branches(git: &Git) -> Vec<String> {
    let text = git.run(["for-each-ref", "--format=%(refname)", "refs/heads/"]).unwrap().text();
    text.lines().map(str::to_owned).collect()
}
