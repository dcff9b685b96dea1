//! The single operations that drafts are made of.

use crate::entry::Entry;
use crate::path::RelPath;
use crate::plan::{Item, OpKind, Operation, Reason};
use crate::sides::Side;

use super::drafts::{Draft, Otherwise};

/// The single operation that makes `to` hold `post` instead of `pre`, if they differ.
pub(super) fn step(
    path: &RelPath,
    to: Side,
    pre: Option<&Entry>,
    post: Option<&Entry>,
    contents: &[(RelPath, Entry)],
    reason: Reason,
) -> Option<Operation> {
    let kind = match (pre, post) {
        (pre, post) if pre == post => return None,
        (None, Some(Entry::Dir)) => OpKind::Mkdir,
        (None, _) => OpKind::Create,
        (Some(Entry::Dir), None) => OpKind::Rmdir,
        (Some(_), None) => OpKind::Delete,
        (Some(pre), Some(post)) if pre.same_content(post) => OpKind::SetExec,
        (Some(Entry::Dir), Some(_)) => OpKind::Replace { contents: contents.to_vec() },
        (Some(_), Some(_)) => OpKind::Replace { contents: Vec::new() },
    };
    let (pre, post) = (pre.cloned(), post.cloned());
    Some(Operation { path: path.clone(), to, kind, pre, post, reason })
}

/// A rename of whatever `entry` is, as `post` and `pre`.
pub(super) fn rename(
    to: Side,
    from: &RelPath,
    into: &RelPath,
    entry: Option<Entry>,
    contents: Vec<(RelPath, Entry)>,
) -> Operation {
    let kind = OpKind::Rename { from: from.clone(), contents };
    let post = entry.clone();
    Operation { path: into.clone(), to, kind, pre: entry, post, reason: Reason::Moved }
}

/// A moved file; if its executable bit was changed on the way, that is set afterwards.
pub(super) fn file_move(
    to: Side,
    from: &RelPath,
    into: &RelPath,
    pre: Option<Entry>,
    post: Option<Entry>,
) -> Item {
    let mut ops = vec![rename(to, from, into, pre.clone(), Vec::new())];
    ops.extend(step(into, to, pre.as_ref(), post.as_ref(), &[], Reason::Moved));
    Item { ops, rows: vec![(from.clone(), None), (into.clone(), post)], guard: None }
}

/// A folder move when something untracked must stay behind: new folders, the files one by one,
/// and the old folders go where nothing is left in them.
pub(super) fn move_in_pieces(
    to: Side,
    from: &RelPath,
    into: &RelPath,
    contents: &[(RelPath, Entry)],
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let top = (from.clone(), Entry::Dir);
    for (old, entry) in std::iter::once(&top).chain(contents) {
        let Some(new) = old.rebase(from, into) else {
            continue;
        };
        if matches!(entry, Entry::File { size: 1.., .. }) {
            let entry = Some(entry.clone());
            drafts.push(Draft::plain(file_move(to, old, &new, entry.clone(), entry)));
            continue;
        }
        for (path, pre, post) in [(&new, None, Some(entry)), (old, Some(entry), None)] {
            let ops = step(path, to, pre, post, &[], Reason::Moved);
            let otherwise = (pre == Some(&Entry::Dir)).then_some(Otherwise::Leave);
            let rows = vec![(path.clone(), post.cloned())];
            let item = Item { ops: ops.into_iter().collect(), rows, guard: None };
            drafts.push(Draft { item, respells: false, otherwise });
        }
    }
    drafts
}
