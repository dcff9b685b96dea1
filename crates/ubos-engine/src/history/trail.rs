//! The change records of the audit log, as values: those of a run, or those of a path and all
//! below it, under the names that it had.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Map, Value};

use ubos_core::path::RelPath;

use super::mark::Mark;
use crate::error::Result;
use crate::state::StateDir;
use crate::state::audit;

/// One change that a run made on one territory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number in the log of this territory.
    pub seq: u64,
    /// When it was written down, RFC 3339, UTC, with milliseconds.
    pub time: String,
    /// The run.
    pub run: String,
    /// Where; of a rename the new path.
    pub path: RelPath,
    /// Of a rename the old path.
    pub from: Option<RelPath>,
    /// The territory that was changed.
    pub territory: String,
    /// The word of the contract: `create`, `update`, `append`, `delete`, `rename`, `mode`,
    /// `mkdir` or `rmdir`.
    pub op: String,
    /// What stood there before (of a rename: at the old path).
    pub before: Mark,
    /// What stood there afterwards.
    pub after: Mark,
    /// Bytes of the former file, where the record has them.
    pub before_size: Option<u64>,
    /// Why.
    pub reason: String,
}

impl Change {
    /// Whether a former version went to the backups (or the sealed logs) because of it.
    pub fn keeps_former(&self) -> bool {
        matches!(self.op.as_str(), "update" | "delete")
            && matches!(self.before, Mark::File { .. } | Mark::Link(_))
    }

    /// Whether the former version is a sealed log.
    pub fn seals(&self) -> bool {
        self.reason == "rotated" && self.op == "update"
    }
}

/// Every change that was carried out, oldest first, as far as `wanted` says so. What a run
/// announced and then left out is not among them; of a run that was cut off, all that it announced
/// is.
///
/// # Errors
/// What reading says.
pub fn changes(
    state: &StateDir,
    wanted: &mut dyn FnMut(&Map<String, Value>) -> bool,
) -> Result<Vec<Change>> {
    let mut found: Vec<Change> = Vec::new();
    audit::read(state, &mut |record| collect(&mut found, record, wanted))?;
    Ok(found)
}

/// As [`changes`], of the records since `time` (RFC 3339, UTC).
///
/// # Errors
/// What reading says.
pub fn changes_since(
    state: &StateDir,
    time: &str,
    wanted: &mut dyn FnMut(&Map<String, Value>) -> bool,
) -> Result<Vec<Change>> {
    let mut found: Vec<Change> = Vec::new();
    audit::read_since(state, time, &mut |record| collect(&mut found, record, wanted))?;
    Ok(found)
}

fn collect(
    found: &mut Vec<Change>,
    record: &Map<String, Value>,
    wanted: &mut dyn FnMut(&Map<String, Value>) -> bool,
) -> bool {
    match text(record, "event") {
        "change" | "restored" | "edited" if wanted(record) => found.extend(change(record)),
        "skipped" | "held" => drop_skipped(found, record),
        _ => {}
    }
    true
}

/// The changes of one run.
///
/// # Errors
/// What reading says.
pub fn of_run(state: &StateDir, run: &str) -> Result<Vec<Change>> {
    changes(state, &mut |record| text(record, "run") == run)
}

/// The changes of `path` and of all below it, oldest first, under each name that it had.
///
/// # Errors
/// What reading says.
pub fn of_path(state: &StateDir, path: &RelPath) -> Result<Vec<Change>> {
    // Every rename is needed to know the names; of the rest only what is at this name or below.
    let near = |record: &Map<String, Value>, names: &[RelPath]| {
        path_of(record, "path").is_some_and(|at| names.iter().any(|name| covers(name, &at)))
    };
    let names = vec![path.clone()];
    let found =
        changes(state, &mut |record| text(record, "op") == "rename" || near(record, &names))?;
    let names = names_of(path, &found);
    if names.len() == 1 {
        return Ok(follow(path, &found));
    }
    let found =
        changes(state, &mut |record| text(record, "op") == "rename" || near(record, &names))?;
    Ok(follow(path, &found))
}

/// Of `changes` (oldest first) those that concern `path`, under the name it had at that time. A
/// rename away from it counts: afterwards nothing stood there.
pub fn follow(path: &RelPath, changes: &[Change]) -> Vec<Change> {
    let mut name = path.clone();
    let mut kept = Vec::new();
    for change in changes.iter().rev() {
        let left =
            change.from.as_ref().is_some_and(|from| covers(from, &name) || covers(&name, from));
        if !covers(&name, &change.path) && !renames(change, &name) && !left {
            continue;
        }
        kept.push(change.clone());
        if let Some(from) = &change.from
            && let Some(old) = name.rebase(&change.path, from)
        {
            name = old;
        }
    }
    kept.reverse();
    kept
}

/// Every name that `path` had, the present one first.
fn names_of(path: &RelPath, changes: &[Change]) -> Vec<RelPath> {
    let mut names = vec![path.clone()];
    for change in changes.iter().rev() {
        let name = names.last().expect("begins with one");
        if let Some(from) = &change.from
            && let Some(old) = name.rebase(&change.path, from)
        {
            names.push(old);
        }
    }
    names
}

