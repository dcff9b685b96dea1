//! Reading: which logs are kept, and their bytes, put together again and checked on the way.

use std::io::Write;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::folders::{Folders, Found};
use super::hash::Running;
use super::layout::{
    INDEX, Index, PIECES, Piece, SEALED, Segment, TAIL, folders, generation_name, generation_of,
    index_from, offset_name, offset_of, segment_from,
};
use super::record::{LogRecord, what};
use crate::git::command::Git;
use crate::git::error::{BackupError, Result};
use crate::git::objects::Oid;

/// What was written by [`assemble`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assembled {
    /// How many bytes.
    pub bytes: u64,
    /// Their plain BLAKE3.
    pub blake3: Digest,
    /// From which generation.
    pub generation: u32,
}

/// The newest generation of each log that the commit `commit` keeps, in the order of the paths.
///
/// # Errors
/// [`BackupError::Damaged`] if there is no such commit or a list in it cannot be read.
pub fn list(git: &Git, commit: &str) -> Result<Vec<LogRecord>> {
    let mut newest: Vec<LogRecord> = Vec::new();
    for record in generations(git, commit)? {
        match newest.last_mut() {
            Some(last) if last.path == record.path => *last = record,
            _ => newest.push(record),
        }
    }
    Ok(newest)
}

/// All generations of each log that the commit `commit` keeps, in the order of the paths, the oldest
/// first.
///
/// # Errors
/// As [`list`].
pub fn generations(git: &Git, commit: &str) -> Result<Vec<LogRecord>> {
    let mut tree = open(git, commit)?;
    let mut records = Vec::new();
    for (path, generation) in tree.generations()? {
        records.push(tree.index(&path, generation)?.record(&path));
    }
    Ok(records)
}

/// Writes the first `upto` bytes (all, if `None`) of the generation `generation` (the newest, if
/// `None`) of the log `path` to `out`, as the commit `commit` keeps them. Each piece is checked before
/// it is written; all bytes are checked against the hash of the whole.
///
/// # Errors
/// [`BackupError::Damaged`] that names log, generation and segment, if something is missing or not what
/// it was; [`BackupError::Usage`] if no such log, generation or offset is kept; an I/O failure on `out`.
/// What was written before an error is right as far as it goes.
pub fn assemble(
    git: &Git,
    commit: &str,
    path: &RelPath,
    generation: Option<u32>,
    upto: Option<u64>,
    out: &mut dyn Write,
) -> Result<Assembled> {
    let mut tree = open(git, commit)?;
    let generation = tree.choose(path, generation)?;
    let index = tree.index(path, generation)?;
    let upto = upto.unwrap_or(index.size);
    if upto > index.size {
        let message =
            format!("of {} {} bytes are kept, not {upto}", what(path, generation), index.size);
        return Err(usage(message, "ask for fewer bytes, or look at a later commit"));
    }
    let mut running = Running::default();
    let mut at = 0;
    for segment in tree.segments(path, generation)? {
        if at >= upto {
            break;
        }
        let list = tree.list(&segment)?;
        for piece in &list.pieces {
            if at >= upto {
                break;
            }
            if piece.at != at {
                return Err(segment.damaged(format!("the bytes from {at} on are missing")));
            }
            let bytes = tree.piece(&segment, piece)?;
            let take = usize::try_from(upto - at).map_or(bytes.len(), |left| bytes.len().min(left));
            running.update(&bytes[..take]);
            out.write_all(&bytes[..take])
                .map_err(|e| BackupError::io("write", path.to_string(), e))?;
            at += take as u64;
        }
    }
    if at < upto {
        return Err(BackupError::damaged(
            what(path, generation),
            format!("it ends at {at}, {upto} bytes should be there"),
        ));
    }
    let blake3 = running.digest();
    if upto == index.size && blake3 != index.blake3 {
        return Err(BackupError::damaged(
            what(path, generation),
            "each piece is as it was, but the whole is not",
        ));
    }
    Ok(Assembled { bytes: upto, blake3, generation })
}

/// The tree of a commit.
pub(super) fn tree_of(git: &Git, commit: &str) -> Result<Oid> {
    git.resolve(&format!("{commit}^{{tree}}"))?
        .and_then(|name| Oid::parse(&name))
        .ok_or_else(|| BackupError::damaged(commit, "there is no such commit of the logs"))
}

/// Opens what `commit` keeps.
pub(super) fn open(git: &Git, commit: &str) -> Result<Kept> {
    Ok(Kept { folders: Folders::of(git, Some(tree_of(git, commit)?))? })
}

/// What a commit keeps.
pub(super) struct Kept {
    folders: Folders,
}

/// Where a segment is, and the words for it.
pub(super) struct Place {
    /// Its folder.
    path: Vec<Vec<u8>>,
    /// Where it should begin; `None` for the one that grows, which begins where the others end.
    pub start: Option<u64>,
    /// Log and generation, for messages.
    what: String,
}

