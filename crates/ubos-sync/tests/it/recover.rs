//! `recover` (rules §6–7) on real folders: what it sees, what it says, and that every content is
//! accounted for whatever a person answers. The ledger of the kit watches every call that may change a
//! file.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use ubos_testkit::accounting::Ledger;
use ubos_testkit::process::Outcome;
use ubos_testkit::{Node, Run, Side, Snapshot, Territory, World, backups};

use crate::agreed;
use crate::recover_restored::{restored, way};

pub(crate) fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// Puts the content of `from` in place of what the root of `side` holds; the folder stays.
pub(crate) fn restore(world: &World, side: Side, from: &Path) {
    let root = world.root(side);
    for entry in fs::read_dir(&root).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    copy(&from.join("."), &root);
}

pub(crate) fn snapshots(world: &World) -> [Snapshot; 2] {
    Side::BOTH.map(|side| world.at(side).snapshot())
}

pub(crate) fn assert_unchanged(world: &World, before: &[Snapshot; 2]) {
    for (before, after) in before.iter().zip(&snapshots(world)) {
        assert_eq!(before.difference(after), None);
    }
}

/// The findings of a report that are not about something being in order.
pub(crate) fn findings(report: &Value) -> Vec<(String, String)> {
    let row = |row: &Value| {
        let word = |key: &str| row[key].as_str().unwrap().to_owned();
        (word("on"), word("finding"))
    };
    let rows = report["diagnosis"].as_array().unwrap().iter().map(row);
    rows.filter(|(_, finding)| finding != "fine").collect()
}

/// What `recover` sees from `starter`, which changes nothing.
pub(crate) fn sees<'w>(starter: Territory<'w>, expected: &[(Side, &str)]) -> Run<'w> {
    let world = starter.world();
    let before = snapshots(world);
    let shown = starter.sync_with(["recover", "-n"]);
    assert_unchanged(world, &before);
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|(side, finding)| (side.name().to_owned(), (*finding).to_owned()))
        .collect();
    assert_eq!(findings(&shown.report.raw), expected, "{}", shown.outcome.told());
    // A sentence for a person, with the territory's name in it.
    for row in shown.report.raw["diagnosis"].as_array().unwrap() {
        let (on, message) = (row["on"].as_str().unwrap(), row["message"].as_str().unwrap());
        assert!(message.contains(on), "{message}");
    }
    shown
}

/// Carries out a plan that was shown; nothing is deleted by it.
pub(crate) fn confirmed<'w>(starter: Territory<'w>, plan: &str) -> Run<'w> {
    let done = starter.sync_with(["recover", "--confirm", plan]);
    deletes_nothing(&done);
    done
}

pub(crate) fn deletes_nothing(done: &Run<'_>) {
    let removes = |op: &str| ["delete", "rmdir"].contains(&op);
    let deleted = done.report.actions.iter().any(|action| removes(&action.op));
    assert!(!deleted, "{}", done.outcome.told());
}

/// What `recover` says on the next screen: without a terminal, and nothing is changed.
pub(crate) fn screen(starter: Territory<'_>, args: &[&str]) -> Outcome {
    let before = snapshots(starter.world());
    let mut line = vec!["recover"];
    line.extend(args);
    let outcome = starter.watched(&line);
    assert_unchanged(starter.world(), &before);
    outcome
}

/// Runs a line of a screen as a person would, in the territory's top folder; watched.
pub(crate) fn shell(territory: Territory<'_>, line: &str) -> Outcome {
    let world = territory.world();
    let program = world.base().join("bin/ubos-sync");
    if !program.exists() {
        std::os::unix::fs::symlink(world.binary(), &program).unwrap();
    }
    let ledger = Ledger::open(world);
    let mut command = world.command(Path::new("/bin/bash"));
    command.arg("-c").arg(line).current_dir(territory.root());
    let running = ubos_testkit::process::Running::start(command, &world.base().join("output"));
    let outcome = running.finish(Duration::from_secs(60));
    ledger.check(world, &outcome.told());
    outcome
}

