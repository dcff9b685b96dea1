//! One corpus, all its rows: builds the trees, then runs the tools in turn, round after round.
//!
//! Each tool has trees of its own. A first sync goes to fresh folders each round; all other rows
//! run on standing pairs, which every tool has synced before and found unchanged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::corpus::{self, At, Corpus};
use crate::floor;
use crate::latency;
use crate::measure::{Meter, Sample, run_quietly};
use crate::peers::{Pair, Setting, Tool};
use crate::results::{Results, Subject};
use crate::rows::{Change, Row};
use crate::state::StateFiles;

/// What takes longer is not repeated.
const TOO_SLOW_TO_REPEAT: Duration = Duration::from_secs(60);
/// Longer than any tool distrusts a fresh time stamp.
const STAMPS_SETTLE: Duration = Duration::from_millis(2_500);

/// What a run of the benchmark was asked for.
pub(crate) struct Request {
    pub rows: Vec<Row>,
    pub tools: Vec<Tool>,
    pub rounds: u64,
}

/// One corpus under measurement.
pub(crate) struct Session<'a> {
    pub corpus: Corpus,
    /// Holds everything of this corpus; emptied at the end.
    pub dir: PathBuf,
    pub setting: &'a Setting,
    pub meter: &'a Meter,
    pub request: &'a Request,
    pub results: &'a mut Results,
}

