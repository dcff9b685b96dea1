//! `Report`: the JSON of a run, read strictly, so that every run of every test also proves that
//! the contract's fields are there and hold what they should.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::escape::from_base64;

/// A change that a run made, or would make.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    /// `create`, `update`, `append`, `delete`, `rename`, `mode`, `mkdir` or `rmdir`.
    pub op: String,
    /// The path, as bytes.
    pub path: Vec<u8>,
    /// The territory that is changed.
    pub to: String,
    /// The old path of a rename.
    pub from: Option<String>,
    /// Bytes of content.
    pub bytes: u64,
    /// Bytes that went over the wire for it.
    pub wire_bytes: u64,
}

/// An open conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// The path, as bytes.
    pub path: Vec<u8>,
    /// One of the contract's kinds.
    pub kind: String,
    /// What the laptop and the server hold; `None` where it is gone.
    pub versions: [Option<Value>; 2],
    /// The changed paths below a deleted folder.
    pub children: Vec<String>,
    /// The row as it was printed.
    pub raw: Value,
}

/// A held or skipped path, or a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The path, as bytes.
    pub path: Vec<u8>,
    /// The territory it stands on.
    pub on: String,
    /// A word.
    pub reason: String,
}

/// A guard that held something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardRow {
    /// Its name.
    pub guard: String,
    /// The territory that would have been changed.
    pub on: String,
    /// How many operations or paths.
    pub count: u64,
    /// A sentence.
    pub detail: String,
}

/// What went wrong with a run that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorRow {
    /// A word.
    pub kind: String,
    /// A sentence.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// The report of one run.
#[derive(Debug, Clone)]
pub struct Report {
    /// The id of the run.
    pub run: String,
    /// The id of the plan.
    pub plan: String,
    /// The command.
    pub command: String,
    /// Whether nothing was to be changed.
    pub dry_run: bool,
    /// The territory that ran it, and its peer.
    pub here: String,
    /// The other territory.
    pub peer: String,
    /// What was done, or would be.
    pub actions: Vec<Action>,
    /// Open conflicts.
    pub conflicts: Vec<Conflict>,
    /// Held changes.
    pub held: Vec<Remark>,
    /// Paths left for the next run.
    pub skipped: Vec<Remark>,
    /// Worth knowing.
    pub notices: Vec<Remark>,
    /// Guards that fired.
    pub guards: Vec<GuardRow>,
    /// The exit code as the report has it.
    pub exit: i32,
    /// Why it ended early, if it did.
    pub error: Option<ErrorRow>,
    /// The document as it was printed.
    pub raw: Value,
}

/// Words that `op` may be.
const OPS: [&str; 8] = ["create", "update", "append", "delete", "rename", "mode", "mkdir", "rmdir"];

/// Words that the `kind` of a conflict may be.
const KINDS: [&str; 8] = [
    "modify-modify",
    "create-create",
    "modify-delete",
    "delete-modify",
    "kind-change",
    "dir-delete",
    "append-diverged",
    "drift",
];

impl Report {
    /// Reads the document. One that ended with an error may lack what it did not get to.
    ///
    /// # Errors
    /// A sentence that names the field which is missing or is not what the contract says.
    pub fn read(raw: Value) -> Result<Self, String> {
        let error = match raw.get("error") {
            None | Some(Value::Null) => None,
            Some(error) => Some(ErrorRow {
                kind: text(error, "kind")?,
                message: text(error, "message")?,
                hint: text(error, "hint")?,
            }),
        };
        let reader = Reader { raw: &raw, may_lack: error.is_some() };
        if raw.get("schema") != Some(&Value::from(1)) {
            return Err("`schema` is not 1".into());
        }
        let report = Self {
            run: reader.text("run")?,
            plan: reader.text("plan")?,
            command: text(&raw, "command")?,
            dry_run: boolean(&raw, "dry_run")?,
            here: reader.text("here")?,
            peer: reader.text("peer")?,
            actions: reader.rows("actions", action)?,
            conflicts: reader.rows("conflicts", conflict)?,
            held: reader.rows("held", remark)?,
            skipped: reader.rows("skipped", remark)?,
            notices: reader.rows("notices", remark)?,
            guards: reader.rows("guards", guard)?,
            exit: i32::try_from(raw["exit"].as_i64().ok_or("`exit` is not a number")?)
                .map_err(|_| "`exit` is not an exit code")?,
            error,
            raw: raw.clone(),
        };
        report.check_whole(&reader)?;
        Ok(report)
    }

