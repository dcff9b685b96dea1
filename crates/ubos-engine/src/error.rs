//! `EngineError`: what was being done, to what, why it failed, and which exit it deserves.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// Everything that ends a run early. Trouble with single paths is not here: it is part of the
/// report.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An operation on a file of this territory failed.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// What was being done, as a verb ("read", "write", "lock").
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// State, log or configuration of a territory is damaged or not understood.
    #[error("{what}: {why}")]
    Damaged {
        /// The file or record.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// Wrong configuration or manifests, or two versions that cannot talk to each other.
    #[error("{message}")]
    Config {
        /// What is wrong.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// A guard stopped the run before anything was changed.
    #[error("{message}")]
    Guard {
        /// The guard's word.
        guard: Cow<'static, str>,
        /// What it saw.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// The peer could not be reached, or the connection broke.
    #[error("{message}")]
    Unreachable {
        /// What happened.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// Another run holds a territory of this pair.
    #[error("another run holds {what}")]
    Locked {
        /// Which territory.
        what: String,
    },
    /// The peer reported a failure of its own.
    #[error("{peer}: {message}")]
    Peer {
        /// The peer's name.
        peer: String,
        /// Its message.
        message: String,
    },
}

/// The result of engine functions.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

impl EngineError {
    /// An I/O failure on `path` while `doing` something to it.
    pub fn io(doing: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        EngineError::Io { doing, path: path.as_ref().to_owned(), source: source.into() }
    }

    /// A configuration error without a hint.
    pub fn config(message: impl Into<String>) -> Self {
        EngineError::Config { message: message.into(), hint: None }
    }

    /// A guard that stopped the run before anything was changed.
    pub fn guard(guard: &'static str, message: impl Into<String>, hint: &str) -> Self {
        let hint = Some(hint.to_owned());
        EngineError::Guard { guard: Cow::Borrowed(guard), message: message.into(), hint }
    }

    /// A broken connection without a hint.
    pub fn unreachable(message: impl Into<String>) -> Self {
        EngineError::Unreachable { message: message.into(), hint: None }
    }

    /// The word for `error.kind` in reports.
    pub fn kind(&self) -> &str {
        match self {
            EngineError::Io { .. } => "io",
            EngineError::Damaged { .. } => "damaged",
            EngineError::Config { .. } => "config",
            EngineError::Guard { guard, .. } => guard,
            EngineError::Unreachable { .. } => "unreachable",
            EngineError::Locked { .. } => "locked",
            EngineError::Peer { .. } => "peer",
        }
    }

    /// The exit code of the contract.
    pub fn exit_code(&self) -> u8 {
        match self {
            EngineError::Io { .. } | EngineError::Damaged { .. } | EngineError::Peer { .. } => 1,
            EngineError::Config { .. } => 2,
            EngineError::Guard { .. } => 4,
            EngineError::Unreachable { .. } => 5,
            EngineError::Locked { .. } => 6,
        }
    }

    /// The next command or step.
    pub fn hint(&self) -> &str {
        let given = match self {
            EngineError::Config { hint, .. }
            | EngineError::Guard { hint, .. }
            | EngineError::Unreachable { hint, .. } => hint.as_deref(),
            _ => None,
        };
        given.unwrap_or(match self {
            EngineError::Locked { .. } => "wait until it is done; a run that died holds nothing",
            EngineError::Unreachable { .. } => "the next run carries on",
            EngineError::Config { .. } => "`ubos-sync --help` shows the commands and their options",
            _ => "what was done so far is on record; `ubos-sync doctor` looks for the cause",
        })
    }
}
