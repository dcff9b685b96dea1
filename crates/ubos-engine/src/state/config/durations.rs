//! Lengths of time as a person writes them: a number with a unit.

use std::time::Duration;

/// What is allowed, for messages.
pub const ALLOWED: &str = "a length of time is a whole number with s, m, h or d, such as \"5m\"";

const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

/// The time that `text` means; `None` if it is none.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(*seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_length_of_time_and_what_is_none() {
        for (text, seconds) in
            [("90s", 90), ("5m", 300), ("2h", 7200), ("7d", 604_800), ("0s", 0), ("1 h", 3600)]
        {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "m", "-5m", "1.5h", "5 minutes", "5M", "99999999999999999999d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
