//! Paths and names of files in the words of notes.

use std::collections::{HashMap, HashSet};

use aho_corasick::{AhoCorasick, MatchKind};

use super::super::files::{FileId, name_of};
use super::super::model::{Edge, EdgeKind, Graph, Target};
use super::super::note::{Note, Position, key};
use super::super::questions::Texts;

/// Names shorter than this are in every other sentence and say nothing.
const SHORTEST: usize = 4;
/// Most mentions of one file that one note is asked for.
const MOST_EACH: usize = 20;
/// Names of so many notes say nothing about which is meant.
const MOST_MEANT: usize = 1;

/// What is looked for, and which file it means.
struct Names {
    searcher: AhoCorasick,
    files: Vec<FileId>,
}

/// Edges for all mentions.
pub(super) fn find(graph: &Graph, texts: &dyn Texts) -> Vec<Edge> {
    let Some(names) = Names::of(graph) else { return Vec::new() };
    let mut edges = Vec::new();
    for (id, note) in graph.notes().filter(|(id, _)| !graph.is_excluded(*id)) {
        if let Some(text) = texts.text(graph.files().path(id)) {
            note_mentions(graph, &names, (id, note), &text, &mut edges);
        }
    }
    edges
}

impl Names {
    /// The titles and other names that mean one note alone.
    fn of(graph: &Graph) -> Option<Self> {
        let mut meant: HashMap<String, HashSet<FileId>> = HashMap::new();
        for (id, note) in graph.notes().filter(|(id, _)| !graph.is_excluded(*id)) {
            let names = note.aliases.iter().map(String::as_str).chain([graph.title(id)]);
            for name in names.map(|name| key(name.trim())) {
                if name.chars().count() >= SHORTEST && !name.chars().all(|c| c.is_numeric()) {
                    meant.entry(name).or_default().insert(id);
                }
            }
        }
        let mut all: Vec<(String, FileId)> = meant
            .into_iter()
            .filter(|(_, files)| files.len() <= MOST_MEANT)
            .filter_map(|(name, files)| Some((name, *files.iter().next()?)))
            .collect();
        all.sort();
        let (names, files): (Vec<String>, Vec<FileId>) = all.into_iter().unzip();
        // What cannot be built is not looked for: a vault with gigabytes of names.
        let searcher =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&names).ok()?;
        (!files.is_empty()).then_some(Self { searcher, files })
    }
}

fn note_mentions(
    graph: &Graph,
    names: &Names,
    (id, note): (FileId, &Note),
    text: &str,
    edges: &mut Vec<Edge>,
) {
    let lower = Lower::of(text);
    let hidden = Hidden::of(text, note);
    let mut seen: HashMap<(FileId, EdgeKind), usize> = HashMap::new();
    let lines = Lines::of(text);
    let mut found = Vec::new();
    paths(graph, id, text, &hidden, &mut found);
    let taken: Vec<(usize, usize)> =
        found.iter().map(|(_, _, start, end)| (*start, *end)).collect();
    for hit in names.searcher.find_iter(&lower.text) {
        let file = names.files[hit.pattern().as_usize()];
        let (start, end) = (lower.origin(hit.start()), lower.origin(hit.end()));
        let before = taken.partition_point(|(from, _)| *from < end);
        let inside = before.checked_sub(1).is_some_and(|last| start < taken[last].1);
        if file != id && is_word(text, start, end) && !hidden.covers(start, end, true) && !inside {
            found.push((file, EdgeKind::UnlinkedMention, start, end));
        }
    }
    found.sort_by_key(|(.., start, _)| *start);
    for (file, kind, start, end) in found {
        let count = seen.entry((file, kind)).or_default();
        *count += 1;
        if *count <= MOST_EACH {
            edges.push(edge(id, file, kind, lines.at(text, start), (start, end)));
        }
    }
}

/// An edge of a file to another that nobody wrote.
pub(super) fn edge(
    from: FileId,
    to: FileId,
    kind: EdgeKind,
    at: Position,
    (start, end): (usize, usize),
) -> Edge {
    let short = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Edge {
        from,
        to: Target::File(to),
        kind,
        within: from,
        at,
        span: (short(start), short(end)),
        label: None,
        subpath: None,
        subpath_found: None,
    }
}

/// Words that are the path of a file, or, with a folder in them, the end of one path alone.
fn paths(
    graph: &Graph,
    id: FileId,
    text: &str,
    hidden: &Hidden,
    found: &mut Vec<(FileId, EdgeKind, usize, usize)>,
) {
    let own = graph.files().path(id);
    let mut known: HashMap<&str, Option<FileId>> = HashMap::new();
    for (start, word) in words(text) {
        let trimmed = word.trim_end_matches(['.', ':', '-']).trim_start_matches("./");
        if !looks_like_path(trimmed) {
            continue;
        }
        let offset = start + (trimmed.as_ptr() as usize - word.as_ptr() as usize);
        let end = offset + trimmed.len();
        if hidden.covers(offset, end, false) {
            continue;
        }
        let meant = *known.entry(trimmed).or_insert_with(|| meant(graph, trimmed, own));
        if let Some(file) = meant.filter(|file| *file != id) {
            found.push((file, EdgeKind::PathMention, offset, end));
        }
    }
}

/// The file that a path in prose means: exactly it, or the only one that ends so.
fn meant(graph: &Graph, path: &str, source: &str) -> Option<FileId> {
    let path = path.trim_start_matches('/');
    if let Some(file) = graph.files().resolve(&format!("/{path}"), source) {
        return (key(graph.files().path(file)) == key(path)).then_some(file);
    }
    let end = format!("/{}", key(path));
    let mut all = graph.files().candidates(path, source).into_iter();
    let mut whole = all.by_ref().filter(|file| key(graph.files().path(*file)).ends_with(&end));
    let first = whole.next()?;
    whole.next().is_none().then_some(first)
}

