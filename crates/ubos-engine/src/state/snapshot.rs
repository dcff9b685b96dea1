//! The folded state: one immutable file, mapped into memory, rows grouped by folder in the order
//! of a walk. It is written whole, synced and renamed; never changed in place (a reader may have
//! it mapped).
//!
//! Layout, little-endian: magic (8), BLAKE3 of the rest (32), length of the header (4), header,
//! length of the blocks (8), blocks, number of folders (4), index (24 bytes a folder: start and
//! length of its path, number of rows, start of its block), paths.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Mutex;

use memmap2::Mmap;

use super::generation::Header;
use super::record::{self, Record, RowView};

const MAGIC: &[u8; 8] = b"UBOSTAB1";
const INDEX_ENTRY: usize = 24;

/// A mapped snapshot.
#[derive(Debug)]
pub struct Snapshot {
    map: Mmap,
    blocks: usize,
    index: usize,
    folders: usize,
    paths: usize,
    /// Starts of the rows of the folder that was searched last: paths are looked up in order.
    last: Mutex<(usize, Vec<usize>)>,
}

/// Why bytes are not a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Cut short, or not ours.
    #[error("it is cut short or not a snapshot of this program")]
    Shape,
    /// The checksum does not fit.
    #[error("its checksum does not fit")]
    Checksum,
    /// Written by a newer version.
    #[error("it was written by a newer version of ubos-sync")]
    Newer,
}

impl Snapshot {
    /// Maps `file` and checks it.
    ///
    /// # Errors
    /// A [`SnapshotError`] as an `InvalidData` error, or what mapping says.
    pub fn open(file: &std::fs::File) -> io::Result<(Header, Snapshot)> {
        #[expect(unsafe_code, reason = "mapping needs it; memmap2 offers no safe form")]
        // SAFETY: the file is only ever replaced by rename, never changed or cut in place, so the
        // mapped bytes stay as they are for as long as the map lives.
        let map = unsafe { Mmap::map(file)? };
        Self::parse(map).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }

    fn parse(map: Mmap) -> Result<(Header, Snapshot), SnapshotError> {
        let bytes: &[u8] = &map;
        if bytes.len() < 44 || bytes[..7] != MAGIC[..7] {
            return Err(SnapshotError::Shape);
        }
        if bytes[7] != MAGIC[7] {
            return Err(SnapshotError::Newer);
        }
        if blake3::hash(&bytes[40..]).as_bytes() != &bytes[8..40] {
            return Err(SnapshotError::Checksum);
        }
        let u32_at = |at: usize| -> Option<usize> {
            Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
        };
        let shape = || -> Option<(Header, usize, usize, usize, usize)> {
            let header_len = u32_at(40)?;
            let header: Header = postcard::from_bytes(bytes.get(44..44 + header_len)?).ok()?;
            let at = 44 + header_len;
            let blocks_len = u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?) as usize;
            let blocks = at + 8;
            let folders = u32_at(blocks + blocks_len)?;
            let index = blocks + blocks_len + 4;
            let paths = index + folders.checked_mul(INDEX_ENTRY)?;
            (paths <= bytes.len()).then_some((header, blocks, folders, index, paths))
        };
        let (header, blocks, folders, index, paths) = shape().ok_or(SnapshotError::Shape)?;
        let last = Mutex::new((usize::MAX, Vec::new()));
        Ok((header, Snapshot { map, blocks, index, folders, paths, last }))
    }

    /// Number of folders that hold rows.
    pub fn folders(&self) -> usize {
        self.folders
    }

    /// Length of the file in bytes.
    pub fn len_bytes(&self) -> usize {
        self.map.len()
    }

    fn entry(&self, i: usize) -> (&[u8], usize, usize) {
        let at = self.index + i * INDEX_ENTRY;
        let field = |offset: usize, length: usize| &self.map[at + offset..at + offset + length];
        let u64_of = |b: &[u8]| u64::from_le_bytes(b.try_into().expect("eight bytes")) as usize;
        let u32_of = |b: &[u8]| u32::from_le_bytes(b.try_into().expect("four bytes")) as usize;
        let (start, length) = (u64_of(field(0, 8)), u32_of(field(8, 4)));
        let path = &self.map[self.paths + start..self.paths + start + length];
        (path, u32_of(field(12, 4)), u64_of(field(16, 8)))
    }

    /// The path of folder `i`, in sorted order.
    pub fn folder_path(&self, i: usize) -> &[u8] {
        self.entry(i).0
    }

    /// The index of the folder `dir`; the place where it would stand otherwise.
    ///
    /// # Errors
    /// The place, if there is no such folder.
    pub fn find(&self, dir: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.folders);
        while low < high {
            let middle = low.midpoint(high);
            match self.folder_path(middle).cmp(dir) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// The rows of folder `i`, sorted by name.
    pub fn rows(&self, i: usize) -> impl Iterator<Item = RowView<'_>> {
        let (_, count, start) = self.entry(i);
        let mut bytes = &self.map[self.blocks + start..self.index - 4];
        (0..count).map_while(move |_| record::decode(&mut bytes))
    }
}

