//! What became of the hooks.

use std::path::PathBuf;

use serde_json::{Value, json};

use ubos_tiers::git::hooks::{Done, Outcome};

use crate::ui::sanitize::one_line;

type Flow = (PathBuf, Outcome);

/// A line for each hook, and for the workflow.
pub(crate) fn text(done: &[Done], flow: Option<&Flow>) -> String {
    let mut text = String::new();
    for one in done {
        let mut line = format!("{:<10}  {}", one.hook.name(), sentence(one.outcome));
        match (&one.former, one.outcome) {
            (Some(_), Outcome::Removed) => line.push_str("; what was there before is back"),
            (Some(former), _) => {
                line.push_str(&format!("; `{}` is called first", former.display()));
            }
            (None, _) => {}
        }
        text.push_str(&one_line(&line));
        text.push('\n');
    }
    if let Some((file, outcome)) = flow {
        let mut line = format!("{:<10}  {}: {}", "workflow", sentence(*outcome), file.display());
        if matches!(outcome, Outcome::Installed | Outcome::Updated) {
            line.push_str("; commit and push it");
        }
        text.push_str(&one_line(&line));
        text.push('\n');
    }
    text
}

/// The same as a document.
pub(crate) fn document(done: &[Done], flow: Option<&Flow>) -> Value {
    let hooks: Vec<Value> = done
        .iter()
        .map(|one| {
            json!({
                "hook": one.hook.name(),
                "file": one.file.display().to_string(),
                "outcome": word(one.outcome),
                "former": one.former.as_ref().map(|former| former.display().to_string()),
            })
        })
        .collect();
    let flow = flow.map(
        |(file, outcome)| json!({"file": file.display().to_string(), "outcome": word(*outcome)}),
    );
    json!({"schema": 1, "hooks": hooks, "workflow": flow, "exit": 0})
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Installed => "installed",
        Outcome::Updated => "updated",
        Outcome::Unchanged => "unchanged",
        Outcome::Removed => "removed",
        Outcome::Absent => "absent",
    }
}

fn sentence(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Installed => "installed",
        Outcome::Updated => "brought up to date",
        Outcome::Unchanged => "was installed already",
        Outcome::Removed => "removed",
        Outcome::Absent => "none of ours was there",
    }
}
