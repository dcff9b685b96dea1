//! What a person wants to run by itself: a value, from which all files follow.

use std::path::PathBuf;

use super::interval::Interval;

/// What keeps the territory in sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A run at every slot.
    Timer(Interval),
    /// One process that syncs on every change.
    Watch,
}

/// Which service manager takes the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// systemd, the machine's own.
    System,
    /// systemd, the user's.
    User,
    /// launchd, the agent of a user who is logged in.
    Agent,
}

/// Whose files the program works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// The name, or the number of a user who has none.
    pub name: String,
    /// The home folder.
    pub home: PathBuf,
}

/// Everything that the files depend on. All paths are absolute, are UTF-8 and hold no control
/// characters; see [`super::place::plain`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// The territory's root.
    pub root: PathBuf,
    /// The territory's name.
    pub territory: String,
    /// The peer's name.
    pub peer: String,
    /// Whether the peer has to be named, because there are several.
    pub name_peer: bool,
    /// The program.
    pub program: PathBuf,
    /// Who runs it.
    pub user: User,
    /// By whom it is started.
    pub scope: Scope,
    /// Timer or watch.
    pub mode: Mode,
    /// Whether a weekly report is written.
    pub audit: bool,
    /// Further folders that it writes to: those of metrics, and of a peer on this machine.
    pub writes: Vec<PathBuf>,
    /// What the files' names begin with.
    pub base: String,
}

/// One file for the service manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its content.
    pub text: String,
    /// Whether it is this one that is switched on; the others are started by it.
    pub starts: bool,
}
