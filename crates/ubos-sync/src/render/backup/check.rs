//! What a check found: where, what, and how to mend it.

use serde_json::{Map, Value, json};

use ubos_tiers::git::lint::{Fault, Severity};

use crate::render::json::put_path;
use crate::render::units::plural;
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// The findings as lines, errors first.
pub(crate) fn text(faults: &[Fault], ui: &Ui) -> String {
    let mut text = String::new();
    for fault in faults.iter().filter(|fault| !ui.quiet() || fault.severity == Severity::Error) {
        let place = match fault.line {
            Some(line) => format!("{}:{line}", fault.path),
            None => fault.path.to_string(),
        };
        let tone = match fault.severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Attention,
        };
        let word = ui.tone(tone, &format!("{:<7}", fault.severity.word()));
        let what = one_line(&format!("{place}  {} ({})", fault.what, fault.rule));
        let remedy = hanging("         ", &one_line(&fault.remedy), ui.width());
        text.push_str(&format!("{word}  {what}\n{}", ui.tone(Tone::Faint, &remedy)));
    }
    if !ui.quiet() {
        text.push_str(&summary(faults));
    }
    text
}

fn summary(faults: &[Fault]) -> String {
    let errors = faults.iter().filter(|fault| fault.severity == Severity::Error).count();
    match (errors, faults.len() - errors) {
        (0, 0) => "Nothing is wrong.\n".to_owned(),
        (0, warnings) => format!("{}.\n", plural(warnings, "warning")),
        (errors, 0) => format!("{}.\n", plural(errors, "error")),
        (errors, warnings) => {
            format!("{}, {}.\n", plural(errors, "error"), plural(warnings, "warning"))
        }
    }
}

/// The findings as a document.
pub(crate) fn document(faults: &[Fault], code: u8) -> Value {
    let rows: Vec<Value> = faults.iter().map(row).collect();
    json!({"schema": 1, "findings": rows, "exit": code})
}

fn row(fault: &Fault) -> Value {
    let mut map = Map::new();
    put_path(&mut map, "path", &fault.path);
    map.insert("line".into(), fault.line.into());
    map.insert("rule".into(), fault.rule.clone().into());
    map.insert("severity".into(), fault.severity.word().into());
    map.insert("what".into(), fault.what.clone().into());
    map.insert("remedy".into(), fault.remedy.clone().into());
    map.insert("fingerprint".into(), fault.fingerprint.clone().into());
    map.into()
}
