//! Sizes as a person writes them: a number of bytes, or a number with a unit.

/// What is allowed, for messages.
pub const ALLOWED: &str = "a size is a number of bytes, or a whole number with kB, MB, GB or TB (thousands) or KiB, MiB, \
     GiB or TiB (1024), such as \"500MB\"";

const UNITS: [(&str, u64); 8] = [
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// The bytes that `text` means; `None` if it is no size.
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit.trim_start() {
        "" => Some(number),
        unit => {
            let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
            number.checked_mul(*bytes)
        }
    }
}

/// The shortest size that is at least `bytes` and little above: `1290MB`, `13GB`.
pub fn at_least(bytes: u64) -> String {
    let unit = UNITS[..4].iter().rev().find(|(_, unit)| bytes / unit >= 10);
    match unit {
        Some((name, unit)) => format!("{}{name}", bytes.div_ceil(*unit)),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_size_and_what_is_none() {
        for (text, bytes) in [
            ("0", 0),
            ("1234", 1234),
            ("2GB", 2_000_000_000),
            ("2 GB", 2_000_000_000),
            ("600MB", 600_000_000),
            ("3kB", 3000),
            ("1TB", 1_000_000_000_000),
            ("3KiB", 3072),
            ("64MiB", 64 << 20),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in ["", "GB", "-1", "1.5GB", "2gb", "2G", "2 GB more", "99999999999TB", "1e3"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_that_is_proposed_holds_what_it_is_for() {
        for (bytes, text) in [
            (7, "7"),
            (9_999, "9999"),
            (10_001, "11kB"),
            (1_289_000_001, "1290MB"),
            (12_300_000_000, "13GB"),
        ] {
            assert_eq!(at_least(bytes), text);
            assert!(parse(text).unwrap() >= bytes);
        }
    }
}
