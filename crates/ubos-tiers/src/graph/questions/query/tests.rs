//! What a query finds, and what it says of one it does not understand.

use super::super::sketch::Sketch;
use super::*;
use crate::graph::vaults::Random;

fn vault() -> Sketch {
    Sketch::of(&[
        (
            "missions/one.md",
            "---\nstatus: Active\ndate: 2026-03-01\npriority: 10\ntags: [team/blue]\nowner: \"[[Ann]]\"\nstats:\n  Hours: 4\n---\n- [ ] a\n- [x] b\n",
        ),
        (
            "missions/deep/two.md",
            "---\nstatus: active\ndate: 2026-05-01\npriority: 9\nlabels: [x, \"Y z\"]\n---\n[[one]]\n",
        ),
        ("missions/three.md", "---\nstatus: done\ndate: 2026-04-01T10:00\n---\n#team\n"),
        ("docs/four.md", "---\nstatus: active\nempty:\nfolder: own\n---\n"),
        ("bad.md", "---\nstatus: [active\n---\n"),
        ("p.png", ""),
    ])
}

fn found(text: &str) -> Vec<String> {
    let vault = vault();
    let today = jiff::civil::date(2026, 5, 8);
    match query(&vault.view(), text, today, 99) {
        Ok(found) => {
            let stem = |row: &Row| row.path.rsplit('/').next().unwrap().replace(".md", "");
            found.rows.iter().map(stem).collect()
        }
        Err(error) => panic!("{text}: {error}"),
    }
}

#[test]
fn conditions_find_what_holds() {
    let cases: [(&str, &[&str]); 28] = [
        ("status = active and folder = missions sort by date desc", &["two", "one"]),
        ("status = active and folder = missions sort by date", &["one", "two"]),
        ("STATUS = ACTIVE", &["four", "two", "one"]),
        ("status != active", &["bad", "three"]),
        ("not status = active", &["bad", "three"]),
        ("priority < 10", &["two"]),
        ("priority >= 9 sort by priority", &["two", "one"]),
        ("date >= 2026-04-01 and date < 2026-05-01", &["three"]),
        ("date = 2026-04-01", &["three"]),
        ("date >= today-7d", &["two"]),
        ("date < today-1m and date exists", &["one", "three"]),
        ("tag = team", &["one", "three"]),
        ("tag = #team/blue", &["one"]),
        ("tags contains team/blue", &["one"]),
        ("labels = x", &["two"]),
        ("labels contains \"y Z\"", &["two"]),
        ("labels contains y", &[]),
        ("status in (done, \"active\") and folder = missions/deep", &["two"]),
        ("status not in (done, active)", &["bad"]),
        ("owner = ann or owner = \"[[Ann]]\"", &["one"]),
        ("stats.hours = 4", &["one"]),
        ("empty exists or stats exists", &["one"]),
        ("empty = null and status exists", &["four", "two", "one", "three"]),
        ("tag exists", &["one", "three"]),
        ("alias exists", &[]),
        ("open > 0 or backlinks = 1", &["one"]),
        ("folder = own", &["four"]),
        ("(status = done or priority = 9) and not (name = two)", &["three"]),
    ];
    for (text, expected) in cases {
        assert_eq!(found(text), expected, "{text}");
    }
    assert_eq!(found("").len(), 5);
    assert_eq!(found("sort by priority desc limit 1"), ["one"]);
    assert_eq!(found("sort by date desc, name asc")[3..], ["bad", "four"]);
}

#[test]
fn the_fields_that_are_spoken_of_are_shown() {
    let vault = vault();
    let today = jiff::civil::date(2026, 5, 8);
    let columns = |text| query(&vault.view(), text, today, 99).unwrap().columns;
    assert_eq!(columns("status = active and folder = x sort by date"), ["status", "date"]);
    assert_eq!(columns("status = active show owner, words"), ["owner", "words"]);
    let rows = query(&vault.view(), "status = done show status, none", today, 9).unwrap().rows;
    assert_eq!(serde_json::to_string(&rows[0].fields).unwrap(), r#"{"status":"done"}"#);
}

#[test]
fn what_is_not_understood_is_told_with_its_column() {
    let vault = vault();
    let today = jiff::civil::date(2026, 5, 8);
    let cases = [
        ("status", 7, "the query ends"),
        ("status = ", 10, "a value"),
        ("status = a b", 12, "`b` stands there"),
        ("(a = b", 7, "`)`"),
        ("a = \"x", 5, "no end"),
        ("sort date", 6, "`by`"),
        ("a = b limit x", 13, "no number"),
        ("= b", 1, "a field"),
        ("d > today-7q", 5, "no day"),
        ("d > today+9000y", 5, "calendars"),
        ("é = ü ! x", 7, "stands there"),
        ("a in b", 6, "`(`"),
    ];
    for (text, column, part) in cases {
        let error = query(&vault.view(), text, today, 9).unwrap_err();
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
    let deep = "(".repeat(5000);
    assert!(query(&vault.view(), &deep, today, 9).unwrap_err().message.contains("deeply"));
    let nots = "not ".repeat(3000);
    assert!(query(&vault.view(), &nots, today, 9).is_err());
}

#[test]
fn no_text_makes_it_stumble() {
    let vault = vault();
    let today = jiff::civil::date(2026, 5, 8);
    let parts = [
        "a", "=", "(", ")", "and", "or", "not", "in", "\"", "'x'", ",", "sort", "by", "!", "<=",
        "today-", "limit", "3", "é", "\\",
    ];
    for seed in 0..3000 {
        let mut random = Random::new(seed);
        let words: Vec<&str> = (0..random.below(9)).map(|_| random.one_of(&parts)).collect();
        // Only that it comes back matters.
        let _ = query(&vault.view(), &words.join(" "), today, 9);
    }
}
