//! A snapshot: everything selected as it stands now, as commits on the branch that is checked out.
//!
//! In reading order: [`take`] does it, from where the branches stand (`base`) and what `compare`
//! finds; `content` reads files and `logs` hands large ones on,
//! whose new bytes `news` examines; `done` puts all of it together;
//! `edits` says what becomes of the trees and `line` commits it; `lists` fills the
//! manifest; `index` brings the user's index along. `class` and `name` decide about single
//! paths, `table` is the memory, `message` the words.

mod base;
mod class;
mod compare;
mod content;
mod done;
mod edits;
mod index;
mod line;
mod lists;
mod logs;
mod message;
mod name;
mod news;
mod table;
mod take;

use std::path::Path;

use ubos_core::path::RelPath;
use ubos_engine::inventory::Inventory;
use ubos_engine::state::config::backup::BackupSettings;

use super::gates::Finding;
use super::manifest::Gap;
use super::objects::Oid;

pub use class::Classes;
pub use take::take;

/// Why a snapshot is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A run is about to change something.
    Pre,
    /// A run changed something.
    Post,
    /// A person asked for it.
    Asked,
}

impl Phase {
    /// The word in the trailer.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Pre => "pre",
            Phase::Post => "post",
            Phase::Asked => "asked",
        }
    }
}

/// What a snapshot is to be made of.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The territory's root.
    pub root: &'a Path,
    /// What stands there.
    pub inventory: &'a Inventory,
    /// `[backup]`.
    pub settings: &'a BackupSettings,
    /// Why it is made.
    pub phase: Phase,
    /// The run it belongs to.
    pub run: Option<&'a str>,
    /// Words about the run, for the message.
    pub what: Option<&'a str>,
}

/// What a snapshot came to.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The commits it made, on the branch of snapshots and on that of the other territory's files.
    pub commits: Vec<Oid>,
    /// Where the branch of snapshots stands; `None` if there is nothing to keep yet.
    pub head: Option<Oid>,
    /// Where the branch of logs stands, if there are any.
    pub logs: Option<Oid>,
    /// The manifest's commit.
    pub manifest: Option<Oid>,
    /// How many paths changed.
    pub changed: Changed,
    /// Bytes of content that were handed to git.
    pub bytes: u64,
    /// What is kept nowhere, or not as it stands now, with the reason in words.
    pub gaps: Vec<(RelPath, Gap, String)>,
    /// What the gates found in what was looked at.
    pub findings: Vec<Finding>,
    /// What a person should know, in sentences.
    pub notices: Vec<String>,
}

/// How many paths a snapshot changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed {
    /// That are new.
    pub added: usize,
    /// With another content, mode or kind.
    pub updated: usize,
    /// That are gone.
    pub deleted: usize,
}
