//! Large logs that only grow, on a branch of their own: a commit keeps what is new in them and does
//! not read the rest.
//!
//! **In the tree.** Each log has a folder with its path, `=` before each name; in it, each generation
//! has one (`000001`). A generation begins when the log is new, or is not the old one grown: it became
//! shorter, or earlier bytes are different. The old ones stay, and so do logs that vanished.
//!
//! ```text
//! =memory/=daemon.jsonl/000001/index.json                         what the generation is
//! =memory/=daemon.jsonl/000001/sealed/0000000000000000/…          a segment of up to 8 MiB
//! =memory/=daemon.jsonl/000001/sealed/0000000008388441/pieces.json
//! =memory/=daemon.jsonl/000001/sealed/0000000008388441/0000000008388441
//! =memory/=daemon.jsonl/000001/tail/pieces.json                   the segment that grows
//! =memory/=daemon.jsonl/000001/tail/0000000579000123              from this offset on
//! ```
//!
//! A piece is whole lines of the log, as they are, named by the offset of its first byte: in the order
//! of names, the pieces are the log. Without this program:
//!
//! ```sh
//! git ls-tree -r ubos/logs =memory/=daemon.jsonl/000001/ | grep -v '\.json$' |
//!   while read -r mode kind object path; do git cat-file blob "$object"; done
//! ```
//!
//! **What is written.** Each recording adds one piece with the new bytes up to the last whole line. When
//! the pieces of a segment would exceed 8 MiB (or are 192), its folder moves to `sealed` as it is and
//! is never written again; the pieces are not copied together. Only pieces so small that 64 of them are
//! below 1 MiB become one, so that a slow log does not make a folder of thousands of files.
//!
//! **Compression** is git's own (zlib). Measured with varied JSON Lines (random ids, numbers and words:
//! zlib makes 3.6 of it, zstd -9 4.2), git 2.47, 2 cores, 288 recordings = a day of one each 5 minutes:
//!
//! | growth each time | one recording, median | in the repository, that day | after `repack` |
//! |---|---|---|---|
//! | 200 kB (log of 579 MB) | 0.06 s | 28.8 MB (100 kB each) | 16.2 MB (56 kB each) |
//! | 75 kB (log of 100 MB) | 0.05 s | 18.5 MB (64 kB each) | 6.5 MB (22 kB each) |
//! | 2 kB (log of 100 MB) | 0.05 s | 11.5 MB (40 kB each) | 0.6 MB (2 kB each) |
//!
//! Before a repack each of the nine or ten new objects takes whole blocks of the disk. The first
//! recording of 579 MB takes 28 s and 161 MB, in one pack; checking all of it 2.5 s, putting it
//! together 2.3 s. zstd would save a seventh, and cost what makes the branch readable by git alone.
//! Segments made by joining the pieces of each were measured too: 43 MB that day for 200 kB each time,
//! 27 to 32 MB after a repack, because every byte is there twice; that is why they are not joined.
//!
//! **Repacking.** git looks for differences between blobs of similar size; between pieces of a log
//! there is nothing to find. With [`ATTRIBUTES`] (by `-c core.attributesFile=…` or in
//! `info/attributes`; no work tree is needed) a repack of the above takes 4 s instead of 21 s, and with
//! `-f` 1 s instead of 97 s, at the same size.
//!
//! **Is it the same log?** Each time the first and the last 64 KiB of what is kept are compared, and one
//! segment in between, each in its turn; if it is another file than the last time (or none is
//! remembered), all of it, 0.3 s for 579 MB. A byte that is changed far from both ends in the same file
//! is therefore found within as many recordings as there are segments; until then what was kept stays
//! what it was, and is told as what it is.
//!
//! **Hashes.** Each piece has its BLAKE3; the generation has the plain BLAKE3 of the whole, continued
//! from the values of complete subtrees and never computed anew. Who has put the log together checks
//! it with `b3sum`.

mod append;
mod assemble;
mod attempt;
mod check;
mod folders;
mod growth;
mod hash;
mod layout;
mod look;
mod memory;
mod record;
mod source;

pub use assemble::{Assembled, assemble, generations, list};
pub use check::{Flaw, verify};
pub use record::{LogRecord, LogSource, Recorded, record};
pub(in crate::git) use source::next_piece;

/// Lines for a file of git attributes, which keep `git repack` from looking for differences between
/// pieces of logs.
pub const ATTRIBUTES: &str = "**/sealed/[0-9]*/[0-9]* -delta\n**/tail/[0-9]* -delta\n";
