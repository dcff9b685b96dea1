//! How much a territory takes in: what is too large is held and shown with what settles it, what is
//! above a run's share comes with the next runs, and the limits are those of whoever receives.

use std::fs::{self, OpenOptions};
use std::io::Write;

use serde_json::Value;
use ubos_testkit::{Node, Side, World};

use crate::agreed;
use crate::recover::shell;

/// Adds lines to a territory's configuration; they begin with a table.
fn configure(world: &World, side: Side, lines: &str) {
    let path = world.at(side).own("config.toml");
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    writeln!(file, "\n{lines}").unwrap();
}

/// A pair in which `receiver` takes files of 1000 bytes, 3000 below `notes/wide/`.
fn limited(receiver: Side) -> World {
    let world = agreed();
    configure(
        &world,
        receiver,
        "[limits]\nmax_file_size = 1000\n[limits.paths]\n\"notes/wide/\" = \"3kB\"",
    );
    world
}

fn text(length: usize) -> String {
    "0123456789".repeat(length.div_ceil(10))[..length].to_owned()
}

/// Receiver and starter in every combination.
fn combinations() -> impl Iterator<Item = (Side, Side)> {
    Side::BOTH.into_iter().flat_map(|receiver| Side::BOTH.map(|starter| (receiver, starter)))
}

fn held_row(world: &World, side: Side) -> Value {
    let listed = world.at(side).run(["conflicts", "--json"]);
    let rows = listed.exits(3).json();
    assert_eq!(rows["held"].as_array().unwrap().len(), 1, "{}", listed.told());
    rows["held"][0].clone()
}

fn arrived(world: &World, path: &str) {
    let there = world.server().get(path);
    assert!(there.is_some(), "{path}");
    assert_eq!(world.laptop().get(path), there, "{path}");
}

#[test]
fn a_file_that_is_too_large_is_held_until_it_is_small() {
    for (receiver, starter) in combinations() {
        let world = limited(receiver);
        let source = receiver.other();
        world.at(source).write("notes/large", text(1001));
        world.at(source).write("notes/fits", text(1000));
        world.at(source).write("notes/wide/more", text(3000));
        world.at(source).write("notes/wide/large", text(3001));
        let run = world.at(starter).sync();
        run.exits(3).held([("notes/large", source), ("notes/wide/large", source)]);
        run.again();
        assert_eq!(world.at(receiver).get("notes/large"), None);
        for path in ["notes/fits", "notes/wide/more"] {
            assert_eq!(world.at(receiver).get(path), world.at(source).get(path));
        }
        world.at(source).write("notes/large", text(900));
        world.at(source).write("notes/wide/large", text(2000));
        world.at(starter).sync().exits(0).clean();
        arrived(&world, "notes/large");
        arrived(&world, "notes/wide/large");
    }
}

#[test]
fn the_other_direction_knows_no_such_limit() {
    for receiver in Side::BOTH {
        let world = limited(receiver);
        world.at(receiver).write("notes/large", text(5000));
        world.laptop().sync().exits(0).clean();
        assert_eq!(world.at(receiver.other()).get("notes/large"), Some(Node::file(text(5000))));
    }
}

#[test]
fn an_update_that_grew_too_large_keeps_the_old_copy_on_the_other_side() {
    for (receiver, starter) in combinations() {
        let world = limited(receiver);
        let source = receiver.other();
        world.at(source).write("notes/a", "small");
        world.at(starter).sync().exits(0);
        world.at(source).write("notes/a", text(2000));
        for _ in 0..2 {
            world.at(starter).sync().exits(3).held([("notes/a", source)]).no_backups();
        }
        assert_eq!(world.at(receiver).get("notes/a"), Some(Node::file("small")));
        // An edit over there is a conflict then, large or not.
        world.at(receiver).write("notes/a", "edited");
        world.at(starter).sync().exits(3).conflicts([("notes/a", "modify-modify")]);
        // A person who has seen it takes the large one.
        let name = source.name();
        world.at(starter).resolve(["notes/a", "--keep", name]).exits(0);
        assert_eq!(world.at(receiver).get("notes/a"), Some(Node::file(text(2000))));
        world.at(starter).sync().exits(0).clean();
    }
}

