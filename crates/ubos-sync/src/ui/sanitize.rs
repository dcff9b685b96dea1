//! Whatever came from a disk, a peer or a manifest is made harmless before a terminal sees it.

/// The text with control characters, bidirectional controls and zero-width characters written
/// out. Line breaks stay.
pub(crate) fn sanitize(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let dangerous = (c.is_control() && c != '\n')
            || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        if !dangerous {
            safe.push(c);
        } else if (c as u32) < 0x80 {
            safe.push_str(&format!("\\x{:02X}", c as u32));
        } else {
            safe.push_str(&format!("\\u{{{:X}}}", c as u32));
        }
    }
    safe
}

/// A name for one line: line breaks are written out too.
pub(crate) fn one_line(text: &str) -> String {
    sanitize(text).replace('\n', "\\x0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_turns_text_around_gets_through() {
        assert_eq!(sanitize("a\x1b[31mb\r\u{202e}c\u{9b}"), "a\\x1B[31mb\\x0D\\u{202E}c\\u{9B}");
        assert_eq!(sanitize("Füße\n"), "Füße\n");
        assert_eq!(sanitize("a\u{2028}\u{61c}"), "a\\u{2028}\\u{61C}");
        assert_eq!(one_line("a\nb"), "a\\x0Ab");
    }
}
