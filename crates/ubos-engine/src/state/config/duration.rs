//! Lengths of time as people write them: `90s`, `5m`, `2h`.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// What is allowed, for messages.
pub const ALLOWED: &str = "a length of time is a whole number with s, m, h or d, such as \"5m\"";

const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

/// The length of time that `text` means; `None` if it means none.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(*seconds)?))
}

/// The same in the largest unit that keeps it whole.
pub fn write(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        seconds if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&write(*duration))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    let some = parse(&text).filter(|duration| !duration.is_zero());
    some.ok_or_else(|| D::Error::custom(format!("`{text}` does not do: {ALLOWED}, and not 0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_understood_and_nothing_else() {
        for (text, seconds) in
            [("90s", 90), ("5m", 300), ("2h", 7200), ("7d", 604_800), ("0s", 0), (" 1 m ", 60)]
        {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "m", "5", "-1s", "1.5h", "5 min", "5M", "99999999999999999999d", "5ü"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (seconds, text) in [(45, "45s"), (90, "90s"), (300, "5m"), (7200, "2h")] {
            assert_eq!(write(Duration::from_secs(seconds)), text);
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)));
        }
    }
}
