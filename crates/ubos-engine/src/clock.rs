//! The only place that reads the clock and draws randomness: times for records, ids of runs.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Now, as seconds and nanoseconds since 1970.
pub fn now() -> (i64, u32) {
    let now = Timestamp::now();
    (now.as_second(), now.subsec_nanosecond().max(0) as u32)
}

/// Now, as nanoseconds since 1970.
pub fn now_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Now in RFC 3339, UTC, with milliseconds.
pub fn now_rfc3339() -> String {
    format!("{:.3}", Timestamp::now())
}

/// A time of a file in RFC 3339, UTC; out of range times are clamped.
pub fn rfc3339(time: (i64, u32)) -> String {
    let stamp = Timestamp::new(time.0, time.1 as i32).unwrap_or(if time.0 < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    });
    stamp.to_string()
}

/// `n` random bytes from the system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// A random id of 32 hexadecimal digits.
pub fn random_id() -> String {
    hex(&random::<16>())
}

/// An id for a run that sorts by time: `20261122T140533.123Z-9f3a`.
pub fn run_id() -> String {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    format!("{}-{}", now.strftime("%Y%m%dT%H%M%S.%3fZ"), hex(&random::<2>()))
}

/// Whether `text` can be the id of a run or a pair. Ids become names of folders, so nothing else
/// passes: no separator, no leading dot.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// The time in a run's id, in seconds since 1970.
pub fn run_time(run: &str) -> Option<i64> {
    let text = run.get(..15)?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_is_an_id() {
        assert!(is_id(&run_id()));
        for bad in ["", ".", "..", "a/b", "../x", "/x", ".hidden", "-x", "a\0b", "a b", "é"] {
            assert!(!is_id(bad), "{bad:?}");
        }
        assert!(!is_id(&"a".repeat(65)));
    }

    #[test]
    fn a_run_id_carries_its_time_and_sorts_by_it() {
        let (seconds, _) = now();
        let first = run_id();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let second = run_id();
        assert!(first < second, "{first} {second}");
        assert!((run_time(&first).unwrap() - seconds).abs() <= 1);
    }
}
