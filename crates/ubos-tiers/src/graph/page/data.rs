//! What the page shows, as a value: everything the programs in the page know.
//!
//! Files, names that no file has and tags are all nodes; of edges of one kind between the same two
//! nodes there is one, with their number.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::preview::{preview, share};
use super::query::{Query, Subject};
use super::settings::Settings;
use crate::graph::files::FileId;
use crate::graph::model::{Content, Edge, EdgeKind, Graph, Source, Target};

/// Where data come from.
pub struct Input<'i> {
    /// The graph.
    pub graph: &'i Graph,
    /// The vault's name: that of its folder.
    pub vault: &'i str,
    /// The vault's settings of its graph view.
    pub settings: &'i Settings,
    /// The bytes of a file, by its path.
    pub bytes: &'i dyn Fn(&str) -> Option<Vec<u8>>,
    /// Files that belong together have the same number. Where there is none at all, the page finds
    /// groups itself.
    pub clusters: &'i BTreeMap<FileId, u32>,
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    /// The form of all this.
    pub schema: u32,
    /// The vault's name.
    pub vault: String,
    /// What is shown at first.
    pub show: Show,
    /// Folders, by which nodes name theirs; the first is the top one, which has no name.
    pub folders: Vec<String>,
    /// Tags as they are first written, by which nodes name theirs.
    pub tags: Vec<String>,
    /// The kinds of edges, by which edges name theirs.
    pub kinds: Vec<EdgeKind>,
    /// The vault's colour groups.
    pub groups: Vec<Group>,
    /// The nodes, by which edges name their ends.
    pub nodes: Vec<Node>,
    /// The edges: from, to, kind, how many, line of the first.
    pub edges: Vec<[u32; 5]>,
    /// What else is to be said of some edges, by their number.
    pub remarks: BTreeMap<u32, Remark>,
}

/// What is shown at first: the vault's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Show {
    /// Tags.
    pub tags: bool,
    /// Files that are neither notes nor canvases.
    pub attachments: bool,
    /// Names that no file has.
    pub missing: bool,
    /// Files without a link.
    pub orphans: bool,
    /// The vault's own filter, as the user wrote it; empty: none.
    pub filter: String,
    /// Why it could not be followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_trouble: Option<String>,
}

/// A colour group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The query as the user wrote it.
    pub query: String,
    /// `#rrggbb`.
    pub colour: String,
    /// Why it could not be followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// A note.
    Note,
    /// A canvas.
    Canvas,
    /// Any other file.
    Attachment,
    /// A name that no file has.
    Missing,
    /// A tag.
    Tag,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Path from the vault's root; of a name or a tag, that.
    pub path: String,
    /// What is written beside it.
    pub title: String,
    /// What it is.
    pub kind: NodeKind,
    /// Its folder; 0 for what has none.
    pub folder: u32,
    /// Edges of every kind but tags and guesses, each once.
    pub degree: u32,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<u32>,
    /// Other names of a note.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// When it was last changed, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtime: Option<i64>,
    /// Length in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Words of a note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<u32>,
    /// What belongs together has the same number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<u32>,
    /// The first colour group that finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// Whether the vault's own filter leaves it out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub filtered: bool,
    /// How a note begins.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub preview: String,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What else is to be said of an edge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Remark {
    /// A property's name, or what is written on an arrow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The first heading or block that it names and that is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// The node it is written in, where that is not its beginning: the canvas of an arrow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<u32>,
}

/// All kinds of edges, in the order of their numbers.
const KINDS: [EdgeKind; 10] = [
    EdgeKind::Link,
    EdgeKind::Embed,
    EdgeKind::FrontMatter,
    EdgeKind::CanvasFile,
    EdgeKind::CanvasText,
    EdgeKind::CanvasArrow,
    EdgeKind::Tag,
    EdgeKind::PathMention,
    EdgeKind::UnlinkedMention,
    EdgeKind::Duplicate,
];

/// The data of a vault. Other files than notes and canvases are among them where something links to
/// them; what the vault's settings leave out of its graph view is not.
pub fn data(input: &Input<'_>) -> Data {
    let mut maker = Maker::new(input);
    maker.files();
    maker.names_and_tags();
    maker.edges();
    maker.data
}

