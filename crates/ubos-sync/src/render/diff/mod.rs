//! Differences of two or three versions of a file, for people: below one another on a narrow terminal
//! and side by side on a wide one, with the changed words marked.
//!
//! `lines` finds the lines that differ and `words` the words in them; `unified`, `columns` and `three`
//! draw, on what `sheet` offers; `binary` speaks of what is not text. Nothing of a text reaches the
//! terminal but through `ui::cells`.

mod binary;
mod columns;
mod lines;
mod notes;
mod sheet;
#[cfg(test)]
mod tests;
mod three;
mod unified;
mod words;

use std::ops::Range;
use std::time::{Duration, Instant};

use ubos_core::merge::is_text;

use crate::render::units::{bytes as size, number, plural};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};
use lines::{Row, Text};

/// From this width on two texts stand side by side.
const WIDE: usize = 120;
/// Narrower than this nothing is drawn; the terminal wraps it then.
const NARROW: usize = 24;
/// What is longer is not compared line by line.
const LONGEST: usize = 1 << 20;
/// What a comparison may take before it is content with a rougher answer.
const PATIENCE: Duration = Duration::from_millis(300);
/// Rows that are shown of a comparison.
const MOST_ROWS: usize = 3000;

/// A version that is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// Whose it is, in words: `balaur`, `last agreed version`.
    pub label: &'a str,
    /// What stands there; nothing where it is deleted or never was.
    pub bytes: Option<&'a [u8]>,
}

/// What changed from `old` to `new`.
pub(crate) fn two(old: &Shown<'_>, new: &Shown<'_>, width: usize, ui: &Ui) -> String {
    let columns = width.max(NARROW);
    let (a, b) = match (old.bytes, new.bytes) {
        (Some(a), Some(b)) if a == b => return sentence(&same(old, new), columns),
        (None, None) => return sentence(&same(old, new), columns),
        (a, b) => (a.unwrap_or_default(), b.unwrap_or_default()),
    };
    if let Some(text) = not_by_lines(&[old, new], columns) {
        let difference = match (old.bytes, new.bytes) {
            (Some(a), Some(b)) => sentence(&binary::first_difference(a, b), columns),
            _ => String::new(),
        };
        return text + &difference;
    }
    let until = Instant::now() + PATIENCE;
    let (old_text, new_text) = (Text::of(a), Text::of(b));
    let rows = lines::rows(&old_text.lines, &new_text.lines, until);
    let compared = Compared {
        hunks: lines::hunks(&rows),
        rows,
        old: old_text,
        new: new_text,
        labels: (one_line(old.label), one_line(new.label)),
    };
    let mut text = String::new();
    let side_by_side = columns >= WIDE;
    if !side_by_side {
        let legend =
            |sign: &str, label: &str, tone| ui.tone(tone, &format!("{sign} {label}")) + "\n";
        text.push_str(&legend("-", &compared.labels.0, Tone::Removed));
        text.push_str(&legend("+", &compared.labels.1, Tone::Added));
    }
    for note in notes::of(&compared, (old, new), Instant::now() > until) {
        text.push_str(&sentence(&note, columns));
    }
    if !compared.hunks.is_empty() {
        text.push('\n');
        text.push_str(&if side_by_side {
            columns::draw(&compared, columns, ui)
        } else {
            unified::draw(&compared, columns, ui)
        });
    }
    text
}

