//! `Shelf`: everything that one manifest names, read back from a repository: files from the snapshot,
//! logs put together again, links as their text. Nothing is believed: what is read is hashed, and
//! whoever asked compares.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::command::Git;
use super::coverage::facts::Held;
use super::error::{BackupError, Result};
use super::form::Form;
use super::logs;
use super::manifest::{About, Entry, Gap, Kept, What};
use super::manifests;
use super::objects::{BlobReader, Oid};
use super::tree::list_tree;

/// The type bits of a link in a tree of git.
const LINK: u32 = 0o120_000;
/// A file that its owner may execute, in a tree of git.
const EXECUTABLE: u32 = 0o100_755;

/// What was read of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Bytes.
    pub bytes: u64,
    /// Their hash.
    pub digest: Digest,
}

/// The paths of a tree.
type Files = BTreeMap<Vec<u8>, (u32, Oid)>;

/// Everything that a manifest names.
pub struct Shelf {
    git: Git,
    about: About,
    manifest: Option<Oid>,
    entries: BTreeMap<RelPath, Entry>,
    /// The trees of the snapshot and of the other territory's branch, or why they cannot be read.
    snapshot: std::result::Result<Files, String>,
    branch: std::result::Result<Files, String>,
    reader: Option<BlobReader>,
}

impl Shelf {
    /// What the manifest `commit` names.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] if the manifest itself cannot be read; what is wrong with that which
    /// it names shows when it is read.
    pub fn open(git: &Git, commit: &Oid) -> Result<Self> {
        let about = manifests::about(git, commit)?;
        let entries = manifests::entries(git, commit)?;
        let files = |name: &str| list_tree(git, name).map_err(|e| e.to_string());
        let snapshot = files(&about.snapshot);
        let branch = about.branch.as_deref().map_or(Ok(Files::new()), files);
        let manifest = Some(commit.clone());
        Ok(Self { git: git.clone(), about, manifest, entries, snapshot, branch, reader: None })
    }

    /// What a commit holds that no manifest tells of, such as one that a person made: paths, contents
    /// and executable bits. Times are that of the commit, and hashes are not known.
    ///
    /// # Errors
    /// What git says.
    pub fn of_commit(git: &Git, commit: &Oid) -> Result<Self> {
        let time = git.run(["log", "-1", "--format=%ct %cI", commit.as_str()])?.text();
        let (seconds, made) = time.split_once(' ').unwrap_or(("0", ""));
        let mtime = seconds.parse::<i64>().unwrap_or(0).saturating_mul(1_000_000_000);
        let files = list_tree(git, commit.as_str())?;
        let mut reader = BlobReader::open(git)?;
        let mut entries = BTreeMap::new();
        for (bytes, (mode, blob)) in &files {
            let Ok(path) = RelPath::new(&bytes[..]) else { continue };
            // A nested repository's commit is no content.
            let Some((_, size)) = reader.info(blob.as_str())?.filter(|(kind, _)| kind == "blob")
            else {
                continue;
            };
            let (what, mode) = match *mode {
                LINK => (What::Symlink { kept: Kept::Snapshot }, 0o777),
                mode => {
                    let blake3 = String::new();
                    let mode = if mode == EXECUTABLE { 0o755 } else { 0o644 };
                    (What::File { size, blake3, kept: Kept::Snapshot }, mode)
                }
            };
            let entry = Entry::new(path.name(), what, mode, mtime);
            entries.insert(path, entry);
        }
        let about = About {
            schema: super::manifest::SCHEMA,
            territory: String::new(),
            pair: String::new(),
            snapshot: commit.to_string(),
            logs: None,
            branch: None,
            run: None,
            generation: 0,
            made: made.to_owned(),
            files: entries.len() as u64,
            bytes: 0,
            gaps: BTreeMap::new(),
        };
        let (git, snapshot, branch) = (git.clone(), Ok(files), Ok(Files::new()));
        Ok(Self { git, about, manifest: None, entries, snapshot, branch, reader: Some(reader) })
    }

    /// What the manifest belongs to.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The commit of the manifest; `None` of a commit without one.
    pub fn manifest(&self) -> Option<&Oid> {
        self.manifest.as_ref()
    }

    /// Every path.
    pub fn entries(&self) -> &BTreeMap<RelPath, Entry> {
        &self.entries
    }

