//! What can stand at a path: `Entry`, the observed `State`, and the `Base` that was agreed on.
//!
//! Equality is content: kind, bytes, link text and, of the mode, the executable bit. Time, owner
//! and the rest of the mode never decide anything. What could not be read is a [`Problem`], which
//! is never the same as absent.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::path::RelPath;

/// A BLAKE3 hash of 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Reads what [`Digest::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|h| Self(*h.as_bytes()))
    }

    /// The first eight bytes as a number, for places where a short mark is enough.
    pub fn short(self) -> u64 {
        u64::from_le_bytes(self.0[..8].try_into().expect("eight of 32 bytes"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex()[..12])
    }
}

/// Something that is present and that both sides can hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Entry {
    /// A regular file.
    File {
        /// BLAKE3 of the content.
        digest: Digest,
        /// Length in bytes.
        size: u64,
        /// Whether its owner may execute it.
        exec: bool,
    },
    /// A symbolic link, which is its text and is never followed.
    Symlink {
        /// The text, as bytes.
        target: Box<[u8]>,
    },
    /// A folder.
    Dir,
}

/// The kinds of [`Entry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A folder.
    Dir,
}

impl Entry {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Entry::File { .. } => Kind::File,
            Entry::Symlink { .. } => Kind::Symlink,
            Entry::Dir => Kind::Dir,
        }
    }

    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        matches!(self, Entry::Dir)
    }

    /// Bytes of content: of a file its size, otherwise 0.
    pub fn size(&self) -> u64 {
        match self {
            Entry::File { size, .. } => *size,
            _ => 0,
        }
    }

    /// The content hash of a file.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Entry::File { digest, .. } => Some(*digest),
            _ => None,
        }
    }

    /// The executable bit of a file.
    pub fn exec(&self) -> Option<bool> {
        match self {
            Entry::File { exec, .. } => Some(*exec),
            _ => None,
        }
    }

    /// Same kind and same bytes or text; the executable bit may differ.
    pub fn same_content(&self, other: &Entry) -> bool {
        match (self, other) {
            (Entry::File { digest: a, .. }, Entry::File { digest: b, .. }) => a == b,
            (a, b) => a == b,
        }
    }

    /// The same file with another executable bit; anything else unchanged.
    pub fn with_exec(&self, exec: bool) -> Entry {
        match self {
            Entry::File { digest, size, .. } => Entry::File { digest: *digest, size: *size, exec },
            other => other.clone(),
        }
    }
}

/// Why the state of a path could not be established, or cannot be carried to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// Permission denied or an I/O error.
    Unreadable,
    /// It changed while it was being read.
    Busy,
    /// A socket, device or FIFO.
    Special,
    /// A folder on another file system than the root.
    Mount,
    /// A link that is absolute or leaves the root.
    EscapingLink,
    /// A name that the other side cannot hold.
    Name,
    /// Another entry on the same side differs from this name only in case or Unicode form.
    NameCollision,
}

impl Problem {
    /// The word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Problem::Unreadable => "unreadable",
            Problem::Busy => "busy",
            Problem::Special => "special-file",
            Problem::Mount => "other-file-system",
            Problem::EscapingLink => "escaping-symlink",
            Problem::Name => "unrepresentable-name",
            Problem::NameCollision => "name-collision",
        }
    }

    /// Whether a person has to decide (exit 3) rather than the next run to try again (exit 7).
    pub fn needs_person(self) -> bool {
        match self {
            Problem::Unreadable | Problem::Busy => false,
            Problem::Special
            | Problem::Mount
            | Problem::EscapingLink
            | Problem::Name
            | Problem::NameCollision => true,
        }
    }
}

/// What a scan saw at a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Proved absent: the parent was listed and the name was not there.
    Absent,
    /// Something that can be synced.
    Present(Entry),
    /// The state could not be established. Never taken for absent.
    Problem(Problem),
}

impl State {
    /// The entry, if one is present.
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            State::Present(entry) => Some(entry),
            _ => None,
        }
    }

    /// Whether the path is proved absent.
    pub fn is_absent(&self) -> bool {
        matches!(self, State::Absent)
    }

    /// Whether the state could not be established.
    pub fn problem(&self) -> Option<Problem> {
        match self {
            State::Problem(problem) => Some(*problem),
            _ => None,
        }
    }
}

/// What the baseline remembers of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Base {
    /// The baseline is trusted and has no row: both sides agreed on nothing here.
    Absent,
    /// Both sides held this.
    Known(Entry),
    /// No trustworthy memory ("?" in the rules): nothing may be deleted because of it.
    Unknown,
}

impl Base {
    /// The agreed entry, if there is one.
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Base::Known(entry) => Some(entry),
            _ => None,
        }
    }

    /// Whether `state` is exactly what the baseline remembers. Unknown memory equals nothing.
    pub fn equals(&self, state: &State) -> bool {
        match (self, state) {
            (Base::Absent, State::Absent) => true,
            (Base::Known(a), State::Present(b)) => a == b,
            _ => false,
        }
    }
}

/// One path that differs from the baseline on one side, as its scan saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What stands there.
    pub state: State,
    /// Modification time as seconds and nanoseconds since 1970, where something is present.
    pub mtime: Option<(i64, u32)>,
    /// Permission bits (0o7777), where something is present.
    pub mode: u32,
    /// For a file that grew: the hash of its first `n` bytes, where `n` is the size that the
    /// baseline remembers. Equal to the baseline's hash means that the file was only appended to.
    /// For a link that cannot travel: the hash of its text.
    pub prefix: Option<Digest>,
}

impl Observation {
    /// An observation of `state` without time, mode or prefix.
    pub fn of(state: State) -> Self {
        Self { state, mtime: None, mode: 0, prefix: None }
    }
}

/// The paths of one side that differ from its baseline, with what stands there. A path that is
/// not listed is exactly as the baseline has it. A path whose baseline row is unknown is always
/// listed, also when it is absent.
pub type Changes = std::collections::BTreeMap<RelPath, Observation>;
