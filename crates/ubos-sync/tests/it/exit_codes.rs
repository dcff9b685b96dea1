//! The exit codes, one by one, and which comes first where several apply.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use ubos_testkit::process::TIME_LIMIT;
use ubos_testkit::{Node, Side, World};

use crate::{BINARY, agreed};

/// Takes the lock of a territory as another run would, until the returned file is closed.
fn hold_locks(world: &World, side: Side) -> Vec<fs::File> {
    let mut held = Vec::new();
    for entry in fs::read_dir(world.at(side).own("state")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().contains("lock") {
            let file = fs::File::options().read(true).write(true).open(entry.path()).unwrap();
            rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
            held.push(file);
        }
    }
    assert!(!held.is_empty(), "there is no lock in state/");
    held
}

#[test]
fn exit_0_when_nothing_is_left_to_decide() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.laptop().run(["bidirectional"]).exits(0);
}

#[test]
fn exit_1_when_state_cannot_be_written_and_the_next_run_carries_on() {
    let Some(world) = World::agreed_unprivileged(BINARY) else {
        return;
    };
    world.laptop().write("notes/f", "B");
    // The journal is opened for writing by each run; a folder without that right is not enough.
    let journals: Vec<_> = fs::read_dir(world.laptop().own("state"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("journal"))
        .filter(|path| path.exists())
        .collect();
    assert!(!journals.is_empty());
    let set = |mode| {
        for path in &journals {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(path, mode).unwrap();
        }
    };
    set(0o400);
    let run = world.laptop().sync();
    set(0o600);
    run.exits(1);
    let error = run.report.error.as_ref().unwrap();
    assert!(!error.message.is_empty() && !error.kind.is_empty());
    world.laptop().sync().exits(0).clean().both("notes/f = B");
}

#[test]
fn exit_2_for_wrong_usage_configuration_or_manifest() {
    let world = agreed();
    world.laptop().run(["bidirectional", "--unknown"]).exits(2);
    world.laptop().run(["--peer", "nobody", "bidirectional"]).exits(2).says("nobody");
    world.laptop().run(["bidirectional", "--conflicts", "coin"]).exits(2);
    let config = world.laptop().own("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\nnot = [toml")).unwrap();
    world.laptop().run(["bidirectional"]).exits(2).says("config.toml");
    world.expect("", "");
}

#[test]
fn exit_2_outside_of_any_territory() {
    let world = World::empty(BINARY);
    world.laptop().run(["bidirectional"]).exits(2).says("init");
    world.laptop().run(["status", "--json"]).exits(2);
}

#[test]
fn exit_3_when_a_person_must_decide() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    world.laptop().run(["bidirectional"]).exits(3).says("resolve");
}

#[test]
fn exit_4_comes_before_3_and_says_what_to_do() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    world.laptop().remove("out");
    let run = world.laptop().sync();
    run.exits(4).conflicts([("notes/f", "modify-modify")]);
    assert!(!run.report.error.as_ref().unwrap().hint.is_empty());
}

#[test]
fn exit_6_while_another_run_holds_the_pair() {
    for side in Side::BOTH {
        let world = agreed();
        world.laptop().write("notes/f", "B");
        let locks = hold_locks(&world, side);
        for starter in Side::BOTH {
            let run = world.at(starter).sync();
            run.exits(6).live("notes/f = B", "");
            assert!(run.report.error.is_some());
        }
        drop(locks);
        world.laptop().sync().exits(0).clean().both("notes/f = B");
    }
}

#[test]
fn two_runs_at_once_are_one_after_the_other_or_one_is_refused() {
    let world = agreed();
    for number in 0..20 {
        world.laptop().write(format!("notes/here{number}"), "1");
        world.server().write(format!("notes/there{number}"), "2");
    }
    let runs = Side::BOTH.map(|side| world.at(side).start(["bidirectional"]));
    let codes = runs.map(|run| run.finish(TIME_LIMIT).code());
    assert!(codes.iter().all(|code| [0, 6].contains(code)) && codes.contains(&0), "{codes:?}");
    world.laptop().sync().exits(0).clean().actions([]);
    assert_eq!(world.laptop().get("notes/there19"), Some(Node::file("2")));
}

#[test]
fn exit_3_comes_before_7() {
    let Some(world) = World::agreed_unprivileged(BINARY) else {
        return;
    };
    world.laptop().chmod("notes/g", 0o000);
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    let run = world.laptop().sync();
    run.exits(3).skipped([("notes/g", Side::Laptop)]).conflicts([("notes/f", "modify-modify")]);
}

#[test]
fn a_signal_ends_a_run_with_its_number_and_the_next_one_carries_on() {
    let world = agreed();
    for number in 0..2000 {
        world.laptop().write(format!("notes/many/{number}"), number.to_string());
    }
    let run = world.laptop().start(["bidirectional"]);
    std::thread::sleep(std::time::Duration::from_millis(60));
    run.signal(Signal::TERM);
    let code = run.finish(TIME_LIMIT).code();
    assert!([0, 143].contains(&code), "{code}");
    let next = world.laptop().sync();
    next.exits(0).clean();
    assert_eq!(world.server().get("notes/many/1999"), Some(Node::file("1999")));
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn a_reader_that_goes_away_does_not_stop_a_sync() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.hand_over();
    let mut command = world.laptop().command(["bidirectional", "--json"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = command.stdout(writer).stderr(std::process::Stdio::null()).spawn().unwrap();
    drop(command);
    assert!(child.wait().unwrap().code().is_some(), "it is not ended by SIGPIPE");
    world.laptop().sync().exits(0).clean().actions([]).both("notes/f = B");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let world = World::empty(BINARY);
    for flag in ["--help", "--version"] {
        let outcome = world.laptop().run([flag]);
        outcome.exits(0);
        assert!(!outcome.stdout.is_empty() && outcome.stderr.is_empty(), "{}", outcome.told());
    }
    let help = world.laptop().run(["--help"]).words();
    for command in ["init", "status", "push", "pull", "bidirectional", "resolve", "recover"] {
        assert!(help.contains(command), "{command} is not in the help");
    }
    let shown = help.lines().any(|line| line.trim_start().starts_with("agent"));
    assert!(!shown, "the agent is hidden");
}

#[test]
fn a_misused_command_line_has_its_document_too() {
    let world = agreed();
    for args in [&["bidirectional", "--frobnicate", "--json"][..], &["--json", "revert"]] {
        let outcome = world.laptop().run(args);
        outcome.exits(2);
        let document = outcome.json();
        assert_eq!((&document["schema"], &document["exit"]), (&1.into(), &2.into()));
        assert_eq!(document["error"]["kind"], "usage");
        for key in ["message", "hint"] {
            assert!(
                document["error"][key].as_str().is_some_and(|text| text.len() > 10),
                "{document}"
            );
        }
    }
}

#[test]
fn what_is_no_time_is_exit_2_and_no_empty_answer() {
    let world = agreed();
    world.laptop().run(["log", "--since", "gibberish"]).exits(2).says("neither a time");
    for since in ["2020", "2020-05", "2020-05-01T10:00", "1d"] {
        world.laptop().run(["log", "--since", since]).exits(0).says("notes/f");
    }
}

#[test]
fn exit_4_for_a_root_that_may_not_be_read() {
    let Some(world) = World::agreed_unprivileged(BINARY) else { return };
    let root = world.root(Side::Laptop);
    fs::set_permissions(&root, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = world.laptop().command(["--root"]);
    command.arg(&root).args(["bidirectional", "--json"]).current_dir("/");
    let code = command.output().expect("the program starts").status.code();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(code, Some(4));
}
