//! What a drill showed, for people, as JSON, and as a record of the log.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_tiers::git::coverage::place::Place;
use ubos_tiers::git::drill::verdict::{Broken, Missing, Verdict, Why};
use ubos_tiers::git::manifest::Gap;

use crate::commands::backup::{Drilled, Report};
use crate::failure::Failure;
use crate::render::json::put_path;
use crate::render::units::{age, bytes, number, plural};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// So many paths are named of each kind, unless more is asked for.
const MANY: usize = 10;

/// The page.
pub(crate) fn text(report: &Report, now: i64, ui: &Ui) -> String {
    let mut text = String::new();
    for drilled in &report.drilled {
        text.push_str(&one(drilled, now, ui));
        text.push('\n');
    }
    let files = report.reference.paths.values().filter(|held| !held.form.is_dir()).count();
    let size: u64 = report.reference.paths.values().map(|held| held.form.size).sum();
    text.push_str(&hanging(
        "",
        &format!(
            "Compared with the manifest of {}: {}, {}.",
            clock::local(&report.reference.made),
            plural(files, "file"),
            bytes(size)
        ),
        ui.width(),
    ));
    text
}

fn one(drilled: &Drilled, now: i64, ui: &Ui) -> String {
    let lost: Vec<&str> =
        Place::ALL.into_iter().filter(|p| *p != drilled.survivor).map(Place::word).collect();
    let head = format!("{} lost, {} left: ", lost.join(" and "), drilled.survivor.word());
    match &drilled.result {
        Err(failure) => {
            let (message, hint) = words_of(failure);
            let head = ui.tone(Tone::Attention, &format!("{head}not proved"));
            let message = hanging("  ", &one_line(&message), ui.width());
            let hint = hanging("  Hint: ", &one_line(&hint), ui.width());
            format!("{head}\n{message}{hint}")
        }
        Ok(verdict) => proved(&head, verdict, now, drilled.took, ui),
    }
}

fn words_of(failure: &Failure) -> (String, String) {
    match failure {
        Failure::Backup(error) => (error.to_string(), error.hint().to_owned()),
        Failure::Engine(error) => (error.to_string(), error.hint().to_owned()),
        Failure::Usage { message, hint } => (message.clone(), hint.clone()),
        Failure::Service(_) | Failure::BrokenPipe => Default::default(),
    }
}

fn proved(head: &str, verdict: &Verdict, now: i64, took: u64, ui: &Ui) -> String {
    let (tone, word) = match verdict.exit_code() {
        0 => (Tone::Good, "everything came back"),
        1 => (Tone::Bad, "DAMAGED"),
        _ => (Tone::Attention, "all but what is known to be missing came back"),
    };
    let mut text = ui.tone(tone, &hanging("", &format!("{head}{word}"), ui.width()));
    let seconds = took as f64 / 1000.0;
    let count = format!("{} of {}", number(verdict.complete), number(verdict.files));
    let of = format!("{} of {}", bytes(verdict.complete_bytes), bytes(verdict.bytes));
    text.push_str(&format!("  {count} files, {of}, in {seconds:.1} s\n"));
    let newest = verdict.newest.as_deref().map(|newest| {
        let old = clock::seconds(newest).map_or(0, |made| (now - made).max(0));
        format!("newest recoverable data: {} old", age(old.unsigned_abs()))
    });
    let since = verdict.since.as_deref().map(|since| format!(" since {}", clock::local(since)));
    let history = match verdict.snapshots {
        0 => "no history".to_owned(),
        count => plural(usize::try_from(count).unwrap_or(usize::MAX), "version"),
    };
    let newest = newest.unwrap_or_else(|| "nothing can be recovered".to_owned());
    let line = format!("{newest}; {history}{}", since.unwrap_or_default());
    text.push_str(&hanging("  ", &line, ui.width()));
    text.push_str(&missing(&verdict.missing, ui));
    text.push_str(&paths("older version only", &verdict.behind, Tone::Attention, ui));
    let rivals = "the other side of a conflict (ubos-sync resolve)";
    text.push_str(&paths(rivals, &verdict.rivals, Tone::Attention, ui));
    if ui.verbose() {
        text.push_str(&paths("newer than the manifest", &verdict.newer, Tone::Faint, ui));
    } else if !verdict.newer.is_empty() {
        let count = plural(verdict.newer.len(), "file");
        text.push_str(&format!("  {count} newer than the manifest (-v names them)\n"));
    }
    text.push_str(&damaged(&verdict.damaged, ui));
    text
}

fn missing(missing: &[Missing], ui: &Ui) -> String {
    let mut groups: BTreeMap<Why, Vec<&Missing>> = BTreeMap::new();
    for row in missing {
        groups.entry(row.reason).or_default().push(row);
    }
    let mut text = String::new();
    for (why, rows) in groups {
        let size: u64 = rows.iter().map(|row| row.bytes).sum();
        let line =
            format!("missing: {} ({}), {}", plural(rows.len(), "path"), bytes(size), because(why));
        let tone = if why == Why::Lost { Tone::Bad } else { Tone::Attention };
        text.push_str(&ui.tone(tone, &hanging("  ", &line, ui.width())));
        let limit = if ui.verbose() { usize::MAX } else { MANY };
        for row in rows.iter().take(limit) {
            let line = format!("{} ({})", one_line(&row.path.to_string()), row.class.words());
            text.push_str(&format!("    {line}\n"));
        }
        text.push_str(&more(rows.len(), limit));
    }
    text
}

