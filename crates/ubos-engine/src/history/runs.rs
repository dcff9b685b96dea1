//! The runs on record, and which one a person means.

use std::collections::BTreeMap;

use serde_json::Value;

use super::trail::text;
use crate::backups;
use crate::error::{EngineError, Result};
use crate::state::StateDir;
use crate::state::audit;

/// A run on record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunRecord {
    /// Number of its first record.
    pub first: u64,
    /// When that was written.
    pub time: String,
    /// Its command; empty if it was cut off.
    pub command: String,
    /// How many changes it announced.
    pub changes: u64,
}

/// Every run on record, by id, and the time of the very first record.
///
/// # Errors
/// What reading says.
pub fn all(state: &StateDir) -> Result<(BTreeMap<String, RunRecord>, Option<String>)> {
    let mut runs: BTreeMap<String, RunRecord> = BTreeMap::new();
    let mut begin = None;
    audit::read(state, &mut |record| {
        let time = text(record, "time").to_owned();
        begin.get_or_insert_with(|| time.clone());
        let run = runs.entry(text(record, "run").to_owned()).or_insert_with(|| RunRecord {
            first: record.get("seq").and_then(Value::as_u64).unwrap_or(0),
            time,
            ..RunRecord::default()
        });
        match text(record, "event") {
            "change" | "restored" => run.changes += 1,
            "edited" => {
                run.changes += 1;
                run.command = text(record, "command").to_owned();
            }
            "run" => run.command = text(record, "command").to_owned(),
            "skipped" => run.changes = run.changes.saturating_sub(1),
            _ => {}
        }
        true
    })?;
    for run in backups::runs(state)? {
        runs.entry(run).or_default();
    }
    runs.remove("");
    Ok((runs, begin))
}

/// The run that `given` means: its id, the beginning of one that no other shares, or `last` for
/// the last that changed something.
///
/// # Errors
/// [`EngineError::Config`] naming candidates, if it means none or several.
pub fn named(runs: &BTreeMap<String, RunRecord>, given: &str) -> Result<String> {
    const SHOWN: usize = 5;
    if given == "last" {
        let last = runs.iter().rev().find(|(_, run)| run.changes > 0);
        return last.map(|(id, _)| id.clone()).ok_or_else(|| EngineError::Config {
            message: "no run on record changed anything".into(),
            hint: Some("`ubos-sync log` shows what is on record".into()),
        });
    }
    if runs.contains_key(given) {
        return Ok(given.to_owned());
    }
    let fitting: Vec<&String> =
        runs.keys().filter(|id| !given.is_empty() && id.starts_with(given)).collect();
    match fitting[..] {
        [one] => Ok(one.clone()),
        [] => {
            let newest = runs.iter().rev().filter(|(_, run)| run.changes > 0).take(SHOWN);
            let newest: Vec<&str> = newest.map(|(id, _)| id.as_str()).collect();
            let hint = match newest.is_empty() {
                true => "nothing that could be put back is on record".to_owned(),
                false => format!("the last that changed something: {}", newest.join(", ")),
            };
            Err(EngineError::Config {
                message: format!("no run `{given}` is on record"),
                hint: Some(hint),
            })
        }
        _ => {
            let shown: Vec<&str> = fitting.iter().rev().take(SHOWN).map(|id| id.as_str()).collect();
            let more = fitting.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            Err(EngineError::Config {
                message: format!("`{given}` can mean {} runs", fitting.len()),
                hint: Some(format!("name one of them: {}{more}", shown.join(", "))),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_id_a_beginning_of_it_or_as_the_last() {
        let run = |changes| RunRecord { changes, ..RunRecord::default() };
        let runs = BTreeMap::from(
            [("20260101T1", 2), ("20260102T1", 1), ("20260102T2", 3), ("20260103T1", 0)]
                .map(|(id, changes)| (id.to_owned(), run(changes))),
        );
        for (given, meant) in
            [("20260102T1", "20260102T1"), ("20260101", "20260101T1"), ("last", "20260102T2")]
        {
            assert_eq!(named(&runs, given).unwrap(), meant);
        }
        let told = |given| {
            let error = named(&runs, given).unwrap_err();
            format!("{error}; {}", error.hint())
        };
        assert!(
            told("20260102").contains("2 runs")
                && told("20260102").contains("20260102T2, 20260102T1")
        );
        assert!(told("x").contains("20260102T2, 20260102T1, 20260101T1"), "{}", told("x"));
        assert!(told("").contains("no run"));
        assert!(named(&BTreeMap::new(), "last").is_err());
    }
}
