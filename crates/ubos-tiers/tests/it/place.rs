//! `Place`: a territory with a repository, and what git says of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use ubos_core::path::RelPath;
use ubos_engine::inventory::{self, Inventory};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::backup::BackupSettings;
use ubos_engine::state::config::{Config, Peer};
use ubos_tiers::git::command::{Git, clean};
use ubos_tiers::git::error::Result;
use ubos_tiers::git::manifest::Entry;
use ubos_tiers::git::manifests;
use ubos_tiers::git::snapshot::{self, Order, Phase, Snapshot};
use ubos_tiers::git::tree::list_tree;

/// A file's git mode and content.
pub(crate) type Files = BTreeMap<Vec<u8>, (u32, Vec<u8>)>;

/// What the manifests select.
pub(crate) const TO: &str = "notes/\nkept/\n";
/// What only comes from the other territory.
const FROM: &str = "theirs/\n[append-only]\nlogs/\n";

/// A territory in a temporary folder, with a repository.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) settings: BackupSettings,
}

impl Place {
    /// An empty territory with an empty repository, on the branch `main`.
    pub(crate) fn new() -> Self {
        let place = Self::without_repository();
        place.git(["init", "--quiet", "--initial-branch=main"]);
        place.configure("user.name", "Ana");
        place.configure("user.email", "ana@example.org");
        place
    }

    /// An empty territory.
    pub(crate) fn without_repository() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder, settings: BackupSettings::default() };
        fs::create_dir(place.root()).unwrap();
        let state = StateDir::create(&place.root()).unwrap();
        let mut config = Config::new("localhost");
        let peer = Peer {
            address: None,
            pair: "0123456789abcdef".to_owned(),
            replica: "fedcba9876543210".to_owned(),
            owner: true,
            manifests: "balaur".to_owned(),
            agent: None,
        };
        config.peers.insert("balaur".to_owned(), peer);
        config.save(&state).unwrap();
        place.select(TO);
        place.write("config/sync_from_balaur.conf", FROM);
        place.write("config/sync_exclude.conf", "");
        place
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A place beside the territory.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn path(&self, path: impl AsRef<[u8]>) -> PathBuf {
        self.root().join(OsStr::from_bytes(path.as_ref()))
    }

    /// Sets what goes out and comes in.
    pub(crate) fn select(&self, to: &str) {
        self.write("config/sync_to_balaur.conf", to);
    }

    pub(crate) fn write(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn remove(&self, path: impl AsRef<[u8]>) {
        let path = self.path(path);
        match path.symlink_metadata().unwrap().is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }

    /// Runs git in the work tree, as the user would; it must succeed.
    pub(crate) fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let output = self.try_git(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Runs git in the work tree, whatever comes of it.
    pub(crate) fn try_git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.user_git().args(args).stdin(Stdio::null()).output().unwrap()
    }

    /// git in the work tree, away from the settings of whoever runs the tests.
    pub(crate) fn user_git(&self) -> Command {
        let mut command = Command::new("git");
        clean(&mut command);
        command
            .current_dir(self.root())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    pub(crate) fn configure(&self, key: &str, value: &str) {
        self.git(["config", key, value]);
    }

    /// The user commits everything that git would.
    pub(crate) fn user_commit(&self, message: &str) {
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--allow-empty", "--no-verify", "--message", message]);
    }

    pub(crate) fn inventory(&self) -> Inventory {
        inventory::take(&self.root(), None).unwrap()
    }

    /// Makes a snapshot, which must succeed.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.try_snapshot().unwrap()
    }

    pub(crate) fn try_snapshot(&self) -> Result<Snapshot> {
        self.snapshot_of(&self.inventory())
    }

    pub(crate) fn snapshot_of(&self, inventory: &Inventory) -> Result<Snapshot> {
        snapshot::take(&Order {
            root: &self.root(),
            inventory,
            settings: &self.settings,
            phase: Phase::Asked,
            run: Some("20260101T000000.000Z-0001"),
            what: None,
        })
    }

    pub(crate) fn plumbing(&self) -> Git {
        Git::at(self.git(["rev-parse", "--absolute-git-dir"]))
    }

    /// What a commit holds, contents included.
    pub(crate) fn tree(&self, commit: &str) -> Files {
        let git = self.plumbing();
        let read = |id: &str| git.run(["cat-file", "blob", id]).unwrap().out;
        let tree = list_tree(&git, commit).unwrap().into_iter();
        tree.map(|(path, (mode, id))| (path, (mode, read(&id.0)))).collect()
    }

    /// The paths of a commit.
    pub(crate) fn paths(&self, commit: &str) -> Vec<String> {
        let tree = list_tree(&self.plumbing(), commit).unwrap();
        tree.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    }

    /// The content of a path in a commit.
    pub(crate) fn content(&self, commit: &str, path: &str) -> Vec<u8> {
        self.tree(commit).remove(path.as_bytes()).unwrap_or_else(|| panic!("no `{path}`")).1
    }

    /// What the newest manifest lists.
    pub(crate) fn manifest(&self) -> BTreeMap<RelPath, Entry> {
        let git = self.plumbing();
        let (_, commit) = manifests::newest(&git).unwrap().unwrap();
        manifests::entries(&git, &commit).unwrap()
    }

    pub(crate) fn head(&self) -> String {
        self.git(["rev-parse", "HEAD"])
    }

    /// What `git status` says, without what is not tracked.
    pub(crate) fn status(&self) -> String {
        self.git(["status", "--porcelain", "--untracked-files=no"])
    }
}

pub(crate) fn rel(path: impl AsRef<[u8]>) -> RelPath {
    RelPath::new(path.as_ref()).unwrap()
}

/// Reads a file that must be there.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
