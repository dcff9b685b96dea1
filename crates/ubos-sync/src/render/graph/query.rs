//! Notes that a query found.

use serde_json::Value;

use ubos_tiers::graph::questions::query::{Found, Row};

use super::rows::{counted, head, more};
use crate::render::wrap::hanging;
use crate::ui::cells::{padded, width};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// A path is not padded to more columns than this.
const MOST_PADDED: usize = 40;

/// A line for each note: its path, then the fields that were spoken of.
pub(super) fn text(found: &Found, ui: &Ui) -> String {
    if found.total == 0 {
        return "no note matches\n".to_owned();
    }
    let matches = if found.total == 1 { "matches" } else { "match" };
    let mut text = head(&format!("{} {matches}", counted(found.total, "note")), ui);
    let widest = found.rows.iter().map(|row| width(&one_line(&row.path))).max().unwrap_or(0);
    let columns = widest.min(MOST_PADDED);
    found.rows.iter().for_each(|row| text.push_str(&one(row, found, columns, ui)));
    text + &more(found.rows.len(), found.total, ui)
}

fn one(row: &Row, found: &Found, columns: usize, ui: &Ui) -> String {
    let field = |name: &String| {
        let value = shown(row.fields.get(name)?);
        Some(format!("{} {}", ui.tone(Tone::Faint, &one_line(name)), one_line(&value)))
    };
    let fields: Vec<String> = found.columns.iter().filter_map(field).collect();
    let path = one_line(&row.path);
    if fields.is_empty() {
        return format!("  {path}\n");
    }
    let text = fields.join("  ");
    if width(&path) > columns {
        return format!("  {path}\n{}", hanging("      ", &text, ui.width()));
    }
    hanging(&format!("  {}  ", padded(&path, columns)), &text, ui.width())
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}
