//! How the graph changed.

use ubos_engine::clock;
use ubos_tiers::graph::questions::diff::{Between, Diff, State};

use super::rows::{counted, head, more};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Digits of a commit that are shown.
const SHORT: usize = 10;

/// List by list; what broke last, where the eye rests.
pub(super) fn text(diff: &Diff, ui: &Ui) -> String {
    let mut text = diff.since.as_ref().map_or(String::new(), |state| since(state, ui));
    if diff.is_empty() {
        return text + "nothing changed\n";
    }
    let mut list = |title: String, total: usize, rows: Rows, sign: &str, tone: Tone| {
        if rows.lines.is_empty() {
            return;
        }
        let gap = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}{}", head(&title, ui)));
        for row in &rows.lines {
            text.push_str(&format!("  {}\n", ui.tone(tone, &format!("{sign} {row}"))));
        }
        text.push_str(&more(rows.stand_for, total, ui));
    };
    let totals = &diff.totals;
    let all = totals.added;
    list(counted(all, "new file"), all, names(&diff.added), "+", Tone::Added);
    let all = totals.removed;
    list(counted(all, "file") + " gone", all, names(&diff.removed), "-", Tone::Removed);
    let moved = diff.moved.iter().map(|m| format!("{} → {}", one_line(&m.from), one_line(&m.to)));
    let all = totals.moved;
    list(counted(all, "file") + " moved", all, Rows::of(moved), "→", Tone::Faint);
    let all = totals.changed;
    list(counted(all, "file") + " changed", all, names(&diff.changed), "~", Tone::Faint);
    let all = totals.links_added;
    list(counted(all, "new link"), all, links(&diff.links_added), "+", Tone::Added);
    let all = totals.links_removed;
    list(counted(all, "link") + " gone", all, links(&diff.links_removed), "-", Tone::Removed);
    let all = totals.tags_added;
    list(counted(all, "new tag"), all, tags(&diff.tags_added), "+", Tone::Added);
    let all = totals.tags_removed;
    list(counted(all, "tag") + " gone", all, tags(&diff.tags_removed), "-", Tone::Removed);
    let all = totals.mended;
    let title = format!("{} mended or gone that led nowhere", counted(all, "link"));
    list(title, all, links(&diff.mended), "+", Tone::Good);
    let all = totals.broke;
    let leads = if all == 1 { "leads" } else { "lead" };
    let title = format!("{} that now {leads} nowhere", counted(all, "link"));
    list(title, all, links(&diff.broke), "-", Tone::Bad);
    text
}

/// Which state it is compared with, and what is not known of it.
fn since(state: &State, ui: &Ui) -> String {
    let short = state.snapshot.get(..SHORT).unwrap_or(&state.snapshot);
    let what = match &state.territory {
        Some(name) => format!("snapshot {short} of {name}"),
        None => format!("commit {short}"),
    };
    let run = state.run.as_ref().map_or(String::new(), |run| format!(", run {run}"));
    let line = format!("since {}, {what}{run}", clock::local(&state.made));
    let mut text = hanging("", &one_line(&line), ui.width());
    let mut note =
        |line: String| text.push_str(&ui.tone(Tone::Faint, &hanging("", &line, ui.width())));
    if state.unkept > 0 {
        let files = counted(state.unkept, "file");
        let count = if state.unkept == 1 { "counts" } else { "count" };
        note(format!("{files} that no snapshot keeps (not shared) {count} as unchanged"));
    }
    if state.unread > 0 {
        let notes = counted(state.unread, "note");
        note(format!("of {notes} nothing is kept but the name; links of then are not known"));
    }
    text
}

/// Lines, and how much they stand for.
struct Rows {
    lines: Vec<String>,
    stand_for: usize,
}

impl Rows {
    fn of(lines: impl Iterator<Item = String>) -> Self {
        let lines: Vec<String> = lines.collect();
        Self { stand_for: lines.len(), lines }
    }
}

fn names(paths: &[String]) -> Rows {
    Rows::of(paths.iter().map(|path| one_line(path)))
}

fn tags(tags: &[String]) -> Rows {
    Rows::of(tags.iter().map(|tag| format!("#{}", one_line(tag))))
}

fn links(links: &[Between]) -> Rows {
    let row = |link: &Between| {
        let times = if link.count > 1 { format!(" ({} times)", link.count) } else { String::new() };
        format!("{} → {}{times}", one_line(&link.from), one_line(&link.to))
    };
    let lines = links.iter().map(row).collect();
    Rows { lines, stand_for: links.iter().map(|link| link.count).sum() }
}
