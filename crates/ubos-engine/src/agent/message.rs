//! What the two ends say to each other. Messages are only ever appended to the enums, never
//! reordered; [`PROTOCOL`] counts their versions.

use serde::{Deserialize, Serialize};

use ubos_core::conflict::{Conflict, Held};
use ubos_core::entry::{Base, Digest, Observation};
use ubos_core::path::RelPath;
use ubos_core::plan::{Guard, Item};
use ubos_core::selection::Builtin;
use ubos_core::sides::{Side, Sides};

use super::content::Slot;
use crate::error::EngineError;
use crate::history::mark::Mark;
use crate::state::audit::Head;
use crate::state::config::Symlinks;
use crate::state::config::limits::Intake;
use crate::state::generation::Header;

/// Versions of this protocol that this program speaks: lowest and highest.
pub const PROTOCOL: (u32, u32) = (3, 4);
/// From which version on an agent answers a [`Request::Ask`] after a [`Purpose::Probe`].
pub const ASKS: u32 = 4;
/// Longest question and longest answer, in bytes.
pub const MOST_ASKED: usize = 16 << 20;

/// First words of the initiator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Lowest and highest protocol version it speaks.
    pub protocol: (u32, u32),
    /// Its build, for messages.
    pub build: String,
    /// The root on the agent's machine, as bytes.
    pub root: Vec<u8>,
    /// What it wants.
    pub purpose: Purpose,
}

/// What an initiator wants of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A run of this pair.
    Run {
        /// The pair's id.
        pair: String,
        /// The initiator's replica id.
        replica: String,
        /// More runs will follow on this connection: the tree is watched between them.
        stays: bool,
    },
    /// Makes the root a territory of a new or known pair.
    Join(Join),
    /// What the machine is and can do; questions may follow.
    Probe,
}

/// What a root must know to become a territory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The pair's id.
    pub pair: String,
    /// Name that the territory takes if it has none.
    pub name: String,
    /// The initiator's name.
    pub peer_name: String,
    /// The initiator's replica id.
    pub peer_replica: String,
    /// How this side reaches the initiator, if it can.
    pub peer_address: Option<String>,
    /// The `<peer>` of the manifests' names.
    pub manifests: String,
    /// Whether the manifests are written from this side's point of view.
    pub owner: bool,
    /// Whether the initiator was no territory before: it may then take the place of one of its
    /// name (a machine that was replaced).
    pub fresh: bool,
}

/// The agent's answer to [`Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Welcome {
    /// It speaks this protocol version and is ready.
    Ready {
        /// The version both speak.
        protocol: u32,
        /// Its build.
        build: String,
        /// Its machine.
        machine: Machine,
        /// How its territory stands; `None` for [`Purpose::Probe`].
        standing: Option<Box<Standing>>,
    },
    /// It cannot serve.
    Refused(Failure),
}

/// What a machine is and can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// `linux` or `macos`.
    pub system: String,
    /// Architecture.
    pub architecture: String,
    /// Its clock, nanoseconds since 1970.
    pub clock: i64,
    /// First line of `rsync --version`, if there is an rsync.
    pub rsync: Option<String>,
}

/// How one territory stands with a pair before a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The territory's name.
    pub name: String,
    /// Its replica id; `None` if the marker is missing.
    pub replica: Option<String>,
    /// Whether it is still on the machine where it was made (true where unknown).
    pub same_host: bool,
    /// Generation and chain of the marker.
    pub marker: Option<(u64, Digest)>,
    /// Whether the marker step of the committed generation was finished.
    pub marked: bool,
    /// The committed baseline; `None` if the state is lost.
    pub header: Option<Header>,
    /// Why the state is lost, where that is known.
    pub damage: Option<String>,
    /// A generation that was prepared but not committed.
    pub prepared: Option<Header>,
    /// Whether intents are open.
    pub open_runs: bool,
    /// The texts of the to, from and exclude manifests.
    pub manifests: [Option<Vec<u8>>; 3],
    /// What names the root's file system takes.
    pub folds_case: bool,
    /// Time of the last finished run, if one is on record.
    pub last_run: Option<(i64, u32)>,
    /// How much it takes in.
    pub limits: Intake,
}

