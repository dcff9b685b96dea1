//! Content hashing. The identity of a file is plain BLAKE3 of its bytes; of large files the
//! chaining values of 4 MiB pieces are kept, so that an appended or partly changed file can be
//! judged and sent without reading or sending all of it.
//!
//! BLAKE3 is a tree over 1 KiB leaves. A piece of 4 MiB that starts at a multiple of 4 MiB is a
//! complete subtree, so the hash of the whole follows from the pieces' chaining values alone.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use blake3::hazmat::{ChainingValue, HasherExt, Mode, left_subtree_len};
use ubos_core::entry::Digest;

use crate::fs::atomic::read_full_at;

/// Length of a piece in bytes: a power of two, at least BLAKE3's leaf.
pub const PIECE: u64 = 4 << 20;

/// Chaining values of the pieces of a file longer than [`PIECE`]; empty for a shorter one. The
/// last piece may be short.
pub type Pieces = Vec<ChainingValue>;

/// A file's hash with what is needed to continue it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    /// BLAKE3 of the content.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// See [`Pieces`].
    pub pieces: Pieces,
}

/// Hashes the first `size` bytes of `fd`, with up to `threads` threads.
///
/// # Errors
/// What reading says; `UnexpectedEof` if the file is shorter.
pub fn hash_file(fd: BorrowedFd<'_>, size: u64, threads: usize) -> io::Result<Hashed> {
    if size <= PIECE {
        return hash_small(fd, size);
    }
    let pieces = hash_pieces(fd, 0, size, threads)?;
    Ok(Hashed { digest: join(&pieces, size), size, pieces })
}

/// Hashes the first `size` bytes, of which the first `known.len()` pieces are already known. The
/// last known piece is read again if it was short.
///
/// # Errors
/// As [`hash_file`].
pub fn extend(
    fd: BorrowedFd<'_>,
    known: &[ChainingValue],
    known_size: u64,
    size: u64,
) -> io::Result<Hashed> {
    let whole = usize::try_from(known_size / PIECE).unwrap_or(usize::MAX).min(known.len());
    if size <= PIECE || whole == 0 {
        return hash_file(fd, size, 1);
    }
    let mut pieces: Pieces = known[..whole].to_vec();
    pieces.extend(hash_pieces(fd, whole as u64, size, 1)?);
    Ok(Hashed { digest: join(&pieces, size), size, pieces })
}

/// The hash of the first `length` bytes of a file whose pieces are known: reads at most one piece.
///
/// # Errors
/// As [`hash_file`].
pub fn prefix(fd: BorrowedFd<'_>, pieces: &[ChainingValue], length: u64) -> io::Result<Digest> {
    if length <= PIECE || pieces.is_empty() {
        return hash_small_or_stream(fd, length);
    }
    let whole = usize::try_from(length / PIECE).unwrap_or(usize::MAX);
    let mut head: Pieces = pieces[..whole.min(pieces.len())].to_vec();
    if !length.is_multiple_of(PIECE) || whole > pieces.len() {
        head.extend(hash_pieces(fd, head.len() as u64, length, 1)?);
    }
    Ok(join(&head, length))
}

/// Hashes content that arrives in order, keeping its pieces.
pub struct StreamHasher {
    size: u64,
    done: u64,
    hasher: blake3::Hasher,
    pieces: Pieces,
}

impl StreamHasher {
    /// A hasher for content of `size` bytes.
    pub fn new(size: u64) -> Self {
        Self { size, done: 0, hasher: blake3::Hasher::new(), pieces: Pieces::new() }
    }

    /// A hasher that has already taken the whole ones among the first pieces of a file, as far as
    /// they lie within the first `length` bytes.
    pub fn with_pieces(size: u64, mut pieces: Pieces, length: u64) -> Self {
        let whole = usize::try_from(length.min(size) / PIECE).unwrap_or(usize::MAX);
        if size <= PIECE || pieces.len() < whole {
            return Self::new(size);
        }
        pieces.truncate(whole);
        let done = whole as u64 * PIECE;
        let mut hasher = blake3::Hasher::new();
        if done > 0 {
            hasher.set_input_offset(done);
        }
        Self { size, done, hasher, pieces }
    }

    /// Bytes taken so far.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Takes the next bytes. More than `size` in all give a hash that equals nothing.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = PIECE - self.done % PIECE;
            let n = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            self.hasher.update(&bytes[..n]);
            self.done += n as u64;
            bytes = &bytes[n..];
            if self.done.is_multiple_of(PIECE) && self.size > PIECE {
                self.close_piece();
            }
        }
    }

    fn close_piece(&mut self) {
        self.pieces.push(self.hasher.finalize_non_root());
        self.hasher = blake3::Hasher::new();
        self.hasher.set_input_offset(self.done);
    }

    /// The hash and the pieces; `None` if fewer or more bytes came than announced.
    pub fn finish(mut self) -> Option<Hashed> {
        if self.done != self.size {
            return None;
        }
        if self.size <= PIECE {
            let digest = Digest(*self.hasher.finalize().as_bytes());
            return Some(Hashed { digest, size: self.size, pieces: Pieces::new() });
        }
        if !self.done.is_multiple_of(PIECE) {
            self.pieces.push(self.hasher.finalize_non_root());
        }
        Some(Hashed { digest: join(&self.pieces, self.size), size: self.size, pieces: self.pieces })
    }
}

