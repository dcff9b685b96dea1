//! Three-way merge of a file's two versions with the text they last had in common.
//!
//! Enter the three contents, leaves one text in which both edits stand, or one with marks around
//! what does not fit together; nothing for what is not text. Settings (`*.json`, `*.canvas`) are
//! merged by key (`json`), everything else by lines (`text`, on the pairs of equal lines that
//! `lines` finds); `written` takes JSON apart as it stands. What a merge changes is only ever the place of what a person wrote: each line
//! and each value comes from one of the three.

mod json;
mod lines;
mod text;
pub mod written;

use crate::path::RelPath;

/// How the versions are called in the marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels<'a> {
    /// The territory where the command was typed.
    pub here: &'a str,
    /// The version both last agreed on.
    pub base: &'a str,
    /// The peer.
    pub there: &'a str,
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// Both edits fit together.
    Clean(Vec<u8>),
    /// They do not everywhere: where they clash both stand between marks, with the version last
    /// agreed on between them if it is known.
    Conflicted(Vec<u8>),
}

/// Merges `here` and `there`, both made from `base`. Without a base two different texts are never
/// clean: what one has and the other lacks may have been written there or deleted here. `None` if
/// any of them is not text.
pub fn merge(
    path: &RelPath,
    base: Option<&[u8]>,
    here: &[u8],
    there: &[u8],
    labels: &Labels<'_>,
) -> Option<Merged> {
    if ![here, there].into_iter().chain(base).all(is_text) {
        return None;
    }
    let clean = |bytes: &[u8]| Some(Merged::Clean(bytes.to_vec()));
    let Some(base) = base else {
        return if here == there { clean(here) } else { Some(text::two_way(here, there, labels)) };
    };
    if here == there || there == base {
        return clean(here);
    }
    if here == base {
        return clean(there);
    }
    if json::is_named(path) && [base, here, there].into_iter().all(json::parses) {
        return Some(match json::merge(base, here, there, json::Passing::of(path)) {
            json::ByKey::Clean(merged) => Merged::Clean(merged),
            // What is one value must not be put together from lines of two.
            json::ByKey::Clash => text::all_marked(base, here, there, labels),
            json::ByKey::Unfit => by_lines_if_it_parses(base, here, there, labels),
        });
    }
    Some(text::three_way(base, here, there, labels))
}

/// Settings that cannot be merged by key, such as those with one key twice.
fn by_lines_if_it_parses(base: &[u8], here: &[u8], there: &[u8], labels: &Labels<'_>) -> Merged {
    match text::three_way(base, here, there, labels) {
        Merged::Clean(merged) if !json::parses(&merged) => {
            text::all_marked(base, here, there, labels)
        }
        merged => merged,
    }
}

/// Bytes that tell whether a content is text.
const LOOKED_AT: usize = 8 << 10;

/// Whether `bytes` can be shown and merged by lines: no zero byte in it, no PDF, and not mostly what
/// is neither UTF-8 nor white space.
pub fn is_text(bytes: &[u8]) -> bool {
    if bytes.contains(&0) || bytes.starts_with(b"%PDF-") {
        return false;
    }
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let strange = |chunk: std::str::Utf8Chunk<'_>| {
        let control =
            |c: &char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x0c' | '\x1b');
        chunk.valid().chars().filter(control).count() + chunk.invalid().len()
    };
    start.utf8_chunks().map(strange).sum::<usize>() * 3 <= start.len()
}

/// Whether marks of a merge are left in it. A line of equals signs alone is none: it underlines a
/// heading.
pub fn has_markers(text: &[u8]) -> bool {
    let marks: [&[u8]; 3] = [b"<<<<<<< ", b"||||||| ", b">>>>>>> "];
    text.split(|&b| b == b'\n').any(|line| marks.iter().any(|mark| line.starts_with(mark)))
}
