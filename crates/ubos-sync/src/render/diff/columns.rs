//! Two texts side by side. A changed line that is too long for its column is cut to where it
//! changed, once for each place; a line that stands on one side only is wrapped.

use super::lines::Row;
use super::sheet::{Role, digits, marks, painted, painted_sign, wrapped};
use super::words::{Parts, marked};
use super::{Compared, Part};
use crate::render::units::plural;
use crate::ui::cells::{Cell, cells, padded, width};
use crate::ui::{Tone, Ui};

/// Rows that one line may take.
const MOST_ROWS: usize = 8;
const BETWEEN: &str = " │ ";

/// Draws the rows that differ, with the lines around them.
pub(super) fn draw(compared: &Compared<'_>, columns: usize, ui: &Ui) -> String {
    let last = compared.old.lines.len().max(compared.new.lines.len());
    let digits = digits(last);
    let half = (columns - width(BETWEEN)) / 2;
    let mut page = Page { ui, digits, half, room: half - digits - 3, text: String::new() };
    page.pair(
        &ui.tone(Tone::Strong, &compared.labels.0),
        &ui.tone(Tone::Strong, &compared.labels.1),
    );
    compared.each_hunk(|part| match part {
        Part::Gap(words) => page.text.push_str(&format!("{}\n", ui.tone(Tone::Faint, &words))),
        Part::Row(row) => page.row(compared, row),
    });
    page.text
}

struct Page<'a> {
    ui: &'a Ui,
    digits: usize,
    half: usize,
    room: usize,
    text: String,
}

