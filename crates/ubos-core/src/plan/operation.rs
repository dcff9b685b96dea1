//! One step of a plan, and what it must find on disk.

use serde::{Deserialize, Serialize};

use crate::entry::{Digest, Entry};
use crate::path::RelPath;
use crate::sides::Side;

/// What an operation does on its target side.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OpKind {
    /// Makes a folder where nothing is.
    Mkdir,
    /// Places a file or link where nothing is.
    Create,
    /// Exchanges what is there for something else, of any kind. Where `pre` is a folder, the
    /// whole of it goes to the backups; `contents` lists all that may be in it.
    Replace {
        /// Of a folder that is replaced: every tracked entry strictly below it.
        contents: Vec<(RelPath, Entry)>,
    },
    /// Grows a log in place from its first `from` bytes, which must hash to `pre`'s digest.
    Append {
        /// Length of the log before, in bytes.
        from: u64,
    },
    /// Moves a log that was rotated or cut at its source aside, for ever; the fresh one is then
    /// fetched whole. Afterwards the path holds `post`.
    SealAndCreate,
    /// Moves a file or link to the backups.
    Delete,
    /// Removes a folder that is empty by then. Disposable junk in it goes to the backups.
    Rmdir,
    /// Moves `from` to the operation's path, on the same side, without sending content. If `pre`
    /// is a folder, `contents` lists all that is in it, at the old paths.
    Rename {
        /// The old path.
        from: RelPath,
        /// Of a folder: every tracked entry strictly below `from`.
        contents: Vec<(RelPath, Entry)>,
    },
    /// Sets or clears the executable bit.
    SetExec,
}

/// Why an operation is in the plan: the row of the decision table that produced it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// New on the other side.
    Created,
    /// Changed on the other side.
    Modified,
    /// Deleted on the other side.
    Deleted,
    /// Moved on the other side.
    Moved,
    /// The executable bit changed on the other side, or both halves of a change are merged.
    ModeChanged,
    /// No memory of this path: what one side has is given to the other.
    Reappears,
    /// The mirror of a one-way area lost it; the authority gives it again.
    Refilled,
    /// The log grew.
    Grew,
    /// The log was rotated or cut at its source.
    Rotated,
    /// A person decided so.
    Resolved,
}

impl Reason {
    /// A short phrase for plans on a terminal.
    pub fn phrase(self) -> &'static str {
        match self {
            Reason::Created => "new",
            Reason::Modified => "changed",
            Reason::Deleted => "deleted",
            Reason::Moved => "moved",
            Reason::ModeChanged => "executable bit changed",
            Reason::Reappears => "no memory of it; comes back",
            Reason::Refilled => "missing in the one-way copy; given again",
            Reason::Grew => "grew",
            Reason::Rotated => "rotated at its source; the old copy is sealed",
            Reason::Resolved => "resolved",
        }
    }
}

/// One step on one side. It may only act if the target still holds `pre`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Operation {
    /// Where; of a rename, the new path.
    pub path: RelPath,
    /// The side that is changed.
    pub to: Side,
    /// What is done.
    pub kind: OpKind,
    /// What the target must hold before (of a rename: at the old path); `None` is absent.
    pub pre: Option<Entry>,
    /// What the target holds afterwards; `None` is absent.
    pub post: Option<Entry>,
    /// Why.
    pub reason: Reason,
}

impl Operation {
    /// Whether the target needs content or link text from the other side.
    pub fn needs_content(&self) -> bool {
        match &self.kind {
            OpKind::Create | OpKind::Append { .. } | OpKind::SealAndCreate => true,
            OpKind::Replace { .. } => !matches!(self.post, Some(Entry::Dir)),
            OpKind::Mkdir
            | OpKind::Delete
            | OpKind::Rmdir
            | OpKind::Rename { .. }
            | OpKind::SetExec => false,
        }
    }

