//! What the two ends say to each other. Messages are only ever appended to the enums, never
//! reordered; [`PROTOCOL`] counts their versions.
//!
//! Here are the requests and answers of a run; `greeting` is what comes before them, `matter` what
//! stays open, `outcome` what became of operations, `put_back` the way back.

mod greeting;
mod matter;
mod outcome;
mod put_back;

use serde::{Deserialize, Serialize};

use ubos_core::entry::{Base, Observation};
use ubos_core::path::RelPath;
use ubos_core::selection::Builtin;

use crate::state::audit::Head;
use crate::state::config::Symlinks;
use crate::state::generation::Header;

pub use greeting::{Failure, FailureKind, Hello, Join, Machine, Purpose, Standing, Welcome};
pub use matter::{Guarded, KeptVersion, OpenMatter};
pub use outcome::{Applied, FolderMode, OpOutcome, Outcome, RunEvidence};
pub use put_back::{
    Expected, GIVEN, PutBackHow, PutBackOrder, PutBackReason, PutBackResult, PutBackSource,
    PutBackStep,
};

/// Versions of this protocol that this program speaks: lowest and highest.
pub const PROTOCOL: (u32, u32) = (3, 4);
/// From which version on an agent answers a [`Request::Ask`] after a [`Purpose::Probe`].
pub const ASKS: u32 = 4;
/// Longest question and longest answer, in bytes.
pub const MOST_ASKED: usize = 16 << 20;

/// Requests of the initiator. Lists follow as frames where a comment says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// What became of open runs. → [`Response::Done`], list of [`RunEvidence`], list of prepared
    /// rows ([`PublicRow`]).
    OpenRuns,
    /// Put the prepared generation in force and mark it.
    RollForward,
    /// All rows. → `Done`, list of [`PublicRow`].
    Export,
    /// Take these rows as the baseline. List of [`PublicRow`] follows.
    Import {
        /// The header of the generation.
        header: Header,
    },
    /// Scan. → [`Response::Scanned`], list of [`Change`].
    Scan(ScanOrder),
    /// Which of these paths are absent? List of paths follows. → `Done`, list of paths.
    Absent,
    /// Modification times of these paths. List of paths follows. → `Done`, list of times.
    Times,
    /// Contents of these paths, for showing: regular files of at most 1 MiB. List of
    /// paths follows. → `Done`, list of contents.
    Contents,
    /// What would sending cost, by changed pieces? List of [`SendItem`](crate::agent::content::SendItem) follows. → `Done`, list of
    /// bytes.
    Cost,
    /// Is there an rsync? → `Done`, list of one bool.
    HasRsync,
    /// Put what is to be sent into the outbox. List of [`SendItem`](crate::agent::content::SendItem) follows. → `Done`, list of bool.
    FillOutbox {
        /// The run.
        run: String,
    },
    /// Put the present versions into the inbox. List of [`Want`](crate::agent::content::Want) follows. → `Done`, list of bool.
    FillInbox {
        /// The run.
        run: String,
    },
    /// Run rsync's server half, its bytes in data frames; each end sends an end frame. → `Done`.
    ServeRsync {
        /// The run.
        run: String,
        /// Whether this side sends.
        sender: bool,
        /// The words that the client wants started.
        words: Vec<String>,
    },
    /// Empty the outbox again. List of [`SendItem`](crate::agent::content::SendItem) follows. → `Done`.
    EmptyOutbox {
        /// The run.
        run: String,
    },
    /// Stage what arrived in the inbox. List of [`Collect`](crate::agent::content::Collect) follows. → `Done`, list of
    /// [`StageResult`](crate::agent::content::StageResult).
    CollectInbox {
        /// The run.
        run: String,
    },
    /// Keep the versions of the open conflicts, of which these are the initiator's. List of
    /// [`KeptVersion`] follows. → `Done`, list of hashes: what is still missing of the initiator's.
    KeepVersions,
    /// Which of these folders hold untracked content? List of paths follows. → `Done`, list of
    /// paths.
    Untracked,
    /// Send content. List of [`SendItem`](crate::agent::content::SendItem) follows. → content stream.
    Send,
    /// Make ready to take content. List of [`Want`](crate::agent::content::Want) follows. → `Done`, list of [`Resume`](crate::agent::content::Resume).
    Stage {
        /// The run.
        run: String,
    },
    /// Take the content that [`Request::Stage`] announced: the initiator's content stream follows. →
    /// `Done`, list of [`StageResult`](crate::agent::content::StageResult).
    Receive,
    /// Journal what is about to be done. List of [`Item`](ubos_core::plan::Item) follows.
    Intend {
        /// The run.
        run: String,
        /// Whether a person confirmed exactly this.
        confirmed: bool,
    },
    /// Carry out the journalled operations of this side. List of [`FolderMode`] follows. → `Done`,
    /// list of [`OpOutcome`].
    Apply,
    /// Re-hash the backups that this run made. → `Done`, list of paths written to after all.
    Recheck,
    /// Journal the next generation: the rows of the journalled items that did not fail, then the
    /// list of extra [`PublicRow`]s that follows.
    Prepare(PrepareOrder),
    /// Put it in force.
    Commit,
    /// Write the marker.
    Mark,
    /// Add records to the audit log. List of [`AuditNote`] follows. → [`Response::Noted`]
    Audit,
    /// Replace the open conflicts and held paths. List of [`OpenMatter`] follows.
    KeepOpen,
    /// The run is over: drop what it staged, prune.
    Finish {
        /// The run.
        run: String,
    },
    /// Put former versions back. List of [`PutBackStep`] follows. → `Done`, list of
    /// [`PutBackResult`].
    PutBack(PutBackOrder),
    /// Another run begins. → [`Response::Standing`]
    Begin,
    /// Whoever else has a run to do may now do it.
    Release,
    /// Wait for a change. → [`Response::Woken`], as soon as the tree differs from what the last look
    /// saw, the time is up, or the next request comes.
    Wait {
        /// At most so many milliseconds.
        limit: u64,
    },
    /// Ends a [`Request::Wait`]; has no answer of its own.
    Call,
    /// Check the whole audit log. List of [`Head`]s follows, which the initiator noted of it. →
    /// [`Response::LogChecked`], list of the numbers of those that it does not have so, list of the
    /// heads that it noted of the initiator's log.
    CheckLog {
        /// Only heads that it noted since then, besides the last before.
        since: String,
    },
    /// A question for the program itself; bytes follow. → [`Response::Answered`], bytes.
    Ask {
        /// The pair's id.
        pair: String,
        /// What it is about.
        what: String,
    },
}