impl Snapshot {
    /// The row `name` of folder `i`.
    pub fn row(&self, i: usize, name: &[u8]) -> Option<RowView<'_>> {
        let (_, count, start) = self.entry(i);
        let block = &self.map[self.blocks + start..self.index - 4];
        let mut last = self.last.lock().expect("no holder of this lock panics");
        if last.0 != i {
            let mut rest = block;
            let starts = (0..count).map_while(|_| {
                let at = block.len() - rest.len();
                record::decode(&mut rest).map(|_| at)
            });
            *last = (i, starts.collect());
        }
        let decode_at = |at: usize| record::decode(&mut &block[at..]);
        let place = last.1.partition_point(|&at| decode_at(at).is_some_and(|row| row.name < name));
        let row = decode_at(*last.1.get(place)?)?;
        (row.name == name).then_some(row)
    }
}

/// Writes a snapshot: folders must come sorted, each with its rows sorted by name.
pub struct SnapshotWriter<'a> {
    header: &'a Header,
    blocks: Vec<u8>,
    index: Vec<u8>,
    paths: Vec<u8>,
    folders: u32,
}

impl<'a> SnapshotWriter<'a> {
    /// Starts a snapshot with `header`.
    pub fn new(header: &'a Header) -> Self {
        Self { header, blocks: Vec::new(), index: Vec::new(), paths: Vec::new(), folders: 0 }
    }

    /// Adds the folder `dir` with its rows; a folder without rows is left out.
    pub fn folder<'r>(&mut self, dir: &[u8], rows: impl Iterator<Item = (&'r [u8], Record)>) {
        let start = self.blocks.len() as u64;
        let mut count = 0u32;
        for (name, record) in rows {
            record::encode(name, &record, &mut self.blocks);
            count += 1;
        }
        if count == 0 {
            return;
        }
        self.index.extend_from_slice(&(self.paths.len() as u64).to_le_bytes());
        self.index.extend_from_slice(&(dir.len() as u32).to_le_bytes());
        self.index.extend_from_slice(&count.to_le_bytes());
        self.index.extend_from_slice(&start.to_le_bytes());
        self.paths.extend_from_slice(dir);
        self.folders += 1;
    }

    /// Writes everything to `file` and syncs it.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(self, file: std::fs::File) -> io::Result<()> {
        let header = postcard::to_stdvec(self.header).expect("serialising into memory cannot fail");
        let mut head = Vec::new();
        head.extend_from_slice(&(header.len() as u32).to_le_bytes());
        head.extend_from_slice(&header);
        head.extend_from_slice(&(self.blocks.len() as u64).to_le_bytes());
        let count = self.folders.to_le_bytes();
        let parts: [&[u8]; 5] = [&head, &self.blocks, &count, &self.index, &self.paths];
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        let mut out = io::BufWriter::with_capacity(1 << 20, &file);
        out.write_all(MAGIC)?;
        out.write_all(hasher.finalize().as_bytes())?;
        for part in parts {
            out.write_all(part)?;
        }
        out.flush()?;
        drop(out);
        crate::fs::platform::sync_file(file.as_fd())
    }
}