/// Why something could not be done, as it crosses the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error's kind.
    pub kind: FailureKind,
    /// Of a guard, its word.
    pub guard: String,
    /// A sentence.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
}

impl Failure {
    /// An error of this side, for the wire.
    pub fn of(error: &EngineError) -> Self {
        let (kind, guard) = match error {
            EngineError::Config { .. } => (FailureKind::Config, String::new()),
            EngineError::Guard { guard, .. } => (FailureKind::Guard, guard.to_string()),
            EngineError::Locked { .. } => (FailureKind::Locked, String::new()),
            _ => (FailureKind::Failed, String::new()),
        };
        let message = match error {
            EngineError::Locked { what } => what.clone(),
            other => other.to_string(),
        };
        Self { kind, guard, message, hint: Some(error.hint().to_owned()) }
    }

    /// The error that `peer` reported.
    pub fn into_error(self, peer: &str) -> EngineError {
        let Failure { kind, guard, message, hint } = self;
        match kind {
            FailureKind::Failed => EngineError::Peer { peer: peer.to_owned(), message },
            FailureKind::Config => {
                EngineError::Config { message: format!("{peer}: {message}"), hint }
            }
            FailureKind::Guard => EngineError::Guard {
                guard: guard.into(),
                message: format!("{peer}: {message}"),
                hint,
            },
            FailureKind::Locked => EngineError::Locked { what: message },
        }
    }
}

/// The kinds of [`Failure`], each with an exit code of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// 1
    Failed,
    /// 2
    Config,
    /// 4
    Guard,
    /// 6
    Locked,
}

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
    /// What would sending cost, by changed pieces? List of [`SendItem`](super::content::SendItem) follows. → `Done`, list of
    /// bytes.
    Cost,
    /// Is there an rsync? → `Done`, list of one bool.
    HasRsync,
    /// Put what is to be sent into the outbox. List of [`SendItem`](super::content::SendItem) follows. → `Done`, list of bool.
    FillOutbox {
        /// The run.
        run: String,
    },
    /// Put the present versions into the inbox. List of [`Want`](super::content::Want) follows. → `Done`, list of bool.
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
    /// Empty the outbox again. List of [`SendItem`](super::content::SendItem) follows. → `Done`.
    EmptyOutbox {
        /// The run.
        run: String,
    },
    /// Stage what arrived in the inbox. List of [`Collect`](super::content::Collect) follows. → `Done`, list of
    /// [`StageResult`](super::content::StageResult).
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
    /// Send content. List of [`SendItem`](super::content::SendItem) follows. → content stream.
    Send,
    /// Make ready to take content. List of [`Want`](super::content::Want) follows. → `Done`, list of [`Resume`](super::content::Resume).
    Stage {
        /// The run.
        run: String,
    },
    /// Take the content that [`Request::Stage`] announced: the initiator's content stream follows. →
    /// `Done`, list of [`StageResult`](super::content::StageResult).
    Receive,
    /// Journal what is about to be done. List of [`Item`] follows.
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

/// What became of the operations of a run that was cut off, on the side that carried them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEvidence {
    /// The run.
    pub run: String,
    /// Its items, if this side journalled them.
    pub items: Vec<Item>,
    /// Per operation of this side: what the disk shows.
    pub found: Vec<(Slot, Applied)>,
    /// Whether this side staged for the run but never began to carry it out. Kept outside the
    /// journal, so that it also tells when the journal was lost.
    pub unbegun: bool,
}

/// What the disk shows of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    /// It was carried out.
    Yes,
    /// It was not.
    No,
    /// It cannot be told.
    Unknown,
}

