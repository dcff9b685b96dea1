//! Everything that is held is shown with the command that settles it, on both sides, and each command
//! that is shown does settle it.

use std::collections::BTreeSet;

use serde_json::Value;
use ubos_testkit::{Side, World};

use crate::agreed;
use crate::recover::shell;

/// What brings about one reason, in a world that has agreed on everything.
struct Case {
    /// The word of the contract.
    reason: &'static str,
    /// The paths.
    paths: &'static [&'static str],
    /// What the users do.
    happens: fn(&World),
    /// The exit code of the sync after it.
    code: i32,
}

const CASES: [Case; 10] = [
    Case {
        reason: "drift",
        paths: &["in/x"],
        happens: |world| world.laptop().write("in/x", "edited on the mirror"),
        code: 3,
    },
    Case {
        reason: "drift",
        paths: &["out/y"],
        happens: |world| world.server().write("out/y", "edited on the mirror"),
        code: 3,
    },
    Case {
        reason: "drift-source-gone",
        paths: &["in/x"],
        happens: |world| {
            world.laptop().write("in/x", "edited on the mirror");
            world.server().remove("in/x");
        },
        code: 3,
    },
    Case {
        reason: "drift-source-gone",
        paths: &["out/y"],
        happens: |world| {
            world.server().write("out/y", "edited on the mirror");
            world.laptop().remove("out/y");
        },
        code: 3,
    },
    Case {
        reason: "escaping-symlink",
        paths: &["notes/a link"],
        happens: |world| world.laptop().link("notes/a link", "/etc/passwd"),
        code: 3,
    },
    Case {
        reason: "special-file",
        paths: &["notes/f"],
        happens: |world| {
            world.server().remove("notes/f");
            world.server().fifo("notes/f");
        },
        code: 3,
    },
    Case {
        reason: "name-collision",
        paths: &["notes/cafe\\xcc\\x81"],
        happens: |world| {
            world.laptop().write("notes/caf\u{e9}", "tracked");
            world.laptop().sync().exits(0);
            world.laptop().write("notes/cafe\u{301}", "twin");
        },
        code: 3,
    },
    Case {
        reason: "untracked-in-the-way",
        paths: &["notes/D"],
        happens: |world| {
            world.server().write("notes/D/mine.tmp", "not shared");
            world.laptop().remove("notes/D");
            world.laptop().write("notes/D", "a file now");
        },
        code: 3,
    },
    Case {
        reason: "max-delete",
        paths: &[],
        happens: |world| {
            for number in 0..30 {
                world.laptop().remove(format!("notes/others/{number:02}.md"));
            }
        },
        code: 4,
    },
    Case {
        reason: "zeroed",
        paths: &[],
        happens: |world| {
            for number in 0..4 {
                world.server().write(format!("notes/others/{number:02}.md"), "");
            }
        },
        code: 4,
    },
];

fn prepared(case: &Case, starter: Side) -> World {
    let world = agreed();
    (case.happens)(&world);
    world.at(starter).sync().exits(case.code);
    world
}

fn held(report: &Value) -> &Vec<Value> {
    report["held"].as_array().unwrap()
}

/// The commands that the rows of a document show.
fn settles(rows: &[Value]) -> BTreeSet<String> {
    let commands = rows.iter().flat_map(|row| row["settle"].as_array().unwrap());
    commands.map(|command| command.as_str().unwrap().to_owned()).collect()
}

fn of_reason(rows: &[Value], case: &Case) -> usize {
    rows.iter().filter(|row| row["reason"] == case.reason).count()
}

#[test]
fn everything_held_is_shown_with_its_commands_on_both_sides() {
    for case in &CASES {
        for starter in Side::BOTH {
            let world = prepared(case, starter);
            for side in Side::BOTH {
                let listed = world.at(side).run(["conflicts", "--json"]);
                let document = listed.exits(3).json();
                let rows = held(&document);
                assert!(of_reason(rows, case) > 0, "{}: {}", case.reason, listed.told());
                assert_eq!(of_reason(rows, case), rows.len(), "{}", listed.told());
                for path in case.paths {
                    let path = path.replace("\\xcc\\x81", "\u{301}");
                    assert!(rows.iter().any(|row| row["path"] == *path), "{}", listed.told());
                }
                let commands = settles(rows);
                assert!(!commands.is_empty());
                let screen = world.at(side).run(["conflicts"]);
                for command in &commands {
                    screen.exits(3).says(command);
                }
                if case.reason == "drift-source-gone" {
                    // Its row is dropped; `status` tells it as a copy that stands alone.
                    continue;
                }
                let status = world.at(side).run(["status", "--json"]);
                let document = status.exits(case.code).json();
                assert_eq!(of_reason(held(&document), case), rows.len(), "{}", status.told());
                let screen = world.at(side).run(["status"]);
                for command in settles(held(&document)) {
                    screen.says(&command);
                }
            }
        }
    }
}

