//! Reports as versioned JSON. The names are those of the contract.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Map, Value, json};

use ubos_core::conflict::{Conflict, Held, HeldReason, Seen};
use ubos_core::entry::{Digest, Entry};
use ubos_core::path::{RelPath, escape_bytes};
use ubos_core::sides::{Side, Sides};
use ubos_engine::agent::message::Guarded;
use ubos_engine::clock::rfc3339;
use ubos_engine::cycle::diagnosis::Finding;
use ubos_engine::cycle::report::{Action, PutBackRow, RunReport, guard_word};

use super::guarded::{confirm, confirm_run};
use super::settle::{Edit, edits, settle_commands, settle_commands_of_conflict};

/// The report of a run.
pub(crate) fn run(report: &RunReport) -> Value {
    let names = &report.names;
    let mut held: Vec<Value> = report.held.iter().map(|h| self::held(h, names)).collect();
    held.extend(report.guarded.iter().map(|action| guarded(action, report)));
    let total = |count: fn(&Action) -> u64| report.actions.iter().map(count).sum::<u64>();
    let scanned: Map<String, Value> = report
        .scanned
        .iter()
        .map(|(side, count)| (names.get(side).clone(), (*count).into()))
        .collect();
    let mut document = json!({
        "schema": 1,
        "run": report.run,
        "plan": report.plan,
        "command": report.command,
        "dry_run": report.dry_run,
        "here": names.here,
        "peer": names.there,
        "started": report.started,
        "finished": report.finished,
        "generation": report.generation,
        "last_run": report.last_run.map(rfc3339),
        "actions": report.put_back.iter().map(|row| put_back(row, names))
            .chain(report.actions.iter().map(|a| action(a, names))).collect::<Vec<_>>(),
        "conflicts": report.conflicts.iter().map(|c| conflict(c, names)).collect::<Vec<_>>(),
        "held": held,
        "skipped": report.skipped.iter().map(|s| row(&s.path, names.get(s.on), &s.reason)).collect::<Vec<_>>(),
        "notices": report.notices.iter().map(|n| row(&n.path, names.get(n.on), &n.reason)).collect::<Vec<_>>(),
        "guards": report.guards.iter().map(|g| json!({
            "guard": guard_word(g.guard), "on": names.get(g.on), "count": g.count, "detail": g.detail,
        })).collect::<Vec<_>>(),
        "totals": {
            "actions": report.actions.len() + report.put_back.len(),
            "bytes": total(|a| a.bytes) + report.put_back.iter().map(|row| row.bytes).sum::<u64>(),
            "wire_bytes": total(|a| a.wire_bytes),
            "pending": report.pending,
            "left": report.left.len(),
            "scanned": scanned,
        },
        "exit": report.exit_code(),
    });
    if let Some(error) = &report.error {
        document["error"] =
            json!({"kind": error.kind(), "message": error.to_string(), "hint": error.hint()});
    } else if let Some(guard) = report.guards.first() {
        document["error"] = json!({
            "kind": guard_word(guard.guard), "message": guard.detail, "hint": confirm_hint(report),
        });
    }
    if report.recovery_pending {
        document["recovery_pending"] = true.into();
    }
    if report.command == "recover" || report.diagnosis.iter().any(|finding| !finding.heals) {
        document["diagnosis"] = diagnosis(report);
    }
    if report.command == "recover" {
        document["adopted"] = report.adopted.into();
    }
    for (word, what) in &report.beside {
        document[word] = what.clone();
    }
    document
}

/// How to carry out what a guard held.
fn confirm_hint(report: &RunReport) -> String {
    format!("if this is what you want: {}", confirm_run(report))
}

/// What is the matter with the two territories.
fn diagnosis(report: &RunReport) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "on": report.names.get(finding.on),
            "finding": finding.kind.word(),
            "message": finding.message,
            "heals": finding.heals,
        })
    };
    report.diagnosis.iter().map(finding).collect()
}

/// A path and, if it is not UTF-8, its exact bytes.
pub(crate) fn put_path(map: &mut Map<String, Value>, key: &str, path: &RelPath) {
    map.insert(key.to_owned(), path.to_string().into());
    if std::str::from_utf8(path.as_bytes()).is_err() {
        map.insert(format!("{key}_b64"), BASE64.encode(path.as_bytes()).into());
    }
}

