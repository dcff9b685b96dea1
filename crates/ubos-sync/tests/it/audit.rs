//! `audit`: the figures of real runs, the report that the laptop gets, and a record that does not
//! hold.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use ubos_testkit::{Direction, Law, Side, World};

use crate::{BINARY, agreed};

pub(crate) fn audit(world: &World, side: Side, args: &[&str], code: i32) -> Value {
    let args = [&["audit", "--json"], args].concat();
    world.at(side).run(args).exits(code).json()
}

fn today(report: &Value) -> String {
    format!("STATE_OF_THE_REPUBLIC_{}_sync.md", &report["until"].as_str().unwrap()[..10])
}

/// Points the laptop at a port where nobody listens.
fn cut_off(world: &World) {
    let config = world.laptop().own("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let address = world.root(Side::Server).display().to_string();
    let away = text.replace(&format!("\"{address}\""), "\"ssh://127.0.0.1:1/srv\"");
    assert_ne!(text, away);
    fs::write(&config, away).unwrap();
}

#[test]
fn runs_conflicts_and_decisions_are_counted_and_both_logs_vouch_for_one_another() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/D/a", "three");
    world.laptop().sync().exits(0);
    world.laptop().write("notes/f", "C");
    world.server().write("notes/f", "D");
    world.laptop().sync().exits(3);
    let open = audit(&world, Side::Laptop, &[], 0);
    assert_eq!(open["conflicts"]["open"][0]["path"], "notes/f");
    world.laptop().resolve(["notes/f", "--keep", "balaur"]).exits(0);
    for side in Side::BOTH {
        let report = audit(&world, side, &[], 0);
        assert_eq!(report["sound"], true, "{report}");
        let conflicts = &report["conflicts"];
        assert_eq!((&conflicts["opened"], &conflicts["counted"]), (&1.into(), &0.into()));
        assert_eq!(conflicts["closed"], serde_json::json!({"resolved": 1}));
        assert_eq!(conflicts["open"], serde_json::json!([]));
        assert_eq!(report["runs"]["by_exit"]["3"], 1, "{report}");
        assert_eq!(report["record"]["peer"]["wrong"], serde_json::json!([]), "{report}");
        assert!(report["record"]["peer"]["records"].as_u64().unwrap() > 4, "{report}");
        assert!(report["runs"]["bytes_to"]["localhost"].as_u64().unwrap() >= 6, "{report}");
        assert!(report["runs"]["oldest_change"]["count"].as_u64().unwrap() >= 2, "{report}");
        assert_eq!(report["uptime"]["raw"], 1.0);
    }
}

#[test]
fn a_failure_is_on_record_with_its_cause() {
    let world = agreed();
    cut_off(&world);
    world.laptop().run(["bidirectional"]).exits(5);
    let report = audit(&world, Side::Laptop, &[], 0);
    assert_eq!(report["runs"]["by_exit"]["5"], 1, "{report}");
    assert_eq!(report["runs"]["failures"], serde_json::json!({"refused": 1}), "{report}");
    assert!(report["record"]["not_asked"].is_string(), "{report}");
    world.laptop().run(["audit"]).exits(0).says("refused × 1").says("not asked");
    world.laptop().run(["log", "--verify"]).exits(0);
}

#[test]
fn the_report_of_the_server_comes_to_the_laptop_with_the_next_sync() {
    let world = World::unpaired(BINARY);
    world.decree(&Law::standard().with(Direction::PullOnly, "STATE_OF_THE_REPUBLIC_*.md"));
    let world = world.paired();
    world.laptop().run(["audit", "--write"]).exits(2).says("--here");
    let report = audit(&world, Side::Server, &["--write"], 0);
    let file = today(&report);
    assert_eq!(report["written"], file.as_str());
    world.laptop().sync().exits(0);
    let text = fs::read_to_string(world.laptop().path(&file)).unwrap();
    assert!(text.contains("# State of the republic") && text.contains("UTC"), "{text}");
    assert_eq!(text, fs::read_to_string(world.server().path(&file)).unwrap());
    // It replaces its own, and nothing else.
    world.server().run(["audit", "--write"]).exits(0);
    world.server().write(&file, "mine");
    world.server().run(["audit", "--write"]).exits(2).says("was not written by");
    assert_eq!(fs::read(world.server().path(&file)).unwrap(), b"mine");
    let log = world.server().run(["log", "--json"]).json();
    let reports = log["records"].as_array().unwrap().iter().filter(|r| r["event"] == "report");
    assert_eq!(reports.count(), 2);
}

#[test]
fn a_report_that_nobody_would_get_is_not_written() {
    let world = agreed();
    world.server().run(["audit", "--write"]).exits(2).says("not selected");
    world.server().run(["audit", "--since", "whenever"]).exits(2).says("neither a time");
}

