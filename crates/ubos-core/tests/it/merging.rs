//! Merging: what a merge may put together, and from what.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ubos_core::merge::{Labels, Merged, has_markers, is_text, merge};
use ubos_core::path::RelPath;

const LABELS: Labels<'static> = Labels { here: "localhost", base: "last agreed", there: "balaur" };

fn merged(name: &str, base: Option<&str>, here: &str, there: &str) -> Merged {
    let path = RelPath::new(name).unwrap();
    let base = base.map(str::as_bytes);
    merge(&path, base, here.as_bytes(), there.as_bytes(), &LABELS).unwrap()
}

#[track_caller]
fn clean(name: &str, base: &str, here: &str, there: &str, expected: &str) {
    for (one, other) in [(here, there), (there, here)] {
        match merged(name, Some(base), one, other) {
            Merged::Clean(text) => {
                let text = String::from_utf8(text).unwrap();
                assert!(
                    text == expected
                        || (one, other) == (there, here) && same_words(&text, expected),
                    "{text}"
                );
            }
            Merged::Conflicted(text) => panic!("{}", String::from_utf8_lossy(&text)),
        }
    }
}

/// The same but for the order of what both added.
fn same_words(a: &str, b: &str) -> bool {
    let words = |text: &str| -> BTreeSet<String> {
        text.split([' ', '\n', ',', '\t', '\r']).map(str::to_owned).collect()
    };
    words(a) == words(b)
}

#[track_caller]
fn conflicted(name: &str, base: Option<&str>, here: &str, there: &str) -> String {
    match merged(name, base, here, there) {
        Merged::Clean(text) => panic!("clean: {}", String::from_utf8_lossy(&text)),
        Merged::Conflicted(text) => {
            assert!(has_markers(&text));
            assert!(matches!(merged(name, base, there, here), Merged::Conflicted(_)));
            String::from_utf8(text).unwrap()
        }
    }
}

#[test]
fn edits_of_different_places_fit_together() {
    clean("a.md", "a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nD\n");
    clean("a.md", "a\nb\nc\n", "a\nc\n", "a\nb\nc\nd\n", "a\nc\nd\n");
    clean("a.md", "a\nb\nc", "x\na\nb\nc", "a\nb\nC", "x\na\nb\nC");
}

#[test]
fn the_same_edit_on_both_sides_is_taken_once() {
    clean("a.md", "a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n", "a\nX\nc\n");
    clean("a.md", "a\nb\nc\nd\n", "a\nX\nc\nd\n", "a\nX\nc\nD\n", "a\nX\nc\nD\n");
}

#[test]
fn edits_of_one_place_stand_between_marks() {
    let text = conflicted("a.md", Some("a\nb\nc\n"), "a\nH\nc\n", "a\nT\nc\n");
    assert_eq!(
        text,
        "a\n<<<<<<< localhost\nH\n||||||| last agreed\nb\n=======\nT\n>>>>>>> balaur\nc\n"
    );
}

#[test]
fn edits_of_neighbouring_lines_are_one_place() {
    conflicted("a.md", Some("a\nb\n"), "A\nb\n", "a\nB\n");
    conflicted("a.md", Some("a\nb\n"), "a\nb\nhere\n", "a\nb\nthere\n");
}

#[test]
fn each_mark_has_a_line_of_its_own() {
    let text = conflicted("a.md", Some("a"), "H", "T");
    assert_eq!(text, "<<<<<<< localhost\nH\n||||||| last agreed\na\n=======\nT\n>>>>>>> balaur\n");
}

#[test]
fn without_a_base_nothing_is_clean() {
    let text = conflicted("a.md", None, "a\nb\nc\n", "a\nX\nc\n");
    assert_eq!(text, "a\n<<<<<<< localhost\nb\n=======\nX\n>>>>>>> balaur\nc\n");
    conflicted("a.md", None, "a\n", "a\nb\n");
    conflicted("a.json", None, "{\"a\": 1}\n", "{\"b\": 1}\n");
}

