//! Findings about the set-up as text and as JSON.

use serde_json::{Value, json};

use crate::finding::{Finding, Section, Status, exit_code};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// The findings for people; with `--quiet` only what is not well.
pub(crate) fn text(sections: &[Section], ui: &Ui) -> String {
    let mut text = String::new();
    for section in sections {
        let told: Vec<&Finding> = section
            .findings
            .iter()
            .filter(|finding| !ui.quiet() || finding.status != Status::Ok)
            .collect();
        if told.is_empty() {
            continue;
        }
        text.push_str(&format!("{}\n", ui.tone(Tone::Strong, &one_line(&section.title))));
        for finding in told {
            text.push_str(&line(finding, ui));
        }
        text.push('\n');
    }
    if !ui.quiet() || !text.is_empty() {
        text.push_str(&summary(sections, ui));
    }
    text
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Ok => Tone::Good,
        Status::Warning => Tone::Attention,
        Status::Problem | Status::Unreachable => Tone::Bad,
    }
}

fn line(finding: &Finding, ui: &Ui) -> String {
    let word = ui.tone(tone(finding.status), &format!("{:<8}", finding.status.word()));
    let mut text = format!("  {word} {:<18} {}\n", finding.check, one_line(&finding.message));
    if let Some(remedy) = &finding.remedy {
        text.push_str(&format!("           {:<18} → {}\n", "", one_line(remedy)));
    }
    text
}

fn summary(sections: &[Section], ui: &Ui) -> String {
    let findings = || sections.iter().flat_map(|section| &section.findings);
    let count = |word: &str| findings().filter(|f| f.status.word() == word).count();
    let (problems, warnings) = (count("problem"), count("warning"));
    let plural = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        count => format!("{count} {word}s"),
    };
    let checks = plural(findings().count(), "check");
    let (tone, verdict) = match (problems, warnings) {
        (0, 0) => (Tone::Good, "all well".to_owned()),
        (0, _) => (Tone::Good, format!("no problem, {}", plural(warnings, "warning"))),
        (_, 0) => (Tone::Bad, plural(problems, "problem")),
        _ => {
            (Tone::Bad, format!("{}, {}", plural(problems, "problem"), plural(warnings, "warning")))
        }
    };
    format!("{}\n", ui.tone(tone, &format!("{checks}: {verdict}")))
}

/// The findings as a document.
pub(crate) fn json(sections: &[Section]) -> Value {
    let findings: Vec<Value> = sections
        .iter()
        .flat_map(|section| &section.findings)
        .map(|finding| {
            json!({
                "check": finding.check, "status": finding.status.word(),
                "message": finding.message, "remedy": finding.remedy,
            })
        })
        .collect();
    json!({"schema": 1, "findings": findings, "exit": exit_code(sections)})
}
