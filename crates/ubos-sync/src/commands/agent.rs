//! `ubos-sync agent`: the other end of a connection. `ubos-sync rsync-pipe`: rsync's way through it.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::path::Path;

use ubos_engine::agent::serve::serve;
use ubos_engine::error::EngineError;

use super::{BUILD, graph};
use crate::failure::{Failure, Outcome};

/// Serves one connection on standard input and output.
pub(crate) fn run() -> Outcome {
    #[cfg(feature = "failpoints")]
    ubos_engine::failpoint::this_is_an_agent();
    if std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "`agent` is the far end of a connection and not meant for people",
            "`ubos-sync bidirectional` on the other machine starts it over ssh by itself",
        ));
    }
    let pipe = |fd: std::os::fd::BorrowedFd<'_>| {
        fd.try_clone_to_owned().map_err(|e| EngineError::io("open", "standard input and output", e))
    };
    let input = pipe(std::io::stdin().as_fd())?;
    let output = pipe(std::io::stdout().as_fd())?;
    serve(input, output, BUILD, &answer)?;
    Ok(0)
}

/// What the other territory's program may ask of this one.
fn answer(root: &Path, what: &str, body: &[u8]) -> Result<Vec<u8>, EngineError> {
    if what == graph::QUESTION {
        return ubos_tiers::graph::desk::answer(root, body, graph::today());
    }
    Err(EngineError::Config {
        message: format!("{BUILD} cannot be asked for `{what}`"),
        hint: Some("install the same version of ubos-sync on both machines".into()),
    })
}

/// The words that rsync hands to its remote shell: host and command.
#[derive(Debug, clap::Args)]
pub(crate) struct PipeArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Carries rsync's bytes to the waiting run.
pub(crate) fn pipe(args: &PipeArgs) -> Outcome {
    ubos_engine::rsync::pipe::run(&args.words)
        .map_err(|e| EngineError::io("carry bytes for", "rsync", e))?;
    Ok(0)
}