/// What each territory changed since `base`. Where it is not known or nothing stood there, the two
/// versions are compared with one another; where one is deleted, what the other changed.
pub(crate) fn three(
    base: &Shown<'_>,
    here: &Shown<'_>,
    there: &Shown<'_>,
    width: usize,
    ui: &Ui,
) -> String {
    let columns = width.max(NARROW);
    let deleted = |gone: &Shown<'_>, kept: &Shown<'_>| {
        let words = format!("{} deleted it. What {} changed:", gone.label, kept.label);
        format!("{}\n{}", sentence(&words, columns), two(base, kept, width, ui))
    };
    let (base_bytes, here_bytes, there_bytes) = match (base.bytes, here.bytes, there.bytes) {
        (Some(base), Some(here), Some(there)) => (base, here, there),
        (Some(_), None, Some(_)) => return deleted(here, there),
        (Some(_), Some(_), None) => return deleted(there, here),
        _ => return two(here, there, width, ui),
    };
    if here_bytes == there_bytes {
        return two(here, there, width, ui);
    }
    if let Some(text) = not_by_lines(&[base, here, there], columns) {
        return text + &sentence(&binary::first_difference(here_bytes, there_bytes), columns);
    }
    let three = three::Three {
        base: Text::of(base_bytes),
        here: Text::of(here_bytes),
        there: Text::of(there_bytes),
        labels: [base, here, there].map(|shown| one_line(shown.label)),
    };
    let until = Instant::now() + PATIENCE;
    let mut text = three.draw(columns, ui, until);
    for note in notes::ends([(here, &three.here), (there, &three.there)]) {
        text.push_str(&sentence(&note, columns));
    }
    text
}

/// Two texts and how they differ.
struct Compared<'a> {
    old: Text<'a>,
    new: Text<'a>,
    labels: (String, String),
    rows: Vec<Row>,
    hunks: Vec<Range<usize>>,
}

/// A part of what is drawn.
enum Part {
    /// Words for what is left out.
    Gap(String),
    /// A row.
    Row(Row),
}

impl Compared<'_> {
    /// Calls `draw` for every row that is shown and for what is left out between them.
    fn each_hunk(&self, mut draw: impl FnMut(Part)) {
        let gap = |lines: usize| format!("… {} …", plural(lines, "equal line"));
        let (mut at, mut shown) = (0, 0);
        for hunk in &self.hunks {
            if hunk.start > at {
                draw(Part::Gap(gap(hunk.start - at)));
            }
            for row in &self.rows[hunk.clone()] {
                if shown == MOST_ROWS {
                    let rest = self.rows[hunk.start..].iter();
                    let rest = rest.filter(|row| !matches!(row, Row::Same(..))).count();
                    let words = format!("… and up to {} that differ …", plural(rest, "more line"));
                    return draw(Part::Gap(words));
                }
                draw(Part::Row(*row));
                shown += 1;
            }
            at = hunk.end;
        }
        if at < self.rows.len() {
            draw(Part::Gap(gap(self.rows.len() - at)));
        }
    }
}

/// Words for two versions that do not differ.
fn same(old: &Shown<'_>, new: &Shown<'_>) -> String {
    let (a, b) = (old.label, new.label);
    match old.bytes {
        None => format!("Nothing stands there: neither {a} nor {b} has it."),
        Some([]) => format!("Both are empty: {a} and {b}."),
        Some(_) => format!("No difference: {a} and {b} have the same content."),
    }
}

/// What is said of versions that cannot be compared line by line, since one is no text or too long;
/// nothing where they can.
fn not_by_lines(versions: &[&Shown<'_>], columns: usize) -> Option<String> {
    let contents = || versions.iter().filter_map(|shown| shown.bytes);
    let binary = contents().any(|bytes| !is_text(bytes));
    if !binary && contents().all(|bytes| bytes.len() <= LONGEST) {
        return None;
    }
    let mut text = String::new();
    for shown in versions {
        let what = match shown.bytes {
            None => "nothing there".to_owned(),
            Some(bytes) if binary => binary::described(bytes),
            Some(bytes) => {
                let lines = bytes.iter().filter(|&&b| b == b'\n').count();
                format!("text, {} lines, {}", number(lines as u64), size(bytes.len() as u64))
            }
        };
        text.push_str(&sentence(&format!("{}: {what}", shown.label), columns));
    }
    if !binary {
        let longest = size(LONGEST as u64);
        let words = format!("More than {longest} is not compared line by line here.");
        text.push_str(&sentence(&words, columns));
    }
    Some(text)
}

/// A sentence on lines of its own, made harmless.
fn sentence(words: &str, columns: usize) -> String {
    hanging("", &one_line(words), columns)
}
