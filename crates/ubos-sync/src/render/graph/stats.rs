//! The vault in numbers.

use ubos_tiers::graph::questions::stats::Stats;

use super::rows::{counted, head};
use crate::render::units::{bytes, number};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// The numbers, what wants attention last.
pub(super) fn text(stats: &Stats, ui: &Ui) -> String {
    let n = |count: usize| number(count as u64);
    let mut text = head(
        &format!(
            "{}, {}, {}, {}",
            counted(stats.notes, "note"),
            counted(stats.canvases, "canvas").replace("canvass", "canvases"),
            counted(stats.attachments, "other file"),
            bytes(stats.bytes)
        ),
        ui,
    );
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<12} {value}\n"));
    row("words", number(stats.words));
    let kinds: Vec<String> = stats
        .references
        .iter()
        .map(|(kind, count)| format!("{} {}", n(*count), kind.word()))
        .collect();
    row("references", if kinds.is_empty() { "none".into() } else { kinds.join(", ") });
    row("edges", format!("{} between different files", n(stats.edges)));
    row("tags", n(stats.tags));
    row("tasks", format!("{}, {} of them done", n(stats.tasks.0), n(stats.tasks.1)));
    let parts = match stats.parts {
        (0, _) => "nothing".to_owned(),
        (count, largest) => {
            let parts = counted(count, "part");
            format!("{parts} of two files and more, the largest of {}", n(largest))
        }
    };
    row("connected", parts);
    row(
        "at the edge",
        format!(
            "{} that nothing refers to, {}, {} isolated",
            n(stats.orphans),
            counted(stats.dead_ends, "dead end"),
            n(stats.isolated)
        ),
    );
    if stats.excluded > 0 {
        let files = counted(stats.excluded, "file");
        row(
            "excluded",
            format!("{files} by Obsidian's settings: not in the graph view, last in searches"),
        );
    }
    let mut attention = |text_of: String, next: &str| {
        let mark = ui.tone(Tone::Attention, &text_of);
        text.push_str(&format!("  {mark}{next}\n"));
    };
    if stats.missing_links > 0 {
        let links = counted(stats.missing_links, "link");
        attention(
            format!("{links} to {} that no file has", counted(stats.missing, "name")),
            "  (graph broken)",
        );
    }
    if stats.bad_subpaths > 0 {
        attention(
            format!(
                "{} to a heading or block that is not there",
                counted(stats.bad_subpaths, "link")
            ),
            "  (graph broken)",
        );
    }
    if stats.bad_properties > 0 {
        attention(
            format!(
                "{} with properties that cannot be read",
                counted(stats.bad_properties, "note")
            ),
            "",
        );
    }
    if stats.unread > 0 {
        attention(format!("{} that could not be read", counted(stats.unread, "file")), "");
    }
    for twins in &stats.twins {
        let names: Vec<String> = twins.iter().map(|path| one_line(path)).collect();
        attention("alike but for case".to_owned(), &format!("  {}", names.join(", ")));
    }
    text
}
