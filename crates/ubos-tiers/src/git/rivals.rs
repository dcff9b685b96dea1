//! Two versions of a path, in two places: which of them is the later one, or whether both are sides of
//! an open conflict, of which neither replaces the other. Whoever holds copies against one another
//! (the drill, the coverage, the mirror) asks here, and decides only what follows from the answer.

use std::collections::BTreeMap;

use ubos_core::entry::{Digest, Entry, Kind};
use ubos_core::path::RelPath;
use ubos_engine::agent::message::OpenMatter;
use ubos_engine::state::{StateDir, matters};

use super::error::Result;
use super::form::Form;

/// How one version of a path relates to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The same content.
    Alike,
    /// It was written after the other one.
    Later,
    /// It was written before the other one.
    Earlier,
    /// Both are sides of an open conflict; `later`: it has the later time.
    Rivals {
        /// Whether it has the later time.
        later: bool,
    },
    /// The bytes differ and the times do not, and no conflict explains it: nobody wrote it.
    Unexplained,
}

/// What the open conflicts of a territory say of the versions of both sides, by path.
#[derive(Debug, Clone, Default)]
pub struct Rivals(BTreeMap<RelPath, Vec<(Kind, Digest)>>);

impl Rivals {
    /// What is on record for the pair `pair`.
    ///
    /// # Errors
    /// What reading says.
    pub fn load(state: &StateDir, pair: &str) -> Result<Self> {
        Ok(Self::of(&matters::load(state, pair)?))
    }

    /// The conflicts of `open`, with the paths below those of folders.
    pub fn of(open: &[OpenMatter]) -> Self {
        let mut rivals = BTreeMap::new();
        for matter in open {
            let OpenMatter::Conflict(conflict) = matter else { continue };
            for child in &conflict.children {
                rivals.insert(child.clone(), Vec::new());
            }
            let sides = [&conflict.sides.here, &conflict.sides.there].into_iter().flatten();
            let known = sides.filter_map(|seen| content(&seen.entry)).collect();
            rivals.insert(conflict.path.clone(), known);
        }
        Self(rivals)
    }

    /// Whether the two sides disagree about `path`.
    pub fn is_open(&self, path: &RelPath) -> bool {
        self.0.contains_key(path)
    }

    /// How `one` version of `path` relates to the `other`.
    pub fn relate(&self, path: &RelPath, one: &Form, other: &Form) -> Relation {
        if one.same_content(other) {
            return Relation::Alike;
        }
        let sides = self.0.get(path);
        // In one moment both may well have been written; but only what the sync saw there explains it.
        let explained =
            |form: &Form| sides.is_some_and(|sides| sides.contains(&(form.kind, form.digest)));
        match one.mtime.cmp(&other.mtime) {
            std::cmp::Ordering::Equal if one.kind != other.kind => Relation::Later,
            std::cmp::Ordering::Equal if explained(one) || explained(other) => {
                Relation::Rivals { later: false }
            }
            std::cmp::Ordering::Equal => Relation::Unexplained,
            order if sides.is_some() => Relation::Rivals { later: order.is_gt() },
            std::cmp::Ordering::Greater => Relation::Later,
            std::cmp::Ordering::Less => Relation::Earlier,
        }
    }
}

/// What can be told apart by its content.
fn content(entry: &Entry) -> Option<(Kind, Digest)> {
    match entry {
        Entry::File { digest, .. } => Some((Kind::File, *digest)),
        Entry::Symlink { target } => Some((Kind::Symlink, Digest::of(target))),
        Entry::Dir => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
