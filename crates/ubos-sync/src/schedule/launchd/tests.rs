//! Property lists as launchd reads them.

use plist::{Dictionary, Value};

use super::*;
use crate::schedule::interval::Interval;
use crate::schedule::order::{Scope, User};

fn order(mode: Mode) -> Order {
    Order {
        root: "/Users/me/UBOS".into(),
        territory: "localhost".into(),
        peer: "balaur".into(),
        name_peer: false,
        program: "/Users/me/.cargo/bin/ubos-sync".into(),
        user: User { name: "me".into(), home: "/Users/me".into() },
        scope: Scope::Agent,
        mode,
        audit: false,
        writes: Vec::new(),
        base: "com.ubos.sync".into(),
    }
}

fn every(interval: &str) -> Mode {
    Mode::Timer(Interval::parse(interval).unwrap())
}

fn read(file: &UnitFile) -> Dictionary {
    let value = Value::from_reader_xml(file.text.as_bytes());
    let value = value.unwrap_or_else(|error| panic!("{error}\n{}", file.text));
    value.into_dictionary().expect("a list begins with a dictionary")
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|word| word.as_string().unwrap()).collect()
}

fn number(value: &Value) -> i64 {
    value.as_signed_integer().unwrap()
}

#[test]
fn the_agent_runs_at_twelve_slots_an_hour_and_at_login() {
    let files = files(&order(every("5m")));
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].name, "com.ubos.sync.plist");
    let list = read(&files[0]);
    assert_eq!(list["Label"].as_string(), Some("com.ubos.sync"));
    assert_eq!(
        words(&list["ProgramArguments"]),
        [
            "/Users/me/.cargo/bin/ubos-sync",
            "--root",
            "/Users/me/UBOS",
            "--quiet",
            "tick",
            "--interval",
            "5m"
        ]
    );
    let slots: Vec<_> = list["StartCalendarInterval"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| {
            let slot = slot.as_dictionary().unwrap();
            assert_eq!(slot.len(), 1);
            number(&slot["Minute"])
        })
        .collect();
    assert_eq!(slots, [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]);
    assert_eq!(list["RunAtLoad"].as_boolean(), Some(true));
    assert_eq!(list["ProcessType"].as_string(), Some("Standard"));
    assert_eq!(list["LowPriorityIO"].as_boolean(), Some(false));
    assert_eq!(number(&list["Nice"]), 5);
    assert_eq!(number(&list["ExitTimeOut"]), 60);
    let limits = list["SoftResourceLimits"].as_dictionary().unwrap();
    assert_eq!(number(&limits["NumberOfFiles"]), 8192);
    let environment = list["EnvironmentVariables"].as_dictionary().unwrap();
    let path = environment["PATH"].as_string().unwrap();
    assert!(path.starts_with("/Users/me/.cargo/bin:/opt/homebrew/bin:"), "{path}");
    assert_eq!(list["StandardOutPath"].as_string(), Some("/dev/null"));
    assert_eq!(
        list["StandardErrorPath"].as_string(),
        Some("/Users/me/Library/Logs/ubos-sync/com.ubos.sync.log")
    );
    for absent in ["StartInterval", "KeepAlive", "WatchPaths", "AssociatedBundleIdentifiers"] {
        assert!(!list.contains_key(absent), "{absent}");
    }
}

#[test]
fn slots_of_hours_name_the_hour() {
    let list = read(&files(&order(every("8h")))[0]);
    let slots = list["StartCalendarInterval"].as_array().unwrap();
    let slots = slots.iter().map(|slot| slot.as_dictionary().unwrap());
    let times: Vec<_> =
        slots.map(|slot| (number(&slot["Hour"]), number(&slot["Minute"]))).collect();
    assert_eq!(times, [(0, 0), (8, 0), (16, 0)]);
}

#[test]
fn a_watcher_is_kept_alive_unless_it_ended_well() {
    let list = read(&files(&order(Mode::Watch))[0]);
    let keep = list["KeepAlive"].as_dictionary().unwrap();
    assert_eq!(keep["SuccessfulExit"].as_boolean(), Some(false));
    assert_eq!(number(&list["ThrottleInterval"]), 30);
    assert!(!list.contains_key("StartCalendarInterval"));
    assert_eq!(words(&list["ProgramArguments"]).last(), Some(&"watch"));
}

#[test]
fn names_that_xml_would_read_otherwise_are_escaped() {
    let mut order = order(every("1m"));
    order.root = "/Users/me/R&D <old> -- \"x\" --".into();
    order.peer = "b&b".into();
    order.name_peer = true;
    order.audit = true;
    let files = files(&order);
    assert_eq!(files[1].name, "com.ubos.sync.audit.plist");
    let [tick, audit] = [read(&files[0]), read(&files[1])];
    assert_eq!(
        words(&tick["ProgramArguments"])[1..],
        [
            "--root",
            "/Users/me/R&D <old> -- \"x\" --",
            "--peer",
            "b&b",
            "--quiet",
            "tick",
            "--interval",
            "1m",
            "--deadline",
            "30"
        ]
    );
    assert_eq!(
        words(&audit["ProgramArguments"])[5..],
        ["--quiet", "audit", "--since", "7d", "--write"]
    );
    let slot = audit["StartCalendarInterval"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!(["Weekday", "Hour", "Minute"].map(|key| number(&slot[key])), [1, 6, 0]);
    assert!(!audit.contains_key("RunAtLoad"));
    assert_eq!(Mark::read(&files[0].text), Some(Mark::of(&order)));
}
