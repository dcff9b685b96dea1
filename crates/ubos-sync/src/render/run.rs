//! Reports for people: what happened or would happen, why, and which command settles what is open.

use std::time::Duration;

use ubos_core::conflict::{Conflict, ConflictKind, Held, HeldReason, Seen};
use ubos_core::entry::Entry;
use ubos_core::plan::Filter;
use ubos_core::sides::{Side, Sides};
use ubos_engine::clock;
use ubos_engine::cycle::report::{Action, RunReport, guard_word};

use crate::ui::sanitize::{one_line, sanitize};
use crate::ui::{Tone, Ui};

/// Longer lists are cut on a terminal unless more is asked for.
const MANY: usize = 40;

/// The whole report.
pub(crate) fn text(report: &RunReport, ui: &Ui) -> String {
    let mut text = String::new();
    if !ui.quiet() {
        actions(report, ui, &mut text);
    }
    for conflict in &report.conflicts {
        let left = report.left.contains(&(conflict.path.clone(), conflict.mark));
        text.push_str(&self::conflict(conflict, &report.names, left, ui));
    }
    for held in &report.held {
        let left = report.left.contains(&(held.path.clone(), held.mark));
        text.push_str(&self::held(held, &report.names, left, ui));
    }
    guards(report, ui, &mut text);
    for skipped in &report.skipped {
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
    } else if let Some(line) = last_good_run(report) {
        text.push_str(&format!("{line}\n"));
    }
    text
}

fn spaced(word: &str) -> String {
    match word {
        "local-only" => "local only; the other side does not get it".to_owned(),
        word => word.replace('-', " "),
    }
}

fn arrow(report: &RunReport, to: Side) -> String {
    format!("{} → {}", report.names.get(to.other()), report.names.get(to))
}

fn actions(report: &RunReport, ui: &Ui, text: &mut String) {
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    for action in report.actions.iter().take(limit) {
        text.push_str(&action_line(report, action, ui));
    }
    if report.actions.len() > limit {
        let more = format!("… and {} more (-v shows all)\n", report.actions.len() - limit);
        text.push_str(&ui.tone(Tone::Faint, &more));
    }
}

fn action_line(report: &RunReport, action: &Action, ui: &Ui) -> String {
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

/// A conflict with both versions and the commands that settle it.
pub(crate) fn conflict(conflict: &Conflict, names: &Sides<String>, left: bool, ui: &Ui) -> String {
    let path = one_line(&conflict.path.to_string());
    let head = format!("CONFLICT: {path}");
    let mut text = format!("{}  ({})\n", ui.tone(Tone::Attention, &head), conflict.kind.word());
    for side in Side::BOTH {
        let version = match conflict.sides.get(side) {
            Some(seen) => version(seen),
            None => "deleted".to_owned(),
        };
        text.push_str(&format!("    {:<12} {version}\n", names.get(side)));
    }
    for child in conflict.children.iter().take(MANY) {
        text.push_str(&format!("    changed: {}\n", one_line(&child.to_string())));
    }
    if left {
        text.push_str("    left as it is, on purpose\n");
        return text;
    }
    let quoted = quote(&path);
    let both = if conflict.kind == ConflictKind::DirDelete { "changed-only" } else { "both" };
    text.push_str(&format!(
        "    settle it: ubos-sync resolve {quoted} --keep {}   (or {}, {both})\n",
        names.here, names.there
    ));
    text
}

fn version(seen: &Seen) -> String {
    let time = seen.mtime.map(clock::rfc3339).unwrap_or_default();
    let time = time.get(..19).unwrap_or(&time).replace('T', " ");
    match &seen.entry {
        Entry::File { digest, size, .. } => {
            format!("modified {time}, {}, hash {}…", bytes(*size), &digest.to_hex()[..12])
        }
        Entry::Symlink { target } => {
            format!("link to {}", one_line(&ubos_core::path::escape_bytes(target)))
        }
        Entry::Dir => "a folder".to_owned(),
    }
}

/// A held path with the command that settles it.
pub(crate) fn held(held: &Held, names: &Sides<String>, left: bool, ui: &Ui) -> String {
    let path = one_line(&held.path.to_string());
    let why = match held.reason {
        HeldReason::Drift => "edited in a one-way area",
        HeldReason::DriftSourceGone => "edited in a one-way area, and deleted at its authority",
        HeldReason::UntrackedInTheWay => "content that is not shared stands in the way",
        HeldReason::Problem(problem) => match problem {
            ubos_core::entry::Problem::EscapingLink => {
                "a link that is absolute or leaves the territory"
            }
            ubos_core::entry::Problem::Special => "a special file stands where a file was shared",
            ubos_core::entry::Problem::Name => "a name that the other side cannot hold",
            ubos_core::entry::Problem::NameCollision => {
                "a name that differs from another only in case or Unicode form"
            }
            ubos_core::entry::Problem::Mount => "a folder on another file system",
            _ => "cannot be read",
        },
    };
    let head = ui.tone(Tone::Attention, &format!("HELD: {path}"));
    let mut text = format!("{head}  on {}: {why}\n", names.get(held.on));
    let quoted = quote(&path);
    let settle = match held.reason {
        _ if left => "left as it is, on purpose".to_owned(),
        HeldReason::Drift | HeldReason::DriftSourceGone => format!(
            "settle it: ubos-sync revert {quoted}   (take {}'s version), or ubos-sync promote {quoted}   (send this one there)",
            names.get(held.on.other())
        ),
        _ => format!("settle it: move or rename it, or ubos-sync resolve {quoted} --leave"),
    };
    text.push_str(&format!("    {settle}\n"));
    text
}

/// A path as one word of a shell.
pub(crate) fn quote(path: &str) -> String {
    let plain = path.chars().all(|c| c.is_alphanumeric() || "/._-+@%,:".contains(c));
    if plain && !path.starts_with('-') {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
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
        let command = if report.command == "status" { "bidirectional" } else { &report.command };
        text.push_str(&format!(
            "    if this is what you want: ubos-sync {command} --confirm {}\n",
            report.plan
        ));
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
        if let Some(line) = last_good_run(report) {
            text.push_str(&format!("{line}\n"));
        }
        text.push_str(&ui.tone(Tone::Faint, &format!("plan {}\n", report.plan)));
    }
}

fn last_time(report: &RunReport) -> Option<String> {
    let time = clock::rfc3339(report.last_run?);
    Some(time.get(..19)?.replace('T', " "))
}

fn last_good_run(report: &RunReport) -> Option<String> {
    let (then, _) = report.last_run?;
    let (now, _) = clock::now();
    let age = Duration::from_secs(u64::try_from(now - then).unwrap_or(0));
    Some(format!("last good run: {} ({} ago)", last_time(report)?, rough(age)))
}

fn rough(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds @ 7200..=172_799 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// A size in the largest unit that keeps it readable.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}
