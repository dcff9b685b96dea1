//! How long an edit takes to appear on the other side while `ubos-sync watch` runs: from the closing
//! of the file to its new content over there.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::corpus::{At, Corpus};
use crate::peers::{Pair, Setting};
use crate::random::Random;

/// Edits each way.
const EDITS: u64 = 50;
/// How often the other side is asked for the new content.
const ASKED: Duration = Duration::from_micros(300);
/// An edit that takes this long does not come.
const LOST: Duration = Duration::from_secs(20);

/// The bounds: of the median, and of the slowest of all.
pub(crate) const TARGETS: [Duration; 2] = [Duration::from_millis(30), Duration::from_millis(100)];

/// A running watch. Dropping it ends it.
struct Watch(Child);

impl Watch {
    /// Starts one and waits until its first run has ended.
    fn start(setting: &Setting, pair: &Pair) -> Result<Self> {
        let mut command = setting.watch(pair)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().context("cannot start the watch")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let watch = Self(child);
        let mut lines = BufReader::new(stdout).lines();
        match lines.next() {
            Some(Ok(line)) if line.contains(r#""event":"run""#) => {}
            other => bail!("the watch began with {other:?}"),
        }
        // Read on, so that it never waits for its reader.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // One that is gone already needs no end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The times of edits on `from`, at random moments.
pub(crate) fn measure(
    setting: &Setting,
    pair: &Pair,
    corpus: Corpus,
    from: At,
) -> Result<Vec<Duration>> {
    let _watch = Watch::start(setting, pair)?;
    let (near, far) = match from {
        At::Here => (&pair.here, &pair.there),
        At::There => (&pair.there, &pair.here),
    };
    let mut random = Random::new(17, from as u64);
    let mut times = Vec::new();
    for edit in 0..EDITS {
        sleep(Duration::from_millis(100 + random.below(400)));
        let note = corpus.note(random.below(corpus.notes()));
        let content = format!("edit {edit} of {from:?}\n");
        fs::write(near.join(&note), &content)?;
        times.push(until_it_is_there(&far.join(&note), &content)?);
    }
    Ok(times)
}

fn until_it_is_there(path: &Path, content: &str) -> Result<Duration> {
    let begun = Instant::now();
    while fs::read(path).ok().as_deref() != Some(content.as_bytes()) {
        if begun.elapsed() > LOST {
            bail!("an edit did not appear at {}", path.display());
        }
        sleep(ASKED);
    }
    Ok(begun.elapsed())
}
