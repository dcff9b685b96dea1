//! `doctor`: what is well is said to be well, each thing that is not is found and comes with a
//! remedy, and looking changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use ubos_testkit::process::Outcome;
use ubos_testkit::script::write_script;
use ubos_testkit::sketch::Sketch;
use ubos_testkit::{Side, World};

use crate::{BINARY, agreed};

/// The findings of a call that must end with `code`.
struct Findings {
    outcome: Outcome,
    rows: Vec<Value>,
}

impl Findings {
    fn of(world: &World, args: &[&str], code: i32) -> Self {
        let all: Vec<&str> = [&["doctor", "--json"], args].concat();
        let outcome = world.laptop().run(all);
        let document = outcome.exits(code).json();
        assert_eq!((&document["schema"], &document["exit"]), (&1.into(), &code.into()));
        let rows = document["findings"].as_array().unwrap().clone();
        for row in &rows {
            let status = row["status"].as_str().unwrap();
            assert!(["ok", "warning", "problem"].contains(&status), "{row}");
            assert!(!row["check"].as_str().unwrap().is_empty(), "{row}");
            assert!(!row["message"].as_str().unwrap().is_empty(), "{row}");
            assert_eq!(row["remedy"].is_string(), status != "ok", "{row}");
        }
        Self { outcome, rows }
    }

    /// The checks that ended with `status`.
    fn with(&self, status: &str) -> Vec<&str> {
        let rows = self.rows.iter().filter(|row| row["status"] == status);
        rows.map(|row| row["check"].as_str().unwrap()).collect()
    }

    fn told(&self, check: &str) -> String {
        let rows: Vec<&Value> = self.rows.iter().filter(|row| row["check"] == check).collect();
        assert!(!rows.is_empty(), "nothing about {check}\n{}", self.outcome.told());
        rows.iter().map(|row| format!("{} {}\n", row["message"], row["remedy"])).collect()
    }

    /// Asserts that exactly `checks` are problems, and that the first tells each of `words`.
    fn problems(self, checks: &[&str], words: &[&str]) {
        assert_eq!(self.with("problem"), checks, "{}", self.outcome.told());
        for word in words {
            assert!(self.told(checks[0]).contains(word), "{word}\n{}", self.outcome.told());
        }
    }
}

/// A world whose system has only the programs in its own `bin`.
fn bare_path(world: &World) {
    world.set_env("PATH", world.base().join("bin"));
}

/// Makes the laptop reach the server over an `ssh` that is this script.
fn scripted_ssh(world: &World, lines: &str) {
    let version = "[ \"$1\" = -V ] && { echo OpenSSH_9.9 >&2; exit 0; }";
    write_script(&world.base().join("bin/ssh"), &format!("{version}\n{lines}"));
    let config = world.laptop().own("config.toml");
    let address = format!("\"{}\"", world.root(Side::Server).display());
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(&address), "{text}");
    let over_ssh = format!("\"balaur:{}\"", world.root(Side::Server).display());
    fs::write(&config, text.replace(&address, &over_ssh)).unwrap();
}

fn edit(path: &Path, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).unwrap();
    let changed = change(&text);
    assert_ne!(text, changed, "the edit changes nothing");
    fs::write(path, changed).unwrap();
}

#[test]
fn a_pair_in_order_has_no_problem_and_everything_was_looked_at() {
    let world = agreed();
    let found = Findings::of(&world, &[], 0);
    for check in [
        "root",
        "nesting",
        "private-folder",
        "configuration",
        "peers",
        "marker",
        "baseline",
        "generation",
        "interrupted-run",
        "manifests",
        "audit-log",
        "exchange-rename",
        "no-replace-rename",
        "hard-links",
        "case",
        "unicode",
        "names",
        "times",
        "space",
        "rsync",
        "peer-reachable",
        "peer-version",
        "peer-shell",
        "peer-clock",
        "peer-rsync",
        "peer-standing",
    ] {
        found.told(check);
    }
    assert!(found.told("generation").contains("agree"));
    assert!(!found.with("ok").is_empty() && found.with("problem").is_empty());
}

