//! Links that a run breaks, in words.

use serde_json::{Value, json};

use ubos_tiers::vault::breaks::Break;

use super::units::plural;
use super::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// So many notes are named on a screen.
const NAMED: usize = 3;
/// So many files are told of, unless more is asked for.
const MANY: usize = 10;

/// A line or two for each file that goes away.
pub(crate) fn text(breaks: &[Break], ui: &Ui) -> String {
    let lines = lines(breaks, ui).into_iter();
    let text: String =
        lines.map(|line| hanging("links    ", &one_line(&line), ui.width())).collect();
    ui.tone(Tone::Attention, &text)
}

/// A line for each file that goes away.
pub(crate) fn lines(breaks: &[Break], ui: &Ui) -> Vec<String> {
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    let line = |broken: &Break| format!("{}: {}", broken.path, sentence(broken));
    let mut lines: Vec<String> = breaks.iter().take(limit).map(line).collect();
    if breaks.len() > limit {
        lines.push(format!("… and {} (-v shows all)", plural(breaks.len() - limit, "more file")));
    }
    lines
}

/// What a conflict's end breaks if it stays deleted.
pub(crate) fn if_deleted(breaks: &[Break], ui: &Ui) -> String {
    let told = |broken: &Break| {
        let line = format!("if it stays deleted: {}", sentence(broken));
        ui.tone(Tone::Attention, &hanging("", &one_line(&line), ui.width()))
    };
    breaks.iter().map(told).collect()
}

/// Who links to it.
pub(crate) fn sentence(broken: &Break) -> String {
    let notes = plural(broken.note_count, "note");
    let verb = if broken.note_count == 1 { "links" } else { "link" };
    let lead = match &broken.to {
        None => format!("{notes} {verb} here"),
        Some(to) => format!("{} in {notes} will not find it at {to}", plural(broken.links, "link")),
    };
    let mut names = broken.notes.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if broken.note_count > NAMED {
        names.push_str(", …");
    }
    format!("{lead}: {names}")
}

/// The same as JSON.
pub(crate) fn document(breaks: &[Break]) -> Value {
    json!(breaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_notes_are_named() {
        let mut broken = Break {
            path: "docs/plan.md".to_owned(),
            to: None,
            links: 5,
            note_count: 4,
            notes: ["a.md", "b.md", "c.md", "d.md"].map(str::to_owned).to_vec(),
        };
        assert_eq!(sentence(&broken), "4 notes link here: a.md, b.md, c.md, …");
        broken.to = Some("old/plan.md".to_owned());
        broken.note_count = 1;
        broken.notes.truncate(1);
        assert_eq!(sentence(&broken), "5 links in 1 note will not find it at old/plan.md: a.md");
        broken.to = None;
        assert_eq!(sentence(&broken), "1 note links here: a.md");
    }
}
