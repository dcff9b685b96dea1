//! Tags.

use ubos_tiers::graph::questions::tags::Tags;

use super::rows::{counted, head, more, sentence, times};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Tags as a tree with counts; where one is used.
pub(super) fn text(tags: &Tags, ui: &Ui) -> String {
    let mut text = match &tags.tag {
        Some(tag) if tags.total == 0 => return format!("no file has #{}\n", one_line(tag)),
        Some(tag) => head(&format!("#{}: written {}", one_line(tag), times(tags.total)), ui),
        None if tags.total == 0 => return "no file has a tag\n".to_owned(),
        None => head(&counted(tags.total, "tag"), ui),
    };
    for count in &tags.tags {
        let depth = count.tag.matches('/').count();
        let name = count.tag.rsplit('/').next().unwrap_or(&count.tag);
        // What ends in `/` has no name of its own below the other.
        let lead = if depth == 0 || tags.tag.is_some() || name.is_empty() {
            format!("#{}", count.tag)
        } else {
            format!("{}/{name}", "  ".repeat(depth))
        };
        let notes = counted(count.notes, "file");
        text.push_str(&format!("{notes:>12}  {}\n", one_line(&lead)));
    }
    let mut file = None;
    for reference in &tags.uses {
        if file != Some(&reference.from) {
            text.push_str(&format!("\n{}\n", one_line(&reference.from)));
            file = Some(&reference.from);
        }
        let line = ui.tone(Tone::Faint, &format!("{:>5}", reference.line));
        let words = sentence(reference, 7, ui);
        text.push_str(&format!("{line}  {}", words.trim_start()));
        if words.is_empty() {
            text.push('\n');
        }
    }
    let shown = if tags.tag.is_some() { tags.uses.len() } else { tags.tags.len() };
    text + &more(shown, tags.total, ui)
}
