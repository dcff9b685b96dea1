//! The exact commands that settle what is open, one way each; the first that is named is no better
//! than the others. For the screen and for JSON.

use ubos_core::conflict::{Conflict, ConflictKind, Held, HeldReason};
use ubos_core::selection::pattern::line_for;
use ubos_core::sides::Sides;
use ubos_engine::state::config::sizes;

use super::actions::can_keep_both;
use super::command::{about, word};

/// The commands that settle a held path.
pub(crate) fn settle_commands(held: &Held, _names: &Sides<String>) -> Vec<String> {
    let path = held.path.as_bytes();
    let mut commands = Vec::new();
    if matches!(held.reason, HeldReason::Drift | HeldReason::DriftSourceGone) {
        commands.push(about("revert", path, ""));
        commands.push(about("promote", path, ""));
    }
    commands.push(about("resolve", path, "--leave"));
    commands
}

/// A line that a person adds to a file, which settles what is held.
pub(crate) struct Edit {
    /// The territory on which the file stands.
    pub(crate) on: String,
    /// The file, below the root.
    pub(crate) file: &'static str,
    /// The table of the file below which it belongs.
    pub(crate) table: Option<&'static str>,
    /// The line.
    pub(crate) line: String,
}

/// The lines of which each settles a path that is held for its size: the limit is raised where the
/// file would go, or the path is excluded.
pub(crate) fn edits(held: &Held, names: &Sides<String>) -> Vec<Edit> {
    let HeldReason::TooLarge(excess) = held.reason else { return Vec::new() };
    let pattern = line_for(&held.path);
    let size = sizes::at_least(excess.size);
    let (table, line) = match &pattern {
        _ if excess.whole_run => ("[limits]", format!("max_pull_per_run = \"{size}\"")),
        Some(pattern) => ("[limits.paths]", format!("{} = \"{size}\"", quoted(pattern))),
        None => ("[limits]", format!("max_file_size = \"{size}\"")),
    };
    let on = names.get(held.on.other()).clone();
    let file = ".ubos-sync/config.toml";
    let mut edits = vec![Edit { on, file, table: Some(table), line }];
    edits.extend(pattern.map(|line| Edit {
        on: names.here.clone(),
        file: "config/sync_exclude.conf",
        table: None,
        line,
    }));
    edits
}

/// A key of TOML.
fn quoted(text: &str) -> String {
    let mut key = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => key.extend(['\\', c]),
            c if c.is_control() => key.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => key.push(c),
        }
    }
    key + "\""
}

/// The commands that settle a conflict.
pub(crate) fn settle_commands_of_conflict(
    conflict: &Conflict,
    names: &Sides<String>,
) -> Vec<String> {
    let path = conflict.path.as_bytes();
    let keep =
        |choice: &str| about("resolve", path, &format!("--keep {}", word(choice.as_bytes())));
    let mut commands = match conflict.kind {
        ConflictKind::Drift | ConflictKind::AppendDiverged => {
            vec![about("revert", path, ""), about("promote", path, "")]
        }
        _ => vec![keep(&names.here), keep(&names.there)],
    };
    if can_keep_both(conflict) {
        commands.push(keep("both"));
    }
    if conflict.kind == ConflictKind::DirDelete {
        commands.push(keep("changed-only"));
    }
    commands.push(about("resolve", path, "--leave"));
    commands
}
