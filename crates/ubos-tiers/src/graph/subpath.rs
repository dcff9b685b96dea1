//! Whether the heading, block or footnote that a link names behind `#` is there.

use std::collections::{HashMap, HashSet};

use super::files::FileId;
use super::note::{Note, key};

/// What can be named in the notes that were asked about: looked up, since a note and the links to it can
/// both be very many.
#[derive(Debug, Default)]
pub(super) struct Subpaths<'n> {
    headings: HashMap<FileId, Headings>,
    blocks: HashMap<FileId, HashSet<String>>,
    footnotes: HashMap<FileId, HashSet<&'n str>>,
}

/// Under each text the headings that have it: their place among all, and their level.
type Headings = HashMap<String, Vec<(usize, u8)>>;

impl<'n> Subpaths<'n> {
    /// Whether the note in the file `id` has what `subpath` names.
    pub(super) fn has(&mut self, id: FileId, note: &'n Note, subpath: &str) -> bool {
        if let Some(block) = subpath.strip_prefix('^') {
            let names = || note.blocks.iter().map(|anchor| anchor.name.to_ascii_lowercase());
            let blocks = self.blocks.entry(id).or_insert_with(|| names().collect());
            return blocks.contains(&block.trim().to_ascii_lowercase());
        }
        if let Some(name) = subpath.strip_prefix("[^").and_then(|rest| rest.strip_suffix(']')) {
            let names = || note.footnotes.iter().map(|anchor| anchor.name.as_str());
            return self.footnotes.entry(id).or_insert_with(|| names().collect()).contains(name);
        }
        let headings = self.headings.entry(id).or_insert_with(|| headings(note));
        let (mut next, mut above) = (0, 0);
        subpath.split('#').map(plain).filter(|part| !part.is_empty()).all(|part| {
            let same = headings.get(&part).map_or(&[][..], Vec::as_slice);
            let later = &same[same.partition_point(|(place, _)| *place < next)..];
            let found = later.iter().find(|(_, level)| *level > above);
            (next, above) = found.map_or((next, above), |(place, level)| (place + 1, *level));
            found.is_some()
        })
    }
}

fn headings(note: &Note) -> Headings {
    let mut headings = Headings::new();
    for (place, heading) in note.headings.iter().enumerate() {
        headings.entry(plain(&heading.text)).or_default().push((place, heading.level));
    }
    headings
}

/// A heading as links compare it: marks are blanks, blanks are one, letters are small.
fn plain(text: &str) -> String {
    const MARKS: &str = "!\"#$%&()*+,.:;<=>?@^`{|}~/[]\\\r\n";
    let parts = text.split(|c: char| c.is_whitespace() || MARKS.contains(c));
    let mut plain = String::with_capacity(text.len());
    for part in parts.filter(|part| !part.is_empty()) {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.push_str(part);
    }
    key(&plain)
}
