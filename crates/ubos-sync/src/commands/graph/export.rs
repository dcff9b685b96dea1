//! `ubos-sync graph export`: the graph for other programs, and as a page for people.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use ubos_engine::error::EngineError;
use ubos_tiers::graph::ask::{Answer, Exported, Question};
use ubos_tiers::graph::questions::export::Format;

use super::Asking;
use super::looked::Looked;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::units::bytes;
use crate::ui::Ui;

/// Write the graph for other programs, or as a page for people
///
/// The page holds the beginnings of all notes: whoever gets it can read them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph export > graph.json
  ubos-sync graph export --format graphml --out vault.graphml  for Gephi, yEd
  ubos-sync graph export --format dot | dot -Tsvg > vault.svg  for Graphviz
  ubos-sync graph export --html orrery.html                    one file
  ubos-sync graph export --html orrery.html --soft             with mentions")]
pub(crate) struct ExportArgs {
    /// In which form
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Form,
    /// Write to this file, which must not exist (default: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// One page that shows the graph in a browser, without network; without FILE to standard output
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with_all = ["format", "out"])]
    html: Option<Option<PathBuf>>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Json,
    Graphml,
    Dot,
}

/// Carries it out.
pub(crate) fn run(args: &ExportArgs, asking: &Asking, global: &Global, ui: &Ui) -> Outcome {
    if let Some(file) = &args.html {
        return page(file.as_deref(), asking, global, ui);
    }
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

/// Writes the page.
fn page(file: Option<&Path>, asking: &Asking, global: &Global, ui: &Ui) -> Outcome {
    if file.is_none() && (ui.json() || std::io::stdout().is_terminal()) {
        return Err(Failure::usage(
            "the page is for a browser, not for a terminal",
            "name a file: `ubos-sync graph export --html orrery.html`",
        ));
    }
    let page = Looked::at(asking, global)?.page;
    let Some(file) = file else {
        return ui.content(|out| {
            out.write_all(page.as_bytes())
                .map(|()| 0)
                .map_err(|e| EngineError::io("write", "standard output", e).into())
        });
    };
    place(file, &page)?;
    if ui.json() {
        let shown = file.display().to_string();
        ui.document(&json!({"schema": 1, "file": shown, "bytes": page.len(), "exit": 0}))?;
    } else {
        ui.status(&format!("{}, {}", file.display(), bytes(page.len() as u64)));
    }
    Ok(0)
}

/// Puts the page in place, whole, for its owner's eyes.
pub(super) fn place(file: &Path, page: &str) -> Result<(), EngineError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || -> std::io::Result<()> {
        let mut new = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        new.write_all(page.as_bytes())?;
        new.persist(file).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| EngineError::io("write", file, e))
}
