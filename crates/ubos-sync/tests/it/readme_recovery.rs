//! "When something goes wrong" in the README: every command of it is run, in the situation it is for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ubos_testkit::process::Running;
use ubos_testkit::terminal::Terminal;
use ubos_testkit::{Node, Side, Territory, World};

use crate::agreed;
use crate::recover::{copy, restore, shell};

const README: &str = include_str!("../../../../README.md");
const SOON: Duration = Duration::from_secs(30);

/// The commands below a heading of the section, without their remarks, with the places of `world` in
/// place of those of the page.
fn page(world: &World, heading: &str) -> Vec<String> {
    let start = README.find(&format!("\n### {heading}\n")).expect("the README has this heading");
    let rest = &README[start + 5..];
    let end = rest.find("\n## ").into_iter().chain(rest.find("\n### ")).min().unwrap();
    let root = |side: Side| world.root(side).display().to_string();
    let mut commands = Vec::new();
    for block in rest[..end].split("```sh\n").skip(1) {
        for line in block[..block.find("```").unwrap()].lines() {
            let command = line.split(" #").next().unwrap().trim();
            let command = command.replace("~/UBOS", &root(Side::Laptop));
            let command = command.replace("janus@balaur.example:/srv/janus", &root(Side::Server));
            let command = command.replace("janus@new.example:/srv/janus", &root(Side::Server));
            let elsewhere = elsewhere(world).display().to_string();
            let command = command.replace("janus@balaur.example:/srv/elsewhere", &elsewhere);
            let command = command.replace("notes/plan.md", "notes/f");
            let command = command.replace("promote outbox", "promote out");
            commands.push(command.replace("promote reports", "promote in"));
        }
    }
    commands
}

fn elsewhere(world: &World) -> PathBuf {
    world.base().join("elsewhere")
}

/// A command that asks, answered as a person would.
fn answered(territory: Territory<'_>, command: &str, answers: &[(&str, &str)], code: i32) {
    let words = command.strip_prefix("ubos-sync ").unwrap().split(' ');
    let mut terminal = Terminal::spawn(&territory.command(words), 100, 60);
    for (question, answer) in answers {
        terminal.wait_for(question, SOON);
        terminal.enter(answer);
    }
    terminal.exits(code);
}

/// Commands for a folder that is not there yet, so that nothing in it can be watched.
fn unwatched(world: &World, line: &str) {
    let program = world.base().join("bin/ubos-sync");
    if !program.exists() {
        std::os::unix::fs::symlink(world.binary(), program).unwrap();
    }
    let mut command = world.command(Path::new("/bin/bash"));
    command.arg("-c").arg(line).current_dir(world.base());
    let running = Running::start(command, &world.base().join("output"));
    running.finish(SOON).exits(0);
}

fn file(text: &str) -> Option<Node> {
    Some(Node::file(text))
}

#[test]
fn a_conflict() {
    let world = agreed();
    let conflict = |more: &str| {
        world.laptop().write("notes/f", format!("of the laptop{more}"));
        world.server().write("notes/f", format!("of the server{more}"));
        world.laptop().sync().exits(3);
    };
    conflict("");
    let commands = page(&world, "A conflict");
    let [list, ask, keep] = &commands[..] else { panic!("{commands:?}") };
    shell(world.laptop(), list).exits(3).says("notes/f");
    answered(world.laptop(), ask, &[("Choice [", "1")], 0);
    assert_eq!(world.server().get("notes/f"), file("of the laptop"));
    conflict(", again");
    shell(world.laptop(), keep).exits(0);
    assert_eq!(world.laptop().get("notes/f"), file("of the server, again"));
}

#[test]
fn something_is_held() {
    let world = agreed();
    for number in 0..30 {
        world.laptop().remove(format!("notes/others/{number:02}.md"));
    }
    world.laptop().sync().exits(4);
    let commands = page(&world, "Something is held");
    let [list, confirm] = &commands[..] else { panic!("{commands:?}") };
    let listed = shell(world.laptop(), list);
    let words = listed.exits(3).words();
    let plan = words.split("--confirm ").nth(1).unwrap().split_whitespace().next().unwrap();
    shell(world.laptop(), &confirm.replace("PLAN", plan)).exits(0);
    assert_eq!(world.server().get("notes/others/00.md"), None);
}

#[test]
fn a_mistake() {
    let world = agreed();
    world.server().write("notes/f", "by mistake");
    world.laptop().sync().exits(0);
    let commands = page(&world, "A mistake");
    let [undo, history, restore] = &commands[..] else { panic!("{commands:?}") };
    shell(world.laptop(), undo).exits(0);
    for side in Side::BOTH {
        assert_eq!(world.at(side).get("notes/f"), file("A"));
    }
    shell(world.laptop(), history).exits(0).says("now").says("by an undo");
    world.laptop().write("notes/f", "later");
    world.laptop().sync().exits(0);
    shell(world.laptop(), restore).exits(0);
    assert_eq!(world.laptop().get("notes/f"), file("A"));
    world.laptop().sync().exits(0).clean();
    assert_eq!(world.server().get("notes/f"), file("A"));
}

