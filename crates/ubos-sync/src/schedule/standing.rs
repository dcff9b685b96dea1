//! What is installed and how it goes: a value, told by `render::schedule`.

use std::path::PathBuf;

use super::files::Change;
use super::mark::Mark;
use super::order::Scope;
use super::service::State;
use super::trouble::Trouble;

/// What is installed under one name, and how it goes.
pub(crate) struct Standing {
    /// By whom it is started.
    pub scope: Scope,
    /// What the files' names begin with.
    pub base: String,
    /// How it was ordered.
    pub mark: Mark,
    /// Each file with what an installation now would do to it; unknown where the territory cannot
    /// be read.
    pub files: Vec<(PathBuf, Option<Change>)>,
    /// Whether the program is still there.
    pub program_there: bool,
    /// What the manager says of the syncs.
    pub state: Result<State, Trouble>,
    /// What it says of the weekly report, where one is written and the manager answers.
    pub report: Option<State>,
}