impl Session<'_> {
    /// Measures all rows asked for that say something about this corpus.
    pub(crate) fn run(&mut self) -> Result<()> {
        let source = self.dir.join("source");
        say(format_args!("{}: building the corpus", self.corpus.letter()));
        let tally = corpus::generate(self.corpus, &source).context("cannot build the corpus")?;
        self.results.tallies.insert(self.corpus, tally);
        if self.wants(Row::First) {
            self.first_syncs(&source)?;
        }
        let rows: Vec<_> = self.standing_rows();
        if !rows.is_empty() {
            self.standing_syncs(&source, &rows)?;
        }
        if self.wants(Row::Watch) && self.request.tools.contains(&Tool::UbosSync) {
            self.latencies(&source)?;
        }
        Ok(())
    }

    fn wants(&self, row: Row) -> bool {
        self.request.rows.contains(&row) && row.applies_to(self.corpus)
    }

    /// The rows on standing pairs; the no-op is always among them, since targets rest on it.
    fn standing_rows(&self) -> Vec<Row> {
        use Row::{Append, Edit, EditPercent, Memory, Noop, OneByte, Rename};
        let asked: Vec<_> = [Edit, EditPercent, Append, OneByte, Rename, Memory]
            .into_iter()
            .filter(|row| self.wants(*row))
            .collect();
        if asked.is_empty() && !self.wants(Noop) {
            return Vec::new();
        }
        std::iter::once(Noop).chain(asked).collect()
    }

    fn first_syncs(&mut self, source: &Path) -> Result<()> {
        let dir = self.dir.join("first");
        fs::create_dir_all(&dir)?;
        // One tree is enough: it is only read, and what a tool leaves in it is taken out again.
        let mut resting = dir.join("source");
        copy_tree(source, &resting)?;
        let mut slow = Vec::new();
        for round in 0..self.request.rounds {
            self.first_floor(&dir, &mut resting, round)?;
            for tool in rotated(&self.request.tools, round) {
                if slow.contains(&tool) {
                    continue;
                }
                let fresh = dir.join(format!("{}-{round}", tool.name()));
                let pair = fresh_pair(&fresh, self.corpus, &mut resting)?;
                tool.introduce(self.setting, &pair)?;
                let change = Row::First.change(self.corpus, &pair, round)?;
                let total = self.sync_once(tool, &pair, Row::First, &change)?;
                check_alike(&pair)?;
                if total.wall > TOO_SLOW_TO_REPEAT {
                    slow.push(tool);
                }
                resting = take_source_back(&pair, self.corpus, &dir)?;
                fs::remove_dir_all(&fresh)?;
            }
        }
        fs::remove_dir_all(&dir).context("cannot remove the trees of the first syncs")
    }

    fn first_floor(&mut self, dir: &Path, resting: &mut PathBuf, round: u64) -> Result<()> {
        let fresh = dir.join(format!("floor-{round}"));
        let pair = fresh_pair(&fresh, self.corpus, resting)?;
        let (subject, mut command) = match self.corpus {
            Corpus::B => (Subject::CatFloor, floor::cat_over_ssh(self.setting, &pair)),
            _ => {
                let from = self.corpus.home();
                (Subject::TarFloor, floor::tar_over_ssh(self.setting, &pair, from))
            }
        };
        rustix::fs::sync();
        let sample = self.meter.run(&mut command)?;
        self.note(Row::First, subject, sample);
        *resting = take_source_back(&pair, self.corpus, dir)?;
        fs::remove_dir_all(&fresh)?;
        Ok(())
    }

    fn standing_syncs(&mut self, source: &Path, rows: &[Row]) -> Result<()> {
        let mut pairs = Vec::new();
        for tool in self.request.tools.clone() {
            pairs.push((tool, self.standing_pair(source, tool.name(), tool)?));
        }
        for row in rows {
            if *row == Row::Memory {
                self.peaks(&pairs)?;
                continue;
            }
            for round in 0..self.request.rounds {
                if *row == Row::Noop {
                    self.noop_floor(source)?;
                }
                for (tool, pair) in rotated(&pairs, round) {
                    let change = row.change(self.corpus, &pair, round)?;
                    self.sync_once(tool, &pair, *row, &change)?;
                    change
                        .check_arrival(&pair)
                        .with_context(|| format!("{} said it had synced", tool.name()))?;
                }
            }
        }
        Ok(())
    }

    /// A pair of its own, since a watch leaves no other sync to its pair.
    fn latencies(&mut self, source: &Path) -> Result<()> {
        let pair = self.standing_pair(source, "watch", Tool::UbosSync)?;
        for from in [At::Here, At::There] {
            let times = latency::measure(self.setting, &pair, self.corpus, from)?;
            self.results.latencies.insert((self.corpus, from), times);
        }
        Ok(())
    }

    /// A pair with equal trees that `tool` has already seen, twice.
    fn standing_pair(&self, source: &Path, name: &str, tool: Tool) -> Result<Pair> {
        say(format_args!("{}: a standing pair for {name}", self.corpus.letter()));
        let dir = self.dir.join("standing").join(name);
        fs::create_dir_all(&dir)?;
        let pair = Pair { here: dir.join("here"), there: dir.join("there") };
        copy_tree(source, &pair.here)?;
        copy_tree(source, &pair.there)?;
        tool.introduce(self.setting, &pair)?;
        for _ in 0..2 {
            std::thread::sleep(STAMPS_SETTLE);
            for mut command in tool.sync(self.setting, &pair, At::Here, false)? {
                run_quietly(&mut command)?;
            }
        }
        Ok(pair)
    }

    fn noop_floor(&mut self, source: &Path) -> Result<()> {
        let sample = self.meter.run(&mut floor::ssh_true(self.setting))?;
        self.note(Row::Noop, Subject::SshFloor, sample);
        let sample = self.meter.in_process(|| {
            // The same tree twice stands for the two equal trees of a pair.
            floor::stat_walk(source)?;
            floor::stat_walk(source)?;
            Ok(())
        })?;
        self.note(Row::Noop, Subject::WalkFloor, sample);
        Ok(())
    }

    /// One timed sync; returns the time of all its commands together.
    fn sync_once(&mut self, tool: Tool, pair: &Pair, row: Row, change: &Change) -> Result<Sample> {
        let state = StateFiles::of(pair);
        // What others have left to write shall not be paid for here.
        rustix::fs::sync();
        let mut samples = Vec::new();
        for mut command in tool.sync(self.setting, pair, change.at, change.moved)? {
            samples.push(self.meter.run(&mut command)?);
        }
        let total = sum(&samples);
        match tool {
            Tool::UbosSync => {
                self.note(row, Subject::UbosSync, total);
                let written = StateFiles::of(pair).written_since(&state);
                self.results.state.entry((self.corpus, row)).or_default().push(written);
            }
            Tool::Rsync => {
                self.note(row, Subject::RsyncOneWay, samples[0]);
                self.note(row, Subject::RsyncBothWays, total);
            }
            Tool::Unison => self.note(row, Subject::Unison, total),
        }
        Ok(total)
    }

    fn peaks(&mut self, pairs: &[(Tool, Pair)]) -> Result<()> {
        for (tool, pair) in pairs {
            for mut command in tool.sync(self.setting, pair, At::Here, false)? {
                let peaks = self.meter.peaks(&mut command)?;
                self.results.peaks.entry((self.corpus, *tool)).or_default().extend(peaks);
            }
        }
        Ok(())
    }

    fn note(&mut self, row: Row, subject: Subject, sample: Sample) {
        say(format_args!(
            "{}: {}, {subject:?}: {:.3} s",
            self.corpus.letter(),
            row.title(),
            sample.wall.as_secs_f64()
        ));
        self.results.add(self.corpus, row, subject, sample);
    }
}