struct Maker<'i> {
    input: &'i Input<'i>,
    data: Data,
    numbers: HashMap<Target, u32>,
    folders: HashMap<String, u32>,
    groups: Vec<Option<Query>>,
    filter: Option<Query>,
    share: usize,
}

impl<'i> Maker<'i> {
    fn new(input: &'i Input<'i>) -> Self {
        let settings = input.settings;
        let mut groups = Vec::new();
        let mut queries = Vec::new();
        for group in &settings.groups {
            let (query, trouble) = understood(&group.query);
            let colour = format!("#{:06x}", group.colour);
            groups.push(Group { query: group.query.clone(), colour, trouble });
            queries.push(query);
        }
        let (filter, filter_trouble) = understood(&settings.search);
        let show = Show {
            tags: settings.tags,
            attachments: settings.attachments,
            missing: settings.missing,
            orphans: settings.orphans,
            filter: settings.search.trim().to_owned(),
            filter_trouble,
        };
        let data = Data {
            schema: 1,
            vault: input.vault.to_owned(),
            show,
            folders: vec![String::new()],
            tags: input.graph.tags().map(|(_, name)| name.to_owned()).collect(),
            kinds: KINDS.to_vec(),
            groups,
            nodes: Vec::new(),
            edges: Vec::new(),
            remarks: BTreeMap::new(),
        };
        let folders = HashMap::from([(String::new(), 0)]);
        let share = share(input.graph.notes().count());
        Self { input, data, numbers: HashMap::new(), folders, groups: queries, filter, share }
    }

    fn files(&mut self) {
        let graph = self.input.graph;
        for id in graph.files().all() {
            let Some(source) = graph.source(id) else { continue };
            let target = Target::File(id);
            let is_linked =
                graph.outgoing(id).next().is_some() || graph.incoming(target).next().is_some();
            if graph.is_excluded(id) {
                continue;
            }
            if is_linked || source.content != Content::Attachment {
                let node = self.file(id, source);
                self.add(target, node);
            }
        }
    }

