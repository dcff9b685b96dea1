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
use ubos_testkit::terminal::Terminal;
use ubos_testkit::{Node, Run, Side, Snapshot, Territory, World, backups};

use crate::agreed;

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

fn snapshots(world: &World) -> [Snapshot; 2] {
    Side::BOTH.map(|side| world.at(side).snapshot())
}

fn assert_unchanged(world: &World, before: &[Snapshot; 2]) {
    for (before, after) in before.iter().zip(&snapshots(world)) {
        assert_eq!(before.difference(after), None);
    }
}

/// The findings of a report that are not about something being in order.
fn findings(report: &Value) -> Vec<(String, String)> {
    let row = |row: &Value| {
        let word = |key: &str| row[key].as_str().unwrap().to_owned();
        (word("on"), word("finding"))
    };
    let rows = report["diagnosis"].as_array().unwrap().iter().map(row);
    rows.filter(|(_, finding)| finding != "fine").collect()
}

/// What `recover` sees from `starter`, which changes nothing.
fn sees<'w>(starter: Territory<'w>, expected: &[(Side, &str)]) -> Run<'w> {
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
fn confirmed<'w>(starter: Territory<'w>, plan: &str) -> Run<'w> {
    let done = starter.sync_with(["recover", "--confirm", plan]);
    deletes_nothing(&done);
    done
}

fn deletes_nothing(done: &Run<'_>) {
    let removes = |op: &str| ["delete", "rmdir"].contains(&op);
    let deleted = done.report.actions.iter().any(|action| removes(&action.op));
    assert!(!deleted, "{}", done.outcome.told());
}

