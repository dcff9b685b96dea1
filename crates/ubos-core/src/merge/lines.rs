//! Which lines of two texts are the same lines.

use std::collections::HashSet;

use diffy::{DiffOptions, Line};

/// The lines of `text`, each with its ending.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|&b| b == b'\n').collect()
}

/// For each line of `old` the index of the same line in `new`, if it is still there. The indices
/// rise.
pub(super) fn same(old: &[&[u8]], new: &[&[u8]]) -> Vec<Option<usize>> {
    // A line that the other text lacks matches nothing. Without those the search, whose cost grows
    // with lines times differences, stays short for a text that was written anew.
    let (kept_old, kept_new) = (shared(old, new), shared(new, old));
    let (text_old, text_new) = (joined(old, &kept_old), joined(new, &kept_new));
    let patch = DiffOptions::new().set_context_len(0).create_patch_bytes(&text_old, &text_new);
    let mut found = vec![None; old.len()];
    let (mut at_old, mut at_new) = (0, 0);
    let mut pair = |old: usize, new: usize| found[kept_old[old]] = Some(kept_new[new]);
    for hunk in patch.hunks() {
        let range = hunk.old_range();
        // A range without lines names the line before it.
        let begin = if range.is_empty() { range.start() } else { range.start() - 1 };
        while at_old < begin {
            pair(at_old, at_new);
            (at_old, at_new) = (at_old + 1, at_new + 1);
        }
        for line in hunk.lines() {
            match line {
                Line::Context(_) => {
                    pair(at_old, at_new);
                    (at_old, at_new) = (at_old + 1, at_new + 1);
                }
                Line::Delete(_) => at_old += 1,
                Line::Insert(_) => at_new += 1,
            }
        }
    }
    while at_old < kept_old.len() {
        pair(at_old, at_new);
        (at_old, at_new) = (at_old + 1, at_new + 1);
    }
    found
}

/// Indices of the lines that `other` has too.
fn shared(lines: &[&[u8]], other: &[&[u8]]) -> Vec<usize> {
    let known: HashSet<&[u8]> = other.iter().copied().collect();
    (0..lines.len()).filter(|&index| known.contains(lines[index])).collect()
}

fn joined(lines: &[&[u8]], kept: &[usize]) -> Vec<u8> {
    kept.iter().flat_map(|&index| lines[index]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, expected: &[Option<usize>]) {
        let found = same(&split(old.as_bytes()), &split(new.as_bytes()));
        assert_eq!(found, expected, "{old:?} {new:?}");
    }

    #[test]
    fn lines_are_found_again() {
        check("", "a\n", &[]);
        check("a\n", "", &[None]);
        check("a\nb\nc\n", "a\nb\nc\n", &[Some(0), Some(1), Some(2)]);
        check("a\nb\nc\n", "x\na\nc\ny\n", &[Some(1), None, Some(2)]);
        check("a\nb", "a\nb\n", &[Some(0), None]);
        check("x\na\n", "a\n", &[None, Some(0)]);
        check("b\na\nc\n", "b\nx\na\n", &[Some(0), Some(2), None]);
    }
}
