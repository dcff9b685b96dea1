//! Putting content into a repository and taking it out: one git process for many objects.
//!
//! Bytes come from memory or from a reader that the caller has opened, never from a path that git
//! would open by itself: what is kept is what was looked at.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ubos_engine::fs::platform;

use super::command::Git;
use super::error::{BackupError, Result};
use super::talk::{PIECE, Talk};

/// Larger blobs go through git without being held in its memory.
const STREAM_ABOVE: &str = "--big-file-threshold=32m";

/// The name of an object, in hexadecimal digits (40, or 64 in a repository with SHA-256).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Oid(pub String);

impl Oid {
    /// Reads a name as git prints it; `None` if `text` is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (digits && matches!(text.len(), 40 | 64)).then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that stands for no object, as long as this one.
    pub fn none_like(&self) -> Self {
        Self("0".repeat(self.0.len()))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes everything durable that was written to the repository so far, names of files included.
///
/// One sync of the file system costs about as much as that of one file and covers whatever git has
/// written since the last, with every version of git: left to itself, git makes packs durable but not
/// loose objects.
///
/// # Errors
/// What the system says; nothing may be taken for durable then.
pub(super) fn settle(git: &Git) -> Result<()> {
    let objects = git.dir().join("objects");
    // In a work tree of its own, `.git` is a file or the objects are elsewhere; the repository's
    // folder itself is on the same file system as what git writes there.
    let folder = if objects.is_dir() { objects } else { git.dir().to_owned() };
    std::fs::File::open(&folder)
        .and_then(|open| platform::sync_filesystem(std::os::fd::AsFd::as_fd(&open)))
        .map_err(|e| BackupError::io("make durable", folder, e))
}

/// Writes blobs, many with one process.
///
/// A blob can be read by others once [`BlobWriter::finish`] returned, and is durable then: its bytes
/// and its name were handed to the drive. What was added before a crash or without `finish` is at most
/// garbage that git removes in time. Up to a hundred blobs become loose objects, more become one pack.
pub struct BlobWriter {
    git: Git,
    import: Talk,
    added: u64,
    /// Packs that others had begun before.
    begun: BTreeSet<PathBuf>,
}

impl BlobWriter {
    /// Starts writing.
    ///
    /// # Errors
    /// [`BackupError::NoGit`] if git cannot be started.
    pub fn open(git: &Git) -> Result<Self> {
        Self::start(git, &[])
    }

    /// Starts writing much: whatever the number of blobs, they are compressed once, into one pack.
    ///
    /// # Errors
    /// As [`BlobWriter::open`].
    pub fn open_for_much(git: &Git) -> Result<Self> {
        Self::start(git, &["-c", "fastimport.unpackLimit=0"])
    }

    fn start(git: &Git, settings: &[&str]) -> Result<Self> {
        // Blobs that follow each other here have nothing in common: no search for differences.
        let import = ["fast-import", "--quiet", "--depth=0", STREAM_ABOVE];
        let args = [settings, &import].concat();
        let begun = begun_packs(git);
        Ok(Self { git: git.clone(), import: Talk::start(git, &args)?, added: 0, begun })
    }

    /// Adds a blob.
    ///
    /// # Errors
    /// What git says, for example that the disk is full; the writer is of no use afterwards.
    pub fn add(&mut self, bytes: &[u8]) -> Result<Oid> {
        self.announce(bytes.len() as u64)?;
        self.say(bytes)?;
        self.name()
    }

    /// Adds a blob of exactly the next `size` bytes of `from`.
    ///
    /// # Errors
    /// As [`BlobWriter::add`]; and an I/O failure if reading fails or `from` ends early: nothing was
    /// added then and the writer can be used for the next.
    pub fn add_from(&mut self, size: u64, from: &mut dyn Read) -> Result<Oid> {
        self.announce(size)?;
        let mut piece = vec![0; PIECE];
        let mut left = size;
        let mut trouble = None;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let got = match &trouble {
                None => read_some(from, &mut piece[..want]).unwrap_or_else(|e| {
                    trouble = Some(e);
                    0
                }),
                // git was promised so many bytes: the rest is filled up, and the blob forgotten.
                Some(_) => {
                    piece[..want].fill(0);
                    want
                }
            };
            self.say(&piece[..got])?;
            left -= got as u64;
        }
        let name = self.name()?;
        match trouble {
            None => Ok(name),
            Some(error) => Err(BackupError::io("read", "what is to be kept", error)),
        }
    }

    /// Ends writing: everything added is visible and durable afterwards.
    ///
    /// # Errors
    /// What git or the system says; nothing may be taken for kept then.
    pub fn finish(mut self) -> Result<()> {
        self.import.end().map_err(|error| self.given_up(error))?;
        if self.added > 0 { settle(&self.git) } else { Ok(()) }
    }

    fn announce(&mut self, size: u64) -> Result<()> {
        self.added += 1;
        self.say(format!("blob\nmark :1\ndata {size}\n").as_bytes())
    }

    fn say(&mut self, bytes: &[u8]) -> Result<()> {
        self.import.say(bytes).map_err(|error| self.given_up(error))
    }

    /// Takes away what git leaves behind when it gives up: its report, and where the disk is full the pack
    /// that it had begun. Each attempt would leave another, and the room that a person makes would be gone
    /// with the next.
    fn given_up(&self, error: BackupError) -> BackupError {
        // What cannot be removed is in nobody's way but for its room.
        let report = self.git.dir().join(format!("fast_import_crash_{}", self.import.id()));
        let _ = std::fs::remove_file(report);
        if is_full(&error) {
            for pack in begun_packs(&self.git).difference(&self.begun) {
                let _ = std::fs::remove_file(pack);
            }
        }
        error
    }

    fn name(&mut self) -> Result<Oid> {
        self.say(b"\nget-mark :1\n")?;
        let line = self.import.line().map_err(|error| self.given_up(error))?;
        Oid::parse(&line).ok_or_else(|| {
            BackupError::damaged(
                "git fast-import",
                format!("`{line}` is not the name of an object"),
            )
        })
    }
}

/// Whether the disk was full.
fn is_full(error: &BackupError) -> bool {
    let said = error.to_string();
    ["No space left", "Out of diskspace", "quota exceeded"].iter().any(|words| said.contains(words))
}

/// Packs that somebody is writing, or began and left.
fn begun_packs(git: &Git) -> BTreeSet<PathBuf> {
    let Ok(entries) = std::fs::read_dir(git.dir().join("objects/pack")) else {
        return BTreeSet::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_begun = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        name.starts_with(b"tmp_pack_") || name.starts_with(b"tmp_idx_")
    };
    paths.filter(is_begun).collect()
}

/// Reads at least one byte; the end is a failure.
fn read_some(from: &mut dyn Read, into: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match from.read(into) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Reads objects, many with one process.
pub struct BlobReader {
    git: Git,
    batch: Option<Talk>,
    check: Option<Talk>,
}

impl BlobReader {
    /// A reader of the repository.
    ///
    /// # Errors
    /// [`BackupError::NoGit`] if git cannot be started.
    pub fn open(git: &Git) -> Result<Self> {
        let batch = Talk::start(git, &["cat-file", "--batch"])?;
        Ok(Self { git: git.clone(), batch: Some(batch), check: None })
    }

    /// The content of the object that `name` stands for (an id, or `COMMIT:PATH`); `None` if there is
    /// none.
    ///
    /// # Errors
    /// [`BackupError::Git`] if the object is damaged; the next question can be asked nevertheless.
    pub fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        Ok(self.copy(name, &mut bytes)?.map(|_| bytes))
    }

    /// As [`BlobReader::read`], into `to`; the number of bytes.
    ///
    /// # Errors
    /// As [`BlobReader::read`], and if `to` takes no more. Part of the content may have been written.
    pub fn copy(&mut self, name: &str, to: &mut dyn Write) -> Result<Option<u64>> {
        let mut batch = match self.batch.take() {
            Some(running) => running,
            None => Talk::start(&self.git, &["cat-file", "--batch"])?,
        };
        // Only a conversation that ended well goes on: after a failure, what the process still has to
        // say would be taken for the next answer.
        let size = match ask(&mut batch, name)? {
            None => None,
            Some((_, size)) => {
                pass(&mut batch, size, to)?;
                Some(size)
            }
        };
        self.batch = Some(batch);
        Ok(size)
    }

    /// Kind (`blob`, `tree`, `commit`, `tag`) and size of an object; `None` if there is none.
    ///
    /// # Errors
    /// As [`BlobReader::read`].
    pub fn info(&mut self, name: &str) -> Result<Option<(String, u64)>> {
        let mut check = match self.check.take() {
            Some(running) => running,
            None => Talk::start(&self.git, &["cat-file", "--batch-check"])?,
        };
        let info = ask(&mut check, name)?;
        self.check = Some(check);
        Ok(info)
    }
}

/// Asks for `name`; kind and size if there is such an object.
fn ask(talk: &mut Talk, name: &str) -> Result<Option<(String, u64)>> {
    if name.is_empty() || name.contains('\n') {
        return Err(BackupError::damaged(
            "name of an object",
            format!("{name:?} cannot be asked for"),
        ));
    }
    talk.say(format!("{name}\n").as_bytes())?;
    let line = talk.line()?;
    // The name comes back and may contain anything: the answer is at the end of the line.
    if line.strip_prefix(name).is_some_and(|rest| matches!(rest, " missing" | " ambiguous")) {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let answer = match (words.next().and_then(Oid::parse), words.next(), words.next()) {
        (Some(_), Some(kind), Some(size)) => size.parse().ok().map(|size| (kind.to_owned(), size)),
        _ => None,
    };
    answer.map(Some).ok_or_else(|| BackupError::damaged(name, format!("git says `{line}`")))
}

/// Passes on the announced bytes and the line end after them.
fn pass(talk: &mut Talk, size: u64, to: &mut dyn Write) -> Result<()> {
    let mut piece = vec![0; PIECE];
    let mut left = size;
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let got = match read_some(&mut talk.output, &mut piece[..want]) {
            Ok(got) => got,
            Err(_) => return Err(talk.why()),
        };
        to.write_all(&piece[..got]).map_err(|e| BackupError::io("write", "the content", e))?;
        left -= got as u64;
    }
    let mut end = [0];
    match talk.output.read_exact(&mut end) {
        Ok(()) if end == *b"\n" => Ok(()),
        _ => Err(talk.why()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::repository;

    #[test]
    fn blobs_go_in_and_come_out() {
        let (_folder, git) = repository();
        let mut writer = BlobWriter::open(&git).unwrap();
        let empty = writer.add(b"").unwrap();
        let text = writer.add(b"blob\nmark :1\ndata 3\nabc").unwrap();
        let large = vec![7; 3 << 20];
        let streamed = writer.add_from(large.len() as u64, &mut large.as_slice()).unwrap();
        writer.finish().unwrap();
        let mut reader = BlobReader::open(&git).unwrap();
        assert_eq!(reader.read(&empty.0).unwrap().unwrap(), b"");
        assert_eq!(reader.read(&text.0).unwrap().unwrap(), b"blob\nmark :1\ndata 3\nabc");
        assert_eq!(reader.read(&streamed.0).unwrap().unwrap(), large);
        assert_eq!(reader.info(&text.0).unwrap(), Some(("blob".to_owned(), 23)));
        assert_eq!(reader.info("refs/heads/none").unwrap(), None);
        assert_eq!(reader.read(&empty.none_like().0).unwrap(), None);
    }

    #[test]
    fn more_blobs_than_git_leaves_loose_are_there_too() {
        let (_folder, git) = repository();
        let mut writer = BlobWriter::open(&git).unwrap();
        let names: Vec<Oid> =
            (0..250).map(|n| writer.add(format!("number {n}\n").as_bytes()).unwrap()).collect();
        writer.finish().unwrap();
        let mut reader = BlobReader::open(&git).unwrap();
        for (n, name) in names.iter().enumerate() {
            let kept = reader.read(&name.0).unwrap().unwrap();
            assert_eq!(kept, format!("number {n}\n").into_bytes());
        }
    }

    #[test]
    fn a_single_blob_is_a_pack_where_much_is_expected() {
        let (_folder, git) = repository();
        let mut writer = BlobWriter::open_for_much(&git).unwrap();
        let name = writer.add(b"much").unwrap();
        writer.finish().unwrap();
        assert_eq!(BlobReader::open(&git).unwrap().read(&name.0).unwrap().unwrap(), b"much");
        assert!(!git.dir().join("objects").join(&name.0[..2]).exists());
    }

    #[test]
    fn a_reader_that_ends_early_fails_its_own_blob_only() {
        let (_folder, git) = repository();
        let mut writer = BlobWriter::open(&git).unwrap();
        let error = writer.add_from(200_000, &mut &b"short"[..]).unwrap_err();
        assert!(error.to_string().contains("what is to be kept"), "{error}");
        let exact = writer.add_from(2, &mut &b"two and more"[..]).unwrap();
        writer.finish().unwrap();
        let kept = BlobReader::open(&git).unwrap().read(&exact.0).unwrap();
        assert_eq!(kept.unwrap(), b"tw");
    }

    #[test]
    fn a_full_disk_keeps_nothing_of_what_was_begun() {
        let (_folder, git) = repository();
        let packs = git.dir().join("objects/pack");
        std::fs::create_dir_all(&packs).unwrap();
        let (before, since) = (packs.join("tmp_pack_before"), packs.join("tmp_pack_sinceX"));
        std::fs::write(&before, "somebody's").unwrap();
        let writer = BlobWriter::open(&git).unwrap();
        std::fs::write(&since, "ours").unwrap();
        let report = git.dir().join(format!("fast_import_crash_{}", writer.import.id()));
        std::fs::write(&report, "").unwrap();
        let failed = |message: &str| BackupError::Git {
            command: "fast-import".to_owned(),
            message: message.to_owned(),
            code: Some(128),
        };
        writer.given_up(failed("fatal: what else there is"));
        assert!(since.exists() && !report.exists());
        writer.given_up(failed("fatal: write error. Out of diskspace"));
        assert!(before.exists() && !since.exists());
    }

    #[test]
    fn an_unfinished_writer_leaves_nothing_behind_that_harms() {
        let (_folder, git) = repository();
        let mut writer = BlobWriter::open(&git).unwrap();
        writer.add(b"never finished").unwrap();
        drop(writer);
        git.run(["fsck", "--full", "--strict"]).unwrap();
        let reports = std::fs::read_dir(git.dir()).unwrap().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().starts_with("fast_import_crash")
        });
        assert_eq!(reports.count(), 0);
    }

    #[test]
    fn a_damaged_object_is_an_error_and_the_next_is_read() {
        let (_folder, git) = repository();
        let mut writer = BlobWriter::open(&git).unwrap();
        let bad = writer.add(&b"to be damaged ".repeat(500)).unwrap();
        let good = writer.add(b"good").unwrap();
        writer.finish().unwrap();
        let file = git.dir().join("objects").join(&bad.0[..2]).join(&bad.0[2..]);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes.truncate(middle);
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
        let mut reader = BlobReader::open(&git).unwrap();
        reader.read(&bad.0).unwrap_err();
        assert_eq!(reader.read(&good.0).unwrap().unwrap(), b"good");
    }

    #[test]
    fn a_name_that_cannot_be_asked_for_is_refused() {
        let (_folder, git) = repository();
        let mut reader = BlobReader::open(&git).unwrap();
        assert!(reader.read("a\nb").is_err());
        assert!(reader.read("").is_err());
        assert_eq!(reader.read("HEAD:no such thing").unwrap(), None);
    }
}
