//! Texts that a three-way merge needs, kept by their hash: `state/<pair>/texts` holds what both
//! sides last agreed on, `conflicts/<pair>.versions` (see [`super::versions`]) both versions of each
//! open conflict.
//!
//! Each side keeps its own, and writes at the end of a run what that run agreed on: two-way text
//! files of at most [`MAX_CONTENT`] bytes. `texts.book` says up to which generation that was done and
//! how long the pack then was. Where it does not fit what is found (the pack is gone, a run was
//! cut off, an earlier version kept none), the texts are filled in from the files, some in each run.
//! Nothing is made durable, and no failure here fails a run: losing texts costs merges, never more.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use serde::{Deserialize, Serialize};

use ubos_core::entry::{Base, Digest, Entry};
use ubos_core::manifest::Direction;
use ubos_core::merge::is_text;
use ubos_core::path::{RelPath, join_bytes};

use super::pack::{self, MAX_CONTENT, Pack, PackWriter};
use super::record::{Record, StoredRecord};
use super::table::Table;
use super::{StateDir, versions};
use crate::error::{EngineError, Result};
use crate::fs::{Root, atomic};

/// The pack of agreed texts in the folder of a pair.
pub const TEXTS: &str = "texts";
const BOOK: &str = "texts.book";
/// A pack does not grow beyond this, in bytes as they are packed.
const MAX_PACK: u64 = 256 << 20;
/// A pack below this length is never written anew.
const FLOOR: u64 = 4 << 20;
/// So many files are read at the end of a run that agreed on them; what is beyond is filled in later.
const AGREED_FILES: usize = 20_000;
/// So many files, and bytes, are looked at in one run to fill in what is missing.
const FILL_FILES: usize = 2_000;
const FILL_BYTES: u64 = 16 << 20;

/// The agreed text with this hash, if it is kept and undamaged. Needs no lock.
///
/// # Errors
/// What the system says.
pub fn base_text(state: &StateDir, pair: &str, digest: Digest) -> Result<Option<Vec<u8>>> {
    look_up(state, &format!("state/{pair}"), TEXTS, digest)
}

/// The hashes of the agreed texts that are kept, for looking up many. Needs no lock.
///
/// # Errors
/// What the system says.
pub fn known(state: &StateDir, pair: &str) -> Result<HashSet<Digest>> {
    let folder = format!("state/{pair}");
    let Some(dir) = state.existing_folder(&folder)? else { return Ok(HashSet::new()) };
    let pack = Pack::open(dir.as_fd(), TEXTS)
        .map_err(|e| EngineError::io("read", state.path(&format!("{folder}/{TEXTS}")), e))?;
    Ok(pack.map(|pack| pack.latest_first().collect()).unwrap_or_default())
}

/// The version of an open conflict with this hash, if it is kept and undamaged. Needs no lock.
///
/// # Errors
/// What the system says.
pub fn version(state: &StateDir, pair: &str, digest: Digest) -> Result<Option<Vec<u8>>> {
    look_up(state, versions::FOLDER, &versions::name(pair), digest)
}

fn look_up(state: &StateDir, folder: &str, name: &str, digest: Digest) -> Result<Option<Vec<u8>>> {
    let Some(dir) = state.existing_folder(folder)? else { return Ok(None) };
    let read = || -> io::Result<Option<Vec<u8>>> {
        let Some(pack) = Pack::open(dir.as_fd(), name)? else { return Ok(None) };
        let content = pack.get(digest);
        if content.is_none() && pack.has(digest) {
            // A damaged pack is dropped, so that the next run notices and fills a new one.
            pack::remove(dir.as_fd(), name)?;
        }
        Ok(content)
    };
    read().map_err(|e| EngineError::io("read", state.path(&format!("{folder}/{name}")), e))
}

/// What a run agreed on, until its texts are kept.
#[derive(Debug, Default)]
pub struct Agreed {
    files: Vec<(RelPath, Digest)>,
    prepared: Option<Vec<(RelPath, Digest)>>,
    generations: u64,
}

impl Agreed {
    /// Notes the rows of a generation that is about to be put in force over `table`.
    pub fn prepare(&mut self, rows: &[(RelPath, Option<StoredRecord>)], table: &Table) {
        let mut files = Vec::new();
        for (path, stored) in rows {
            let Some(record) = stored.clone().map(Record::from) else { continue };
            let Some(digest) = text_digest(&record) else { continue };
            let before = table.record(path).and_then(|old| old.row.base.entry()?.digest());
            if before != Some(digest) {
                files.push((path.clone(), digest));
            }
        }
        self.prepared = Some(files);
    }

