//! The graph: files, and edges of several kinds between them, each with the place it comes from.
//!
//! It is made from what the files say ([`Graph::build`]), never changed: whoever has new files makes
//! a new one, which for ten thousand links takes a few milliseconds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::canvas::Canvas;
use super::excluded::Excluded;
use super::files::{FileId, Files};
use super::note::{Link, LinkForm, Note, Position, Tag, key};

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A note.
    Note(Box<Note>),
    /// A canvas.
    Canvas(Box<Canvas>),
    /// A canvas that cannot be read: its line and what is wrong.
    BrokenCanvas(u32, String),
    /// A note or canvas that is too large or could not be read, and why.
    Unread(String),
    /// Anything else.
    Attachment,
}

/// A file of the vault with what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Path from the vault's root, with `/`.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime: i64,
    /// BLAKE3 of a note or canvas; of other files nothing is read.
    pub digest: Option<[u8; 32]>,
    /// What it says.
    pub content: Content,
}

/// The kinds of edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// A link in a note.
    Link,
    /// Something shown in place.
    Embed,
    /// A link in a property.
    FrontMatter,
    /// A card of a canvas that shows a file, or the background of a group.
    CanvasFile,
    /// A link in a card of text.
    CanvasText,
    /// An arrow of a canvas, from the file of one card to that of another. Ours: Obsidian has none.
    CanvasArrow,
    /// A tag.
    Tag,
    /// A path that is written in prose or code. Soft.
    PathMention,
    /// A title or other name of a note that is not linked. Soft.
    UnlinkedMention,
    /// Two files with the same content, or one that is named like a copy of the other. Soft.
    Duplicate,
}

impl EdgeKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Link,
        Self::Embed,
        Self::FrontMatter,
        Self::CanvasFile,
        Self::CanvasText,
        Self::CanvasArrow,
        Self::Tag,
        Self::PathMention,
        Self::UnlinkedMention,
        Self::Duplicate,
    ];

    /// Whether it is ours and no link of anybody: guessed from the text.
    pub fn is_soft(self) -> bool {
        matches!(self, Self::PathMention | Self::UnlinkedMention | Self::Duplicate)
    }

    /// Whether Obsidian counts it among the links of a file.
    pub fn is_obsidians(self) -> bool {
        !self.is_soft() && !matches!(self, Self::CanvasArrow | Self::Tag)
    }

    /// The word for it in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Embed => "embed",
            Self::FrontMatter => "front-matter",
            Self::CanvasFile => "canvas-file",
            Self::CanvasText => "canvas-text",
            Self::CanvasArrow => "canvas-arrow",
            Self::Tag => "tag",
            Self::PathMention => "path-mention",
            Self::UnlinkedMention => "unlinked-mention",
            Self::Duplicate => "duplicate",
        }
    }
}

/// A tag, in whatever case it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagId(pub u32);

/// A name that no file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MissingId(pub u32);

/// Where an edge leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// To a file.
    File(FileId),
    /// To a name that no file has.
    Missing(MissingId),
    /// To a tag.
    Tag(TagId),
}

/// One edge. The same two ends can have many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The file that says it. Of an arrow, the file of the card it begins at.
    pub from: FileId,
    /// Where it leads.
    pub to: Target,
    /// Its kind.
    pub kind: EdgeKind,
    /// The file it is written in: of an arrow the canvas, otherwise `from`.
    pub within: FileId,
    /// Where it is written.
    pub at: Position,
    /// Its bytes in that file.
    pub span: (u32, u32),
    /// A property's name, or what is written on an arrow.
    pub label: Option<String>,
    /// The part from `#` on, without the `#`.
    pub subpath: Option<String>,
    /// Whether the heading or block that the subpath names is there; `None` without one, or where it
    /// cannot be told.
    pub subpath_found: Option<bool>,
}

/// The files of a vault and all edges between them.
#[derive(Debug, Default)]
pub struct Graph {
    files: Files,
    sources: HashMap<FileId, Arc<Source>>,
    edges: Vec<Edge>,
    forward: HashMap<FileId, Vec<u32>>,
    backward: HashMap<Target, Vec<u32>>,
    missing: Vec<String>,
    tags: Vec<String>,
    tag_ids: HashMap<String, TagId>,
    excluded: HashSet<FileId>,
}

