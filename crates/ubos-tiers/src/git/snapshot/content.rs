//! Taking contents in: read by handle, never through a link, hashed while read, and only if nobody
//! wrote meanwhile; examined by the gates before git sees a byte.

use std::fs::File;
use std::io::{self, Read};

use ubos_core::entry::{Digest, Entry};
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_engine::fs::{Root, Stamp};
use ubos_engine::inventory::Item;

use super::table::Row;
use crate::git::command::Git;
use crate::git::error::Result;
use crate::git::gates::{Finding, Gates, Weight};
use crate::git::manifest::Gap;
use crate::git::objects::BlobWriter;

/// Larger files go to git piece by piece, and the gates do not see their contents.
const WHOLE: u64 = 128 << 20;
/// How much is read at once.
const PIECE: usize = 256 << 10;

/// What came of a path.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// Its content, or why it was left out.
    pub(super) outcome: Outcome,
    /// What the gates found in it.
    pub(super) findings: Vec<Finding>,
}

/// A content, or why it was left out.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// It is in git.
    Kept(Row),
    /// It is not, for this reason.
    LeftOut(Gap, String),
}

/// Takes contents in, with one git process for all.
pub(super) struct Intake<'a> {
    git: &'a Git,
    root: &'a Root,
    gates: &'a Gates,
    max_file: u64,
    writer: Option<BlobWriter>,
    /// Bytes that were given to git.
    pub(super) bytes: u64,
}

impl<'a> Intake<'a> {
    /// Reads below `root`, up to `max_file` bytes of a file.
    pub(super) fn new(git: &'a Git, root: &'a Root, gates: &'a Gates, max_file: u64) -> Self {
        Self { git, root, gates, max_file, writer: None, bytes: 0 }
    }

    /// Takes in what stands at `path`.
    ///
    /// # Errors
    /// What git says. That a file cannot be read is an outcome.
    pub(super) fn take(&mut self, path: &RelPath, item: &Item) -> Result<Taken> {
        match &item.entry {
            Entry::Symlink { target } => self.link(item, target),
            _ => self.file(path, item),
        }
    }

    /// Ends writing: everything that was kept is durable afterwards.
    ///
    /// # Errors
    /// What git says; nothing may be taken for kept then.
    pub(super) fn finish(self) -> Result<u64> {
        if let Some(writer) = self.writer {
            writer.finish()?;
        }
        Ok(self.bytes)
    }

    fn link(&mut self, item: &Item, target: &[u8]) -> Result<Taken> {
        let (permissions, mtime) = (item.permissions, item.mtime);
        let digest = Digest::of(target);
        let blob = self.writer()?.add(target)?;
        let size = target.len() as u64;
        self.bytes += size;
        let row = Row { digest, size, blob, symlink: true, permissions, mtime };
        Ok(Taken { outcome: Outcome::Kept(row), findings: Vec::new() })
    }

    fn file(&mut self, path: &RelPath, item: &Item) -> Result<Taken> {
        let open = match Open::new(self.root, path, item) {
            Ok(open) => open,
            Err(error) => return Ok(unreadable(&error.to_string())),
        };
        if open.size > self.max_file {
            let words = format!("{} bytes; larger than the limit of {}", open.size, self.max_file);
            return Ok(left_out(Gap::TooLarge, words));
        }
        if open.size > WHOLE { self.large(open, item) } else { self.whole(path, open, item) }
    }

