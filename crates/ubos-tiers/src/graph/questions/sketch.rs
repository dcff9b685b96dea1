//! Vaults for tests, from a few words.

use std::collections::BTreeMap;

use super::View;
use crate::graph::model::Graph;
use crate::graph::tree;

/// A vault in memory.
pub(crate) struct Sketch {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) graph: Graph,
}

impl Sketch {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self::from(files.iter().map(|(p, t)| ((*p).to_owned(), t.as_bytes().to_vec())).collect())
    }

    pub(crate) fn from(files: BTreeMap<String, Vec<u8>>) -> Self {
        let graph = tree::graph_of(&files);
        Self { files, graph }
    }

    /// A vault in which note `n` links to the others of its list; names sort by number.
    pub(crate) fn arrows(nodes: usize, arrows: &[(usize, usize)]) -> Self {
        let note = |n: usize| {
            let links = arrows.iter().filter(|(from, _)| *from == n);
            let text: String = links.map(|(_, to)| format!("see [[n{to:03}]]\n")).collect();
            (format!("n{n:03}.md"), text.into_bytes())
        };
        Self::from((0..nodes).map(note).collect())
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { graph: &self.graph, texts: &self.files, parity: false }
    }

    pub(crate) fn id(&self, path: &str) -> crate::graph::files::FileId {
        self.graph.files().at(path).expect("the sketch has this file")
    }
}
