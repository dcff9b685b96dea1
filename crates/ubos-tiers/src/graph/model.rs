//! The graph: files, and edges of several kinds between them, each with the place it comes from.
//!
//! It is made from what the files say ([`Graph::build`]) and follows their changes ([`Graph::update`]).
//! Both come to the same: files are numbered by path, edges stand in the order in which they are
//! written, names that no file has and tags in the order in which they first stand.

use std::collections::HashSet;
use std::sync::Arc;

pub use super::edge::{Edge, EdgeKind, MissingId, TagId, Target};
use super::excluded::Excluded;
use super::files::{FileId, Files};
use super::lists::Lists;
use super::make::{Maker, note_of};
use super::names::Names;
use super::note::Note;
pub use super::source::{Content, Source};

/// The files of a vault and all edges between them.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub(super) files: Files,
    /// By number of the file.
    pub(super) sources: Vec<Arc<Source>>,
    /// By the file they are written in, there by place; behind them what was joined.
    pub(super) edges: Vec<Edge>,
    /// Where the edges of each file begin, and where those of the last one end.
    pub(super) starts: Vec<u32>,
    pub(super) missing: Names,
    pub(super) tags: Names,
    /// By the file they are from.
    forward: Lists,
    /// By what they lead to: files, then names that no file has, then tags.
    backward: Lists,
    excluded: HashSet<FileId>,
}

impl Graph {
    /// The graph of these files. The order does not matter.
    pub fn build(mut sources: Vec<Arc<Source>>) -> Self {
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        // Two names that are no UTF-8 can be shown alike: one of them is enough.
        sources.dedup_by(|later, earlier| later.path == earlier.path);
        let mut graph = Self {
            files: Files::of(sources.iter().map(|source| source.path.as_str())),
            sources,
            ..Self::default()
        };
        let mut maker =
            Maker::new(&graph.files, &graph.sources, &mut graph.missing, &mut graph.tags);
        graph.starts.push(0);
        for id in (0..number(graph.sources.len())).map(FileId) {
            maker.take(id, &mut graph.edges);
            graph.starts.push(number(graph.edges.len()));
        }
        graph.list();
        graph
    }

    /// Adds edges that were found otherwise, such as soft ones.
    pub fn join(&mut self, edges: Vec<Edge>) {
        self.edges.extend(edges);
        self.list();
    }

    /// Lists the edges by their ends.
    pub(super) fn list(&mut self) {
        let (files, missing) = (self.sources.len(), self.missing.len());
        let slot = |edge: &Edge| slot(edge.to, files, missing);
        self.forward = Lists::of(files, self.edges.iter().map(|edge| edge.from.0 as usize));
        self.backward = Lists::of(files + missing + self.tags.len(), self.edges.iter().map(slot));
    }

    /// Takes note of the files that the vault's settings leave out of its graph view.
    pub fn exclude(&mut self, excluded: &Excluded) {
        self.excluded.clear();
        if !excluded.is_empty() {
            let files = &self.files;
            self.excluded.extend(files.all().filter(|id| excluded.covers(files.path(*id))));
        }
    }

    /// Whether a file is left out of the graph view, of mentions and of searches.
    pub fn is_excluded(&self, id: FileId) -> bool {
        self.excluded.contains(&id)
    }

    /// How many files are.
    pub fn excluded(&self) -> usize {
        self.excluded.len()
    }

    /// All files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// What a file says.
    pub fn source(&self, id: FileId) -> Option<&Source> {
        self.sources.get(id.0 as usize).map(Arc::as_ref)
    }

    /// The note in a file, if it is one.
    pub fn note(&self, id: FileId) -> Option<&Note> {
        note_of(self.source(id)?)
    }

    /// All notes, by path.
    pub fn notes(&self) -> impl Iterator<Item = (FileId, &Note)> {
        self.files.all().filter_map(|id| Some((id, self.note(id)?)))
    }

    /// All edges: by the path of the file they are written in, there by place; added ones last.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The edges that a file has.
    pub fn outgoing(&self, id: FileId) -> impl Iterator<Item = &Edge> {
        self.numbered(self.forward.get(id.0 as usize))
    }

    /// The edges that lead to something.
    pub fn incoming(&self, target: Target) -> impl Iterator<Item = &Edge> {
        let slot = slot(target, self.sources.len(), self.missing.len());
        self.numbered(self.backward.get(slot))
    }

    fn numbered<'g>(&'g self, numbers: &'g [u32]) -> impl Iterator<Item = &'g Edge> {
        numbers.iter().map(|number| &self.edges[*number as usize])
    }

    /// The name that no file has, as the first link to it writes it.
    pub fn missing(&self, id: MissingId) -> &str {
        self.missing.written(id.0)
    }

    /// All names that no file has.
    pub fn all_missing(&self) -> impl Iterator<Item = (MissingId, &str)> {
        self.missing.all().map(|(number, name)| (MissingId(number), name))
    }

    /// A tag as it is first written.
    pub fn tag(&self, id: TagId) -> &str {
        self.tags.written(id.0)
    }