/// The commands that a screen shows, each in a line of its own.
pub(crate) fn commands(outcome: &Outcome, word: &str) -> Vec<String> {
    let start = format!("ubos-sync {word}");
    let words = outcome.words();
    let lines = words.lines().map(str::trim).filter(|line| line.starts_with(&start));
    lines.map(str::to_owned).collect()
}

pub(crate) fn file(text: &str) -> Option<Node> {
    Some(Node::file(text))
}

/// Changes of every kind on both sides; `notes/f` and `notes/g` will differ.
pub(crate) fn edit_both(world: &World) {
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    world.laptop().write("notes/here", "1");
    world.server().write("notes/there", "2");
}

/// Both sides hold what [`edit_both`] and a recovery leave: two differences, everything else shared.
pub(crate) fn assert_merged(world: &World) {
    world.expect(
        "notes/f = B\nnotes/here = 1\nnotes/there = 2",
        "notes/g = C\nnotes/here = 1\nnotes/there = 2",
    );
    world
        .laptop()
        .sync()
        .exits(3)
        .conflicts([("notes/f", "create-create"), ("notes/g", "create-create")]);
}

#[test]
fn where_nothing_is_wrong_it_says_so_and_asks_nothing() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().remove("notes/g");
    for side in Side::BOTH {
        screen(world.at(side), &[]).exits(0).says("nothing needs recovering").says("in order");
        let shown = sees(world.at(side), &[]);
        assert_eq!(shown.report.raw["needed"], false);
        shown.exits(0).actions([]);
    }
    world.laptop().sync().exits(0).clean().both("notes/f = B\n- notes/g");
}

#[test]
fn lost_state_that_heals_is_left_to_the_next_sync() {
    for loser in Side::BOTH {
        let world = agreed();
        edit_both(&world);
        fs::remove_dir_all(world.at(loser).own("state")).unwrap();
        sees(world.laptop(), &[(loser, "state-lost")]).exits(0);
        screen(world.laptop(), &[]).exits(0).says("the next sync").says("nothing needs recovering");
        world.laptop().sync().exits(0).clean();
        assert_eq!(world.laptop().get("notes/g"), file("C"));
    }
}

#[test]
fn lost_state_without_proof_is_explained_and_merged_from_either_side() {
    for (loser, starter) in [
        (Side::Laptop, Side::Laptop),
        (Side::Server, Side::Laptop),
        (Side::Laptop, Side::Server),
        (Side::Server, Side::Server),
    ] {
        let world = agreed();
        // The marker of another moment proves nothing.
        let marker = fs::read(world.at(loser).own("marker")).unwrap();
        world.laptop().write("notes/D/a", "first!");
        world.laptop().sync().exits(0);
        world.mark();
        edit_both(&world);
        fs::write(world.at(loser).own("marker"), marker).unwrap();
        fs::remove_dir_all(world.at(loser).own("state")).unwrap();
        let refused = world.at(starter).sync();
        refused.exits(4);
        assert_eq!(refused.report.error.as_ref().unwrap().kind, "lost-state");
        let shown = sees(world.at(starter), &[(loser, "state-lost")]);
        confirmed(world.at(starter), &shown.report.plan).exits(3).no_backups();
        assert_merged(&world);
    }
}

#[test]
fn state_lost_on_both_sides_is_merged() {
    let world = agreed();
    edit_both(&world);
    for side in Side::BOTH {
        fs::remove_dir_all(world.at(side).own("state")).unwrap();
    }
    let both = [(Side::Laptop, "state-lost"), (Side::Server, "state-lost")];
    let shown = sees(world.laptop(), &both);
    let told = screen(world.laptop(), &[]);
    told.exits(4).says("what i see").says("what recover does").says("nothing is deleted");
    told.says("copied to balaur").says("2 files  different");
    let command = commands(&told, "recover").remove(0);
    assert!(command.ends_with(&format!("--confirm {}", shown.report.plan)), "{command}");
    shell(world.laptop(), &command).exits(3);
    assert_merged(&world);
}

