//! When a slot of the timer tries again. Pure.

use std::time::Duration;

/// Runs that were kept from beginning by another one are tried again so often.
const LOCKED: usize = 1;
/// Of the distance to the attempt before, so much at most is added by chance: two machines that
/// woke at the same moment do not meet again at each attempt.
const JITTER: f64 = 0.2;

/// The attempts of one slot.
pub(super) struct Slot {
    offsets: Vec<Duration>,
    deadline: Duration,
    attempts: usize,
    locked: usize,
}

impl Slot {
    /// Attempts at these distances from the begin of the slot, none after the deadline. The first
    /// is made at once.
    pub(super) fn new(offsets: &[u64], deadline: Duration) -> Self {
        let offsets = offsets.iter().map(|seconds| Duration::from_secs(*seconds)).collect();
        Self { offsets, deadline, attempts: 0, locked: 0 }
    }

    /// How many attempts there can be.
    pub(super) fn most(&self) -> usize {
        self.offsets.len().max(1)
    }

    /// How long to wait for the next attempt, after one that ended with `code` when the slot was
    /// `elapsed` old; `None` if that was the last. `chance` is a random number from 0 to 1.
    pub(super) fn next(&mut self, code: u8, elapsed: Duration, chance: f64) -> Option<Duration> {
        self.attempts += 1;
        match code {
            5 => {}
            6 if self.locked < LOCKED => self.locked += 1,
            _ => return None,
        }
        let due = *self.offsets.get(self.attempts)?;
        let distance = due.saturating_sub(self.offsets[self.attempts - 1]);
        let begin = (due + distance.mul_f64(JITTER * chance.clamp(0.0, 1.0))).max(elapsed);
        (begin <= self.deadline).then(|| begin - elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments at which attempts begin, if each takes `took` seconds and ends with a code.
    fn begins(codes: &[u8], took: u64, deadline: u64, chance: f64) -> Vec<u64> {
        let mut slot = Slot::new(&[0, 30, 90, 180], Duration::from_secs(deadline));
        let mut now = Duration::ZERO;
        let mut begins = vec![0];
        for code in codes {
            now += Duration::from_secs(took);
            let Some(wait) = slot.next(*code, now, chance) else { break };
            now += wait;
            begins.push(now.as_secs());
        }
        begins
    }

    #[test]
    fn a_peer_that_is_away_is_tried_four_times() {
        assert_eq!(begins(&[5; 9], 1, 270, 0.0), [0, 30, 90, 180]);
        assert_eq!(begins(&[5; 9], 1, 270, 1.0), [0, 36, 102, 198]);
        assert_eq!(begins(&[5, 0], 1, 270, 0.0), [0, 30]);
    }

    #[test]
    fn an_attempt_that_takes_long_puts_off_the_next() {
        assert_eq!(begins(&[5; 9], 70, 270, 0.0), [0, 70, 140, 210]);
    }

    #[test]
    fn nothing_begins_after_the_deadline() {
        assert_eq!(begins(&[5; 9], 1, 100, 0.0), [0, 30, 90]);
        assert_eq!(begins(&[5; 9], 1, 0, 0.0), [0]);
    }

    #[test]
    fn a_pair_that_another_run_holds_is_tried_once_more() {
        assert_eq!(begins(&[6; 9], 1, 270, 0.0), [0, 30]);
        assert_eq!(begins(&[6, 5, 6, 5], 1, 270, 0.0), [0, 30, 90]);
    }

    #[test]
    fn what_no_retry_mends_is_not_tried_again() {
        for code in [0, 1, 2, 3, 4, 7] {
            assert_eq!(begins(&[code; 9], 1, 270, 0.0), [0], "{code}");
        }
    }
}
