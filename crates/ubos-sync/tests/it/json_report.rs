//! The JSON of a run and of other commands. That every report has the contract's fields and that
//! they agree with each other is checked in every test; here is what they say.

use serde_json::{Value, json};
use ubos_testkit::report::{self, Report};
use ubos_testkit::{Side, World};

use crate::agreed;

/// One change of every kind, a conflict, a held path and a notice.
fn eventful() -> World {
    let world = agreed();
    world.laptop().write("notes/created", "four");
    world.laptop().write("notes/f", "B");
    world.laptop().remove("notes/g");
    world.laptop().rename("notes/D/a", "notes/D/moved");
    world.laptop().chmod("notes/D/b", 0o755);
    world.laptop().mkdir("notes/empty");
    world.server().append("logs/day.jsonl", "{\"n\":4}\n");
    world.laptop().write("notes/others/00.md", "here");
    world.server().write("notes/others/00.md", "over there");
    world.laptop().write("in/x", "drift");
    world.server().remove("out/y");
    world
}

#[test]
fn a_report_names_everything_that_was_done() {
    let world = eventful();
    let run = world.laptop().sync();
    run.exits(3).actions([
        ("create", "notes/created", Side::Server),
        ("update", "notes/f", Side::Server),
        ("delete", "notes/g", Side::Server),
        ("rename", "notes/D/moved", Side::Server),
        ("mode", "notes/D/b", Side::Server),
        ("mkdir", "notes/empty", Side::Server),
        ("append", "logs/day.jsonl", Side::Laptop),
        ("create", "out/y", Side::Server),
    ]);
    run.conflicts([("notes/others/00.md", "modify-modify")]).held([("in/x", Side::Laptop)]);
    run.notices("out/y");
    let created = run.report.actions.iter().find(|row| row.path == b"notes/created").unwrap();
    assert_eq!(created.bytes, 4);
    assert_eq!(run.report.raw["totals"]["actions"], 8);
}

#[test]
fn a_report_says_who_ran_what() {
    let world = agreed();
    for (side, command) in
        [(Side::Laptop, "bidirectional"), (Side::Server, "push"), (Side::Laptop, "pull")]
    {
        let report = world.at(side).sync_with([command]).report;
        assert_eq!(report.command, command);
        assert_eq!(
            (report.here.as_str(), report.peer.as_str()),
            (side.name(), side.other().name())
        );
        assert!(!report.dry_run && report.error.is_none());
    }
}

#[test]
fn run_ids_sort_by_time() {
    let world = agreed();
    let ids: Vec<String> = (0..4)
        .map(|number| {
            world.laptop().write("notes/f", number.to_string());
            world.at(Side::BOTH[number % 2]).sync().report.run
        })
        .collect();
    assert!(ids.is_sorted() && ids[0] != ids[1] && ids[2] != ids[3], "{ids:?}");
}

#[test]
fn a_conflict_shows_both_versions() {
    let world = agreed();
    world.laptop().write("notes/f", "longer");
    world.server().remove("notes/f");
    let run = world.laptop().sync();
    let row = &run.exits(3).report.conflicts[0].raw;
    assert_eq!((&row["localhost"]["kind"], &row["localhost"]["size"]), (&json!("file"), &json!(6)));
    let hash = row["localhost"]["hash"].as_str().unwrap();
    assert!(hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{hash}");
    assert_eq!(row["balaur"], Value::Null);
}

#[test]
fn conflicts_lists_the_same_rows_as_the_run() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    let run = world.laptop().sync();
    for side in Side::BOTH {
        let listed = world.at(side).run(["conflicts", "--json"]).json();
        assert_eq!(listed["schema"], 1);
        let rows = listed["conflicts"].as_array().unwrap();
        assert_eq!(rows.len(), 1);
        let row = report::conflict(&rows[0]).unwrap();
        assert_eq!((row.path, row.kind), (b"notes/f".to_vec(), "modify-modify".to_owned()));
        assert_eq!(rows[0]["localhost"]["hash"], run.report.conflicts[0].raw["localhost"]["hash"]);
    }
}

#[test]
fn status_is_the_report_of_the_run_that_would_follow() {
    let world = eventful();
    let status = world.laptop().status().report;
    assert!(status.dry_run);
    let run = world.laptop().sync().report;
    let rows = |report: &Report| {
        let mut rows: Vec<(String, Vec<u8>)> =
            report.actions.iter().map(|row| (row.op.clone(), row.path.clone())).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(&status), rows(&run));
    assert_eq!((status.exit, status.plan), (run.exit, run.plan));
}

#[test]
fn a_plan_has_the_same_id_until_something_changes() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    let plan = || world.laptop().status().report.plan;
    let first = plan();
    assert_eq!(first, plan());
    world.laptop().write("notes/f", "C");
    assert_ne!(first, plan());
}

#[test]
fn other_commands_print_one_document_with_a_schema() {
    let world = eventful();
    world.laptop().sync().exits(3);
    let commands: [&[&str]; 4] = [&["conflicts"], &["log"], &["manifest", "check"], &["doctor"]];
    for command in commands {
        let outcome = world.laptop().run(command.iter().copied().chain(["--json"]));
        assert_eq!(outcome.json()["schema"], 1, "{}", outcome.told());
    }
}

#[test]
fn without_json_standard_output_is_for_people_and_never_coloured_in_a_file() {
    let world = eventful();
    let first = world.laptop().run(["bidirectional"]);
    first.exits(3).says("notes/f").says("conflict");
    assert!(!first.words().contains('\u{1b}'), "{}", first.told());
    let outcome = world.laptop().run(["bidirectional"]);
    let quiet = world.laptop().run(["bidirectional", "-q"]);
    assert!(quiet.stdout.len() < outcome.stdout.len(), "{}", quiet.told());
}
