//! Two texts as lines that are the same, changed, gone or new; and which of them are worth showing.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Instant;

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::words::Bag;

/// Equal lines that are shown around a change.
const CONTEXT: usize = 3;
/// Blocks with more pairs of lines than this are paired in their order.
const MOST_PAIRS: usize = 400;
/// Lines that have less in common than this are two lines, not one that changed.
const ALIKE: f64 = 0.4;

/// A text as lines without their ends.
#[derive(Debug)]
pub(super) struct Text<'a> {
    /// The lines.
    pub lines: Vec<&'a [u8]>,
    /// For each line, whether it ends as on Windows.
    pub returns: Vec<bool>,
    /// Whether the last line has no end.
    pub open: bool,
}

impl<'a> Text<'a> {
    /// Splits `bytes`.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let open = bytes.last().is_some_and(|&last| last != b'\n');
        let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let (mut lines, mut returns) = (Vec::new(), Vec::new());
        if !bytes.is_empty() {
            for line in whole.split(|&b| b == b'\n') {
                let bare = line.strip_suffix(b"\r");
                returns.push(bare.is_some());
                lines.push(bare.unwrap_or(line));
            }
        }
        Self { lines, returns, open }
    }

    /// How its lines end.
    pub(super) fn ends(&self) -> Ends {
        // The end of an open last line is not there to be looked at.
        let counted = self.returns.len() - usize::from(self.open);
        match self.returns[..counted].iter().filter(|&&windows| windows).count() {
            _ if counted == 0 => Ends::None,
            0 => Ends::Unix,
            windows if windows == counted => Ends::Windows,
            _ => Ends::Mixed,
        }
    }
}

/// How the lines of a text end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// There is no line end.
    None,
    /// LF.
    Unix,
    /// CR LF.
    Windows,
    /// Some so, some so.
    Mixed,
}

/// One row of a comparison; the numbers are indices of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// In both.
    Same(usize, usize),
    /// In both, but not quite the same.
    Changed(usize, usize),
    /// Only in the older.
    Removed(usize),
    /// Only in the newer.
    Added(usize),
}

/// The differences of two lists of lines, in blocks.
pub(super) fn operations<'a>(old: &[&'a [u8]], new: &[&'a [u8]], until: Instant) -> Vec<DiffOp> {
    // Lines become numbers first: they are compared many times.
    let mut numbers: HashMap<&'a [u8], usize> = HashMap::new();
    let mut numbered = |lines: &[&'a [u8]]| -> Vec<usize> {
        let number = |line: &&'a [u8]| {
            let next = numbers.len();
            *numbers.entry(line).or_insert(next)
        };
        lines.iter().map(number).collect()
    };
    let (old, new) = (numbered(old), numbered(new));
    capture_diff_slices_deadline(Algorithm::Histogram, &old, &new, Some(until))
}

/// The rows of a comparison.
pub(super) fn rows(old: &[&[u8]], new: &[&[u8]], until: Instant) -> Vec<Row> {
    let mut rows = Vec::new();
    for operation in operations(old, new, until) {
        match operation {
            DiffOp::Equal { old_index, new_index, len } => {
                rows.extend((0..len).map(|i| Row::Same(old_index + i, new_index + i)));
            }
            DiffOp::Delete { old_index, old_len, .. } => {
                rows.extend((old_index..old_index + old_len).map(Row::Removed));
            }
            DiffOp::Insert { new_index, new_len, .. } => {
                rows.extend((new_index..new_index + new_len).map(Row::Added));
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                let (a, b) = (old_index..old_index + old_len, new_index..new_index + new_len);
                replaced(old, new, a, b, &mut rows);
            }
        }
    }
    rows
}

/// Finds in a replaced block which line became which.
fn replaced(
    old: &[&[u8]],
    new: &[&[u8]],
    olds: Range<usize>,
    news: Range<usize>,
    rows: &mut Vec<Row>,
) {
    let pairs = if olds.len() * news.len() <= MOST_PAIRS {
        best_pairs(&old[olds.clone()], &new[news.clone()])
    } else if olds.len() == news.len() {
        (0..olds.len())
            .filter(|&i| {
                Bag::of(old[olds.start + i]).likeness(&Bag::of(new[news.start + i])) >= ALIKE
            })
            .map(|i| (i, i))
            .collect()
    } else {
        Vec::new()
    };
    let (mut a, mut b) = (olds.start, news.start);
    for (i, j) in pairs {
        let (i, j) = (olds.start + i, news.start + j);
        rows.extend((a..i).map(Row::Removed));
        rows.extend((b..j).map(Row::Added));
        rows.push(Row::Changed(i, j));
        (a, b) = (i + 1, j + 1);
    }
    rows.extend((a..olds.end).map(Row::Removed));
    rows.extend((b..news.end).map(Row::Added));
}

