//! What a file refers to, and what refers to it.

use serde::{Deserialize, Serialize};

use super::{Kinds, Reference, View};
use crate::graph::files::FileId;
use crate::graph::model::{Edge, EdgeKind, Target};

/// References of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The file.
    pub note: String,
    /// Them, by the path of the file they are written in, there by place.
    pub references: Vec<Reference>,
    /// How many there are, shown or not.
    pub total: usize,
    /// How many different files, names and tags stand at their other ends.
    pub distinct: usize,
}

/// What a file refers to, tags included.
pub fn links(view: &View<'_>, id: FileId, kinds: &Kinds, limit: usize) -> Links {
    let wanted = |edge: &&Edge| view.sees(edge) && (kinds.0.is_empty() || kinds.has(edge.kind));
    let edges: Vec<&Edge> = view.graph.outgoing(id).filter(wanted).collect();
    let ends = edges.iter().map(|edge| edge.to);
    gathered(view, id, &edges, ends.collect(), limit)
}

/// What refers to a file.
pub fn backlinks(view: &View<'_>, id: FileId, kinds: &Kinds, limit: usize) -> Links {
    let wanted = |edge: &&Edge| {
        view.sees(edge) && edge.kind != EdgeKind::Tag && kinds.has(edge.kind) && edge.from != id
    };
    let edges: Vec<&Edge> = view.graph.incoming(Target::File(id)).filter(wanted).collect();
    let ends = edges.iter().map(|edge| Target::File(edge.from));
    gathered(view, id, &edges, ends.collect(), limit)
}

fn gathered(
    view: &View<'_>,
    id: FileId,
    edges: &[&Edge],
    ends: std::collections::BTreeSet<Target>,
    limit: usize,
) -> Links {
    Links {
        note: view.path(id).to_owned(),
        references: view.references(edges.iter().copied().take(limit)),
        total: edges.len(),
        distinct: ends.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    #[test]
    fn links_have_their_line_and_sentence() {
        let vault = Sketch::of(&[
            ("a.md", "Intro.\n\nSee [[b]] for more. Other.\n[[gone]] #tag\n"),
            ("b.md", "---\nup: \"[[a]]\"\n---\nThe [[b#x]] self, then ![[a]].\n"),
        ]);
        let view = vault.view();
        let out = links(&view, vault.id("a.md"), &Kinds::default(), usize::MAX);
        let shown: Vec<(&str, u32, &str)> = out
            .references
            .iter()
            .map(|r| (r.to.name(), r.line, r.sentence.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(
            shown,
            [
                ("b.md", 3, "See [[b]] for more."),
                ("gone", 4, "Other. [[gone]] #tag"),
                ("tag", 4, "Other. [[gone]] #tag")
            ]
        );
        let back = backlinks(&view, vault.id("a.md"), &Kinds::default(), 1);
        assert_eq!((back.total, back.distinct, back.references.len()), (2, 1, 1));
        assert_eq!(back.references[0].label.as_deref(), Some("up"));
        let itself = backlinks(&view, vault.id("b.md"), &Kinds::default(), 9);
        assert_eq!(itself.total, 1, "a link to the note itself is no backlink");
    }
}