#[test]
fn changed_line_endings_are_taken_and_never_mixed() {
    clean("a.md", "a\nb\nc\n", "a\r\nb\r\nc\r\n", "a\nb\nX\n", "a\r\nb\r\nX\r\n");
    clean("a.md", "a\r\nb\r\nc\r\n", "a\nb\nc\n", "a\r\nb\r\nc\r\nd\r\n", "a\nb\nc\nd\n");
    clean("a.md", "a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n");
    let text = conflicted("a.md", Some("a\nb\n"), "a\r\nH\r\n", "a\nT\n");
    assert!(text.split_inclusive('\n').all(|line| line.ends_with("\r\n")), "{text:?}");
    // What was mixed before stays as it was written.
    clean("a.md", "a\r\nb\nc\n", "a\r\nb\nX\n", "a\r\nb\nc\n", "a\r\nb\nX\n");
}

#[test]
fn what_is_no_text_is_not_merged() {
    let path = RelPath::new("a.bin").unwrap();
    assert_eq!(merge(&path, Some(b"a"), b"a\0b", b"a", &LABELS), None);
    assert_eq!(merge(&path, Some(b"a\0"), b"b", b"a", &LABELS), None);
    assert!(is_text("plain \u{fc}".as_bytes()) && is_text(b"latin \xfc") && !is_text(b"\0"));
}

#[test]
fn a_heading_underlined_with_equals_signs_is_no_mark() {
    assert!(!has_markers(b"Heading\n=======\ntext\n"));
    assert!(has_markers(b"a\n<<<<<<< x\n"));
    assert!(has_markers(b"a\n>>>>>>> x"));
}

#[test]
fn settings_merge_by_key() {
    clean(
        "app.json",
        "{\n  \"a\": 1,\n  \"b\": 2\n}\n",
        "{\n  \"a\": 10,\n  \"b\": 2\n}\n",
        "{\n  \"a\": 1,\n  \"b\": 20\n}\n",
        "{\n  \"a\": 10,\n  \"b\": 20\n}\n",
    );
    clean("app.json", "{\"a\":1,\"b\":2}", "{\"b\":2}", "{\"a\":1,\"b\":3}", "{\"b\":3}");
}

#[test]
fn keys_put_in_at_one_place_are_both_kept_in_their_order() {
    let text = merged(
        "app.json",
        Some("{\n\t\"z\": 1\n}\n"),
        "{\n\t\"z\": 1,\n\t\"here\": true\n}\n",
        "{\n\t\"z\": 1,\n\t\"there\": null\n}\n",
    );
    let expected = "{\n\t\"z\": 1,\n\t\"here\": true,\n\t\"there\": null\n}\n";
    assert_eq!(text, Merged::Clean(expected.into()));
}

#[test]
fn untouched_values_keep_their_text() {
    clean(
        "app.json",
        "{\"n\": 1.00, \"big\": 12345678901234567890123, \"\\u00e9\": \"\\u00e9\", \"x\": 1, \"y\": 1}",
        "{\"n\": 1.00, \"big\": 12345678901234567890123, \"\\u00e9\": \"\\u00e9\", \"x\": 2, \"y\": 1}",
        "{\"n\": 1.00, \"big\": 12345678901234567890123, \"\\u00e9\": \"\\u00e9\", \"x\": 1, \"y\": 3e0}",
        "{\"n\": 1.00, \"big\": 12345678901234567890123, \"\\u00e9\": \"\\u00e9\", \"x\": 2, \"y\": 3e0}",
    );
}

#[test]
fn objects_within_objects_merge_by_key_too() {
    clean(
        "app.json",
        "{\"o\":{\"a\":1,\"b\":{\"c\":1}},\"p\":0}",
        "{\"o\":{\"a\":2,\"b\":{\"c\":1}},\"p\":0}",
        "{\"o\":{\"a\":1,\"b\":{\"c\":3}},\"p\":0}",
        "{\"o\":{\"a\":2,\"b\":{\"c\":3}},\"p\":0}",
    );
}

#[test]
fn lists_of_strings_merge_as_sets() {
    clean(
        "community-plugins.json",
        "[\n  \"a\",\n  \"b\",\n  \"c\"\n]",
        "[\n  \"a\",\n  \"c\"\n]",
        "[\n  \"a\",\n  \"b\",\n  \"c\",\n  \"d\"\n]",
        "[\n  \"a\",\n  \"c\",\n  \"d\"\n]",
    );
    let both = merged("a.json", Some("{\"l\":[]}"), "{\"l\":[\"x\"]}", "{\"l\":[\"y\"]}");
    assert_eq!(both, Merged::Clean(b"{\"l\":[\"x\", \"y\"]}".into()));
}

