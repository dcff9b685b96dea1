//! How values of properties are compared: numbers as numbers, dates as dates, the rest as texts
//! without regard to case.

use std::cmp::Ordering;

use jiff::civil::{Date, DateTime};
use serde_json::Value;

use crate::graph::note::key;

/// Whether two values are the same. A link is the same as its target or what it shows.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        _ => order(a, b) == Some(Ordering::Equal) || links_to(a, b) || links_to(b, a),
    }
}

fn links_to(link: &Value, name: &Value) -> bool {
    let inner = link.as_str().and_then(|t| t.trim().strip_prefix("[[")?.strip_suffix("]]"));
    let (Some(inner), Some(name)) = (inner, name.as_str()) else { return false };
    let (target, shown) = inner.split_once('|').unwrap_or((inner, ""));
    [target, shown].iter().any(|part| key(part.trim()) == key(name))
}

/// Which of two values comes first; `None` where they cannot be compared.
pub(super) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return a.partial_cmp(&b);
    }
    if let (Some((a, day_a)), Some((b, day_b))) = (time(a), time(b)) {
        // A day is compared with a time by its day.
        return Some(if day_a || day_b { a.date().cmp(&b.date()) } else { a.cmp(&b) });
    }
    match (a, b) {
        (Value::Null | Value::Array(_) | Value::Object(_), _)
        | (_, Value::Null | Value::Array(_) | Value::Object(_)) => None,
        _ => Some(text(a).cmp(&text(b))),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), key)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text)
            if text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) =>
        {
            text.parse().ok().filter(|number: &f64| number.is_finite())
        }
        _ => None,
    }
}

/// A date or time, and whether it is a day only.
fn time(value: &Value) -> Option<(DateTime, bool)> {
    let text = value.as_str()?;
    if text.len() < 8 || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if let Ok(day) = text.parse::<Date>()
        && text.len() <= 10
    {
        return Some((day.into(), true));
    }
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some((stamp.to_zoned(jiff::tz::TimeZone::UTC).datetime(), false));
    }
    text.parse::<DateTime>().ok().map(|time| (time, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_compared_as_what_they_are() {
        let less = [
            (json!(9), json!(10)),
            (json!("9"), json!(10)),
            (json!("2024-02-09"), json!("2024-02-10")),
            (json!("2024-02-09T10:00"), json!("2024-02-09T11:00")),
            (json!("alpha"), json!("BETA")),
            (json!(false), json!(true)),
        ];
        for (a, b) in less {
            assert_eq!(order(&a, &b), Some(Ordering::Less), "{a} {b}");
            assert_eq!(order(&b, &a), Some(Ordering::Greater), "{a} {b}");
        }
        assert_eq!(order(&json!("2024-02-09T10:00"), &json!("2024-02-09")), Some(Ordering::Equal));
        assert_eq!(order(&json!(null), &json!(1)), None);
        assert!(same(&json!("Active"), &json!("active")) && same(&json!("[[A|b]]"), &json!("B")));
        assert!(!same(&json!(null), &json!("null")));
    }
}
