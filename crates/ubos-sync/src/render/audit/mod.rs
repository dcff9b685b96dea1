//! The audit as Markdown and as JSON, from the same value.

mod actions;
mod markdown;

use serde_json::{Value, json};

use ubos_engine::audit_report::Figures;

pub(crate) use markdown::{MARK, markdown};

/// The document of `--json`.
pub(crate) fn document(figures: &Figures, written: Option<&str>, code: u8) -> Value {
    let mut document = json!({
        "schema": 1, "sound": figures.is_sound(), "actions": actions::of(figures),
        "written": written, "exit": code,
    });
    if let (Value::Object(document), Ok(Value::Object(figures))) =
        (&mut document, serde_json::to_value(figures))
    {
        document.extend(figures);
    }
    document
}
