//! The rows of the table: what changes before a sync, and how to see that it arrived.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::corpus::{At, BIG, Corpus, LOG, log_lines};
use crate::peers::Pair;

/// 1 MB, as much as the log grows by.
const APPENDED: usize = 1_000_000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Row {
    First,
    Noop,
    Edit,
    EditPercent,
    Append,
    OneByte,
    Rename,
    Memory,
    Watch,
}

/// A part of a file that must be alike on both sides after the sync.
struct Witness {
    path: PathBuf,
    from: u64,
    bytes: usize,
}

/// What was done to a pair before a sync.
pub(crate) struct Change {
    /// The side on which it was done.
    pub at: At,
    /// Whether something moved away from its place.
    pub moved: bool,
    witnesses: Vec<Witness>,
    gone: Option<PathBuf>,
}

impl Row {
    /// What the row is called in the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::First => "first sync",
            Self::Noop => "no-op",
            Self::Edit => "one edit",
            Self::EditPercent => "1 % edited",
            Self::Append => "1 MB appended to the log",
            Self::OneByte => "one byte of 2 GiB changed",
            Self::Rename => "folder of 10,000 files renamed",
            Self::Memory => "peak memory of a no-op",
            Self::Watch => "latency of watch",
        }
    }

    /// Whether the row says something about `corpus`.
    pub(crate) fn applies_to(self, corpus: Corpus) -> bool {
        match self {
            Self::First => corpus != Corpus::L,
            Self::Noop => true,
            Self::Edit => corpus != Corpus::B && corpus != Corpus::S,
            Self::EditPercent | Self::Rename => corpus == Corpus::M,
            Self::Append => corpus == Corpus::S,
            Self::OneByte => corpus == Corpus::B,
            Self::Memory => matches!(corpus, Corpus::M | Corpus::L),
            Self::Watch => corpus == Corpus::V,
        }
    }

    /// Makes the row's change in `pair`, a different one each `round`.
    pub(crate) fn change(self, corpus: Corpus, pair: &Pair, round: u64) -> Result<Change> {
        match self {
            Self::First | Self::Noop | Self::Memory | Self::Watch => {
                Ok(Change::none(corpus.home()))
            }
            Self::Edit => edit_notes(corpus, pair, [(round * 7_919 + 13) % corpus.notes()]),
            Self::EditPercent => {
                edit_notes(corpus, pair, (round % 100..corpus.notes()).step_by(100))
            }
            Self::Append => append_to_log(pair, round),
            Self::OneByte => change_byte(pair, round),
            Self::Rename => rename_area(pair, round),
        }
    }
}

impl Change {
    fn none(at: At) -> Self {
        Self { at, moved: false, witnesses: Vec::new(), gone: None }
    }

    /// Fails unless both sides of `pair` show the change.
    pub(crate) fn check_arrival(&self, pair: &Pair) -> Result<()> {
        for witness in &self.witnesses {
            let [here, there] = [&pair.here, &pair.there].map(|root| {
                let path = root.join(&witness.path);
                let mut bytes = vec![0; witness.bytes];
                File::open(&path)
                    .and_then(|file| {
                        file.read_exact_at(&mut bytes, witness.from)?;
                        Ok((file.metadata()?.len(), bytes))
                    })
                    .with_context(|| format!("cannot read {}", path.display()))
            });
            if here? != there? {
                bail!("the change of {} did not arrive", witness.path.display());
            }
        }
        for root in [&pair.here, &pair.there] {
            if let Some(path) = self.gone.as_ref().filter(|path| root.join(path).exists()) {
                bail!("{} is still in {}", path.display(), root.display());
            }
        }
        Ok(())
    }
}

fn edit_notes(
    corpus: Corpus,
    pair: &Pair,
    indices: impl IntoIterator<Item = u64>,
) -> Result<Change> {
    let mut change = Change::none(At::Here);
    for index in indices {
        let path = corpus.note(index);
        let mut file = OpenOptions::new().append(true).open(pair.here.join(&path))?;
        file.write_all(b"One more thought.\n")?;
        let bytes = usize::try_from(file.metadata()?.len())?;
        change.witnesses.push(Witness { path, from: 0, bytes });
    }
    Ok(change)
}

fn append_to_log(pair: &Pair, round: u64) -> Result<Change> {
    let lines = log_lines(1_000_000_000 + round * 1_000_000, APPENDED);
    let mut file = OpenOptions::new().append(true).open(pair.there.join(LOG))?;
    file.write_all(&lines)?;
    let mut change = Change::none(At::There);
    change.witnesses.push(Witness {
        path: LOG.into(),
        from: file.metadata()?.len() - lines.len() as u64,
        bytes: lines.len(),
    });
    Ok(change)
}

fn change_byte(pair: &Pair, round: u64) -> Result<Change> {
    let file = OpenOptions::new().read(true).write(true).open(pair.here.join(BIG))?;
    let from = (round * 104_729 + 1_000) * 4_096 % file.metadata()?.len();
    let mut byte = [0];
    file.read_exact_at(&mut byte, from)?;
    file.write_all_at(&[byte[0].wrapping_add(1)], from)?;
    let mut change = Change::none(At::Here);
    change.witnesses.push(Witness { path: BIG.into(), from, bytes: 4_096 });
    Ok(change)
}

/// There and back again: even rounds move the folder away, odd ones bring it home.
fn rename_area(pair: &Pair, round: u64) -> Result<Change> {
    let places = ["data/area-03", "data/area-03-moved"].map(PathBuf::from);
    let [from, to] = if round.is_multiple_of(2) { [0, 1] } else { [1, 0] };
    fs::rename(pair.here.join(&places[from]), pair.here.join(&places[to]))?;
    let inside = Corpus::M.note(30_000);
    let inside = inside.strip_prefix(&places[0]).context("area 3 begins at note 30,000")?;
    let path = places[to].join(inside);
    let bytes = usize::try_from(fs::metadata(pair.here.join(&path))?.len())?;
    let mut change = Change::none(At::Here);
    change.moved = true;
    change.gone = Some(places[from].clone());
    change.witnesses.push(Witness { path, from: 0, bytes });
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty_pair(scratch: &std::path::Path) -> Pair {
        let pair = Pair { here: scratch.join("here"), there: scratch.join("there") };
        for root in [&pair.here, &pair.there] {
            fs::create_dir_all(root.join("logs")).unwrap();
            fs::write(root.join(LOG), b"{}\n").unwrap();
        }
        pair
    }

    #[test]
    fn a_change_that_did_not_travel_is_noticed() {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let pair = empty_pair(scratch.path());
        let change = Row::Append.change(Corpus::S, &pair, 0).unwrap();
        assert_eq!(change.at, At::There);
        assert!(change.check_arrival(&pair).is_err());
        fs::copy(pair.there.join(LOG), pair.here.join(LOG)).unwrap();
        change.check_arrival(&pair).unwrap();
    }
}