#[test]
fn how_the_graph_was_looked_at_last_is_no_clash() {
    let graph = |scale: &str, panel: &str, arrows: &str, colour: &str| {
        format!(
            "{{\n  \"collapse-filter\": {panel},\n  \"showArrow\": {arrows},\n  \"mine\": {colour},\n  \
             \"scale\": {scale},\n  \"close\": {panel}\n}}"
        )
    };
    let base = graph("1", "true", "false", "1");
    let here = graph("0.0421", "false", "true", "1");
    let there = graph("2.50", "null", "false", "7");
    let both = graph("1", "true", "true", "7");
    clean(".obsidian/graph.json", &base, &here, &there, &both);
    clean("sub/.obsidian-mac/graph.json", &base, &here, &there, &both);
    conflicted("docs/graph.json", Some(&base), &here, &there);
    conflicted(".obsidian/app.json", Some(&base), &here, &there);
    // One side only is taken over, also where nothing was agreed on or the other took it out.
    let scale = |scale: &str| format!("{{\n  \"a\": 1,\n  \"scale\": {scale}\n}}");
    let (none, other) = ("{\n  \"a\": 1\n}", "{\n  \"a\": 2\n}");
    clean(".obsidian/graph.json", none, &scale("4"), &scale("3"), &scale("3"));
    clean(".obsidian/graph.json", &scale("1"), &scale("3"), other, &scale("1").replace("1,", "2,"));
    // Everything else still clashes, and so does a key of that name further down.
    conflicted(".obsidian/graph.json", Some("{\"a\": 1}\n"), "{\"a\": 2}\n", "{\"a\": 3}\n");
    let nested = |scale: u8| format!("{{\"a\": {{\"scale\": {scale}}}}}\n");
    conflicted(".obsidian/graph.json", Some(&nested(1)), &nested(2), &nested(3));
}

#[test]
fn a_value_changed_differently_is_a_conflict() {
    conflicted("a.json", Some("{\"a\": 1}\n"), "{\"a\": 2}\n", "{\"a\": 3}\n");
    conflicted("a.json", Some("{\"a\": 1, \"b\": 0}\n"), "{\"b\": 0}\n", "{\"a\": 3, \"b\": 0}\n");
    conflicted("a.json", Some("{}"), "{\"a\": 1}", "{\"a\": 2}");
    // Other lists are one value, even where their lines would fit together.
    let (base, here) = ("{\n\"l\": [\n1,\n2,\n3,\n4\n]\n}\n", "{\n\"l\": [\n0,\n2,\n3,\n4\n]\n}\n");
    conflicted("a.json", Some(base), here, "{\n\"l\": [\n1,\n2,\n3,\n5\n]\n}\n");
}

#[test]
fn a_key_that_stands_twice_is_merged_by_lines_if_that_parses() {
    let base = "{\n\"a\": 1,\n\"a\": 2,\n\"b\": 3,\n\"c\": 4\n}\n";
    let here = base.replace("\"a\": 1", "\"a\": 9");
    let there = base.replace("\"c\": 4", "\"c\": 5");
    let both = here.replace("\"c\": 4", "\"c\": 5");
    clean("a.json", base, &here, &there, &both);
    // By lines this would lose the comma between the two.
    let base = "{\n\"a\": 1,\n\"a\": 2,\n\"b\": 3\n}\n";
    let there = "{\n\"a\": 1,\n\"a\": 2,\n\"b\": 3,\n\"c\": 4\n}\n";
    let here = "{\n\"a\": 1,\n\"a\": 2\n}\n";
    conflicted("a.json", Some(base), here, there);
}

#[test]
fn what_does_not_parse_is_merged_by_lines() {
    clean("a.json", "{\n\"a\n\nb\nc\n", "{\n\"A\n\nb\nc\n", "{\n\"a\n\nb\nC\n", "{\n\"A\n\nb\nC\n");
}

