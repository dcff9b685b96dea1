//! `World`: a laptop and a server in a temporary folder, paired by the real binary.
//!
//! Both territories begin with the same content, the one that the scenarios start from: `notes/f`
//! is `A`, `notes/D` has `a` and `b`, and there is enough else that no guard looks twice at a few
//! changes. Each side also has files that no manifest selects, and they must never change.
//!
//! `UBOS_KEEP_WORLDS=1` leaves the folders where they are and prints where.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::law::Law;
use crate::script::copy_program;
use crate::sketch::Sketch;
use crate::territory::Territory;

/// Which territory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The one whose manifests name the peer; its name is `localhost`.
    Laptop,
    /// The other one; its name is `balaur`.
    Server,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Laptop, Self::Server];

    /// The territory's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Laptop => "localhost",
            Self::Server => "balaur",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Laptop => Self::Server,
            Self::Server => Self::Laptop,
        }
    }

    /// The side of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|side| side.name() == name)
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Laptop => 0,
            Self::Server => 1,
        }
    }
}

/// Two territories and everything around them.
pub struct World {
    folder: TempDir,
    base: PathBuf,
    binary: PathBuf,
    law: RefCell<Law>,
    start: RefCell<[Sketch; 2]>,
    environment: RefCell<Vec<(OsString, OsString)>>,
    path: OsString,
    user: Option<u32>,
}

impl World {
    /// Two folders with the content of the scenarios, not yet a pair.
    ///
    /// # Panics
    /// If the temporary folder cannot be made.
    pub fn unpaired(binary: impl AsRef<Path>) -> Self {
        let world = Self::bare(binary.as_ref());
        for side in Side::BOTH {
            common_sketch().amended(own_lines(side)).build(&world.root(side));
        }
        world.decree(&Law::standard());
        world.mark();
        world
    }

    /// Two empty folders.
    pub fn empty(binary: impl AsRef<Path>) -> Self {
        Self::bare(binary.as_ref())
    }

    /// A pair that has agreed on everything: initialised, and synced once.
    ///
    /// # Panics
    /// If `init` or the first sync fails.
    pub fn agreed(binary: impl AsRef<Path>) -> Self {
        Self::unpaired(binary).paired()
    }

    /// As [`World::agreed`], but the binary runs as a user without privileges, who can be refused
    /// a file. `None`, with the reason printed, where that is not possible.
    pub fn agreed_unprivileged(binary: impl AsRef<Path>) -> Option<Self> {
        let mut world = Self::unpaired(binary);
        if rustix::process::geteuid().is_root() {
            const NOBODY: u32 = 65_534;
            let found = Command::new("setpriv").arg("--version").output().is_ok();
            if !found {
                eprintln!("skipped: running as root, and there is no setpriv to be someone else");
                return None;
            }
            let copy = world.base.join("bin/ubos-sync");
            copy_program(&world.binary, &copy);
            world.binary = copy;
            world.user = Some(NOBODY);
        }
        Some(world.paired())
    }

    /// Makes the two folders a pair over the embedded local address and lets them agree.
    ///
    /// # Panics
    /// If `init` or the first sync fails.
    #[must_use]
    pub fn paired(self) -> Self {
        self.init().exits(0);
        self.laptop().sync().exits(0);
        self.mark();
        self
    }

    /// Runs `init` on the laptop with the server's folder as the address.
    pub fn init(&self) -> crate::process::Outcome {
        let address = format!("balaur={}", self.root(Side::Server).display());
        let root = self.root(Side::Laptop);
        self.laptop().run([
            OsStr::new("init"),
            root.as_os_str(),
            "--peer".as_ref(),
            address.as_ref(),
        ])
    }

