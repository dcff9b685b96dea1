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

/// The seconds since 1970 of a time in RFC 3339.
pub fn seconds(time: &str) -> Option<i64> {
    Some(time.parse::<Timestamp>().ok()?.as_second())
}

/// Milliseconds since 1970 in RFC 3339, UTC, as the audit log writes times.
pub fn rfc3339_ms(milliseconds: i64) -> String {
    format!("{:.3}", Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX))
}

/// A time of the audit log in milliseconds since 1970.
pub fn milliseconds(time: &str) -> Option<i64> {
    time.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
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

/// The instant that a person means, in RFC 3339, UTC, with milliseconds, so that it compares with
/// times of the audit log as text: RFC 3339 or the beginning of one down to the month (its first
/// moment; in the zone of this machine where it names none), or `30m`, `2h`, `3d`, `1w` ago.
/// `None` if the text is none of these.
pub fn instant(text: &str) -> Option<String> {
    instant_in(text, Timestamp::now(), &TimeZone::system())
}

/// As [`instant`]; what names no zone is UTC.
pub fn instant_utc(text: &str) -> Option<String> {
    instant_in(text, Timestamp::now(), &TimeZone::UTC)
}

fn instant_in(text: &str, now: Timestamp, zone: &TimeZone) -> Option<String> {
    let written = |stamp: Timestamp| format!("{stamp:.3}");
    if let Some(unit) = text.chars().last().filter(|_| text.is_ascii())
        && let Ok(count) = text[..text.len() - 1].parse::<u32>()
    {
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let ago = jiff::SignedDuration::from_secs(i64::from(count) * seconds);
        return now.checked_sub(ago).ok().map(written);
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(written(stamp));
    }
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let text = text.replacen(' ', "T", 1);
    let rest = match text.len() {
        7 => "-01T00:00:00",
        10 => "T00:00:00",
        13 => ":00:00",
        16 => ":00",
        _ => "",
    };
    let full = format!("{text}{rest}");
    let local: jiff::civil::DateTime = full.parse().ok()?;
    Some(written(local.to_zoned(zone.clone()).ok()?.timestamp()))
}

/// A time of the audit log as people read it, in the zone of this machine: `2026-11-22 14:05:33`.
/// What is no time stays as it is.
pub fn local(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(stamp) => stamp.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => time.to_owned(),
    }
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
    fn an_instant_is_rfc_3339_or_a_beginning_of_it_or_so_long_ago() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let table = [
            ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00.000Z"),
            ("2026-11-20T10:00:00+01:00", "2026-11-20T09:00:00.000Z"),
            ("2026-11-20T10:00", "2026-11-20T08:00:00.000Z"),
            ("2026-11-20 10:00:05", "2026-11-20T08:00:05.000Z"),
            ("2026-11-20T10", "2026-11-20T08:00:00.000Z"),
            ("2026-11-20", "2026-11-19T22:00:00.000Z"),
            ("2026-11", "2026-10-31T22:00:00.000Z"),
            ("90s", "2026-11-22T11:58:30.000Z"),
            ("2h", "2026-11-22T10:00:00.000Z"),
            ("3d", "2026-11-19T12:00:00.000Z"),
        ];
        for (text, instant) in table {
            assert_eq!(instant_in(text, now, &zone).as_deref(), Some(instant), "{text}");
        }
        for bad in ["", "h", "2x", "yesterday", "20261120T100000", "2026-13-01", "last", "ü"] {
            assert_eq!(instant_in(bad, now, &zone), None, "{bad}");
        }
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