/// What `recover` says on the next screen: without a terminal, and nothing is changed.
fn screen(starter: Territory<'_>, args: &[&str]) -> Outcome {
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

fn file(text: &str) -> Option<Node> {
    Some(Node::file(text))
}

/// Changes of every kind on both sides; `notes/f` and `notes/g` will differ.
fn edit_both(world: &World) {
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    world.laptop().write("notes/here", "1");
    world.server().write("notes/there", "2");
}

/// Both sides hold what [`edit_both`] and a recovery leave: two differences, everything else shared.
fn assert_merged(world: &World) {
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

/// A pair of which one side was put back to what it was before the last sync: there `notes/f` and
/// `out/y` have older contents, `notes/late` is missing and `notes/g` is still there.
fn restored(side: Side) -> World {
    let world = agreed();
    let older = world.base().join("older");
    copy(&world.root(side), &older);
    world.laptop().write("notes/f", "newer");
    world.laptop().write("out/y", "newer plan");
    world.server().write("in/x", "newer report");
    world.server().append("logs/day.jsonl", "{\"n\":4}\n");
    world.server().write("notes/late", "late");
    world.laptop().remove("notes/g");
    world.laptop().sync().exits(0).clean();
    restore(&world, side, &older);
    world
}

#[test]
fn a_folder_restored_from_an_older_copy_is_explained_with_three_ways() {
    for side in Side::BOTH {
        for starter in Side::BOTH {
            let world = restored(side);
            let refused = world.at(starter).sync();
            refused.exits(4).actions([]);
            let shown = sees(world.at(starter), &[(side, "restored")]);
            let ways = shown.report.raw["ways"].as_array().unwrap();
            assert_eq!(ways.len(), 3, "{}", shown.outcome.told());
            let told = screen(world.at(starter), &[]);
            told.exits(4).says("older copy").says("the restore was a mistake").says("i meant it");
            let lines = commands(&told, "recover");
            assert_eq!(lines.len(), 3, "{}", told.told());
            for (line, way) in lines.iter().zip(ways) {
                assert_eq!(line, way["command"].as_str().unwrap());
            }
        }
    }
}

/// The command of a screen that lets `winner` win, or leaves each difference open.
fn way(starter: Territory<'_>, winner: Option<Side>) -> String {
    let told = screen(starter, &[]);
    let wanted = winner.map(|side| format!("--prefer {}", side.name()));
    let fits = |line: &String| match &wanted {
        Some(wanted) => line.contains(wanted),
        None => !line.contains("--prefer"),
    };
    commands(&told, "recover").into_iter().find(fits).unwrap_or_else(|| panic!("{}", told.told()))
}

#[test]
fn the_restore_was_a_mistake() {
    for side in Side::BOTH {
        for starter in Side::BOTH {
            let world = restored(side);
            let line = way(world.at(starter), Some(side.other()));
            let outcome = shell(world.at(starter), &line);
            assert!([0, 3].contains(&outcome.code()), "{}", outcome.told());
            for territory in [world.laptop(), world.server()] {
                assert_eq!(territory.get("notes/f"), file("newer"), "{}", outcome.told());
                assert_eq!(territory.get("out/y"), file("newer plan"));
                assert_eq!(territory.get("in/x"), file("newer report"));
                assert_eq!(territory.get("notes/late"), file("late"));
                assert_eq!(territory.get("notes/g"), file("old"), "it comes back");
                assert_eq!(
                    territory.get("logs/day.jsonl"),
                    file("{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n")
                );
            }
            let kept = backups::of_path(&world.root(side), "notes/f");
            assert_eq!(kept.last().unwrap().node, Node::file("A"));
            world.laptop().sync().exits(0).clean().actions([]).again();
        }
    }
}

#[test]
fn the_restore_was_meant() {
    for side in Side::BOTH {
        let starter = side;
        let world = restored(side);
        let line = way(world.at(starter), Some(side));
        let outcome = shell(world.at(starter), &line);
        assert!([0, 3].contains(&outcome.code()), "{}", outcome.told());
        for territory in [world.laptop(), world.server()] {
            assert_eq!(territory.get("notes/f"), file("A"), "{}", outcome.told());
            assert_eq!(territory.get("out/y"), file("plan"));
            assert_eq!(territory.get("in/x"), file("report"));
            assert_eq!(territory.get("notes/late"), file("late"), "nothing is deleted");
        }
        let kept = backups::of_path(&world.root(side.other()), "notes/f");
        assert_eq!(kept.last().unwrap().node, Node::file("newer"));
        world.laptop().sync().exits(0).clean().actions([]).again();
    }
}

#[test]
fn each_difference_of_a_restored_folder_can_become_a_conflict() {
    for side in Side::BOTH {
        let world = restored(side);
        let outcome = shell(world.laptop(), &way(world.laptop(), None));
        outcome.exits(3).says("notes/f");
        let (old, new) = (world.at(side), world.at(side.other()));
        assert_eq!((old.get("notes/f"), new.get("notes/f")), (file("A"), file("newer")));
        assert_eq!(old.get("notes/late"), file("late"));
        let open = world.laptop().sync();
        open.exits(3).conflict_paths(["notes/f", "out/y", "in/x", "logs/day.jsonl"]);
    }
}

#[test]
fn a_folder_never_gives_way_to_a_file_because_a_territory_is_preferred() {
    let world = agreed();
    let older = world.base().join("older");
    copy(&world.root(Side::Server), &older);
    world.laptop().remove("notes/f");
    world.laptop().write("notes/f/inside", "of the folder");
    world.laptop().write("notes/g", "newer");
    world.laptop().sync().exits(0).clean();
    restore(&world, Side::Server, &older);
    shell(world.laptop(), &way(world.laptop(), Some(Side::Server))).exits(3);
    assert_eq!(world.laptop().get("notes/f/inside"), file("of the folder"));
    assert_eq!(world.laptop().get("notes/g"), file("old"));
    world.laptop().sync().exits(3).conflict_paths(["notes/f"]);
}

#[test]
fn a_folder_restored_without_its_memory_is_older_than_what_it_remembers() {
    let world = agreed();
    let marker = fs::read(world.server().own("marker")).unwrap();
    world.laptop().write("notes/f", "newer");
    world.laptop().sync().exits(0).clean();
    fs::write(world.server().own("marker"), marker).unwrap();
    world.server().write("notes/f", "A");
    let shown = sees(world.laptop(), &[(Side::Server, "folder-older")]);
    assert_eq!(shown.report.raw["ways"].as_array().unwrap().len(), 3);
    shell(world.laptop(), &way(world.laptop(), Some(Side::Laptop))).exits(0);
    assert_eq!(world.server().get("notes/f"), file("newer"));
}

#[test]
fn manifests_that_differ_are_decided_by_the_preferred_territory() {
    let world = agreed();
    let older = world.base().join("older");
    copy(&world.root(Side::Server), &older);
    let law = world.law().with(ubos_testkit::Direction::Bidirectional, "more/");
    world.decree_on(Side::Laptop, &law);
    world.laptop().write("more/a", "1");
    world.laptop().sync().exits(0).clean();
    restore(&world, Side::Server, &older);
    screen(world.laptop(), &[]).exits(2).says("recover --prefer localhost");
    let told = screen(world.laptop(), &["--prefer", "localhost"]);
    shell(world.laptop(), &commands(told.exits(4), "recover").remove(0)).exits(0);
    assert_eq!(world.server().get("more/a"), file("1"));
    world.laptop().sync().exits(0).clean().actions([]);
}

/// Makes `side` believe that it was paired on another machine.
fn elsewhere(world: &World, side: Side) {
    let marker = world.at(side).own("marker");
    let text = fs::read_to_string(&marker).unwrap();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("host")).collect();
    let first = lines.iter().position(|line| line.starts_with("replica")).unwrap();
    lines.insert(first + 1, "host = \"0000000000000000\"");
    fs::write(&marker, lines.join("\n")).unwrap();
}

#[test]
fn a_territory_that_was_moved_to_another_machine_is_adopted_there() {
    for side in Side::BOTH {
        let world = agreed();
        edit_both(&world);
        elsewhere(&world, side);
        world.laptop().sync().exits(4);
        let shown = sees(world.laptop(), &[(side, "other-machine")]);
        screen(world.laptop(), &[]).exits(4).says("was moved").says("this is a copy");
        confirmed(world.laptop(), &shown.report.plan).exits(3);
        assert_merged(&world);
    }
}

#[test]
fn a_clone_on_a_third_machine_is_paired_under_a_name_of_its_own() {
    let world = agreed();
    let original = world.base().join("original");
    copy(&world.root(Side::Laptop), &original);
    elsewhere(&world, Side::Laptop);
    let told = screen(world.laptop(), &[]);
    let words = told.exits(4).words();
    let aside = words.lines().map(str::trim).find(|line| line.starts_with("mv ")).unwrap();
    shell(world.laptop(), aside).exits(0);
    let init = commands(&told, "init").remove(0);
    shell(world.laptop(), &init).exits(0);
    shell(world.laptop(), "ubos-sync bidirectional").exits(0);
    // The original goes on as if nothing had been.
    fs::write(original.join("notes/f"), "of the original").unwrap();
    shell(world.laptop(), &format!("cd {} && ubos-sync bidirectional", original.display()))
        .exits(0);
    assert_eq!(world.server().get("notes/f"), file("of the original"));
    shell(world.laptop(), "ubos-sync bidirectional").exits(0);
    assert_eq!(world.laptop().get("notes/f"), file("of the original"));
}

/// Runs a command in a folder that is not one of the world's.
fn in_folder(world: &World, folder: &Path, args: &[&str]) -> Outcome {
    let mut command = world.command(world.binary());
    command.args(args).current_dir(folder);
    let running = ubos_testkit::process::Running::start(command, &world.base().join("output"));
    running.finish(Duration::from_secs(60))
}

#[test]
fn the_root_of_the_peer_was_moved() {
    let world = agreed();
    let generation = world.laptop().status().report.raw["generation"].clone();
    let moved = world.base().join("moved");
    fs::rename(world.root(Side::Server), &moved).unwrap();
    let lost = world.laptop().run(["bidirectional"]);
    lost.exits(4).says("ubos-sync init . --peer balaur=");
    world.laptop().run(["recover"]).exits(4).says("not at its address").says("init . --peer");
    let address = format!("balaur={}", moved.display());
    world.laptop().run(["init", ".", "--peer", &address]).exits(0).says("is a pair with");
    let status = world.laptop().run(["status", "--json"]).json();
    assert_eq!(status["generation"], generation, "no new pair");
    // What was agreed is known: a deletion is a deletion, on both sides.
    world.laptop().remove("notes/f");
    fs::remove_file(moved.join("notes/g")).unwrap();
    world.laptop().run(["bidirectional"]).exits(0);
    assert!(!moved.join("notes/f").exists());
    assert_eq!(world.laptop().get("notes/g"), None);
}

#[test]
fn the_own_root_was_moved() {
    let world = agreed();
    let moved = world.base().join("moved");
    fs::rename(world.root(Side::Laptop), &moved).unwrap();
    fs::write(moved.join("notes/f"), "B").unwrap();
    in_folder(&world, &moved, &["bidirectional"]).exits(0);
    assert_eq!(world.server().get("notes/f"), file("B"));
    // The server's way back leads to where it was; `init` on either side tells it the new one.
    world.server().run(["bidirectional"]).exits(4).says("ubos-sync init . --peer localhost=");
    in_folder(
        &world,
        &moved,
        &["init", ".", "--peer", &format!("balaur={}", world.root(Side::Server).display())],
    )
    .exits(0);
    world.server().write("notes/g", "C");
    world.server().run(["bidirectional"]).exits(0);
    assert_eq!(fs::read_to_string(moved.join("notes/g")).unwrap(), "C");
}

/// All that is selected and stands on both sides alike.
fn shared(world: &World) -> usize {
    let law = world.law();
    let [laptop, server] = Side::BOTH
        .map(|side| world.at(side).tree().filtered(|path, _| law.direction(path).is_some()));
    assert_eq!(laptop.difference(&server), None);
    laptop.iter().count()
}

#[test]
fn a_new_laptop_takes_the_place_of_the_lost_one() {
    for with_recover in [false, true] {
        let world = agreed();
        let before = shared(&world);
        fs::rename(world.root(Side::Laptop), world.base().join("lost")).unwrap();
        fs::create_dir(world.root(Side::Laptop)).unwrap();
        world.init().exits(0);
        if with_recover {
            let told = screen(world.laptop(), &[]);
            told.exits(4).says("have not synced yet").says("only copies, on balaur");
            shell(world.laptop(), &commands(&told, "recover").remove(0)).exits(0);
            assert_eq!(world.laptop().get("notes/f"), file("A"));
        }
        world.laptop().sync().exits(0);
        // All but the area that comes from the laptop is back; that is sent back by the commands shown.
        assert_eq!(world.laptop().get("notes/f"), file("A"));
        assert_eq!(world.laptop().get("in/x"), file("report"));
        assert!(world.laptop().get("logs/day.jsonl").is_some());
        assert_eq!(world.laptop().get("out/y"), None);
        let told = screen(world.laptop(), &[]);
        let promote = commands(told.exits(0), "promote");
        assert!(!promote.is_empty(), "{}", told.told());
        for line in promote {
            shell(world.laptop(), &line).exits(0);
        }
        assert_eq!(world.laptop().get("out/y"), file("plan"));
        assert_eq!(shared(&world), before);
        world.laptop().sync().exits(0).clean().actions([]).again();
        screen(world.laptop(), &[]).exits(0).says("nothing needs recovering");
    }
}

#[test]
fn a_new_server_takes_the_place_of_the_lost_one() {
    let world = agreed();
    let before = shared(&world);
    world.laptop().write("notes/f", "not yet synced");
    fs::rename(world.root(Side::Server), world.base().join("lost")).unwrap();
    let address = world.base().join("server").display().to_string();
    world.laptop().run(["init", ".", "--peer", &format!("balaur={address}")]).exits(0);
    world.laptop().sync().exits(4).actions([]);
    let shown = sees(world.laptop(), &[(Side::Server, "new")]);
    let told = screen(world.laptop(), &[]);
    told.exits(4).says("only copies, on localhost");
    shell(world.laptop(), &commands(&told, "recover").remove(0)).exits(0);
    assert_eq!(world.server().get("notes/f"), file("not yet synced"));
    assert_eq!(world.server().get("out/y"), file("plan"));
    assert_eq!(world.server().get("in/x"), None, "{}", shown.outcome.told());
    for line in commands(&told, "promote") {
        shell(world.laptop(), &line).exits(0);
    }
    assert_eq!(world.server().get("in/x"), file("report"));
    assert_eq!(
        world.server().get("logs/day.jsonl"),
        world.laptop().get("logs/day.jsonl"),
        "{}",
        told.told()
    );
    assert_eq!(shared(&world), before);
    world.laptop().sync().exits(0).clean().actions([]).again();
    // And it is the authority again.
    world.server().write("in/x", "next report");
    world.server().append("logs/day.jsonl", "{\"n\":4}\n");
    world.server().sync().exits(0).clean();
    assert_eq!(world.laptop().get("in/x"), file("next report"));
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

/// A person at a terminal.
fn person(world: &World, args: &[&str]) -> Terminal {
    let command = world.laptop().command(args.iter().copied());
    Terminal::spawn(&command, 100, 60)
}

const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_person_answers_that_the_restore_was_a_mistake() {
    let world = restored(Side::Server);
    let ledger = Ledger::open(&world);
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.enter("x");
    terminal.wait_for("Type a number from 1 to 4, then Enter. Which? [1-4]", SOON);
    terminal.enter("1");
    terminal.wait_for("[y/N]", SOON);
    assert_eq!(world.server().get("notes/f"), file("A"), "nothing is done before the answer");
    terminal.enter("y");
    terminal.exits(0);
    ledger.check(&world, &terminal.transcript());
    assert_eq!(world.server().get("notes/f"), file("newer"));
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn a_person_answers_that_the_restore_was_meant() {
    let world = restored(Side::Server);
    let ledger = Ledger::open(&world);
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.enter("2");
    terminal.wait_for("[y/N]", SOON);
    terminal.enter("yes");
    terminal.exits(0);
    ledger.check(&world, &terminal.transcript());
    assert_eq!(world.laptop().get("notes/f"), file("A"));
}

#[test]
fn a_person_lets_each_difference_become_a_conflict() {
    let world = restored(Side::Server);
    let ledger = Ledger::open(&world);
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.enter("3");
    terminal.wait_for("[y/N]", SOON);
    terminal.enter("y");
    terminal.exits(3);
    ledger.check(&world, &terminal.transcript());
    assert_eq!(world.laptop().get("notes/f"), file("newer"));
    assert_eq!(world.server().get("notes/f"), file("A"));
}

#[test]
fn a_person_who_declines_or_leaves_changes_nothing() {
    let world = restored(Side::Server);
    let before = snapshots(&world);
    for (answers, code) in [(vec!["4"], 4), (vec!["1", "n"], 4), (vec!["3", ""], 4)] {
        let mut terminal = person(&world, &["recover"]);
        for (question, answer) in ["Which? [1-4]", "[y/N]"].iter().zip(&answers) {
            terminal.wait_for(question, SOON);
            terminal.enter(answer);
        }
        terminal.exits(code);
        assert!(terminal.transcript().contains("Nothing was changed."));
    }
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.send_key(ubos_testkit::terminal::ctrl('c'));
    terminal.exits(130);
    let mut terminal = person(&world, &["recover"]);
    terminal.wait_for("Which? [1-4]", SOON);
    terminal.send_key(ubos_testkit::terminal::ctrl('d'));
    terminal.exits(4);
    assert_unchanged(&world, &before);
    // No lock was left behind, and nothing was decided.
    sees(world.laptop(), &[(Side::Server, "restored")]);
}
