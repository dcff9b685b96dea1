//! One row of the state as it is stored: what both sides agreed on, and this side's private
//! evidence (stamp, pieces) that its file need not be read again.

use serde::{Deserialize, Serialize};

use ubos_core::baseline::Row;
use ubos_core::entry::{Base, Digest, Entry};
use ubos_core::manifest::Direction;

use crate::fs::Stamp;
use crate::scanner::digest::Pieces;

/// A row with this side's evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What both sides agreed on; the same on both sides.
    pub row: Row,
    /// The stamp under which this side's entry was last seen to be exactly `row`.
    pub stamp: Option<Stamp>,
    /// Chaining values of this side's file, for a long file.
    pub pieces: Pieces,
}

/// The form of a [`Record`] in the journal and on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRecord {
    base: Base,
    direction: Direction,
    earlier: [u64; 3],
    stamp: Option<Stamp>,
    pieces: Pieces,
}

impl From<Record> for StoredRecord {
    fn from(record: Record) -> Self {
        Self {
            base: record.row.base,
            direction: record.row.direction,
            earlier: record.row.earlier,
            stamp: record.stamp,
            pieces: record.pieces,
        }
    }
}

impl From<StoredRecord> for Record {
    fn from(stored: StoredRecord) -> Self {
        Self {
            row: Row { base: stored.base, direction: stored.direction, earlier: stored.earlier },
            stamp: stored.stamp,
            pieces: stored.pieces,
        }
    }
}

/// The rarely present rest of a row in a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Extra {
    target: Box<[u8]>,
    earlier: [u64; 3],
    pieces: Pieces,
}

const KIND_UNKNOWN: u8 = 0;
const KIND_FILE: u8 = 1;
const KIND_LINK: u8 = 2;
const KIND_DIR: u8 = 3;
const KIND_MASK: u8 = 3;
const EXEC: u8 = 4;
const STAMPED: u8 = 8;
const EXTRA: u8 = 16;
const DIRECTION_SHIFT: u8 = 5;

fn direction_bits(direction: Direction) -> u8 {
    match direction {
        Direction::Bidirectional => 0,
        Direction::PushOnly => 1,
        Direction::PullOnly => 2,
        Direction::AppendOnly => 3,
    }
}

fn direction_of(flags: u8) -> Direction {
    match flags >> DIRECTION_SHIFT & 3 {
        0 => Direction::Bidirectional,
        1 => Direction::PushOnly,
        2 => Direction::PullOnly,
        _ => Direction::AppendOnly,
    }
}

