//! What stood at every path of the selection when a snapshot was made: git keeps names, bytes and the
//! executable bit; times, modes, empty folders and what had to be left out are kept here.
//!
//! The manifest is a tree on a branch of its own, a text file for each folder, so that a snapshot
//! writes only the folders that changed: `tree/entries` for the root, `tree/=docs/=sub/entries` for
//! `docs/sub` (the `=` keeps folders' names apart from `entries`). A line is a JSON object. Beside
//! them `about.json` says which snapshot it belongs to. All of it can be read without this program.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::error::{BackupError, Result};

/// The format of [`About`] and [`Entry`].
pub const SCHEMA: u32 = 1;
/// The name of a folder's list.
pub const ENTRIES: &str = "entries";
/// The name of the file that says what the manifest belongs to.
pub const ABOUT: &str = "about.json";

/// One thing at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name; bytes that are not UTF-8 are written as in messages, and `name_b64` has them.
    pub name: String,
    /// Its exact name, where `name` is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_b64: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
    /// Permission bits, in octal: `644`.
    pub mode: String,
    /// Modification time, nanoseconds since 1970.
    pub mtime: i64,
}

/// What stands at a path, and where its content is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum What {
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// BLAKE3 of the content, in hexadecimal digits.
        blake3: String,
        /// Where the content is.
        kept: Kept,
    },
    /// A symbolic link; its text is in the snapshot.
    Symlink {
        /// Where the text is.
        kept: Kept,
    },
    /// A folder.
    Dir,
}

/// Where the content of a path is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// In the snapshot, at its path.
    Snapshot,
    /// On the branch of the other territory's files (layout `branches`), at its path.
    Branch(String),
    /// On the branch of logs: so many bytes of this generation.
    Log {
        /// The generation of the log.
        generation: u32,
    },
    /// Nowhere, for this reason: a gap.
    Nowhere(Gap),
}

/// Why the content of a path is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// Larger than the limit, and no append-only log.
    TooLarge,
    /// It holds what looks like a secret.
    Secret,
    /// It is half-written: text of a format that does not parse. The former version is kept.
    Torn,
    /// It could not be read, or changed while it was read. The former version is kept.
    Unreadable,
    /// Its name cannot be kept by git.
    Name,
}

impl Gap {
    /// The word for it in JSON and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Gap::TooLarge => "too-large",
            Gap::Secret => "secret",
            Gap::Torn => "torn",
            Gap::Unreadable => "unreadable",
            Gap::Name => "name",
        }
    }
}

/// What a manifest belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The territory that made it.
    pub territory: String,
    /// The id of the pair.
    pub pair: String,
    /// The commit of the snapshot.
    pub snapshot: String,
    /// The commit on the branch of logs, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<String>,
    /// The commit on the branch of the other territory's files (layout `branches`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The run it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The last generation that both territories had agreed on.
    pub generation: u64,
    /// When it was made, RFC 3339.
    pub made: String,
    /// Files and links.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Paths whose content is kept nowhere, by reason.
    pub gaps: BTreeMap<String, u64>,
}

/// The path, inside the manifest's tree, of the list of the folder `dir` (empty for the root).
pub fn list_path(dir: &[u8]) -> Vec<u8> {
    let mut path = b"tree/".to_vec();
    for name in dir.split(|&b| b == b'/').filter(|name| !name.is_empty()) {
        path.push(b'=');
        path.extend_from_slice(name);
        path.push(b'/');
    }
    path.extend_from_slice(ENTRIES.as_bytes());
    path
}

/// The folder whose list is at `path`; `None` if `path` is no list.
pub fn folder_of(path: &[u8]) -> Option<Vec<u8>> {
    let inner = path.strip_prefix(b"tree/")?.strip_suffix(ENTRIES.as_bytes())?;
    let mut dir = Vec::new();
    for name in inner.split(|&b| b == b'/').filter(|name| !name.is_empty()) {
        if !dir.is_empty() {
            dir.push(b'/');
        }
        dir.extend_from_slice(name.strip_prefix(b"=")?);
    }
    Some(dir)
}

