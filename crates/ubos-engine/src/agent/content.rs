//! Content on its way between two sides: what is wanted, what is sent for it, and the frames of a
//! content stream.

use serde::{Deserialize, Serialize};

use ubos_core::entry::Entry;
use ubos_core::path::RelPath;
use ubos_core::plan::{Item, Operation};
use ubos_core::sides::Side;

/// One operation of a plan: index of its item and of the operation in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// Index of the item in the plan.
    pub item: u32,
    /// Index of the operation in the item.
    pub op: u32,
}

/// The operations of `items` on `side`, with their slots.
pub fn operations(items: &[Item], side: Side) -> impl Iterator<Item = (Slot, &Operation)> {
    items.iter().enumerate().flat_map(move |(item, it)| {
        it.ops
            .iter()
            .enumerate()
            .filter(move |(_, op)| op.to == side)
            .map(move |(op, operation)| (Slot { item: item as u32, op: op as u32 }, operation))
    })
}

/// Content that an operation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// For which operation.
    pub slot: Slot,
    /// The path it will have on the receiving side.
    pub path: RelPath,
    /// What must arrive.
    pub entry: Entry,
    /// What the receiver holds at the path now, as a basis for differences.
    pub basis: Option<Entry>,
    /// Of an appended log: the length that is there already.
    pub tail_from: Option<u64>,
}

impl Want {
    /// The same, as seen by the side that sends it from `source`.
    pub fn to_send(&self, source: RelPath, have: u64) -> SendItem {
        SendItem {
            slot: self.slot,
            path: source,
            entry: self.entry.clone(),
            basis: self.basis.clone(),
            tail_from: self.tail_from,
            have,
        }
    }
}

/// What is to be taken out of the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collect {
    /// What is wanted.
    pub want: Want,
    /// Modification time of the source, nanoseconds since 1970. rsync carries whole seconds to old
    /// versions of itself.
    pub mtime: i64,
}

/// What a receiver already has of a [`Want`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Which.
    pub slot: Slot,
    /// Bytes from the start that are there; equal to the size: nothing has to be sent.
    pub have: u64,
    /// There is no space for it.
    pub refused: Option<NoSpace>,
}

/// What there is no space for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoSpace {
    /// Bytes that it needs.
    pub needed: u64,
    /// Bytes that are free for it, besides what the run takes for other content.
    pub free: u64,
    /// Bytes that stay free whatever a run brings.
    pub reserve: u64,
}

/// Content to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendItem {
    /// For which operation.
    pub slot: Slot,
    /// Where it stands on the sending side.
    pub path: RelPath,
    /// What must stand there.
    pub entry: Entry,
    /// See [`Want::basis`].
    pub basis: Option<Entry>,
    /// See [`Want::tail_from`].
    pub tail_from: Option<u64>,
    /// See [`Resume::have`].
    pub have: u64,
}

/// Opens one content in a content stream. Frames of the stream are messages of [`Content`] and
/// data frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Data frames of this content follow.
    Begin(Begin),
    /// The next data frame belongs at this offset.
    Seek(u64),
    /// This content is complete (true), or could not be read (false).
    End(bool),
    /// No more contents.
    Close,
}

/// Head of one content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// For which operation.
    pub slot: Slot,
    /// How the bytes that follow make up the whole.
    pub form: Form,
    /// Permission bits of the source.
    pub mode: u32,
    /// Modification time of the source, nanoseconds since 1970.
    pub mtime: i64,
}

/// How the bytes that follow make up a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// All from this offset on; what is before is already staged.
    Whole {
        /// Offset of the first byte sent.
        from: u64,
    },
    /// Only what comes after the receiver's present length.
    Tail {
        /// That length.
        from: u64,
    },
    /// Pieces that differ from the receiver's present file.
    Patch,
}

/// What became of a staged content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageResult {
    /// For which operation.
    pub slot: Slot,
    /// A reason why it is not there, or nothing if it is there and verified.
    pub failed: Option<String>,
}
