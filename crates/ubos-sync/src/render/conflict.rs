//! What waits for a decision, in words that fit its kind: a short block for lists and reports, and
//! the whole of it for the question.

use jiff::tz::TimeZone;

use ubos_core::conflict::{Conflict, ConflictKind, Held, HeldReason, Seen};
use ubos_core::entry::{Base, Digest, Entry, Problem};
use ubos_core::limits::Excess;
use ubos_core::path::escape_bytes;
use ubos_core::sides::{Side, Sides};

use super::actions::{Action, Circumstances, Deed, actions, can_keep_both, noun};
use super::command::{about, word};
use super::settle::edits;
use super::units::{age, bytes, local, plural};
use super::wrap::hanging;
use crate::ui::cells::{padded, width};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Changed paths of a folder that a short block names.
const FEW: usize = 5;
/// Changed paths of a folder that the question names.
const MANY: usize = 20;

/// A conflict in a list: both versions in a line each, and the command that settles it.
pub(crate) fn conflict(conflict: &Conflict, names: &Sides<String>, left: bool, ui: &Ui) -> String {
    let mut text = ui.tone(Tone::Attention, &format!("CONFLICT: {}", path_of(conflict)));
    text.push('\n');
    text.push_str(&hanging("    ", &story(conflict, names), ui.width()));
    let mut times = Times::of(conflict, ui.zone());
    let column = names.here.chars().count().max(names.there.chars().count());
    for side in Side::BOTH {
        let first = format!("    {}  ", padded(&one_line(names.get(side)), column));
        text.push_str(&hanging(&first, &brief(conflict, side, &mut times), ui.width()));
    }
    text.push_str(&children(conflict, "    ", FEW));
    if left {
        text.push_str("    left as it is, on purpose\n\n");
        return text;
    }
    text.push_str(&settle(conflict, names, ui.width()));
    text.push('\n');
    text
}

/// The command that settles a conflict, in one line that can be copied up to its end or its bracket.
fn settle(conflict: &Conflict, names: &Sides<String>, columns: usize) -> String {
    let path = conflict.path.as_bytes();
    match conflict.kind {
        ConflictKind::Drift | ConflictKind::AppendDiverged => one_way(path, columns),
        kind => {
            let keep = format!("--keep {}", word(names.here.as_bytes()));
            let mut others = vec![word(names.there.as_bytes())];
            if can_keep_both(conflict) {
                others.push("both".into());
            }
            if kind == ConflictKind::DirDelete {
                others.push("changed-only".into());
            }
            let others = format!("(or {})", others.join(", "));
            command("settle it: ", &about("resolve", path, &keep), &others, columns)
        }
    }
}

/// A command and a remark, beside it where there is room: the command itself is never broken, so that
/// it can be copied.
fn command(lead: &str, command: &str, remark: &str, columns: usize) -> String {
    let line = format!("    {lead}{command}");
    let gap = if width(&line) + 3 + width(remark) <= columns {
        "   ".to_owned()
    } else {
        format!("\n    {}", " ".repeat(lead.len()))
    };
    format!("{line}{gap}{remark}\n")
}

/// The ways to settle an edit in a one-way area.
fn one_way(path: &[u8], columns: usize) -> String {
    let (revert, promote) = (about("revert", path, ""), about("promote", path, ""));
    command("settle it: ", &revert, "(undo the edit)", columns)
        + &command("       or: ", &promote, "(send it there, once)", columns)
        + &command("       or: ", &about("resolve", path, "--leave"), "(leave it so)", columns)
}