#[test]
fn a_deep_value_is_one_value_and_no_danger() {
    let deep = |x: u32| format!("{}{x}{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    let path = RelPath::new("a.json").unwrap();
    let [base, here, there] = [0, 1, 2].map(deep);
    let merged =
        merge(&path, Some(base.as_bytes()), here.as_bytes(), there.as_bytes(), &LABELS).unwrap();
    assert!(matches!(merged, Merged::Conflicted(_)));
}

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d"), Just("")];
    let lines = proptest::collection::vec(line, 0..9);
    (lines, any::<bool>(), prop_oneof![4 => Just("\n"), 1 => Just("\r\n")]).prop_map(
        |(lines, ended, ending)| {
            let text = lines.join(ending);
            if ended { format!("{text}{ending}") } else { text }
        },
    )
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("1.0".to_owned()),
        Just("\"x\"".to_owned()),
        Just("[\"p\", \"q\"]".to_owned()),
        Just("[\"q\", \"r\"]".to_owned()),
        Just("[1, 2]".to_owned()),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let key = prop_oneof![Just("a"), Just("b"), Just("c"), Just("\u{e9}")];
        let members = proptest::collection::vec((key, inner), 0..4);
        (members, any::<bool>()).prop_map(|(members, lines)| {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
            if lines && !members.is_empty() {
                format!("{{\n  {}\n}}", members.join(",\n  "))
            } else {
                format!("{{{}}}", members.join(", "))
            }
        })
    })
}

fn lines(text: &[u8]) -> BTreeSet<Vec<u8>> {
    text.split(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec())
        .collect()
}

fn laws(name: &str, base: &str, here: &str, there: &str) -> Result<(), TestCaseError> {
    let whole = |text: &str| Merged::Clean(text.into());
    prop_assert_eq!(merged(name, Some(base), base, here), whole(here));
    prop_assert_eq!(merged(name, Some(base), here, base), whole(here));
    prop_assert_eq!(merged(name, Some(base), here, here), whole(here));
    let one = merged(name, Some(base), here, there);
    let other = merged(name, Some(base), there, here);
    let is_clean = |merged: &Merged| matches!(merged, Merged::Clean(_));
    prop_assert_eq!(is_clean(&one), is_clean(&other), "{:?} {:?}", one, other);
    if here != there {
        prop_assert!(!is_clean(&merged(name, None, here, there)));
    }
    let (Merged::Clean(text) | Merged::Conflicted(text)) = &one;
    if !is_clean(&one) || !name.ends_with(".json") {
        let mut known = lines(base.as_bytes());
        known.extend(lines(here.as_bytes()));
        known.extend(lines(there.as_bytes()));
        for mark in ["<<<<<<< localhost", "||||||| last agreed", "=======", ">>>>>>> balaur", ""] {
            known.insert(mark.into());
        }
        for line in lines(text) {
            prop_assert!(known.contains(&line), "{:?} in {:?}", line, text);
        }
    }
    let ends: BTreeSet<bool> = text
        .split_inclusive(|&b| b == b'\n')
        .filter(|line| line.ends_with(b"\n"))
        .map(|line| line.ends_with(b"\r\n"))
        .collect();
    prop_assert!(ends.len() < 2, "mixed endings: {:?}", text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: RngSeed::Fixed(3),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn laws_of_merging_by_lines(base in text(), here in text(), there in text()) {
        laws("a.md", &base, &here, &there)?;
    }

    #[test]
    fn laws_of_merging_by_key(base in json(), here in json(), there in json()) {
        laws("a.json", &base, &here, &there)?;
        if let Merged::Clean(text) = merged("a.json", Some(&base), &here, &there) {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
        }
    }
}

#[test]
fn text_may_hold_some_strange_bytes_and_other_content_is_no_text() {
    assert!(is_text("# Füße\n\tand more\r\n".as_bytes()));
    assert!(is_text(b"latin-1: gr\xfc\xdfe, and quite some text around it"));
    assert!(is_text(b""));
    assert!(!is_text(b"a\0b"));
    assert!(!is_text(&[0xff; 50]));
    assert!(!is_text(b"\x01\x02\x03\x04"));
}
