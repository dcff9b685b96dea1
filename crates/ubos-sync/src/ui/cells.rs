//! Text as cells of a terminal: what each character looks like once it is harmless, and how many
//! columns it takes.
//!
//! A tab becomes spaces, a control character its escape, a bad byte `\xHH`, a wide character two
//! columns; a mark that combines with the character before it takes none.

use unicode_width::UnicodeWidthChar;

use super::sanitize::sanitize;

/// Columns between two tab stops.
const TAB: usize = 4;

/// What one character of a text shows as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Harmless for a terminal.
    pub text: String,
    /// Columns it takes.
    pub width: usize,
    /// Whether it stands out from the cells around it.
    pub marked: bool,
}

/// The cells of one line, whose parts are marked or not. No part may hold a line break; one that
/// does is written out.
pub(crate) fn cells<'a>(parts: impl IntoIterator<Item = (bool, &'a [u8])>) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut column = 0;
    for (marked, bytes) in parts {
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                push(&mut cells, &mut column, c, marked);
            }
            for byte in chunk.invalid() {
                let text = format!("\\x{byte:02X}");
                column += text.len();
                cells.push(Cell { width: text.len(), text, marked });
            }
        }
    }
    cells
}

fn push(cells: &mut Vec<Cell>, column: &mut usize, c: char, marked: bool) {
    let (text, width) = match c {
        '\t' => {
            let width = TAB - *column % TAB;
            (" ".repeat(width), width)
        }
        '\n' => ("\\x0A".to_owned(), 4),
        c => {
            let text = sanitize(c.encode_utf8(&mut [0; 4]));
            // What was escaped is as wide as it is long.
            let width = if text.len() > c.len_utf8() { text.len() } else { c.width().unwrap_or(0) };
            (text, width)
        }
    };
    *column += width;
    match cells.last_mut() {
        Some(last) if width == 0 => last.text.push_str(&text),
        _ => cells.push(Cell { text, width, marked }),
    }
}

/// Columns that a line takes which is harmless already; colours take none.
pub(crate) fn width(line: &str) -> usize {
    let mut width = 0;
    let mut escape = false;
    for c in line.chars() {
        match c {
            '\x1b' => escape = true,
            'm' if escape => escape = false,
            _ if escape => {}
            c => width += c.width().unwrap_or(0),
        }
    }
    width
}

/// The line with spaces up to `columns`; one that is longer stays as it is.
pub(crate) fn padded(line: &str, columns: usize) -> String {
    format!("{line}{}", " ".repeat(columns.saturating_sub(width(line))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> (String, usize) {
        let cells = cells([(false, bytes)]);
        (cells.iter().map(|c| c.text.as_str()).collect(), cells.iter().map(|c| c.width).sum())
    }

    #[test]
    fn every_character_knows_how_many_columns_it_takes() {
        assert_eq!(shown("aß".as_bytes()), ("aß".into(), 2));
        assert_eq!(shown("日本".as_bytes()), ("日本".into(), 4));
        assert_eq!(shown("e\u{301}x".as_bytes()), ("e\u{301}x".into(), 2));
        assert_eq!(shown(b"a\tb"), ("a   b".into(), 5));
        assert_eq!(shown("日\tb".as_bytes()), ("日  b".into(), 5));
        assert_eq!(shown(b"\x1b[2J\r\xff"), ("\\x1B[2J\\x0D\\xFF".into(), 15));
        assert_eq!(shown("\u{202e}".as_bytes()), ("\\u{202E}".into(), 8));
        assert_eq!(width("\x1b[1;31m日\x1b[0m "), 3);
    }
}
