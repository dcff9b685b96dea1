//! A few lines that are kept up to date in place, below the lines that stay.

use std::io::{self, IsTerminal, Write};

use super::cells::width;
use super::{Ui, pager};

/// The lines at the bottom of the answer.
#[derive(Debug, Default)]
pub(crate) struct Live {
    shown: Vec<String>,
}

impl Live {
    /// Whether standard output can be kept up to date.
    pub(crate) fn is_possible() -> bool {
        let terminal = std::env::var_os("TERM");
        let moves = terminal.is_some_and(|name| name != "dumb" && !name.is_empty());
        moves && io::stdout().is_terminal()
    }

    /// Shows `lines` instead of those shown before, and `above` them what stays. What does not fit
    /// on the screen is left out: only what is on it can be replaced.
    ///
    /// # Errors
    /// What writing says.
    pub(crate) fn show(&mut self, above: &str, lines: &[String], ui: &Ui) -> io::Result<()> {
        let rows = pager::rows().map_or(usize::MAX, |rows| rows.saturating_sub(1).max(1));
        let mut lines = &lines[..lines.len().min(rows)];
        while lines.len() > 1 && rows_of(lines, ui.width()) > rows {
            lines = &lines[..lines.len() - 1];
        }
        if above.is_empty() && self.shown == lines {
            return Ok(());
        }
        let mut text = self.erase(ui.width());
        text.push_str(above);
        text.push_str(&lines.join("\n"));
        self.shown = lines.to_vec();
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    }

    /// What takes the lines away: to the beginning of the first, and all below it.
    fn erase(&self, columns: usize) -> String {
        match rows_of(&self.shown, columns) {
            0 => String::new(),
            1 => "\r\x1b[J".to_owned(),
            rows => format!("\r\x1b[{}A\x1b[J", rows - 1),
        }
    }
}

/// Rows that these lines take; a window that became narrower breaks them.
fn rows_of(lines: &[String], columns: usize) -> usize {
    lines.iter().map(|line| width(line).max(1).div_ceil(columns.max(1))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(lines: &[&str]) -> Live {
        Live { shown: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn exactly_the_lines_that_were_shown_are_taken_away() {
        assert_eq!(live(&[]).erase(80), "");
        assert_eq!(live(&["one"]).erase(80), "\r\x1b[J");
        assert_eq!(live(&["one", "two", ""]).erase(80), "\r\x1b[2A\x1b[J");
        assert_eq!(live(&["twelve words", "two"]).erase(6), "\r\x1b[2A\x1b[J");
    }
}
