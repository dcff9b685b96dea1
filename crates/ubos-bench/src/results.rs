//! What was measured, and the targets that it is held against.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::corpus::{At, Corpus, Tally};
use crate::measure::{Peak, Sample};
use crate::peers::Tool;
use crate::rows::Row;

/// Whose time a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    UbosSync,
    /// rsync's first call: from the side that changed to the other.
    RsyncOneWay,
    /// Both calls, which is what a two-way sync by rsync costs.
    RsyncBothWays,
    Unison,
    /// `ssh HOST true`.
    SshFloor,
    /// A stat walk of both trees, two threads each, one tree after the other.
    WalkFloor,
    /// The whole tree by `tar` through ssh.
    TarFloor,
    /// The large file by `cat` through ssh.
    CatFloor,
}

/// The median of some samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    pub wall: Duration,
    pub cpu: Option<Duration>,
    pub rounds: usize,
}

/// Everything a run of the benchmark found out.
#[derive(Default)]
pub(crate) struct Results {
    samples: BTreeMap<(Corpus, Row, Subject), Vec<Sample>>,
    pub tallies: BTreeMap<Corpus, Tally>,
    pub peaks: BTreeMap<(Corpus, Tool), Vec<Peak>>,
    /// Bytes of state written by each run of ubos-sync, both sides together.
    pub state: BTreeMap<(Corpus, Row), Vec<u64>>,
    /// From an edit on a side to its appearance on the other, while a watch runs.
    pub latencies: BTreeMap<(Corpus, At), Vec<Duration>>,
}

impl Results {
    pub(crate) fn add(&mut self, corpus: Corpus, row: Row, subject: Subject, sample: Sample) {
        self.samples.entry((corpus, row, subject)).or_default().push(sample);
    }

    /// The median of what was added; wall and CPU are taken each for itself.
    pub(crate) fn figure(&self, corpus: Corpus, row: Row, subject: Subject) -> Option<Figure> {
        let samples = self.samples.get(&(corpus, row, subject))?;
        let cpu: Option<Vec<_>> = samples.iter().map(|sample| sample.cpu).collect();
        Some(Figure {
            wall: median(samples.iter().map(|sample| sample.wall).collect())?,
            cpu: cpu.and_then(median),
            rounds: samples.len(),
        })
    }

    /// The rows for which anything was measured, in the table's order.
    pub(crate) fn rows(&self) -> Vec<(Corpus, Row)> {
        let mut rows: Vec<_> =
            self.samples.keys().map(|(corpus, row, _)| (*corpus, *row)).collect();
        rows.dedup();
        rows
    }
}

/// The middle value, the lower of two middle ones.
pub(crate) fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// A bound on ubos-sync's wall time: a sum of other medians, each with its factor.
pub(crate) struct Target {
    pub text: &'static str,
    terms: &'static [(f64, Row, Subject)],
}

impl Target {
    /// The bound in seconds, once everything it rests on was measured.
    pub(crate) fn bound(&self, results: &Results, corpus: Corpus) -> Option<f64> {
        self.terms
            .iter()
            .map(|(factor, row, subject)| {
                Some(factor * results.figure(corpus, *row, *subject)?.wall.as_secs_f64())
            })
            .sum()
    }
}

/// The bounds for a row, all of which are to be met.
pub(crate) fn targets(corpus: Corpus, row: Row) -> &'static [Target] {
    use Row::{Append, Edit, EditPercent, First, Noop, OneByte, Rename};
    use Subject::{CatFloor, RsyncOneWay, SshFloor, TarFloor, UbosSync, WalkFloor};
    match (corpus, row) {
        (Corpus::V, First) => {
            &[Target { text: "≤ 0.9 × rsync", terms: &[(0.9, First, RsyncOneWay)] }]
        }
        (Corpus::S, First) => {
            &[Target { text: "≤ 0.7 × rsync", terms: &[(0.7, First, RsyncOneWay)] }]
        }
        (Corpus::M, First) => &[
            Target { text: "≤ 1.0 × rsync", terms: &[(1.0, First, RsyncOneWay)] },
            Target { text: "≤ 1.2 × tar through ssh", terms: &[(1.2, First, TarFloor)] },
        ],
        (Corpus::B, First) => {
            &[Target { text: "≤ 1.2 × cat through ssh", terms: &[(1.2, First, CatFloor)] }]
        }
        (Corpus::V, Noop) => {
            &[Target { text: "≤ 1.05 × SSHF", terms: &[(1.05, Noop, SshFloor)] }]
        }
        (Corpus::M, Noop) => &[Target {
            text: "≤ SSHF + 3 × WALK2",
            terms: &[(1.0, Noop, SshFloor), (3.0, Noop, WalkFloor)],
        }],
        (Corpus::L, Noop) => &[Target {
            text: "≤ SSHF + 2 × WALK2",
            terms: &[(1.0, Noop, SshFloor), (2.0, Noop, WalkFloor)],
        }],
        (_, Edit) => &[Target { text: "≤ 1.1 × its no-op", terms: &[(1.1, Noop, UbosSync)] }],
        (_, EditPercent) => {
            &[Target { text: "≤ 0.6 × rsync", terms: &[(0.6, EditPercent, RsyncOneWay)] }]
        }
        (_, Append) => &[Target { text: "≤ 1.3 × its no-op", terms: &[(1.3, Noop, UbosSync)] }],
        (_, OneByte) => {
            &[Target { text: "≤ 0.75 × rsync", terms: &[(0.75, OneByte, RsyncOneWay)] }]
        }
        (_, Rename) => &[Target { text: "≤ 1.2 × its no-op", terms: &[(1.2, Noop, UbosSync)] }],
        _ => &[],
    }
}

/// The most memory that each of ubos-sync's processes may take, in MiB.
pub(crate) fn memory_target(corpus: Corpus) -> Option<u64> {
    match corpus {
        Corpus::M => Some(40),
        Corpus::L => Some(150),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(milliseconds: u64) -> Sample {
        Sample { wall: Duration::from_millis(milliseconds), cpu: None }
    }

    #[test]
    fn the_median_is_a_measured_value() {
        assert_eq!(median(vec![3, 1, 2]), Some(2));
        assert_eq!(median(vec![4, 1, 3, 2]), Some(2));
        assert_eq!(median(Vec::<u64>::new()), None);
    }

    #[test]
    fn a_bound_is_the_weighted_sum_and_unknown_while_a_part_is() {
        let mut results = Results::default();
        let target = &targets(Corpus::M, Row::Noop)[0];
        results.add(Corpus::M, Row::Noop, Subject::SshFloor, sample(300));
        assert_eq!(target.bound(&results, Corpus::M), None);
        results.add(Corpus::M, Row::Noop, Subject::WalkFloor, sample(200));
        let bound = target.bound(&results, Corpus::M).expect("all parts are known");
        assert!((bound - 0.9).abs() < 1e-9, "{bound}");
    }
}
