//! How often a timer starts a run: only what divides an hour or a day evenly, since both systemd
//! and launchd think in clock times and not in distances.

use std::fmt;

const MINUTES: [u32; 12] = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60];
const HOURS: [u32; 8] = [1, 2, 3, 4, 6, 8, 12, 24];

/// A distance between slots, in minutes, that divides an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval(u32);

impl Default for Interval {
    fn default() -> Self {
        Self(5)
    }
}

impl Interval {
    /// Reads `5m`, `2h` and the like.
    ///
    /// # Errors
    /// A sentence that says what can be had.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let sentence = || {
            format!(
                "`{text}` cannot be kept by a clock: {} minutes (`5m`) or {} hours (`2h`) can",
                list(&MINUTES[..MINUTES.len() - 1]),
                list(&HOURS)
            )
        };
        let (digits, unit) =
            text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
        let count: u32 = digits.parse().map_err(|_| sentence())?;
        let minutes = match unit {
            "m" => count,
            "h" if HOURS.contains(&count) => count * 60,
            _ => return Err(sentence()),
        };
        let even =
            MINUTES.contains(&minutes) || (minutes % 60 == 0 && HOURS.contains(&(minutes / 60)));
        if even { Ok(Self(minutes)) } else { Err(sentence()) }
    }

    /// In minutes.
    pub(crate) fn minutes(self) -> u32 {
        self.0
    }

    /// As a calendar expression of systemd.
    pub(crate) fn calendar(self) -> String {
        match self.0 {
            60 => "*:00".into(),
            1440 => "00:00".into(),
            minutes if minutes < 60 => format!("*:0/{minutes}"),
            minutes => format!("0/{}:00", minutes / 60),
        }
    }

    /// The slots as hour and minute; without an hour they are those of every hour.
    pub(crate) fn slots(self) -> Vec<(Option<u32>, u32)> {
        if self.0 <= 60 {
            (0..60).step_by(self.0 as usize).map(|minute| (None, minute)).collect()
        } else {
            (0..24).step_by((self.0 / 60) as usize).map(|hour| (Some(hour), 0)).collect()
        }
    }

    /// Seconds that a run may put off its last retry, where the slot is too short for the usual
    /// four and a half minutes.
    fn deadline(self) -> Option<u32> {
        (self.0 < 5).then(|| self.0 * 60 - 30)
    }

    /// What `tick` is to be told of the slots.
    pub(crate) fn options(self) -> Vec<String> {
        let deadline = self.deadline().map(|seconds| ["--deadline".into(), seconds.to_string()]);
        let interval = ["--interval".into(), self.to_string()];
        interval.into_iter().chain(deadline.into_iter().flatten()).collect()
    }

    /// Seconds over which the starts of many machines spread.
    pub(crate) fn spread(self) -> u32 {
        if self.0 < 5 { 5 } else { 20 }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            minutes if minutes % 60 == 0 => write!(f, "{}h", minutes / 60),
            minutes => write!(f, "{minutes}m"),
        }
    }
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> Interval {
        Interval::parse(text).unwrap()
    }

    #[test]
    fn what_divides_an_hour_or_a_day_becomes_a_calendar() {
        for (text, calendar, slots) in [
            ("1m", "*:0/1", 60),
            ("5m", "*:0/5", 12),
            ("30m", "*:0/30", 2),
            ("60m", "*:00", 1),
            ("1h", "*:00", 1),
            ("2h", "0/2:00", 12),
            ("120m", "0/2:00", 12),
            ("24h", "00:00", 1),
        ] {
            assert_eq!(interval(text).calendar(), calendar, "{text}");
            assert_eq!(interval(text).slots().len(), slots, "{text}");
        }
        assert_eq!(interval("15m").slots()[3], (None, 45));
        assert_eq!(interval("8h").slots()[2], (Some(16), 0));
        assert_eq!([interval("60m").to_string(), interval("5m").to_string()], ["1h", "5m"]);
    }

    #[test]
    fn what_a_clock_cannot_keep_is_refused_and_told() {
        for text in ["7m", "0m", "90m", "5h", "48h", "5", "m", "", "-5m", "5s", "5 m", "5µ"] {
            let sentence = Interval::parse(text).unwrap_err();
            assert!(sentence.contains("1, 2, 3, 4, 5, 6, 10"), "{text}: {sentence}");
        }
    }

    #[test]
    fn a_run_in_a_short_slot_gives_up_before_the_next() {
        assert_eq!(interval("1m").deadline(), Some(30));
        assert_eq!(interval("4m").deadline(), Some(210));
        assert_eq!(interval("5m").deadline(), None);
    }
}
