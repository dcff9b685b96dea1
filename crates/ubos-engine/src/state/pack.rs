//! A pack: contents by their hash, in one file that grows at its end.
//!
//! A record is the hash, the two lengths and the content, compressed where that makes it shorter.
//! Every content is hashed again when it is read, so that damage, a torn end or a file that is
//! being replaced meanwhile is never more than a missing content; readers need no lock. Only who
//! holds the territory's lock writes. Nothing here is made durable: what a power cut takes is
//! missing.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Mode, OFlags, openat};

use ubos_core::entry::Digest;

use crate::fs::atomic;

/// Longest content that is taken, in bytes.
pub const MAX_CONTENT: usize = 1 << 20;
const MAGIC: [u8; 4] = *b"UBT1";
/// Magic, hash, length, packed length.
const HEAD: usize = 4 + 32 + 4 + 4;
/// Bytes collected before they are written.
const BATCH: usize = 1 << 20;

/// Where a content lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    offset: u64,
    length: u32,
    packed: u32,
}

/// A pack, open for reading, with the places of its contents.
#[derive(Debug)]
pub struct Pack {
    file: File,
    places: HashMap<Digest, Place>,
    /// In the order in which they were written.
    order: Vec<Digest>,
    whole: bool,
    end: u64,
}

impl Pack {
    /// Opens the pack `name` in `dir`; `None` if there is none. Of a damaged one what comes before
    /// the damage counts.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(dir: BorrowedFd<'_>, name: &str) -> io::Result<Option<Pack>> {
        let Some(file) = open_existing(dir, name)? else { return Ok(None) };
        let mut pack =
            Pack { file, places: HashMap::new(), order: Vec::new(), whole: true, end: 0 };
        let length = pack.file.metadata()?.len();
        let mut reader = BufReader::with_capacity(64 << 10, &pack.file);
        while pack.end < length {
            let Some((digest, place)) = read_head(&mut reader, pack.end, length)? else {
                pack.whole = false;
                break;
            };
            reader.seek_relative(i64::from(place.packed))?;
            pack.end = place.offset + u64::from(place.packed);
            if pack.places.insert(digest, place).is_none() {
                pack.order.push(digest);
            }
        }
        Ok(Some(pack))
    }

    /// Whether a content with this hash was written. It may turn out to be damaged.
    pub fn has(&self, digest: Digest) -> bool {
        self.places.contains_key(&digest)
    }

    /// The content with this hash, verified.
    pub fn get(&self, digest: Digest) -> Option<Vec<u8>> {
        read_content(&self.file, digest, *self.places.get(&digest)?)
    }

    /// Whether every record up to the end of the file can be told.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Bytes of the file that hold records.
    pub fn length(&self) -> u64 {
        self.end
    }

    /// Bytes that the record of `digest` takes.
    pub fn record_length(&self, digest: Digest) -> u64 {
        self.places.get(&digest).map_or(0, |place| HEAD as u64 + u64::from(place.packed))
    }

    /// The hashes, the latest written first.
    pub fn latest_first(&self) -> impl Iterator<Item = Digest> + '_ {
        self.order.iter().rev().copied()
    }

    /// Puts a new file that holds the intact contents among `kept` in place of this one; who reads
    /// the old one meanwhile goes on doing so. Returns its length.
    ///
    /// # Errors
    /// What the system says; the old file then still stands.
    pub fn compact(
        &self,
        dir: BorrowedFd<'_>,
        name: &str,
        kept: impl Fn(Digest) -> bool,
    ) -> io::Result<u64> {
        let temporary = format!("{name}.new");
        let mut writer = PackWriter::to(File::from(atomic::create(dir, &temporary)?), 0);
        for digest in self.order.iter().copied().filter(|digest| kept(*digest)) {
            if let Some(content) = self.get(digest) {
                writer.add(digest, &content)?;
            }
        }
        let length = writer.finish()?;
        rustix::fs::renameat(dir, &temporary, dir, name)?;
        Ok(length)
    }
}

