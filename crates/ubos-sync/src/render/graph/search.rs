//! What a search found.

use ubos_tiers::graph::search::Search;

use super::rows::{counted, head, more};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// File by file, with the lines that match.
pub(super) fn text(search: &Search, ui: &Ui) -> String {
    if search.total == 0 {
        return "nothing matches\n".to_owned();
    }
    let matches = if search.total == 1 { "matches" } else { "match" };
    let mut text = head(&format!("{} {matches}", counted(search.total, "file")), ui);
    for hit in &search.hits {
        let rest = hit.lines.saturating_sub(hit.snippets.len());
        let rest = match rest {
            0 => String::new(),
            rest => {
                format!("  {}", ui.tone(Tone::Faint, &format!("{} more", counted(rest, "line"))))
            }
        };
        let mark = match hit.excluded {
            true => format!("  {}", ui.tone(Tone::Faint, "excluded")),
            false => String::new(),
        };
        text.push_str(&format!("\n{}{mark}{rest}\n", one_line(&hit.path)));
        for snippet in &hit.snippets {
            let line = ui.tone(Tone::Faint, &format!("{:>5}", snippet.line));
            text.push_str(&hanging(&format!("{line}  "), &one_line(&snippet.text), ui.width()));
        }
    }
    text + &more(search.hits.len(), search.total, ui)
}
