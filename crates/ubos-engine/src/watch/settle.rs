//! When has the dust settled? Pure: hints and times in, the moment at which to look out.
//!
//! A file that was closed or moved into place is done with, and so is a removal; that is looked at
//! almost at once, so that an edit travels while its writer still looks at it. A file that is being
//! written is waited for until it was quiet for a moment, for longer the longer it keeps changing,
//! but never beyond a limit: a log that never rests still has to travel. Where very much happens at
//! once (a checkout, an unpacked archive) its end is waited for, so that it becomes one run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// After a settled hint: what else comes with it is taken along.
const BREATH: Duration = Duration::from_millis(2);
/// Quiet that ends the writing of a file that is not closed.
const QUIET: Duration = Duration::from_millis(20);
/// No file is waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many paths at once are a burst.
const BURST: usize = 40;
/// Quiet that ends a burst.
const BURST_QUIET: Duration = Duration::from_millis(120);
/// A burst that does not end is cut after this long.
const BURST_PATIENCE: Duration = Duration::from_secs(5);

/// Paths that may have changed, and since when. Times are measured from any fixed moment.
#[derive(Debug, Default)]
pub(super) struct Settle {
    settled: BTreeSet<Vec<u8>>,
    writing: BTreeMap<Vec<u8>, Writing>,
    first: Option<Duration>,
    last: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Writing {
    since: Duration,
    last: Duration,
}

impl Writing {
    /// When it counts as done if nothing more happens.
    fn due(self) -> Duration {
        let quiet = QUIET.max((self.last - self.since) / 4);
        (self.last + quiet).min(self.since + PATIENCE)
    }
}

impl Settle {
    /// Takes notice of a hint about `path` at `now`.
    pub(super) fn note(&mut self, path: Vec<u8>, settled: bool, now: Duration) {
        self.first.get_or_insert(now);
        self.last = now;
        if settled {
            self.writing.remove(&path);
            self.settled.insert(path);
        } else if !self.settled.contains(&path) {
            let writing = self.writing.entry(path).or_insert(Writing { since: now, last: now });
            writing.last = now;
        } else {
            // Closed, and written again: it is not done after all.
            self.settled.remove(&path);
            self.writing.insert(path, Writing { since: now, last: now });
        }
    }

    /// When the next look is due, if anything is to be looked at.
    pub(super) fn due(&self) -> Option<Duration> {
        let first = self.first?;
        if self.settled.len() + self.writing.len() >= BURST {
            return Some((self.last + BURST_QUIET).min(first + BURST_PATIENCE));
        }
        let written = self.writing.values().map(|writing| writing.due()).min();
        let settled = (!self.settled.is_empty()).then_some(first + BREATH);
        match (settled, written) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Takes what has settled by `now`. What is still being written stays, unless it was waited for
    /// long enough.
    pub(super) fn take(&mut self, now: Duration) -> BTreeSet<Vec<u8>> {
        let mut taken = std::mem::take(&mut self.settled);
        self.writing.retain(|path, writing| {
            let stays = writing.due() > now;
            if !stays {
                taken.insert(path.clone());
            }
            stays
        });
        self.first = self.writing.values().map(|writing| writing.since).min();
        taken
    }

    /// Whether very much happens just now and has not come to its end by `now`.
    pub(super) fn in_burst(&self, now: Duration) -> bool {
        let many = self.settled.len() + self.writing.len() >= BURST;
        many && self.due().is_some_and(|due| due > now)
    }

    /// Takes everything, settled or not.
    pub(super) fn take_all(&mut self) -> BTreeSet<Vec<u8>> {
        self.first = None;
        let mut taken = std::mem::take(&mut self.settled);
        taken.extend(std::mem::take(&mut self.writing).into_keys());
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn path(name: &str) -> Vec<u8> {
        name.as_bytes().to_vec()
    }

    #[test]
    fn a_closed_file_is_looked_at_almost_at_once() {
        let mut settle = Settle::default();
        settle.note(path("a"), false, ms(0));
        assert_eq!(settle.due(), Some(QUIET));
        settle.note(path("a"), true, ms(5));
        assert!(settle.due().unwrap() <= ms(7));
        assert_eq!(settle.take(ms(7)), BTreeSet::from([path("a")]));
        assert_eq!(settle.due(), None);
    }

    #[test]
    fn a_file_that_is_being_written_is_waited_for_and_not_for_ever() {
        let mut settle = Settle::default();
        let mut now = ms(0);
        let mut looked = None;
        while looked.is_none() {
            settle.note(path("log"), false, now);
            now += ms(10);
            if settle.due().unwrap() <= now {
                looked = Some(now);
            }
        }
        assert_eq!(looked, Some(PATIENCE));
        assert_eq!(settle.take(now), BTreeSet::from([path("log")]));
    }

    #[test]
    fn one_that_still_writes_does_not_hold_up_another_that_is_done() {
        let mut settle = Settle::default();
        settle.note(path("slow"), false, ms(0));
        settle.note(path("quick"), true, ms(1));
        let due = settle.due().unwrap();
        assert!(due < ms(5));
        assert_eq!(settle.take(due), BTreeSet::from([path("quick")]));
        assert_eq!(settle.take(settle.due().unwrap()), BTreeSet::from([path("slow")]));
    }

    #[test]
    fn a_file_that_is_written_again_after_its_close_is_not_done() {
        let mut settle = Settle::default();
        settle.note(path("a"), true, ms(0));
        settle.note(path("a"), false, ms(1));
        assert!(settle.take(ms(2)).is_empty());
        assert_eq!(settle.due(), Some(ms(1) + QUIET));
    }

    #[test]
    fn a_burst_is_one_look_at_its_end() {
        let mut settle = Settle::default();
        let mut now = ms(0);
        for number in 0..5000 {
            settle.note(format!("f{number}").into_bytes(), true, now);
            if number >= BURST {
                assert!(settle.due().unwrap() > now && settle.in_burst(now));
            }
            now += Duration::from_micros(200);
        }
        let due = settle.due().unwrap();
        assert!(due >= now && due <= now + BURST_QUIET && !settle.in_burst(due));
        assert_eq!(settle.take(due).len(), 5000);
    }
}