#[test]
fn the_laptop_is_lost() {
    let world = agreed();
    fs::rename(world.root(Side::Laptop), world.base().join("lost")).unwrap();
    let commands = page(&world, "The laptop is lost");
    let [init, enter, sync, recover, promote, history] = &commands[..] else {
        panic!("{commands:?}")
    };
    unwatched(&world, &format!("{init} && {enter} && {sync}"));
    assert_eq!(world.laptop().get("notes/f"), file("A"));
    assert_eq!(world.laptop().get("in/x"), file("report"));
    shell(world.laptop(), recover).exits(0).says(promote);
    shell(world.laptop(), promote).exits(0);
    assert_eq!(world.laptop().get("out/y"), file("plan"));
    world.laptop().sync().exits(0).clean().actions([]);
    let remote = world.base().join("remote.git");
    let made = Command::new("git").args(["init", "-q", "--bare"]).arg(&remote).status().unwrap();
    assert!(made.success());
    let history = history.replace("git@github.com:me/ubos.git", remote.to_str().unwrap());
    assert!(history.contains("remote.git"), "{history}");
    // It makes a repository of the root, which no sync ever would.
    unwatched(&world, &format!("{enter} && {history}"));
}

#[test]
fn the_server_is_lost() {
    let world = agreed();
    fs::rename(world.root(Side::Server), world.base().join("lost")).unwrap();
    let commands = page(&world, "The server is lost");
    let [enter, init, recover, promote] = &commands[..] else { panic!("{commands:?}") };
    // The way there does not exist any more; what is told then leads here.
    world.laptop().run(["status"]).exits(4).says("lost for good").says("init . --peer balaur=");
    world.laptop().run(["bidirectional"]).exits(4);
    unwatched(&world, &format!("{enter} && {init}"));
    answered(world.laptop(), recover, &[("[y/N]", "y")], 0);
    assert_eq!(world.server().get("notes/f"), file("A"));
    shell(world.laptop(), recover).exits(0).says(promote);
    shell(world.laptop(), promote).exits(0);
    assert_eq!(world.server().get("in/x"), file("report"));
}

#[test]
fn a_folder_was_restored_from_a_backup() {
    let commands = page(&agreed(), "A folder was restored from a backup");
    let [ask, laptop, server] = &commands[..] else { panic!("{commands:?}") };
    let which = ("Which?", "3");
    let asked: [(&String, &[_], i32, Option<&str>); 3] = [
        (ask, &[which, ("[y/N]", "y")], 3, None),
        (laptop, &[("[y/N]", "y")], 0, Some("newer")),
        (server, &[("[y/N]", "y")], 0, Some("A")),
    ];
    for (command, answers, code, everywhere) in asked {
        let world = agreed();
        let older = world.base().join("older");
        copy(&world.root(Side::Server), &older);
        world.laptop().write("notes/f", "newer");
        world.laptop().sync().exits(0);
        restore(&world, Side::Server, &older);
        world.laptop().sync().exits(4);
        answered(world.laptop(), command, answers, code);
        for (side, held) in [(Side::Laptop, "newer"), (Side::Server, "A")] {
            let expected = file(everywhere.unwrap_or(held));
            assert_eq!(world.at(side).get("notes/f"), expected, "{command}");
        }
    }
}

#[test]
fn a_folder_was_moved_or_its_disk_cloned() {
    let world = agreed();
    let commands = page(&world, "A folder was moved, or its disk cloned");
    let [moved, aside, pair, sync] = &commands[..] else { panic!("{commands:?}") };
    fs::rename(world.root(Side::Server), elsewhere(&world)).unwrap();
    world.laptop().write("notes/f", "B");
    world.laptop().run(["bidirectional"]).exits(4);
    world.laptop().run(moved.strip_prefix("ubos-sync ").unwrap().split(' ')).exits(0);
    world.laptop().run(["bidirectional"]).exits(0);
    assert_eq!(fs::read_to_string(elsewhere(&world).join("notes/f")).unwrap(), "B");
    fs::rename(elsewhere(&world), world.root(Side::Server)).unwrap();
    let original = world.base().join("original");
    copy(&world.root(Side::Laptop), &original);
    shell(world.laptop(), aside).exits(0);
    shell(world.laptop(), pair).exits(0);
    shell(world.laptop(), sync).exits(0);
    world.laptop().write("notes/f", "of the copy");
    shell(world.laptop(), sync).exits(0);
    assert_eq!(world.server().get("notes/f"), file("of the copy"));
}
