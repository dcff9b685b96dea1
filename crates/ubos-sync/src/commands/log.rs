//! `ubos-sync log`: reads the audit trail.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use ubos_engine::clock;
use ubos_engine::error::EngineError;
use ubos_engine::state::audit;

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::territory;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Read the audit log
///
/// Every change is on record: when, in which run, from which hash to which. The records are chained,
/// so that a missing or altered one is noticed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync log --path docs/plan.md     what happened to a file
  ubos-sync log --since 2026-11-01      what happened since then
  ubos-sync log --verify                is the record complete?")]
pub(crate) struct LogArgs {
    /// Only records about this path or below it
    #[arg(long, value_name = "PATH")]
    path: Option<PathBuf>,
    /// Only records of this run
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Only records since this time (RFC 3339 or the beginning of one, UTC where no zone is named; or
    /// `2h`, `3d` ago)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most this many records, the newest
    #[arg(short = 'n', long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Check the chain: missing, altered or cut records
    #[arg(long)]
    verify: bool,
}

/// Carries it out.
pub(crate) fn run(args: &LogArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, _) = territory::open(global)?;
    if args.verify {
        return verify(&state, ui);
    }
    let since = args.since.as_deref().map(since).transpose()?;
    let path = args.path.as_deref().map(|given| territory::path(&state, given)).transpose()?;
    let path = path.map(|path| path.to_string());
    let mut records = Vec::new();
    audit::read(&state, &mut |record| {
        if wanted(args, path.as_deref(), since.as_deref(), record) {
            records.push(record.clone());
        }
        true
    })?;
    if let Some(limit) = args.limit {
        records.drain(..records.len().saturating_sub(limit));
    }
    if ui.json() {
        ui.document(&json!({"schema": 1, "records": records}))?;
        return Ok(0);
    }
    let mut text = String::new();
    for record in &records {
        text.push_str(&line(record, ui));
    }
    if records.is_empty() {
        text.push_str("No records.\n");
    }
    ui.answer(&text)?;
    Ok(0)
}

fn verify(state: &ubos_engine::state::StateDir, ui: &Ui) -> Outcome {
    let verdict = audit::verify(state)?;
    if ui.json() {
        let whole = verdict.fault.is_none();
        let code = if whole { 0 } else { 1 };
        ui.document(&json!({
            "schema": 1, "records": verdict.records, "whole": whole, "fault": verdict.fault, "exit": code,
        }))?;
        return Ok(code);
    }
    match verdict.fault {
        None => {
            ui.answer(&format!(
                "The log is whole: {} records, each chained to the one before.\n",
                verdict.records
            ))?;
            Ok(0)
        }
        Some(why) => Err(EngineError::Damaged { what: "the audit log".into(), why }.into()),
    }
}

fn text_of<'a>(record: &'a Map<String, Value>, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The moment that is meant, as the records tell it.
fn since(given: &str) -> Result<String, Failure> {
    let year = given.len() == 4 && given.bytes().all(|byte| byte.is_ascii_digit());
    let moment =
        if year { clock::instant_utc(&format!("{given}-01")) } else { clock::instant_utc(given) };
    moment.ok_or_else(|| {
        Failure::usage(
            format!("`{given}` is neither a time nor a length of time"),
            "for example `--since 7d`, `--since 2026-11-01` or `--since 2026-11-01T12:00:00Z`",
        )
    })
}

fn wanted(
    args: &LogArgs,
    path: Option<&str>,
    since: Option<&str>,
    record: &Map<String, Value>,
) -> bool {
    let path_fits = path.is_none_or(|wanted| {
        ["path", "from"].iter().any(|key| {
            let path = text_of(record, key);
            path == wanted || path.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'))
        })
    });
    let run_fits =
        args.run.as_ref().is_none_or(|run| text_of(record, "run").starts_with(run.as_str()));
    let time_fits = since.is_none_or(|since| text_of(record, "time") >= since);
    path_fits && run_fits && time_fits
}

fn line(record: &Map<String, Value>, ui: &Ui) -> String {
    let time = text_of(record, "time").get(..19).unwrap_or_default().replace('T', " ");
    let path = one_line(text_of(record, "path"));
    let what = match text_of(record, "event") {
        "change" => {
            let from = text_of(record, "from");
            let from =
                if from.is_empty() { String::new() } else { format!(" (was {})", one_line(from)) };
            format!(
                "{:<7} {path}{from}  → {}  {}",
                text_of(record, "op"),
                text_of(record, "to"),
                text_of(record, "reason")
            )
        }
        "run" => {
            let count = |key: &str| record.get(key).and_then(Value::as_u64).unwrap_or(0);
            let summary = format!(
                "run {}: {}, {} done, {} conflicts, {} held, {} skipped",
                text_of(record, "run"),
                text_of(record, "command"),
                count("actions"),
                count("conflicts"),
                count("held"),
                count("skipped"),
            );
            ui.tone(Tone::Faint, &summary)
        }
        event => {
            let reason = [text_of(record, "kind"), text_of(record, "reason")].join("");
            ui.tone(Tone::Attention, &format!("{event:<7} {path}  {reason}"))
        }
    };
    format!("{}  {what}\n", ui.tone(Tone::Faint, &time))
}
