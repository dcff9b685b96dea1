//! The head of a list of what is open: how many, of which kinds.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use ubos_core::conflict::{Conflict, ConflictKind, Held, HeldReason};
use ubos_core::entry::{Digest, Problem};
use ubos_core::limits::Excess;
use ubos_core::path::RelPath;
use ubos_core::plan::Guard;
use ubos_engine::cycle::report::guard_word;

use super::units::{number, plural};
use super::wrap::hanging;
use crate::ui::{Tone, Ui};

/// All kinds, in the order in which they are named.
const KINDS: [(ConflictKind, &str); 8] = [
    (ConflictKind::ModifyModify, "changed by both"),
    (ConflictKind::CreateCreate, "made by both"),
    (ConflictKind::ModifyDelete, "deleted on one side"),
    (ConflictKind::DeleteModify, "deleted on one side"),
    (ConflictKind::DirDelete, "in deleted folders"),
    (ConflictKind::KindChange, "of two kinds"),
    (ConflictKind::AppendDiverged, "in logs that grew apart"),
    (ConflictKind::Drift, "in one-way areas"),
];

/// Why a path can be held.
const REASONS: [HeldReason; 11] = [
    HeldReason::Drift,
    HeldReason::DriftSourceGone,
    HeldReason::UntrackedInTheWay,
    HeldReason::Problem(Problem::Unreadable),
    HeldReason::Problem(Problem::Busy),
    HeldReason::Problem(Problem::Special),
    HeldReason::Problem(Problem::Mount),
    HeldReason::Problem(Problem::EscapingLink),
    HeldReason::Problem(Problem::Name),
    HeldReason::Problem(Problem::NameCollision),
    HeldReason::TooLarge(Excess { size: 0, limit: 0, whole_run: false }),
];

/// Guards that can hold a change.
const GUARDS: [Guard; 8] = [
    Guard::Emptied,
    Guard::EntryEmptied,
    Guard::MaxDelete,
    Guard::MassOverwrite,
    Guard::Zeroed,
    Guard::Regression,
    Guard::FirstRun,
    Guard::DirectionChanged,
];

/// The words by which a list can be asked for one kind.
pub(crate) fn kinds() -> Vec<Cow<'static, str>> {
    let kinds = KINDS.iter().map(|(kind, _)| kind.word());
    let words = kinds.chain(REASONS.iter().map(|reason| reason.word())).chain(["held"]);
    let guards = GUARDS.into_iter().map(guard_word);
    let mut words: Vec<Cow<'static, str>> = words.map(Cow::Borrowed).chain(guards).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// How much is open.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    conflicts: usize,
    held: usize,
    guarded: usize,
    left: usize,
    by_kind: BTreeMap<&'static str, usize>,
}

impl Counts {
    /// Counts what is open, with so many changes that guards hold; `left` tells what was left on
    /// purpose.
    pub(crate) fn of(
        conflicts: &[Conflict],
        held: &[Held],
        guarded: usize,
        left: impl Fn(&RelPath, Digest) -> bool,
    ) -> Self {
        let mut counts =
            Self { conflicts: conflicts.len(), held: held.len(), guarded, ..Self::default() };
        for conflict in conflicts {
            *counts.by_kind.entry(conflict.kind.word()).or_default() += 1;
            counts.left += usize::from(left(&conflict.path, conflict.mark));
        }
        counts.left += held.iter().filter(|held| left(&held.path, held.mark)).count();
        counts
    }

    /// How much still wants a decision.
    pub(crate) fn undecided(&self) -> usize {
        self.conflicts + self.held + self.guarded - self.left
    }

    /// For the document.
    pub(crate) fn json(&self) -> Value {
        json!({
            "conflicts": self.conflicts, "held": self.held + self.guarded, "left": self.left,
            "by_kind": self.by_kind,
        })
    }

    /// `12 open conflicts (9 changed by both, 3 deleted on one side), 2 held`.
    fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if self.conflicts > 0 {
            let mut kinds: Vec<(&str, usize)> = Vec::new();
            for (kind, words) in KINDS {
                let count = self.by_kind.get(kind.word()).copied().unwrap_or_default();
                match kinds.iter_mut().find(|(known, _)| *known == words) {
                    Some((_, sum)) => *sum += count,
                    None => kinds.push((words, count)),
                }
            }
            let kinds: Vec<String> = kinds
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(words, count)| format!("{} {words}", number(*count as u64)))
                .collect();
            let conflicts = plural(self.conflicts, "open conflict");
            parts.push(format!("{conflicts} ({})", kinds.join(", ")));
        }
        if self.held > 0 {
            parts.push(format!("{} held", plural(self.held, "path")));
        }
        if self.left > 0 {
            parts.push(format!("{} of them left on purpose", number(self.left as u64)));
        }
        if self.guarded > 0 {
            parts.push(format!("{} held by a guard", plural(self.guarded, "change")));
        }
        parts.join(", ")
    }
}

/// The head of the list; `chosen` if only a part of what is open was asked for.
pub(crate) fn heading(counts: &Counts, chosen: bool, ui: &Ui) -> String {
    if counts.conflicts + counts.held + counts.guarded == 0 {
        let words = if chosen {
            "Nothing of what is open fits."
        } else {
            "No open conflicts, nothing held."
        };
        return format!("{words}\n");
    }
    let text = hanging("", &format!("{}.", counts.sentence()), ui.width());
    format!("{}\n\n", ui.tone(Tone::Strong, text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_says_how_many_there_are_of_each_kind() {
        let counts = Counts {
            conflicts: 12_004,
            held: 2,
            guarded: 0,
            left: 1,
            by_kind: [("modify-modify", 12_000), ("modify-delete", 3), ("delete-modify", 1)].into(),
        };
        assert_eq!(
            heading(&counts, false, &Ui::fixed(140, false)),
            "12,004 open conflicts (12,000 changed by both, 4 deleted on one side), 2 paths held, 1 of them left on purpose.\n\n"
        );
        assert_eq!(
            heading(&counts, false, &Ui::fixed(40, false)),
            "12,004 open conflicts (12,000 changed by\nboth, 4 deleted on one side), 2 paths\nheld, 1 of them left on purpose.\n\n"
        );
        assert_eq!(counts.undecided(), 12_005);
    }

    #[test]
    fn an_empty_list_says_whether_anything_is_open_at_all() {
        let ui = Ui::fixed(80, false);
        let none = Counts::default();
        assert_eq!(heading(&none, false, &ui), "No open conflicts, nothing held.\n");
        assert_eq!(heading(&none, true, &ui), "Nothing of what is open fits.\n");
    }
}
