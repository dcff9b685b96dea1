//! The nodes of the page: files, names that no file has, tags; and which cluster they are in.

use std::collections::HashMap;

use super::Input;
use super::groups::Groups;
use super::values::{Cluster, Node, NodeKind};
use crate::graph::files::FileId;
use crate::graph::model::{Content, Source, Target};
use crate::graph::page::preview::{preview, share};
use crate::graph::questions::clusters::membership;
use crate::graph::search::Document;
use crate::graph::tree;

/// The nodes and what they are numbered by.
pub(super) struct Nodes {
    pub nodes: Vec<Node>,
    /// The number of what is a node.
    pub numbers: HashMap<Target, u32>,
    pub folders: Vec<String>,
    pub clusters: Vec<Cluster>,
}

/// All nodes of a vault. Other files than notes and canvases are among them where something links to
/// them; what the vault's settings leave out of its graph view is not.
pub(super) fn nodes(input: &Input<'_>, groups: &Groups<'_>) -> Nodes {
    let graph = input.view.graph;
    let mut maker = Maker {
        input,
        groups,
        member: membership(input.clusters),
        share: share(graph.notes().count()),
        known_folders: HashMap::from([(String::new(), 0)]),
        made: Nodes {
            nodes: Vec::new(),
            numbers: HashMap::new(),
            folders: vec![String::new()],
            clusters: Vec::new(),
        },
    };
    maker.files();
    let is_shown = |target| graph.incoming(target).any(|edge| !graph.is_excluded(edge.from));
    for (id, name) in graph.all_missing().filter(|(id, _)| is_shown(Target::Missing(*id))) {
        maker.add(Target::Missing(id), nameless(NodeKind::Missing, name.to_owned()));
    }
    for (id, name) in graph.tags().filter(|(id, _)| is_shown(Target::Tag(*id))) {
        maker.add(Target::Tag(id), nameless(NodeKind::Tag, format!("#{name}")));
    }
    maker.clusters();
    maker.made
}

struct Maker<'i> {
    input: &'i Input<'i>,
    groups: &'i Groups<'i>,
    member: std::collections::BTreeMap<&'i str, usize>,
    share: usize,
    known_folders: HashMap<String, u32>,
    made: Nodes,
}

impl Maker<'_> {
    fn files(&mut self) {
        let view = self.input.view;
        for id in view.graph.files().all().filter(|id| !view.graph.is_excluded(*id)) {
            let Some(source) = view.graph.source(id) else { continue };
            let target = Target::File(id);
            let is_linked = view.graph.outgoing(id).any(|edge| view.sees(edge))
                || view.graph.incoming(target).any(|edge| view.sees(edge));
            if is_linked || source.content != Content::Attachment {
                let node = self.file(id, source);
                self.add(target, node);
            }
        }
    }

    fn file(&mut self, id: FileId, source: &Source) -> Node {
        let view = self.input.view;
        let note = view.graph.note(id);
        let text = note.and_then(|_| view.texts.text(&source.path));
        let document = Document { path: &source.path, note, text: text.as_deref() };
        let (kind, trouble) = kind(source);
        // Clusters count from 1, the page from 0.
        let cluster = self.member.get(source.path.as_str()).copied();
        Node {
            path: source.path.clone(),
            title: view.graph.title(id).to_owned(),
            kind,
            folder: self.folder(&source.path),
            degree: 0,
            tags: self.tags_of(id),
            aliases: note.map(|note| note.aliases.clone()).unwrap_or_default(),
            mtime: Some(source.mtime.div_euclid(1_000_000_000)),
            size: Some(source.size),
            words: note.map(|note| note.words),
            cluster: cluster.and_then(|number| u32::try_from(number - 1).ok()),
            group: self.groups.colours(&document),
            filtered: self.groups.leaves_out(&document),
            preview: preview(text.as_deref().unwrap_or_default(), self.share),
            trouble,
            at: [0, 0],
            belt: false,
        }
    }

    /// The tags of a file, each once.
    fn tags_of(&self, id: FileId) -> Vec<u32> {
        let tags = self.input.view.graph.outgoing(id).filter_map(|edge| match edge.to {
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
        if let Some(number) = self.known_folders.get(folder) {
            return *number;
        }
        let number = self.made.folders.len() as u32;
        self.made.folders.push(folder.to_owned());
        self.known_folders.insert(folder.to_owned(), number);
        number
    }

    /// Every cluster has at least two files, and every file of a cluster is a node.
    fn clusters(&mut self) {
        let files = self.input.view.graph.files();
        for cluster in &self.input.clusters.clusters {
            let centre = files.at(&cluster.centre).map(Target::File);
            let centre = centre.and_then(|file| self.made.numbers.get(&file)).copied();
            self.made.clusters.push(Cluster {
                centre: centre.expect("what is in a cluster is linked, so it is a node"),
                folder: cluster.folder.clone(),
                tags: cluster.tags.clone(),
                size: cluster.size,
            });
        }
    }

    fn add(&mut self, target: Target, node: Node) {
        self.made.numbers.insert(target, self.made.nodes.len() as u32);
        self.made.nodes.push(node);
    }
}

/// What a file is, and why it could not be read.
fn kind(source: &Source) -> (NodeKind, Option<String>) {
    match &source.content {
        Content::Note(_) => (NodeKind::Note, None),
        Content::Canvas(_) => (NodeKind::Canvas, None),
        Content::BrokenCanvas(line, why) => (NodeKind::Canvas, Some(format!("line {line}: {why}"))),
        Content::Unread(why) if tree::is_canvas(&source.path) => {
            (NodeKind::Canvas, Some(why.clone()))
        }
        Content::Unread(why) => (NodeKind::Note, Some(why.clone())),
        Content::Attachment => (NodeKind::Attachment, None),
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
        at: [0, 0],
        belt: false,
    }
}