    fn whole(&mut self, path: &RelPath, mut open: Open, item: &Item) -> Result<Taken> {
        let mut bytes = Vec::with_capacity(usize::try_from(open.size).unwrap_or(0));
        if let Err(error) = (&mut open.file).take(open.size).read_to_end(&mut bytes) {
            return Ok(unreadable(&error.to_string()));
        }
        let digest = Digest::of(&bytes);
        let Some(stamp) = open.unchanged(bytes.len() as u64, digest, item) else {
            return Ok(unreadable(CHANGED));
        };
        let findings = self.gates.examine(path, &bytes);
        let withheld = findings.iter().find_map(|finding| match finding.weight {
            Weight::Withhold(gap) => Some((gap, finding.what.clone())),
            Weight::Warn => None,
        });
        let outcome = match withheld {
            Some((gap, words)) => Outcome::LeftOut(gap, words),
            None => {
                let blob = self.writer()?.add(&bytes)?;
                self.bytes += open.size;
                Outcome::Kept(Row {
                    digest,
                    size: open.size,
                    blob,
                    symlink: false,
                    permissions: stamp.permissions(),
                    mtime: stamp.mtime,
                })
            }
        };
        Ok(Taken { outcome, findings })
    }

    fn large(&mut self, open: Open, item: &Item) -> Result<Taken> {
        let mut source = Hashing { file: &open.file, hasher: blake3::Hasher::new(), failed: None };
        let blob = self.writer()?.add_from(open.size, &mut source)?;
        if let Some(error) = source.failed {
            return Ok(unreadable(&error));
        }
        let digest = Digest(*source.hasher.finalize().as_bytes());
        let Some(stamp) = open.unchanged(open.size, digest, item) else {
            // The blob belongs to nothing; git removes it in time.
            return Ok(unreadable(CHANGED));
        };
        self.bytes += open.size;
        let (permissions, mtime) = (stamp.permissions(), stamp.mtime);
        let row = Row { digest, size: open.size, blob, symlink: false, permissions, mtime };
        Ok(Taken { outcome: Outcome::Kept(row), findings: Vec::new() })
    }

    fn writer(&mut self) -> Result<&mut BlobWriter> {
        if self.writer.is_none() {
            self.writer = Some(BlobWriter::open(self.git)?);
        }
        Ok(self.writer.as_mut().expect("it was opened above"))
    }
}

const CHANGED: &str = "it changed while it was read";

fn unreadable(words: &str) -> Taken {
    left_out(Gap::Unreadable, words.to_owned())
}

fn left_out(gap: Gap, words: String) -> Taken {
    Taken { outcome: Outcome::LeftOut(gap, words), findings: Vec::new() }
}

/// A file that is being read.
struct Open {
    file: File,
    before: Stamp,
    /// How many bytes count.
    size: u64,
    grows: bool,
}

impl Open {
    fn new(root: &Root, path: &RelPath, item: &Item) -> io::Result<Self> {
        let (fd, stat) = root.open_file(path)?;
        let before = Stamp::of(&stat);
        let grows = item.direction == Direction::AppendOnly;
        // Of a log that is being written, only what the inventory saw: whole lines.
        let size = if grows { item.entry.size() } else { before.size };
        Ok(Self { file: File::from(fd), before, size, grows })
    }

    /// The stamp, if `read` bytes with the hash `digest` are the file at one moment.
    fn unchanged(&self, read: u64, digest: Digest, item: &Item) -> Option<Stamp> {
        let after = Stamp::of(&rustix::fs::fstat(&self.file).ok()?);
        let whole = read == self.size;
        let expected = item.entry.digest() == Some(digest);
        let same = match self.grows {
            true => after.size >= self.size && expected,
            // A stamp as young as this would not show a write in between.
            false => after == self.before && (expected || !after.is_racy(clock::now_ns())),
        };
        (whole && same).then_some(after)
    }
}

/// Hashes what passes, and goes on with zeros where the file fails: git was promised so many bytes.
struct Hashing<'a> {
    file: &'a File,
    hasher: blake3::Hasher,
    failed: Option<String>,
}

impl Read for Hashing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = into.len().min(PIECE);
        let into = &mut into[..length];
        if self.failed.is_none() {
            match self.file.read(into) {
                Ok(0) if length > 0 => self.failed = Some(CHANGED.to_owned()),
                Ok(got) => {
                    self.hasher.update(&into[..got]);
                    return Ok(got);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => self.failed = Some(error.to_string()),
            }
        }
        into.fill(0);
        Ok(length)
    }
}
