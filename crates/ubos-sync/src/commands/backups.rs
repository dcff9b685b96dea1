//! `ubos-sync backups`: what is kept, what may go, and whether it is whole.

mod assemble;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rustix::fs::FileType;
use serde_json::{Map, Value, json};

use ubos_engine::backups::{self, Weight, retention};
use ubos_engine::clock;
use ubos_engine::error::EngineError;
use ubos_engine::fs::Stamp;
use ubos_engine::health::book;
use ubos_engine::history::verify::{Checked, verify};
use ubos_engine::state::audit::Audit;
use ubos_engine::state::config::BackupPolicy;
use ubos_engine::state::lock::Lock;

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::past::Past;
use crate::render::json::put_path;
use crate::render::units::{bytes, plural};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Look after the former versions that syncs put aside
///
/// They are in `.ubos-sync/backups/RUN/`, each under its own path. `ubos-sync restore` and
/// `ubos-sync undo` bring them back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync backups list               every run with backups
  ubos-sync backups list last          what the last run put aside
  ubos-sync backups verify             hash them all once more
  ubos-sync backups prune --days 7 -n  what would go
  ubos-sync backups assemble logs/day.jsonl --out whole.jsonl
                                       a log with all its sealed copies")]
pub(crate) struct BackupsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the runs that have backups, or what one of them put aside
    List {
        /// The run: its id, a beginning of it, or `last`
        #[arg(value_name = "RUN")]
        run: Option<String>,
    },
    /// Remove the backups of old runs, as every sync does by the configuration
    ///
    /// A run's backups go when they are older than the days and more than so many newer runs have
    /// backups. What belongs to an open conflict or a held path stays.
    Prune {
        /// Keep those of the last days (default: as configured, 30)
        #[arg(long, value_name = "N")]
        days: Option<u32>,
        /// Keep those of the newest runs (default: as configured, 20)
        #[arg(long, value_name = "N")]
        runs: Option<u32>,
        /// Show what would go, remove nothing
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
    /// Hash every former version once more and compare it with the log
    Verify,
    /// Write a log whole: its sealed copies, the oldest first, and what stands there now
    ///
    /// A log that was rotated or cut at its source is sealed here and kept for ever, compressed if the
    /// configuration says so (`compress_sealed_after`). This puts all of it together again, byte for
    /// byte. What was rotated to a name that is shared too stands there, and is not part of it.
    Assemble {
        /// The log
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// Write to this file, which must not exist (default: standard output)
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Carries it out.
pub(crate) fn run(args: &BackupsArgs, global: &Global, ui: &Ui) -> Outcome {
    let past = Past::open(global)?;
    match &args.what {
        What::List { run: None } => list(&past, ui),
        What::List { run: Some(run) } => list_run(&past, run, ui),
        What::Prune { days, runs, dry_run } => prune(&past, *days, *runs, *dry_run, ui),
        What::Verify => check(&past, ui),
        What::Assemble { path, out } => assemble::run(&past, path, out.as_deref(), ui),
    }
}

/// Files and bytes in the backups of a run.
fn weigh(past: &Past, run: &str) -> Result<(usize, u64), Failure> {
    let (mut files, mut size) = (0, 0);
    backups::walk(&past.state, run, &mut |_, _, stat| {
        let stamp = Stamp::of(stat);
        if stamp.file_type() != FileType::Directory {
            files += 1;
            size += stamp.size;
        }
        Ok(())
    })
    .map_err(|e| EngineError::io("look through", past.state.path("backups"), e))?;
    Ok((files, size))
}

fn time_of(past: &Past, run: &str) -> String {
    let written = past.runs.get(run).map(|record| record.time.clone()).unwrap_or_default();
    match clock::run_time(run) {
        Some(seconds) if written.is_empty() => clock::rfc3339((seconds, 0)),
        _ => written,
    }
}

fn command_of<'p>(past: &'p Past, run: &str) -> &'p str {
    let command = past.runs.get(run).map(|record| record.command.as_str());
    command.filter(|word| !word.is_empty()).unwrap_or("cut off")
}

