//! `graph open`: the page, in the browser.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::json;

use ubos_engine::error::EngineError;

use super::looked::Looked;
use super::{Asking, export};
use crate::cli::Global;
use crate::failure::Outcome;
use crate::ui::Ui;

/// Look at the graph in the browser
///
/// The page is written where only you can read it and opened by the system. Where there is no screen
/// it says where the page is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph open                        the territory's vault
  ubos-sync graph open --soft                 with mentions, dotted
  ubos-sync graph open --vault ~/Notes        any folder with notes")]
pub(super) struct OpenArgs {}

/// Opens it.
pub(super) fn run(_: &OpenArgs, asking: &Asking, global: &Global, ui: &Ui) -> Outcome {
    let looked = Looked::at(asking, global)?;
    let file = file(looked.folder.as_deref())?;
    export::place(&file, &looked.page)?;
    let opened = has_screen() && open(&file);
    if ui.json() {
        let shown = file.display().to_string();
        ui.document(&json!({"schema": 1, "file": shown, "opened": opened, "exit": 0}))?;
    } else if opened {
        ui.status(&format!("Opened {}", file.display()));
    } else {
        ui.status("No browser could be opened from here. The page, for a browser anywhere:");
        ui.answer(&format!("{}\n", file.display()))?;
    }
    Ok(0)
}

/// Where the page goes: beside the territory's index, which is private, or else a new private folder.
fn file(folder: Option<&Path>) -> Result<PathBuf, EngineError> {
    const NAME: &str = "orrery.html";
    if let Some(folder) = folder {
        return Ok(folder.join(NAME));
    }
    let private = std::fs::Permissions::from_mode(0o700);
    let made = tempfile::Builder::new().prefix("ubos-orrery-").permissions(private).tempdir();
    let made = made.map_err(|e| EngineError::io("create", std::env::temp_dir(), e))?;
    // The browser reads it after this program has ended.
    Ok(made.keep().join(NAME))
}

fn has_screen() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "macos") {
        return !set("SSH_CONNECTION");
    }
    set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// Has the system open the page; whether that worked.
fn open(file: &Path) -> bool {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