impl Entry {
    /// An entry with the name `name`.
    pub fn new(name: &[u8], what: What, permissions: u32, mtime: i64) -> Self {
        let (name, name_b64) = match std::str::from_utf8(name) {
            Ok(text) => (text.to_owned(), None),
            Err(_) => (ubos_core::path::escape_bytes(name), Some(base64(name))),
        };
        Self { name, name_b64, what, mode: format!("{permissions:o}"), mtime }
    }

    /// Its exact name.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] if what is written down is not a name.
    pub fn exact_name(&self) -> Result<Cow<'_, [u8]>> {
        match &self.name_b64 {
            None => Ok(Cow::Borrowed(self.name.as_bytes())),
            Some(text) => from_base64(text).map(Cow::Owned).ok_or_else(|| {
                BackupError::damaged("manifest", format!("`{text}` is not a name in base64"))
            }),
        }
    }

    /// Permission bits.
    pub fn permissions(&self) -> Option<u32> {
        u32::from_str_radix(&self.mode, 8).ok().filter(|mode| *mode <= 0o7777)
    }

    /// The content hash of a file.
    pub fn digest(&self) -> Option<Digest> {
        match &self.what {
            What::File { blake3, .. } => Digest::from_hex(blake3),
            _ => None,
        }
    }
}

/// The list of a folder, in the order of the names.
pub fn write_list(entries: &[Entry]) -> Vec<u8> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, entry).expect("an entry is always JSON");
        lines.push(b'\n');
    }
    lines
}

/// Reads what [`write_list`] wrote for the folder `dir`.
///
/// # Errors
/// [`BackupError::Damaged`] naming folder and line.
pub fn read_list(dir: &[u8], bytes: &[u8]) -> Result<Vec<(RelPath, Entry)>> {
    let mut entries = Vec::new();
    for (number, line) in bytes.split(|&b| b == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let what =
            || format!("manifest of `{}`, line {}", String::from_utf8_lossy(dir), number + 1);
        let entry: Entry =
            serde_json::from_slice(line).map_err(|e| BackupError::damaged(what(), e))?;
        let path = ubos_core::path::join_bytes(dir, &entry.exact_name()?)
            .map_err(|e| BackupError::damaged(what(), e))?;
        entries.push((path, entry));
    }
    Ok(entries)
}

pub(super) fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &[u8], kept: Kept) -> Entry {
        let what = What::File { size: 3, blake3: Digest::of(b"abc").to_hex(), kept };
        Entry::new(name, what, 0o644, 1_700_000_000_123_456_789)
    }

    #[test]
    fn a_list_reads_back_as_it_was_written() {
        let entries = vec![
            file(b"a.md", Kept::Snapshot),
            file(b"b\xff.md", Kept::Nowhere(Gap::Secret)),
            file(b"log.jsonl", Kept::Log { generation: 3 }),
            file(b"report.md", Kept::Branch("balaur".into())),
            Entry::new(b"empty", What::Dir, 0o2755, -5),
            Entry::new(b"to", What::Symlink { kept: Kept::Snapshot }, 0o777, 0),
        ];
        let read = read_list(b"docs/sub", &write_list(&entries)).unwrap();
        let (paths, back): (Vec<RelPath>, Vec<Entry>) = read.into_iter().unzip();
        assert_eq!(back, entries);
        assert_eq!(paths[1].as_bytes(), b"docs/sub/b\xff.md");
        assert_eq!(back[4].permissions(), Some(0o2755));
    }

    #[test]
    fn every_folder_has_a_place_of_its_own() {
        for dir in [&b""[..], b"docs", b"docs/sub", b"entries", b"=", b"a/entries/=b"] {
            assert_eq!(folder_of(&list_path(dir)).as_deref(), Some(dir));
        }
        assert_eq!(list_path(b"docs/sub"), b"tree/=docs/=sub/entries");
        assert_eq!(folder_of(b"about.json"), None);
        assert_eq!(folder_of(b"tree/docs/entries"), None);
    }

    #[test]
    fn a_name_that_leaves_its_folder_is_refused() {
        let line = br#"{"name":"../x","kind":"dir","mode":"755","mtime":0}"#;
        let error = read_list(b"docs", line).unwrap_err();
        assert!(error.to_string().contains("manifest of `docs`, line 1"), "{error}");
    }
}
