//! Sizes, times and counts in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A size in the largest unit that keeps it readable.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A number with its thousands apart: `12,345`.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its word: `1 line`, `12,345 lines`.
pub(crate) fn plural(count: usize, word: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{} {word}{end}", number(count as u64))
}

/// A length of time in its largest unit, rounded down: `3 minutes`.
pub(crate) fn age(seconds: u64) -> String {
    let (count, word) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7199 => (seconds / 60, "minute"),
        7200..=172_799 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    plural(usize::try_from(count).unwrap_or(usize::MAX), word)
}

/// A file's time by the user's clock, to the minute, and the name of the zone that held then.
pub(crate) fn local(time: (i64, u32), zone: &TimeZone) -> (String, String) {
    let nearest = if time.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let stamp = Timestamp::from_second(time.0).unwrap_or(nearest);
    let zoned = stamp.to_zoned(zone.clone());
    (zoned.strftime("%Y-%m-%d %H:%M").to_string(), zoned.strftime("%Z").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_counts_and_times_read_well() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(4301), "4.3 kB");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(plural(1, "line"), "1 line");
        assert_eq!(plural(0, "line"), "0 lines");
        assert_eq!(age(180), "3 minutes");
        assert_eq!(age(200_000), "2 days");
    }

    #[test]
    fn a_time_is_that_of_the_users_clock() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let shown = |seconds| local((seconds, 0), &zone);
        assert_eq!(shown(1_759_840_200), ("2025-10-07 14:30".into(), "CEST".into()));
        assert_eq!(shown(1_767_225_600), ("2026-01-01 01:00".into(), "CET".into()));
        assert_eq!(shown(i64::MAX).0.get(..4), Some("9999"));
    }
}