impl Request {
    /// The run that the request is part of, where it names one.
    pub fn run(&self) -> Option<&str> {
        match self {
            Request::FillOutbox { run }
            | Request::FillInbox { run }
            | Request::ServeRsync { run, .. }
            | Request::EmptyOutbox { run }
            | Request::CollectInbox { run }
            | Request::Stage { run }
            | Request::Intend { run, .. }
            | Request::Finish { run } => Some(run),
            Request::PutBack(order) => Some(&order.run),
            _ => None,
        }
    }
}

/// Answers of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// Done; a list may follow, see the request.
    Done,
    /// Scan is done.
    Scanned {
        /// Selected files and links seen.
        scanned: u64,
    },
    /// It could not be done.
    Failed(Failure),
    /// How the territory stands.
    Standing(Box<Standing>),
    /// The wait has ended.
    Woken(Wake),
    /// The records are durable; the last of the log now.
    Noted(Head),
    /// The audit log was checked; two lists follow.
    LogChecked {
        /// Records that are sound.
        records: u64,
        /// The first thing that is wrong.
        fault: Option<String>,
        /// The last sound record.
        end: Head,
    },
    /// The answer to a question; bytes follow.
    Answered,
}

/// What a check of a territory's audit log, against what its peer noted of it, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCheck {
    /// Records that are sound.
    pub records: u64,
    /// The first thing that is wrong.
    pub fault: Option<String>,
    /// The last sound record.
    pub end: Head,
    /// Numbers of the given heads that the log does not have so.
    pub wrong: Vec<u64>,
    /// What it noted of the other side's log.
    pub noted: Vec<Head>,
}

/// A row as both sides know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicRow {
    /// Where.
    pub path: RelPath,
    /// What is agreed; [`Base::Absent`] drops the row.
    pub base: Base,
    /// See [`ubos_core::baseline::Row::earlier`]; zero where it does not matter.
    pub earlier: [u64; 3],
}

/// One changed path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where.
    pub path: RelPath,
    /// What stands there.
    pub seen: Observation,
}

/// How to scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanOrder {
    /// The manifests that are the law of this run.
    pub manifests: [Vec<u8>; 3],
    /// Names that are left out besides the exclude manifest.
    pub builtin: Builtin,
    /// What happens to links that leave the root.
    pub symlinks: Symlinks,
    /// Read every file.
    pub verify: bool,
    /// Looking again at what a watch had hints about is enough, where there is a watch.
    pub again: bool,
    /// Scan as if nothing were remembered, under this header. Nothing is written for it.
    pub blank: Option<Header>,
}

/// Why a wait ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// Something differs from what the last look saw; otherwise time is up, or somebody called.
    pub changed: bool,
    /// Why some or all changes are only found by a scan of everything.
    pub blind: Option<String>,
}

/// The next generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareOrder {
    /// Its header.
    pub header: Header,
    /// Indices of items whose rows do not change.
    pub failed: Vec<u32>,
}

/// One record for the audit log; the log adds sequence, time and chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditNote {
    /// The run.
    pub run: String,
    /// The record as a JSON object.
    pub json: String,
}
