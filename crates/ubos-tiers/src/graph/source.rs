//! What a file of a vault says, as far as the graph needs it.

use serde::{Deserialize, Serialize};

use super::canvas::Canvas;
use super::note::Note;

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
