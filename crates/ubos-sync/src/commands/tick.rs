//! `tick`: what every timer starts. A run where this side can reach its peer, the duties of one side
//! alone where it cannot; then health, and a word to the person if something changed.

mod slot;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Map, Value, json};

use ubos_core::plan::Filter;
use ubos_engine::clock;
use ubos_engine::cycle::report::RunReport;
use ubos_engine::cycle::run_cycle;
use ubos_engine::duties::{self, Done};
use ubos_engine::error::EngineError;
use ubos_engine::health::TICK;
use ubos_engine::state::lock::Lock;

use super::sync::request;
use super::watch::interval;
use crate::backup;
use crate::backup::chores::{self, Beside};
use crate::breaks;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::notify;
use crate::render;
use crate::render::units::{age, bytes, plural};
use crate::territory;
use crate::ui::Ui;
use crate::ui::sanitize::one_line;
use slot::Slot;

const AFTER: &str = "\
With an address for the peer it is a two-way sync that never asks: conflicts are
decided by the policies in `config.toml`, the rest waits. A peer that cannot be
reached is tried again within the slot, after about 30, 90 and 180 seconds.
Without an address this side does what it can alone: it looks at its tree,
hashes a slice of files and backups (all of them once a day), lets expired
backups go, compresses old logs, and asks for a run if something waits. While
`watch` runs, it only brings the figures of `health` up to date.

The exit code is that of the last run; see `ubos-sync --help`.

Examples:
  ubos-sync tick                   what the timer would do now
  ubos-sync tick --deadline 30     at most one quick retry
  ubos-sync schedule install       let a timer start it every five minutes";

/// Do what a timer does: sync, or what one side can do alone
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct TickArgs {
    /// No retry begins later than this; a run that goes on is not stopped
    #[arg(long, value_name = "SECONDS", default_value_t = 270)]
    deadline: u64,
    /// How often the timer starts it, as `health` is to know: 15m, 2h [default: `interval` under
    /// `[watch]` in config.toml, else 5m]
    #[arg(long, value_name = "TIME", value_parser = interval)]
    interval: Option<Duration>,
    /// Seconds from the start at which attempts are made
    #[arg(long, hide = true, value_delimiter = ',', default_values_t = [0, 30, 90, 180])]
    retries: Vec<u64>,
}

/// Does what is due.
pub(crate) fn run(args: &TickArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let root = state.root().path();
    if Lock::is_watched(&state)? {
        duties::figures(root)?;
        ui.status("a watch keeps this territory in sync; nothing else to do");
        return document(
            ui,
            || json!({"schema": 1, "command": TICK, "watched": true, "exit": 0}),
            0,
        );
    }
    let (name, peer) = config.peer(global.peer.as_deref())?;
    let outcome = if peer.address.is_some() {
        let mut report = sync(args, global, ui)?;
        let away = matches!(report.error, Some(EngineError::Unreachable { .. }));
        // The run is what counts; what is wrong with the disk is in the health.
        if let Err(error) = duties::upkeep(root, Some(name), away) {
            ui.warning(&error.to_string());
        }
        if let Some(error) = &report.error {
            ui.error(&error.to_string(), Some(error.hint()));
        }
        let fresh = report.beside.contains_key(backup::WORD);
        chores::merge(chores(root, name, &Beside::Run(fresh), ui), &mut report.beside);
        let broken = breaks::of(&report, root);
        if let Err(error) = breaks::note(&broken, &report, root) {
            ui.warning(&format!("which links broke is not on record: {error}"));
        }
        render::breaks::lines(&broken, ui).iter().for_each(|line| ui.status(&one_line(line)));
        let whole = || {
            let mut document = render::json::run(&report);
            document["breaks"] = render::breaks::document(&broken);
            document
        };
        document(ui, whole, report.exit_code())
    } else {
        let done = duties::alone(root, Some(name), args.interval);
        alone(done, name, chores(root, name, &Beside::Run(false), ui), ui)
    };
    notify::tell(&state, &config);
    outcome
}

/// What is due about the backup. None of it counts for the exit code.
fn chores(root: &Path, peer: &str, beside: &Beside, ui: &Ui) -> Map<String, Value> {
    let done = chores::all(root, Some(peer), beside);
    done.warnings.iter().for_each(|line| ui.warning(&one_line(line)));
    done.fields
}

fn document(ui: &Ui, document: impl FnOnce() -> Value, code: u8) -> Outcome {
    if ui.json() {
        ui.document(&document())?;
    }
    Ok(code)
}