/// Permission bits of the source of a folder that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderMode {
    /// For which operation.
    pub slot: Slot,
    /// The bits.
    pub mode: u32,
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpOutcome {
    /// Which.
    pub slot: Slot,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Carried out.
    Done,
    /// Not carried out, nothing changed; the reason. The next run tries again.
    Skipped(String),
    /// Not carried out: untracked content is in the way.
    Untracked,
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

/// A version of an open conflict, for showing and merging it without the peer. Who keeps it knows
/// from its own open matters, and by the hash, to what it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptVersion {
    /// The content.
    pub content: Vec<u8>,
}

/// An open conflict or held path, as both sides keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpenMatter {
    /// A conflict.
    Conflict(Box<Conflict>),
    /// A held path.
    Held(Held),
    /// A mark that a person chose to leave as it is.
    Left(RelPath, Digest),
    /// Something that a guard holds.
    Guarded(Box<Guarded>),
}

/// A change that a guard holds until a person confirms the plan it is part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// Where.
    pub path: RelPath,
    /// The side that would be changed.
    pub on: Side,
    /// What would be done, in the word of reports.
    pub op: String,
    /// The guard.
    pub guard: Guard,
    /// The plan that carries out all that is held, as each side would confirm it.
    pub plans: Sides<String>,
    /// The item of that plan, as each side names it.
    pub digests: Sides<Digest>,
}

/// One thing to be put back on the side that is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBackStep {
    /// Where it is to stand.
    pub path: RelPath,
    /// Where it is now.
    pub source: PutBackSource,
    /// What it is, where that is on record; [`Mark::Absent`] otherwise. Something else is never put back.
    pub content: Mark,
    /// What must stand at the path now.
    pub expects: Expected,
}

/// Where something that is to be put back is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutBackSource {
    /// A file or link in the backups.
    Backup {
        /// The run whose backups they are.
        run: String,
        /// The path there.
        stored: RelPath,
    },
    /// Nowhere: a folder is made, with the mode that it has in the backups of the run.
    Folder {
        /// The run, if one is known.
        run: Option<String>,
    },
    /// At another path of the tree, from which it is moved.
    MoveBack {
        /// The path.
        from: RelPath,
    },
    /// Among the agreed texts: the one with the hash of the step's content.
    Text,
}

/// What must stand at a path for something to be put there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// Whatever it is; it goes to the backups.
    Anything,
    /// This, the executable bit aside.
    Holds(Mark),
}

/// What becomes of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutBackResult {
    /// It was put back (or would be, in a dry run).
    Done {
        /// How.
        how: PutBackHow,
        /// Bytes of content.
        bytes: u64,
    },
    /// It stands there already.
    Stands,
    /// It was left alone; the reason.
    Skipped(String),
}

/// How something was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutBackHow {
    /// Where nothing stood.
    Create,
    /// In the place of something, which is now in the backups.
    Update,
    /// A folder was made.
    Mkdir,
    /// It was moved.
    Rename,
}

impl PutBackHow {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            PutBackHow::Create => "create",
            PutBackHow::Update => "update",
            PutBackHow::Mkdir => "mkdir",
            PutBackHow::Rename => "rename",
        }
    }
}

/// Why things are put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutBackReason {
    /// A person asked for a version of a path.
    Restored,
    /// A person undid a run.
    Undone,
}

impl PutBackReason {
    /// The word in reports and the log.
    pub fn word(self) -> &'static str {
        match self {
            PutBackReason::Restored => "restored",
            PutBackReason::Undone => "undone",
        }
    }
}

/// How things are to be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBackOrder {
    /// The run that does it.
    pub run: String,
    /// What takes part in it.
    pub scan: ScanOrder,
    /// Why.
    pub reason: PutBackReason,
    /// Only say what would become of each step.
    pub dry_run: bool,
}
