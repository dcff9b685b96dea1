//! `ubos-sync graph export`: the graph for other programs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use ubos_engine::error::EngineError;
use ubos_tiers::graph::ask::{Answer, Exported, Question};
use ubos_tiers::graph::questions::export::Format;

use super::Asking;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

/// Write the graph for other programs
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph export > graph.json
  ubos-sync graph export --format graphml --out vault.graphml    for Gephi, yEd, networkx
  ubos-sync graph export --format dot | dot -Tsvg > vault.svg    for Graphviz")]
pub(crate) struct ExportArgs {
    /// In which form
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Form,
    /// Write to this file, which must not exist (default: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Json,
    Graphml,
    Dot,
}

/// Carries it out.
pub(crate) fn run(args: &ExportArgs, asking: &Asking, global: &Global, ui: &Ui) -> Outcome {
    let format = match args.format {
        Form::Json => Format::Json,
        Form::Graphml => Format::Graphml,
        Form::Dot => Format::Dot,
    };
    let answer = asking.ask(Question::Export { format }, global, ui)?;
    let Answer::Export(Exported { text, .. }) = answer else {
        return Err(Failure::Engine(EngineError::config("the answer is none to this question")));
    };
    match &args.out {
        None => ui.content(|out| {
            out.write_all(text.as_bytes())
                .map_err(|e| EngineError::io("write", "standard output", e).into())
        })?,
        Some(file) => {
            let written = OpenOptions::new().write(true).create_new(true).open(file);
            let written = written.and_then(|mut out| out.write_all(text.as_bytes()));
            written.map_err(|e| EngineError::io("write", file, e))?;
        }
    }
    Ok(0)
}