    fn file(&mut self, id: FileId, source: &Source) -> Node {
        let graph = self.input.graph;
        let (kind, trouble) = match &source.content {
            Content::Note(_) => (NodeKind::Note, None),
            Content::Canvas(_) => (NodeKind::Canvas, None),
            Content::BrokenCanvas(line, why) => {
                (NodeKind::Canvas, Some(format!("line {line}: {why}")))
            }
            Content::Unread(why) if crate::graph::tree::is_canvas(&source.path) => {
                (NodeKind::Canvas, Some(why.clone()))
            }
            Content::Unread(why) => (NodeKind::Note, Some(why.clone())),
            Content::Attachment => (NodeKind::Attachment, None),
        };
        let note = graph.note(id);
        let bytes = note.and_then(|_| (self.input.bytes)(&source.path)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let tags = self.tags_of(id);
        let names: Vec<&str> =
            tags.iter().map(|tag| self.data.tags[*tag as usize].as_str()).collect();
        let subject = Subject::new(&source.path, &names, &text);
        let finds = |query: &Option<Query>| query.as_ref().is_some_and(|q| q.finds(&subject));
        let group = self.groups.iter().position(finds).and_then(|at| u32::try_from(at).ok());
        let filtered = self.filter.is_some() && !finds(&self.filter);
        Node {
            path: source.path.clone(),
            title: graph.title(id).to_owned(),
            kind,
            folder: self.folder(&source.path),
            degree: 0,
            tags,
            aliases: note.map(|note| note.aliases.clone()).unwrap_or_default(),
            mtime: Some(source.mtime.div_euclid(1_000_000_000)),
            size: Some(source.size),
            words: note.map(|note| note.words),
            cluster: self.input.clusters.get(&id).copied(),
            group,
            filtered,
            preview: preview(&text, self.share),
            trouble,
        }
    }

    /// The tags of a file, each once.
    fn tags_of(&self, id: FileId) -> Vec<u32> {
        let tags = self.input.graph.outgoing(id).filter_map(|edge| match edge.to {
            Target::Tag(tag) => Some(tag.0),
            _ => None,
        });
        let mut tags: Vec<u32> = tags.collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    fn folder(&mut self, path: &str) -> u32 {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if let Some(number) = self.folders.get(folder) {
            return *number;
        }
        let number = self.data.folders.len() as u32;
        self.data.folders.push(folder.to_owned());
        self.folders.insert(folder.to_owned(), number);
        number
    }

    fn names_and_tags(&mut self) {
        let graph = self.input.graph;
        let is_shown =
            |target| graph.incoming(target).any(|edge: &Edge| !graph.is_excluded(edge.from));
        for (id, name) in graph.all_missing().filter(|(id, _)| is_shown(Target::Missing(*id))) {
            self.add(Target::Missing(id), nameless(NodeKind::Missing, name.to_owned()));
        }
        for (id, name) in graph.tags().filter(|(id, _)| is_shown(Target::Tag(*id))) {
            self.add(Target::Tag(id), nameless(NodeKind::Tag, format!("#{name}")));
        }
    }

    fn add(&mut self, target: Target, node: Node) {
        self.numbers.insert(target, self.data.nodes.len() as u32);
        self.data.nodes.push(node);
    }

    fn edges(&mut self) {
        let graph = self.input.graph;
        let mut known: HashMap<(u32, u32, u32), usize> = HashMap::new();
        for edge in graph.edges() {
            let from = self.numbers.get(&Target::File(edge.from)).copied();
            let to = self.numbers.get(&edge.to).copied();
            let kind = KINDS.iter().position(|kind| *kind == edge.kind);
            // A link to itself says nothing that could be drawn.
            let (Some(from), Some(to), Some(kind)) = (from, to, kind) else { continue };
            if from == to {
                continue;
            }
            let triple = (from, to, kind as u32);
            let number = *known.entry(triple).or_insert_with(|| {
                self.data.edges.push([from, to, kind as u32, 0, edge.at.line]);
                self.data.edges.len() - 1
            });
            let count = &mut self.data.edges[number][3];
            *count += 1;
            if *count == 1 && edge.kind != EdgeKind::Tag && !edge.kind.is_soft() {
                self.data.nodes[from as usize].degree += 1;
                self.data.nodes[to as usize].degree += 1;
            }
            self.remark(number as u32, edge);
        }
    }

    fn remark(&mut self, number: u32, edge: &Edge) {
        let broken = edge.subpath.as_ref().filter(|_| edge.subpath_found == Some(false));
        let within = (edge.within != edge.from)
            .then(|| self.numbers.get(&Target::File(edge.within)).copied())
            .flatten();
        if broken.is_none() && within.is_none() && edge.label.is_none() {
            return;
        }
        let remark = self.data.remarks.entry(number).or_default();
        if remark.broken.is_none() {
            remark.broken = broken.cloned();
        }
        if remark.label.is_none() {
            remark.label.clone_from(&edge.label);
        }
        remark.within = remark.within.or(within);
    }
}

/// A node that is no file.
fn nameless(kind: NodeKind, name: String) -> Node {
    Node {
        path: name.clone(),
        title: name,
        kind,
        folder: 0,
        degree: 0,
        tags: Vec::new(),
        aliases: Vec::new(),
        mtime: None,
        size: None,
        words: None,
        cluster: None,
        group: None,
        filtered: false,
        preview: String::new(),
        trouble: None,
    }
}

/// A query that says something, or why it is not understood.
fn understood(text: &str) -> (Option<Query>, Option<String>) {
    if text.trim().is_empty() {
        return (None, None);
    }
    match Query::parse(text) {
        Ok(query) => (Some(query), None),
        Err(why) => (None, Some(why)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::graph::page::settings::ColourGroup;
    use crate::graph::tree;

    fn data_of(files: &[(&str, &str)], settings: &Settings) -> Data {
        let source = |(path, text): &(&str, &str)| {
            let content = tree::content(path, text.as_bytes());
            let size = text.len() as u64;
            let path = (*path).to_owned();
            Arc::new(Source { path, size, mtime: 5_900_000_000, digest: None, content })
        };
        let graph = Graph::build(files.iter().map(source).collect());
        let bytes = |path: &str| {
            let found = files.iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| text.as_bytes().to_vec())
        };
        let clusters = BTreeMap::new();
        let input =
            Input { graph: &graph, vault: "v", settings, bytes: &bytes, clusters: &clusters };
        data(&input)
    }

    fn edges(data: &Data) -> Vec<String> {
        let name = |at: u32| data.nodes[at as usize].path.as_str();
        let edges = data.edges.iter().map(|[from, to, kind, count, line]| {
            let kind = data.kinds[*kind as usize].word();
            format!("{} -{kind}> {} x{count} @{line}", name(*from), name(*to))
        });
        edges.collect()
    }

    #[test]
    fn every_kind_of_node_and_edge_is_there_once() {
        let data = data_of(
            &[
                (
                    "a.md",
                    "---\nup: \"[[b]]\"\naliases: [Ay]\n---\n[[b]] [[b|x]]\n[[gone]] #t/u\n![[p.png]]",
                ),
                ("d/b.md", "[[a#No such]] [[#here]]"),
                ("p.png", ""),
                ("unused.png", ""),
                ("c.canvas", "{"),
            ],
            &Settings::default(),
        );
        let expected = [
            "a.md -front-matter> d/b.md x1 @2",
            "a.md -link> d/b.md x2 @5",
            "a.md -link> gone x1 @6",
            "a.md -embed> p.png x1 @7",
            "a.md -tag> #t/u x1 @6",
            "d/b.md -link> a.md x1 @1",
        ];
        assert_eq!(edges(&data), expected);
        let nodes: Vec<(&str, NodeKind, u32)> =
            data.nodes.iter().map(|n| (n.title.as_str(), n.kind, n.degree)).collect();
        let expected = [
            ("a", NodeKind::Note, 5),
            ("c.canvas", NodeKind::Canvas, 0),
            ("b", NodeKind::Note, 3),
            ("p.png", NodeKind::Attachment, 1),
            ("gone", NodeKind::Missing, 1),
            ("#t/u", NodeKind::Tag, 0),
        ];
        assert_eq!(nodes, expected);
        assert_eq!(data.folders, ["", "d"]);
        assert_eq!(data.nodes[0].preview, "[[b]] [[b|x]]\n[[gone]] #t/u\n![[p.png]]");
        assert_eq!((data.nodes[0].mtime, data.nodes[0].tags.as_slice()), (Some(5), &[0][..]));
        assert!(data.nodes[1].trouble.as_deref().is_some_and(|why| why.starts_with("line 1")));
        assert_eq!(data.remarks[&0].label.as_deref(), Some("up"));
        assert_eq!(data.remarks[&5].broken.as_deref(), Some("No such"));
        assert_eq!(data.remarks.len(), 2);
    }

    #[test]
    fn the_first_group_that_finds_a_file_colours_it() {
        let group = |query: &str, colour| ColourGroup { query: query.into(), colour };
        let settings = Settings {
            search: "-path:old".into(),
            groups: vec![
                group("[status:x]", 1),
                group("path:/^docs\\//", 0x3B_82F6),
                group("tag:#t", 2),
                group("brass", 3),
            ],
            ..Settings::default()
        };
        let files =
            [("docs/a.md", "#t brass"), ("b.md", "#t/x"), ("old.md", "brass"), ("z.md", "")];
        let data = data_of(&files, &settings);
        let found: Vec<_> =
            data.nodes.iter().take(4).map(|n| (n.path.as_str(), n.group, n.filtered)).collect();
        let expected = [
            ("b.md", Some(2), false),
            ("docs/a.md", Some(1), false),
            ("old.md", Some(3), true),
            ("z.md", None, false),
        ];
        assert_eq!(found, expected);
        assert!(data.groups[0].trouble.is_some());
        assert_eq!(data.groups[1].colour, "#3b82f6");
    }

    #[test]
    fn an_arrow_names_the_canvas_it_is_drawn_in() {
        let canvas = r#"{"nodes": [{"id": "1", "type": "file", "file": "a.md"},
            {"id": "2", "type": "file", "file": "b.md"}],
            "edges": [{"id": "e", "fromNode": "1", "toNode": "2", "label": "so"}]}"#;
        let data =
            data_of(&[("a.md", ""), ("b.md", ""), ("c.canvas", canvas)], &Settings::default());
        let arrow = data
            .edges
            .iter()
            .position(|edge| data.kinds[edge[2] as usize] == EdgeKind::CanvasArrow);
        let remark = &data.remarks[&(arrow.unwrap() as u32)];
        assert_eq!(remark.label.as_deref(), Some("so"));
        assert_eq!(data.nodes[remark.within.unwrap() as usize].path, "c.canvas");
    }
}
