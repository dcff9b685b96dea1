//! Two texts below one another: what is gone with `-`, what is new with `+`.

use super::Compared;
use super::lines::Row;
use super::sheet::{Role, Sheet};
use super::words::marked;
use crate::ui::Ui;

/// Draws the rows that differ, with the lines around them.
pub(super) fn draw(compared: &Compared<'_>, columns: usize, ui: &Ui) -> String {
    let last = compared.old.lines.len().max(compared.new.lines.len());
    let mut sheet = Sheet::new(ui, columns, last);
    compared.each_hunk(|part| match part {
        super::Part::Gap(words) => sheet.say(&words),
        super::Part::Row(row) => draw_row(&mut sheet, compared, row),
    });
    sheet.finish()
}

/// Draws one row of a comparison; equal lines have the number that they have in the newer text.
pub(super) fn draw_row(sheet: &mut Sheet<'_>, compared: &Compared<'_>, row: Row) {
    let (old, new) = (&compared.old.lines, &compared.new.lines);
    match row {
        Row::Same(_, b) => sheet.line(b + 1, Role::Same, &vec![(false, new[b])]),
        Row::Removed(a) => sheet.line(a + 1, Role::Removed, &vec![(false, old[a])]),
        Row::Added(b) => sheet.line(b + 1, Role::Added, &vec![(false, new[b])]),
        Row::Changed(a, b) => {
            let (before, after) = marked(old[a], new[b]);
            sheet.line(a + 1, Role::Removed, &before);
            sheet.line(b + 1, Role::Added, &after);
        }
    }
}
