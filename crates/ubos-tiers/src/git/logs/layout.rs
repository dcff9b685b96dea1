//! Where everything about a log is in the tree of the branch, and the forms of its lists.

use serde::{Deserialize, Serialize};
use ubos_core::entry::Digest;
use ubos_core::path::{RelPath, escape_bytes};

use super::hash::Running;
use crate::git::error::{BackupError, Result};

/// The format of [`Index`] and [`Segment`].
const SCHEMA: u32 = 1;
/// The list that says what a generation is.
pub(super) const INDEX: &[u8] = b"index.json";
/// The folder of segments that are full.
pub(super) const SEALED: &[u8] = b"sealed";
/// The folder of the segment that still grows.
pub(super) const TAIL: &[u8] = b"tail";
/// The list of a segment's pieces, in its folder.
pub(super) const PIECES: &[u8] = b"pieces.json";
/// A segment is full when the next piece would make it longer than this.
pub(super) const SEGMENT: u64 = 8 << 20;
/// A segment is also full with so many pieces: its folder is written anew with each of them.
const MOST_PIECES: usize = 192;
/// So many small pieces become one.
pub(super) const JOIN: usize = 64;
/// Joined pieces are at most so long: the bytes of what grows fast are never written twice.
const JOIN_AT_MOST: u64 = 1 << 20;
/// How much of the beginning and of the end is looked at to see whether a log only grew.
pub(super) const WINDOW: u64 = 64 << 10;

/// What a generation is: `index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    schema: u32,
    /// The log's path, for people; the folders' names are exact.
    path: String,
    /// Its number, from 1.
    pub generation: u32,
    /// Why it began.
    pub begun: String,
    /// Its length in bytes.
    pub size: u64,
    /// BLAKE3 of all its bytes.
    #[serde(with = "hex")]
    pub blake3: Digest,
    /// BLAKE3 of the first bytes, as many as [`WINDOW`] or as there are.
    #[serde(with = "hex")]
    pub first: Digest,
    /// BLAKE3 of the last bytes, as many as [`WINDOW`] or as there are.
    #[serde(with = "hex")]
    pub last: Digest,
    /// What is needed to continue `blake3`: see [`Running`].
    #[serde(with = "hex_list")]
    pub stack: Vec<[u8; 32]>,
}

/// A stretch of the log in one blob, named like `at` in 16 decimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Piece {
    /// Offset of its first byte in the log.
    pub at: u64,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of its bytes.
    #[serde(with = "hex")]
    pub blake3: Digest,
    /// How often it was made of [`JOIN`] others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub joined: u8,
}

/// The pieces of a segment: `pieces.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    schema: u32,
    /// In the order of their offsets, without a hole.
    pub pieces: Vec<Piece>,
}

impl Index {
    /// An empty generation.
    pub(super) fn begin(path: &RelPath, generation: u32, begun: &str) -> Self {
        let nothing = Digest::of(b"");
        Self {
            schema: SCHEMA,
            path: escape_bytes(path.as_bytes()),
            generation,
            begun: begun.to_owned(),
            size: 0,
            blake3: nothing,
            first: nothing,
            last: nothing,
            stack: Vec::new(),
        }
    }

    /// Notes how far the hash of the whole is.
    pub(super) fn settle(&mut self, running: &Running) {
        self.blake3 = running.digest();
        self.stack = running.stack().to_vec();
    }
}

impl Segment {
    /// Without a piece.
    pub(super) fn empty() -> Self {
        Self { schema: SCHEMA, pieces: Vec::new() }
    }

    /// Where it begins, if it has a piece.
    pub(super) fn start(&self) -> Option<u64> {
        self.pieces.first().map(|piece| piece.at)
    }

    /// Its length.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.bytes).sum()
    }

    /// Whether a piece of `bytes` belongs into the next one.
    pub(super) fn is_full_for(&self, bytes: u64) -> bool {
        !self.pieces.is_empty()
            && (self.bytes() + bytes > SEGMENT || self.pieces.len() >= MOST_PIECES)
    }

    /// How many of the last pieces are to become one: as many small ones of one kind as are joined at
    /// a time.
    pub(super) fn to_join(&self) -> Option<usize> {
        let from = self.pieces.len().checked_sub(JOIN)?;
        let last = &self.pieces[from..];
        let alike = last.iter().all(|piece| piece.joined == last[0].joined);
        let bytes: u64 = last.iter().map(|piece| piece.bytes).sum();
        (alike && bytes <= JOIN_AT_MOST).then_some(from)
    }
}

/// The names of the folders of a log, from the top: its path's, each with `=` before it, which keeps
/// them apart from the names used here and makes any name one that git takes.
pub(super) fn folders(path: &RelPath) -> Vec<Vec<u8>> {
    path.components().map(|name| [b"=", name].concat()).collect()
}

/// The name of a generation's folder.
pub(super) fn generation_name(generation: u32) -> Vec<u8> {
    format!("{generation:06}").into_bytes()
}

