//! When the next run is due. Pure: what happened and times in, a time out. Waits are measured on the
//! clock that only goes forward; what the wall clock shows matters for one thing, a machine that
//! slept.

use std::time::{Duration, SystemTime};

/// First pause after a failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Longest pause where a configuration or a manifest keeps runs from working: a person may be at it.
const MENDING_PAUSE: Duration = Duration::from_secs(60);
/// Where there are no hints, everything is looked at this often at most.
const POLL: Duration = Duration::from_secs(10);
/// A full look may take this part of the time, where it has to stand in for hints.
const POLL_SHARE: u32 = 20;

/// Pause while another run holds the pair; it is over soon, or says so each time.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// A wall clock that went so much further than the process was awake: the machine slept.
const SLEPT: Duration = Duration::from_secs(15);

/// Two clocks, held against each other to notice that the machine slept: one stands still then.
/// A wall clock that somebody sets forward looks the same and costs one look at everything; one
/// that is set back means nothing.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    awake: Duration,
    wall: SystemTime,
}

impl Clocks {
    /// What they show now; `awake` counts from any fixed moment.
    pub fn new(awake: Duration, wall: SystemTime) -> Self {
        Self { awake, wall }
    }

    /// Whether the machine slept since the last time, by what the clocks show now.
    pub fn slept(&mut self, awake: Duration, wall: SystemTime) -> bool {
        let passed = wall.duration_since(self.wall).unwrap_or_default();
        let slept = passed > awake.saturating_sub(self.awake) + SLEPT;
        *self = Self { awake, wall };
        slept
    }
}

/// How a run ended, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was carried out; `again` if some paths are to be tried again.
    Done {
        /// Some paths were skipped.
        again: bool,
    },
    /// Another run holds the pair.
    Busy,
    /// It could not be carried out.
    Failed,
    /// Nor can any other, until a person mends the configuration or a manifest.
    Misconfigured,
}

/// When to look at everything, and when to try again.
#[derive(Debug, Clone)]
pub struct Rhythm {
    interval: Duration,
    failures: u32,
    retries: u32,
}

impl Rhythm {
    /// A full look at least every `interval`.
    pub fn new(interval: Duration) -> Self {
        Self { interval, failures: 0, retries: 0 }
    }

    /// How many runs failed one after the other.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// How long to wait after a run that ended like this, if nothing else happens. `took` is what a
    /// look at everything takes, `blind` whether hints are missing, `chance` a random number from 0
    /// to 1 that keeps two sides, or many laptops, from trying at the same moments.
    pub fn pause(&mut self, ended: Ended, took: Duration, blind: bool, chance: f64) -> Duration {
        match ended {
            Ended::Failed | Ended::Misconfigured => {
                let longest = match ended {
                    Ended::Misconfigured => MENDING_PAUSE,
                    _ => LONGEST_PAUSE,
                };
                let pause = doubled(self.failures);
                self.failures += 1;
                pause.mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0)).min(longest)
            }
            Ended::Busy => BUSY_PAUSE.mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0)),
            Ended::Done { again } => {
                self.failures = 0;
                self.retries = if again { self.retries + 1 } else { 0 };
                let mut pause = self.interval;
                if blind {
                    pause = pause.min(poll(took));
                }
                if again {
                    pause = pause.min(doubled(self.retries - 1));
                }
                pause
            }
        }
    }
}

/// How often everything is looked at where hints are missing, if that takes `took`.
pub fn poll(took: Duration) -> Duration {
    POLL.max(took * POLL_SHARE)
}

fn doubled(times: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << times.min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(300);
    const QUICK: Duration = Duration::from_millis(100);

    fn pauses(rhythm: &mut Rhythm, ended: Ended, count: usize) -> Vec<u64> {
        (0..count).map(|_| rhythm.pause(ended, QUICK, false, 0.5).as_secs()).collect()
    }

    #[test]
    fn failures_are_tried_again_after_five_seconds_and_then_ever_more_rarely() {
        let mut rhythm = Rhythm::new(INTERVAL);
        let tried = pauses(&mut rhythm, Ended::Failed, 9);
        assert_eq!(tried, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(rhythm.pause(Ended::Done { again: false }, QUICK, false, 0.5), INTERVAL);
        assert_eq!(pauses(&mut rhythm, Ended::Failed, 1), [5]);
    }

    #[test]
    fn what_a_person_has_to_mend_is_looked_at_every_minute() {
        let mut rhythm = Rhythm::new(INTERVAL);
        assert_eq!(pauses(&mut rhythm, Ended::Misconfigured, 6), [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn a_sleep_is_noticed_once_whatever_the_machine_was_doing_and_a_clock_set_back_is_none() {
        const DAY: i64 = 86_400;
        let moment = |wall: i64| {
            let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            let step = Duration::from_secs(wall.unsigned_abs());
            if wall < 0 { noon - step } else { noon + step }
        };
        // Seconds awake and on the wall clock since the beginning, and whether that was a sleep.
        let course = [
            (20, 20, false),
            // Two seconds of correction.
            (40, 42, false),
            // A run in which the machine slept for eight hours.
            (50, 42 + 8 * 3600, true),
            (70, 62 + 8 * 3600, false),
            // Set forward by nine days, and back by ten.
            (90, 9 * DAY, true),
            (110, 9 * DAY + 20, false),
            (130, -DAY, false),
            (150, -DAY + 20, false),
            // Set right again: as far as anybody can tell, a day of sleep.
            (170, 170, true),
            (190, 190, false),
        ];
        let mut clocks = Clocks::new(Duration::ZERO, moment(0));
        for (awake, wall, slept) in course {
            let found = clocks.slept(Duration::from_secs(awake), moment(wall));
            assert_eq!(found, slept, "{awake} {wall}");
        }
    }

    #[test]
    fn chance_spreads_attempts_and_never_beyond_the_longest_pause() {
        for chance in [0.0, 0.3, 1.0, 7.0] {
            let mut rhythm = Rhythm::new(INTERVAL);
            for _ in 0..12 {
                let pause = rhythm.pause(Ended::Failed, QUICK, false, chance);
                assert!(pause >= Duration::from_secs(4) && pause <= LONGEST_PAUSE);
            }
        }
    }

    #[test]
    fn paths_to_be_tried_again_do_not_make_it_run_without_rest() {
        let mut rhythm = Rhythm::new(INTERVAL);
        let tried = pauses(&mut rhythm, Ended::Done { again: true }, 8);
        assert_eq!(tried, [5, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn another_run_is_waited_for_a_moment_and_is_no_failure() {
        let mut rhythm = Rhythm::new(INTERVAL);
        for _ in 0..20 {
            assert!(rhythm.pause(Ended::Busy, QUICK, false, 0.9) < Duration::from_secs(2));
        }
        assert_eq!(rhythm.failures(), 0);
    }

    #[test]
    fn without_hints_it_polls_as_often_as_its_cost_allows() {
        let mut rhythm = Rhythm::new(INTERVAL);
        let done = Ended::Done { again: false };
        assert_eq!(rhythm.pause(done, QUICK, true, 0.5), POLL);
        assert_eq!(rhythm.pause(done, Duration::from_secs(3), true, 0.5).as_secs(), 60);
        assert_eq!(rhythm.pause(done, Duration::from_secs(100), true, 0.5), INTERVAL);
    }
}
