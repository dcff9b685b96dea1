//! `ubos-sync backup log`: the versions of a path that the backup keeps.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use ubos_engine::clock;
use ubos_tiers::git::manifest::What;
use ubos_tiers::git::shelf::gap_of;
use ubos_tiers::git::travel::versions::{Version, versions};

use super::moment;
use crate::cli::Global;
use crate::failure::Outcome;
use crate::past::Past;
use crate::render::command::about;
use crate::render::units::bytes;
use crate::ui::Ui;
use crate::ui::sanitize::one_line;

/// List the versions of a path that the backup keeps
///
/// Newest first, with the time of the snapshot, size, the beginning of the hash, and the run that the
/// snapshot belongs to. Any of the times and runs can stand behind `--at`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync backup log docs/plan.md
  ubos-sync backup log docs/plan.md -n 3   the newest three")]
pub(crate) struct LogArgs {
    /// The file, link or folder
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 30)]
    most: usize,
}

/// Carries it out.
pub(crate) fn run(args: &LogArgs, global: &Global, ui: &Ui) -> Outcome {
    let past = Past::open(global)?;
    let path = past.path(&args.path)?;
    let git = moment::repository(&past)?;
    let found = versions(&git, &path, args.most)?;
    if ui.json() {
        let rows: Vec<Value> = found.iter().map(row).collect();
        ui.document(&json!({
            "schema": 1, "command": "backup log", "path": path.to_string(), "versions": rows,
            "exit": 0,
        }))?;
        return Ok(0);
    }
    let name = one_line(&path.to_string());
    if found.is_empty() {
        ui.answer(&format!("{name}: no version is in the backup.\n"))?;
        return Ok(0);
    }
    let mut text = format!("{name}:\n");
    for version in &found {
        let run = version.run.as_ref().map_or(String::new(), |run| format!("  run {run}"));
        let line = format!("  {}  {}{run}", clock::local(&version.made), words(version));
        text.push_str(&format!("{}\n", one_line(&line)));
    }
    let example = about("backup show", path.as_bytes(), "--at TIME");
    text.push_str(&format!("One of them: {example}\n"));
    ui.page(&text)?;
    Ok(0)
}

fn words(version: &Version) -> String {
    let Some(entry) = &version.entry else { return "deleted".to_owned() };
    let what = match &entry.what {
        What::File { size, blake3, .. } => {
            let short: String = blake3.chars().take(8).collect();
            format!("{:>9}  {short}", bytes(*size))
        }
        What::Symlink { .. } => "link".to_owned(),
        What::Dir => "folder".to_owned(),
    };
    let gap = gap_of(entry).map_or(String::new(), |gap| format!("  not kept ({})", gap.word()));
    format!("{what}{gap}")
}

fn row(version: &Version) -> Value {
    json!({
        "made": version.made, "run": version.run, "manifest": version.manifest,
        "entry": version.entry,
    })
}