impl Place {
    /// Something is wrong in this segment.
    pub(super) fn damaged(&self, why: impl ToString) -> BackupError {
        let name = match self.start {
            Some(start) => format!("segment {start:016}"),
            None => "its last segment".to_owned(),
        };
        BackupError::damaged(format!("{}, {name}", self.what), why)
    }
}

impl Kept {
    /// Every log and generation.
    pub(super) fn generations(&mut self) -> Result<Vec<(RelPath, u32)>> {
        let mut found = Vec::new();
        self.gather(&mut Vec::new(), &mut found)?;
        found.sort();
        Ok(found)
    }

    fn gather(&mut self, folder: &mut Vec<Vec<u8>>, found: &mut Vec<(RelPath, u32)>) -> Result<()> {
        for name in self.folders.names(folder)? {
            if name.starts_with(b"=") {
                folder.push(name);
                self.gather(folder, found)?;
                folder.pop();
            } else if let Some(generation) = generation_of(&name) {
                let names: Vec<&[u8]> = folder.iter().map(|name| &name[1..]).collect();
                let path = RelPath::new(names.join(&b'/'))
                    .map_err(|e| BackupError::damaged(super::folders::shown(folder), e))?;
                found.push((path, generation));
            }
        }
        Ok(())
    }

    /// The generation asked for, or the newest.
    fn choose(&mut self, path: &RelPath, generation: Option<u32>) -> Result<u32> {
        let names = self.folders.names(&folders(path))?;
        let mut kept = names.iter().filter_map(|name| generation_of(name));
        match generation {
            None => kept.max().ok_or_else(|| {
                let message = format!("no log `{path}` is kept in this commit");
                usage(
                    message,
                    "`git log -p refs/heads/ubos/logs` shows which are kept, and since when",
                )
            }),
            Some(number) => kept.find(|kept| *kept == number).ok_or_else(|| {
                let message = format!("no generation {number} of the log `{path}` is kept");
                usage(message, "ask for an earlier one")
            }),
        }
    }

    /// What a generation is.
    pub(super) fn index(&mut self, path: &RelPath, generation: u32) -> Result<Index> {
        let what = what(path, generation);
        let list = [base(path, generation), vec![INDEX.to_vec()]].concat();
        match self.folders.read(&list).map_err(|e| BackupError::damaged(&what, e))? {
            Some(bytes) => index_from(&bytes, &what),
            None => Err(BackupError::damaged(what, "its list is missing")),
        }
    }

    /// The segments of a generation, in order.
    pub(super) fn segments(&mut self, path: &RelPath, generation: u32) -> Result<Vec<Place>> {
        let what = what(path, generation);
        let base = base(path, generation);
        let sealed = [&base[..], &[SEALED.to_vec()]].concat();
        let names = self.folders.names(&sealed).map_err(|e| BackupError::damaged(&what, e))?;
        let mut places = Vec::new();
        for name in names {
            let start = offset_of(&name);
            let path = [&sealed[..], &[name]].concat();
            if start.is_none() {
                let why = format!("`{}` is no segment", super::folders::shown(&path));
                return Err(BackupError::damaged(what, why));
            }
            places.push(Place { path, start, what: what.clone() });
        }
        let tail = [&base[..], &[TAIL.to_vec()]].concat();
        let found = self.folders.find(&tail).map_err(|e| BackupError::damaged(&what, e))?;
        if found == Some(Found::Folder) {
            places.push(Place { path: tail, start: None, what });
        }
        Ok(places)
    }

    /// The pieces of a segment.
    pub(super) fn list(&mut self, place: &Place) -> Result<Segment> {
        let list = [&place.path[..], &[PIECES.to_vec()]].concat();
        let bytes = self.folders.read(&list).map_err(|e| place.damaged(e))?;
        let bytes = bytes.ok_or_else(|| place.damaged("its list is missing"))?;
        let segment = segment_from(&bytes, "list of pieces").map_err(|e| place.damaged(e))?;
        if place.start.is_some() && place.start != segment.start() {
            return Err(place.damaged("its list belongs to another segment"));
        }
        Ok(segment)
    }

    /// The bytes of a piece, as they were.
    pub(super) fn piece(&mut self, place: &Place, piece: &Piece) -> Result<Vec<u8>> {
        let name = [&place.path[..], &[offset_name(piece.at)]].concat();
        let bytes = self.folders.read(&name).map_err(|e| place.damaged(e))?;
        let Some(bytes) = bytes else {
            return Err(place.damaged(format!("the piece at {} is missing", piece.at)));
        };
        if bytes.len() as u64 != piece.bytes || Digest::of(&bytes) != piece.blake3 {
            return Err(place.damaged(format!("the piece at {} is not what it was", piece.at)));
        }
        Ok(bytes)
    }
}

fn base(path: &RelPath, generation: u32) -> Vec<Vec<u8>> {
    let mut base = folders(path);
    base.push(generation_name(generation));
    base
}

fn usage(message: String, hint: &str) -> BackupError {
    BackupError::Usage { message, hint: hint.to_owned() }
}
