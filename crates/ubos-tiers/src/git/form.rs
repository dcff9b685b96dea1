//! `Form`: what stands at a path, as far as copies are compared: kind, content, mode and time. Trees,
//! manifests and answers of the peer are all brought into this form before anything is decided.

use serde::{Deserialize, Serialize};

use ubos_core::entry::{self, Digest, Kind};
use ubos_core::path::{RelPath, escape_bytes};
use ubos_engine::inventory::Item;

use super::error::{BackupError, Result};
use super::manifest::{self, What};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// What it is.
    pub kind: Kind,
    /// BLAKE3 of a file's content or of a link's text; of a folder that of nothing.
    pub digest: Digest,
    /// Bytes of a file; otherwise 0.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Modification time, nanoseconds since 1970.
    pub mtime: i64,
}

impl Form {
    /// The form of something in a tree.
    pub fn of_item(item: &Item) -> Self {
        let (digest, size) = match &item.entry {
            entry::Entry::File { digest, size, .. } => (*digest, *size),
            entry::Entry::Symlink { target } => (Digest::of(target), 0),
            entry::Entry::Dir => (Digest::of(b""), 0),
        };
        let (mode, mtime) = (item.permissions, item.mtime);
        Self { kind: item.entry.kind(), digest, size, mode, mtime }
    }

    /// The form of what a manifest names; `text` is that of a link. `None` if the manifest does not
    /// say what the content was.
    pub fn of_entry(entry: &manifest::Entry, text: Option<&[u8]>) -> Option<Self> {
        let (kind, digest, size) = match &entry.what {
            What::File { size, .. } => (Kind::File, entry.digest()?, *size),
            What::Symlink { .. } => (Kind::Symlink, Digest::of(text?), 0),
            What::Dir => (Kind::Dir, Digest::of(b""), 0),
        };
        Some(Self { kind, digest, size, mode: entry.permissions()?, mtime: entry.mtime })
    }

    /// Same kind and same bytes; mode and time may differ.
    pub fn same_content(&self, other: &Form) -> bool {
        (self.kind, self.digest) == (other.kind, other.digest)
    }

    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Dir
    }
}

/// A path and what stands there, as it is told to another territory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The path.
    #[serde(flatten)]
    pub path: Named,
    /// What stands there.
    pub kind: Kind,
    /// BLAKE3 in hexadecimal digits.
    pub blake3: String,
    /// Bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Modification time, nanoseconds since 1970.
    pub mtime: i64,
}

/// A path in JSON: for people, and exactly where that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The path; bytes that are not UTF-8 are escaped.
    pub path: String,
    /// Its exact bytes, where `path` is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<String>,
}

impl Row {
    /// The row of `form` at `path`.
    pub fn new(path: &RelPath, form: &Form) -> Self {
        let Form { kind, digest, size, mode, mtime } = *form;
        Self { path: Named::new(path), kind, blake3: digest.to_hex(), size, mode, mtime }
    }

    /// The path and the form.
    ///
    /// # Errors
    /// If the row, which another territory wrote, is none.
    pub fn read(&self) -> Result<(RelPath, Form)> {
        let digest = Digest::from_hex(&self.blake3).ok_or_else(|| {
            BackupError::damaged("the peer's answer", format!("`{}` is no hash", self.blake3))
        })?;
        let Row { kind, size, mode, mtime, .. } = *self;
        Ok((self.path.read()?, Form { kind, digest, size, mode, mtime }))
    }
}

impl Named {
    /// How `path` is written.
    pub fn new(path: &RelPath) -> Self {
        let bytes = path.as_bytes();
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { path: text.to_owned(), path_b64: None },
            Err(_) => Self { path: escape_bytes(bytes), path_b64: Some(manifest::base64(bytes)) },
        }
    }

    /// The path.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(&self) -> Result<RelPath> {
        let bytes = match &self.path_b64 {
            None => Some(self.path.clone().into_bytes()),
            Some(text) => manifest::from_base64(text),
        };
        let path = bytes.and_then(|bytes| RelPath::new(bytes).ok());
        path.ok_or_else(|| {
            BackupError::damaged("the peer's answer", format!("`{}` is no path", self.path))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_path_and_form_exactly() {
        let form =
            Form { kind: Kind::File, digest: Digest::of(b"x"), size: 1, mode: 0o640, mtime: -3 };
        for path in [&b"docs/a.md"[..], b"docs/\xff.md"] {
            let path = RelPath::new(path).unwrap();
            let text = serde_json::to_string(&Row::new(&path, &form)).unwrap();
            let row: Row = serde_json::from_str(&text).unwrap();
            assert_eq!(row.read().unwrap(), (path, form));
        }
    }

    #[test]
    fn a_path_that_leaves_the_territory_is_refused() {
        let row = Named { path: "../x".into(), path_b64: None };
        assert!(row.read().unwrap_err().to_string().contains("`../x` is no path"));
    }
}
