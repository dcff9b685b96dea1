//! Why two notes are connected.

use ubos_tiers::graph::questions::paths::{Hop, Paths};

use super::rows::{counted, end, head, kind, sentence};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Chain by chain, hop by hop, with place and sentence.
pub(super) fn text(paths: &Paths, ui: &Ui) -> String {
    let (from, to) = (one_line(&paths.from), one_line(&paths.to));
    if paths.paths.is_empty() {
        let way = if paths.directed { "leads from" } else { "connects" };
        let joint = if paths.directed { "to" } else { "and" };
        return format!("nothing {way} {from} {joint} {to}\n");
    }
    let mut text =
        head(&format!("{} from {from} to {to}", counted(paths.paths.len(), "chain")), ui);
    for chain in &paths.paths {
        text.push_str(&format!("\n{}\n", ui.tone(Tone::Faint, &counted(chain.len(), "step"))));
        text.push_str(&format!("  {from}\n"));
        chain.iter().for_each(|hop| text.push_str(&step(hop, ui)));
    }
    text
}

fn step(hop: &Hop, ui: &Ui) -> String {
    let arrow = if hop.forward { "→" } else { "←" };
    let reference = &hop.reference;
    let within = reference.within.as_deref().unwrap_or(&reference.from);
    let others = match hop.others {
        0 => String::new(),
        count => format!(", {count} more"),
    };
    let place = ui.tone(Tone::Faint, &format!("{}:{}{others}", one_line(within), reference.line));
    let mut text = format!("  {arrow} {}  {place}{}\n", end(&hop.to, ui), kind(reference, ui));
    text.push_str(&sentence(reference, 6, ui));
    text
}
