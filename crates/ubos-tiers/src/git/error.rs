//! `BackupError`: why a part of the backup could not be done, in words for a person.

use std::io;
use std::path::Path;

use ubos_engine::error::EngineError;

/// Why something about the backup failed. None of these ever fails a sync.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// git is not installed, or too old.
    #[error("{message}")]
    NoGit {
        /// What was found.
        message: String,
    },
    /// The folder is not the repository that is needed.
    #[error("{message}")]
    NoRepository {
        /// What was found.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The repository is in the middle of something, which is left alone.
    #[error("{what}; the backup waits until that is finished")]
    Busy {
        /// In the middle of what.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A git command failed.
    #[error("`git {command}` failed: {message}")]
    Git {
        /// The command and its first arguments.
        command: String,
        /// What it said, made one line.
        message: String,
        /// Its exit code, if it ended by itself.
        code: Option<i32>,
    },
    /// What is kept is damaged.
    #[error("{what}: {why}")]
    Damaged {
        /// The object, reference or file.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// Wrong use or configuration.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do instead.
        hint: String,
    },
    /// The remote could not be reached.
    #[error("{message}")]
    Unreachable {
        /// What happened.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Another backup of this territory is being made.
    #[error("another backup of this territory is being made")]
    Locked,
    /// What the engine says.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The result of functions of the backup.
pub type Result<T, E = BackupError> = std::result::Result<T, E>;

impl BackupError {
    /// An I/O failure on `path` while `doing` something to it.
    pub fn io(doing: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        Self::Engine(EngineError::io(doing, path, source))
    }

    /// Something kept that is damaged.
    pub fn damaged(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Damaged { what: what.into(), why: why.to_string() }
    }

    /// The word for it in records and JSON.
    pub fn kind(&self) -> &str {
        match self {
            Self::NoGit { .. } => "no-git",
            Self::NoRepository { .. } => "no-repository",
            Self::Busy { .. } => "busy-repository",
            Self::Git { .. } => "git",
            Self::Damaged { .. } => "damaged",
            Self::Usage { .. } => "usage",
            Self::Unreachable { .. } => "unreachable",
            Self::Locked => "locked",
            Self::Engine(error) => error.kind(),
        }
    }

    /// The exit code of the contract, where a command is about the backup alone.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoGit { .. } | Self::Git { .. } | Self::Damaged { .. } => 1,
            Self::NoRepository { .. } | Self::Usage { .. } => 2,
            Self::Busy { .. } => 3,
            Self::Unreachable { .. } => 5,
            Self::Locked => 6,
            Self::Engine(error) => error.exit_code(),
        }
    }

    /// The next command or step.
    pub fn hint(&self) -> &str {
        match self {
            Self::NoGit { .. } => "install git 2.30 or later",
            Self::NoRepository { hint, .. }
            | Self::Busy { hint, .. }
            | Self::Usage { hint, .. }
            | Self::Unreachable { hint, .. } => hint,
            Self::Git { .. } => "`ubos-sync backup status` shows how the repository stands",
            Self::Damaged { .. } => {
                "`ubos-sync backup maintain` checks the repository; `ubos-sync backup drill` shows what can be rebuilt from the other places"
            }
            Self::Locked => "wait until it is done",
            Self::Engine(error) => error.hint(),
        }
    }
}
