//! `ubos-sync manifest check`: what every line of the manifests means, and which line decides.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use ubos_engine::endpoint::bounds::compile;
use ubos_engine::endpoint::standing::read_manifests;
use ubos_engine::error::EngineError;

use crate::cli::Global;
use crate::failure::Outcome;
use crate::territory;
use crate::ui::sanitize::sanitize;
use crate::ui::{Tone, Ui};

/// Explain the manifests
#[derive(Debug, Args)]
pub(crate) struct ManifestArgs {
    #[command(subcommand)]
    command: ManifestCommand,
}

#[derive(Debug, Subcommand)]
enum ManifestCommand {
    /// Explain every rule, or which line decides about a path
    Check(CheckArgs),
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Paths to explain; all rules if left out
    paths: Vec<PathBuf>,
}

/// Carries it out.
pub(crate) fn run(args: &ManifestArgs, global: &Global, ui: &Ui) -> Outcome {
    let ManifestCommand::Check(check) = &args.command;
    let (state, config) = territory::open(global)?;
    let (_, peer) = config.peer(global.peer.as_deref())?;
    let texts = read_manifests(&state, &peer.manifests)?;
    if let Some(missing) = texts.iter().position(Option::is_none) {
        let role = ["to", "from", "exclude"][missing];
        return Err(EngineError::Config {
            message: format!("the {role} manifest for {} is missing in `config/`", peer.manifests),
            hint: Some("an empty file is allowed; `ubos-sync init` writes the standard ones where none exist".into()),
        }
        .into());
    }
    let selection =
        compile(&peer.manifests, &texts.map(Option::unwrap_or_default), &config.builtin())?;
    let mut rows = Vec::new();
    let mut text = String::new();
    for given in &check.paths {
        let path = territory::path(&state, given)?;
        let is_dir = state.root().open_dir(path.as_bytes()).is_ok()
            || given.to_string_lossy().ends_with('/');
        let explained = selection.explain(&path, is_dir);
        let direction = explained.verdict.direction().map(|direction| direction.word());
        rows.push(json!({
            "path": path.to_string(), "direction": direction, "file": explained.file,
            "line": explained.line, "pattern": explained.pattern, "sentence": explained.sentence,
        }));
        let place = match (&explained.file, explained.line, &explained.pattern) {
            (Some(file), Some(line), Some(pattern)) => {
                format!("\n    {file}, line {line}: {pattern}")
            }
            _ => String::new(),
        };
        let word = direction.unwrap_or("not synced");
        text.push_str(&format!("{path}: {word}\n    {}{place}\n", explained.sentence));
    }
    if check.paths.is_empty() {
        let mut file = "";
        for entry in selection.entries() {
            if entry.file != file {
                file = &entry.file;
                text.push_str(&format!("{file}\n"));
            }
            let line = entry.line.map_or(String::new(), |line| format!("{line:>4}  "));
            text.push_str(&format!("  {line}{:<28} {}\n", entry.text, entry.sentence));
            rows.push(json!({
                "file": entry.file, "line": entry.line, "pattern": entry.text,
                "direction": entry.direction().map(|d| d.word()), "sentence": entry.sentence,
            }));
        }
    }
    if ui.json() {
        ui.document(&json!({"schema": 1, "rules": rows, "exit": 0}))?;
    } else {
        text = sanitize(&text);
        text.push_str(&ui.tone(Tone::Good, "The manifests are sound.\n"));
        ui.answer(&text)?;
    }
    Ok(0)
}
