//! What a person can do about a conflict: the keys and the words, as values, so that the screen and
//! the prompt cannot differ.

use ubos_core::conflict::{Conflict, ConflictKind, Seen};
use ubos_core::entry::Entry;
use ubos_core::sides::{Side, Sides};

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// This territory's version becomes that of both.
    Keep(Side),
    /// Show the difference, then ask again.
    Diff,
    /// Make one version out of both.
    Merge,
    /// Leave the session.
    Quit,
    /// Both versions stay, the peer's beside the other.
    Both,
    /// Of a deleted folder: what was changed in it stays, the rest goes.
    ChangedOnly,
    /// Not now.
    Skip,
    /// The same answer for every open conflict below a folder.
    Below,
    /// Leave it as it is, on purpose.
    Leave,
    /// Explain the keys.
    Help,
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    /// What it does.
    pub deed: Deed,
    /// The key that is shown. Keys keep their meaning from one conflict to the next; one that does not
    /// apply is left out.
    pub key: char,
    /// Another key that means the same.
    pub letter: Option<char>,
    /// In words.
    pub text: String,
}

/// Whether the two versions can be made into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merging {
    /// There is nothing to merge: not two texts.
    No,
    /// By hand, in an editor or a merge tool.
    ByHand,
    /// Both edits fit together.
    Fits,
}

/// What is known of a conflict beyond its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// Whether a merge can be offered.
    pub merging: Merging,
    /// In a one-way area: the side whose content counts.
    pub authority: Option<Side>,
}

impl Circumstances {
    /// What the record alone tells: two files might be merged by hand.
    pub(crate) fn of(conflict: &Conflict) -> Self {
        let files = Side::BOTH.iter().all(|&side| {
            matches!(conflict.sides.get(side), Some(Seen { entry: Entry::File { .. }, .. }))
        });
        let kind = matches!(
            conflict.kind,
            ConflictKind::ModifyModify | ConflictKind::CreateCreate | ConflictKind::Drift
        );
        let merging = if files && kind { Merging::ByHand } else { Merging::No };
        Self { merging, authority: None }
    }
}

/// What can be done about `conflict`, in the order in which it is shown.
pub(crate) fn actions(
    conflict: &Conflict,
    names: &Sides<String>,
    known: &Circumstances,
) -> Vec<Action> {
    let mut list = Vec::new();
    let mut add = |deed, key, letter, text: String| list.push(Action { deed, key, letter, text });
    for (side, key) in [(Side::Here, '1'), (Side::There, '2')] {
        add(Deed::Keep(side), key, None, keep(conflict, names, known, side));
    }
    if let Some(text) = diff(conflict, names) {
        add(Deed::Diff, '3', Some('d'), text);
    }
    match known.merging {
        Merging::No => {}
        Merging::ByHand => add(Deed::Merge, '4', Some('m'), "Merge by hand".into()),
        Merging::Fits => {
            add(Deed::Merge, '4', Some('m'), "Merge (both edits fit together)".into());
        }
    }
    add(Deed::Quit, '5', Some('q'), "Abort (what is not answered stays as it is)".into());
    if can_keep_both(conflict) {
        let there = &names.there;
        let text = format!("Keep both ({there}'s beside it, under a name of its own)");
        add(Deed::Both, 'b', None, text);
    }
    if conflict.kind == ConflictKind::DirDelete {
        let text = "Keep only what was changed in it (the rest is deleted)";
        add(Deed::ChangedOnly, 'c', None, text.into());
    }
    add(Deed::Skip, 's', None, "Skip it for now".into());
    add(Deed::Below, 'a', None, "The same answer for all that is open below a folder".into());
    add(Deed::Leave, 'l', None, "Leave it as it is, on purpose".into());
    add(Deed::Help, '?', None, "Explain".into());
    list
}

/// The action that `typed` chooses, by key or letter.
pub(crate) fn chosen<'a>(actions: &'a [Action], typed: &str) -> Option<&'a Action> {
    let mut chars = typed.trim().chars();
    let (key, None) = (chars.next()?.to_ascii_lowercase(), chars.next()) else { return None };
    actions.iter().find(|action| action.key == key || action.letter == Some(key))
}

/// The line that asks: `Choice [1-5, b, s, a, l, ? explains]: `.
pub(crate) fn choice_line(actions: &[Action]) -> String {
    let digits: Vec<char> = actions.iter().map(|a| a.key).filter(char::is_ascii_digit).collect();
    let mut keys = match digits.as_slice() {
        ['1', .., '5'] if digits.len() == 5 => vec!["1-5".to_owned()],
        _ => digits.iter().map(char::to_string).collect(),
    };
    keys.extend(actions.iter().filter(|action| !action.key.is_ascii_digit()).map(|action| {
        let explains = if action.deed == Deed::Help { " explains" } else { "" };
        format!("{}{explains}", action.key)
    }));
    format!("Choice [{}]: ", keys.join(", "))
}

/// Whether each version can have a name of its own: two things that are not folders, in a two-way
/// area.
pub(crate) fn can_keep_both(conflict: &Conflict) -> bool {
    let one_way = matches!(conflict.kind, ConflictKind::Drift | ConflictKind::AppendDiverged);
    !one_way
        && Side::BOTH
            .iter()
            .all(|&side| conflict.sides.get(side).as_ref().is_some_and(|seen| !seen.entry.is_dir()))
}

fn keep(conflict: &Conflict, names: &Sides<String>, known: &Circumstances, side: Side) -> String {
    let (own, other) = (names.get(side), names.get(side.other()));
    let folder = conflict.kind == ConflictKind::DirDelete;
    let thing = match (conflict.sides.get(side), folder) {
        (None, true) => {
            return format!(
                "Keep {own}'s deletion (delete the folder on {other}, with what was changed in it)"
            );
        }
        (None, false) => return format!("Keep {own}'s deletion (delete it on {other})"),
        (Some(seen), _) if folder || conflict.kind == ConflictKind::KindChange => noun(seen),
        _ => "version",
    };
    let Some(replaced) = conflict.sides.get(side.other()) else {
        return format!("Keep {own}'s {thing} (it comes back on {other})");
    };
    match (conflict.kind, known.authority) {
        (ConflictKind::Drift, Some(authority)) if authority == side => {
            format!("Take {own}'s version (what counts in this area) on {other}")
        }
        (ConflictKind::AppendDiverged, Some(authority)) if authority == side => {
            format!("Take {own}'s log ({other}'s copy is put aside and kept for good)")
        }
        (ConflictKind::Drift | ConflictKind::AppendDiverged, Some(_)) => {
            format!("Send {own}'s version to {other}, this once")
        }
        (ConflictKind::KindChange, _) => {
            format!("Keep {own}'s {thing} (it replaces {other}'s {})", noun(replaced))
        }
        _ => format!("Keep {own}'s version (it replaces {other}'s)"),
    }
}

fn diff(conflict: &Conflict, names: &Sides<String>) -> Option<String> {
    let sides = conflict.sides.as_ref().map(Option::as_ref);
    if [sides.here, sides.there].into_iter().flatten().any(|seen| seen.entry.is_dir()) {
        return None;
    }
    Some(match (sides.here, sides.there) {
        (Some(_), None) => format!("Show what {} changed", names.here),
        (None, Some(_)) => format!("Show what {} changed", names.there),
        _ => "Show the differences".to_owned(),
    })
}

/// What stands at a path, in one word.
pub(crate) fn noun(seen: &Seen) -> &'static str {
    match seen.entry {
        Entry::File { .. } => "file",
        Entry::Symlink { .. } => "link",
        Entry::Dir => "folder",
    }
}