    /// The generation is in force. One that another process prepared was not seen here and does
    /// not count, so that its texts are found missing.
    pub fn commit(&mut self) {
        if let Some(files) = self.prepared.take() {
            self.files.extend(files);
            self.generations += 1;
        }
    }
}

/// The hash of what may be a text to keep.
fn text_digest(record: &Record) -> Option<Digest> {
    match &record.row.base {
        Base::Known(Entry::File { digest, size, .. })
            if record.row.direction == Direction::Bidirectional
                && (1..=MAX_CONTENT as u64).contains(size) =>
        {
            Some(*digest)
        }
        _ => None,
    }
}

/// Up to where the texts are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Book {
    /// Texts of all generations up to this one were kept, as far as they are not being filled in.
    generation: u64,
    /// Bytes of the pack that are known to be good records.
    length: u64,
    /// Bytes of the pack when it held nothing superfluous.
    base: u64,
    /// Where filling in goes on: behind this name of this folder.
    filling: Option<(Vec<u8>, Vec<u8>)>,
}

impl Book {
    fn load(dir: BorrowedFd<'_>) -> io::Result<Option<Book>> {
        let Some(bytes) = atomic::read(dir, BOOK)? else { return Ok(None) };
        let Some((check, body)) = bytes.split_at_checked(8) else { return Ok(None) };
        let sound = Digest::of(body).0.starts_with(check);
        Ok(sound.then(|| postcard::from_bytes(body).ok()).flatten())
    }

    fn save(&self, dir: BorrowedFd<'_>) -> io::Result<()> {
        let body = postcard::to_stdvec(self).expect("serialising into memory cannot fail");
        let bytes = [&Digest::of(&body).0[..8], &body].concat();
        let temporary = format!("{BOOK}.new");
        let file = atomic::create(dir, &temporary)?;
        atomic::write_all(file.as_fd(), &bytes)?;
        Ok(rustix::fs::renameat(dir, &temporary, dir, BOOK)?)
    }
}

/// Keeps the texts that a run agreed on, and fills in some that are missing. A run that agreed on
/// nothing, where none is missing, writes nothing.
///
/// # Errors
/// What the system says. The texts are then incomplete, which the next run notices.
pub fn keep(state: &StateDir, pair: &str, table: &Table, agreed: &Agreed) -> Result<()> {
    let folder = state.pair_folder(pair)?;
    let keeping = Keeping { root: state.root(), dir: folder.as_fd(), table };
    keeping
        .keep(agreed)
        .map_err(|e| EngineError::io("write", state.path(&format!("state/{pair}/{TEXTS}")), e))
}

struct Keeping<'a> {
    root: &'a Root,
    dir: BorrowedFd<'a>,
    table: &'a Table,
}

