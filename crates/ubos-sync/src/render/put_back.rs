//! What was put back, what was left alone and why, and what to do next.

use ubos_engine::cycle::report::{PutBackRow, RunReport};

use super::conflict::{conflict, held};
use super::run;
use super::units::{bytes, plural};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Longer lists are cut unless more is asked for.
const MANY: usize = 40;

/// The whole report. `again` is the command that carries on where the peer was away.
pub(crate) fn text(report: &RunReport, again: &str, ui: &Ui) -> String {
    let mut text = String::new();
    if !ui.quiet() {
        text.push_str(&rows(report, ui));
        run::actions(report, ui, &mut text);
    }
    let asked = |path| report.focus.as_ref().is_none_or(|focus| focus.contains(path));
    for open in report.conflicts.iter().filter(|open| asked(&open.path)) {
        text.push_str(&conflict(open, &report.names, false, ui));
    }
    for open in report.held.iter().filter(|open| asked(&open.path)) {
        text.push_str(&held(open, &report.names, false, ui));
    }
    for skipped in &report.skipped {
        let on = report.names.get(skipped.on);
        let why = reason(&skipped.reason).unwrap_or(&skipped.reason);
        let line = one_line(&format!("skipped  {}  on {on}: {why}", skipped.path));
        text.push_str(&format!("{}\n", ui.tone(Tone::Attention, &line)));
    }
    if !ui.quiet() {
        text.push_str(&summary(report, again, ui));
    }
    text
}

/// Everything that was put back, as lines.
fn rows(report: &RunReport, ui: &Ui) -> String {
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    let mut text = String::new();
    for row in report.put_back.iter().take(limit) {
        text.push_str(&line(row, report, ui));
    }
    if report.put_back.len() > limit {
        let more = format!("… and {} more (-v shows all)\n", report.put_back.len() - limit);
        text.push_str(&ui.tone(Tone::Faint, &more));
    }
    text
}

fn line(row: &PutBackRow, report: &RunReport, ui: &Ui) -> String {
    let from = row.from.as_ref().map(|from| format!(" (was {from})")).unwrap_or_default();
    let size = if row.bytes > 0 { format!(", {}", bytes(row.bytes)) } else { String::new() };
    let path = one_line(&format!("{}{from}", row.path));
    format!(
        "{:<7}  {path}  {}  {}\n",
        row.op,
        ui.tone(Tone::Strong, &format!("on {}", report.names.get(row.to))),
        ui.tone(Tone::Faint, &format!("{}{size}", row.reason)),
    )
}

/// Why something was not put back, in words; `None` for reasons of other kinds.
fn reason(word: &str) -> Option<&'static str> {
    Some(match word {
        "changed-since-run" => "it changed since then, and stays as it is",
        "backup-gone-or-damaged" => "its backup is gone or damaged",
        "folder-in-the-way" => "a folder stands there now",
        "parent-is-not-a-folder" => "something that is no folder stands where its folder was",
        "special-file-in-the-way" => "a special file stands there",
        "not-selected" => "it is no longer shared",
        "append-only" => "a log that only grows is not put back",
        "untracked-in-the-way" => "the folder holds something that is not shared",
        "peer-away" => "waits until it can be reached",
        _ => return None,
    })
}

/// How it ended and what comes next.
fn summary(report: &RunReport, again: &str, ui: &Ui) -> String {
    let mut text = String::new();
    let count = report.put_back.len();
    if report.dry_run {
        let what = plural(count, "version");
        text.push_str(&format!("{what} would be put back. Nothing was changed.\n"));
        return text;
    }
    if count == 0 && report.skipped.is_empty() {
        text.push_str(&ui.tone(Tone::Good, "Nothing to put back: everything stands as it was.\n"));
    } else if count > 0 {
        text.push_str(&ui.tone(Tone::Good, &format!("{} put back.\n", plural(count, "version"))));
    }
    if report.error.is_some() {
        text.push_str(&format!("When {} can be reached again: {again}\n", report.names.there));
    } else if report.generation == 0 && count > 0 {
        text.push_str(&format!(
            "`ubos-sync bidirectional` brings {} to {}.\n",
            if count == 1 { "it" } else { "them" },
            report.names.there
        ));
    }
    if count > 0 {
        text.push_str(&format!("To take this back: ubos-sync undo {}\n", report.run));
    }
    text
}