#[test]
fn a_damaged_baseline_is_told_with_where_it_is_damaged() {
    for side in Side::BOTH {
        let world = agreed();
        edit_both(&world);
        let marker = world.at(side).own("marker");
        let text = fs::read_to_string(&marker).unwrap();
        let older = text.replace("generation = 1", "generation = 0");
        assert_ne!(text, older, "{text}");
        fs::write(&marker, older).unwrap();
        let mut damaged = 0;
        for folder in fs::read_dir(world.at(side).own("state")).unwrap().flatten() {
            if !folder.path().is_dir() {
                continue;
            }
            for part in fs::read_dir(folder.path()).unwrap().flatten() {
                let mut bytes = fs::read(part.path()).unwrap();
                bytes.iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
                damaged += usize::from(!bytes.is_empty());
                fs::write(part.path(), bytes).unwrap();
            }
        }
        assert!(damaged > 0);
        let shown = sees(world.laptop(), &[(side, "state-lost")]);
        let rows = shown.report.raw["diagnosis"].as_array().unwrap();
        let told = rows.iter().any(|row| row["message"].as_str().unwrap().contains("is damaged ("));
        assert!(told, "{}", shown.outcome.told());
        confirmed(world.laptop(), &shown.report.plan).exits(3).no_backups();
        assert_merged(&world);
    }
}

#[test]
fn a_marker_that_is_gone_or_unreadable_is_made_again_from_either_side() {
    for (loser, starter, text) in [
        (Side::Laptop, Side::Laptop, None),
        (Side::Server, Side::Laptop, None),
        (Side::Laptop, Side::Server, None),
        (Side::Server, Side::Laptop, Some("not = [a marker")),
    ] {
        let world = agreed();
        edit_both(&world);
        let marker = world.at(loser).own("marker");
        fs::remove_file(&marker).unwrap();
        if let Some(text) = text {
            fs::write(&marker, text).unwrap();
        }
        let refused = world.at(starter).sync();
        refused.exits(4);
        assert_eq!(refused.report.error.as_ref().unwrap().kind, "marker-missing");
        let shown = sees(world.at(starter), &[(loser, "marker-gone")]);
        confirmed(world.at(starter), &shown.report.plan).exits(3).no_backups();
        assert_merged(&world);
    }
}

#[test]
fn the_marker_of_another_territory_is_not_adopted() {
    let world = agreed();
    let other = agreed();
    edit_both(&world);
    for side in Side::BOTH {
        let kept = fs::read(world.at(side).own("marker")).unwrap();
        fs::copy(other.at(side).own("marker"), world.at(side).own("marker")).unwrap();
        for starter in Side::BOTH {
            let shown = sees(world.at(starter), &[(side, "foreign")]);
            shown.exits(4).actions([]);
            assert_eq!(shown.report.error.as_ref().unwrap().kind, "foreign-root");
            screen(world.at(starter), &[]).exits(4).says("another folder");
        }
        fs::write(world.at(side).own("marker"), kept).unwrap();
    }
    world.laptop().sync().exits(0).clean();
}

#[test]
fn without_a_terminal_nothing_is_confirmed() {
    let world = restored(Side::Server);
    for _ in 0..2 {
        screen(world.laptop(), &[]).exits(4).says("to carry this out");
        screen(world.laptop(), &["--prefer", "balaur"]).exits(4).says("--prefer balaur --confirm");
    }
}