#[test]
fn a_policy_does_not_bring_what_is_too_large() {
    let world = limited(Side::Laptop);
    world.laptop().write("notes/a", "here");
    world.server().write("notes/a", text(2000));
    world.laptop().sync_with(["bidirectional", "--conflicts", "balaur"]).exits(3);
    assert_eq!(world.laptop().get("notes/a"), Some(Node::file("here")));
    world.laptop().sync_with(["bidirectional", "--conflicts", "localhost"]).exits(0);
    assert_eq!(world.server().get("notes/a"), Some(Node::file("here")));
}

#[test]
fn what_never_came_is_not_missed_when_its_source_is_gone() {
    for (receiver, starter) in combinations() {
        let world = limited(receiver);
        let source = receiver.other();
        world.at(source).write("notes/large", text(2000));
        world.at(starter).sync().exits(3);
        world.at(source).remove("notes/large");
        world.at(starter).sync().exits(0).clean().actions([]).again();
    }
}

#[test]
fn deletions_and_renames_go_on_whatever_the_size() {
    for (receiver, starter) in combinations() {
        let world = agreed();
        let source = receiver.other();
        world.at(source).write("notes/large", text(2000));
        world.at(source).write("notes/other", text(2001));
        world.at(starter).sync().exits(0);
        configure(&world, receiver, "[limits]\nmax_file_size = \"1kB\"\nmax_pull_per_run = 10");
        world.at(source).rename("notes/large", "notes/renamed");
        world.at(source).remove("notes/other");
        world.at(starter).sync().exits(0).clean();
        assert_eq!(world.at(receiver).get("notes/renamed"), Some(Node::file(text(2000))));
        assert_eq!(world.at(receiver).get("notes/large"), None);
        assert_eq!(world.at(receiver).get("notes/other"), None);
    }
}

#[test]
fn a_log_counts_as_a_whole_as_a_file_and_by_its_tail_in_a_run() {
    let world = agreed();
    configure(&world, Side::Laptop, "[limits]\nmax_file_size = 1000\nmax_pull_per_run = 100");
    let line = format!("{}\n", text(89));
    world.server().write("logs/new.jsonl", line.clone());
    world.laptop().sync().exits(0).clean();
    for _ in 0..10 {
        world.server().append("logs/new.jsonl", &line);
        world.laptop().sync().exits(0).clean();
    }
    let full = world.laptop().get("logs/new.jsonl");
    assert_eq!(full, Some(Node::file(line.repeat(11))));
    world.server().append("logs/new.jsonl", &line);
    world.laptop().sync().exits(3).held([("logs/new.jsonl", Side::Server)]);
    assert_eq!(world.laptop().get("logs/new.jsonl"), full, "the copy stays");
    configure(&world, Side::Laptop, "[limits.paths]\n\"logs/\" = \"2kB\"");
    world.laptop().sync().exits(0).clean();
    world.server().append("logs/new.jsonl", line.repeat(2));
    let row = {
        world.laptop().sync().exits(3);
        held_row(&world, Side::Laptop)
    };
    assert_eq!((&row["size"], &row["limit"]), (&180.into(), &100.into()));
    assert_eq!(row["edits"][0]["table"], "[limits]");
    assert_eq!(row["edits"][0]["line"], "max_pull_per_run = \"180\"");
}

#[test]
fn what_is_above_the_share_of_a_run_comes_with_the_next_ones() {
    for (receiver, starter) in combinations() {
        let world = agreed();
        configure(&world, receiver, "[limits]\nmax_pull_per_run = \"1kB\"");
        let source = receiver.other();
        for (name, size) in [("a", 900), ("b", 600), ("c", 50), ("d", 40), ("e", 0)] {
            world.at(source).write(format!("notes/{name}"), text(size));
        }
        let status = world.at(starter).status();
        status.exits(7).skipped([("notes/a", receiver)]);
        let run = world.at(starter).sync();
        run.exits(7).skipped([("notes/a", receiver)]);
        assert_eq!(run.report.skipped[0].reason, "pull-limit");
        for name in ["b", "c", "d", "e"] {
            assert!(world.at(receiver).get(format!("notes/{name}")).is_some());
        }
        world.at(starter).run(["status"]).exits(0).says("notes/a");
        world.at(starter).sync().exits(0).clean();
        arrived(&world, "notes/a");
    }
}

