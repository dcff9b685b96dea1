//! Conflict markers that somebody's merge left in a text: worth a warning, and kept as they are.

use ubos_core::path::RelPath;

use super::{Finding, Weight};

/// Warns of the first place where all three markers stand at the starts of lines, in their order.
pub(super) fn examine(path: &RelPath, content: &[u8]) -> Option<Finding> {
    let line = first(content)?;
    let finding = Finding::new("conflict-markers", path, b"", "a merge was not finished here");
    Some(finding.at(line).weighing(Weight::Warn))
}

/// The line, from 1, of the opening marker of the first complete set.
fn first(content: &[u8]) -> Option<u32> {
    let mut opened = None;
    let mut divided = false;
    for (number, line) in (1u32..).zip(content.split(|&b| b == b'\n')) {
        // Nearly every line ends here.
        if !matches!(line.first(), Some(b'<' | b'=' | b'>')) {
            continue;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"<<<<<<< ") {
            (opened, divided) = (Some(number), false);
        } else if line == b"=======" {
            divided = opened.is_some();
        } else if line.starts_with(b">>>>>>> ") && divided {
            return opened;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> [String; 3] {
        ["<", "=", ">"].map(|mark| mark.repeat(7))
    }

    #[test]
    fn all_three_in_order_are_an_unfinished_merge() {
        let [open, middle, close] = marks();
        let text = format!("a\r\n{open} ours\r\nb\r\n{middle}\r\nc\r\n{close} theirs\r\n");
        assert_eq!(first(text.as_bytes()), Some(2));
        let again = format!("{open} x\n{text}");
        assert_eq!(first(again.as_bytes()), Some(3), "the innermost opening one");
    }

    #[test]
    fn a_heading_or_a_quotation_is_not() {
        let [open, middle, close] = marks();
        for text in [
            format!("Title\n{middle}\n"),
            format!("{open} a\n{close} b\n"),
            format!("{middle}\n{open} a\n{close} b\n"),
            format!("    {open} a\n    {middle}\n    {close} b\n"),
            format!("{open} a\n{middle} b\n{close} c\n"),
        ] {
            assert_eq!(first(text.as_bytes()), None, "{text}");
        }
    }
}
