//! What answers have in common: names, places, sentences, how much more there is.

use ubos_tiers::graph::model::EdgeKind;
use ubos_tiers::graph::questions::{End, Reference};

use crate::render::units::number;
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// What a reference leads to: a path, `#tag`, or a name that no file has.
pub(super) fn end(end: &End, ui: &Ui) -> String {
    match end {
        End::File(path) => one_line(path),
        End::Missing(name) => {
            format!("{} {}", ui.tone(Tone::Bad, &one_line(name)), ui.tone(Tone::Faint, "(no file)"))
        }
        End::Tag(tag) => format!("#{}", one_line(tag)),
    }
}

/// The kind of a reference behind its name, where it is not a plain link.
pub(super) fn kind(reference: &Reference, ui: &Ui) -> String {
    let mut words = Vec::new();
    if reference.kind != EdgeKind::Link {
        words.push(reference.kind.word().to_owned());
    }
    if let Some(label) = &reference.label {
        words.push(format!("`{}`", one_line(label)));
    }
    if let Some(subpath) = &reference.subpath {
        let found = if reference.subpath_found == Some(false) { ", not there" } else { "" };
        words.push(format!("#{}{found}", one_line(subpath)));
    }
    if let Some(within) = &reference.within {
        words.push(format!("in {}", one_line(within)));
    }
    match words.is_empty() {
        true => String::new(),
        false => format!("  {}", ui.tone(Tone::Faint, &words.join(" "))),
    }
}

/// The sentence of a reference below it, `indent` columns in; nothing if there is none.
pub(super) fn sentence(reference: &Reference, indent: usize, ui: &Ui) -> String {
    let lead = " ".repeat(indent);
    let text = reference.sentence.as_deref().map(one_line).filter(|text| !text.is_empty());
    text.map_or_else(String::new, |text| hanging(&lead, &text, ui.width()))
}

/// What is not shown.
pub(super) fn more(shown: usize, total: usize, ui: &Ui) -> String {
    if shown >= total {
        return String::new();
    }
    let rest = number((total - shown) as u64);
    ui.tone(Tone::Faint, &format!("… {rest} more; `--limit 0` shows all")) + "\n"
}

/// A count and its word, `3 notes`.
pub(super) fn counted(count: usize, word: &str) -> String {
    crate::render::units::plural(count, word)
}

/// "once", "4 times".
pub(super) fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", number(count as u64)) }
}

/// A heading over a list.
pub(super) fn head(text: &str, ui: &Ui) -> String {
    ui.tone(Tone::Strong, text) + "\n"
}
