//! What hangs on a note.

use ubos_tiers::graph::questions::impact::{Impact, Turned};

use super::rows::{counted, head, kind, more};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Who depends on it, then the links that would break or turn.
pub(super) fn text(impact: &Impact, ui: &Ui) -> String {
    let note = one_line(&impact.note);
    let mut text = match impact.total {
        0 => format!("nothing depends on {note}\n"),
        total => {
            let depend = if total == 1 { "depends" } else { "depend" };
            head(&format!("{} {depend} on {note}", counted(total, "file")), ui)
        }
    };
    for dependent in &impact.dependents {
        let reference = &dependent.reference;
        let steps = match dependent.distance {
            1 => String::new(),
            many => format!(" by {many} steps, first"),
        };
        let place = ui.tone(Tone::Faint, &format!("line {}", reference.line));
        let kind = kind(reference, ui);
        text.push_str(&format!("  {}{steps}  {place}{kind}\n", one_line(&dependent.path)));
    }
    text.push_str(&more(impact.dependents.len(), impact.total, ui));
    let if_so = match &impact.renamed {
        Some(name) => format!("If it became {}", one_line(name)),
        None => "If it were deleted".to_owned(),
    };
    let (broken, turned): (Vec<&Turned>, Vec<&Turned>) =
        impact.links.iter().partition(|link| link.breaks());
    if impact.links.is_empty() {
        text.push_str(&format!("\n{if_so}, no link would change.\n"));
        return text;
    }
    let mut list = |links: &[&Turned], what: &str, tone: Tone| {
        if links.is_empty() {
            return;
        }
        let count = counted(links.len(), "link");
        text.push_str(&format!(
            "\n{}\n",
            ui.tone(tone, &format!("{if_so}, {count} would {what}:"))
        ));
        for link in links {
            let to = link.becomes.as_deref().map(|path| format!("  → {}", one_line(path)));
            let place = format!("{}:{}", one_line(&link.from), link.line);
            text.push_str(&format!(
                "  {place}  [[{}]]{}\n",
                one_line(&link.link),
                to.unwrap_or_default()
            ));
        }
    };
    list(&broken, "break", Tone::Bad);
    list(&turned, "lead to another file", Tone::Attention);
    text
}
