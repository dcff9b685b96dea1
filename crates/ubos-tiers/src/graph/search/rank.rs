//! Which of the files that match come first, and which of their lines are shown.
//!
//! A word counts the more the rarer it is among the files that match, the more often it stands in a
//! file, and the shorter that file is; in a title, another name, a tag or a heading it counts more.

use super::super::note::key;
use super::parse::{Node, Term};
use super::{Document, Hit, Snippet};

/// What a word in the title counts, in other names and tags, in a heading.
const IN_TITLE: f64 = 6.0;
const IN_NAMES: f64 = 3.0;
const IN_HEADING: f64 = 2.0;
/// Longest snippet, in characters.
const MAX_SHOWN: usize = 160;

/// A text or expression that is looked for, not one that must be missing.
enum Wanted<'q> {
    Term(&'q Term),
    Regex(&'q regex::Regex),
}

impl Wanted<'_> {
    /// Byte offsets in `written`, whose lower case is `lower`. Where the two differ in length, those of
    /// the lower case.
    fn find(&self, written: &str, lower: &str) -> Option<usize> {
        match self {
            Self::Term(term) if term.case => written.find(&term.written),
            Self::Term(term) => lower.find(&term.key),
            Self::Regex(regex) => regex.find(written).map(|found| found.start()),
        }
    }

    fn count(&self, written: &str, lower: &str) -> usize {
        match self {
            Self::Term(term) if term.case => written.matches(&term.written).count(),
            Self::Term(term) => lower.matches(&term.key).count(),
            Self::Regex(regex) => regex.find_iter(written).count(),
        }
    }
}

/// What a file has of each word.
struct Seen {
    hit: Hit,
    length: f64,
    /// For each word: what the places count where it stands, and how often it stands in the text.
    words: Vec<(f64, usize)>,
}

pub(super) struct Ranking<'q> {
    wanted: Vec<Wanted<'q>>,
    seen: Vec<Seen>,
}

impl<'q> Ranking<'q> {
    pub(super) fn of(node: &'q Node) -> Self {
        let mut wanted = Vec::new();
        gather(node, &mut wanted);
        Self { wanted, seen: Vec::new() }
    }

    pub(super) fn has_terms(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Notes a file that matches.
    pub(super) fn take(&mut self, document: &Document<'_>, snippets: usize) {
        let text = document.text.unwrap_or_default();
        let name = document.path.rsplit('/').next().unwrap_or_default();
        let mut counts = vec![0; self.wanted.len()];
        let mut hit = Hit {
            path: document.path.to_owned(),
            score: 0.0,
            lines: 0,
            snippets: Vec::new(),
            excluded: false,
        };
        for (number, line) in (1..).zip(text.lines()) {
            let lower = key(line);
            let mut first: Option<usize> = None;
            for (wanted, count) in self.wanted.iter().zip(&mut counts) {
                if let Some(at) = wanted.find(line, &lower) {
                    first = Some(first.map_or(at, |first: usize| first.min(at)));
                    *count += wanted.count(line, &lower);
                }
            }
            if let Some(at) = first {
                hit.lines += 1;
                if hit.snippets.len() < snippets {
                    hit.snippets.push(snippet(line, number, at));
                }
            }
        }
        let has = |wanted: &Wanted<'_>, text: &str| wanted.find(text, &key(text)).is_some();
        let place = |wanted: &Wanted<'_>| {
            let mut sum = if has(wanted, name) { IN_TITLE } else { 0.0 };
            if let Some(note) = document.note {
                let mut names = note
                    .aliases
                    .iter()
                    .map(String::as_str)
                    .chain(note.tags.iter().map(|t| t.name.as_str()));
                sum += if names.any(|name| has(wanted, name)) { IN_NAMES } else { 0.0 };
                let heading = note.headings.iter().any(|heading| has(wanted, &heading.text));
                sum += if heading { IN_HEADING } else { 0.0 };
            }
            sum
        };
        let words = self.wanted.iter().map(place).zip(counts).collect();
        self.seen.push(Seen { hit, length: text.len() as f64, words });
    }

    /// The files, the best first; of equals by path.
    pub(super) fn hits(self) -> Vec<Hit> {
        let count = self.seen.len() as f64;
        let mean = self.seen.iter().map(|seen| seen.length).sum::<f64>() / count.max(1.0);
        let rarity: Vec<f64> = (0..self.wanted.len())
            .map(|word| {
                let has = |seen: &&Seen| seen.words[word].0 > 0.0 || seen.words[word].1 > 0;
                let having = self.seen.iter().filter(has).count() as f64;
                (1.0 + (count - having + 0.5) / (having + 0.5)).ln().max(0.1)
            })
            .collect();
        let score = |seen: &Seen| {
            let long = 0.25 + 0.75 * seen.length / mean.max(1.0);
            let word = |((place, times), rare): (&(f64, usize), &f64)| {
                let times = *times as f64;
                // As in BM25: the tenth time says less than the first.
                rare * (place + times * 2.2 / (times + 1.2 * long))
            };
            seen.words.iter().zip(&rarity).map(word).sum::<f64>()
        };
        let scored = self.seen.into_iter().map(|seen| {
            let score = (score(&seen) * 1e6).round() / 1e6;
            Hit { score, ..seen.hit }
        });
        let mut hits: Vec<Hit> = scored.collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
        hits
    }
}

fn gather<'q>(node: &'q Node, wanted: &mut Vec<Wanted<'q>>) {
    match node {
        Node::All(all) | Node::Any(all) => all.iter().for_each(|one| gather(one, wanted)),
        Node::Text(term) if !term.key.is_empty() => wanted.push(Wanted::Term(term)),
        Node::Regex(regex) => wanted.push(Wanted::Regex(regex)),
        Node::Content(inner)
        | Node::Line(inner)
        | Node::Block(inner)
        | Node::Section(inner)
        | Node::Task(_, inner)
        | Node::Tag(inner) => gather(inner, wanted),
        _ => {}
    }
}

fn snippet(line: &str, number: u32, at: usize) -> Snippet {
    let before = line.get(..at).map_or(0, |before| before.chars().count());
    let column = u32::try_from(before + 1).unwrap_or(u32::MAX);
    let count = line.chars().count();
    if count <= MAX_SHOWN {
        return Snippet { line: number, column, text: line.trim().to_owned() };
    }
    let from = before.saturating_sub(MAX_SHOWN / 3).min(count - MAX_SHOWN);
    let part: String = line.chars().skip(from).take(MAX_SHOWN).collect();
    let head = if from > 0 { "…" } else { "" };
    let tail = if from + MAX_SHOWN < count { "…" } else { "" };
    Snippet { line: number, column, text: format!("{head}{}{tail}", part.trim()) }
}