/// The chaining value of the short or whole piece `index` of the first `size` bytes.
///
/// # Errors
/// As [`hash_file`].
pub fn piece(fd: BorrowedFd<'_>, index: u64, size: u64) -> io::Result<ChainingValue> {
    let mut buffer = Vec::new();
    read_piece(fd, index, size, &mut buffer)
}

/// The hash of `size` bytes whose pieces are `pieces` (more than one).
pub fn join(pieces: &[ChainingValue], size: u64) -> Digest {
    fn subtree(pieces: &[ChainingValue], size: u64) -> ChainingValue {
        if pieces.len() == 1 {
            return pieces[0];
        }
        let (left, right) = split(pieces, size);
        blake3::hazmat::merge_subtrees_non_root(
            &subtree(left.0, left.1),
            &subtree(right.0, right.1),
            Mode::Hash,
        )
    }
    let (left, right) = split(pieces, size);
    let root = blake3::hazmat::merge_subtrees_root(
        &subtree(left.0, left.1),
        &subtree(right.0, right.1),
        Mode::Hash,
    );
    Digest(*root.as_bytes())
}

type Half<'a> = (&'a [ChainingValue], u64);

fn split(pieces: &[ChainingValue], size: u64) -> (Half<'_>, Half<'_>) {
    let left = left_subtree_len(size);
    let cut = usize::try_from(left / PIECE).expect("pieces fit in memory");
    ((&pieces[..cut], left), (&pieces[cut..], size - left))
}

fn hash_small(fd: BorrowedFd<'_>, size: u64) -> io::Result<Hashed> {
    Ok(Hashed { digest: hash_small_or_stream(fd, size)?, size, pieces: Vec::new() })
}

fn hash_small_or_stream(fd: BorrowedFd<'_>, size: u64) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0u8; size.min(1 << 20) as usize];
    let mut done = 0u64;
    while done < size {
        let want = (size - done).min(buffer.len() as u64) as usize;
        let n = read_full_at(fd, &mut buffer[..want], done)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..n]);
        done += n as u64;
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

fn read_piece(
    fd: BorrowedFd<'_>,
    index: u64,
    size: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<ChainingValue> {
    const STEP: usize = 1 << 20;
    buffer.resize(STEP, 0);
    let start = index * PIECE;
    let end = (start + PIECE).min(size);
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(start);
    let mut at = start;
    while at < end {
        let want = (end - at).min(STEP as u64) as usize;
        if read_full_at(fd, &mut buffer[..want], at)? != want {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..want]);
        at += want as u64;
    }
    Ok(hasher.finalize_non_root())
}

/// Chaining values of the pieces from `first` to the end of `size` bytes.
fn hash_pieces(fd: BorrowedFd<'_>, first: u64, size: u64, threads: usize) -> io::Result<Pieces> {
    let count = size.div_ceil(PIECE);
    let threads = threads.clamp(1, (count - first).max(1) as usize);
    if threads == 1 {
        let mut buffer = Vec::new();
        return (first..count).map(|index| read_piece(fd, index, size, &mut buffer)).collect();
    }
    let next = AtomicU64::new(first);
    let mut found: Vec<(u64, ChainingValue)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut buffer = Vec::new();
                    let mut mine = Vec::new();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= count {
                            return io::Result::Ok(mine);
                        }
                        mine.push((index, read_piece(fd, index, size, &mut buffer)?));
                    }
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().expect("a hashing thread does not panic")?);
        }
        io::Result::Ok(all)
    })?;
    found.sort_unstable_by_key(|(index, _)| *index);
    Ok(found.into_iter().map(|(_, value)| value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    #[test]
    fn pieces_give_the_plain_hash_and_every_prefix() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> =
            (0..3 * PIECE as usize + 12345).map(|i| ((i * 31) >> 3) as u8).collect();
        file.write_all(&bytes).unwrap();
        let fd = file.as_fd();
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE, bytes.len() as u64] {
            let plain = Digest::of(&bytes[..size as usize]);
            for threads in [1, 2] {
                assert_eq!(hash_file(fd, size, threads).unwrap().digest, plain, "{size}");
            }
        }
        let all = hash_file(fd, bytes.len() as u64, 2).unwrap();
        let mut stream = StreamHasher::new(bytes.len() as u64);
        bytes.chunks(77_777).for_each(|chunk| stream.update(chunk));
        assert_eq!(stream.finish(), Some(all.clone()));
        assert_eq!(StreamHasher::new(3).finish(), None);
        for length in [0, 5, PIECE, PIECE + 7, 2 * PIECE, 3 * PIECE + 1] {
            let plain = Digest::of(&bytes[..length as usize]);
            assert_eq!(prefix(fd, &all.pieces, length).unwrap(), plain, "{length}");
            let known = hash_file(fd, length, 1).unwrap();
            let grown = extend(fd, &known.pieces, length, bytes.len() as u64).unwrap();
            assert_eq!(grown, all, "{length}");
        }
    }
}
