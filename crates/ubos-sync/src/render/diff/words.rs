//! Which words of a line changed.

use std::ops::Range;
use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use unicode_width::UnicodeWidthChar;

/// What one line may take.
const PATIENCE: Duration = Duration::from_millis(30);

/// Parts of a line, each marked or not.
pub(super) type Parts<'a> = Vec<(bool, &'a [u8])>;

/// Two versions of a line, with what differs marked.
pub(super) fn marked<'a>(old: &'a [u8], new: &'a [u8]) -> (Parts<'a>, Parts<'a>) {
    let (olds, news) = (words(old), words(new));
    let until = Some(Instant::now() + PATIENCE);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for operation in capture_diff_slices_deadline(Algorithm::Myers, &olds, &news, until) {
        let differs = !matches!(operation, DiffOp::Equal { .. });
        push(&mut left, differs, &olds, operation.old_range());
        push(&mut right, differs, &news, operation.new_range());
    }
    (joined(old, &left), joined(new, &right))
}

fn push(parts: &mut Vec<(bool, usize)>, marked: bool, words: &[&[u8]], range: Range<usize>) {
    let length = words[range].iter().map(|word| word.len()).sum::<usize>();
    if length > 0 {
        parts.push((marked, length));
    }
}

/// Lengths to parts; a blank between two marks is marked too, so that a changed phrase is one mark.
fn joined<'a>(line: &'a [u8], lengths: &[(bool, usize)]) -> Parts<'a> {
    let mut parts: Vec<(bool, Range<usize>)> = Vec::new();
    let mut at = 0;
    for (index, &(marked, length)) in lengths.iter().enumerate() {
        let range = at..at + length;
        at = range.end;
        let between = index > 0 && lengths.get(index + 1).is_some_and(|next| next.0);
        let blank = line[range.clone()].iter().all(u8::is_ascii_whitespace);
        let marked = marked || between && blank;
        match parts.last_mut() {
            Some(last) if last.0 == marked => last.1.end = range.end,
            _ => parts.push((marked, range)),
        }
    }
    parts.into_iter().map(|(marked, range)| (marked, &line[range])).collect()
}

/// A line as words, blanks, and signs each for itself. In scripts without blanks each character is
/// a word.
fn words(line: &[u8]) -> Vec<&[u8]> {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Word,
        Blank,
        Single,
    }
    let mut words: Vec<&[u8]> = Vec::new();
    let (mut start, mut at, mut open) = (0, 0, Kind::Single);
    let mut step = |kind: Kind, length: usize| {
        if at > start && (kind != open || kind == Kind::Single) {
            words.push(&line[start..at]);
            start = at;
        }
        at += length;
        open = kind;
    };
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            let kind = match c {
                _ if c.is_whitespace() => Kind::Blank,
                '_' => Kind::Word,
                // A mark that combines belongs to what stands before it.
                _ if c.width() == Some(0) && !c.is_control() => Kind::Word,
                _ if c.is_alphanumeric() && c.width() == Some(1) => Kind::Word,
                _ => Kind::Single,
            };
            step(kind, c.len_utf8());
        }
        for _ in chunk.invalid() {
            step(Kind::Single, 1);
        }
    }
    if start < line.len() {
        words.push(&line[start..]);
    }
    words
}

/// The words of a line without their order.
pub(super) struct Bag<'a> {
    words: Vec<&'a [u8]>,
    length: usize,
}

impl<'a> Bag<'a> {
    /// The words of `line`, blanks not counted; of a very long line the first ones.
    pub(super) fn of(line: &'a [u8]) -> Self {
        const MOST: usize = 2000;
        let mut words = words(&line[..line.len().min(MOST)]);
        words.retain(|word| !word.iter().all(u8::is_ascii_whitespace));
        words.sort_unstable();
        let length = words.iter().map(|word| word.len()).sum();
        Self { words, length }
    }

    /// How much two lines have in common, from 0 to 1.
    pub(super) fn likeness(&self, other: &Bag<'_>) -> f64 {
        if self.length + other.length == 0 {
            return 1.0;
        }
        let (mut i, mut j, mut common) = (0, 0, 0);
        while let (Some(a), Some(b)) = (self.words.get(i), other.words.get(j)) {
            match a.cmp(b) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    common += a.len();
                    (i, j) = (i + 1, j + 1);
                }
            }
        }
        2.0 * common as f64 / (self.length + other.length) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marked parts in brackets.
    fn shown(old: &str, new: &str) -> (String, String) {
        let text = |parts: Parts<'_>| {
            let part = |(marked, bytes): (bool, &[u8])| {
                let text = String::from_utf8_lossy(bytes).into_owned();
                if marked { format!("[{text}]") } else { text }
            };
            parts.into_iter().map(part).collect::<String>()
        };
        let (left, right) = marked(old.as_bytes(), new.as_bytes());
        (text(left), text(right))
    }

    fn check(old: &str, new: &str, left: &str, right: &str) {
        assert_eq!(shown(old, new), (left.to_owned(), right.to_owned()));
    }

    #[test]
    fn whole_words_are_marked() {
        check("the colour is red", "the color is red", "the [colour] is red", "the [color] is red");
        check("a = 1;", "a = 12;", "a = [1];", "a = [12];");
    }

    #[test]
    fn a_changed_phrase_is_one_mark() {
        check(
            "see the old plan now",
            "see a new idea now",
            "see [the old plan] now",
            "see [a new idea] now",
        );
    }

    #[test]
    fn what_is_only_added_or_only_blank_is_marked_too() {
        check("a c", "a b c", "a c", "a [b ]c");
        check("a  b", "a b", "a[  ]b", "a[ ]b");
        check("a", "a  ", "a", "a[  ]");
    }

    #[test]
    fn in_scripts_without_blanks_characters_are_words() {
        check("日本語です", "日本人です", "日本[語]です", "日本[人]です");
    }
}