#[test]
fn a_person_sees_what_settles_it_and_each_way_does() {
    for (receiver, starter) in combinations() {
        let source = receiver.other();
        let prepared = || {
            let world = limited(receiver);
            world.at(source).write("notes/large [1]", text(123_456));
            world.at(starter).sync().exits(3);
            world
        };
        let world = prepared();
        let row = held_row(&world, starter);
        assert_eq!(row["reason"], "too-large");
        assert_eq!((&row["size"], &row["limit"]), (&123_456.into(), &1000.into()));
        let screen = world.at(starter).run(["conflicts"]);
        let edits = row["edits"].as_array().unwrap();
        assert_eq!(edits.len(), 2);
        for edit in edits {
            screen.exits(3).says(edit["line"].as_str().unwrap());
            screen.says(edit["file"].as_str().unwrap());
        }
        let commands = row["settle"].as_array().unwrap();
        for command in commands {
            screen.says(command.as_str().unwrap());
        }
        assert_eq!(commands.len(), 1);
        shell(world.at(starter), commands[0].as_str().unwrap()).exits(0);
        world.at(starter).sync().exits(0).actions([]).no_backups();
        // Left is what was seen; another content is another matter.
        world.at(source).write("notes/large [1]", text(123_457));
        world.at(starter).sync().exits(3).held([("notes/large [1]", source)]);

        // The limit is raised where the file would go.
        let world = prepared();
        let edit = held_row(&world, starter)["edits"][0].clone();
        assert_eq!(
            (&edit["on"], &edit["table"]),
            (&receiver.name().into(), &"[limits.paths]".into())
        );
        let config = world.at(receiver).own("config.toml");
        let before = fs::read_to_string(&config).unwrap();
        let line = edit["line"].as_str().unwrap();
        let table = "[limits.paths]\n";
        fs::write(&config, before.replace(table, &format!("{table}{line}\n"))).unwrap();
        world.at(starter).sync().exits(0).clean();
        arrived(&world, "notes/large [1]");

        // The path is excluded.
        let world = prepared();
        let edit = held_row(&world, starter)["edits"][1].clone();
        assert_eq!(edit["on"], starter.name());
        let line = format!("\n{}\n", edit["line"].as_str().unwrap());
        world.at(starter).append(edit["file"].as_str().unwrap(), line);
        world.at(starter).run(["bidirectional"]).exits(0);
        world.at(starter).run(["conflicts"]).exits(0);
        assert!(world.at(source).get("notes/large [1]").is_some());
    }
}

#[test]
fn no_choice_of_a_side_settles_what_is_too_large() {
    let world = limited(Side::Laptop);
    world.server().write("notes/large", text(2000));
    world.laptop().sync().exits(3);
    let chosen = world.laptop().resolve(["notes/large", "--keep", "balaur"]);
    assert_ne!(chosen.code(), 0, "{}", chosen.told());
    assert_eq!(world.laptop().get("notes/large"), None);
}

#[test]
fn a_setting_that_is_none_stops_every_command_and_names_the_line() {
    for (lines, part) in [
        ("[limits]\nmax_file_size = \"many\"", "`max_file_size`: `many` is no size"),
        ("[limits]\nmin_free_space = false", "`min_free_space`"),
        ("[limits.paths]\n\"!logs/\" = 1", "`!logs/`"),
        ("[logs]\ncompress_sealed_after = \"soon\"", "`compress_sealed_after`"),
        ("[limits]\nmax_size = 1", "max_size"),
    ] {
        let world = agreed();
        let config = world.laptop().own("config.toml");
        configure(&world, Side::Laptop, lines);
        let text = fs::read_to_string(&config).unwrap();
        let line = text.trim_end().lines().count();
        world.laptop().write("notes/new", "waits");
        let outcome = world.laptop().run(["bidirectional"]);
        outcome.exits(2).says(part).says(&format!("line {line}"));
        assert_eq!(world.server().get("notes/new"), None);
    }
}

