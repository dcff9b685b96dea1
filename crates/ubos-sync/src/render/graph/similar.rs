//! Notes like one.

use ubos_tiers::graph::questions::similar::{Likeness, Similar};

use super::rows::{counted, head, more};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// A row for each, the measure it is sorted by named first.
pub(super) fn text(similar: &Similar, ui: &Ui) -> String {
    let note = one_line(&similar.note);
    let by = match similar.by {
        Likeness::CoCitation => "being named together",
        Likeness::Jaccard => "shared neighbours of all (Jaccard)",
        Likeness::AdamicAdar => "rare shared neighbours (Adamic–Adar)",
        Likeness::Overlap => "shared neighbours of the fewer (overlap)",
        Likeness::Common => "shared neighbours",
    };
    if similar.total == 0 {
        return format!("nothing is like {note} by {by}\n");
    }
    let mut text = head(&format!("{} like {note}, by {by}", counted(similar.total, "file")), ui);
    let header = "  cited  jaccard  adamic  overlap  common";
    text.push_str(&format!("{}\n", ui.tone(Tone::Faint, header)));
    for alike in &similar.similar {
        let linked = if alike.linked { ui.tone(Tone::Faint, "  linked") } else { String::new() };
        text.push_str(&format!(
            "{:>7.2}  {:>7.2}  {:>6.2}  {:>7.2}  {:>6}  {}{linked}\n",
            alike.co_citation,
            alike.jaccard,
            alike.adamic_adar,
            alike.overlap,
            alike.common,
            one_line(&alike.path)
        ));
    }
    text + &more(similar.similar.len(), similar.total, ui)
}