/// When the backups of a run may go at the earliest, and whether they are among the newest, which
/// stay however old they are.
fn expiry(past: &Past, runs: &[String], index: usize) -> (Option<String>, bool) {
    let policy = &past.config.backups;
    let newest = index + policy.runs as usize >= runs.len();
    let days = i64::from(policy.days) * 86_400;
    let day = clock::run_time(&runs[index]).map(|time| clock::rfc3339((time + days, 0)));
    (day, newest)
}

fn list(past: &Past, ui: &Ui) -> Outcome {
    let runs = backups::runs(&past.state)?;
    let (_, needed) = retention::expired(&past.state, &past.config, &past.config.backups)?;
    let mut rows = Vec::new();
    let mut text = String::new();
    let mut total = (0, 0);
    for (index, run) in runs.iter().enumerate().rev() {
        let (files, size) = weigh(past, run)?;
        total = (total.0 + files, total.1 + size);
        let (time, command) = (time_of(past, run), command_of(past, run));
        let (expires, newest) = expiry(past, &runs, index);
        let needed = needed.contains(run);
        let until = match (&expires, newest, needed) {
            (_, _, true) => "while a conflict needs it".to_owned(),
            (Some(day), newest, _) => {
                let day = clock::local(day);
                let day = day.get(..10).unwrap_or(&day);
                let more = if newest { ", and while it is among the newest" } else { "" };
                format!("until {day}{more}")
            }
            (None, ..) => "for ever".to_owned(),
        };
        rows.push(json!({
            "run": run, "time": time, "command": command, "files": files, "bytes": size,
            "expires": expires, "among_newest": newest, "needed": needed,
        }));
        text.push_str(&format!(
            "{}  {command:<13}  {:>10}  {:>9}  kept {until}\n{}\n",
            clock::local(&time),
            plural(files, "file"),
            bytes(size),
            ui.tone(Tone::Faint, &format!("    run {}", one_line(run))),
        ));
    }
    if ui.json() {
        ui.document(&json!({
            "schema": 1, "runs": rows, "files": total.0, "bytes": total.1, "exit": 0,
        }))?;
        return Ok(0);
    }
    match runs.is_empty() {
        true => text.push_str("No backups: no sync replaced or deleted anything here.\n"),
        false => text.push_str(&format!(
            "{} of {}, {}. Look into one: ubos-sync backups list RUN\n",
            plural(total.0, "file"),
            plural(runs.len(), "run"),
            bytes(total.1)
        )),
    }
    ui.page(&text)?;
    Ok(0)
}

fn list_run(past: &Past, given: &str, ui: &Ui) -> Outcome {
    let run = past.run(given)?;
    let mut rows: Vec<Value> = Vec::new();
    let mut text = String::new();
    backups::walk(&past.state, &run, &mut |_, path, stat| {
        let stamp = Stamp::of(stat);
        let kind = match stamp.file_type() {
            FileType::Directory => return Ok(()),
            FileType::Symlink => "symlink",
            _ => "file",
        };
        let mut row = Map::new();
        put_path(&mut row, "path", path);
        row.insert("kind".into(), kind.into());
        row.insert("bytes".into(), stamp.size.into());
        rows.push(row.into());
        text.push_str(&format!("  {:>9}  {}\n", bytes(stamp.size), one_line(&path.to_string())));
        Ok(())
    })
    .map_err(|e| EngineError::io("look through", past.state.path("backups"), e))?;
    if ui.json() {
        ui.document(&json!({
            "schema": 1, "run": run, "time": time_of(past, &run),
            "command": command_of(past, &run), "files": rows, "exit": 0,
        }))?;
        return Ok(0);
    }
    let head =
        format!("{}  {}  run {run}\n", clock::local(&time_of(past, &run)), command_of(past, &run));
    match rows.is_empty() {
        true => text.push_str("  It put nothing aside here, or its backups have expired.\n"),
        false => text.push_str(&format!("Put them back:  ubos-sync undo {run}\n")),
    }
    ui.page(&format!("{head}{text}"))?;
    Ok(0)
}

