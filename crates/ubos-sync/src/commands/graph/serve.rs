//! `ubos-sync graph serve`: the questions for agents.

use std::io;

use clap::Args;

use ubos_engine::error::EngineError;
use ubos_tiers::graph::mcp::Server;

use super::{Asking, today};
use crate::cli::Global;
use crate::commands::BUILD;
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

/// Answer agents: a server of the Model Context Protocol
///
/// Every question is a tool, every note a resource. Nothing is changed, and nothing outside the vault
/// is read.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, for an agent's configuration:
  {\"mcpServers\": {\"vault\": {\"command\": \"ubos-sync\",
    \"args\": [\"--root\", \"/srv/janus\", \"graph\", \"serve\", \"--stdio\"]}}}")]
pub(crate) struct ServeArgs {
    /// Speak on standard input and output
    #[arg(long, required = true)]
    stdio: bool,
}

/// Carries it out: until standard input ends.
pub(crate) fn run(args: &ServeArgs, asking: &Asking, global: &Global, ui: &Ui) -> Outcome {
    if !args.stdio || asking.on.is_some() {
        return Err(Failure::usage(
            "agents are answered on standard input and output, about this machine's vault",
            "start it on the machine whose vault is asked, with `--stdio`",
        ));
    }
    let mut server = Server::new(asking.desk(global)?, BUILD, &today);
    ui.content(|out| match server.serve(&mut io::stdin().lock(), out) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::BrokenPipe),
        Err(e) => Err(EngineError::io("talk on", "standard input and output", e).into()),
        Ok(()) => Ok(()),
    })?;
    Ok(0)
}