/// The tools in an order that begins with another one each round, so that none is always first.
fn rotated<T: Clone>(items: &[T], round: u64) -> Vec<T> {
    let mut items = items.to_vec();
    if let Some(by) = round.checked_rem(items.len() as u64) {
        items.rotate_left(by as usize);
    }
    items
}

fn sum(samples: &[Sample]) -> Sample {
    Sample {
        wall: samples.iter().map(|sample| sample.wall).sum(),
        cpu: samples.iter().map(|sample| sample.cpu).sum(),
    }
}

/// A new pair of which one side is the tree at `resting`, moved there, and the other holds the
/// manifests alone.
fn fresh_pair(dir: &Path, corpus: Corpus, resting: &mut PathBuf) -> Result<Pair> {
    let pair = Pair { here: dir.join("here"), there: dir.join("there") };
    let (full, empty) = sides(&pair, corpus);
    fs::create_dir_all(empty)?;
    corpus::write_manifests(empty)?;
    fs::rename(&resting, full)?;
    resting.clone_from(full);
    Ok(pair)
}

/// Moves the full tree out of the pair again, without what the tool left in it.
fn take_source_back(pair: &Pair, corpus: Corpus, dir: &Path) -> Result<PathBuf> {
    let (full, _) = sides(pair, corpus);
    let traces = full.join(".ubos-sync");
    if traces.exists() {
        fs::remove_dir_all(traces)?;
    }
    let resting = dir.join("source");
    fs::rename(full, &resting)?;
    Ok(resting)
}

fn sides(pair: &Pair, corpus: Corpus) -> (&PathBuf, &PathBuf) {
    match corpus.home() {
        At::Here => (&pair.here, &pair.there),
        At::There => (&pair.there, &pair.here),
    }
}

/// Fails where a first sync left the two sides unlike.
fn check_alike(pair: &Pair) -> Result<()> {
    for part in ["data", "logs"] {
        if pair.here.join(part).exists() || pair.there.join(part).exists() {
            let mut diff = Command::new("diff");
            diff.arg("-rq").args([pair.here.join(part), pair.there.join(part)]);
            run_quietly(&mut diff).context("the two sides differ after a first sync")?;
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    run_quietly(Command::new("cp").arg("-a").args([from, to]))
}

fn say(line: std::fmt::Arguments<'_>) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_first_in_its_turn() {
        assert_eq!(rotated(&[1, 2, 3], 0), [1, 2, 3]);
        assert_eq!(rotated(&[1, 2, 3], 4), [2, 3, 1]);
        assert_eq!(rotated::<u8>(&[], 4), [] as [u8; 0]);
    }
}
