//! What an operation amounts to, in the words of a report.

use ubos_core::entry::Entry;
use ubos_core::path::RelPath;
use ubos_core::plan::{Guard, OpKind, Operation, Reason};
use ubos_core::sides::Side;

use crate::audit_notes::op_word;

/// One thing that was done, or that a dry run would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Where.
    pub path: RelPath,
    /// The side that is changed.
    pub to: Side,
    /// The word of the contract.
    pub op: &'static str,
    /// Of a rename: the old path.
    pub from: Option<RelPath>,
    /// Bytes of content that the change is about.
    pub bytes: u64,
    /// Bytes of content that crossed the wire for it.
    pub wire_bytes: u64,
    /// Why.
    pub reason: Reason,
    /// The guard that holds it, in a preview.
    pub held_by: Option<Guard>,
}

/// The actions that an operation amounts to; a folder that is replaced as a whole deletes what was
/// in it.
pub(super) fn actions(op: &Operation, wire_bytes: u64, held_by: Option<Guard>) -> Vec<Action> {
    let mut out = Vec::new();
    let reason = op.reason;
    if let OpKind::Replace { contents } = &op.kind {
        for (path, entry) in contents {
            let word = if entry.is_dir() { "rmdir" } else { "delete" };
            let (path, bytes) = (path.clone(), entry.size());
            out.push(Action {
                path,
                to: op.to,
                op: word,
                from: None,
                bytes,
                wire_bytes: 0,
                reason,
                held_by,
            });
        }
    }
    let from = match &op.kind {
        OpKind::Rename { from, .. } => Some(from.clone()),
        _ => None,
    };
    let bytes = match &op.kind {
        OpKind::Append { from } => op.post.as_ref().map_or(0, Entry::size) - from,
        OpKind::Rename { .. } | OpKind::SetExec => 0,
        _ => op.post.as_ref().or(op.pre.as_ref()).map_or(0, Entry::size),
    };
    out.push(Action {
        path: op.path.clone(),
        to: op.to,
        op: op_word(op),
        from,
        bytes,
        wire_bytes,
        reason,
        held_by,
    });
    out
}
