//! Reports for people: what happened or would happen, why, and which command settles what is open.

use std::collections::HashSet;
use std::time::Duration;

use ubos_core::conflict::Skipped;
use ubos_core::plan::{Filter, PULL_LIMIT};
use ubos_core::sides::Side;
use ubos_engine::clock;
use ubos_engine::cycle::report::{Action, RunReport, guard_word};

use ubos_tiers::vault::breaks::Break;

use super::conflict::{conflict, held};
use super::units::{bytes, number, plural};
use crate::ui::sanitize::{one_line, sanitize};
use crate::ui::{Tone, Ui};

/// Longer lists are cut on a terminal unless more is asked for.
const MANY: usize = 40;

/// The whole report, with the links that the run breaks.
pub(crate) fn text(report: &RunReport, breaks: &[Break], ui: &Ui) -> String {
    let mut text = String::new();
    if !ui.quiet() {
        actions(report, ui, &mut text);
    }
    text.push_str(&super::breaks::text(breaks, ui));
    undecided(report, ui, &mut text);
    guards(report, ui, &mut text);
    put_off(report, ui, &mut text);
    for skipped in report.skipped.iter().filter(|skipped| skipped.reason != PULL_LIMIT) {
        let on = report.names.get(skipped.on);
        let line = format!(
            "skipped  {}  on {on}: {}; the next run tries again",
            skipped.path, skipped.reason
        );
        text.push_str(&format!("{}\n", ui.tone(Tone::Attention, &one_line(&line))));
    }
    if ui.quiet() {
        return text;
    }
    for notice in &report.notices {
        let line = format!(
            "notice   {}  on {}: {}",
            notice.path,
            report.names.get(notice.on),
            spaced(&notice.reason)
        );
        text.push_str(&format!("{}\n", ui.tone(Tone::Faint, &one_line(&line))));
    }
    if report.error.is_none() {
        summary(report, ui, &mut text);
    } else if let Some(line) = last_change(report) {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// What is above the limit of a run, in a line for each territory that takes no more of it.
fn put_off(report: &RunReport, ui: &Ui, text: &mut String) {
    for side in Side::BOTH {
        let waits = |s: &&Skipped| s.on == side && s.reason == PULL_LIMIT;
        let mut late = report.skipped.iter().filter(waits);
        let Some(first) = late.next() else { continue };
        let more = match late.count() {
            0 => String::new(),
            more => format!(" and {}", plural(more, "more path")),
        };
        let line = format!(
            "skipped  {}{more}: {} takes no more in one run (max_pull_per_run); the next runs bring the rest",
            first.path,
            report.names.get(side)
        );
        text.push_str(&format!("{}\n", ui.tone(Tone::Attention, &one_line(&line))));
    }
}

fn spaced(word: &str) -> String {
    match word {
        "local-only" => {
            "local only; the other side does not get it, unless `ubos-sync promote` sends it"
                .to_owned()
        }
        word => word.replace('-', " "),
    }
}

/// What waits for a decision, each with the command that settles it.
fn undecided(report: &RunReport, ui: &Ui, text: &mut String) {
    let left: HashSet<_> = report.left.iter().map(|(path, mark)| (path, *mark)).collect();
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    let all = report.conflicts.len() + report.held.len();
    if all > 0 && !text.is_empty() {
        text.push('\n');
    }
    for open in report.conflicts.iter().take(limit) {
        let left = left.contains(&(&open.path, open.mark));
        text.push_str(&conflict(open, &report.names, left, ui));
    }
    let held_limit = limit.saturating_sub(report.conflicts.len());
    for open in report.held.iter().take(held_limit) {
        let left = left.contains(&(&open.path, open.mark));
        text.push_str(&held(open, &report.names, left, ui));
    }
    if all > limit {
        let more = number((all - limit) as u64);
        text.push_str(
            &ui.tone(Tone::Attention, &format!("… and {more} more to decide (-v shows all)\n")),
        );
    }
}

fn arrow(report: &RunReport, to: Side) -> String {
    format!("{} → {}", report.names.get(to.other()), report.names.get(to))
}

pub(super) fn actions(report: &RunReport, ui: &Ui, text: &mut String) {
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    for action in report.actions.iter().take(limit) {
        text.push_str(&action_line(report, action, ui));
    }
    if report.actions.len() > limit {
        let more = format!("… and {} more (-v shows all)\n", report.actions.len() - limit);
        text.push_str(&ui.tone(Tone::Faint, &more));
    }
}

/// One action in a line.
pub(crate) fn action_line(report: &RunReport, action: &Action, ui: &Ui) -> String {
    let from = action.from.as_ref().map(|from| format!(" (was {from})")).unwrap_or_default();
    let size = if action.bytes > 0 { format!(", {}", bytes(action.bytes)) } else { String::new() };
    let path = one_line(&format!("{}{from}", action.path));
    let why = format!("{}{size}", action.reason.phrase());
    format!(
        "{:<7}  {path}  {}  {}\n",
        action.op,
        ui.tone(Tone::Strong, &arrow(report, action.to)),
        ui.tone(Tone::Faint, &why),
    )
}

fn guards(report: &RunReport, ui: &Ui, text: &mut String) {
    for guard in &report.guards {
        let head = format!("GUARD {}: {}", guard_word(guard.guard), guard.detail);
        text.push_str(&format!("{}\n", ui.tone(Tone::Bad, &sanitize(&head))));
    }
    for action in report.guarded.iter().take(MANY) {
        let line =
            format!("    held: {} {} on {}", action.op, action.path, report.names.get(action.to));
        text.push_str(&format!("{}\n", one_line(&line)));
    }
    if report.guarded.len() > MANY {
        text.push_str(&format!("    … and {} more\n", report.guarded.len() - MANY));
    }
    if !report.guards.is_empty() {
        let command = super::guarded::confirm_run(report);
        text.push_str(&format!("    if this is what you want: {command}\n"));
    }
}

fn summary(report: &RunReport, ui: &Ui, text: &mut String) {
    let count = |to: Side| report.actions.iter().filter(|action| action.to == to).count();
    let (outgoing, incoming) = (count(Side::There), count(Side::Here));
    let open = report.undecided();
    let mut parts = Vec::new();
    let verb = if report.dry_run { "to do: " } else { "" };
    match (outgoing, incoming) {
        (0, 0) if open == 0 && report.guards.is_empty() && report.skipped.is_empty() => {
            let time = last_time(report).map(|time| format!(", at {time}")).unwrap_or_default();
            parts.push(format!("in sync, generation {}{time}", report.generation));
        }
        (0, 0) => parts.push("nothing else to do".to_owned()),
        _ => parts.push(format!("{verb}{outgoing} outgoing, {incoming} incoming")),
    }
    if report.pending > 0 {
        let direction = if report.asked == Filter::Out { "incoming" } else { "outgoing" };
        parts.push(format!("{} {direction} left for a sync in that direction", report.pending));
    }
    if open > 0 {
        parts.push(format!("{open} to decide"));
    }
    if !report.left.is_empty() {
        parts.push(format!("{} left on purpose", report.left.len()));
    }
    if report.recovery_pending {
        parts.push("a run was cut off; the next sync settles it first".to_owned());
    }
    let tone = if open == 0 && report.guards.is_empty() { Tone::Good } else { Tone::Attention };
    text.push_str(&format!("{}\n", ui.tone(tone, &parts.join("; "))));
    if report.dry_run {
        if let Some(line) = last_change(report) {
            text.push_str(&format!("{line}\n"));
        }
        text.push_str(&ui.tone(Tone::Faint, &format!("plan {}\n", report.plan)));
    }
}

fn last_time(report: &RunReport) -> Option<String> {
    let time = clock::rfc3339(report.last_run?);
    Some(time.get(..19)?.replace('T', " "))
}

/// Runs that found nothing to do are not meant; how long ago the last of any kind was is for the head
/// of `status` to say.
fn last_change(report: &RunReport) -> Option<String> {
    let (then, _) = report.last_run?;
    let (now, _) = clock::now();
    let age = Duration::from_secs(u64::try_from(now - then).unwrap_or(0));
    Some(format!("last sync that changed something: {} ({} ago)", last_time(report)?, rough(age)))
}

fn rough(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds @ 7200..=172_799 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
