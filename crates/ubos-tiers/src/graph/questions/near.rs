//! Which names look like another one.

use crate::graph::files::{FileId, Files, name_of};
use crate::graph::note::key;

/// Edits that turn one text into another: a letter more, less, other or swapped with the next; `None`
/// above `most`.
pub(super) fn edits(a: &str, b: &str, most: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for (j, y) in b.iter().enumerate() {
            let swap = i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y;
            let plain = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            row[j + 1] = if swap { plain.min(before[j - 1] + 1) } else { plain };
        }
        if row.iter().min().is_none_or(|least| *least > most) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    Some(last[b.len()]).filter(|edits| *edits <= most)
}

/// How many edits of a name of that length still look like a slip.
pub(super) fn slips(name: &str) -> usize {
    match name.chars().count() {
        0..=3 => 0,
        4..=6 => 1,
        _ => 2,
    }
}

/// A name with marks, blanks and case taken away: `my_note`, `My Note` and `my-note` are one.
pub(super) fn bare(name: &str) -> String {
    key(name).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The name of a file by which it is linked: without `.md`.
pub(super) fn stem(path: &str) -> &str {
    let name = name_of(path);
    match name.len().checked_sub(3).and_then(|at| name.split_at_checked(at)) {
        Some((stem, end)) if !stem.is_empty() && end.eq_ignore_ascii_case(".md") => stem,
        _ => name,
    }
}

/// Files whose name is a slip away from `name`, the nearest first.
pub(super) fn alike(files: &Files, name: &str) -> Vec<FileId> {
    Stems::of(files).alike(name)
}

/// The names of all files, ready to be compared with many others.
pub(super) struct Stems<'f> {
    files: &'f Files,
    stems: Vec<Stem>,
}

struct Stem {
    id: FileId,
    key: String,
    bare: String,
    /// Its length in characters.
    length: usize,
    letters: u64,
}

impl<'f> Stems<'f> {
    /// Of these files.
    pub(super) fn of(files: &'f Files) -> Self {
        let stem = |id: FileId| {
            let key = key(stem(files.path(id)));
            let (bare, length, letters) = (bare(&key), key.chars().count(), letters(&key));
            Stem { id, key, bare, length, letters }
        };
        Self { files, stems: files.all().map(stem).collect() }
    }

    /// [`alike`].
    pub(super) fn alike(&self, name: &str) -> Vec<FileId> {
        let wanted = key(stem(name));
        let (most, plain) = (slips(&wanted), bare(&wanted));
        let (length, letters) = (wanted.chars().count(), letters(&wanted));
        let distance = |stem: &Stem| {
            if !plain.is_empty() && stem.bare == plain {
                return Some(0);
            }
            // An edit changes the length by one at most, and of the letters two: one goes, one comes.
            let near = stem.length.abs_diff(length) <= most
                && (stem.letters ^ letters).count_ones() as usize <= 2 * most;
            if near { edits(&wanted, &stem.key, most) } else { None }
        };
        let path = |id: FileId| self.files.path(id);
        let mut found: Vec<(usize, usize, &str, FileId)> = self
            .stems
            .iter()
            .filter_map(|stem| Some((distance(stem)?, path(stem.id).len(), path(stem.id), stem.id)))
            .collect();
        found.sort();
        found.into_iter().map(|(.., id)| id).collect()
    }
}

/// Which letters a text has, with others that fall on the same bit.
fn letters(text: &str) -> u64 {
    text.chars().fold(0, |letters, c| letters | 1 << (c as u32 % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_and_bounded() {
        let cases = [
            ("", "", 2, Some(0)),
            ("note", "note", 0, Some(0)),
            ("note", "ntoe", 1, Some(1)),
            ("note", "notes", 1, Some(1)),
            ("kitten", "sitting", 3, Some(3)),
            ("kitten", "sitting", 2, None),
            ("café", "cafe", 1, Some(1)),
            ("a", "abcd", 2, None),
        ];
        for (a, b, most, expected) in cases {
            assert_eq!(edits(a, b, most), expected, "{a} {b}");
            assert_eq!(edits(b, a, most), expected, "{b} {a}");
        }
    }

    #[test]
    fn other_separators_are_the_same_name() {
        let mut files = Files::default();
        let id = files.add("a/my-great_note.md");
        files.add("other.md");
        assert_eq!(alike(&files, "My Great Note"), [id]);
        assert_eq!(alike(&files, "my-graet_note"), [id]);
        assert!(alike(&files, "unlike").is_empty());
    }
}
