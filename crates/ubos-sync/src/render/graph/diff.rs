//! How the graph changed.

use ubos_tiers::graph::questions::diff::{Between, Diff};

use super::rows::{counted, head};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Rows of each list that are shown.
const ROWS: usize = 40;

/// List by list; what broke last, where the eye rests.
pub(super) fn text(diff: &Diff, ui: &Ui) -> String {
    if diff.is_empty() {
        return "nothing changed\n".to_owned();
    }
    let mut text = String::new();
    let mut list = |title: String, rows: Vec<String>, sign: &str, tone: Tone| {
        if rows.is_empty() {
            return;
        }
        let gap = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}{}", head(&title, ui)));
        for row in rows.iter().take(ROWS) {
            text.push_str(&format!("  {}\n", ui.tone(tone, &format!("{sign} {row}"))));
        }
        if rows.len() > ROWS {
            text.push_str(&format!("  … {} more; `--json` has all\n", rows.len() - ROWS));
        }
    };
    let names = |paths: &[String]| paths.iter().map(|path| one_line(path)).collect::<Vec<_>>();
    let moved = diff.moved.iter().map(|m| format!("{} → {}", one_line(&m.from), one_line(&m.to)));
    list(counted(diff.added.len(), "new file"), names(&diff.added), "+", Tone::Added);
    list(counted(diff.removed.len(), "file") + " gone", names(&diff.removed), "-", Tone::Removed);
    list(counted(diff.moved.len(), "file") + " moved", moved.collect(), "→", Tone::Faint);
    list(counted(diff.changed.len(), "file") + " changed", names(&diff.changed), "~", Tone::Faint);
    list(counted(count(&diff.links_added), "new link"), links(&diff.links_added), "+", Tone::Added);
    list(
        counted(count(&diff.links_removed), "link") + " gone",
        links(&diff.links_removed),
        "-",
        Tone::Removed,
    );
    let tags =
        |tags: &[String]| tags.iter().map(|tag| format!("#{}", one_line(tag))).collect::<Vec<_>>();
    list(counted(diff.tags_added.len(), "new tag"), tags(&diff.tags_added), "+", Tone::Added);
    list(
        counted(diff.tags_removed.len(), "tag") + " gone",
        tags(&diff.tags_removed),
        "-",
        Tone::Removed,
    );
    list(
        counted(count(&diff.mended), "link") + " to nothing no more",
        links(&diff.mended),
        "+",
        Tone::Good,
    );
    list(
        counted(count(&diff.broke), "link") + " that now lead nowhere",
        links(&diff.broke),
        "-",
        Tone::Bad,
    );
    text
}

fn count(links: &[Between]) -> usize {
    links.iter().map(|link| link.count).sum()
}

fn links(links: &[Between]) -> Vec<String> {
    let row = |link: &Between| {
        let times = if link.count > 1 { format!(" ({} times)", link.count) } else { String::new() };
        format!("{} → {}{times}", one_line(&link.from), one_line(&link.to))
    };
    links.iter().map(row).collect()
}