/// Adds contents at the end of a pack.
#[derive(Debug)]
pub struct PackWriter {
    file: File,
    end: u64,
    batch: Vec<u8>,
}

impl PackWriter {
    /// Opens the pack `name` in `dir`, making it, to write behind its first `end` bytes. What lies
    /// there was left by a run that was cut off, and is overwritten.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(dir: BorrowedFd<'_>, name: &str, end: u64) -> io::Result<PackWriter> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?);
        if file.metadata()?.len() > end {
            file.set_len(end)?;
        }
        Ok(PackWriter::to(file, end))
    }

    fn to(file: File, end: u64) -> Self {
        Self { file, end, batch: Vec::new() }
    }

    /// Adds `content`, whose hash is `digest`, unless it is too long.
    ///
    /// # Errors
    /// What writing says.
    pub fn add(&mut self, digest: Digest, content: &[u8]) -> io::Result<()> {
        if content.len() > MAX_CONTENT {
            return Ok(());
        }
        let packed = lz4_flex::block::compress(content);
        let packed = if packed.len() < content.len() { &packed[..] } else { content };
        self.batch.extend_from_slice(&MAGIC);
        self.batch.extend_from_slice(&digest.0);
        self.batch.extend_from_slice(&(content.len() as u32).to_le_bytes());
        self.batch.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        self.batch.extend_from_slice(packed);
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Where the next record goes.
    pub fn length(&self) -> u64 {
        self.end + self.batch.len() as u64
    }

    /// Writes what is collected; returns the length of the pack.
    ///
    /// # Errors
    /// What writing says.
    pub fn finish(mut self) -> io::Result<u64> {
        self.flush()?;
        Ok(self.end)
    }

    fn flush(&mut self) -> io::Result<()> {
        atomic::write_all_at(self.file.as_fd(), &self.batch, self.end)?;
        self.end += self.batch.len() as u64;
        self.batch.clear();
        Ok(())
    }
}

/// Bytes of the pack `name` in `dir`, damaged or not; 0 if there is none.
///
/// # Errors
/// What the system says.
pub fn length(dir: BorrowedFd<'_>, name: &str) -> io::Result<u64> {
    let stat = crate::fs::stat_in(dir, name.as_bytes())?;
    Ok(stat.map_or(0, |stat| stat.st_size as u64))
}

/// Removes the pack `name` in `dir`, if there is one.
///
/// # Errors
/// What the system says.
pub fn remove(dir: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    match rustix::fs::unlinkat(dir, name, rustix::fs::AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn open_existing(dir: BorrowedFd<'_>, name: &str) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(dir, name, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// The head of the record at `offset`; `None` if there is none that fits into the file.
fn read_head(
    reader: &mut impl Read,
    offset: u64,
    file_length: u64,
) -> io::Result<Option<(Digest, Place)>> {
    let mut head = [0u8; HEAD];
    match reader.read_exact(&mut head) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e),
    }
    let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|n| head[at + n]));
    let mut digest = [0u8; 32];
    digest.copy_from_slice(&head[4..36]);
    let place = Place { offset: offset + HEAD as u64, length: number(36), packed: number(40) };
    let sound = head.starts_with(&MAGIC)
        && place.length as usize <= MAX_CONTENT
        && place.packed <= place.length
        && place.offset + u64::from(place.packed) <= file_length;
    Ok(sound.then_some((Digest(digest), place)))
}

fn read_content(file: &File, digest: Digest, place: Place) -> Option<Vec<u8>> {
    let mut packed = vec![0u8; place.packed as usize];
    let read = atomic::read_full_at(file.as_fd(), &mut packed, place.offset).ok()?;
    if read != packed.len() {
        return None;
    }
    let content = if place.packed == place.length {
        packed
    } else {
        lz4_flex::block::decompress(&packed, place.length as usize).ok()?
    };
    (Digest::of(&content) == digest).then_some(content)
}
