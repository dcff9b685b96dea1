//! The exact commands that settle what is open, one way each; the first that is named is no better
//! than the others. For the screen and for JSON.

use ubos_core::conflict::{Conflict, ConflictKind, Held, HeldReason};
use ubos_core::sides::Sides;

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