impl Graph {
    /// The graph of these files. The order does not matter.
    pub fn build(sources: Vec<Arc<Source>>) -> Self {
        let mut graph = Self::default();
        let mut sources = sources;
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        for source in sources {
            let id = graph.files.add(&source.path);
            graph.sources.insert(id, source);
        }
        let mut maker = Maker::default();
        for id in graph.files.all() {
            maker.take(&graph, id);
        }
        let Maker { edges, missing, tags, tag_ids, .. } = maker;
        graph.missing = missing;
        graph.tags = tags;
        graph.tag_ids = tag_ids;
        graph.join(edges);
        graph
    }

    /// Adds edges that were found otherwise, such as soft ones.
    pub fn join(&mut self, edges: Vec<Edge>) {
        for edge in edges {
            let number = u32::try_from(self.edges.len()).expect("fewer than 4 billion edges");
            self.forward.entry(edge.from).or_default().push(number);
            self.backward.entry(edge.to).or_default().push(number);
            self.edges.push(edge);
        }
    }

    /// Takes note of the files that the vault's settings leave out of its graph view.
    pub fn exclude(&mut self, excluded: &Excluded) {
        let files = &self.files;
        self.excluded = files.all().filter(|id| excluded.covers(files.path(*id))).collect();
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
        self.sources.get(&id).map(Arc::as_ref)
    }

    /// The note in a file, if it is one.
    pub fn note(&self, id: FileId) -> Option<&Note> {
        match &self.source(id)?.content {
            Content::Note(note) => Some(note),
            _ => None,
        }
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
        self.forward.get(&id).into_iter().flatten().map(|number| &self.edges[*number as usize])
    }

    /// The edges that lead to something.
    pub fn incoming(&self, target: Target) -> impl Iterator<Item = &Edge> {
        self.backward.get(&target).into_iter().flatten().map(|number| &self.edges[*number as usize])
    }

    /// The name that no file has, as the first link to it writes it.
    pub fn missing(&self, id: MissingId) -> &str {
        &self.missing[id.0 as usize]
    }

    /// All names that no file has.
    pub fn all_missing(&self) -> impl Iterator<Item = (MissingId, &str)> {
        self.missing
            .iter()
            .enumerate()
            .map(|(number, name)| (MissingId(number as u32), name.as_str()))
    }

    /// A tag as it is first written.
    pub fn tag(&self, id: TagId) -> &str {
        &self.tags[id.0 as usize]
    }

    /// The tag of that name, in whatever case.
    pub fn tag_id(&self, name: &str) -> Option<TagId> {
        self.tag_ids.get(&key(name.trim_start_matches('#'))).copied()
    }