/// A held path with the command that settles it.
pub(crate) fn held(held: &Held, names: &Sides<String>, left: bool, ui: &Ui) -> String {
    let path = one_line(&held.path.to_string());
    let on = one_line(names.get(held.on));
    let mut text = ui.tone(Tone::Attention, &format!("HELD: {path}"));
    text.push('\n');
    let why = format!("on {on}: {}", reason(held.reason, &one_line(names.get(held.on.other()))));
    text.push_str(&hanging("    ", &why, ui.width()));
    if left {
        text.push_str("    left as it is, on purpose\n\n");
        return text;
    }
    let bytes = held.path.as_bytes();
    match held.reason {
        HeldReason::Drift | HeldReason::DriftSourceGone => {
            text.push_str(&one_way(bytes, ui.width()));
        }
        HeldReason::UntrackedInTheWay | HeldReason::Problem(_) => {
            text.push_str(&hanging("    ", &advice(held.reason, &on), ui.width()));
            let leave = about("resolve", bytes, "--leave");
            text.push_str(&format!("    or leave it so: {leave}\n"));
        }
        HeldReason::TooLarge(_) => text.push_str(&too_large(held, names, ui.width())),
    }
    text.push('\n');
    text
}

/// The ways to settle what is larger than a territory takes. A line for a file is never broken, so that
/// it can be copied.
fn too_large(held: &Held, names: &Sides<String>, columns: usize) -> String {
    let mut text = String::new();
    for (edit, lead) in edits(held, names).iter().zip(["settle it:", "or exclude it:"]) {
        let on = if edit.table.is_some() {
            format!("on {}, ", one_line(&edit.on))
        } else {
            String::new()
        };
        let below = edit.table.map(|table| format!(" below {table}")).unwrap_or_default();
        let doing = format!("{lead} {on}write into {}{below}", edit.file);
        text.push_str(&hanging("    ", &doing, columns));
        text.push_str(&format!("        {}\n", one_line(&edit.line)));
    }
    let leave = about("resolve", held.path.as_bytes(), "--leave");
    text + &format!("    or leave it so: {leave}\n")
}

/// Why a path is held.
fn reason(reason: HeldReason, other: &str) -> String {
    match reason {
        HeldReason::Drift => format!("edited, but in this area only {other}'s version counts"),
        HeldReason::DriftSourceGone => format!("edited in a one-way area, and deleted on {other}"),
        HeldReason::UntrackedInTheWay => "content that is not shared stands in the way".into(),
        HeldReason::TooLarge(Excess { size, limit, whole_run }) => {
            let (size, limit) = (bytes(size), bytes(limit));
            match whole_run {
                true => format!("{size} to move, and {other} takes {limit} in one run"),
                false => format!("{size}, and {other} takes files up to {limit}"),
            }
        }
        HeldReason::Problem(problem) => match problem {
            Problem::EscapingLink => "a link that is absolute or leaves the territory".into(),
            Problem::Special => "a special file stands where a file was shared".into(),
            Problem::Name => format!("a name that {other} cannot hold"),
            Problem::NameCollision => {
                "its name differs from another one's only in case or Unicode form".into()
            }
            Problem::Mount => "a folder on another file system".into(),
            Problem::Unreadable | Problem::Busy => "it cannot be read".into(),
        },
    }
}

/// What to do about a held path that no command can settle but leaving it.
fn advice(reason: HeldReason, on: &str) -> String {
    let doing = match reason {
        HeldReason::Problem(Problem::EscapingLink) => {
            "let the link lead to something inside the territory, by a relative path"
        }
        HeldReason::Problem(Problem::Name | Problem::NameCollision) => "rename it",
        HeldReason::Problem(Problem::Unreadable | Problem::Busy) => "make it readable",
        _ => "move it elsewhere",
    };
    format!("settle it: on {on}, {doing}; then sync")
}