    /// What several fields must say together.
    fn check_whole(&self, reader: &Reader<'_>) -> Result<(), String> {
        for field in ["started", "finished"] {
            let time = reader.text(field)?;
            let never_came = reader.may_lack && time.is_empty();
            if !(never_came || is_rfc3339(&time)) {
                return Err(format!("`{field}` is not an RFC 3339 time: {time}"));
            }
        }
        if reader.may_lack {
            return Ok(());
        }
        let totals = &self.raw["totals"];
        let sum = |count: fn(&Action) -> u64| self.actions.iter().map(count).sum::<u64>();
        let expected =
            [("actions", self.actions.len() as u64), ("bytes", sum(|action| action.bytes))];
        for (name, value) in expected {
            if totals[name].as_u64() != Some(value) {
                return Err(format!(
                    "`totals.{name}` is {}, the rows add up to {value}",
                    totals[name]
                ));
            }
        }
        totals["wire_bytes"].as_u64().ok_or("`totals.wire_bytes` is not a number")?;
        for name in [&self.here, &self.peer] {
            if totals["scanned"][name.as_str()].as_u64().is_none() {
                return Err(format!("`totals.scanned` has no number for {name}"));
            }
        }
        Ok(())
    }
}

struct Reader<'a> {
    raw: &'a Value,
    may_lack: bool,
}

impl Reader<'_> {
    fn text(&self, field: &str) -> Result<String, String> {
        match self.raw.get(field) {
            None | Some(Value::Null) if self.may_lack => Ok(String::new()),
            _ => text(self.raw, field),
        }
    }

    fn rows<T>(
        &self,
        field: &str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        match self.raw.get(field) {
            Some(Value::Array(rows)) => rows
                .iter()
                .map(|row| read(row).map_err(|why| format!("{field}: {why} in {row}")))
                .collect(),
            None | Some(Value::Null) if self.may_lack => Ok(Vec::new()),
            _ => Err(format!("`{field}` is not a list")),
        }
    }
}

/// Reads one row of `conflicts`, of a run or of the command `conflicts`.
///
/// # Errors
/// As [`Report::read`].
pub fn conflict(row: &Value) -> Result<Conflict, String> {
    let kind = text(row, "kind")?;
    if !KINDS.contains(&kind.as_str()) {
        return Err(format!("unknown kind {kind}"));
    }
    let mut versions = [None, None];
    for (side, name) in ["localhost", "balaur"].iter().enumerate() {
        match row.get(*name) {
            None => return Err(format!("no side `{name}`")),
            Some(Value::Null) => {}
            Some(version) => {
                check_version(version)?;
                versions[side] = Some(version.clone());
            }
        }
    }
    let children = match (row.get("children"), kind.as_str()) {
        (Some(Value::Array(list)), _) => {
            list.iter().map(|child| child.as_str().unwrap_or_default().to_owned()).collect()
        }
        (_, "dir-delete") => return Err("a dir-delete without `children`".into()),
        _ => Vec::new(),
    };
    Ok(Conflict { path: path(row)?, kind, versions, children, raw: row.clone() })
}

fn check_version(version: &Value) -> Result<(), String> {
    let kind = text(version, "kind")?;
    if kind == "file" {
        version["size"].as_u64().ok_or("a file without `size`")?;
        text(version, "hash")?;
        let time = text(version, "mtime")?;
        if !is_rfc3339(&time) {
            return Err(format!("`mtime` is not an RFC 3339 time: {time}"));
        }
    }
    Ok(())
}

fn action(row: &Value) -> Result<Action, String> {
    let op = text(row, "op")?;
    if !OPS.contains(&op.as_str()) {
        return Err(format!("unknown op {op}"));
    }
    let from = row.get("from").and_then(Value::as_str).map(str::to_owned);
    if (op == "rename") != from.is_some() {
        return Err("a rename has `from`, and nothing else has".into());
    }
    let number = |field| row.get(field).and_then(Value::as_u64);
    Ok(Action {
        op,
        path: path(row)?,
        to: text(row, "to")?,
        from,
        bytes: number("bytes").ok_or("no `bytes`")?,
        wire_bytes: number("wire_bytes").ok_or("no `wire_bytes`")?,
    })
}

fn remark(row: &Value) -> Result<Remark, String> {
    Ok(Remark { path: path(row)?, on: text(row, "on")?, reason: text(row, "reason")? })
}

fn guard(row: &Value) -> Result<GuardRow, String> {
    Ok(GuardRow {
        guard: text(row, "guard")?,
        on: text(row, "on")?,
        count: row["count"].as_u64().ok_or("no `count`")?,
        detail: text(row, "detail")?,
    })
}

