//! What is said before anything else: who the two ends are, what the initiator wants, and why an agent
//! may not serve.

use serde::{Deserialize, Serialize};

use ubos_core::entry::Digest;

use crate::error::EngineError;
use crate::state::config::limits::Intake;
use crate::state::generation::Header;

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