/// The whole of a conflict and what can be done about it: number `index` of `of`, counted from 1.
pub(crate) fn question(
    conflict: &Conflict,
    names: &Sides<String>,
    known: &Circumstances,
    (index, of): (usize, usize),
    ui: &Ui,
) -> String {
    let columns = ui.width();
    let mut text = ui.tone(Tone::Attention, &format!("CONFLICT DETECTED: {}", path_of(conflict)));
    let count = if of > 1 { format!("{index} of {of}: ") } else { String::new() };
    let story = hanging("", &format!("{count}{}", story(conflict, names)), columns);
    text.push_str(&format!("\n{story}\n"));
    let mut times = Times::of(conflict, ui.zone());
    for side in Side::BOTH {
        text.push_str(&version(conflict, names, side, &mut times, ui));
        text.push('\n');
    }
    text.push_str(&agreed(conflict, ui));
    text.push_str(&format!("\n{}\n", ui.tone(Tone::Strong, "Actions:")));
    for Action { deed, key, letter, text: words } in actions(conflict, names, known) {
        // The line that asks names it; so all of this fits on a screen of 24 rows.
        if deed == Deed::Help {
            continue;
        }
        let letter = letter.map(|letter| format!(" [{letter}]")).unwrap_or_default();
        let first = format!("  {key}. ");
        text.push_str(&hanging(&first, &format!("{}{letter}", one_line(&words)), columns));
    }
    text
}

/// One territory's version in full.
fn version(
    conflict: &Conflict,
    names: &Sides<String>,
    side: Side,
    times: &mut Times<'_>,
    ui: &Ui,
) -> String {
    let head = |what: &str| {
        let words = format!("{} version{what}", one_line(names.get(side)));
        ui.tone(Tone::Strong, hanging("", &words, ui.width()).trim_end()) + "\n"
    };
    let Some(seen) = conflict.sides.get(side) else { return head(": deleted") };
    match (seen.entry.is_dir(), conflict.children.len()) {
        (true, 0) => head(": a folder"),
        (true, count) => {
            let below = plural(count, "changed path");
            head(&format!(": a folder, {below} in it:")) + &children(conflict, "", MANY)
        }
        (false, _) => {
            let other = conflict.sides.get(side.other()).as_ref();
            let facts = facts(&seen.entry, other.map(|seen| &seen.entry));
            head(&format!("{}:", times.in_brackets(side))) + &facts
        }
    }
}

/// Size and hash, or where a link leads; the executable bit where it tells two versions apart.
fn facts(entry: &Entry, other: Option<&Entry>) -> String {
    match entry {
        Entry::File { digest, size, exec } => {
            let mut text = format!("  Size: {}\n  Hash: {}\n", bytes(*size), short(*digest));
            if other.and_then(Entry::exec).is_some_and(|other| other != *exec) {
                text.push_str(if *exec { "  Executable: yes\n" } else { "  Executable: no\n" });
            }
            text
        }
        Entry::Symlink { target } => format!("  Leads to: {}\n", one_line(&escape_bytes(target))),
        Entry::Dir => String::new(),
    }
}

/// What both had agreed on, in a line.
fn agreed(conflict: &Conflict, ui: &Ui) -> String {
    let what = match &conflict.base {
        Base::Known(entry) => in_a_line(entry),
        Base::Absent => "none, the path is new".into(),
        Base::Unknown => "not known".into(),
    };
    hanging(&ui.tone(Tone::Strong, "Last agreed version: "), &what, ui.width())
}

/// How the changes clash, in a sentence without its capital.
fn story(conflict: &Conflict, names: &Sides<String>) -> String {
    let (here, there) = (one_line(&names.here), one_line(&names.there));
    let kind = |side: Side| conflict.sides.get(side).as_ref().map_or("nothing", noun);
    let deleted = match conflict.sides.here {
        None => Sides::new(&there, &here),
        Some(_) => Sides::new(&here, &there),
    };
    match conflict.kind {
        ConflictKind::ModifyModify => "both territories changed it".into(),
        ConflictKind::CreateCreate if conflict.base == Base::Unknown => {
            "two versions, and no record of what they were before".into()
        }
        ConflictKind::CreateCreate => "both territories made it, each with its own content".into(),
        ConflictKind::ModifyDelete => format!("{here} changed it, {there} deleted it"),
        ConflictKind::DeleteModify => format!("{there} changed it, {here} deleted it"),
        ConflictKind::KindChange => {
            format!("it is a {} on {here} and a {} on {there}", kind(Side::Here), kind(Side::There))
        }
        ConflictKind::DirDelete => {
            format!(
                "{} changed something in this folder, {} deleted it",
                deleted.here, deleted.there
            )
        }
        ConflictKind::AppendDiverged => "the log and its copy have grown apart".into(),
        ConflictKind::Drift => "both territories changed it, in an area that goes one way".into(),
    }
}

