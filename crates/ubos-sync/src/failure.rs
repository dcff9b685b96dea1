//! Failure meets the user here, and only here: one sentence, one hint, one exit code.

use std::io::Write as _;

use serde_json::json;

use ubos_engine::error::EngineError;
use ubos_tiers::git::error::BackupError;

use crate::schedule::trouble::Trouble;
use crate::ui::Ui;

/// Why a command ended without its work done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine says so.
    Engine(EngineError),
    /// The backup in git says so.
    Backup(BackupError),
    /// The command line asks for something that makes no sense.
    Usage {
        /// What is wrong.
        message: String,
        /// What to do instead.
        hint: String,
    },
    /// The system's service manager refused something.
    Service(Trouble),
    /// Standard output went away: whoever read it has seen enough.
    BrokenPipe,
}

/// The result of a command: its exit code.
pub(crate) type Outcome = Result<u8, Failure>;

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::Engine(error)
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Failure::Backup(error)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Failure::Service(trouble)
    }
}

/// Ends the program over a command line that is not understood, or after the help that it asked for.
/// With `--json` there is a document, as after any other failure.
pub(crate) fn misused(error: &clap::Error) -> ! {
    let mut words = std::env::args_os().skip(1).take_while(|word| word != "--");
    if error.use_stderr() && words.any(|word| word == "--json") {
        let told = error.render().to_string();
        let reason: Vec<&str> =
            told.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
        let reason = reason.join(" ");
        let message = reason.strip_prefix("error: ").unwrap_or(&reason);
        let hint = "`ubos-sync --help` shows the commands and their options";
        let error = json!({"kind": "usage", "message": message, "hint": hint});
        let document = json!({"schema": 1, "exit": 2, "error": error});
        // Nothing is left to be told where even this cannot be written.
        let _ = writeln!(std::io::stdout(), "{document:#}");
    }
    error.exit()
}

impl Failure {
    /// A usage error with a hint.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::Usage { message: message.into(), hint: hint.into() }
    }

    /// The same as an error of the engine, if it is one that a report can carry.
    pub(crate) fn into_engine_error(self) -> Option<EngineError> {
        match self {
            Failure::Engine(error) => Some(error),
            Failure::Usage { message, hint } => {
                Some(EngineError::Config { message, hint: Some(hint) })
            }
            // No run asks a service manager, and none fails with the backup.
            Failure::Service(_) | Failure::Backup(_) | Failure::BrokenPipe => None,
        }
    }

    /// Tells the user and returns the exit code.
    pub(crate) fn report(&self, ui: &Ui) -> u8 {
        let (kind, message, hint, code) = match self {
            Failure::BrokenPipe => return 0,
            Failure::Usage { message, hint } => ("usage", message.clone(), hint.as_str(), 2),
            Failure::Service(trouble) => {
                (trouble.kind, trouble.message.clone(), trouble.hint.as_str(), 1)
            }
            Failure::Engine(error) => {
                (error.kind(), error.to_string(), error.hint(), error.exit_code())
            }
            Failure::Backup(error) => {
                (error.kind(), error.to_string(), error.hint(), error.exit_code())
            }
        };
        if ui.json() {
            let error = json!({"kind": kind, "message": message, "hint": hint});
            // Nothing is left to be told where even this cannot be written.
            let _ = ui.document(&json!({"schema": 1, "exit": code, "error": error}));
        }
        ui.error(&message, Some(hint));
        code
    }
}
