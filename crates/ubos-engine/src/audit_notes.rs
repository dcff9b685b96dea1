//! What the audit log says about a run, as JSON objects. The words are those of the reports.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Map, Value, json};

use ubos_core::entry::Entry;
use ubos_core::path::RelPath;
use ubos_core::plan::{Item, OpKind, Operation};
use ubos_core::sides::Sides;

use crate::history::mark::Mark;

/// The word of an operation in reports and the log.
pub fn op_word(op: &Operation) -> &'static str {
    match &op.kind {
        OpKind::Mkdir => "mkdir",
        OpKind::Create => "create",
        OpKind::Replace { .. } | OpKind::SealAndCreate => "update",
        OpKind::Append { .. } => "append",
        OpKind::Delete => "delete",
        OpKind::Rmdir => "rmdir",
        OpKind::Rename { .. } => "rename",
        OpKind::SetExec => "mode",
    }
}

/// A path as text, with its exact bytes in base64 if it is not UTF-8.
pub fn put_path(record: &mut Map<String, Value>, key: &str, path: &RelPath) {
    record.insert(key.to_owned(), path.to_string().into());
    if std::str::from_utf8(path.as_bytes()).is_err() {
        record.insert(format!("{key}_b64"), BASE64.encode(path.as_bytes()).into());
    }
}

/// One record for each operation that is about to be carried out, and one for each thing that goes
/// with a folder that is replaced as a whole. A record without a later `skipped` one of the same
/// run and path was carried out, if the run ended.
pub fn of_items<'a>(
    items: &'a [Item],
    names: &'a Sides<String>,
    confirmed: bool,
) -> impl Iterator<Item = Map<String, Value>> + 'a {
    items.iter().flat_map(|item| &item.ops).flat_map(move |op| {
        let replaced: &[(RelPath, Entry)] = match &op.kind {
            OpKind::Replace { contents } => contents,
            _ => &[],
        };
        // What was in a folder goes before the folder itself.
        let inside = replaced.iter().rev().map(move |(path, entry)| {
            let word = if entry.is_dir() { "rmdir" } else { "delete" };
            record(op, names, confirmed, word, path, [Some(entry), None])
        });
        let word = op_word(op);
        let own = record(op, names, confirmed, word, &op.path, [op.pre.as_ref(), op.post.as_ref()]);
        inside.chain(std::iter::once(own))
    })
}

fn record(
    op: &Operation,
    names: &Sides<String>,
    confirmed: bool,
    word: &str,
    path: &RelPath,
    [before, after]: [Option<&Entry>; 2],
) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("event".into(), "change".into());
    put_path(&mut record, "path", path);
    record.insert("to".into(), names.get(op.to).clone().into());
    record.insert("op".into(), word.into());
    for (key, entry) in [("before", before), ("after", after)] {
        record.insert(key.into(), Mark::of(entry).to_value());
        if let Some(Entry::File { size, .. }) = entry {
            record.insert(format!("{key}_size"), (*size).into());
        }
    }
    record.insert("reason".into(), json!(op.reason));
    if confirmed {
        record.insert("confirmed".into(), true.into());
    }
    if let OpKind::Rename { from, .. } = &op.kind {
        put_path(&mut record, "from", from);
    }
    record
}
