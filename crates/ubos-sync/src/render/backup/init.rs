//! What was set up for the backup: each step with its reason, and the first snapshot.

use serde_json::{Value, json};

use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::init::Plan;
use ubos_tiers::git::snapshot::Snapshot;

use super::snapshot;
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// What is so after the first snapshot.
const FROM_NOW_ON: &str =
    "From now on a snapshot is made before and after each sync that changes something.";

/// All that is told.
pub(crate) struct Told<'a> {
    /// The steps.
    pub(crate) plan: &'a Plan,
    /// Whether nothing was done.
    pub(crate) dry_run: bool,
    /// What came of the first snapshot.
    pub(crate) first: Option<&'a Result<Snapshot, BackupError>>,
}

impl Told<'_> {
    /// In words.
    pub(crate) fn text(&self, ui: &Ui) -> String {
        let mut text = String::new();
        for step in &self.plan.steps {
            let mark = match (step.done, self.dry_run) {
                (true, _) => "  is so  ",
                (false, true) => "  would  ",
                (false, false) => "  done   ",
            };
            text.push_str(&hanging(mark, &one_line(&step.what), ui.width()));
            let why = hanging("         ", step.why, ui.width());
            text.push_str(&ui.tone(Tone::Faint, &why));
        }
        for notice in &self.plan.notices {
            let notice = hanging("Note: ", &one_line(notice), ui.width());
            text.push_str(&ui.tone(Tone::Attention, &notice));
        }
        match self.first {
            Some(Ok(made)) => {
                text.push_str(&snapshot::text(made, ui));
                text.push_str(&hanging("", FROM_NOW_ON, ui.width()));
            }
            Some(Err(_)) => {}
            None => text.push_str("Nothing was changed. Without -n, the first snapshot follows.\n"),
        }
        text
    }

    /// As JSON.
    pub(crate) fn document(&self) -> Value {
        let steps: Vec<Value> = self
            .plan
            .steps
            .iter()
            .map(|step| json!({"what": step.what, "why": step.why, "done": step.done || !self.dry_run}))
            .collect();
        let settings = &self.plan.settings;
        let mut document = json!({
            "schema": 1,
            "dry_run": self.dry_run,
            "steps": steps,
            "remote": settings.remote,
            "branch": settings.branch,
            "notices": self.plan.notices,
            "snapshot": null,
            "exit": 0,
        });
        match self.first {
            Some(Ok(made)) => {
                document["snapshot"] = snapshot::document(made);
                document["exit"] = snapshot::exit_code(made).into();
            }
            Some(Err(error)) => {
                document["error"] = json!({
                    "kind": error.kind(), "message": error.to_string(), "hint": error.hint(),
                });
                document["exit"] = error.exit_code().into();
            }
            None => {}
        }
        document
    }
}
