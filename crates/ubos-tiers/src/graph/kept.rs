//! The file in which an index is kept: first everything, then, behind it, what changed since, so that
//! keeping one changed note does not write all of them.
//!
//! Each piece has its length and hash before it. What is damaged is not read, nor what stands behind it:
//! an older state of the index is a sound one, since what it says of a file holds only for the stamp under
//! which it was read. For the same reason two processes may add to the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use ubos_core::path::RelPath;
use ubos_engine::fs::Stamp;

use super::model::Source;

/// The file's first bytes; another form of what is kept is another number.
const MAGIC: &[u8; 8] = b"ubosgr\x00\x02";
/// The file in the index' folder.
pub(super) const NAME: &str = "index";
/// Bytes before a piece: its length and hash.
const HEAD: usize = 8 + 32;
/// So many bytes may always be added before everything is written again.
const SPARE: u64 = 256 << 10;

/// A file with the stamp under which it was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) stamp: Stamp,
    /// Whether a write in the same clock tick could hide behind the stamp.
    pub(super) racy: bool,
    pub(super) source: Arc<Source>,
}

/// What is known of files, by path.
pub(super) type Holding = BTreeMap<RelPath, Held>;

/// Where an index is kept.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    /// Bytes up to what was added; `None` if there is nothing that can be added to.
    whole: Option<u64>,
}

impl Kept {
    /// What is kept in `folder`; nothing of what is lost or damaged.
    pub(super) fn load(folder: &Path) -> (Self, Holding) {
        let (whole, holding) = match std::fs::read(folder.join(NAME)) {
            Ok(bytes) => read(&bytes),
            Err(_) => (None, Holding::new()),
        };
        (Self { folder: folder.to_owned(), whole }, holding)
    }

    /// The file.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// Keeps what is held now, given what of it differs from what was loaded or kept last.
    ///
    /// Nothing is made durable: what a crash spoils has a wrong hash, and is made again.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn save(
        &mut self,
        holding: &Holding,
        changed: &BTreeSet<RelPath>,
    ) -> io::Result<()> {
        if let Some(whole) = self.whole {
            let piece = piece(changed.iter().map(|path| (path, holding.get(path))))?;
            if add(&self.file(), &piece, whole + whole / 2 + SPARE)? {
                return Ok(());
            }
        }
        std::fs::create_dir_all(&self.folder)?;
        let piece = piece(holding.iter().map(|(path, held)| (path, Some(held))))?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&piece)?;
        file.persist(self.file()).map_err(|e| e.error)?;
        self.whole = Some((MAGIC.len() + piece.len()) as u64);
        Ok(())
    }
}

/// Adds a piece, unless the file is gone or would be longer than `most`.
fn add(file: &Path, piece: &[u8], most: u64) -> io::Result<bool> {
    let mut file = match OpenOptions::new().append(true).open(file) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    let length = File::metadata(&file)?.len();
    if length + piece.len() as u64 > most {
        return Ok(false);
    }
    // In one go, so that another process' piece does not come between.
    file.write_all(piece)?;
    Ok(true)
}

/// What files say now, as bytes behind their length and hash; nothing of a file that is gone.
fn piece<'h>(files: impl Iterator<Item = (&'h RelPath, Option<&'h Held>)>) -> io::Result<Vec<u8>> {
    let files: Vec<(&RelPath, Option<&Held>)> = files.collect();
    let mut piece = vec![0; HEAD];
    piece = postcard::to_extend(&files, piece).map_err(io::Error::other)?;
    let length = (piece.len() - HEAD) as u64;
    let hash = *blake3::hash(&piece[HEAD..]).as_bytes();
    piece[..8].copy_from_slice(&length.to_le_bytes());
    piece[8..HEAD].copy_from_slice(&hash);
    Ok(piece)
}

/// What is kept in these bytes, and how many of them are the first piece, if all are sound.
fn read(bytes: &[u8]) -> (Option<u64>, Holding) {
    let mut holding = Holding::new();
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else { return (None, holding) };
    let mut whole = None;
    while !rest.is_empty() {
        let Some((files, behind)) = next(rest) else { return (None, holding) };
        if holding.is_empty() {
            // Sorted already, which makes a map of them at once.
            holding = files.into_iter().filter_map(|(path, held)| Some((path, held?))).collect();
        } else {
            merge(&mut holding, files);
        }
        rest = behind;
        whole = whole.or(Some((bytes.len() - rest.len()) as u64));
    }
    (whole, holding)
}

fn merge(holding: &mut Holding, files: Piece) {
    for (path, held) in files {
        match held {
            Some(held) => drop(holding.insert(path, held)),
            None => drop(holding.remove(&path)),
        }
    }
}

/// What files say from then on; nothing of one that is gone.
type Piece = Vec<(RelPath, Option<Held>)>;

/// The files of the next piece, and what stands behind it; `None` if it is damaged.
fn next(bytes: &[u8]) -> Option<(Piece, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (hash, rest) = rest.split_first_chunk::<32>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (body, behind) = rest.split_at_checked(length)?;
    if blake3::hash(body).as_bytes() != hash {
        return None;
    }
    Some((postcard::from_bytes(body).ok()?, behind))
}
