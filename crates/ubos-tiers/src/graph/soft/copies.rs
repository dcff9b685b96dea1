//! Files that are copies of others: by content, or by what Finder, iCloud and browsers make of a name.

use std::collections::{BTreeMap, HashMap};

use super::super::files::FileId;
use super::super::model::{Content, Edge, EdgeKind, Graph};
use super::super::note::{Position, key};

/// Copies of so many bytes and fewer are alike by chance: empty notes, bare templates.
const SHORTEST: u64 = 16;

/// A file that seems to be a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy {
    /// The copy.
    pub file: FileId,
    /// What it is a copy of.
    pub of: FileId,
    /// Whether the two say the same.
    pub same: bool,
}

/// All copies, by path. Of several files of the same content the one with the shortest path counts as
/// the original.
pub fn copies(graph: &Graph) -> Vec<Copy> {
    let files = graph.files();
    let digest = |id: FileId| {
        let source = graph.source(id)?;
        let counts = source.size >= SHORTEST && !matches!(source.content, Content::Attachment);
        source.digest.filter(|_| counts)
    };
    let mut same: BTreeMap<[u8; 32], Vec<FileId>> = BTreeMap::new();
    for id in files.all() {
        if let Some(digest) = digest(id) {
            same.entry(digest).or_default().push(id);
        }
    }
    let mut of: HashMap<FileId, Copy> = HashMap::new();
    for group in same.values().filter(|group| group.len() > 1) {
        let original =
            group.iter().copied().min_by_key(|id| (files.path(*id).len(), files.path(*id)));
        let Some(original) = original else { continue };
        for file in group.iter().copied().filter(|id| *id != original) {
            of.insert(file, Copy { file, of: original, same: true });
        }
    }
    for file in files.all() {
        if let Some(original) = original(graph, file) {
            let same = digest(file).is_some() && digest(file) == digest(original);
            // What a name says is more than what the content happens to be.
            of.insert(file, Copy { file, of: original, same });
        }
    }
    let mut all: Vec<Copy> = of.into_values().collect();
    all.sort_by_key(|copy| copy.file);
    // The name of a copy wins also over an earlier guess in the other direction.
    let named: std::collections::HashSet<(FileId, FileId)> =
        all.iter().map(|copy| (copy.file, copy.of)).collect();
    all.retain(|copy| !(named.contains(&(copy.of, copy.file)) && copy.of > copy.file && copy.same));
    all
}

/// The file beside which a copy was made, by its path: the same path without the mark of a copy in one
/// of its parts, if there is such a file.
fn original(graph: &Graph, file: FileId) -> Option<FileId> {
    let path = graph.files().path(file);
    let mut start = 0;
    loop {
        let end = path[start..].find('/').map_or(path.len(), |at| start + at);
        let part = &path[start..end];
        let plain = if end == path.len() { plain_name(part) } else { plain_folder(part) };
        if let Some(plain) = plain {
            let there = graph.files().at(&format!("{}{plain}{}", &path[..start], &path[end..]));
            if there.is_some() {
                return there;
            }
        }
        if end == path.len() {
            return None;
        }
        start = end + 1;
    }
}

/// The name without `" 2"`, `" (1)"`, `" copy"`, `" copy 2"` before its extension.
fn plain_name(name: &str) -> Option<String> {
    let (stem, end) = name.rsplit_once('.').map_or((name, ""), |(stem, end)| (stem, end));
    let stem = plain_stem(stem)?;
    Some(if end.is_empty() { stem.to_owned() } else { format!("{stem}.{end}") })
}

fn plain_folder(name: &str) -> Option<String> {
    plain_stem(name).map(str::to_owned)
}

fn plain_stem(stem: &str) -> Option<&str> {
    let (rest, mark) = stem.rsplit_once(' ')?;
    let number =
        |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let in_brackets = mark.strip_prefix('(').and_then(|m| m.strip_suffix(')')).is_some_and(number);
    let is_copy = |text: &str| matches!(key(text).as_str(), "copy" | "kopie" | "copie" | "copia");
    if is_copy(mark) {
        return Some(rest).filter(|rest| !rest.is_empty());
    }
    if in_brackets || number(mark) && mark != "0" && mark != "1" {
        return match rest.rsplit_once(' ') {
            Some((before, word)) if is_copy(word) => Some(before),
            _ => Some(rest),
        }
        .filter(|rest| !rest.is_empty());
    }
    None
}

/// An edge from every copy to its original.
pub(super) fn edges(graph: &Graph) -> Vec<Edge> {
    let at = Position { line: 1, column: 1 };
    let edge =
        |copy: Copy| super::mentions::edge(copy.file, copy.of, EdgeKind::Duplicate, at, (0, 0));
    copies(graph).into_iter().map(edge).collect()
}