    fn bare(binary: &Path) -> Self {
        let folder =
            tempfile::Builder::new().prefix("ubos-").tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))
            .expect("our own folder");
        let base = folder.path().canonicalize().expect("it has just been made");
        for name in ["laptop", "server", "home", "tmp", "bin", "output"] {
            fs::create_dir(base.join(name)).expect("an empty folder");
        }
        let mut path = base.join("bin").into_os_string();
        path.push(":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin");
        Self {
            folder,
            base,
            binary: binary.to_owned(),
            law: RefCell::new(Law::standard()),
            start: RefCell::default(),
            environment: RefCell::default(),
            path,
            user: None,
        }
    }

    /// A world whose binary is a shell script.
    #[cfg(test)]
    pub(crate) fn scripted(script: &str) -> Self {
        let mut world = Self::unpaired("/bin/sh");
        let path = world.base.join("bin/scripted");
        crate::script::write_script(&path, script);
        world.binary = path;
        world
    }

    /// The laptop.
    pub fn laptop(&self) -> Territory<'_> {
        Territory::new(self, Side::Laptop)
    }

    /// The server.
    pub fn server(&self) -> Territory<'_> {
        Territory::new(self, Side::Server)
    }

    /// The territory of `side`.
    pub fn at(&self, side: Side) -> Territory<'_> {
        Territory::new(self, side)
    }

    /// The root of a territory.
    pub fn root(&self, side: Side) -> PathBuf {
        self.base.join(match side {
            Side::Laptop => "laptop",
            Side::Server => "server",
        })
    }

    /// The temporary folder around both, without symlinks in its path.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The binary that is tested.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The user that the binary runs as, where it is not the one who runs the test.
    pub fn user(&self) -> Option<u32> {
        self.user
    }

    /// The manifests as the kit understands them.
    pub fn law(&self) -> Law {
        self.law.borrow().clone()
    }

    /// Writes `law` as the manifests of both sides.
    pub fn decree(&self, law: &Law) {
        for side in Side::BOTH {
            self.decree_on(side, law);
        }
    }

    /// Writes `law` as the manifests of one side; the checks go by it from now on.
    pub fn decree_on(&self, side: Side, law: &Law) {
        for (path, text) in law.texts() {
            self.at(side).write(path, text);
        }
        *self.law.borrow_mut() = law.clone();
    }

    /// Adds a variable to the environment of every later call.
    pub fn set_env(&self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.environment.borrow_mut().push((name.into(), value.into()));
    }

    /// Takes what stands now as the trees that amendments start from.
    pub fn mark(&self) {
        *self.start.borrow_mut() = Side::BOTH.map(|side| Sketch::read(&self.root(side)));
    }

    /// The tree of `side` at the last [`World::mark`].
    pub fn start(&self, side: Side) -> Sketch {
        self.start.borrow()[side.index()].clone()
    }

    /// Asserts that both sides are as at the last mark, each with its lines of amendment.
    ///
    /// # Panics
    /// If a tree is another one.
    pub fn expect(&self, laptop: &str, server: &str) {
        for (side, lines) in [(Side::Laptop, laptop), (Side::Server, server)] {
            let found = Sketch::read(&self.root(side));
            if let Some(lines) = self.start(side).amended(lines).difference(&found) {
                panic!("the tree of {side:?} is another one:\n{lines}");
            }
        }
    }

    /// A command in this world's environment and nothing of the test's own.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = match self.user {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}")).arg(format!("--regid={user}"));
                command.arg("--clear-groups").arg("--").arg(program);
                command
            }
        };
        command.env_clear().env("PATH", &self.path).env("LC_ALL", "C");
        command.env("HOME", self.base.join("home")).env("TMPDIR", self.base.join("tmp"));
        for (name, folder) in [
            ("CONFIG", ".config"),
            ("STATE", ".local/state"),
            ("CACHE", ".cache"),
            ("DATA", ".local/share"),
        ] {
            command.env(format!("XDG_{name}_HOME"), self.base.join("home").join(folder));
        }
        command.env("XDG_RUNTIME_DIR", self.base.join("tmp"));
        command.envs(self.environment.borrow().iter().map(|(name, value)| (name, value)));
        command
    }

    /// Gives everything that the test made to the user that the binary runs as.
    pub fn hand_over(&self) {
        if let Some(user) = self.user {
            for name in ["laptop", "server", "home", "tmp", "bin"] {
                give(&self.base.join(name), user);
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::env::var_os("UBOS_KEEP_WORLDS").is_some() {
            eprintln!("kept: {}", self.base.display());
            self.folder.disable_cleanup(true);
        }
    }
}

/// What both sides hold at the beginning.
fn common_sketch() -> Sketch {
    let mut text = String::from(
        "notes/f = A
        notes/g = old
        notes/D/a = first
        notes/D/b = second
        out/y = plan
        in/x = report
        logs/day.jsonl = {\"n\":1}\\n{\"n\":2}\\n{\"n\":3}\\n
        ",
    );
    for number in 0..60 {
        text.push_str(&format!("notes/others/{number:02}.md = note number {number}\n"));
    }
    for number in 0..6 {
        text.push_str(&format!("out/{number}.txt = going out {number}\n"));
        text.push_str(&format!("in/{number}.txt = coming in {number}\n"));
    }
    Sketch::parse(&text)
}

/// What only one side has, and no manifest selects.
fn own_lines(side: Side) -> &'static str {
    match side {
        Side::Laptop => "priv/diary = of the laptop\nloose.txt = here\nscripts/run.sh * = run",
        Side::Server => "priv/keys = of the server\nloose.txt = there\nagent/run.py * = serve",
    }
}

fn give(path: &Path, user: u32) {
    use std::os::unix::fs::{MetadataExt, lchown};
    let Ok(meta) = fs::symlink_metadata(path) else {
        return;
    };
    if meta.uid() != user {
        lchown(path, Some(user), Some(user)).expect("root may give files away");
    }
    if meta.is_dir() {
        for entry in fs::read_dir(path).expect("root may list it").flatten() {
            give(&entry.path(), user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_begin_with_the_same_selection() {
        let world = World::unpaired("/bin/true");
        let law = Law::standard();
        let [laptop, server] = Side::BOTH
            .map(|side| world.start(side).filtered(|path, _| law.direction(path).is_some()));
        assert_eq!(laptop.difference(&server), None);
        assert!(laptop.iter().count() > 70, "{laptop}");
        assert_ne!(world.start(Side::Laptop), world.start(Side::Server));
    }

    #[test]
    fn a_call_sees_nothing_of_the_environment_of_the_test() {
        let world = World::unpaired("/usr/bin/env");
        world.set_env("PLANTED", "yes");
        let words = world.laptop().run::<[&str; 0], _>([]).words();
        let mut names: Vec<&str> =
            words.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        names.sort_unstable();
        let known = [
            "HOME",
            "LC_ALL",
            "PATH",
            "PLANTED",
            "TMPDIR",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_RUNTIME_DIR",
            "XDG_STATE_HOME",
        ];
        assert_eq!(names, known);
        assert!(words.contains(&format!("HOME={}/home", world.base().display())), "{words}");
    }

    #[test]
    #[should_panic(expected = "the tree of Server is another one")]
    fn a_tree_that_is_not_as_said_is_found() {
        let world = World::unpaired("/bin/true");
        world.server().write("notes/f", "B");
        world.expect("", "");
    }
}