/// Runs of characters that can stand in a path, with where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = |c: char| c.is_whitespace() || "`\"'<>()[]{}|,;*=!?".contains(c);
    let base = text.as_ptr() as usize;
    text.split(ends)
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - base, word))
}

/// Whether a word has a folder or an extension in it, and is no address.
fn looks_like_path(word: &str) -> bool {
    let name = name_of(word);
    let has_end = name.rsplit_once('.').is_some_and(|(stem, end)| {
        !stem.is_empty() && (1..=10).contains(&end.len()) && end.chars().all(char::is_alphanumeric)
    });
    has_end && word.len() > 3 && !word.contains("://") && !word.contains('@')
}

/// Whether neither end is in the middle of a word.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let (Some(before), Some(inside), Some(after)) =
        (text.get(..start), text.get(start..end), text.get(end..))
    else {
        return false;
    };
    let cut = |left: Option<char>, right: Option<char>| {
        left.is_some_and(in_word) && right.is_some_and(in_word)
    };
    // A hash mark or a slash makes it a tag or a part of a path.
    let dotted = |dot: bool, next: Option<char>| dot && next.is_some_and(in_word);
    let joined = before.ends_with(['#', '/', '\\', '@'])
        || after.starts_with(['/', '\\', '@'])
        || dotted(before.ends_with('.'), before.chars().rev().nth(1))
        || dotted(after.starts_with('.'), after.chars().nth(1));
    !joined
        && !cut(before.chars().next_back(), inside.chars().next())
        && !cut(inside.chars().next_back(), after.chars().next())
}

/// A text in lower case, with the way back to the offsets of what is written.
struct Lower {
    text: String,
    /// Where lower case and writing part: (offset here, offset there); empty if they never do.
    steps: Vec<(usize, usize)>,
}

impl Lower {
    fn of(text: &str) -> Self {
        let mut steps = Vec::new();
        let mut lower = String::with_capacity(text.len());
        let mut shift = 0isize;
        for (at, c) in text.char_indices() {
            match c.is_ascii() {
                true => lower.push(c.to_ascii_lowercase()),
                false => lower.extend(c.to_lowercase()),
            }
            let now = lower.len() as isize - (at + c.len_utf8()) as isize;
            if now != shift {
                shift = now;
                steps.push((lower.len(), at + c.len_utf8()));
            }
        }
        Self { text: lower, steps }
    }

    fn origin(&self, offset: usize) -> usize {
        let after = self.steps.partition_point(|(here, _)| *here <= offset);
        match after.checked_sub(1) {
            None => offset,
            Some(step) => {
                let (here, there) = self.steps[step];
                there + (offset - here)
            }
        }
    }
}

/// The parts of a note in which nothing is a mention: links, front matter, and, for names, code.
struct Hidden {
    links: Vec<(usize, usize)>,
    code: Vec<(usize, usize)>,
    body: usize,
}

impl Hidden {
    fn of(text: &str, note: &Note) -> Self {
        let spans = note.links.iter().map(|link| (link.span.0 as usize, link.span.1 as usize));
        let mut links: Vec<(usize, usize)> = spans.collect();
        links.extend(addresses(text));
        links.sort_unstable();
        let body = front_matter(text);
        Self { links, code: code(text, body), body }
    }

    fn covers(&self, start: usize, end: usize, code_too: bool) -> bool {
        let touches = |ranges: &[(usize, usize)]| {
            let after = ranges.partition_point(|(from, _)| *from < end);
            // Ranges hardly nest: what begins a little earlier is enough to look at.
            ranges[after.saturating_sub(8)..after].iter().any(|(_, to)| *to > start)
        };
        start < self.body || touches(&self.links) || code_too && touches(&self.code)
    }
}

/// Addresses, which are no prose.
fn addresses(text: &str) -> Vec<(usize, usize)> {
    let ends = |c: char| c.is_whitespace() || "()<>\"".contains(c);
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (at, _) in text.match_indices("://") {
        let from = found.last().map_or(0, |(_, end)| *end);
        if at >= from {
            let start = text[from..at].rfind(ends).map_or(from, |start| from + start + 1);
            let end = text[at..].find(ends).map_or(text.len(), |end| at + end);
            found.push((start, end));
        }
    }
    found
}

fn front_matter(text: &str) -> usize {
    let mut lines = text.split_inclusive('\n');
    let is_fence = |line: &str| line.trim_end() == "---";
    let Some(first) = lines.next().filter(|line| is_fence(line)) else { return 0 };
    let mut at = first.len();
    for line in lines {
        at += line.len();
        if is_fence(line) {
            return at;
        }
    }
    0
}

/// Fenced code and code in backticks.
fn code(text: &str, body: usize) -> Vec<(usize, usize)> {
    let options = pulldown_cmark::Options::empty();
    let events = pulldown_cmark::Parser::new_ext(&text[body..], options).into_offset_iter();
    use pulldown_cmark::{Event, Tag};
    events
        .filter(|(event, _)| matches!(event, Event::Start(Tag::CodeBlock(_)) | Event::Code(_)))
        .map(|(_, range)| (range.start + body, range.end + body))
        .collect()
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    fn at(&self, text: &str, offset: usize) -> Position {
        let line = self.0.partition_point(|start| *start <= offset) - 1;
        let column = text[self.0[line]..offset].chars().take(4096).count() + 1;
        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: short(line + 1), column: short(column) }
    }
}