fn prune(past: &Past, days: Option<u32>, runs: Option<u32>, dry_run: bool, ui: &Ui) -> Outcome {
    let own = &past.config.backups;
    let policy = BackupPolicy { days: days.unwrap_or(own.days), runs: runs.unwrap_or(own.runs) };
    // No run may put something aside, or open a conflict, while this looks.
    let _lock = Lock::take(&past.state, &past.config.name)?;
    let (gone, needed) = retention::expired(&past.state, &past.config, &policy)?;
    let (mut files, mut size) = (0, 0);
    let mut rows = Vec::new();
    let mut text = String::new();
    for run in &gone {
        let (some, weight) = weigh(past, run)?;
        (files, size) = (files + some, size + weight);
        rows.push(json!({"run": run, "files": some, "bytes": weight}));
        text.push_str(&format!(
            "  {:>10}  {:>9}  run {}\n",
            plural(some, "file"),
            bytes(weight),
            one_line(run)
        ));
    }
    if !dry_run {
        let begun = clock::now().0;
        let pruned = retention::prune(&past.state, &gone)?;
        if !pruned.records.is_empty() {
            let mut log = Audit::open(&past.state)?;
            let run = clock::run_id();
            for record in pruned.records {
                log.note(&run, record);
            }
            log.sync()?;
        }
        let less = Weight::changed(pruned.bytes.cast_signed().saturating_neg(), begun);
        // What `health` says of it is brought up to date by the next run if it cannot be now.
        let _ = book::update(&past.state, &past.config, None, less, |health, _| health);
    }
    if ui.json() {
        ui.document(&json!({
            "schema": 1, "dry_run": dry_run, "pruned": rows, "needed": needed, "files": files,
            "bytes": size, "exit": 0,
        }))?;
        return Ok(0);
    }
    let verb = if dry_run { "would free" } else { "freed" };
    text.push_str(&match gone.is_empty() {
        true => format!(
            "Nothing to remove: all are younger than {} or of the newest {}.\n",
            plural(policy.days as usize, "day"),
            plural(policy.runs as usize, "run")
        ),
        false => format!("This {verb} {} in {}.\n", bytes(size), plural(files, "file")),
    });
    if !needed.is_empty() {
        text.push_str(&format!(
            "{} stay for an open conflict or a held path.\n",
            plural(needed.len(), "older run")
        ));
    }
    ui.answer(&text)?;
    Ok(0)
}

fn check(past: &Past, ui: &Ui) -> Outcome {
    let checked = verify(&past.state, &past.config)?;
    let code = if checked.findings.is_empty() { 0 } else { 1 };
    if ui.json() {
        ui.document(&verdict_json(&checked, code))?;
        return Ok(code);
    }
    let mut text = String::new();
    for finding in &checked.findings {
        let line = format!("{:<10}  {}  run {}", finding.what, finding.path, finding.run);
        text.push_str(&format!("{}\n", ui.tone(Tone::Bad, &one_line(&line))));
    }
    let whole = plural(usize::try_from(checked.whole).unwrap_or(usize::MAX), "former version");
    text.push_str(&format!("{whole} are what the log says.\n"));
    if checked.unrecorded > 0 {
        text.push_str(&format!("{} more of which the log says nothing.\n", checked.unrecorded));
    }
    if code != 0 {
        text.push_str(
            "The rest of the backups is sound. A damaged one cannot be put back; perhaps the other \
             territory has the version: ubos-sync history PATH\n",
        );
    }
    ui.answer(&text)?;
    Ok(code)
}

fn verdict_json(checked: &Checked, code: u8) -> Value {
    let findings = checked.findings.iter().map(|finding| {
        let mut row = Map::new();
        put_path(&mut row, "path", &finding.path);
        row.insert("run".into(), finding.run.clone().into());
        row.insert("what".into(), finding.what.into());
        Value::from(row)
    });
    json!({
        "schema": 1, "whole": checked.whole, "unrecorded": checked.unrecorded,
        "findings": findings.collect::<Vec<_>>(), "exit": code,
    })
}