/// Runs until one is not to be repeated; the last report.
fn sync(args: &TickArgs, global: &Global, ui: &Ui) -> Result<RunReport, Failure> {
    let mut slot = Slot::new(&args.retries, Duration::from_secs(args.deadline));
    let begun = Instant::now();
    let mut request = request(global, TICK, Filter::Both)?;
    request.interval = args.interval;
    for attempt in 1.. {
        let report =
            backup::around(&request, ui, |hear| run_cycle(&request, &|event| hear(&event)));
        let [byte] = clock::random::<1>();
        let wait = slot.next(report.exit_code(), begun.elapsed(), f64::from(byte) / 255.0);
        ui.status(&told(&report, attempt, slot.most(), wait));
        match wait {
            Some(wait) => std::thread::sleep(wait),
            None => return Ok(report),
        }
    }
    unreachable!("a slot has a last attempt")
}

/// One line for an attempt.
fn told(report: &RunReport, attempt: usize, most: usize, wait: Option<Duration>) -> String {
    let names = &report.names;
    let result = match &report.error {
        Some(error) => error.to_string(),
        None => {
            let open = report.undecided() + report.guards.len();
            let mut parts = vec![plural(report.actions.len(), "change")];
            if open > 0 {
                parts.push(format!("{open} to decide"));
            }
            if !report.skipped.is_empty() {
                parts.push(format!("{} skipped", report.skipped.len()));
            }
            parts.join(", ")
        }
    };
    let next = match wait {
        Some(wait) => format!("; again in {}", age(wait.as_secs())),
        None => String::new(),
    };
    let line =
        format!("{} and {}, attempt {attempt} of {most}: {result}{next}", names.here, names.there);
    one_line(&line)
}

/// What was done without the peer. Another run that goes on does it itself.
fn alone(
    done: Result<Done, EngineError>,
    peer: &str,
    backed_up: Map<String, Value>,
    ui: &Ui,
) -> Outcome {
    let done = match done {
        Ok(done) => done,
        Err(error @ EngineError::Locked { .. }) => {
            ui.status(&error.to_string());
            let told = || json!({"kind": error.kind(), "message": error.to_string(), "hint": error.hint()});
            return document(
                ui,
                || json!({"schema": 1, "command": TICK, "exit": 6, "error": told()}),
                6,
            );
        }
        Err(error) => return Err(error.into()),
    };
    ui.status(&one_line(&told_alone(&done, peer)));
    let read = &done.upkeep.rehashed;
    let duties = json!({
        "scanned": done.scanned, "waiting": done.waiting, "interrupted": done.interrupted,
        "lost": done.lost, "asked": done.asked, "pruned": done.upkeep.pruned,
        "compressed": done.upkeep.compressed.logs,
        "rehashed": {"files": read.files, "bytes": read.bytes, "damaged": read.damaged.len()},
    });
    let told = || {
        let mut told = Map::new();
        told.insert("schema".into(), 1.into());
        told.insert("command".into(), TICK.into());
        told.insert("duties".into(), duties);
        chores::merge(backed_up, &mut told);
        told.insert("exit".into(), 0.into());
        told.into()
    };
    document(ui, told, 0)
}

fn told_alone(done: &Done, peer: &str) -> String {
    let mut parts = Vec::new();
    match done.scanned {
        Some(count) => parts.push(format!("{count} looked at")),
        None if done.lost.is_none() && !done.interrupted => {
            parts.push(format!("{peer} was here just now"));
        }
        None => {}
    }
    if let Some(why) = &done.lost {
        parts.push(format!("{why}; the next sync says what to do"));
    }
    if done.interrupted {
        parts.push("a run was cut off; the next sync settles it".to_owned());
    }
    if done.waiting > 0 {
        let count = usize::try_from(done.waiting).unwrap_or(usize::MAX);
        parts.push(format!("{} for {peer}", plural(count, "change")));
    }
    if done.asked.is_some() {
        parts.push("asked for a sync".to_owned());
    }
    let read = &done.upkeep.rehashed;
    parts.push(format!("{} hashed again ({})", read.files, bytes(read.bytes)));
    if !read.damaged.is_empty() {
        parts.push(format!("{} damaged, see `ubos-sync health`", read.damaged.len()));
    }
    if !done.upkeep.pruned.is_empty() {
        parts.push(format!("backups of {} let go", plural(done.upkeep.pruned.len(), "run")));
    }
    if done.upkeep.compressed.logs > 0 {
        let count = usize::try_from(done.upkeep.compressed.logs).unwrap_or(usize::MAX);
        parts.push(format!("{} compressed", plural(count, "sealed log")));
    }
    parts.join("; ")
}