/// A row read in place from a snapshot or from memory.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// Name in its folder.
    pub name: &'a [u8],
    flags: u8,
    size: u64,
    digest: Digest,
    /// See [`Record::stamp`].
    pub stamp: Option<Stamp>,
    rest: Rest<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Rest<'a> {
    Mapped(&'a [u8]),
    Owned(&'a Record),
}

impl<'a> RowView<'a> {
    /// A view of a record in memory.
    pub fn of(name: &'a [u8], record: &'a Record) -> Self {
        let (flags, size, digest) = encode_head(record);
        Self { name, flags, size, digest, stamp: record.stamp, rest: Rest::Owned(record) }
    }

    /// Whether the row has no trusted memory.
    pub fn is_unknown(&self) -> bool {
        self.flags & KIND_MASK == KIND_UNKNOWN
    }

    /// Whether the row is a folder.
    pub fn is_dir(&self) -> bool {
        self.flags & KIND_MASK == KIND_DIR
    }

    /// Whether the row is a file.
    pub fn is_file(&self) -> bool {
        self.flags & KIND_MASK == KIND_FILE
    }

    /// Whether the row is a link.
    pub fn is_link(&self) -> bool {
        self.flags & KIND_MASK == KIND_LINK
    }

    /// Of a file: its hash, length and executable bit.
    pub fn file(&self) -> (Digest, u64, bool) {
        (self.digest, self.size, self.flags & EXEC != 0)
    }

    /// The whole row, copied out.
    pub fn to_record(&self) -> Record {
        let extra = match self.rest {
            Rest::Owned(record) => return record.clone(),
            Rest::Mapped(bytes) => self.extra(bytes),
        };
        let base = match self.flags & KIND_MASK {
            KIND_FILE => Base::Known(Entry::File {
                digest: self.digest,
                size: self.size,
                exec: self.flags & EXEC != 0,
            }),
            KIND_LINK => Base::Known(Entry::Symlink { target: extra.target }),
            KIND_DIR => Base::Known(Entry::Dir),
            _ => Base::Unknown,
        };
        let row = Row { base, direction: direction_of(self.flags), earlier: extra.earlier };
        Record { row, stamp: self.stamp, pieces: extra.pieces }
    }

    fn extra(&self, bytes: &[u8]) -> Extra {
        if self.flags & EXTRA == 0 {
            return Extra::default();
        }
        postcard::from_bytes(bytes).unwrap_or_default()
    }
}

fn encode_head(record: &Record) -> (u8, u64, Digest) {
    let direction = direction_bits(record.row.direction) << DIRECTION_SHIFT;
    let stamped = if record.stamp.is_some() { STAMPED } else { 0 };
    let flags = direction | stamped;
    match &record.row.base {
        Base::Known(Entry::File { digest, size, exec }) => {
            (flags | KIND_FILE | if *exec { EXEC } else { 0 }, *size, *digest)
        }
        Base::Known(Entry::Symlink { .. }) => (flags | KIND_LINK, 0, Digest([0; 32])),
        Base::Known(Entry::Dir) => (flags | KIND_DIR, 0, Digest([0; 32])),
        Base::Unknown | Base::Absent => (flags | KIND_UNKNOWN, 0, Digest([0; 32])),
    }
}

/// Appends the stored form of a row to `out`. Lengths: name 1 byte, extra 4 bytes; numbers are
/// little-endian.
pub fn encode(name: &[u8], record: &Record, out: &mut Vec<u8>) {
    let (mut flags, size, digest) = encode_head(record);
    let target = match &record.row.base {
        Base::Known(Entry::Symlink { target }) => target.clone(),
        _ => Box::default(),
    };
    let extra = Extra { target, earlier: record.row.earlier, pieces: record.pieces.clone() };
    let has_extra = extra != Extra::default();
    if has_extra {
        flags |= EXTRA;
    }
    out.push(flags);
    out.push(u8::try_from(name.len()).expect("a RelPath name is at most 255 bytes"));
    out.extend_from_slice(name);
    if flags & KIND_MASK == KIND_FILE {
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&digest.0);
    }
    if let Some(stamp) = record.stamp {
        for number in [stamp.ino, stamp.size, stamp.mtime as u64, stamp.ctime as u64] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&stamp.mode.to_le_bytes());
    }
    if has_extra {
        let bytes = postcard::to_stdvec(&extra).expect("serialising into memory cannot fail");
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(&bytes);
    }
}

/// Reads one row from the front of `bytes` and moves past it; `None` if the bytes are no row.
pub fn decode<'a>(bytes: &mut &'a [u8]) -> Option<RowView<'a>> {
    let flags = take(bytes, 1)?[0];
    let length = take(bytes, 1)?[0] as usize;
    let name = take(bytes, length)?;
    let (mut size, mut digest) = (0, Digest([0; 32]));
    if flags & KIND_MASK == KIND_FILE {
        size = number(bytes)?;
        digest = Digest(take(bytes, 32)?.try_into().ok()?);
    }
    let mut stamp = None;
    if flags & STAMPED != 0 {
        stamp = Some(Stamp {
            ino: number(bytes)?,
            size: number(bytes)?,
            mtime: number(bytes)? as i64,
            ctime: number(bytes)? as i64,
            mode: u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?),
        });
    }
    let mut extra: &[u8] = &[];
    if flags & EXTRA != 0 {
        let length = u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?);
        extra = take(bytes, length as usize)?;
    }
    Some(RowView { name, flags, size, digest, stamp, rest: Rest::Mapped(extra) })
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(n)?;
    *bytes = tail;
    Some(head)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(bytes, 8)?.try_into().ok()?))
}
