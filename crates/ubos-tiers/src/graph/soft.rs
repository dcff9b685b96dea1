//! Soft edges: connections that nobody wrote as links, guessed from the words.
//!
//! *Path mentions*: the path of a file in prose or code. *Unlinked mentions*: the title or another name
//! of a note in prose, as whole words. *Duplicates*: files of the same content, and files whose name
//! says that they are a copy (`name 2.md`, `name (1).md`, `name copy.md`, a folder `docs 2/` beside
//! `docs/`). They are edges of their own kinds, joined to a graph by [`Graph::join`] where they are
//! asked for, and never taken for links.

mod copies;
mod mentions;

use super::model::{Edge, Graph, Target};
use super::questions::Texts;

pub use copies::{Copy, copies};

/// All soft edges of a graph between files that the vault's settings do not exclude, by the path of the file they are found in, there by place.
pub fn find(graph: &Graph, texts: &dyn Texts) -> Vec<Edge> {
    let mut edges = mentions::find(graph, texts);
    edges.extend(copies::edges(graph));
    let is_shown = |edge: &Edge| match edge.to {
        Target::File(to) => !graph.is_excluded(edge.from) && !graph.is_excluded(to),
        _ => true,
    };
    edges.retain(is_shown);
    edges
}

/// Joins all soft edges to a graph.
pub fn join(graph: &mut Graph, texts: &dyn Texts) {
    let edges = find(graph, texts);
    graph.join(edges);
}

#[cfg(test)]
mod tests;
