//! The order of a plan, in which every operation finds what it needs.
//!
//! On each side: changes of spelling; new folders and changes of kind into folders, parents
//! first; renames; deletions; removals of folders, the deepest first; then creations,
//! replacements, appends and changes of mode. So a rename finds its new folder, leaves the old one
//! before that is removed, and content arrives last, by path.

use std::cmp::Ordering;

use crate::entry::Entry;
use crate::reconcile::Draft;

use super::OpKind;

/// Sorts the drafts.
pub(crate) fn sort(drafts: &mut [Draft]) {
    drafts.sort_by(|a, b| {
        let (step_a, step_b) = (step(a), step(b));
        step_a.cmp(&step_b).then_with(|| match step_a {
            Step::Remove => within(b, a),
            _ => within(a, b),
        })
    });
}

fn within(a: &Draft, b: &Draft) -> Ordering {
    let side = |draft: &Draft| draft.item.ops.first().map(|op| op.to);
    a.place().cmp(&b.place()).then(side(a).cmp(&side(b)))
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Step {
    Respell,
    MakeFolder,
    Rename,
    Delete,
    Remove,
    Place,
}

fn step(draft: &Draft) -> Step {
    // Where nothing has to be renamed, only rows are, what was joined to it has its usual place.
    let first = draft.item.ops.first();
    if draft.respells && first.is_none_or(|op| matches!(op.kind, OpKind::Rename { .. })) {
        return Step::Respell;
    }
    let Some(op) = first else {
        return Step::Place;
    };
    match op.kind {
        OpKind::Mkdir => Step::MakeFolder,
        OpKind::Replace { .. } if op.post == Some(Entry::Dir) => Step::MakeFolder,
        OpKind::Rename { .. } => Step::Rename,
        OpKind::Delete => Step::Delete,
        OpKind::Rmdir => Step::Remove,
        OpKind::Create
        | OpKind::Replace { .. }
        | OpKind::Append { .. }
        | OpKind::SealAndCreate
        | OpKind::SetExec => Step::Place,
    }
}