#[test]
fn looking_changes_nothing_on_either_side() {
    let world = agreed();
    let private = || Side::BOTH.map(|side| Sketch::read(&world.at(side).own("")));
    let before = private();
    Findings::of(&world, &[], 0);
    for (before, after) in before.iter().zip(&private()) {
        assert_eq!(before.difference(after), None);
    }
    world.expect("", "");
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn a_pair_that_never_synced_is_in_order_on_both_sides() {
    let world = World::empty(BINARY);
    world.init().exits(0);
    Findings::of(&world, &[], 0).told("baseline");
    let other_side = world.server().run(["doctor"]);
    other_side.exits(0).says("none are here yet");
}

#[test]
fn without_the_peer_nothing_is_said_of_it() {
    let world = agreed();
    fs::rename(world.root(Side::Server), world.base().join("away")).unwrap();
    let found = Findings::of(&world, &["--local"], 0);
    assert!(found.rows.iter().all(|row| !row["check"].as_str().unwrap().starts_with("peer-")));
    Findings::of(&world, &[], 1).problems(&["peer-standing"], &["balaur"]);
    fs::rename(world.base().join("away"), world.root(Side::Server)).unwrap();
}

#[test]
fn a_private_folder_that_others_can_read_comes_with_the_command_that_mends_it() {
    let world = agreed();
    let own = world.laptop().own("");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    let found = Findings::of(&world, &[], 1);
    let told = found.told("private-folder");
    found.problems(&["private-folder"], &["0755"]);
    let command = told.split('`').find(|part| part.starts_with("chmod")).unwrap();
    let mended = world.command(Path::new("/bin/sh")).args(["-c", command]).status().unwrap();
    assert!(mended.success());
    Findings::of(&world, &[], 0);
}

#[test]
fn a_folder_that_is_no_territory_is_a_problem_with_init_as_its_remedy() {
    let world = World::empty(BINARY);
    let root = world.root(Side::Laptop);
    let found = Findings::of(&world, &["--root", root.to_str().unwrap()], 1);
    found.problems(&["private-folder"], &["ubos-sync init"]);
    let nowhere = world.base().join("nowhere");
    let found = Findings::of(&world, &["--root", nowhere.to_str().unwrap()], 1);
    found.problems(&["root"], &["nowhere"]);
}

#[test]
fn a_territory_inside_another_is_a_problem() {
    let world = agreed();
    fs::create_dir(world.base().join(".ubos-sync")).unwrap();
    Findings::of(&world, &["--local"], 1).problems(&["nesting"], &["inside"]);
}

#[test]
fn a_broken_configuration_is_named_with_its_line() {
    let world = agreed();
    edit(&world.laptop().own("config.toml"), |text| format!("{text}\nnot = [toml"));
    Findings::of(&world, &[], 1).problems(&["configuration"], &["line", "config.toml"]);
    fs::remove_file(world.laptop().own("config.toml")).unwrap();
    Findings::of(&world, &[], 1).problems(&["configuration"], &["missing", "ubos-sync init"]);
}

#[test]
fn a_lost_marker_leads_to_recover() {
    let world = agreed();
    fs::remove_file(world.laptop().own("marker")).unwrap();
    let found = Findings::of(&world, &[], 1);
    found.problems(&["marker", "peer-standing"], &["ubos-sync recover"]);
}

#[test]
fn a_copy_of_a_territory_on_another_machine_is_recognised() {
    let world = agreed();
    let marker = world.laptop().own("marker");
    if !fs::read_to_string(&marker).unwrap().contains("host = ") {
        eprintln!("skipped: this system does not name its machine");
        return;
    }
    let elsewhere = |line: &str| {
        if line.starts_with("host = ") {
            "host = \"elsewhere\"".to_owned()
        } else {
            line.to_owned()
        }
    };
    edit(&marker, |text| text.lines().map(|line| elsewhere(line) + "\n").collect());
    Findings::of(&world, &["--local"], 1).problems(&["machine"], &["another machine"]);
}

#[test]
fn a_lost_state_is_found_and_what_mends_it_works() {
    let world = agreed();
    fs::remove_dir_all(world.laptop().own("state")).unwrap();
    let found = Findings::of(&world, &[], 1);
    assert_eq!(found.with("warning"), ["peer-standing"], "{}", found.outcome.told());
    found.problems(&["baseline"], &["lost", "ubos-sync bidirectional"]);
    world.laptop().sync().exits(0);
    Findings::of(&world, &[], 0);
}

#[test]
fn an_older_state_is_found_by_the_marker() {
    let world = agreed();
    let state = world.laptop().own("state");
    let older = world.base().join("older");
    let copy = |from: &Path, to: &Path| {
        let mut command = world.command(Path::new("cp"));
        assert!(command.arg("-R").arg(from).arg(to).status().unwrap().success());
    };
    copy(&state, &older);
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    fs::remove_dir_all(&state).unwrap();
    copy(&older, &state);
    Findings::of(&world, &["--local"], 1).problems(&["generation"], &["older copy", "recover"]);
}

#[test]
fn a_missing_manifest_comes_with_the_command_that_brings_it_back() {
    let world = agreed();
    world.laptop().remove("config/sync_exclude.conf");
    let found = Findings::of(&world, &["--local"], 1);
    let told = found.told("manifests");
    found.problems(&["manifests"], &["config/sync_exclude.conf", "missing"]);
    let command = told.split('`').find(|part| part.starts_with("cp ")).unwrap();
    assert!(world.command(Path::new("/bin/sh")).args(["-c", command]).status().unwrap().success());
    Findings::of(&world, &[], 0);
}

#[test]
fn manifests_that_are_wrong_or_select_nothing_are_problems() {
    let world = agreed();
    let to = "config/sync_to_balaur.conf";
    let before = world.laptop().get(to).unwrap();
    world.laptop().write(to, "[sideways]\nnotes/\n");
    Findings::of(&world, &["--local"], 1).problems(&["manifests"], &["sideways", to]);
    world.laptop().write(to, "# nothing\n");
    world.laptop().write("config/sync_from_balaur.conf", "# nothing\n");
    Findings::of(&world, &["--local"], 1).problems(&["manifests"], &[]);
    assert_ne!(world.laptop().get(to), Some(before));
}

#[test]
fn an_altered_record_is_found() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    let log = world.laptop().own("log/audit-000001.jsonl");
    edit(&log, |text| text.replace("notes/f", "notes/x"));
    Findings::of(&world, &["--local"], 1).problems(&["audit-log"], &["altered"]);
}

