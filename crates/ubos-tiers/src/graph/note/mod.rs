//! One note, read: its links, tags, headings, blocks, tasks and properties, each with its place.
//!
//! What counts as a link is what counts for Obsidian: nothing in code, in HTML comments and in
//! `%%` blocks does; links in headings, lists, quotes, tables, footnotes and properties do. Any bytes
//! give a note, in time that grows with their number.

mod markdown;
mod mask;
mod properties;
mod spelling;
mod wiki;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use spelling::{key, key_into, linkpath, split_subpath};

/// A place in a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// How a link is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkForm {
    /// `[[target]]`.
    Wiki,
    /// `[text](target)`.
    Markdown,
    /// In a property of the front matter.
    FrontMatter {
        /// The property.
        key: String,
    },
    /// A card of a canvas that shows a file.
    CanvasFile,
    /// In the text of a card of a canvas.
    CanvasText,
    /// The background of a group of a canvas.
    CanvasGroup,
}

/// A link to something in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where it leads, decoded, without the part from `#` on; empty: the note itself.
    pub target: String,
    /// The part from `#` on, without the `#`.
    pub subpath: Option<String>,
    /// What is shown instead.
    pub display: Option<String>,
    /// Whether the target is shown in place.
    pub embed: bool,
    /// How it is written.
    pub form: LinkForm,
    /// Where it begins.
    pub at: Position,
    /// Its bytes in the note, from and to.
    pub span: (u32, u32),
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// As it is written, without `#`.
    pub name: String,
    /// Where.
    pub at: Position,
    /// Whether it is in the properties.
    pub from_properties: bool,
}

/// A heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Its text as it is written.
    pub text: String,
    /// Where.
    pub at: Position,
}

/// Something with a name that a link can lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Its name, without `^`.
    pub name: String,
    /// Where.
    pub at: Position,
}

/// An item of a list with a box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What is in the box: a space if it is open.
    pub mark: char,
    /// The rest of the line.
    pub text: String,
    /// Where.
    pub at: Position,
}

/// Properties that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyError {
    /// Line in the note, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

/// What a note says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Note {
    /// Links in the order of their places; those of the front matter first.
    pub links: Vec<Link>,
    /// Tags in the order of their places; those of the front matter first.
    pub tags: Vec<Tag>,
    /// Headings.
    pub headings: Vec<Heading>,
    /// Blocks with a name (`^name`).
    pub blocks: Vec<Anchor>,
    /// Footnotes that are defined here.
    pub footnotes: Vec<Anchor>,
    /// Other names, from the front matter.
    pub aliases: Vec<String>,
    /// All properties.
    #[serde(with = "as_text")]
    pub properties: Map<String, Value>,
    /// Why there are none, where they could not be read.
    pub property_error: Option<PropertyError>,
    /// Items of lists with a box.
    pub tasks: Vec<Task>,
    /// Words of the body.
    pub words: u32,
}

/// Reads a note.
pub fn parse(bytes: &[u8]) -> Note {
    let text = String::from_utf8_lossy(bytes);
    // Offsets are those of the text without a byte order mark, which no position counts.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (properties, body) = properties::split(text);
    let places = Places::of(text);
    let mut note = Note::default();
    if let Some(yaml) = properties {
        properties::read(yaml, text, &places, &mut note);
    }
    let read = markdown::read(text, body, &places, &mut note);
    wiki::read(text, body, &read, &places, &mut note);
    note.words = count(text[body..].split_whitespace().count());
    note
}

/// Reads the text of a card of a canvas: as a note without properties.
pub fn parse_card(text: &str) -> Note {
    let places = Places::of(text);
    let mut note = Note::default();
    let read = markdown::read(text, 0, &places, &mut note);
    wiki::read(text, 0, &read, &places, &mut note);
    note
}

/// Turns byte offsets into places.
struct Places<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, lines }
    }

    fn at(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset).max(1) - 1;
        // Columns far out on a very long line are not worth a walk over it for each link.
        let before = &self.text.as_bytes()[self.lines[line]..offset];
        let column = if before.len() > LONG_LINE {
            before.len()
        } else {
            before.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
        };
        Position { line: count(line + 1), column: count(column + 1) }
    }
}

/// On longer lines columns are counted in bytes.
const LONG_LINE: usize = 4096;

/// A count or offset; notes are shorter than 4 GiB.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Properties in formats that must know beforehand what comes.
mod as_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::{Map, Value};

    pub(super) fn serialize<S: Serializer>(
        map: &Map<String, Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return map.serialize(serializer);
        }
        serde_json::to_string(map).unwrap_or_default().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Map<String, Value>, D::Error> {
        if deserializer.is_human_readable() {
            return Map::deserialize(deserializer);
        }
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