fn row(path: &RelPath, on: &str, reason: &str) -> Value {
    let mut map = Map::new();
    put_path(&mut map, "path", path);
    map.insert("on".into(), on.into());
    map.insert("reason".into(), reason.into());
    map.into()
}

fn action(action: &Action, names: &Sides<String>) -> Value {
    let mut map = Map::new();
    put_path(&mut map, "path", &action.path);
    map.insert("to".into(), names.get(action.to).clone().into());
    map.insert("op".into(), action.op.into());
    if let Some(from) = &action.from {
        put_path(&mut map, "from", from);
    }
    map.insert("bytes".into(), action.bytes.into());
    map.insert("wire_bytes".into(), action.wire_bytes.into());
    map.insert("reason".into(), json!(action.reason));
    map.into()
}

/// A former version that was put back is an action too; nothing crossed the wire for it.
fn put_back(row: &PutBackRow, names: &Sides<String>) -> Value {
    let mut map = Map::new();
    put_path(&mut map, "path", &row.path);
    map.insert("to".into(), names.get(row.to).clone().into());
    map.insert("op".into(), row.op.into());
    if let Some(from) = &row.from {
        put_path(&mut map, "from", from);
    }
    map.insert("bytes".into(), row.bytes.into());
    map.insert("wire_bytes".into(), 0.into());
    map.insert("reason".into(), row.reason.into());
    map.into()
}

fn guarded(action: &Action, report: &RunReport) -> Value {
    let guard = action.held_by.map(guard_word).unwrap_or_default();
    let mut value = row(&action.path, report.names.get(action.to), &guard);
    value["op"] = action.op.into();
    value["settle"] = vec![confirm_run(report)].into();
    value
}

/// A change that a guard held in the last run.
pub(crate) fn kept_by_guard(guarded: &Guarded, names: &Sides<String>) -> Value {
    let guard = guard_word(guarded.guard);
    let mut value = row(&guarded.path, names.get(guarded.on), &guard);
    value["op"] = guarded.op.clone().into();
    value["settle"] = vec![confirm(&guarded.plans.here)].into();
    value
}

/// A held path.
pub(crate) fn held(held: &Held, names: &Sides<String>) -> Value {
    let mut value = row(&held.path, names.get(held.on), held.reason.word());
    value["settle"] = settle_commands(held, names).into();
    if let HeldReason::TooLarge(excess) = held.reason {
        value["size"] = excess.size.into();
        value["limit"] = excess.limit.into();
        let edit = |edit: Edit| json!({"on": edit.on, "file": edit.file, "table": edit.table, "line": edit.line});
        value["edits"] = edits(held, names).into_iter().map(edit).collect();
    }
    value
}

/// A conflict.
pub(crate) fn conflict(conflict: &Conflict, names: &Sides<String>) -> Value {
    let mut map = Map::new();
    put_path(&mut map, "path", &conflict.path);
    map.insert("kind".into(), conflict.kind.word().into());
    map.insert("id".into(), Digest::of(conflict.path.as_bytes()).to_hex()[..16].into());
    for side in Side::BOTH {
        map.insert(names.get(side).clone(), seen(conflict.sides.get(side).as_ref()));
    }
    map.insert("settle".into(), settle_commands_of_conflict(conflict, names).into());
    if !conflict.children.is_empty() {
        let children: Vec<String> = conflict.children.iter().map(ToString::to_string).collect();
        map.insert("children".into(), children.into());
    }
    map.into()
}

fn seen(seen: Option<&Seen>) -> Value {
    let Some(seen) = seen else { return Value::Null };
    let mut map = Map::new();
    map.insert("kind".into(), json!(seen.entry.kind()));
    match &seen.entry {
        Entry::File { digest, size, exec } => {
            map.insert("size".into(), (*size).into());
            map.insert("hash".into(), digest.to_hex().into());
            map.insert("executable".into(), (*exec).into());
        }
        Entry::Symlink { target } => {
            map.insert("target".into(), escape_bytes(target).into());
        }
        Entry::Dir => {}
    }
    map.insert("mtime".into(), seen.mtime.map(rfc3339).into());
    map.into()
}