/// A log that was cut at its source `parts` times; its sealed copies are made to look old.
fn cut_again_and_again(world: &World, parts: &[&str]) {
    let (last, sealed) = parts.split_last().unwrap();
    for part in sealed {
        world.server().write("logs/cut.jsonl", part);
        world.laptop().sync().exits(0);
        // The next one is another file, as a rotation leaves it.
        world.server().remove("logs/cut.jsonl");
    }
    world.server().write("logs/cut.jsonl", last);
    world.laptop().sync().exits(0);
    let folder = world.laptop().own("sealed/logs");
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (log, year) = name.split_at("cut.jsonl.".len());
        fs::rename(folder.join(&name), folder.join(format!("{log}2020{}", &year[4..]))).unwrap();
    }
}

fn sealed_names(world: &World) -> Vec<String> {
    let listed = fs::read_dir(world.laptop().own("sealed/logs")).unwrap();
    listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn old_sealed_logs_are_compressed_and_every_byte_can_be_had_back() {
    let world = agreed();
    let parts = ["first\n".repeat(4000), "second\n".repeat(5000), "third\n".to_owned()];
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    cut_again_and_again(&world, &parts);
    let whole = parts.concat().into_bytes();
    let assembled = || world.laptop().run(["backups", "assemble", "logs/cut.jsonl"]).stdout;
    assert_eq!(assembled(), whole);
    assert!(sealed_names(&world).iter().all(|name| !name.ends_with(".lz4")));

    configure(&world, Side::Laptop, "[logs]\ncompress_sealed_after = \"7d\"");
    world.laptop().sync().exits(0);
    let names = sealed_names(&world);
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.ends_with(".lz4")), "{names:?}");
    assert_eq!(assembled(), whole);
    world.laptop().sync().exits(0).clean().actions([]).again();

    let out = world.base().join("whole.jsonl");
    let line = ["backups", "assemble", "logs/cut.jsonl", "--json", "--out", out.to_str().unwrap()];
    let document = world.laptop().run(line).json();
    assert_eq!(document["parts"].as_array().unwrap().len(), 3);
    assert_eq!(document["bytes"], whole.len());
    assert_eq!(fs::read(&out).unwrap(), whole);
    // What is there is not written over.
    assert_ne!(world.laptop().run(line).code(), 0);
    world.laptop().run(["log", "--verify"]).exits(0);

    // Damage is noticed, and no part is left that would pass for the whole.
    let damaged = world.laptop().own(&format!("sealed/logs/{}", names[0]));
    let mut bytes = fs::read(&damaged).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    fs::remove_file(&out).unwrap();
    assert_ne!(world.laptop().run(line).code(), 0);
    assert!(!out.exists());
}

#[test]
fn young_sealed_logs_stay_as_they_are_and_history_finds_compressed_ones() {
    let world = agreed();
    world.server().write("logs/cut.jsonl", "first\n".repeat(4000));
    world.laptop().sync().exits(0);
    configure(&world, Side::Laptop, "[logs]\ncompress_sealed_after = \"7d\"");
    world.server().write("logs/cut.jsonl", "second\n");
    world.laptop().sync().exits(0);
    world.laptop().sync().exits(0);
    assert!(!sealed_names(&world)[0].ends_with(".lz4"));
    let config = world.laptop().own("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("\"7d\"", "\"0s\"")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.laptop().sync().exits(0);
    assert!(sealed_names(&world)[0].ends_with(".lz4"));
    world.laptop().run(["history", "logs/cut.jsonl"]).exits(0).says(&sealed_names(&world)[0]);
    world.laptop().run(["backups", "verify"]).exits(0);
}

#[test]
fn nothing_at_a_path_is_nothing_to_assemble() {
    let world = agreed();
    world.laptop().run(["backups", "assemble", "logs/none.jsonl"]).exits(2);
    world.laptop().run(["backups", "assemble", "logs/day.jsonl", "--json"]).exits(2);
    let log = world.laptop().get("logs/day.jsonl").unwrap();
    let told = world.laptop().run(["backups", "assemble", "logs/day.jsonl"]);
    assert_eq!(told.exits(0).stdout, log.content().unwrap());
}
