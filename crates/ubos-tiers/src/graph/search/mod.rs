//! Full text with Obsidian's operators, ranked, with the lines that match.
//!
//! Words must all be there, in the text or the file's name; `OR`, `-` and brackets join them; `"…"` is
//! a phrase, `/…/` a regular expression (of linear time, so that none can stall). `path:`, `file:`,
//! `content:`, `tag:`, `line:`, `block:`, `section:`, `task:`, `task-todo:`, `task-done:`, `match-case:`
//! and `ignore-case:` look at one part only; `[property]` and `[property:value]` at the properties.
//! Case does not matter unless `match-case:` says so.
//!
//! The same language says which notes a group of the graph view colours: [`Query::holds`].

mod holds;
mod parse;
mod rank;

use serde::{Deserialize, Serialize};

use super::model::Content;
use super::note::Note;
use super::questions::View;
use parse::Node;
pub use parse::SearchError;

/// A query that was understood.
#[derive(Debug, Clone)]
pub struct Query {
    node: Node,
}

/// A file as a query looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its path.
    pub path: &'a str,
    /// The note in it, if it is one.
    pub note: Option<&'a Note>,
    /// Its text, where it is known; without it only what is known of the note can match.
    pub text: Option<&'a str>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// The query.
    pub query: String,
    /// Files, the best first.
    pub hits: Vec<Hit>,
    /// How many there are, shown or not.
    pub total: usize,
}

/// A file that matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The file.
    pub path: String,
    /// How well it matches; only good for comparing with others of the same search.
    pub score: f64,
    /// How many lines match.
    pub lines: usize,
    /// The first of them.
    pub snippets: Vec<Snippet>,
    /// Whether the vault's settings leave it out of searches; such files come last.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub excluded: bool,
}

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snippet {
    /// Line, from 1.
    pub line: u32,
    /// Column of the first match in characters, from 1.
    pub column: u32,
    /// What stands there, cut around the match.
    pub text: String,
}

impl Query {
    /// Reads a query. An empty one matches everything.
    ///
    /// # Errors
    /// What cannot be understood, with its column.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        Ok(Self { node: parse::parse(text)? })
    }

    /// Whether a file matches.
    pub fn holds(&self, document: &Document<'_>) -> bool {
        holds::document(&self.node, document)
    }

    /// Whether the text of a file can matter.
    pub fn needs_text(&self) -> bool {
        self.node.needs_text()
    }
}

/// The files that match, the best first; each with at most `snippets` lines. What the vault's settings
/// exclude comes last, and with the view's `parity` not at all, as in Obsidian.
///
/// # Errors
/// What cannot be understood of the query, with its column.
pub fn search(
    view: &View<'_>,
    text: &str,
    limit: usize,
    snippets: usize,
) -> Result<Search, SearchError> {
    let query = Query::parse(text)?;
    let mut ranking = rank::Ranking::of(&query.node);
    let reads = query.needs_text() || snippets > 0 && ranking.has_terms();
    for id in view.graph.files().all() {
        if view.parity && view.graph.is_excluded(id) {
            continue;
        }
        let path = view.path(id);
        let note = view.graph.note(id);
        let is_note = matches!(view.graph.source(id).map(|s| &s.content), Some(Content::Note(_)));
        let text = if reads && is_note { view.texts.text(path) } else { None };
        let document = Document { path, note, text: text.as_deref() };
        if query.holds(&document) {
            ranking.take(&document, snippets);
        }
    }
    let mut hits = ranking.hits();
    for hit in &mut hits {
        let id = view.graph.files().at(&hit.path);
        hit.excluded = id.is_some_and(|id| view.graph.is_excluded(id));
    }
    hits.sort_by_key(|hit| hit.excluded);
    let total = hits.len();
    hits.truncate(limit);
    Ok(Search { query: text.to_owned(), hits, total })
}

#[cfg(test)]
mod tests;