#[test]
fn a_system_without_rsync_is_a_warning_and_syncs_all_the_same() {
    let world = agreed();
    bare_path(&world);
    let found = Findings::of(&world, &[], 0);
    assert_eq!(found.with("warning"), ["rsync", "peer-rsync"], "{}", found.outcome.told());
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0).clean().both("notes/f = B");
}

#[test]
fn a_missing_ssh_is_a_problem_only_where_it_is_needed() {
    let world = agreed();
    scripted_ssh(&world, "exit 255");
    fs::remove_file(world.base().join("bin/ssh")).unwrap();
    bare_path(&world);
    Findings::of(&world, &["--local"], 1).problems(&["ssh"], &["OpenSSH"]);
}

#[test]
fn a_peer_that_does_not_answer_is_5_and_a_problem_of_our_own_comes_first() {
    let world = agreed();
    scripted_ssh(
        &world,
        "echo 'ssh: connect to host balaur port 22: Connection refused' >&2; exit 255",
    );
    let found = Findings::of(&world, &[], 5);
    assert!(found.told("ssh").contains("OpenSSH_9.9"));
    found.problems(&["peer-reachable"], &["refused", "network"]);
    fs::remove_file(world.laptop().own("marker")).unwrap();
    Findings::of(&world, &[], 1);
}

#[test]
fn what_the_shell_of_the_peer_prints_is_told() {
    let world = agreed();
    scripted_ssh(&world, &format!("echo 'Welcome to the Balaur!'; exec '{BINARY}' agent"));
    let found = Findings::of(&world, &[], 0);
    assert!(found.with("warning").contains(&"peer-shell"), "{}", found.outcome.told());
    assert!(found.told("peer-shell").contains("Welcome to the Balaur!"));
    assert!(found.told("peer-standing").contains("generation"));
}

#[test]
fn a_peer_that_holds_another_folder_is_a_problem() {
    let [world, other] = [agreed(), agreed()];
    edit(&world.laptop().own("config.toml"), |text| {
        let [own, foreign] = [&world, &other].map(|w| w.root(Side::Server).display().to_string());
        text.replace(&own, &foreign)
    });
    Findings::of(&world, &[], 1).problems(&["peer-standing"], &["not a territory of this pair"]);
}

#[test]
fn people_get_headings_remedies_and_a_verdict() {
    let world = agreed();
    let well = world.laptop().run(["doctor"]);
    well.exits(0).says("peer balaur").says("checks:");
    fs::remove_file(world.laptop().own("marker")).unwrap();
    let ill = world.laptop().run(["doctor", "-q"]);
    ill.exits(1).says("→ `ubos-sync recover`").says("2 problems");
    assert!(!ill.words().contains("exchange-rename"), "only what is not well\n{}", ill.told());
}

/// The state of a territory after a run that was killed at each point of its way.
#[cfg(feature = "failpoints")]
#[test]
fn a_run_that_was_cut_off_is_told_until_it_is_settled() {
    use ubos_testkit::failpoints::{run_with_crash, trace};
    let begin = || {
        let world = agreed();
        world.laptop().write("notes/f", "B");
        world
    };
    let (_, points) = trace(begin().laptop(), &["bidirectional"]);
    let mut seen = 0;
    for crash in points.crashes() {
        let world = begin();
        run_with_crash(world.laptop(), &["bidirectional"], crash);
        let found = Findings::of(&world, &[], 0);
        seen += usize::from(found.with("warning").contains(&"interrupted-run"));
        world.laptop().sync().exits(0).clean();
        assert!(!Findings::of(&world, &[], 0).with("warning").contains(&"interrupted-run"));
    }
    assert!(seen > 0, "no crash left an interrupted run");
}
