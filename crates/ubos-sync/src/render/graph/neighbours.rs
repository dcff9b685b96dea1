//! What is around a note.

use ubos_tiers::graph::questions::neighbours::Neighbours;

use super::rows::{counted, end, head, more};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Step by step, with the neighbour before and the kinds between.
pub(super) fn text(all: &Neighbours, ui: &Ui) -> String {
    let note = one_line(&all.note);
    let steps = counted(all.depth as usize, "step");
    if all.total == 0 {
        return format!("nothing is within {steps} of {note}\n");
    }
    let mut text =
        head(&format!("{} within {steps} of {note}", counted(all.total, "neighbour")), ui);
    let mut distance = 0;
    for neighbour in &all.neighbours {
        if neighbour.distance != distance && all.depth > 1 {
            distance = neighbour.distance;
            text.push_str(&ui.tone(Tone::Faint, &counted(distance as usize, "step")));
            text.push('\n');
        }
        let kinds: Vec<&str> = neighbour.kinds.iter().map(|kind| kind.word()).collect();
        let through = match neighbour.distance {
            1 => String::new(),
            _ => format!(" through {}", one_line(&neighbour.through)),
        };
        let how = ui.tone(Tone::Faint, &format!("{}{through}", kinds.join(", ")));
        text.push_str(&format!("  {}  {how}\n", end(&neighbour.node, ui)));
    }
    text + &more(all.neighbours.len(), all.total, ui)
}