/// The pairs, in order, that have most in common altogether.
fn best_pairs(old: &[&[u8]], new: &[&[u8]]) -> Vec<(usize, usize)> {
    let (olds, news): (Vec<Bag>, Vec<Bag>) =
        (old.iter().map(|l| Bag::of(l)).collect(), new.iter().map(|l| Bag::of(l)).collect());
    let columns = news.len() + 1;
    // `best[i * columns + j]`: the most that the lines from `i` and from `j` on can have in common.
    let mut best = vec![0.0_f64; (olds.len() + 1) * columns];
    let mut alike = vec![0.0_f64; olds.len() * columns];
    for i in (0..olds.len()).rev() {
        for j in (0..news.len()).rev() {
            let likeness = olds[i].likeness(&news[j]);
            let paired = if likeness >= ALIKE { likeness } else { 0.0 };
            alike[i * columns + j] = paired;
            let skip = best[(i + 1) * columns + j].max(best[i * columns + j + 1]);
            let take = best[(i + 1) * columns + j + 1] + paired;
            best[i * columns + j] = if paired > 0.0 { skip.max(take) } else { skip };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < olds.len() && j < news.len() {
        let paired = alike[i * columns + j];
        let here = best[i * columns + j];
        if paired > 0.0 && best[(i + 1) * columns + j + 1] + paired >= here {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[(i + 1) * columns + j] >= here {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Rows that are shown together: changes with the equal lines around them.
pub(super) fn hunks(rows: &[Row]) -> Vec<Range<usize>> {
    let mut hunks: Vec<Range<usize>> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        if matches!(row, Row::Same(..)) {
            continue;
        }
        let (start, end) = (index.saturating_sub(CONTEXT), (index + CONTEXT + 1).min(rows.len()));
        match hunks.last_mut() {
            // One line is not left out: the words that say so would take its place.
            Some(last) if start <= last.end + 1 => last.end = end,
            _ => hunks.push(if start == 1 { 0 } else { start }..end),
        }
    }
    if let Some(last) = hunks.last_mut()
        && last.end + 1 == rows.len()
    {
        last.end = rows.len();
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn compared(old: &str, new: &str) -> Vec<Row> {
        let (old, new) = (Text::of(old.as_bytes()), Text::of(new.as_bytes()));
        rows(&old.lines, &new.lines, Instant::now() + Duration::from_secs(60))
    }

    #[test]
    fn a_line_that_changed_is_told_from_one_that_was_replaced() {
        assert_eq!(
            compared("a\nstatus: draft\nz\n", "a\nstatus: final\nz\n"),
            [Row::Same(0, 0), Row::Changed(1, 1), Row::Same(2, 2)]
        );
        assert_eq!(
            compared("something else\n", "quite different\n"),
            [Row::Removed(0), Row::Added(0)]
        );
    }

    #[test]
    fn a_changed_line_is_found_among_new_ones() {
        assert_eq!(
            compared("the old plan is here\n", "new\nthe new plan is here\nmore\n"),
            [Row::Added(0), Row::Changed(0, 1), Row::Added(2)]
        );
    }

    #[test]
    fn the_ends_of_lines_are_no_part_of_them() {
        let text = Text::of(b"a\r\nb\nc");
        assert_eq!(text.lines, [b"a", b"b", b"c"]);
        assert_eq!((text.ends(), text.open), (Ends::Mixed, true));
        assert_eq!(Text::of(b"a\r\n").ends(), Ends::Windows);
        assert_eq!(Text::of(b"a").ends(), Ends::None);
        assert!(Text::of(b"").lines.is_empty());
        assert_eq!(Text::of(b"\n").lines, [b""]);
    }

    #[test]
    fn three_lines_stand_around_a_change_and_single_ones_are_not_left_out() {
        let same = |n: usize| vec![Row::Same(0, 0); n];
        let of = |before, between, after| {
            let mut rows = same(before);
            rows.push(Row::Added(0));
            rows.extend(same(between));
            rows.push(Row::Added(0));
            rows.extend(same(after));
            hunks(&rows)
        };
        assert_eq!(of(10, 10, 10), [7..14, 18..25]);
        assert_eq!(of(4, 7, 4), std::slice::from_ref(&(0..17)));
    }
}