/// The exact bytes of a row's path.
fn path(row: &Value) -> Result<Vec<u8>, String> {
    let shown = text(row, "path")?;
    match row.get("path_b64") {
        None | Some(Value::Null) => Ok(shown.into_bytes()),
        Some(exact) => {
            exact.as_str().and_then(from_base64).ok_or_else(|| "`path_b64` is not base64".into())
        }
    }
}

fn text(value: &Value, field: &str) -> Result<String, String> {
    let found = value.get(field).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("`{field}` is not text"))
}

fn boolean(value: &Value, field: &str) -> Result<bool, String> {
    value
        .get(field)
        .and_then(Value::as_bool)
        .ok_or_else(|| format!("`{field}` is not true or false"))
}

/// Whether `text` is a date and time with an offset, as RFC 3339 writes them.
fn is_rfc3339(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c.to_ascii_uppercase() })
        .collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else {
        return false;
    };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with('0') => fraction.trim_start_matches('0'),
        Some(_) => return false,
        None => rest,
    };
    ["Z", "+00:00", "-00:00"].contains(&rest)
}

/// Counts rows by a key, for comparing sets with repetitions.
pub fn counted<T: Ord>(rows: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole() -> Value {
        json!({
            "schema": 1, "run": "r1", "plan": "p1", "command": "bidirectional", "dry_run": false,
            "here": "localhost", "peer": "balaur",
            "started": "2025-10-07T14:30:00Z", "finished": "2025-10-07T14:30:01.25+02:00",
            "actions": [{"path": "a", "to": "balaur", "op": "create", "bytes": 3, "wire_bytes": 9}],
            "conflicts": [{"path": "x\\xff", "path_b64": "eP8=", "kind": "modify-delete",
                "localhost": {"kind": "file", "size": 1, "mtime": "2025-10-07T14:30:00Z", "hash": "ab"},
                "balaur": null}],
            "held": [{"path": "p", "on": "localhost", "reason": "drift"}],
            "skipped": [], "notices": [],
            "guards": [{"guard": "max-delete", "on": "balaur", "count": 200, "detail": "many"}],
            "totals": {"actions": 1, "bytes": 3, "wire_bytes": 9,
                       "scanned": {"localhost": 1, "balaur": 1}},
            "exit": 3
        })
    }

    #[test]
    fn a_report_of_the_contract_is_read() {
        let report = Report::read(whole()).unwrap();
        assert_eq!(report.conflicts[0].path, b"x\xff");
        assert!(
            report.conflicts[0].versions[0].is_some() && report.conflicts[0].versions[1].is_none()
        );
        assert_eq!((report.exit, report.guards[0].count), (3, 200));
    }

    #[test]
    fn each_missing_field_is_an_error_unless_the_run_failed() {
        for field in whole().as_object().unwrap().keys() {
            let mut lacking = whole();
            lacking.as_object_mut().unwrap().remove(field);
            assert!(Report::read(lacking).is_err(), "{field} may not be missing");
        }
        let failed = json!({
            "schema": 1, "command": "push", "dry_run": false, "exit": 5,
            "error": {"kind": "unreachable", "message": "no answer", "hint": "is it on?"}
        });
        assert_eq!(Report::read(failed).unwrap().error.unwrap().kind, "unreachable");
    }

    #[test]
    fn totals_and_words_are_checked() {
        let wrong = |change: fn(&mut Value)| {
            let mut report = whole();
            change(&mut report);
            Report::read(report).unwrap_err()
        };
        assert!(wrong(|r| r["totals"]["actions"] = json!(2)).contains("add up to 1"));
        assert!(wrong(|r| r["actions"][0]["op"] = json!("copy")).contains("unknown op"));
        assert!(wrong(|r| r["actions"][0]["op"] = json!("rename")).contains("from"));
        assert!(wrong(|r| r["conflicts"][0]["kind"] = json!("odd")).contains("unknown kind"));
        assert!(wrong(|r| r["conflicts"][0]["kind"] = json!("dir-delete")).contains("children"));
        assert!(wrong(|r| r["finished"] = json!("yesterday")).contains("RFC 3339"));
    }

    #[test]
    fn times_have_an_offset() {
        assert!(is_rfc3339("2025-10-07T14:30:00.123456789-05:00"));
        for wrong in
            ["2025-10-07", "2025-10-07T14:30:00", "2025-10-07 14:30:00Z", "2025-10-07T14:30:00.Z"]
        {
            assert!(!is_rfc3339(wrong), "{wrong}");
        }
    }
}
