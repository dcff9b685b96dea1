//! What a note refers to, and what refers to it.

use ubos_tiers::graph::questions::links::Links;

use super::rows::{counted, end, head, kind, more, sentence, times};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// What a note refers to: line, target, sentence.
pub(super) fn links(links: &Links, ui: &Ui) -> String {
    let note = one_line(&links.note);
    if links.total == 0 {
        return format!("{note} refers to nothing\n");
    }
    let what = counted(links.distinct, "other");
    let mut text = head(&format!("{note} refers to {what}, {}", times(links.total)), ui);
    for reference in &links.references {
        let line = format!("{:>5}", reference.line);
        let (target, kind) = (end(&reference.to, ui), kind(reference, ui));
        text.push_str(&format!("{}  {target}{kind}\n", ui.tone(Tone::Faint, &line)));
        text.push_str(&sentence(reference, 7, ui));
    }
    text + &more(links.references.len(), links.total, ui)
}

/// What refers to a note: file by file, line, sentence.
pub(super) fn backlinks(links: &Links, ui: &Ui) -> String {
    let note = one_line(&links.note);
    if links.total == 0 {
        return format!("nothing refers to {note}\n");
    }
    let (what, often) = (counted(links.distinct, "file"), times(links.total));
    let refer = if links.distinct == 1 { "refers" } else { "refer" };
    let mut text = head(&format!("{what} {refer} to {note}, {often}"), ui);
    let mut file = None;
    for reference in &links.references {
        if file != Some(&reference.from) {
            text.push_str(&format!("{}\n", one_line(&reference.from)));
            file = Some(&reference.from);
        }
        let line = ui.tone(Tone::Faint, &format!("{:>5}", reference.line));
        let (kind, words) = (kind(reference, ui), sentence(reference, 7, ui));
        match (kind.is_empty(), words.strip_prefix("       ")) {
            (true, Some(words)) => text.push_str(&format!("{line}  {words}")),
            _ => text.push_str(&format!("{line}{kind}\n{words}")),
        }
    }
    text + &more(links.references.len(), links.total, ui)
}