impl Page<'_> {
    fn row(&mut self, compared: &Compared<'_>, row: Row) {
        let (old, new) = (&compared.old.lines, &compared.new.lines);
        match row {
            Row::Same(a, b) => {
                let cells = plain(old[a]);
                let cut = vec![window(&cells, 0, self.room)];
                self.both(self.column(a, Role::Same, &cut), self.column(b, Role::Same, &cut));
            }
            Row::Removed(a) => {
                let left = self.column(a, Role::Removed, &self.whole(&plain(old[a])));
                self.both(left, Vec::new());
            }
            Row::Added(b) => {
                let right = self.column(b, Role::Added, &self.whole(&plain(new[b])));
                self.both(Vec::new(), right);
            }
            Row::Changed(a, b) => {
                let (before, after) = marked(old[a], new[b]);
                let left = self.column(a, Role::Removed, &self.around(&before, &after));
                let right = self.column(b, Role::Added, &self.around(&after, &before));
                self.both(left, right);
            }
        }
    }

    /// All of a line, in rows; of a very long one the beginning.
    fn whole(&self, cells: &[Cell]) -> Vec<Vec<Cell>> {
        let rows = wrapped(cells, self.room);
        let mut shown: Vec<Vec<Cell>> =
            rows.iter().take(MOST_ROWS).map(|row| row.to_vec()).collect();
        if rows.len() > MOST_ROWS {
            let left: usize = rows[MOST_ROWS..].iter().map(|row| row.len()).sum();
            shown.push(words(&format!("… {} …", plural(left, "more character"))));
        }
        shown
    }

    /// The places of a line that changed. Where nothing of it is marked, the place where the other
    /// version's first mark stands.
    fn around(&self, parts: &Parts<'_>, other: &Parts<'_>) -> Vec<Vec<Cell>> {
        let cells = cells(parts.iter().copied());
        let (mut starts, mut all) = (Vec::new(), true);
        if total(&cells) > self.room {
            let mut from = 0;
            while let Some(at) = cells[from..].iter().position(|cell| cell.marked) {
                let start = self.start(&cells, from + at);
                starts.push(start);
                from = start + fitting(&cells[start..], self.room.saturating_sub(2)).max(1);
                if starts.len() == MOST_ROWS {
                    all = !cells[from..].iter().any(|cell| cell.marked);
                    break;
                }
            }
            if starts.is_empty() {
                let same = other.iter().take_while(|part| !part.0).map(|part| part.1);
                let at = crate::ui::cells::cells(same.map(|bytes| (false, bytes))).len();
                starts.push(self.start(&cells, at.min(cells.len().saturating_sub(1))));
            }
        } else {
            starts.push(0);
        }
        let mut rows: Vec<_> =
            starts.into_iter().map(|start| window(&cells, start, self.room)).collect();
        if !all {
            rows.push(words("… more of this line differs …"));
        }
        rows
    }

    /// Where a window begins that shows the cell at `index`: at the beginning of the line where that
    /// is near.
    fn start(&self, cells: &[Cell], index: usize) -> usize {
        if total(&cells[..index]) <= self.room * 2 / 3 {
            0
        } else {
            back(cells, index, self.room / 3)
        }
    }

    /// The rows of one column with number and sign, and rows of marks, where there is no colour.
    fn column(
        &self,
        index: usize,
        role: Role,
        rows: &[Vec<Cell>],
    ) -> Vec<(String, Option<String>)> {
        let gutter = " ".repeat(self.digits + 3);
        let mut column = Vec::new();
        for (row_index, row) in rows.iter().enumerate() {
            let lead = if row_index == 0 {
                let number = format!("{:>1$}", index + 1, self.digits);
                let sign = painted_sign(self.ui, role.sign(), role);
                format!("{} {sign} ", self.ui.tone(Tone::Faint, &number))
            } else {
                gutter.clone()
            };
            let marks = marks(self.ui, row).map(|marks| format!("{gutter}{marks}"));
            column.push((format!("{lead}{}", painted(self.ui, row, role)), marks));
        }
        column
    }

    /// Two columns beside one another.
    fn both(&mut self, left: Vec<(String, Option<String>)>, right: Vec<(String, Option<String>)>) {
        for index in 0..left.len().max(right.len()) {
            let nothing = (String::new(), None);
            let a = left.get(index).unwrap_or(&nothing);
            let b = right.get(index).unwrap_or(&nothing);
            self.pair(&a.0, &b.0);
            if a.1.is_some() || b.1.is_some() {
                self.pair(a.1.as_deref().unwrap_or_default(), b.1.as_deref().unwrap_or_default());
            }
        }
    }

    fn pair(&mut self, left: &str, right: &str) {
        let row = format!("{}{BETWEEN}{right}", padded(left, self.half));
        self.text.push_str(row.trim_end());
        self.text.push('\n');
    }
}

fn plain(line: &[u8]) -> Vec<Cell> {
    cells([(false, line)])
}

/// Words of ours as cells.
fn words(text: &str) -> Vec<Cell> {
    plain(text.as_bytes())
}

fn dots() -> Cell {
    Cell { text: "…".into(), width: 1, marked: false }
}

fn total(cells: &[Cell]) -> usize {
    cells.iter().map(|cell| cell.width).sum()
}

/// How many cells fit into `room` columns.
fn fitting(cells: &[Cell], room: usize) -> usize {
    let mut used = 0;
    cells
        .iter()
        .take_while(|cell| {
            used += cell.width;
            used <= room
        })
        .count()
}

/// The cell that stands about `columns` before the one at `index`; the first where there is little
/// before it.
fn back(cells: &[Cell], index: usize, columns: usize) -> usize {
    let mut used = 0;
    let near = cells[..index].iter().rev().take_while(|cell| {
        used += cell.width;
        used <= columns
    });
    index - near.count()
}

/// The cells from `start` on that fit into `room`, with dots where something is cut off.
fn window(cells: &[Cell], start: usize, room: usize) -> Vec<Cell> {
    let mut shown = Vec::new();
    let mut left = room;
    if start > 0 {
        shown.push(dots());
        left -= 1;
    }
    let rest = &cells[start..];
    if total(rest) <= left {
        shown.extend_from_slice(rest);
    } else {
        shown.extend_from_slice(&rest[..fitting(rest, left - 1)]);
        shown.push(dots());
    }
    shown
}
