//! Sentences broken into lines between words, for a terminal of so many columns.

use crate::ui::cells::width;

/// Nothing is broken into lines narrower than this; the terminal breaks them then.
const LEAST: usize = 20;

/// `text` behind `first`, its further lines below where it began. A word that is too long for a line
/// has one to itself. Ends with a line break.
pub(crate) fn hanging(first: &str, text: &str, columns: usize) -> String {
    let indent = width(first);
    let room = columns.saturating_sub(indent).max(LEAST);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && width(line) + 1 + width(word) > room {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let lead = if index == 0 { first.to_owned() } else { " ".repeat(indent) };
        out.push_str(&format!("{}\n", format!("{lead}{line}").trim_end()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_hang_below_the_first() {
        let text = "Keep balaur's version (it replaces localhost's)";
        assert_eq!(
            hanging("  2. ", text, 30),
            "  2. Keep balaur's version (it\n     replaces localhost's)\n"
        );
        assert_eq!(
            hanging("", "aaaaaaaaaaaaaaaaaaaaaaaaa b", 20),
            "aaaaaaaaaaaaaaaaaaaaaaaaa\nb\n"
        );
    }
}