impl Keeping<'_> {
    fn keep(&self, agreed: &Agreed) -> io::Result<()> {
        let generation = self.table.header().generation;
        let length = pack::length(self.dir, TEXTS)?;
        let fits = |book: &Book| {
            book.generation + agreed.generations == generation && length >= book.length
        };
        let known = match Book::load(self.dir)? {
            // The pair's first run: all there is to keep was agreed on just now.
            None if generation == agreed.generations && length == 0 => {
                Some(Book { generation: 0, length: 0, base: 0, filling: None })
            }
            book => book.filter(fits),
        };
        if let Some(book) = &known
            && book.filling.is_none()
            && agreed.generations == 0
        {
            return Ok(());
        }
        let mut book = match known {
            Some(book) => book,
            None => self.begin_anew()?,
        };
        self.add(&mut book, agreed)?;
        if book.length > MAX_PACK.min(FLOOR.max(2 * book.base)) && book.filling.is_none() {
            self.compact(&mut book)?;
        }
        book.generation = generation;
        book.save(self.dir)
    }

    /// Keeps what is intact of a pack that cannot be relied on, and has the rest filled in.
    fn begin_anew(&self) -> io::Result<Book> {
        let filling = Some((Vec::new(), Vec::new()));
        let mut book = Book { generation: 0, length: 0, base: 0, filling };
        self.compact(&mut book)?;
        Ok(book)
    }

    /// Drops from the pack what the table no longer names, and of the rest the oldest that would
    /// leave too little room.
    fn compact(&self, book: &mut Book) -> io::Result<()> {
        let Some(pack) = Pack::open(self.dir, TEXTS)? else {
            book.length = 0;
            return Ok(());
        };
        let named = self.named();
        let mut room = MAX_PACK / 4 * 3;
        let mut kept = HashSet::new();
        for digest in pack.latest_first().filter(|digest| named.contains(digest)) {
            let length = pack.record_length(digest);
            if length > room {
                break;
            }
            room -= length;
            kept.insert(digest);
        }
        book.length = pack.compact(self.dir, TEXTS, |digest| kept.contains(&digest))?;
        book.base = book.length;
        Ok(())
    }

    /// The hashes of all files that the table names.
    fn named(&self) -> HashSet<Digest> {
        let mut named = HashSet::new();
        self.table.folders(None, &mut |folder| {
            self.table.folder_rows(folder, &mut |row| {
                if row.is_file() {
                    named.insert(row.file().0);
                }
            });
            true
        });
        named
    }

    fn add(&self, book: &mut Book, agreed: &Agreed) -> io::Result<()> {
        if agreed.files.len() > AGREED_FILES {
            book.filling = Some((Vec::new(), Vec::new()));
        }
        // Only while filling in must it be known what is there already. Otherwise a text that
        // comes back is there twice until the pack is written anew.
        let mut there: HashSet<Digest> = match &book.filling {
            Some(_) => Pack::open(self.dir, TEXTS)?.map(|pack| pack.latest_first().collect()),
            None => None,
        }
        .unwrap_or_default();
        let mut writer = PackWriter::open(self.dir, TEXTS, book.length)?;
        for (path, digest) in agreed.files.iter().take(AGREED_FILES) {
            if there.insert(*digest) {
                self.add_text(&mut writer, path, *digest)?;
            }
        }
        let filled = book.filling.take();
        let complete = filled.is_some() || book.length == 0;
        if let Some(from) = filled {
            book.filling = self.fill(&mut writer, &mut there, from)?;
        }
        book.length = writer.finish()?;
        if complete && book.filling.is_none() {
            book.base = book.length;
        }
        Ok(())
    }

    /// Adds texts of rows behind `from`; returns where to go on, if there is more.
    fn fill(
        &self,
        writer: &mut PackWriter,
        there: &mut HashSet<Digest>,
        from: (Vec<u8>, Vec<u8>),
    ) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
        let mut missing: Vec<(Vec<u8>, Vec<u8>, Digest)> = Vec::new();
        let mut bytes = 0;
        self.table.folders(None, &mut |folder| {
            if folder >= &from.0[..] {
                self.table.folder_rows(folder, &mut |row| {
                    let full = missing.len() >= FILL_FILES || bytes >= FILL_BYTES;
                    let done = folder == &from.0[..] && row.name <= &from.1[..];
                    if full || done || !row.is_file() || there.contains(&row.file().0) {
                        return;
                    }
                    if let Some(digest) = text_digest(&row.to_record()) {
                        bytes += row.file().1;
                        missing.push((folder.to_vec(), row.name.to_vec(), digest));
                    }
                });
            }
            missing.len() < FILL_FILES && bytes < FILL_BYTES
        });
        let more = missing.len() >= FILL_FILES || bytes >= FILL_BYTES;
        for (folder, name, digest) in &missing {
            if let Ok(path) = join_bytes(folder, name)
                && there.insert(*digest)
            {
                self.add_text(writer, &path, *digest)?;
            }
        }
        let last = missing.pop().map(|(folder, name, _)| (folder, name));
        Ok(last.filter(|_| more && writer.length() < MAX_PACK))
    }

    /// Adds the content of the file at `path` if it is the text that is meant: it may have been
    /// edited since, or be no text.
    fn add_text(&self, writer: &mut PackWriter, path: &RelPath, digest: Digest) -> io::Result<()> {
        if writer.length() >= MAX_PACK {
            return Ok(());
        }
        match versions::read(self.root, path) {
            Some(content) if is_text(&content) && Digest::of(&content) == digest => {
                writer.add(digest, &content)
            }
            _ => Ok(()),
        }
    }
}
