//! What was found in a vault, as text and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use ubos_tiers::vault::check::{Checkup, Finding};

use crate::render::units::{number, plural};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// So many findings of a kind are shown unless all are asked for.
const FEW: usize = 5;

/// The findings by kind, and how many there are.
pub(crate) fn text(checkup: &Checkup, all: bool, ui: &Ui) -> String {
    let limit = if all { usize::MAX } else { FEW };
    let mut text = String::new();
    for group in checkup.findings.chunk_by(|a, b| a.rule == b.rule) {
        let rule = group[0].rule;
        let count = number(group.len() as u64);
        text.push_str(&format!(
            "{} {}\n",
            ui.tone(Tone::Strong, rule.title()),
            ui.tone(Tone::Faint, &format!("({count}, {})", rule.word()))
        ));
        let shown = &group[..group.len().min(limit)];
        for (index, found) in shown.iter().enumerate() {
            let next = shown.get(index + 1).map(|next| next.remedy.as_str());
            text.push_str(&finding(found, next, ui));
        }
        if group.len() > limit {
            let more = format!("  … and {} more (--all shows them)\n", group.len() - limit);
            text.push_str(&ui.tone(Tone::Faint, &more));
        }
        text.push('\n');
    }
    if !ui.quiet() || !checkup.findings.is_empty() {
        text.push_str(&summary(checkup, ui));
    }
    text
}

/// One finding; a remedy that the next one has too is told there.
fn finding(finding: &Finding, next: Option<&str>, ui: &Ui) -> String {
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let mut text = format!("  {}{line}\n", one_line(&finding.path));
    text.push_str(&hanging("      ", &one_line(&finding.what), ui.width()));
    if next != Some(finding.remedy.as_str()) {
        let remedy = hanging("      → ", &one_line(&finding.remedy), ui.width());
        text.push_str(&ui.tone(Tone::Faint, &remedy));
    }
    text
}

fn summary(checkup: &Checkup, ui: &Ui) -> String {
    let looked = format!(
        "{} files, {} notes, {} links",
        number(checkup.files as u64),
        number(checkup.notes as u64),
        number(checkup.links as u64)
    );
    let (tone, verdict) = match checkup.findings.len() {
        0 => (Tone::Good, "all well".to_owned()),
        count => (Tone::Attention, plural(count, "finding")),
    };
    format!("{}\n", ui.tone(tone, &format!("{looked}: {verdict}")))
}

/// The findings as a document.
pub(crate) fn document(checkup: &Checkup, vault: &Path, code: u8) -> Value {
    json!({
        "schema": 1, "command": "vault check", "vault": vault.display().to_string(),
        "totals": {
            "files": checkup.files, "notes": checkup.notes, "links": checkup.links,
            "findings": checkup.findings.len(),
        },
        "findings": checkup.findings, "exit": code,
    })
}
