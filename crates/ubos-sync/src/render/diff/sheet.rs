//! The sheet on which lines of texts are drawn: line numbers, a sign, the text, and below it the
//! marks, where colour cannot carry them.

use super::words::Parts;
use crate::render::units::plural;
use crate::ui::cells::{Cell, cells};
use crate::ui::{Tone, Ui};

/// Rows that one line may take before what is alike in it is left out.
const MOST_ROWS: usize = 8;
/// Columns that text gets at least, however narrow the terminal.
const LEAST: usize = 16;

/// What a line is in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The same in both.
    Same,
    /// Only in the older one.
    Removed,
    /// Only in the newer one.
    Added,
}

impl Role {
    /// The sign before the line.
    pub(super) fn sign(self) -> char {
        match self {
            Role::Same => ' ',
            Role::Removed => '-',
            Role::Added => '+',
        }
    }

    /// How it is painted, and its marked words.
    fn tones(self) -> Option<(Tone, Tone)> {
        match self {
            Role::Same => None,
            Role::Removed => Some((Tone::Removed, Tone::RemovedWords)),
            Role::Added => Some((Tone::Added, Tone::AddedWords)),
        }
    }
}

/// Where lines are drawn below one another.
pub(super) struct Sheet<'a> {
    ui: &'a Ui,
    columns: usize,
    digits: usize,
    lines: usize,
    text: String,
}

impl<'a> Sheet<'a> {
    /// A sheet of so many columns, with room for line numbers up to `last`.
    pub(super) fn new(ui: &'a Ui, columns: usize, last: usize) -> Self {
        Self { ui, columns, digits: digits(last), lines: 0, text: String::new() }
    }

    /// Lines of texts that were drawn.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// What was drawn.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Adds a row that is neither a line of a text nor marks.
    pub(super) fn say(&mut self, words: &str) {
        let words = self.ui.tone(Tone::Faint, words);
        self.text.push_str(&format!("{words}\n"));
    }

    /// Adds a heading.
    pub(super) fn head(&mut self, words: &str) {
        let words = self.ui.tone(Tone::Strong, words);
        self.text.push_str(&format!("{words}\n"));
    }

    /// Adds a line, wrapped, with its number counted from 1.
    pub(super) fn line(&mut self, number: usize, role: Role, parts: &Parts<'_>) {
        self.lines += 1;
        let cells = cells(parts.iter().copied());
        let gutter = self.digits + 3;
        let rows = wrapped(&cells, self.columns.saturating_sub(gutter).max(LEAST));
        let shown = shown(&rows);
        let mut left_out = 0;
        for (index, row) in rows.iter().enumerate() {
            if !shown[index] {
                left_out += row.len();
                continue;
            }
            self.gap(&mut left_out);
            let (number, sign) = match index {
                0 => (format!("{number:>0$}", self.digits), role.sign()),
                _ => (" ".repeat(self.digits), ' '),
            };
            let number = self.ui.tone(Tone::Faint, &number);
            let sign = painted_sign(self.ui, sign, role);
            let line = format!("{number} {sign} {}", painted(self.ui, row, role));
            self.text.push_str(line.trim_end());
            self.text.push('\n');
            if let Some(marks) = marks(self.ui, row) {
                self.text.push_str(&format!("{}{marks}\n", " ".repeat(gutter)));
            }
        }
        self.gap(&mut left_out);
    }

    fn gap(&mut self, left_out: &mut usize) {
        if *left_out > 0 {
            let words = format!(
                "{}… {} of this line …",
                " ".repeat(self.digits + 3),
                plural(*left_out, "more character")
            );
            self.say(&words);
            *left_out = 0;
        }
    }
}

/// Digits that the number takes.
pub(super) fn digits(number: usize) -> usize {
    number.max(1).ilog10() as usize + 1
}

/// The sign in the colour of its line.
pub(super) fn painted_sign(ui: &Ui, sign: char, role: Role) -> String {
    match role.tones() {
        Some((tone, _)) if sign != ' ' => ui.tone(tone, &sign.to_string()),
        _ => sign.to_string(),
    }
}

/// Cells as text, those that are marked in another tone.
pub(super) fn painted(ui: &Ui, cells: &[Cell], role: Role) -> String {
    let mut text = String::new();
    for run in cells.chunk_by(|a, b| a.marked == b.marked) {
        let run_text: String = run.iter().map(|cell| cell.text.as_str()).collect();
        match role.tones() {
            Some((tone, words)) => {
                text.push_str(&ui.tone(if run[0].marked { words } else { tone }, &run_text));
            }
            None => text.push_str(&run_text),
        }
    }
    text
}

/// The row of marks below cells, where there is no colour and something is marked.
pub(super) fn marks(ui: &Ui, cells: &[Cell]) -> Option<String> {
    if ui.color() || !cells.iter().any(|cell| cell.marked) {
        return None;
    }
    let sign = |cell: &Cell| if cell.marked { "^" } else { " " }.repeat(cell.width);
    Some(cells.iter().map(sign).collect::<String>().trim_end().to_owned())
}

/// Cells in rows of at most `room` columns, broken behind blanks where there is one in the last
/// third. There is always one row.
pub(super) fn wrapped(cells: &[Cell], room: usize) -> Vec<&[Cell]> {
    let mut rows = Vec::new();
    let mut rest = cells;
    loop {
        let mut used = 0;
        let fits = rest.iter().take_while(|cell| {
            used += cell.width;
            used <= room
        });
        let fits = fits.count();
        if fits == rest.len() {
            rows.push(rest);
            return rows;
        }
        let blank = rest[..fits].iter().rposition(|cell| cell.text == " ");
        let end = match blank {
            Some(at) if at + 1 > fits * 2 / 3 => at + 1,
            // A single cell may be wider than the room.
            _ => fits.max(1),
        };
        let (row, left) = rest.split_at(end);
        rows.push(row);
        rest = left;
    }
}

/// Which rows of a line are shown: all, or, of a very long one, the first, and those with marks and
/// beside such.
fn shown(rows: &[&[Cell]]) -> Vec<bool> {
    let marked = |index: usize| rows.get(index).is_some_and(|row| row.iter().any(|c| c.marked));
    if rows.len() <= MOST_ROWS {
        return vec![true; rows.len()];
    }
    let any = (0..rows.len()).any(marked);
    let wanted = |index: usize| {
        let near = marked(index) || marked(index + 1) || index > 0 && marked(index - 1);
        index == 0 || if any { near } else { index < MOST_ROWS }
    };
    // However many marks there are, a line does not fill the sheet.
    let mut left = MOST_ROWS * 4;
    (0..rows.len())
        .map(|index| {
            let shown = left > 0 && wanted(index);
            left -= usize::from(shown);
            shown
        })
        .collect()
}
