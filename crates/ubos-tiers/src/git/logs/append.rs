//! Adding bytes to a generation: new pieces, full segments sealed, small pieces joined. Nothing of the
//! tree is changed before all was read well; [`Growing::finish`] says what is to be changed.

use std::fs::File;

use ubos_core::entry::Digest;

use super::folders::Folders;
use super::hash::{Running, settled};
use super::layout::{
    INDEX, Index, PIECES, Piece, SEALED, Segment, TAIL, WINDOW, offset_name, to_json,
};
use super::record::Trouble;
use super::source::next_piece;
use crate::git::objects::{BlobWriter, Oid};

/// A change to the tree.
pub(super) enum Step {
    /// Content for a file.
    Put(Vec<Vec<u8>>, Oid),
    /// A file that is not needed any more.
    Remove(Vec<Vec<u8>>),
    /// The growing segment is full: its folder moves.
    Rename(Vec<Vec<u8>>, Vec<Vec<u8>>),
}

/// A generation that grows.
pub(super) struct Growing<'a> {
    folders: &'a mut Folders,
    writer: &'a mut BlobWriter,
    /// The generation's folder.
    base: Vec<Vec<u8>>,
    index: Index,
    tail: Segment,
    running: Running,
    /// The first bytes of what is kept, at most [`WINDOW`].
    head: Vec<u8>,
    /// The last bytes of what is kept, at most [`WINDOW`].
    end: Vec<u8>,
    /// The bytes of the last piece, if it was added here.
    fresh: Vec<u8>,
    steps: Vec<Step>,
}

/// What [`Growing`] begins with.
pub(super) struct Start {
    /// The generation's folder.
    pub base: Vec<Vec<u8>>,
    /// What is kept so far.
    pub index: Index,
    /// The segment that grows.
    pub tail: Segment,
    /// The first bytes of what is kept, at most [`WINDOW`].
    pub head: Vec<u8>,
    /// The last bytes of what is kept, at most [`WINDOW`].
    pub end: Vec<u8>,
}

impl<'a> Growing<'a> {
    /// Begins; `None` if the index contradicts itself, so that it cannot be continued.
    pub(super) fn from(
        start: Start,
        folders: &'a mut Folders,
        writer: &'a mut BlobWriter,
    ) -> Option<Self> {
        let Start { base, index, tail, head, end } = start;
        let open = usize::try_from(index.size - settled(index.size)).ok()?;
        let open = end.get(end.len().checked_sub(open)?..)?;
        let running = Running::resume(index.stack.clone(), index.size, open)?;
        if running.digest() != index.blake3 {
            return None;
        }
        let (fresh, steps) = (Vec::new(), Vec::new());
        Some(Self { folders, writer, base, index, tail, running, head, end, fresh, steps })
    }

    /// Takes the bytes of `file` up to `to`, from where what is kept ends.
    pub(super) fn take(&mut self, file: &File, to: u64) -> Result<(), Trouble> {
        while self.index.size < to {
            let bytes = next_piece(file, self.index.size, to)?;
            self.add(bytes)?;
        }
        Ok(())
    }

    /// The changes to the tree, and what the generation is then.
    pub(super) fn finish(mut self) -> Result<(Index, Vec<Step>), Trouble> {
        self.index.settle(&self.running);
        self.index.first = Digest::of(&self.head);
        self.index.last = Digest::of(&self.end);
        self.list_tail()?;
        let list = self.writer.add(&to_json(&self.index))?;
        self.steps.push(Step::Put(self.at(&[INDEX]), list));
        Ok((self.index, self.steps))
    }

    fn add(&mut self, bytes: Vec<u8>) -> Result<(), Trouble> {
        if self.tail.is_full_for(bytes.len() as u64) {
            self.seal()?;
        }
        self.running.update(&bytes);
        let missing = (WINDOW as usize).saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        self.end.extend_from_slice(&bytes);
        let over = self.end.len().saturating_sub(WINDOW as usize);
        self.end.drain(..over);
        let at = self.index.size;
        self.index.size += bytes.len() as u64;
        self.put_piece(at, bytes, 0)?;
        while let Some(from) = self.tail.to_join() {
            if !self.join(from)? {
                break;
            }
        }
        Ok(())
    }

    fn put_piece(&mut self, at: u64, bytes: Vec<u8>, joined: u8) -> Result<(), Trouble> {
        let blob = self.writer.add(&bytes)?;
        let blake3 = Digest::of(&bytes);
        self.tail.pieces.push(Piece { at, bytes: bytes.len() as u64, blake3, joined });
        self.steps.push(Step::Put(self.at(&[TAIL, &offset_name(at)]), blob));
        self.fresh = bytes;
        Ok(())
    }

    /// Makes one piece of those from `from` on; `false` if one of them cannot be read, which is left
    /// for a check to tell: it must not stand in the way of what is new.
    fn join(&mut self, from: usize) -> Result<bool, Trouble> {
        let old = &self.tail.pieces[from..self.tail.pieces.len() - 1];
        let mut bytes = Vec::new();
        for piece in old {
            let path = [&self.base[..], &[TAIL.to_vec(), offset_name(piece.at)]].concat();
            match self.folders.read(&path) {
                Ok(Some(part)) if Digest::of(&part) == piece.blake3 => bytes.extend(part),
                _ => return Ok(false),
            }
        }
        bytes.append(&mut self.fresh);
        let gone = self.tail.pieces.split_off(from);
        for piece in &gone {
            self.steps.push(Step::Remove(self.at(&[TAIL, &offset_name(piece.at)])));
        }
        self.put_piece(gone[0].at, bytes, gone[0].joined.saturating_add(1))?;
        Ok(true)
    }

    fn seal(&mut self) -> Result<(), Trouble> {
        self.list_tail()?;
        let start = self.tail.start().expect("a full segment has pieces");
        self.steps.push(Step::Rename(self.at(&[TAIL]), self.at(&[SEALED, &offset_name(start)])));
        self.tail = Segment::empty();
        Ok(())
    }

    fn list_tail(&mut self) -> Result<(), Trouble> {
        if self.tail.pieces.is_empty() {
            return Ok(());
        }
        let list = self.writer.add(&to_json(&self.tail))?;
        self.steps.push(Step::Put(self.at(&[TAIL, PIECES]), list));
        Ok(())
    }

    fn at(&self, names: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut path = self.base.clone();
        path.extend(names.iter().map(|name| name.to_vec()));
        path
    }
}
