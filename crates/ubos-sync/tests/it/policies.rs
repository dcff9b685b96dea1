//! What becomes of conflicts without asking: by the policy of the run, and by that of each path.

use std::time::{Duration, SystemTime};

use ubos_testkit::{Side, World};

use crate::agreed;

/// Adds a table of policies to the laptop's configuration.
pub(crate) fn set_policies(world: &World, lines: &str) {
    let path = world.laptop().own("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n[policies]\n{lines}\n")).unwrap();
}

/// `notes/f` edited on both sides, later there.
fn edited() -> World {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    world.laptop().touch("notes/f", hour_ago);
    world
}

#[test]
fn each_policy_settles_the_paths_of_its_pattern() {
    for (policy, winner) in [("newer", "C"), ("localhost", "B"), ("balaur", "C")] {
        let world = edited();
        set_policies(&world, &format!("\"notes/\" = \"{policy}\""));
        let run = world.laptop().sync();
        run.exits(0).clean().both(&format!("notes/f = {winner}"));
        match winner {
            "B" => run.backups("", "notes/f = C"),
            _ => run.backups("notes/f = B", ""),
        };
        run.again();
    }
}

#[test]
fn ask_and_hold_leave_it_open() {
    for policy in ["ask", "hold"] {
        let world = edited();
        set_policies(&world, &format!("\"notes/\" = \"{policy}\""));
        let run = world.laptop().sync();
        run.exits(3).conflicts([("notes/f", "modify-modify")]).live("notes/f = B", "notes/f = C");
        run.no_backups().again();
    }
}

#[test]
fn the_longer_pattern_wins_and_other_paths_are_not_touched() {
    let world = edited();
    world.laptop().write("notes/g", "here");
    world.server().write("notes/g", "there");
    set_policies(&world, "\"notes/\" = \"balaur\"\n\"notes/g\" = \"hold\"");
    let run = world.laptop().sync();
    run.exits(3).conflicts([("notes/g", "modify-modify")]);
    run.live("notes/f = C\nnotes/g = here", "notes/f = C\nnotes/g = there");
}

#[test]
fn an_explicit_flag_beats_the_configuration() {
    let world = edited();
    set_policies(&world, "\"notes/\" = \"balaur\"");
    let run = world.laptop().sync_with(["bidirectional", "--conflicts", "hold"]);
    run.exits(3).conflicts([("notes/f", "modify-modify")]).live("notes/f = B", "notes/f = C");
    world.laptop().sync_with(["bidirectional", "--conflicts", "localhost"]).exits(0);
    world.expect("notes/f = B", "notes/f = B");
}

#[test]
fn ask_is_by_path() {
    let world = edited();
    set_policies(&world, "\"notes/\" = \"balaur\"");
    let run = world.laptop().sync_with(["bidirectional", "--conflicts", "ask"]);
    run.exits(0).clean().both("notes/f = C");
}

#[test]
fn status_shows_what_the_policy_would_do_and_does_nothing() {
    let world = edited();
    set_policies(&world, "\"notes/\" = \"balaur\"");
    let run = world.laptop().status();
    run.exits(0).conflicts([]).actions([("update", "notes/f", Side::Laptop)]);
    run.live("notes/f = B", "notes/f = C");
}

#[test]
fn restore_brings_a_changed_file_back_and_nothing_else() {
    let world = agreed();
    world.laptop().remove("notes/f");
    world.server().write("notes/f", "C");
    world.laptop().write("notes/g", "changed");
    world.server().remove("notes/g");
    set_policies(&world, "\"notes/f\" = \"restore\"");
    let run = world.laptop().sync();
    run.exits(3).conflicts([("notes/g", "modify-delete")]);
    run.live("notes/f = C\nnotes/g = changed", "notes/f = C\n- notes/g");
}

#[test]
fn restore_leaves_two_edits_open() {
    let world = edited();
    set_policies(&world, "\"notes/\" = \"restore\"");
    world.laptop().sync().exits(3).conflicts([("notes/f", "modify-modify")]);
}

#[test]
fn a_policy_by_path_beats_the_general_restore() {
    let world = agreed();
    world.laptop().remove("notes/f");
    world.server().write("notes/f", "C");
    let path = world.laptop().own("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("restore_deleted = true\n{text}")).unwrap();
    set_policies(&world, "\"notes/f\" = \"ask\"");
    world.laptop().sync().exits(3).conflicts([("notes/f", "delete-modify")]);
}

#[test]
fn a_mistake_in_the_policies_is_named_with_file_line_and_key() {
    for (line, part) in [
        ("\"notes/\" = \"theirs\"", "theirs"),
        ("\"notes//x\" = \"ask\"", "slashes"),
        ("\"!notes/\" = \"ask\"", "takes nothing back"),
    ] {
        let world = edited();
        set_policies(&world, line);
        let text = std::fs::read_to_string(world.laptop().own("config.toml")).unwrap();
        let number = text.lines().position(|l| l == line).unwrap() + 1;
        let told = world.laptop().run(["bidirectional"]);
        told.exits(2).says("config.toml").says(&format!("line {number}")).says(part);
        world.expect("notes/f = B", "notes/f = C");
    }
    let world = edited();
    set_policies(&world, "\"notes/\" = \"theirs\"");
    world.laptop().run(["bidirectional"]).exits(2).says("localhost, balaur").says("newer");
}