#[test]
fn a_plan_that_is_unknown_or_of_another_choice_touches_nothing() {
    let world = restored(Side::Server);
    let command = way(world.laptop(), Some(Side::Laptop));
    let plan = command.split_whitespace().last().unwrap();
    let sync = world.laptop().status().report.plan.clone();
    screen(world.laptop(), &["--confirm", "0123456789abcdef"]).exits(2);
    screen(world.laptop(), &["--confirm", plan]).exits(2).says("another choice");
    screen(world.laptop(), &["--confirm", plan, "--prefer", "balaur"]).exits(2);
    assert_eq!(sync, "", "no plan of a sync while something is lost");
    let before = snapshots(&world);
    world.laptop().watched(&["bidirectional", "--confirm", plan]).exits(2);
    assert_unchanged(&world, &before);
    shell(world.laptop(), &command).exits(0);
    // Once it is done, the same command finds nothing to do.
    shell(world.laptop(), &command).exits(0).says("nothing needs recovering");
}

#[test]
fn what_changes_between_preview_and_confirmation_is_left_alone() {
    for side in Side::BOTH {
        let world = restored(Side::Server);
        let command = way(world.laptop(), Some(Side::Laptop));
        world.at(side).write("notes/f", "edited meanwhile");
        world.at(side).write("notes/brand-new", "made meanwhile");
        let done = shell(world.laptop(), &command);
        assert!([3, 7].contains(&done.code()), "{}", done.told());
        assert_eq!(world.at(side).get("notes/f"), file("edited meanwhile"));
        assert_eq!(world.server().get("out/y"), file("newer plan"), "the rest was done");
        let run = world.laptop().sync();
        run.exits(3).conflict_paths(["notes/f"]);
        for territory in [world.laptop(), world.server()] {
            assert_eq!(territory.get("notes/brand-new"), file("made meanwhile"));
        }
    }
}

#[test]
fn many_overwrites_do_not_block_a_confirmed_recovery() {
    let world = agreed();
    let older = world.base().join("older");
    copy(&world.root(Side::Server), &older);
    for number in 0..60 {
        world.laptop().write(format!("notes/others/{number:02}.md"), format!("newer {number}"));
    }
    let plan = world.laptop().status().report.plan.clone();
    world.laptop().sync_with(["bidirectional", "--confirm", &plan]).exits(0);
    restore(&world, Side::Server, &older);
    shell(world.laptop(), &way(world.laptop(), Some(Side::Laptop))).exits(0);
    assert_eq!(world.server().get("notes/others/59.md"), file("newer 59"));
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn where_the_peer_does_not_answer_the_own_side_is_explained() {
    let world = agreed();
    let config = world.laptop().own("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let silent = text.replace(
        &format!("address = \"{}\"", world.root(Side::Server).display()),
        "address = \"nobody@host.invalid:/srv\"",
    );
    assert_ne!(text, silent);
    fs::write(&config, silent).unwrap();
    fs::remove_file(world.laptop().own("marker")).unwrap();
    let told = world.laptop().run(["recover"]);
    told.exits(5).says("identity marker of localhost").says("balaur does not answer");
}

#[test]
fn what_a_run_took_out_when_it_was_cut_off_is_kept_where_its_journal_is_lost() {
    for heals in [true, false] {
        let world = agreed();
        let server = world.server();
        // A version that was exchanged against an incoming one, and did not get to the backups.
        let run = "20260101T000000.000Z-0001";
        let staged = server.own(&format!("staging/{run}"));
        fs::create_dir_all(&staged).unwrap();
        fs::write(staged.join("began"), "").unwrap();
        fs::write(staged.join("0-0-0123456789abcdef"), "taken out").unwrap();
        fs::remove_dir_all(server.own("state")).unwrap();
        if !heals {
            fs::remove_dir_all(world.laptop().own("state")).unwrap();
            shell(world.laptop(), &way(world.laptop(), None)).exits(0);
        }
        world.laptop().sync().exits(0).clean();
        assert!(!staged.exists());
        let kept = backups::of_run(&world.root(Side::Server), run);
        let found = kept.iter().any(|(_, node)| *node == Node::file("taken out"));
        assert!(found, "{kept}");
    }
}
