//! `recover` where a folder, a machine or both are not what they were: moved, cloned, lost and made
//! anew.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ubos_testkit::process::Outcome;
use ubos_testkit::{Side, World};

use crate::agreed;
use crate::recover::{
    assert_merged, commands, confirmed, copy, edit_both, file, screen, sees, shell,
};

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
