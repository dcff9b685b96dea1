//! The corpora: seeded trees with fixed modification times, the same on every machine.
//!
//! Every corpus is a territory: `data/` travels both ways, `logs/*.jsonl` is append-only, and
//! `config/` holds the manifests that say so. Only what stands under `data/` and `logs/` counts
//! in the corpus' numbers.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::random::Random;
use crate::text;

/// The name of the pair's other end in the manifests.
pub(crate) const PEER: &str = "balaur";
/// The growing log of corpus S, below the root.
pub(crate) const LOG: &str = "logs/events.jsonl";
/// The one file of corpus B, below the root.
pub(crate) const BIG: &str = "data/big.bin";

const SEED: u64 = 0x0B5E_55ED;
/// All modification times lie in the weeks after this second (November 2023).
const EPOCH: u64 = 1_700_000_000;
const MANIFESTS: [(&str, &str); 3] = [
    ("config/sync_to_balaur.conf", "[bidirectional]\ndata/\n"),
    ("config/sync_from_balaur.conf", "[append-only]\nlogs/*.jsonl\n"),
    ("config/sync_exclude.conf", ".cache/\n"),
];

/// Which side of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    Here,
    There,
}

/// The trees that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Corpus {
    /// A vault: 2,531 notes
    V,
    /// A server: 4,171 files, one of them a log of 579 MB
    S,
    /// 100,000 files
    M,
    /// 1,000,000 files
    L,
    /// One random file of 2 GiB
    B,
}

/// How a corpus is built.
struct Shape {
    /// Folders in each folder, level by level; files stand in the last level.
    fanout: &'static [u64],
    /// Files below `data/`.
    files: u64,
    /// Bytes below `data/`, reached to within a few per cent.
    bytes: u64,
    /// Bytes of the log, 0 for none.
    log: u64,
}

/// What a corpus came out as.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub files: u64,
    pub folders: u64,
    pub bytes: u64,
}

impl Corpus {
    /// One letter.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::V => "V",
            Self::S => "S",
            Self::M => "M",
            Self::L => "L",
            Self::B => "B",
        }
    }

    /// Where the corpus stands before a first sync: the server's log is born on the server.
    pub(crate) fn home(self) -> At {
        if self == Self::S { At::There } else { At::Here }
    }

    fn shape(self) -> Shape {
        match self {
            Self::V => Shape { fanout: &[4, 40], files: 2_531, bytes: 34_000_000, log: 0 },
            Self::S => {
                Shape { fanout: &[8, 20], files: 4_170, bytes: 40_000_000, log: 579_000_000 }
            }
            Self::M => Shape { fanout: &[10, 50, 10], files: 100_000, bytes: 419_000_000, log: 0 },
            Self::L => {
                Shape { fanout: &[20, 100, 10], files: 1_000_000, bytes: 298_000_000, log: 0 }
            }
            Self::B => Shape { fanout: &[], files: 0, bytes: 2 << 30, log: 0 },
        }
    }

    /// The path below the root of the `index`-th note, for corpora that have notes.
    pub(crate) fn note(self, index: u64) -> PathBuf {
        let shape = self.shape();
        let leaves: u64 = shape.fanout.iter().product();
        let mut leaf = index * leaves / shape.files;
        let mut steps = Vec::new();
        for (level, width) in shape.fanout.iter().enumerate().rev() {
            steps.push(format!("{}-{:02}", ["area", "topic", "part"][level], leaf % width));
            leaf /= width;
        }
        let mut path = PathBuf::from("data");
        path.extend(steps.iter().rev());
        path.join(format!("note-{index:07}.md"))
    }

    /// Notes under `data/`.
    pub(crate) fn notes(self) -> u64 {
        self.shape().files
    }
}

/// Writes the manifests into `root`, with their fixed times.
pub(crate) fn write_manifests(root: &Path) -> io::Result<()> {
    fs::create_dir_all(root.join("config"))?;
    for (name, text) in MANIFESTS {
        fs::write(root.join(name), text)?;
        set_time(&root.join(name), 0)?;
    }
    Ok(())
}

