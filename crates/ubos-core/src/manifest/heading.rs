//! Telling a heading from a pattern, and guessing what a mistyped heading meant.
//!
//! A glob may begin with a bracket as well (`[ab]*.md`), so only a line that is one pair of
//! brackets and nothing else is a heading. A mistyped heading that passed for a glob would leave
//! the lines below it under the wrong direction, silently; so what merely looks like a heading is
//! an error.

use super::Direction;

const DIRECTIONS: [Direction; 4] =
    [Direction::Bidirectional, Direction::PushOnly, Direction::PullOnly, Direction::AppendOnly];

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// One of the four headings.
    Heading(Direction),
    /// Looks like a heading and is none: why, and what may have been meant.
    Wrong(String, String),
    /// No heading.
    Pattern,
}

/// Reads one line without its trailing blanks.
pub(super) fn read(line: &str) -> Reading {
    let line = line.trim_start();
    for direction in DIRECTIONS {
        let heading = format!("[{}]", direction.word());
        let Some(rest) = line.strip_prefix(&heading) else {
            continue;
        };
        if rest.is_empty() {
            return Reading::Heading(direction);
        }
        if rest.starts_with(char::is_whitespace) {
            return Reading::Wrong(
                format!("something follows the heading {heading}"),
                "a heading stands alone on its line; a comment gets a line of its own".to_owned(),
            );
        }
    }
    match bracketed(line) {
        Some(word) => Reading::Wrong(format!("`{line}` is no heading"), suggestion(word)),
        None => Reading::Pattern,
    }
}

/// What stands in the brackets of a line that is nothing but brackets, single or doubled.
fn bracketed(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    let doubled = inner.strip_prefix('[').and_then(|i| i.strip_suffix(']'));
    // `[[:alpha:]]` is a class of characters.
    let word = doubled.filter(|i| !i.starts_with(':')).unwrap_or(inner);
    (!word.contains(['[', ']'])).then_some(word)
}

fn suggestion(word: &str) -> String {
    let word = word.trim().to_lowercase().replace(['_', ' '], "-");
    let synonym = match word.as_str() {
        "both" | "two-way" | "twoway" | "bidi" | "sync" => Some(Direction::Bidirectional),
        "to" | "out" | "upload" => Some(Direction::PushOnly),
        "from" | "in" | "download" => Some(Direction::PullOnly),
        "log" | "logs" => Some(Direction::AppendOnly),
        _ => None,
    };
    let near = || {
        DIRECTIONS
            .into_iter()
            .map(|d| (distance(&word, d.word()), d))
            .filter(|(far, d)| *far <= 3 || (word.len() >= 3 && d.word().starts_with(&word)))
            .min_by_key(|(far, _)| *far)
            .map(|(_, d)| d)
    };
    match synonym.or_else(near) {
        Some(direction) => format!("did you mean [{}]?", direction.word()),
        None => "headings are [bidirectional], [push-only], [pull-only] and [append-only]; \
                 a name in brackets is written \\[name]"
            .to_owned(),
    }
}

/// How many letters must be put in, left out or exchanged to turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_headings_are_read() {
        for direction in DIRECTIONS {
            assert_eq!(read(&format!("[{}]", direction.word())), Reading::Heading(direction));
        }
    }

    #[test]
    fn globs_that_begin_with_a_bracket_are_patterns() {
        for glob in ["[ab]*.md", "[a][b]", "x[ab]", "[[:alpha:]]", "\\[push-only]", "[ab]/"] {
            assert_eq!(read(glob), Reading::Pattern, "{glob}");
        }
    }

    #[test]
    fn a_mistyped_heading_is_an_error_with_a_guess() {
        for (line, guess) in [
            ("[bidrectional]", "[bidirectional]"),
            ("[push]", "[push-only]"),
            ("[Pull-Only]", "[pull-only]"),
            ("[ append_only ]", "[append-only]"),
            ("[[push-only]]", "[push-only]"),
            ("[two-way]", "[bidirectional]"),
        ] {
            match read(line) {
                Reading::Wrong(_, hint) => assert_eq!(hint, format!("did you mean {guess}?")),
                other => panic!("{line}: {other:?}"),
            }
        }
        for line in ["[ab]", "[]", "[section]", "[push-only] # comment"] {
            assert!(matches!(read(line), Reading::Wrong(..)), "{line}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