    /// All tags with their numbers.
    pub fn tags(&self) -> impl Iterator<Item = (TagId, &str)> {
        self.tags.iter().enumerate().map(|(number, name)| (TagId(number as u32), name.as_str()))
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

/// Makes the edges of one file after the other.
#[derive(Default)]
struct Maker {
    edges: Vec<Edge>,
    missing: Vec<String>,
    missing_ids: HashMap<String, MissingId>,
    tags: Vec<String>,
    tag_ids: HashMap<String, TagId>,
    /// What the links of the last source came to: notes repeat themselves.
    known: BTreeMap<String, Option<FileId>>,
}

impl Maker {
    fn take(&mut self, graph: &Graph, id: FileId) {
        self.known.clear();
        match graph.source(id).map(|source| &source.content) {
            Some(Content::Note(note)) => {
                self.links(graph, id, &note.links);
                self.tags(id, &note.tags);
            }
            Some(Content::Canvas(canvas)) => {
                self.links(graph, id, &canvas.links);
                self.tags(id, &canvas.tags);
                self.arrows(graph, id, canvas);
            }
            _ => {}
        }
    }

    fn resolve(&mut self, graph: &Graph, from: FileId, target: &str) -> Option<FileId> {
        if let Some(known) = self.known.get(target) {
            return *known;
        }
        let found = graph.files.resolve(target, graph.files.path(from));
        self.known.insert(target.to_owned(), found);
        found
    }

    fn links(&mut self, graph: &Graph, from: FileId, links: &[Link]) {
        for link in links {
            let kind = match &link.form {
                LinkForm::CanvasFile | LinkForm::CanvasGroup => EdgeKind::CanvasFile,
                LinkForm::CanvasText => EdgeKind::CanvasText,
                LinkForm::FrontMatter { .. } => EdgeKind::FrontMatter,
                LinkForm::Wiki | LinkForm::Markdown if link.embed => EdgeKind::Embed,
                LinkForm::Wiki | LinkForm::Markdown => EdgeKind::Link,
            };
            let label = match &link.form {
                LinkForm::FrontMatter { key } => Some(key.clone()),
                _ => None,
            };
            let found = self.resolve(graph, from, &link.target);
            let subpath_found =
                link.subpath.as_deref().zip(found).and_then(|(subpath, id)| {
                    graph.note(id).map(|note| has_subpath(note, subpath))
                });
            let to =
                found.map_or_else(|| Target::Missing(self.missing(&link.target)), Target::File);
            let (at, span, subpath) = (link.at, link.span, link.subpath.clone());
            self.edges.push(Edge {
                from,
                to,
                kind,
                within: from,
                at,
                span,
                label,
                subpath,
                subpath_found,
            });
        }
    }

    fn tags(&mut self, from: FileId, tags: &[Tag]) {
        for tag in tags {
            let to = Target::Tag(self.tag(&tag.name));
            // In a text it is written with `#`, in a property without.
            let mark = usize::from(!tag.from_properties);
            let length = u32::try_from(tag.name.len() + mark).unwrap_or(0);
            self.edges.push(Edge {
                from,
                to,
                kind: EdgeKind::Tag,
                within: from,
                at: tag.at,
                span: (0, length),
                label: None,
                subpath: None,
                subpath_found: None,
            });
        }
    }

    fn arrows(&mut self, graph: &Graph, canvas: FileId, read: &Canvas) {
        for arrow in &read.arrows {
            let ends = [&arrow.from, &arrow.to].map(|path| self.resolve(graph, canvas, path));
            if let [Some(from), Some(to)] = ends {
                self.edges.push(Edge {
                    from,
                    to: Target::File(to),
                    kind: EdgeKind::CanvasArrow,
                    within: canvas,
                    at: arrow.at,
                    span: (0, 0),
                    label: arrow.label.clone(),
                    subpath: None,
                    subpath_found: None,
                });
            }
        }
    }

    fn missing(&mut self, name: &str) -> MissingId {
        let id = MissingId(u32::try_from(self.missing.len()).expect("fewer than 4 billion names"));
        *self.missing_ids.entry(key(name)).or_insert_with(|| {
            self.missing.push(name.to_owned());
            id
        })
    }

    fn tag(&mut self, name: &str) -> TagId {
        let id = TagId(u32::try_from(self.tags.len()).expect("fewer than 4 billion tags"));
        *self.tag_ids.entry(key(name)).or_insert_with(|| {
            self.tags.push(name.to_owned());
            id
        })
    }
}

/// Whether a note has the block, footnote or heading that a subpath names.
fn has_subpath(note: &Note, subpath: &str) -> bool {
    if let Some(block) = subpath.strip_prefix('^') {
        return note.blocks.iter().any(|anchor| anchor.name.eq_ignore_ascii_case(block.trim()));
    }
    if let Some(name) = subpath.strip_prefix("[^").and_then(|rest| rest.strip_suffix(']')) {
        return note.footnotes.iter().any(|anchor| anchor.name == name);
    }
    let mut headings = note.headings.iter();
    let mut above = 0;
    subpath.split('#').map(plain_heading).filter(|part| !part.is_empty()).all(|part| {
        let found = headings.find(|h| h.level > above && plain_heading(&h.text) == part);
        above = found.map_or(above, |heading| heading.level);
        found.is_some()
    })
}

/// A heading as links compare it: marks are blanks, blanks are one, letters are small.
fn plain_heading(text: &str) -> String {
    const MARKS: &str = "!\"#$%&()*+,.:;<=>?@^`{|}~/[]\\\r\n";
    let text: String = text.chars().map(|c| if MARKS.contains(c) { ' ' } else { c }).collect();
    key(&text.split_whitespace().collect::<Vec<_>>().join(" "))
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
