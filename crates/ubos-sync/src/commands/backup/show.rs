//! `ubos-sync backup show`: a file as it stood at an earlier moment, or what a folder held.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use ubos_core::path::RelPath;
use ubos_tiers::git::manifest::What;
use ubos_tiers::git::shelf::{Shelf, gap_of};

use super::moment;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::past::Past;
use crate::render::command::about;
use crate::render::json::put_path;
use crate::render::units::bytes;
use crate::ui::Ui;
use crate::ui::sanitize::one_line;

/// Write a file as it stood at an earlier moment, or list what a folder held
///
/// The bytes are those of the backup, to standard output. A log comes back as it was then.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync backup show docs/plan.md --at 2d             as of two days ago
  ubos-sync backup show docs/plan.md --at 20261122T1405  as just before that run
  ubos-sync backup show docs/ --at 2026-11-20            what the folder held
  ubos-sync backup show proposals.jsonl --at 7d > then   a log, as it was")]
pub(crate) struct ShowArgs {
    /// The file or folder
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// A time (RFC 3339, a beginning of it, `2h` or `3d` ago), a run, or a commit (default: the newest
    /// snapshot)
    #[arg(long, value_name = "TIME|RUN|COMMIT")]
    at: Option<String>,
}

/// Carries it out.
pub(crate) fn run(args: &ShowArgs, global: &Global, ui: &Ui) -> Outcome {
    let past = Past::open(global)?;
    let path = past.path(&args.path)?;
    let git = moment::repository(&past)?;
    let mut shelf = moment::shelf(&past, &git, args.at.as_deref())?;
    let what = shelf.entries().get(&path).map(|entry| entry.what.clone());
    match what {
        Some(What::File { .. } | What::Symlink { .. }) if !ui.json() => {
            ui.content(|out| Ok(shelf.copy(&path, out)?))?;
            Ok(0)
        }
        _ => list(&shelf, &path, ui),
    }
}

fn list(shelf: &Shelf, path: &RelPath, ui: &Ui) -> Outcome {
    let listed = moment::below(shelf, path);
    if listed.is_empty() {
        return Err(Failure::usage(
            format!("`{path}` did not stand there {}", moment::words(shelf)),
            format!("`{}` lists its versions", about("backup log", path.as_bytes(), "")),
        ));
    }
    if ui.json() {
        let rows: Vec<Value> = listed.iter().map(|at| row(shelf, at)).collect();
        ui.document(&json!({
            "schema": 1, "command": "backup show", "made": shelf.about().made,
            "snapshot": shelf.about().snapshot, "entries": rows, "exit": 0,
        }))?;
        return Ok(0);
    }
    let mut text = format!("{}, {}:\n", one_line(&path.to_string()), moment::words(shelf));
    for at in listed {
        let Some(entry) = shelf.entries().get(at) else { continue };
        let size = match &entry.what {
            What::File { size, .. } => bytes(*size),
            What::Symlink { .. } => "link".to_owned(),
            What::Dir => "folder".to_owned(),
        };
        let gap =
            gap_of(entry).map_or(String::new(), |gap| format!("  (not kept: {})", gap.word()));
        let name = one_line(&at.to_string());
        text.push_str(&format!("  {:>4}  {size:>9}  {name}{gap}\n", entry.mode));
    }
    ui.page(&text)?;
    Ok(0)
}

/// An entry as JSON.
pub(super) fn row(shelf: &Shelf, path: &RelPath) -> Value {
    let mut row = Map::new();
    put_path(&mut row, "path", path);
    if let Some(entry) = shelf.entries().get(path) {
        let entry = serde_json::to_value(entry).unwrap_or_default();
        row.extend(entry.as_object().cloned().unwrap_or_default());
        row.remove("name");
        row.remove("name_b64");
    }
    row.into()
}