    /// Every path with its form. A link whose text cannot be read is left out.
    ///
    /// # Errors
    /// If git cannot be asked.
    pub fn forms(&mut self) -> Result<BTreeMap<RelPath, Held>> {
        let mut forms = BTreeMap::new();
        for (path, entry) in self.entries.clone() {
            let text = match &entry.what {
                What::Symlink { .. } => self.text(&path).ok(),
                _ => None,
            };
            if let Some(form) = Form::of_entry(&entry, text.as_deref()) {
                forms.insert(path, Held { form, gap: gap_of(&entry) });
            }
        }
        Ok(forms)
    }

    /// The content of a small thing: a link's text.
    ///
    /// # Errors
    /// As [`Shelf::copy`].
    pub fn text(&mut self, path: &RelPath) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        self.copy(path, &mut text)?;
        Ok(text)
    }

    /// Writes the content of `path` to `to`.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] if it is not there although it should be, or cannot be read;
    /// [`BackupError::Usage`] for what was never kept, and for a folder.
    pub fn copy(&mut self, path: &RelPath, to: &mut dyn Write) -> Result<Copied> {
        let Some(entry) = self.entries.get(path) else {
            return Err(never_kept(path, "it did not stand there"));
        };
        let kept = match &entry.what {
            What::File { kept, .. } | What::Symlink { kept } => kept.clone(),
            What::Dir => return Err(never_kept(path, "it is a folder")),
        };
        let mut hashing = Hashing { to, hasher: blake3::Hasher::new(), bytes: 0 };
        match kept {
            Kept::Snapshot => {
                let blob = found(path, &self.snapshot)?;
                self.blob(path, &blob, &mut hashing)?;
            }
            Kept::Branch(_) => {
                let blob = found(path, &self.branch)?;
                self.blob(path, &blob, &mut hashing)?;
            }
            Kept::Log { generation } => {
                let size = match &entry.what {
                    What::File { size, .. } => Some(*size),
                    _ => None,
                };
                let commit = self.about.logs.as_deref().ok_or_else(|| {
                    BackupError::damaged(path.to_string(), "the manifest names no branch of logs")
                })?;
                logs::assemble(&self.git, commit, path, Some(generation), size, &mut hashing)?;
            }
            Kept::Nowhere(gap) => {
                return Err(never_kept(
                    path,
                    &format!("the backup leaves it out ({})", gap.word()),
                ));
            }
        }
        let digest = Digest(*hashing.hasher.finalize().as_bytes());
        Ok(Copied { bytes: hashing.bytes, digest })
    }

    fn blob(&mut self, path: &RelPath, blob: &Oid, to: &mut Hashing<'_>) -> Result<()> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => BlobReader::open(&self.git)?,
        };
        match reader.copy(blob.as_str(), to) {
            Ok(found) => {
                self.reader = Some(reader);
                let missing = || format!("the object {blob} is missing");
                found.map(drop).ok_or_else(|| BackupError::damaged(path.to_string(), missing()))
            }
            // Of a damaged object the process that read it dies; the next read begins another.
            Err(error) => Err(BackupError::damaged(path.to_string(), error)),
        }
    }
}

/// The object of `path` in a tree.
fn found(path: &RelPath, files: &std::result::Result<Files, String>) -> Result<Oid> {
    let files = files.as_ref().map_err(|why| BackupError::damaged(path.to_string(), why))?;
    let missing = || BackupError::damaged(path.to_string(), "it is not in the snapshot");
    files.get(path.as_bytes()).map(|(_, blob)| blob.clone()).ok_or_else(missing)
}

fn never_kept(path: &RelPath, why: &str) -> BackupError {
    BackupError::Usage {
        message: format!("there is no content of `{path}` there: {why}"),
        hint: "`ubos-sync backup log` with the path lists the versions that are kept".to_owned(),
    }
}

/// Why the content of an entry is kept nowhere, if so.
pub fn gap_of(entry: &Entry) -> Option<Gap> {
    match &entry.what {
        What::File { kept: Kept::Nowhere(gap), .. }
        | What::Symlink { kept: Kept::Nowhere(gap) } => Some(*gap),
        _ => None,
    }
}

/// Passes bytes on and hashes them.
struct Hashing<'w> {
    to: &'w mut dyn Write,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
