//! What the audit log says of a run besides the changes themselves: what it left open, and the run as
//! a whole.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::plan::Plan;
use ubos_core::sides::Side;

use super::report::{Action, RunReport, guard_word};
use crate::audit_notes::put_path;

impl RunReport {
    /// What the audit log keeps of the run besides the changes themselves. What was already open
    /// before, by these marks, is on record since it appeared.
    pub(super) fn audit_lines(&self, plan: &Plan, known: &HashSet<Digest>) -> Vec<String> {
        let quiet = self.actions.is_empty()
            && self.put_back.is_empty()
            && plan.skipped.is_empty()
            && plan.guards.is_empty();
        let mut lines = Vec::new();
        let mut record = |event: &str, path: &RelPath, more: Vec<(&str, Value)>| {
            let mut fields = Map::new();
            fields.insert("event".into(), event.into());
            put_path(&mut fields, "path", path);
            fields.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
            lines.push(Value::Object(fields).to_string());
        };
        for skipped in &plan.skipped {
            let on = self.names.get(skipped.on).clone();
            record(
                "skipped",
                &skipped.path,
                vec![("on", on.into()), ("reason", skipped.reason.clone().into())],
            );
        }
        for conflict in plan.conflicts.iter().filter(|c| !known.contains(&c.mark)) {
            let kind = conflict.kind.word();
            record(
                "conflict",
                &conflict.path,
                vec![("kind", kind.into()), ("mark", conflict.mark.to_hex().into())],
            );
        }
        for held in plan.held.iter().filter(|held| !known.contains(&held.mark)) {
            let on = self.names.get(held.on).clone();
            record(
                "held",
                &held.path,
                vec![("on", on.into()), ("reason", held.reason.word().into())],
            );
        }
        lines.push(self.end_record(plan, quiet));
        lines
    }

    /// What the audit log says of the run as a whole, where there is no plan.
    pub(super) fn run_record(&self) -> String {
        self.end_record(&Plan::default(), self.put_back.is_empty())
    }

    fn end_record(&self, plan: &Plan, quiet: bool) -> String {
        let by_side = |count: &dyn Fn(&Action) -> u64| -> BTreeMap<String, u64> {
            let sum = |side: Side| {
                self.actions.iter().filter(|action| action.to == side).map(count).sum()
            };
            Side::BOTH.map(|side| (self.names.get(side).clone(), sum(side))).into()
        };
        let brings = |action: &Action| matches!(action.op, "create" | "update" | "append");
        let bytes = |action: &Action| if brings(action) { action.bytes } else { 0 };
        let scanned =
            Side::BOTH.map(|side| (self.names.get(side).clone(), *self.scanned.get(side)));
        let guards: Vec<Cow<'_, str>> = plan.guards.iter().map(|g| guard_word(g.guard)).collect();
        let end = json!({
            "event": "run", "command": self.command, "from": self.names.here, "to": self.names.there,
            "who": who(), "started": self.started, "generation": self.generation,
            "actions": self.actions.len() + self.put_back.len(), "conflicts": plan.conflicts.len(), "held": plan.held.len(),
            "skipped": plan.skipped.len(), "guards": plan.guards.len(), "quiet": quiet,
            "exit": self.exit_with(plan), "seconds": self.seconds(), "mode": self.mode,
            "interval": self.interval,
            "whole": self.whole, "bytes": self.actions.iter().map(bytes).sum::<u64>(),
            "wire_bytes": self.wire_bytes, "oldest_change": self.oldest_change,
            "scanned": BTreeMap::from(scanned),
            "files_to": by_side(&|action| brings(action).into()), "bytes_to": by_side(&bytes),
            "guarded_by": guards, "clock_offset": self.clock_offset, "peer_build": self.peer_build,
        });
        end.to_string()
    }
}

/// The user that the run belongs to.
pub(crate) fn who() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default()
}
