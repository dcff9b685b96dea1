//! `Territory`: one side of a world: what its user does to files, and the calls of the binary
//! made from it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use crate::process::{Outcome, Running, TIME_LIMIT};
use crate::run::Run;
use crate::sketch::{Node, OWN_FOLDER, Sketch, real_path};
use crate::snapshot::Snapshot;
use crate::world::{Side, World};

/// One side of a [`World`]. Its methods that change files are what a user or an editor would do;
/// they panic where the user's own command would fail.
#[derive(Clone, Copy)]
pub struct Territory<'w> {
    world: &'w World,
    side: Side,
}

impl<'w> Territory<'w> {
    pub(crate) fn new(world: &'w World, side: Side) -> Self {
        Self { world, side }
    }

    /// The world around it.
    pub fn world(&self) -> &'w World {
        self.world
    }

    /// Which one it is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Its root.
    pub fn root(&self) -> PathBuf {
        self.world.root(self.side)
    }

    /// A real path below its root.
    pub fn path(&self, path: impl AsRef<[u8]>) -> PathBuf {
        real_path(&self.root(), path)
    }

    /// A real path in its `.ubos-sync`.
    pub fn own(&self, path: &str) -> PathBuf {
        self.root().join(OWN_FOLDER).join(path)
    }

    /// All it holds.
    pub fn tree(&self) -> Sketch {
        Sketch::read(&self.root())
    }

    /// All it holds, with inodes and times.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.root())
    }

    /// What stands at `path`.
    pub fn get(&self, path: impl AsRef<[u8]>) -> Option<Node> {
        Node::at(&self.path(path))
    }

    /// The permission bits at `path`.
    pub fn mode(&self, path: impl AsRef<[u8]>) -> u32 {
        self.meta(path).mode() & 0o7777
    }

    /// What the kernel knows of `path`.
    pub fn meta(&self, path: impl AsRef<[u8]>) -> fs::Metadata {
        let path = self.path(path);
        fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// What its user does.
impl Territory<'_> {
    /// Writes a file in place, making the folders on the way.
    pub fn write(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("folders on the way");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Saves a file as many editors do: a new one under another name, renamed over the old.
    pub fn save(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        let aside = path.with_file_name(".saving");
        fs::write(&aside, content).expect("beside the file");
        fs::rename(&aside, &path).expect("over the file");
    }

    /// Adds to the end of a file.
    pub fn append(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let mut file = File::options().append(true).open(self.path(path)).expect("the log exists");
        file.write_all(content.as_ref()).expect("the log can grow");
    }

    /// Removes a file, a link, or a folder and all in it.
    pub fn remove(&self, path: impl AsRef<[u8]>) {
        let path = self.path(path);
        let meta = fs::symlink_metadata(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if meta.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }
            .expect("what is there can be removed");
    }

    /// Makes a folder, and those on the way.
    pub fn mkdir(&self, path: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(path)).expect("a folder can be made");
    }

    /// Renames, as `mv` does.
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) {
        fs::rename(self.path(from), self.path(to)).expect("it can be renamed");
    }

    /// Makes a symbolic link with this text.
    pub fn link(&self, path: impl AsRef<[u8]>, text: impl AsRef<[u8]>) {
        symlink(OsStr::from_bytes(text.as_ref()), self.path(path)).expect("a link can be made");
    }

    /// Sets all permission bits.
    pub fn chmod(&self, path: impl AsRef<[u8]>, mode: u32) {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode))
            .expect("its owner may set the mode");
    }

    /// Sets the modification time.
    pub fn touch(&self, path: impl AsRef<[u8]>, time: SystemTime) {
        let file = File::open(self.path(path)).expect("it can be opened");
        file.set_modified(time).expect("its owner may set the time");
    }

    /// Makes a FIFO.
    pub fn fifo(&self, path: impl AsRef<[u8]>) {
        let made = Command::new("mkfifo").arg(self.path(path)).status().expect("mkfifo exists");
        assert!(made.success(), "mkfifo failed");
    }
}

/// Calls of the binary from its root.
impl<'w> Territory<'w> {
    /// The command line of a call.
    pub fn command<I, A>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = A>,
        A: AsRef<OsStr>,
    {
        let mut command = self.world.command(self.world.binary());
        command.args(args).current_dir(self.root());
        command
    }

    /// Calls the binary and waits. Nothing is checked: this is for calls that are not a sync.
    pub fn run<I, A>(&self, args: I) -> Outcome
    where
        I: IntoIterator<Item = A>,
        A: AsRef<OsStr>,
    {
        self.start(args).finish(TIME_LIMIT)
    }

    /// Calls the binary with more in its environment.
    pub fn run_with<A: AsRef<OsStr>>(
        &self,
        args: &[A],
        environment: &[(&str, OsString)],
    ) -> Outcome {
        self.world.hand_over();
        let mut command = self.command(args);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Running::start(command, &self.world.base().join("output")).finish(TIME_LIMIT)
    }

    /// Starts the binary and does not wait.
    pub fn start<I, A>(&self, args: I) -> Running
    where
        I: IntoIterator<Item = A>,
        A: AsRef<OsStr>,
    {
        self.world.hand_over();
        Running::start(self.command(args), &self.world.base().join("output"))
    }

    /// `bidirectional`, with every promise checked.
    pub fn sync(&self) -> Run<'w> {
        self.sync_with(["bidirectional"])
    }

    /// `push`, with every promise checked.
    pub fn push(&self) -> Run<'w> {
        self.sync_with(["push"])
    }

    /// `pull`, with every promise checked.
    pub fn pull(&self) -> Run<'w> {
        self.sync_with(["pull"])
    }

    /// `status`, with every promise checked.
    pub fn status(&self) -> Run<'w> {
        self.sync_with(["status"])
    }

    /// Any command that prints a run's report, with `--json` added and every promise checked.
    pub fn sync_with<const N: usize>(&self, args: [&str; N]) -> Run<'w> {
        Run::watched(*self, &args)
    }

    /// `resolve` with these arguments, watched as a sync is. It must leave nothing lost; what it
    /// prints is up to the caller.
    pub fn resolve<const N: usize>(&self, args: [&str; N]) -> Outcome {
        let mut line = vec!["resolve"];
        line.extend(args);
        self.watched(&line)
    }

    /// Any other command that may change files, with what must not be lost checked.
    pub fn watched(&self, args: &[&str]) -> Outcome {
        let ledger = crate::accounting::Ledger::open(self.world);
        let outcome = self.run(args);
        ledger.check(self.world, &outcome.told());
        outcome
    }
}
