//! What the audit log says about a run, as JSON objects. The words are those of the reports.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Map, Value, json};

use ubos_core::entry::Entry;
use ubos_core::path::RelPath;
use ubos_core::plan::{Item, OpKind, Operation};
use ubos_core::sides::Sides;

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

/// What an entry is, in a word or a hash.
fn mark(entry: Option<&Entry>) -> Value {
    match entry {
        None => Value::Null,
        Some(Entry::Dir) => "folder".into(),
        Some(Entry::Symlink { target }) => {
            format!("link:{}", ubos_core::path::escape_bytes(target)).into()
        }
        Some(Entry::File { digest, exec, .. }) => {
            format!("{}{}", digest.to_hex(), if *exec { "+x" } else { "" }).into()
        }
    }
}

/// One record for each operation that is about to be carried out. A record without a later
/// `failed` one of the same run and path was carried out, if the run ended.
pub fn of_items<'a>(
    items: &'a [Item],
    names: &'a Sides<String>,
    confirmed: bool,
) -> impl Iterator<Item = Map<String, Value>> + 'a {
    items.iter().flat_map(|item| &item.ops).map(move |op| {
        let mut record = Map::new();
        record.insert("event".into(), "change".into());
        put_path(&mut record, "path", &op.path);
        record.insert("to".into(), names.get(op.to).clone().into());
        record.insert("op".into(), op_word(op).into());
        record.insert("before".into(), mark(op.pre.as_ref()));
        record.insert("after".into(), mark(op.post.as_ref()));
        record.insert("reason".into(), json!(op.reason));
        if confirmed {
            record.insert("confirmed".into(), true.into());
        }
        if let OpKind::Rename { from, .. } = &op.kind {
            put_path(&mut record, "from", from);
        }
        record
    })
}