/// The generation that a folder's name says.
pub(super) fn generation_of(name: &[u8]) -> Option<u32> {
    let number = std::str::from_utf8(name).ok()?.parse().ok()?;
    (generation_name(number) == name).then_some(number)
}

/// The name of what begins at `at`. In the order of names, pieces follow each other.
pub(super) fn offset_name(at: u64) -> Vec<u8> {
    format!("{at:016}").into_bytes()
}

/// The offset that a name says.
pub(super) fn offset_of(name: &[u8]) -> Option<u64> {
    let at = std::str::from_utf8(name).ok()?.parse().ok()?;
    (offset_name(at) == name).then_some(at)
}

/// A list as it is kept.
pub(super) fn to_json(list: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(list).expect("a list is always JSON");
    bytes.push(b'\n');
    bytes
}

/// Reads what [`to_json`] wrote; `what` is for the error.
pub(super) fn index_from(bytes: &[u8], what: &str) -> Result<Index> {
    let index: Index = serde_json::from_slice(bytes).map_err(|e| BackupError::damaged(what, e))?;
    known(index.schema, what)?;
    Ok(index)
}

/// As [`index_from`].
pub(super) fn segment_from(bytes: &[u8], what: &str) -> Result<Segment> {
    let segment: Segment =
        serde_json::from_slice(bytes).map_err(|e| BackupError::damaged(what, e))?;
    known(segment.schema, what)?;
    Ok(segment)
}

fn known(schema: u32, what: &str) -> Result<()> {
    if schema == SCHEMA {
        return Ok(());
    }
    Err(BackupError::damaged(what, format!("format {schema} is not known to this version")))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// A hash in hexadecimal digits.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use ubos_core::entry::Digest;

    pub(super) fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&digest.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(from)?;
        Digest::from_hex(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no hash")))
    }
}

/// Hashes in hexadecimal digits.
mod hex_list {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use ubos_core::entry::Digest;

    pub(super) fn serialize<S: Serializer>(list: &[[u8; 32]], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|value| Digest(*value).to_hex()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<[u8; 32]>, D::Error> {
        let list = Vec::<String>::deserialize(from)?;
        let value = |text: &String| Digest::from_hex(text).map(|digest| digest.0);
        list.iter().map(value).collect::<Option<_>>().ok_or_else(|| D::Error::custom("no hash"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(pieces: &[(u64, u8)]) -> Segment {
        let mut segment = Segment::empty();
        let mut at = 0;
        for &(bytes, joined) in pieces {
            segment.pieces.push(Piece { at, bytes, blake3: Digest::of(b""), joined });
            at += bytes;
        }
        segment
    }

    #[test]
    fn names_say_what_they_were_made_from() {
        assert_eq!(offset_of(&offset_name(8_388_608)), Some(8_388_608));
        assert_eq!(offset_of(b"12"), None);
        assert_eq!(offset_of(b"+000000000000012"), None);
        assert_eq!(generation_of(&generation_name(7)), Some(7));
        assert_eq!(generation_of(PIECES), None);
        let path = RelPath::new(*b"a/.git/b").unwrap();
        assert_eq!(folders(&path), [b"=a".to_vec(), b"=.git".to_vec(), b"=b".to_vec()]);
    }

    #[test]
    fn lists_read_back_and_other_formats_are_refused() {
        let path = RelPath::new(*b"a\xff.jsonl").unwrap();
        let mut index = Index::begin(&path, 2, "it became shorter");
        index.stack = vec![[7; 32], [9; 32]];
        assert_eq!(index_from(&to_json(&index), "x").unwrap(), index);
        let pieces = segment(&[(5, 0), (7, 1)]);
        assert_eq!(segment_from(&to_json(&pieces), "x").unwrap(), pieces);
        index.schema = 9;
        let error = index_from(&to_json(&index), "log `a`").unwrap_err();
        assert!(error.to_string().contains("log `a`: format 9"), "{error}");
    }

    #[test]
    fn a_segment_is_full_by_bytes_or_by_pieces() {
        assert!(!segment(&[]).is_full_for(SEGMENT + 1));
        assert!(!segment(&[(SEGMENT - 10, 0)]).is_full_for(10));
        assert!(segment(&[(SEGMENT - 10, 0)]).is_full_for(11));
        assert!(segment(&[(100_000, 0); MOST_PIECES]).is_full_for(1));
    }

    #[test]
    fn small_pieces_are_joined_and_large_ones_never() {
        assert_eq!(segment(&[(200, 0); JOIN - 1]).to_join(), None);
        assert_eq!(segment(&[(200, 0); JOIN]).to_join(), Some(0));
        assert_eq!(segment(&[(200_000, 0); JOIN]).to_join(), None);
        let mut mixed = vec![(12_800, 1)];
        mixed.extend([(200, 0); JOIN - 1]);
        assert_eq!(segment(&mixed).to_join(), None);
        mixed.push((200, 0));
        assert_eq!(segment(&mixed).to_join(), Some(1));
        assert_eq!(segment(&[(12_800, 1); JOIN]).to_join(), Some(0));
    }
}