/// One territory's version in a line.
fn brief(conflict: &Conflict, side: Side, times: &mut Times<'_>) -> String {
    let Some(seen) = conflict.sides.get(side) else { return "deleted".into() };
    let what = in_a_line(&seen.entry);
    if seen.entry.is_dir() {
        return match conflict.children.len() {
            0 => what,
            count => format!("{what}, {} in it", plural(count, "changed path")),
        };
    }
    let newer = if times.newer(side).is_some() { " (newer)" } else { "" };
    match times.modified(side) {
        Some(when) => format!("{what}, {when}{newer}"),
        None => what,
    }
}

/// `4.2 kB, hash 17762fddd969…`, or where a link leads.
fn in_a_line(entry: &Entry) -> String {
    match entry {
        Entry::File { digest, size, .. } => format!("{}, hash {}", bytes(*size), short(*digest)),
        Entry::Symlink { target } => format!("link to {}", one_line(&escape_bytes(target))),
        Entry::Dir => "a folder".into(),
    }
}

/// The changed paths below a folder.
fn children(conflict: &Conflict, indent: &str, limit: usize) -> String {
    let mut text = String::new();
    for child in conflict.children.iter().take(limit) {
        text.push_str(&format!("{indent}  {}\n", one_line(&child.to_string())));
    }
    if conflict.children.len() > limit {
        text.push_str(&format!("{indent}  … and {} more\n", conflict.children.len() - limit));
    }
    text
}

/// The times of both versions, the zone said only where it is new.
struct Times<'a> {
    times: Sides<Option<(i64, u32)>>,
    zone: &'a TimeZone,
    said: Option<String>,
}

impl<'a> Times<'a> {
    fn of(conflict: &Conflict, zone: &'a TimeZone) -> Self {
        let time = |seen: &Option<Seen>| {
            seen.as_ref().filter(|seen| !seen.entry.is_dir()).and_then(|seen| seen.mtime)
        };
        Self { times: conflict.sides.as_ref().map(time), zone, said: None }
    }

    /// `modified 2025-10-07 14:30 CEST`.
    fn modified(&mut self, side: Side) -> Option<String> {
        let (time, zone) = local((*self.times.get(side))?, self.zone);
        let mut text = format!("modified {time}");
        if self.said.as_ref() != Some(&zone) {
            text.push_str(&format!(" {zone}"));
            self.said = Some(zone);
        }
        Some(text)
    }

    /// ` (modified 2025-10-07 14:30 CEST, 5 minutes newer)`.
    fn in_brackets(&mut self, side: Side) -> String {
        let newer = self.newer(side).map(|age| format!(", {age} newer")).unwrap_or_default();
        self.modified(side).map(|when| format!(" ({when}{newer})")).unwrap_or_default()
    }

    /// By how much this version is newer than the other, in words.
    fn newer(&self, side: Side) -> Option<String> {
        let (own, other) = ((*self.times.get(side))?, (*self.times.get(side.other()))?);
        let seconds = u64::try_from(own.0.checked_sub(other.0)?).ok()?;
        (seconds > 0).then(|| age(seconds))
    }
}

fn path_of(conflict: &Conflict) -> String {
    one_line(&conflict.path.to_string())
}

/// The first digits of a hash, enough to tell versions apart and to find them in the log.
fn short(digest: Digest) -> String {
    format!("{}…", &digest.to_hex()[..12])
}