#[test]
fn every_command_that_is_shown_settles_what_is_held() {
    for case in &CASES {
        for side in Side::BOTH {
            let world = prepared(case, Side::Laptop);
            let shown = settles(held(&world.at(side).run(["conflicts", "--json"]).json()));
            drop(world);
            for index in 0..shown.len() {
                let world = prepared(case, Side::Laptop);
                let shown = settles(held(&world.at(side).run(["conflicts", "--json"]).json()));
                let command = shown.iter().nth(index).unwrap();
                let context = format!("{} on {side:?}: {command}", case.reason);
                let settled = shell(world.at(side), command);
                assert_eq!(settled.code(), 0, "{context}\n{}", settled.told());
                for side in Side::BOTH {
                    let listed = world.at(side).run(["conflicts"]);
                    assert_eq!(listed.code(), 0, "{context}\n{}", listed.told());
                }
                for side in Side::BOTH {
                    let run = world.at(side).sync();
                    assert_eq!(run.outcome.code(), 0, "{context}\n{}", run.outcome.told());
                    assert!(run.report.actions.is_empty(), "{context}\n{}", run.outcome.told());
                }
            }
        }
    }
}

#[test]
fn what_is_moved_out_of_the_way_is_no_longer_held() {
    let world = prepared(&CASES[4], Side::Laptop);
    world.laptop().remove("notes/a link");
    world.laptop().sync().exits(0).clean();
    world.laptop().run(["conflicts"]).exits(0).says("nothing held");
    let world = prepared(&CASES[7], Side::Laptop);
    std::fs::rename(world.server().path("notes/D/mine.tmp"), world.server().path("mine.tmp"))
        .unwrap();
    world.laptop().run(["bidirectional"]).exits(0);
    for side in Side::BOTH {
        world.at(side).run(["conflicts"]).exits(0).says("nothing held");
    }
}

#[test]
fn what_a_guard_held_is_forgotten_once_nothing_is_to_be_held() {
    let world = prepared(&CASES[8], Side::Laptop);
    world.server().run(["conflicts"]).exits(3).says("max-delete");
    for number in 0..30 {
        world
            .laptop()
            .write(format!("notes/others/{number:02}.md"), format!("note number {number}"));
    }
    world.laptop().sync().exits(0).clean();
    for side in Side::BOTH {
        world.at(side).run(["conflicts"]).exits(0).says("nothing held");
    }
}

#[test]
fn a_decision_about_one_path_or_a_sync_one_way_keeps_what_a_guard_holds() {
    let world = agreed();
    world.laptop().link("notes/l", "/etc/passwd");
    (CASES[8].happens)(&world);
    world.laptop().sync().exits(4);
    let guarded = |side: Side| {
        let listed = world.at(side).run(["conflicts", "--json"]).json();
        held(&listed).iter().filter(|row| row["reason"] == "max-delete").count()
    };
    assert_eq!(Side::BOTH.map(guarded), [30, 30]);
    world.laptop().resolve(["notes/l", "--leave"]).exits(0);
    assert_eq!(Side::BOTH.map(guarded), [30, 30]);
    world.laptop().pull();
    assert_eq!(Side::BOTH.map(guarded), [30, 30]);
    world.laptop().push().exits(4);
    assert_eq!(Side::BOTH.map(guarded), [30, 30]);
}

#[test]
fn what_a_guard_holds_is_left_alone_where_it_changed_since() {
    let world = prepared(&CASES[8], Side::Laptop);
    let command = settles(held(&world.server().run(["conflicts", "--json"]).json()));
    world.server().write("notes/others/05.md", "edited there since");
    let outcome = shell(world.server(), command.first().unwrap());
    outcome.exits(3);
    let kept = world.server().get("notes/others/05.md");
    assert_eq!(kept, Some(ubos_testkit::Node::file("edited there since")));
    assert_eq!(world.server().get("notes/others/06.md"), None);
}

#[test]
fn a_conflict_that_changed_since_it_was_shown_is_not_left_as_it_is() {
    let world = agreed();
    world.laptop().write("notes/f", "L");
    world.server().write("notes/f", "S");
    world.laptop().sync().exits(3);
    world.server().write("notes/f", "S again");
    world.laptop().run(["resolve", "notes/f", "--leave"]).exits(3).says("CONFLICT");
    world.laptop().run(["resolve", "notes/f", "--leave"]).exits(0);
    world.laptop().sync().exits(0);
}
