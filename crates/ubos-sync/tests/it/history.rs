//! `history` and `diff`: which versions of a path are known, where they are, what changed.

use ubos_testkit::{Side, World};

use crate::agreed;

fn edited(world: &World, side: Side, content: &str) -> String {
    world.at(side).write("notes/f", content);
    world.laptop().sync().exits(0).report.run.clone()
}

#[test]
fn every_version_is_listed_with_its_run_its_place_and_the_next_step() {
    let world = agreed();
    let here = edited(&world, Side::Server, "\0b");
    let there = edited(&world, Side::Laptop, "Ccc");
    let told = world.laptop().run(["history", "notes/f"]);
    told.exits(0).says("notes/f: 2 former versions").says("now").says("3 B");
    told.says("replaced on localhost, kept here").says("replaced on balaur, kept on balaur");
    told.says("ubos-sync restore notes/f --at RUN").says("ubos-sync diff notes/f --at RUN");
    let document = world.laptop().run(["history", "notes/f", "--json"]).json();
    let rows = document["versions"].as_array().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["run"].as_str().unwrap(),
                row["content"].as_str().unwrap(),
                row["version"]["size"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [(there.as_str(), "peer", 2), (here.as_str(), "here", 1)]);
    assert_eq!(document["now"]["size"], 3);
    let other = world.server().run(["history", "notes/f", "--json"]).json();
    assert_eq!(other["versions"][0]["content"], "here");
}

#[test]
fn a_renamed_file_keeps_its_history() {
    let world = agreed();
    edited(&world, Side::Server, "B");
    world.server().rename("notes/f", "notes/renamed");
    world.laptop().sync().exits(0);
    let told = world.laptop().run(["history", "notes/renamed"]);
    told.exits(0).says("1 former version").says("as notes/f");
    world.laptop().run(["history", "notes/f"]).exits(0).says("moved to notes/renamed");
}

#[test]
fn a_folder_is_told_run_by_run() {
    let world = agreed();
    world.server().remove("notes/D");
    let run = world.laptop().sync().report.run.clone();
    let told = world.laptop().run(["history", "notes/D"]);
    told.exits(0)
        .says("bidirectional")
        .says(&run)
        .says("notes/D/a  deleted on localhost, kept here");
}

#[test]
fn a_log_that_grew_is_counted_and_a_rotated_one_named() {
    let world = agreed();
    world.server().append("logs/day.jsonl", "{\"n\":4}\n");
    world.laptop().sync().exits(0);
    world.laptop().run(["history", "logs/day.jsonl"]).exits(0).says("It grew once");
    world.server().write("logs/day.jsonl", "{\"fresh\":1}\n");
    world.laptop().sync().exits(0);
    let told = world.laptop().run(["history", "logs/day.jsonl"]);
    told.exits(0).says("rotated on localhost, kept in .ubos-sync/sealed/logs/day.jsonl.");
}

#[test]
fn a_path_without_a_past_says_so_and_one_outside_is_refused() {
    let world = agreed();
    world.laptop().run(["history", "notes/g"]).exits(0).says("No sync replaced");
    world.laptop().run(["history", "priv/diary"]).exits(2).says("not shared");
}

#[test]
fn a_name_cannot_speak_to_the_terminal() {
    let world = agreed();
    world.laptop().write("notes/e\u{1b}[31mvil\n", "A");
    world.laptop().sync().exits(0);
    world.server().write("notes/e\u{1b}[31mvil\n", "B");
    world.laptop().sync().exits(0);
    for args in [["history", "notes"], ["backups", "list"], ["undo", "last"]] {
        let words = world.laptop().run(args).words();
        assert!(!words.contains('\u{1b}'), "{words}");
    }
}

#[test]
fn a_diff_compares_with_a_former_version() {
    let world = agreed();
    let run = edited(&world, Side::Server, "B\n");
    let told = world.laptop().run(["diff", "notes/f", "--at", &run]);
    told.exits(0).says("B").says("A");
    world.laptop().run(["diff", "notes/f", "--at", "0s"]).exits(0).says("no difference");
    world.laptop().run(["diff", "notes/f"]).exits(0).says("no difference");
    world.laptop().run(["diff", "notes/D"]).exits(2).says("is a folder");
    edited(&world, Side::Laptop, "C\n");
    let document = world.laptop().run(["diff", "notes/f", "--at", &run, "--json"]).json();
    assert_eq!(document["versions"][0]["text"], "A");
    assert_eq!(document["versions"][1]["text"], "C\n");
}