    /// The tag of that name, in whatever case.
    pub fn tag_id(&self, name: &str) -> Option<TagId> {
        self.tags.find(name.trim_start_matches('#')).map(TagId)
    }

    /// All tags with their numbers.
    pub fn tags(&self) -> impl Iterator<Item = (TagId, &str)> {
        self.tags.all().map(|(number, name)| (TagId(number), name))
    }

    /// The title of a file: its name without `.md`.
    pub fn title(&self, id: FileId) -> &str {
        let path = self.files.path(id);
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        if name.len() > 3 && name.is_char_boundary(name.len() - 3) {
            let (stem, end) = name.split_at(name.len() - 3);
            if end.eq_ignore_ascii_case(".md") {
                return stem;
            }
        }
        name
    }
}

/// The number of an edge.
pub(super) fn number(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 4 billion edges")
}

/// Where the list of what leads to `target` stands.
fn slot(target: Target, files: usize, missing: usize) -> usize {
    match target {
        Target::File(id) => id.0 as usize,
        Target::Missing(id) => files + id.0 as usize,
        Target::Tag(id) => files + missing + id.0 as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::note;

    fn graph(files: &[(&str, &str)]) -> Graph {
        let source = |(path, text): &(&str, &str)| Source {
            path: (*path).to_owned(),
            size: text.len() as u64,
            mtime: 0,
            digest: None,
            content: match path.rsplit_once('.') {
                Some((_, "md")) => Content::Note(Box::new(note::parse(text.as_bytes()))),
                Some((_, "canvas")) => match crate::graph::canvas::parse(text.as_bytes()) {
                    Ok(canvas) => Content::Canvas(Box::new(canvas)),
                    Err((line, why)) => Content::BrokenCanvas(line, why),
                },
                _ => Content::Attachment,
            },
        };
        Graph::build(files.iter().map(|file| Arc::new(source(file))).collect())
    }

    fn shown(graph: &Graph, edge: &Edge) -> String {
        let to = match edge.to {
            Target::File(id) => graph.files().path(id).to_owned(),
            Target::Missing(id) => format!("?{}", graph.missing(id)),
            Target::Tag(id) => format!("#{}", graph.tag(id)),
        };
        format!("{} {} {to}", graph.files().path(edge.from), edge.kind.word())
    }

    #[test]
    fn every_kind_of_edge_is_made() {
        let graph = graph(&[
            ("a.md", "---\nup: \"[[b]]\"\n---\n[[b]] ![[p.png]] [[gone]] #T\n"),
            ("b.md", "#t/sub [[GONE]]"),
            ("p.png", ""),
            (
                "c.canvas",
                r#"{"nodes":[{"id":"1","file":"a.md"},{"id":"2","file":"b.md"},{"id":"3","text":"[[a]]"}],"edges":[{"id":"e","fromNode":"1","toNode":"2","label":"then"}]}"#,
            ),
        ]);
        let edges: Vec<String> = graph.edges().iter().map(|edge| shown(&graph, edge)).collect();
        assert_eq!(
            edges,
            [
                "a.md front-matter b.md",
                "a.md link b.md",
                "a.md embed p.png",
                "a.md link ?gone",
                "a.md tag #T",
                "b.md link ?gone",
                "b.md tag #t/sub",
                "c.canvas canvas-file a.md",
                "c.canvas canvas-file b.md",
                "c.canvas canvas-text a.md",
                "a.md canvas-arrow b.md",
            ]
        );
        let b = graph.files().at("b.md").unwrap();
        assert_eq!(graph.incoming(Target::File(b)).count(), 4);
        let (gone, _) = graph.all_missing().next().unwrap();
        assert_eq!(graph.incoming(Target::Missing(gone)).count(), 2);
        assert!(graph.tag_id("t").is_some() && graph.tag_id("#T/SUB").is_some());
        assert_eq!(graph.title(b), "b");
    }

    #[test]
    fn a_subpath_is_looked_up_and_never_unresolves_a_link() {
        let graph = graph(&[
            ("n.md", "# One\n## Sub: part\n# Two\ntext ^blk\n\n[^f]: x\n"),
            (
                "m.md",
                "[[n#one]] [[n#One#Sub part]] [[n#Two#Sub part]] [[n#^BLK]] [[n#^no]] [[n#[^f]]] [[n#none]] [[n]]",
            ),
        ]);
        let found: Vec<Option<bool>> =
            graph.edges().iter().map(|edge| edge.subpath_found).collect();
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(found, [yes, yes, no, yes, no, yes, no, None]);
        assert!(graph.edges().iter().all(|edge| matches!(edge.to, Target::File(_))));
    }

    #[test]
    fn the_order_of_files_does_not_matter() {
        let files =
            [("b.md", "[[t]] #x"), ("z/t.md", ""), ("a/t.md", "[[b]] #X"), ("c.md", "[[no]]")];
        let mut turned = files;
        turned.reverse();
        let (one, two) = (graph(&files), graph(&turned));
        let all = |graph: &Graph| graph.edges().iter().map(|e| shown(graph, e)).collect::<Vec<_>>();
        assert_eq!(all(&one), all(&two));
    }
}
