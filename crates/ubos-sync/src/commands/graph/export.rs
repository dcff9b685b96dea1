//! `graph export`: the graph for other programs, and as a page for people.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use ubos_engine::error::EngineError;

use super::{Looked, VaultArgs};
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
  ubos-sync graph export --html orrery.html   one file for any browser, without network
  ubos-sync graph export --html > orrery.html the same")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    vault: VaultArgs,
    /// One page that shows the graph in a browser; without FILE to standard output
    #[arg(long, value_name = "FILE", num_args = 0..=1, required = true)]
    html: Option<Option<PathBuf>>,
}

/// Writes it.
pub(super) fn run(args: &ExportArgs, global: &Global, ui: &Ui) -> Outcome {
    let file = args.html.as_ref().and_then(Option::as_ref);
    if file.is_none() && (ui.json() || std::io::stdout().is_terminal()) {
        return Err(Failure::usage(
            "the page is for a browser, not for a terminal",
            "name a file: `ubos-sync graph export --html orrery.html`",
        ));
    }
    let page = Looked::at(&args.vault, global)?.page();
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
