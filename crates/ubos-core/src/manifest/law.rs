//! Whose manifest counts when the two sides hold different texts.
//!
//! The side that edited a manifest since the baseline makes the law of this run, and its text
//! travels like any file. Both edited, to different texts: a person must settle it. A manifest
//! that was there and is gone is no edit: it never widens or narrows what is synced.

use super::PerManifest;
use crate::entry::Digest;
use crate::sides::{Side, Sides};

/// Who makes the law for one manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Law {
    /// Both sides hold the same text.
    Agreed,
    /// This side's text counts and travels to the other.
    Of(Side),
    /// Both sides edited it, or nothing is remembered: the lines that differ.
    Disputed(Vec<DifferingLine>),
    /// It is missing on these sides, and was known before or exists nowhere.
    Missing(Vec<Side>),
}

/// A line that the other side's text does not have in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferingLine {
    /// The side whose text has it.
    pub side: Side,
    /// Its number, counted from 1.
    pub number: usize,
    /// Its bytes, without the line end.
    pub text: Vec<u8>,
}

/// Judges all three files: `texts` as found on both sides (`None`: missing), `baseline` the
/// digests of the texts that both sides agreed on last (`None`: nothing is remembered).
pub fn laws(
    texts: Sides<&PerManifest<Option<Vec<u8>>>>,
    baseline: &PerManifest<Option<Digest>>,
) -> PerManifest<Law> {
    PerManifest::from_fn(|role| {
        let pair = texts.map(|all| all.get(role).as_deref());
        law(pair, *baseline.get(role))
    })
}

fn law(texts: Sides<Option<&[u8]>>, baseline: Option<Digest>) -> Law {
    match (texts.here, texts.there) {
        (None, None) => Law::Missing(Side::BOTH.to_vec()),
        // Never agreed on: it is new, and travels.
        (Some(_), None) if baseline.is_none() => Law::Of(Side::Here),
        (None, Some(_)) if baseline.is_none() => Law::Of(Side::There),
        (Some(_), None) => Law::Missing(vec![Side::There]),
        (None, Some(_)) => Law::Missing(vec![Side::Here]),
        (Some(here), Some(there)) if here == there => Law::Agreed,
        (Some(here), Some(there)) => match baseline {
            Some(base) if base == Digest::of(there) => Law::Of(Side::Here),
            Some(base) if base == Digest::of(here) => Law::Of(Side::There),
            _ => Law::Disputed(differing_lines(here, there)),
        },
    }
}

/// The lines of each text that the other one lacks, between what both begin and end with. Where
/// the same lines merely stand in another order, all of those.
fn differing_lines(here: &[u8], there: &[u8]) -> Vec<DifferingLine> {
    let lines = Sides::new(here, there).map(|t| t.split(|&b| b == b'\n').collect::<Vec<_>>());
    let pairs = || lines.here.iter().zip(&lines.there);
    let shorter = lines.here.len().min(lines.there.len());
    let head = pairs().take_while(|(a, b)| a == b).count();
    let tail = lines.here.iter().rev().zip(lines.there.iter().rev());
    let tail = tail.take(shorter - head).take_while(|(a, b)| a == b).count();
    let between = |side| {
        let all = lines.get(side);
        (head..all.len() - tail).map(move |i| (i, all[i]))
    };
    let report =
        |keep: &dyn Fn(Side, &[u8]) -> bool| {
            let mut found = Vec::new();
            for side in Side::BOTH {
                found.extend(
                    between(side).filter(|(_, text)| keep(side, text)).map(|(i, text)| {
                        DifferingLine { side, number: i + 1, text: text.to_vec() }
                    }),
                );
            }
            found
        };
    let lacking = report(&|side, text| !between(side.other()).any(|(_, other)| other == text));
    if lacking.is_empty() { report(&|_, _| true) } else { lacking }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(here: Option<&str>, there: Option<&str>, base: Option<&str>) -> Law {
        law(
            Sides::new(here.map(str::as_bytes), there.map(str::as_bytes)),
            base.map(|b| Digest::of(b.as_bytes())),
        )
    }

    #[test]
    fn the_edited_side_makes_the_law() {
        assert_eq!(judge(Some("a"), Some("a"), None), Law::Agreed);
        assert_eq!(judge(Some("b"), Some("b"), Some("a")), Law::Agreed);
        assert_eq!(judge(Some("b"), Some("a"), Some("a")), Law::Of(Side::Here));
        assert_eq!(judge(Some("a"), Some("b"), Some("a")), Law::Of(Side::There));
        assert_eq!(judge(Some("a"), None, None), Law::Of(Side::Here));
        assert_eq!(judge(None, Some("a"), None), Law::Of(Side::There));
    }

    #[test]
    fn a_manifest_that_is_gone_is_missing_and_not_edited() {
        assert_eq!(judge(Some("a"), None, Some("a")), Law::Missing(vec![Side::There]));
        assert_eq!(judge(None, Some("b"), Some("a")), Law::Missing(vec![Side::Here]));
        assert_eq!(judge(None, None, None), Law::Missing(Side::BOTH.to_vec()));
    }

    #[test]
    fn edits_on_both_sides_name_the_lines() {
        let Law::Disputed(lines) =
            judge(Some("same\nx\ny\nend\n"), Some("same\nz\ny\nend\n"), Some("same\ny\nend\n"))
        else {
            panic!("not disputed");
        };
        let shown: Vec<_> = lines.iter().map(|l| (l.side, l.number, l.text.as_slice())).collect();
        assert_eq!(shown, [(Side::Here, 2, &b"x"[..]), (Side::There, 2, &b"z"[..])]);
    }

    #[test]
    fn no_memory_and_different_texts_are_disputed() {
        assert!(matches!(judge(Some("a"), Some("b"), None), Law::Disputed(_)));
    }

    #[test]
    fn lines_in_another_order_are_all_named() {
        let Law::Disputed(lines) = judge(Some("a\nb"), Some("b\na"), Some("x")) else {
            panic!("not disputed");
        };
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn a_repeated_line_more_is_named() {
        let Law::Disputed(lines) = judge(Some("a\na"), Some("a"), Some("x")) else {
            panic!("not disputed");
        };
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].number, 2);
    }

    #[test]
    fn each_file_is_judged_for_itself() {
        let all = |text: &str| PerManifest::from_fn(|_| Some(text.as_bytes().to_vec()));
        let mut here = all("a");
        here.exclude = Some(b"b".to_vec());
        let there = all("a");
        let base = PerManifest::from_fn(|_| Some(Digest::of(b"a")));
        let found = laws(Sides::new(&here, &there), &base);
        assert_eq!(found.to, Law::Agreed);
        assert_eq!(found.exclude, Law::Of(Side::Here));
    }
}