fn because(why: Why) -> &'static str {
    match why {
        Why::Gap(Gap::Secret) => "kept out of git as secrets, as configured",
        Why::Gap(Gap::TooLarge) => "larger than `max_file_size` and no logs, as configured",
        Why::Gap(Gap::Torn) => "half-written when the snapshot was made",
        Why::Gap(Gap::Unreadable) => "not readable when the snapshot was made",
        Why::Gap(Gap::Name) => "git cannot hold such a name",
        Why::NotGiven => "newer than what this place was given last",
        Why::Lost => "although they should be there",
    }
}

fn paths(words: &str, paths: &[RelPath], tone: Tone, ui: &Ui) -> String {
    if paths.is_empty() {
        return String::new();
    }
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    let mut text = ui.tone(tone, &format!("  {words}: {}\n", plural(paths.len(), "file")));
    for path in paths.iter().take(limit) {
        text.push_str(&format!("    {}\n", one_line(&path.to_string())));
    }
    text.push_str(&more(paths.len(), limit));
    text
}

fn damaged(damaged: &[Broken], ui: &Ui) -> String {
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    let mut text = String::new();
    for broken in damaged.iter().take(limit) {
        let path = broken.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
        let line = one_line(&format!("damaged: {path}{}", broken.why));
        text.push_str(&ui.tone(Tone::Bad, &hanging("  ", &line, ui.width())));
    }
    text.push_str(&more(damaged.len(), limit));
    text
}

fn more(count: usize, limit: usize) -> String {
    match count.checked_sub(limit) {
        None | Some(0) => String::new(),
        Some(more) => format!("    … and {} more (-v shows all)\n", number(more as u64)),
    }
}

/// As JSON.
pub(crate) fn document(report: &Report) -> Value {
    json!({
        "schema": 1,
        "command": "backup drill",
        "here": report.here,
        "peer": report.peer,
        "made": report.made,
        "manifest": report.reference.manifest,
        "manifest_made": report.reference.made,
        "drills": report.drilled.iter().map(row).collect::<Vec<_>>(),
        "exit": report.exit,
    })
}

fn row(drilled: &Drilled) -> Value {
    let lost: Vec<&str> =
        Place::ALL.into_iter().filter(|p| *p != drilled.survivor).map(Place::word).collect();
    let mut row =
        json!({"lost": lost, "left": drilled.survivor.word(), "milliseconds": drilled.took});
    match &drilled.result {
        Err(failure) => {
            let (message, hint) = words_of(failure);
            row["result"] = "not-proved".into();
            row["error"] = json!({"message": message, "hint": hint});
        }
        Ok(verdict) => {
            row["result"] = verdict.word().into();
            row["files"] = verdict.files.into();
            row["bytes"] = verdict.bytes.into();
            row["complete"] = verdict.complete.into();
            row["complete_bytes"] = verdict.complete_bytes.into();
            row["newest"] = verdict.newest.clone().into();
            row["versions"] = verdict.snapshots.into();
            row["since"] = verdict.since.clone().into();
            row["beyond_manifest"] = verdict.beyond.into();
            row["missing"] = verdict.missing.iter().map(missing_row).collect();
            row["older"] = verdict.behind.iter().map(path_row).collect();
            row["other_side_of_conflict"] = verdict.rivals.iter().map(path_row).collect();
            row["newer"] = verdict.newer.iter().map(path_row).collect();
            row["damaged"] = verdict.damaged.iter().map(damaged_row).collect();
        }
    }
    row
}

fn path_row(path: &RelPath) -> Value {
    let mut row = Map::new();
    put_path(&mut row, "path", path);
    row.into()
}

fn missing_row(missing: &Missing) -> Value {
    let mut row = path_row(&missing.path);
    row["class"] = missing.class.word().into();
    row["reason"] = missing.reason.word().into();
    row["bytes"] = missing.bytes.into();
    row
}

fn damaged_row(broken: &Broken) -> Value {
    let mut row = broken.path.as_ref().map_or_else(|| json!({"path": null}), path_row);
    row["why"] = broken.why.clone().into();
    row
}

/// The record of the audit log: what was lost, and how it ended.
pub(crate) fn record(document: &Value) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("event".into(), "backup-drill".into());
    record.insert("manifest".into(), document["manifest"].clone());
    let drills = document["drills"].as_array().into_iter().flatten().map(|drill| {
        let count = |key: &str| drill[key].as_array().map_or(0, Vec::len);
        json!({
            "left": drill["left"], "result": drill["result"], "files": drill["files"],
            "complete": drill["complete"], "missing": count("missing"),
            "older": count("older"), "damaged": count("damaged"), "newest": drill["newest"],
        })
    });
    record.insert("drills".into(), drills.collect());
    record.insert("exit".into(), document["exit"].clone());
    record
}
