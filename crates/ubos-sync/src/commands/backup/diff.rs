//! `ubos-sync backup diff`: what changed in a file since an earlier moment.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, json};

use ubos_core::path::RelPath;
use ubos_engine::error::EngineError;
use ubos_engine::history::mark::Mark;
use ubos_tiers::git::manifest::What;

use super::moment;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::past::Past;
use crate::render::diff::{self, Shown};
use crate::render::json::put_path;
use crate::ui::Ui;

/// Show what changed in a file since an earlier moment
///
/// The version of the backup against what stands there now.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync backup diff docs/plan.md --at 2d      since two days ago
  ubos-sync backup diff docs/plan.md --at HEAD~5  since that commit")]
pub(crate) struct DiffArgs {
    /// The file
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// A time, a run or a commit (see `ubos-sync backup show --help`; default: the newest snapshot)
    #[arg(long, value_name = "TIME|RUN|COMMIT")]
    at: Option<String>,
}

/// Carries it out.
pub(crate) fn run(args: &DiffArgs, global: &Global, ui: &Ui) -> Outcome {
    let past = Past::open(global)?;
    let path = past.path(&args.path)?;
    let git = moment::repository(&past)?;
    let mut shelf = moment::shelf(&past, &git, args.at.as_deref())?;
    let old = match shelf.entries().get(&path).map(|entry| &entry.what) {
        None => None,
        Some(What::Dir) => return Err(is_folder(&path)),
        Some(_) => Some(shelf.text(&path)?),
    };
    let new = now(&past, &path)?;
    let label = moment::words(&shelf);
    let here = format!("{} now", past.names.here);
    if ui.json() {
        let version = |of: &str, bytes: &Option<Vec<u8>>| {
            let text = bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes));
            json!({"of": of, "size": bytes.as_ref().map(Vec::len), "text": text})
        };
        let mut document = Map::new();
        document.insert("schema".into(), 1.into());
        put_path(&mut document, "path", &path);
        document.insert("versions".into(), json!([version(&label, &old), version(&here, &new)]));
        document.insert("exit".into(), 0.into());
        ui.document(&document.into())?;
        return Ok(0);
    }
    let old = Shown { label: &label, bytes: old.as_deref() };
    let new = Shown { label: &here, bytes: new.as_deref() };
    ui.page(&diff::two(&old, &new, ui.width(), ui))?;
    Ok(0)
}

fn is_folder(path: &RelPath) -> Failure {
    Failure::usage(format!("`{path}` is a folder"), "name a file in it")
}

fn now(past: &Past, path: &RelPath) -> Result<Option<Vec<u8>>, Failure> {
    match past.present(path) {
        Mark::Absent => Ok(None),
        Mark::Folder => Err(is_folder(path)),
        Mark::Link(text) => Ok(Some(text.into_bytes())),
        Mark::File { .. } => {
            let real = past.state.root().path().join(path.to_string());
            let failed = |e| EngineError::io("read", &real, e);
            let (file, _) = past.state.root().open_file(path).map_err(failed)?;
            let mut bytes = Vec::new();
            File::from(file).read_to_end(&mut bytes).map_err(failed)?;
            Ok(Some(bytes))
        }
    }
}