    /// Feeds everything that makes this operation what it is into `hasher`.
    fn hash_into(&self, hasher: &mut blake3::Hasher) {
        let mut field = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(self.path.as_bytes());
        field(&[matches!(self.to, Side::There) as u8]);
        let (tag, from): (u8, Vec<u8>) = match &self.kind {
            OpKind::Mkdir => (1, vec![]),
            OpKind::Create => (2, vec![]),
            OpKind::Replace { .. } => (3, vec![]),
            OpKind::Append { from } => (4, from.to_le_bytes().to_vec()),
            OpKind::SealAndCreate => (5, vec![]),
            OpKind::Delete => (6, vec![]),
            OpKind::Rmdir => (7, vec![]),
            OpKind::Rename { from, .. } => (8, from.as_bytes().to_vec()),
            OpKind::SetExec => (9, vec![]),
        };
        field(&[tag]);
        field(&from);
        for entry in [&self.pre, &self.post] {
            field(&entry_bytes(entry.as_ref()));
        }
        if let OpKind::Replace { contents } | OpKind::Rename { contents, .. } = &self.kind {
            for (path, entry) in contents {
                field(path.as_bytes());
                field(&entry_bytes(Some(entry)));
            }
        }
    }
}

/// A byte form of an entry that differs whenever the entry differs.
pub fn entry_bytes(entry: Option<&Entry>) -> Vec<u8> {
    match entry {
        None => vec![0],
        Some(Entry::Dir) => vec![1],
        Some(Entry::Symlink { target }) => [&[2u8][..], target].concat(),
        Some(Entry::File { digest, size, exec }) => {
            let mut bytes = vec![3, *exec as u8];
            bytes.extend_from_slice(&size.to_le_bytes());
            bytes.extend_from_slice(&digest.0);
            bytes
        }
    }
}

/// One decision: the operations that carry it out and the rows that hold once all succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Item {
    /// The steps; usually one.
    pub ops: Vec<Operation>,
    /// Rows of the baseline once every step succeeded: path and agreed entry, or `None` to drop
    /// the row.
    pub rows: Vec<(RelPath, Option<Entry>)>,
    /// The guard that holds this item back, if one does.
    pub guard: Option<super::guard::Guard>,
}

impl Item {
    /// Where the other side holds the content that `op`, one of this item's, needs, when the run
    /// begins. That is the path of `op`, unless the item renames it over there.
    pub fn source_of(&self, op: &Operation) -> RelPath {
        let renames = self.ops.iter().rev().filter(|other| other.to == op.to.other());
        renames.fold(op.path.clone(), |path, rename| match &rename.kind {
            OpKind::Rename { from, .. } => path.rebase(&rename.path, from).unwrap_or(path),
            _ => path,
        })
    }

    /// The same item as the other side sees it.
    pub fn mirrored(&self) -> Item {
        let mut item = self.clone();
        for op in &mut item.ops {
            op.to = op.to.other();
        }
        item
    }

    /// Whether a person decided it: neither a filter nor a guard holds it back.
    pub fn is_resolved(&self) -> bool {
        self.ops.iter().any(|op| op.reason == Reason::Resolved)
    }

    /// The files and links that it deletes on `side`; folders and what is merely moved do not
    /// count.
    pub fn deletes_on(&self, side: Side) -> impl Iterator<Item = &RelPath> {
        self.ops.iter().filter(move |op| op.to == side).flat_map(|op| {
            let (own, inside): (_, &[(RelPath, Entry)]) = match &op.kind {
                OpKind::Delete if op.reason != Reason::Moved => (Some(&op.path), &[]),
                OpKind::Replace { contents } => (None, contents),
                _ => (None, &[]),
            };
            let inside = inside.iter().filter(|(_, entry)| !entry.is_dir());
            own.into_iter().chain(inside.map(|(path, _)| path))
        })
    }

    /// Identity of the item: the hash of its operations with their preconditions. Independent of
    /// guards, so that a confirmed plan can be recognised.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for op in &self.ops {
            op.hash_into(&mut hasher);
        }
        Digest(*hasher.finalize().as_bytes())
    }
}
