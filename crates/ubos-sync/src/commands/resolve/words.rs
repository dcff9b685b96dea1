//! What the session says besides the question: what an answer brought about, what the keys mean,
//! and how things stand at its end. Pure.

use ubos_core::conflict::{Choice, Conflict, ConflictKind};
use ubos_core::path::RelPath;
use ubos_core::sides::{Side, Sides};

use crate::render::actions::{Action, Deed};
use crate::render::units::plural;
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Every conflict was shown.
    Through,
    /// By the person's choice.
    Quit,
    /// By Ctrl-C.
    Interrupted,
    /// The terminal went away, or its input ended.
    Closed,
}

/// An answer that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    /// Which conflict, or which conflicts.
    pub what: String,
    /// What was chosen.
    pub choice: String,
    /// The run that carried it out.
    pub run: String,
}

/// More answers than this are counted, not listed.
const LISTED: usize = 20;

/// What a choice brought about for one conflict.
pub(super) fn done(
    conflict: &Conflict,
    choice: Choice,
    beside: Option<&RelPath>,
    names: &Sides<String>,
) -> String {
    let name = |side: Side| one_line(names.get(side));
    match choice {
        Choice::Take(side) => {
            let (own, other) = (name(side), name(side.other()));
            let folder = conflict.kind == ConflictKind::DirDelete;
            match (conflict.sides.get(side), conflict.sides.get(side.other())) {
                (None, _) if folder => format!(
                    "the folder is deleted on both territories now; what {other} had in it is in the backups"
                ),
                (None, _) => format!(
                    "deleted on both territories now; {other}'s version is in the backups"
                ),
                (Some(_), None) if folder => format!("{own}'s folder stands on both territories again"),
                (Some(_), None) => format!("{own}'s version stands on both territories again"),
                _ if conflict.kind == ConflictKind::AppendDiverged => format!(
                    "{own}'s log stands on both territories now; {other}'s copy is put aside and kept"
                ),
                _ => format!(
                    "{own}'s version stands on both territories now; {other}'s is in the backups"
                ),
            }
        }
        Choice::Both => {
            let beside = beside.map(|path| one_line(&path.to_string())).unwrap_or_default();
            format!(
                "{}'s version keeps this name on both territories, {}'s stands beside it as {beside}",
                name(Side::Here),
                name(Side::There)
            )
        }
        Choice::ChangedOnly => {
            "what was changed in it stands on both territories now; the rest is deleted and in the backups"
                .into()
        }
        Choice::Merged { .. } => {
            "the merged text stands on both territories now; both former versions are in the backups"
                .into()
        }
    }
}

/// A choice in a few words, for a list.
pub(super) fn brief(choice: Choice, names: &Sides<String>) -> String {
    match choice {
        Choice::Take(side) => format!("{}'s", one_line(names.get(side))),
        Choice::Both => "both".into(),
        Choice::ChangedOnly => "what was changed".into(),
        Choice::Merged { .. } => "merged".into(),
    }
}

/// How to take an answer back.
pub(super) fn undo(run: &str) -> String {
    format!("    Undo: ubos-sync undo {run}\n")
}

/// The keys once more, in few lines, for where the question has gone out of sight.
pub(super) fn keys(actions: &[Action], names: &Sides<String>, columns: usize) -> String {
    let word = |deed: Deed| match deed {
        Deed::Keep(side) => format!("{}'s", one_line(names.get(side))),
        Deed::Diff => "differences".into(),
        Deed::Merge => "merge".into(),
        Deed::Quit => "abort".into(),
        Deed::Both => "both".into(),
        Deed::ChangedOnly => "what was changed".into(),
        Deed::Skip => "skip".into(),
        Deed::Below => "all below a folder".into(),
        Deed::Leave => "leave as it is".into(),
        Deed::Help => "explain".into(),
    };
    // A key and its word stay together on a line.
    let together =
        |action: &Action| format!("{} {}", action.key, word(action.deed)).replace(' ', "\u{a0}");
    let keys: Vec<String> = actions.iter().map(together).collect();
    hanging("", &keys.join("\u{a0}· "), columns).replace('\u{a0}', " ")
}

/// What every key does, and that nothing is lost by any.
pub(super) fn help(actions: &[Action], names: &Sides<String>, columns: usize) -> String {
    let mut text = String::from("\n");
    for action in actions {
        text.push_str(&hanging(
            &format!("  {}  ", action.key),
            &meaning(action.deed, names),
            columns,
        ));
    }
    text.push_str(&hanging(
        "\n",
        "Type a key and press Enter. An answer is carried out at once, on both territories. Whatever it replaces or deletes goes to the backups first, and `ubos-sync undo` brings it back. Nothing happens while the question stands here; if a file changes meanwhile, you are asked anew.",
        columns,
    ));
    text.push_str(&hanging(
        "",
        "Ctrl-C leaves at any time; answers given so far stay as they are.",
        columns,
    ));
    text.push('\n');
    text
}

fn meaning(deed: Deed, names: &Sides<String>) -> String {
    let (here, there) = (one_line(&names.here), one_line(&names.there));
    match deed {
        Deed::Keep(side) => {
            let (own, other) = match side {
                Side::Here => (here, there),
                Side::There => (there, here),
            };
            format!("What {own} has becomes what both have; what {other} has goes to the backups.")
        }
        Deed::Diff => "Show what is different, then ask again.".into(),
        Deed::Merge => {
            "Make one text out of both. You see it before it is used, and can edit it.".into()
        }
        Deed::Quit => {
            "Stop asking. Every conflict that is not answered stays open, untouched.".into()
        }
        Deed::Both => format!(
            "{here}'s version keeps the name, so links still lead to it; {there}'s gets a name of its own beside it."
        ),
        Deed::ChangedOnly => {
            "The changed files stay, on both territories; what nobody changed is deleted.".into()
        }
        Deed::Skip => "Go on with the next one; this one stays open.".into(),
        Deed::Below => "Choose a folder and one answer for every open conflict in it.".into(),
        Deed::Leave => {
            "Both versions stay as they are, and you are not asked again until one changes.".into()
        }
        Deed::Help => "Show this.".into(),
    }
}

/// How things stand: which answers were carried out, and what is still open.
pub(super) fn summary(end: End, applied: &[Applied], settled: usize, open: usize) -> String {
    let mut text = String::new();
    if end == End::Through {
        match (settled, open) {
            (0, 0) => text.push_str("No conflict is open.\n"),
            (_, 0) => text.push_str(&format!("{} settled, none is open.\n", conflicts(settled))),
            _ => text.push_str(&format!("{} settled, {open} still open.\n", conflicts(settled))),
        }
    } else if applied.is_empty() {
        text.push_str("Stopped. No answer was carried out; nothing was changed.\n");
    } else {
        text.push_str("Stopped. These answers were carried out:\n");
        for one in applied.iter().take(LISTED) {
            text.push_str(&format!("  {}: {}   (run {})\n", one.what, one.choice, one.run));
        }
        if applied.len() > LISTED {
            text.push_str(&format!("  … and {} more\n", applied.len() - LISTED));
        }
    }
    if open > 0 {
        if end != End::Through {
            let are = if open == 1 { "is" } else { "are" };
            text.push_str(&format!(
                "{} {are} still open, untouched on both territories.\n",
                conflicts(open)
            ));
        }
        text.push_str("Go on with: ubos-sync resolve\n");
    }
    text
}

fn conflicts(count: usize) -> String {
    plural(count, "conflict")
}
