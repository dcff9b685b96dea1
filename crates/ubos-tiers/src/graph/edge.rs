//! Edges: their kinds, what they lead to, and where they are written.

use serde::{Deserialize, Serialize};

use super::files::FileId;
use super::note::Position;

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
