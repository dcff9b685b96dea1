//! The types of the page's data.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::graph::model::EdgeKind;

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    /// The form of all this.
    pub schema: u32,
    /// The vault's name.
    pub vault: String,
    /// Whether only what Obsidian itself counts is in it.
    pub parity: bool,
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
    /// What belongs together, by which nodes name theirs; the largest first.
    pub clusters: Vec<Cluster>,
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

/// Files that belong together: what `graph clusters` answers, by numbers of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// The node in it with most neighbours there.
    pub centre: u32,
    /// The folder that most of its files are in.
    pub folder: String,
    /// Tags that most of its files have.
    pub tags: Vec<String>,
    /// How many files it has.
    pub size: usize,
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
    /// Its cluster.
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
    /// Where it stands when the page opens.
    pub at: [i32; 2],
    /// Whether that is among what has no link, around the rest.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub belt: bool,
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
