//! What is known of each place, as values: what stands in its tree, what its repository names, or why
//! nothing is known of it.

use std::collections::{BTreeMap, BTreeSet};

use ubos_core::path::RelPath;

use super::super::form::Form;
use super::super::manifest::Gap;

/// What is known of a place.
#[derive(Debug, Clone, Default)]
pub enum Known {
    /// It was looked at.
    Looked(Box<Facts>),
    /// It could not be reached: nothing there counts as a copy.
    Unknown {
        /// When it was last reached, RFC 3339, if that is on record.
        since: Option<String>,
        /// Why not.
        why: String,
    },
    /// There is no such place.
    #[default]
    Unset,
}

/// What a place holds.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What stands in its tree; `None` for a place without one.
    pub tree: Option<BTreeMap<RelPath, Form>>,
    /// What could not be looked at in the tree, each with all below it.
    pub troubled: BTreeSet<RelPath>,
    /// What its repository holds; `None` if there is none.
    pub repository: Option<Shelved>,
    /// What lies beside the selection.
    pub beside: Beside,
}

/// What a repository holds, as its newest manifest says.
#[derive(Debug, Clone, Default)]
pub struct Shelved {
    /// The commit of the manifest.
    pub manifest: String,
    /// When that was made, RFC 3339.
    pub made: String,
    /// How many snapshots can be reached.
    pub snapshots: u64,
    /// When the first of them was made, RFC 3339.
    pub since: Option<String>,
    /// Every path.
    pub paths: BTreeMap<RelPath, Held>,
}

/// What a repository has of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// What stood there.
    pub form: Form,
    /// Why its content is not there, if it is not.
    pub gap: Option<Gap>,
}

/// What lies in a territory's top folder and is not shared: it has one copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Names, at most [`Beside::MOST`].
    pub names: Vec<String>,
    /// How many more there are.
    pub more: u64,
}

impl Beside {
    /// So many names are shown.
    pub const MOST: usize = 20;
}

impl Known {
    /// What it holds, where that is known.
    pub fn facts(&self) -> Option<&Facts> {
        match self {
            Known::Looked(facts) => Some(facts),
            _ => None,
        }
    }
}

impl Facts {
    /// What stands at `path` in its tree.
    pub fn standing(&self, path: &RelPath) -> Option<&Form> {
        self.tree.as_ref()?.get(path)
    }

    /// What its repository has of `path`.
    pub fn shelved(&self, path: &RelPath) -> Option<&Held> {
        self.repository.as_ref()?.paths.get(path)
    }

    /// Whether this very content is there.
    pub fn holds(&self, path: &RelPath, form: &Form) -> bool {
        self.standing(path).is_some_and(|standing| standing.same_content(form))
            || self
                .shelved(path)
                .is_some_and(|held| held.gap.is_none() && held.form.same_content(form))
    }

    /// Whether `path`, or a folder above it, could not be looked at.
    pub fn is_troubled(&self, path: &RelPath) -> bool {
        self.troubled.iter().any(|above| path == above || path.is_below(above))
    }
}