/// Whether `change` brought what is at `name` there, by moving it or a folder above it.
fn renames(change: &Change, name: &RelPath) -> bool {
    change.from.is_some() && covers(&change.path, name)
}

/// Whether `path` is `place` or below it.
pub fn covers(place: &RelPath, path: &RelPath) -> bool {
    place == path || path.is_below(place)
}

fn drop_skipped(found: &mut Vec<Change>, record: &Map<String, Value>) {
    let (run, on) = (text(record, "run"), text(record, "on"));
    // Records of a run stand together; what is older cannot be meant.
    if found.last().is_none_or(|last| last.run != run) {
        return;
    }
    let Some(path) = path_of(record, "path") else { return };
    let same = |change: &Change| change.run == run && change.territory == on && change.path == path;
    if let Some(at) = found.iter().rposition(same) {
        found.remove(at);
    }
}

/// The text of a field, empty where there is none.
pub fn text<'r>(record: &'r Map<String, Value>, key: &str) -> &'r str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A path of a record, from its exact bytes where they stand beside it.
pub fn path_of(record: &Map<String, Value>, key: &str) -> Option<RelPath> {
    let exact = record.get(&format!("{key}_b64")).and_then(Value::as_str);
    match exact {
        Some(exact) => RelPath::new(BASE64.decode(exact).ok()?).ok(),
        None => RelPath::new(text(record, key)).ok(),
    }
}

fn change(record: &Map<String, Value>) -> Option<Change> {
    Some(Change {
        seq: record.get("seq").and_then(Value::as_u64)?,
        time: text(record, "time").to_owned(),
        run: text(record, "run").to_owned(),
        path: path_of(record, "path")?,
        from: path_of(record, "from"),
        territory: text(record, "to").to_owned(),
        op: text(record, "op").to_owned(),
        before: Mark::from_value(record.get("before"))?,
        after: Mark::from_value(record.get("after"))?,
        before_size: record.get("before_size").and_then(Value::as_u64),
        reason: text(record, "reason").to_owned(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ubos_core::entry::Digest;

    pub(in crate::history) fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    pub(in crate::history) fn mark(text: &str) -> Mark {
        match text {
            "" => Mark::Absent,
            "/" => Mark::Folder,
            text => match text.strip_prefix("->") {
                Some(target) => Mark::Link(target.into()),
                None => Mark::File { digest: Digest::of(text.as_bytes()), exec: false },
            },
        }
    }

    /// A change of one word each: run, territory, op, path (or `old>new`), before, after.
    pub(in crate::history) fn change(
        seq: u64,
        run: &str,
        territory: &str,
        op: &str,
        place: &str,
        [before, after]: [&str; 2],
    ) -> Change {
        let (from, to) = match place.split_once('>') {
            Some((from, to)) => (Some(path(from)), to),
            None => (None, place),
        };
        Change {
            seq,
            time: format!("2026-01-01T00:00:{seq:02}.000Z"),
            run: run.into(),
            path: path(to),
            from,
            territory: territory.into(),
            op: op.into(),
            before: mark(before),
            after: mark(after),
            before_size: None,
            reason: String::new(),
        }
    }

    #[test]
    fn a_path_is_followed_through_its_renames_and_no_further() {
        let changes = [
            change(1, "r1", "b", "update", "old/f", ["A", "B"]),
            change(2, "r1", "b", "update", "other", ["X", "Y"]),
            change(3, "r2", "b", "rename", "old>new", ["/", "/"]),
            change(4, "r3", "b", "create", "old/f", ["", "Z"]),
            change(5, "r4", "b", "rename", "new/f>new/g", ["B", "B"]),
            change(6, "r5", "b", "update", "new/g", ["B", "C"]),
        ];
        let seen =
            |name: &str| follow(&path(name), &changes).iter().map(|c| c.seq).collect::<Vec<_>>();
        assert_eq!(seen("new/g"), [1, 3, 5, 6]);
        assert_eq!(seen("new"), [1, 3, 5, 6]);
        assert_eq!(seen("old/f"), [1, 3, 4], "what was moved away left the place empty");
        assert_eq!(seen("other"), [2]);
    }

    #[test]
    fn records_of_before_there_were_sizes_are_read_and_skipped_ones_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        let mut log = audit::Audit::open(&state).unwrap();
        let record = |text: &str| serde_json::from_str(text).unwrap();
        let hash = Digest::of(b"A").to_hex();
        for line in [
            format!(r#"{{"event":"change","path":"a","to":"b","op":"update","before":"{hash}","after":null,"reason":"deleted"}}"#),
            format!(r#"{{"event":"change","path":"n\\xff","path_b64":"bv8=","to":"b","op":"delete","before":"{hash}+x","before_size":1,"after":null}}"#),
            r#"{"event":"change","path":"c","to":"b","op":"create","before":null,"after":"folder"}"#.into(),
            r#"{"event":"skipped","path":"c","on":"b","reason":"busy"}"#.into(),
            r#"{"event":"run","command":"push"}"#.into(),
        ] {
            log.note("r", record(&line));
        }
        log.sync().unwrap();
        let found = of_run(&state, "r").unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].before_size, found[1].before_size), (None, Some(1)));
        assert_eq!(found[1].path.as_bytes(), b"n\xff");
        assert!(of_run(&state, "s").unwrap().is_empty());
    }
}
