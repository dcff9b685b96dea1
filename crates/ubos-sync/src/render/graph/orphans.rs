//! Files at the edge of the graph.

use ubos_tiers::graph::questions::orphans::Orphans;

use super::rows::{counted, head, more};
use crate::ui::Ui;
use crate::ui::sanitize::one_line;

/// The four sorts, each with its list.
pub(super) fn text(orphans: &Orphans, ui: &Ui) -> String {
    let lists = [
        (&orphans.orphans, "note", "that nothing refers to"),
        (&orphans.dead_ends, "note", "that refers to nothing"),
        (&orphans.isolated, "note", "with neither"),
        (&orphans.unused, "other file", "that nothing refers to"),
    ];
    let mut text = String::new();
    for ((list, word, what), total) in lists.into_iter().zip(orphans.totals) {
        if total == 0 {
            continue;
        }
        let gap = if text.is_empty() { "" } else { "\n" };
        let what = if total == 1 {
            what.to_owned()
        } else {
            what.replace("refers to nothing", "refer to nothing")
        };
        text.push_str(&format!("{gap}{}", head(&format!("{} {what}", counted(total, word)), ui)));
        list.iter().for_each(|path| text.push_str(&format!("  {}\n", one_line(path))));
        text.push_str(&more(list.len(), total, ui));
    }
    if text.is_empty() {
        "every file refers to another and is referred to\n".to_owned()
    } else {
        text
    }
}
