//! What the audit says of logs that are not whole: changes that do not continue one another, records
//! that were altered, cut or told twice.

use std::fs;

use serde_json::{Value, json};

use ubos_engine::clock;
use ubos_engine::state::audit::Head;
use ubos_engine::state::chain;

use crate::audit_report::{BEGIN, DAY, HOUR, Log, MINUTE};

#[test]
fn a_change_that_does_not_continue_the_one_before_is_found_unless_the_log_says_why() {
    let [nothing, one, two, three] = [Value::Null, json!("1"), json!("2"), json!("3")];
    let breaks = |middle: &dyn Fn(&mut Log)| {
        let mut log = Log::new();
        log.change(BEGIN, "f", &nothing, &one, "created");
        log.run(BEGIN, 0, json!({}));
        middle(&mut log);
        log.change(BEGIN + HOUR, "f", &two, &three, "modified");
        log.run(BEGIN + HOUR, 0, json!({}));
        log.figures(BEGIN, BEGIN + DAY).record.breaks
    };
    assert_eq!(breaks(&|_| ()), 1);
    assert_eq!(
        breaks(&|log| {
            log.change(BEGIN, "f", &one, &two, "modified");
            log.run(BEGIN, 0, json!({}));
        }),
        0
    );
    // Announced, and left out.
    assert_eq!(
        breaks(&|log| {
            log.change(BEGIN, "f", &one, &two, "modified");
            log.note(BEGIN, json!({"event": "skipped", "path": "f", "reason": "busy"}));
            log.run(BEGIN, 7, json!({}));
        }),
        1
    );
    // Announced by a run that was cut off: it may have happened.
    assert_eq!(
        breaks(&|log| {
            log.change(BEGIN, "f", &one, &two, "modified");
            log.run += 1;
        }),
        0
    );
    let agreed = json!({"event": "agreed", "path": "f", "after": "2"});
    assert_eq!(breaks(&|log| log.note(BEGIN, agreed.clone())), 0);
    assert_eq!(breaks(&|log| log.note(BEGIN, json!({"event": "recovered", "rows": 1}))), 0);
    assert_eq!(breaks(&|log| log.note(BEGIN, json!({"event": "restored", "path": "f"}))), 0);
}

#[test]
fn a_log_that_was_tampered_with_does_not_hold() {
    let mut log = Log::new();
    log.quiet(BEGIN, BEGIN + HOUR);
    assert!(log.figures(BEGIN, BEGIN + HOUR).is_sound());
    let good = fs::read_to_string(log.path()).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let without = |gone: usize| {
        let left = lines.iter().enumerate().filter(|(index, _)| *index != gone);
        left.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    let bad = [
        ("changed", good.replacen("\"exit\":0", "\"exit\":3", 1)),
        ("spaced", good.replacen("{\"", "{ \"", 1).replacen("\"exit\":0", "\"exit\":3", 1)),
        ("first removed", without(0)),
        ("removed", without(5)),
        ("tail cut", without(lines.len() - 1)),
        ("swapped", swapped.join("\n") + "\n"),
        ("segment removed", String::new()),
    ];
    for (what, text) in bad {
        fs::write(log.path(), text).unwrap();
        assert!(log.figures(BEGIN, BEGIN + HOUR).record.fault.is_some(), "{what}");
    }
    fs::write(log.path(), &good).unwrap();
    assert!(log.figures(BEGIN, BEGIN + HOUR).is_sound());
}

#[test]
fn heads_that_were_noted_of_a_log_show_that_it_was_cut_or_rewritten() {
    let mut log = Log::new();
    let head = |seq, word: &str| Head { seq, hash: word.repeat(64) };
    let note = |log: &mut Log, head: &Head| log.note(BEGIN, chain::record("balaur", head).into());
    for noted in [head(3, "a"), head(3, "a"), head(7, "b")] {
        note(&mut log, &noted);
    }
    let figures = log.figures(BEGIN, BEGIN + HOUR);
    assert_eq!((figures.record.heads, figures.record.heads_fault), (3, None));
    for other in [head(7, "c"), head(6, "b")] {
        let mut log = Log::new();
        note(&mut log, &head(7, "b"));
        note(&mut log, &other);
        let figures = log.figures(BEGIN, BEGIN + HOUR);
        assert!(figures.record.heads_fault.is_some() && !figures.is_sound(), "{other:?}");
    }
    // And the log itself tells which of the noted heads it does not have.
    let end = log.audit.head().clone();
    let since = clock::rfc3339_ms(BEGIN);
    let asked = [end.clone(), head(1, "f"), head(99, "f")];
    let check = chain::check(&log.state, "balaur", &since, &asked).unwrap();
    assert_eq!((check.wrong, check.end, check.noted.len()), (vec![1, 99], end, 3));
}

#[test]
fn what_a_lost_run_announced_may_have_happened_or_not() {
    let mut log = Log::new();
    log.change(BEGIN, "f", &Value::Null, &json!("1"), "created");
    log.run(BEGIN, 0, json!({}));
    log.change(BEGIN, "f", &json!("1"), &json!("2"), "modified");
    log.note(BEGIN, json!({"event": "peer-lost", "from": "balaur", "to": "localhost"}));
    log.run(BEGIN, 0, json!({}));
    log.change(BEGIN + HOUR, "f", &json!("1"), &json!("3"), "modified");
    log.run(BEGIN + HOUR, 0, json!({}));
    assert_eq!(log.figures(BEGIN, BEGIN + DAY).record.breaks, 0);
}

#[test]
fn what_is_told_again_after_a_run_that_was_cut_off_counts_once() {
    let mut log = Log::new();
    let opened = json!({"event": "opened", "path": "a", "kind": "modify-modify"});
    let closed = json!({"event": "closed", "path": "a", "by": "converged"});
    log.note(BEGIN, opened.clone());
    log.failed(BEGIN, "unreachable", 5, None);
    log.note(BEGIN + MINUTE, opened.clone());
    log.run(BEGIN + MINUTE, 3, json!({"conflicts": 1}));
    log.note(BEGIN + 2 * MINUTE, closed.clone());
    log.failed(BEGIN + 2 * MINUTE, "unreachable", 5, None);
    log.note(BEGIN + 3 * MINUTE, closed);
    log.run(BEGIN + 3 * MINUTE, 0, json!({"conflicts": 0}));
    let conflicts = log.figures(BEGIN, BEGIN + HOUR).conflicts;
    assert_eq!((conflicts.opened, conflicts.closed.get("converged")), (1, Some(&1)));
    assert!(conflicts.open.is_empty() && conflicts.unproved.is_empty());
    // Later it is another one.
    log.note(BEGIN + 4 * MINUTE, opened);
    log.run(BEGIN + 4 * MINUTE, 3, json!({"conflicts": 1}));
    let conflicts = log.figures(BEGIN, BEGIN + HOUR).conflicts;
    assert_eq!((conflicts.opened, conflicts.open.len()), (2, 1));
}