#[test]
fn a_log_that_was_cut_at_one_end_shows_at_the_other() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    let folder: PathBuf = world.server().own("log");
    let log = folder.join("audit-000001.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let kept: Vec<&str> = text.lines().take(3).collect();
    fs::write(&log, kept.join("\n") + "\n").unwrap();
    fs::remove_file(folder.join("head")).unwrap();
    // By itself the rest of it is whole.
    world.server().run(["log", "--verify"]).exits(0);
    let report = audit(&world, Side::Laptop, &[], 1);
    assert!(!report["record"]["peer"]["wrong"].as_array().unwrap().is_empty(), "{report}");
    let report = audit(&world, Side::Server, &[], 1);
    assert!(!report["record"]["peer"]["denied"].as_array().unwrap().is_empty(), "{report}");
    // Once it has grown again, what was noted of it contradicts itself.
    let report = {
        world.laptop().write("notes/f", "C");
        world.laptop().sync().exits(0);
        audit(&world, Side::Laptop, &["--offline"], 1)
    };
    assert!(report["record"]["heads_fault"].is_string(), "{report}");
}

#[test]
fn what_was_put_back_is_counted() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    let run = world.laptop().sync().exits(0).report.run.clone();
    world.laptop().remove("notes/g");
    let deleted = world.laptop().sync().exits(0).report.run.clone();
    assert_ne!(run, deleted);
    world.laptop().run(["restore", "notes/f"]).exits(0);
    world.laptop().run(["undo", deleted.as_str()]).exits(0);
    let sum = |key: &str| -> u64 {
        let of = |side| audit(&world, side, &[], 0)["put_back"][key].as_u64().unwrap();
        of(Side::Laptop) + of(Side::Server)
    };
    assert!(
        sum("restores") >= 1 && sum("restored") >= 1,
        "{}",
        audit(&world, Side::Laptop, &[], 0)
    );
    assert!(sum("undos") >= 1 && sum("undone") >= 1, "{}", audit(&world, Side::Server, &[], 0));
    world.laptop().run(["audit"]).says("restores done: ").says("backup re-hash findings: 0");
}

#[test]
fn the_figures_can_be_computed_again_from_the_log_alone() {
    let world = agreed();
    for content in ["B", "C"] {
        world.laptop().write("notes/f", content);
        world.laptop().sync().exits(0);
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/audit-recompute.py");
    for side in Side::BOTH {
        let report = audit(&world, side, &[], 0);
        let path = world.base().join("report.json");
        fs::write(&path, report.to_string()).unwrap();
        let mut script = Command::new(script);
        script.arg(world.at(side).own("log")).arg("--compare").arg(&path);
        let said = script.output().expect("python3 is installed");
        let words = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert!(said.status.success(), "{words}");
    }
}

/// Processes that die while a conflict opens or closes.
#[cfg(feature = "failpoints")]
mod cut_off {
    use super::*;
    use ubos_testkit::failpoints::{Crash, run_to_crash, trace};

    const RUN: [&str; 2] = ["bidirectional", "--json"];

    /// A conflict that is about to open, or one that is open and about to converge.
    fn prepare(opens: bool) -> World {
        let world = agreed();
        for side in Side::BOTH {
            world.at(side).write("notes/f", side.name());
        }
        if !opens {
            world.laptop().sync().exits(3);
            converge(&world);
        }
        world
    }

    fn converge(world: &World) {
        for side in Side::BOTH {
            world.at(side).write("notes/f", "alike");
        }
    }

    /// Both sides have one conflict on record that opened and converged, or none at all.
    fn check(world: &World, crash: Crash, may_be_none: bool) {
        for side in Side::BOTH {
            let report = audit(world, side, &[], 0);
            let conflicts = &report["conflicts"];
            let told = (&conflicts["opened"], &conflicts["closed"]["converged"]);
            let none = may_be_none && told == (&0.into(), &Value::Null);
            assert!(none || told == (&1.into(), &1.into()), "{crash:?} {side:?}: {conflicts}");
            assert_eq!(conflicts["open"], serde_json::json!([]), "{crash:?} {side:?}");
        }
    }

    #[test]
    fn a_conflict_opens_and_closes_once_whatever_step_a_run_died_at() {
        for opens in [true, false] {
            let (_, points) = trace(prepare(opens).laptop(), &RUN);
            for crash in points.crashes() {
                let world = prepare(opens);
                run_to_crash(world.laptop(), &RUN, crash);
                // It may end before another run has seen it.
                converge(&world);
                world.laptop().sync().exits(0);
                check(&world, crash, opens);
                if opens {
                    let world = prepare(opens);
                    run_to_crash(world.laptop(), &RUN, crash);
                    world.server().sync().exits(3);
                    converge(&world);
                    world.laptop().sync().exits(0);
                    check(&world, crash, false);
                }
            }
        }
    }
}