/// Builds `corpus` in `root`, which is made.
pub(crate) fn generate(corpus: Corpus, root: &Path) -> io::Result<Tally> {
    let shape = corpus.shape();
    let mut tally = Tally::default();
    write_manifests(root)?;
    fs::create_dir_all(root.join("data"))?;
    if corpus == Corpus::B {
        write_random(&root.join(BIG), shape.bytes)?;
        tally.files += 1;
        tally.bytes += shape.bytes;
    }
    let mut last_folder = PathBuf::new();
    for index in 0..shape.files {
        let path = root.join(corpus.note(index));
        let folder = path.parent().expect("a note has a folder");
        if folder != last_folder {
            fs::create_dir_all(folder)?;
            last_folder = folder.to_path_buf();
        }
        let mut random = Random::new(SEED, index);
        let mean = shape.bytes / shape.files;
        let size = mean / 4 + random.below(mean * 3 / 2);
        let note = text::note(&mut random, index, size as usize);
        write_timed(&path, &note, index)?;
        tally.files += 1;
        tally.bytes += note.len() as u64;
    }
    if shape.log > 0 {
        fs::create_dir_all(root.join("logs"))?;
        tally.bytes += write_log(&root.join(LOG), shape.log)?;
        tally.files += 1;
    }
    tally.folders = set_folder_times(&root.join("data"))?;
    Ok(tally)
}

/// Whole lines of the log, at least `bytes` long, counted from line `first`.
pub(crate) fn log_lines(first: u64, bytes: usize) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes + 512);
    let mut number = first;
    while lines.len() < bytes {
        text::log_line(&mut Random::new(SEED ^ 1, number), number, &mut lines);
        number += 1;
    }
    lines
}

fn write_log(path: &Path, bytes: u64) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let (mut written, mut number) = (0, 0);
    let mut line = Vec::new();
    while written < bytes {
        line.clear();
        text::log_line(&mut Random::new(SEED ^ 1, number), number, &mut line);
        out.write_all(&line)?;
        written += line.len() as u64;
        number += 1;
    }
    out.into_inner()?.set_modified(time(0))?;
    Ok(written)
}

fn write_random(path: &Path, bytes: u64) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random::new(SEED, 2);
    for _ in 0..bytes / 8 {
        out.write_all(&random.next().to_le_bytes())?;
    }
    out.into_inner()?.set_modified(time(0))
}

fn write_timed(path: &Path, content: &[u8], index: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.set_modified(time(index))
}

/// Gives every folder from `top` down the same time, deepest first, and counts them.
fn set_folder_times(top: &Path) -> io::Result<u64> {
    let mut count = 1;
    for entry in fs::read_dir(top)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            count += set_folder_times(&entry.path())?;
        }
    }
    set_time(top, 0)?;
    Ok(count)
}

fn set_time(path: &Path, index: u64) -> io::Result<()> {
    File::open(path)?.set_modified(time(index))
}

fn time(index: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(EPOCH + index % 2_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn folders(corpus: Corpus) -> usize {
        let mut seen = BTreeSet::new();
        for index in 0..corpus.notes() {
            for folder in corpus.note(index).ancestors().skip(1) {
                if folder != Path::new("") {
                    seen.insert(folder.to_path_buf());
                }
            }
        }
        seen.len()
    }

    #[test]
    fn corpora_have_the_folders_that_the_notes_name() {
        assert_eq!(folders(Corpus::V), 165);
        assert_eq!(folders(Corpus::M), 5_511);
    }

    #[test]
    fn one_area_of_m_holds_ten_thousand_files() {
        let inside = (0..Corpus::M.notes())
            .filter(|index| Corpus::M.note(*index).starts_with("data/area-03"))
            .count();
        assert_eq!(inside, 10_000);
    }

    #[test]
    fn a_log_grows_by_whole_lines_and_by_the_same_ones() {
        let lines = log_lines(7, 10_000);
        assert!(lines.len() >= 10_000 && lines.ends_with(b"\n"));
        assert_eq!(lines, log_lines(7, 10_000));
        assert_ne!(lines, log_lines(8, 10_000));
    }

    #[test]
    fn a_corpus_is_the_same_each_time() {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let [first, second] = ["a", "b"].map(|name| scratch.path().join(name));
        let tally = generate(Corpus::V, &first).expect("the corpus is written");
        generate(Corpus::V, &second).expect("the corpus is written");
        assert_eq!((tally.files, tally.folders), (2_531, 165));
        assert!((33_000_000..35_000_000).contains(&tally.bytes), "{} bytes", tally.bytes);
        for index in [0, 1_000, 2_530] {
            let [a, b] = [&first, &second].map(|root| root.join(Corpus::V.note(index)));
            assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
            let times = [a, b].map(|path| fs::metadata(path).unwrap().modified().unwrap());
            assert_eq!(times[0], times[1]);
        }
    }
}
