//! What can be asked of a graph. Each question takes the graph and gives a plain value, which is the
//! answer as JSON and what the terminal's face is drawn from; nothing here reads a file or a clock.
//!
//! [`View`] is what every question looks through: the graph, the words of the files for the sentences
//! around links, and whether only what Obsidian itself counts is seen. `topology` has the graph as the
//! algorithms want it, with numbers for nodes.

pub mod broken;
pub mod central;
pub mod clusters;
pub mod diff;
pub mod export;
pub mod impact;
pub mod links;
pub mod name;
mod near;
pub mod neighbours;
pub mod orphans;
pub mod paths;
pub mod query;
mod sentence;
pub mod similar;
pub mod stats;
pub mod tags;
pub mod topology;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::files::FileId;
use super::model::{Content, Edge, EdgeKind, Graph, Target};
use super::note::Link;
use sentence::Lines;

/// Where the words of files come from.
pub trait Texts {
    /// The text of the file at `path`, as its spans count: UTF-8, without a byte order mark. `None` if
    /// it cannot be read.
    fn text(&self, path: &str) -> Option<String>;
}

impl Texts for BTreeMap<String, Vec<u8>> {
    fn text(&self, path: &str) -> Option<String> {
        self.get(path).map(|bytes| plain(bytes))
    }
}

impl Texts for super::index::Index {
    fn text(&self, path: &str) -> Option<String> {
        self.bytes(path).map(|bytes| plain(&bytes))
    }
}

/// Bytes as the text that spans count in.
pub fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
}

/// What a question looks through.
#[derive(Clone, Copy)]
pub struct View<'g> {
    /// The graph.
    pub graph: &'g Graph,
    /// The words of its files.
    pub texts: &'g dyn Texts,
    /// Whether only what Obsidian counts is seen: no arrows of canvases, nothing soft.
    pub parity: bool,
}

impl<'g> View<'g> {
    /// Whether an edge is seen.
    pub fn sees(&self, edge: &Edge) -> bool {
        !self.parity || edge.kind.is_obsidians() || edge.kind == EdgeKind::Tag
    }

    /// Whether an edge is seen and joins a file with something else than itself or a tag.
    pub fn joins(&self, edge: &Edge) -> bool {
        edge.kind != EdgeKind::Tag && edge.to != Target::File(edge.from) && self.sees(edge)
    }

    /// The path of a file.
    pub fn path(&self, id: FileId) -> &'g str {
        self.graph.files().path(id)
    }

    /// What an edge leads to, as answers name it.
    pub fn end(&self, target: Target) -> End {
        match target {
            Target::File(id) => End::File(self.path(id).to_owned()),
            Target::Missing(id) => End::Missing(self.graph.missing(id).to_owned()),
            Target::Tag(id) => End::Tag(self.graph.tag(id).to_owned()),
        }
    }

    /// One edge, as answers show it, with the sentence it stands in.
    pub fn reference(&self, edge: &Edge) -> Reference {
        let within = self.path(edge.within);
        let text = self.texts.text(within).map(Lines::of);
        self.reference_in(edge, text.as_ref())
    }

    /// Edges as answers show them; each file's words are asked for once in a row.
    pub fn references<'e>(&self, edges: impl Iterator<Item = &'e Edge>) -> Vec<Reference> {
        let mut open: Option<(FileId, Option<Lines>)> = None;
        let show = |edge: &Edge| {
            if open.as_ref().is_none_or(|(id, _)| *id != edge.within) {
                open = Some((edge.within, self.texts.text(self.path(edge.within)).map(Lines::of)));
            }
            let text = open.as_ref().and_then(|(_, text)| text.as_ref());
            self.reference_in(edge, text)
        };
        edges.map(show).collect()
    }

    fn reference_in(&self, edge: &Edge, text: Option<&Lines>) -> Reference {
        let is_canvas = matches!(
            self.graph.source(edge.within).map(|source| &source.content),
            Some(Content::Canvas(_))
        );
        // The text of a canvas is JSON, which says nothing to anybody.
        let sentence = text.filter(|_| !is_canvas).and_then(|text| match edge.kind {
            EdgeKind::FrontMatter => sentence::line(text, edge.at),
            _ => sentence::around(text, edge.at, edge.span),
        });
        Reference {
            from: self.path(edge.from).to_owned(),
            to: self.end(edge.to),
            kind: edge.kind,
            within: (edge.within != edge.from).then(|| self.path(edge.within).to_owned()),
            line: edge.at.line,
            column: edge.at.column,
            label: edge.label.clone(),
            subpath: edge.subpath.clone(),
            subpath_found: edge.subpath_found,
            sentence,
        }
    }
}

/// The links that a file has as it writes them, of notes and canvases.
pub fn written_links(graph: &Graph, id: FileId) -> &[Link] {
    match graph.source(id).map(|source| &source.content) {
        Some(Content::Note(note)) => &note.links,
        Some(Content::Canvas(canvas)) => &canvas.links,
        _ => &[],
    }
}

/// What an edge leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// A file, by its path.
    File(String),
    /// A name that no file has.
    Missing(String),
    /// A tag, without `#`.
    Tag(String),
}

impl End {
    /// Its name alone.
    pub fn name(&self) -> &str {
        match self {
            Self::File(name) | Self::Missing(name) | Self::Tag(name) => name,
        }
    }
}

/// One edge with its place and the words around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The file that refers.
    pub from: String,
    /// What to.
    pub to: End,
    /// How.
    pub kind: EdgeKind,
    /// The file it is written in, where that is not `from`: the canvas of an arrow.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub within: Option<String>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// A property's name, or what is written on an arrow.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<String>,
    /// The part from `#` on, without it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subpath: Option<String>,
    /// Whether that heading or block is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subpath_found: Option<bool>,
    /// The sentence around it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sentence: Option<String>,
}

/// Which kinds of edges count; empty: all but tags.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kinds(pub Vec<EdgeKind>);

impl Kinds {
    /// Whether this kind counts.
    pub fn has(&self, kind: EdgeKind) -> bool {
        if self.0.is_empty() { kind != EdgeKind::Tag } else { self.0.contains(&kind) }
    }
}

#[cfg(test)]
pub(crate) mod sketch;
