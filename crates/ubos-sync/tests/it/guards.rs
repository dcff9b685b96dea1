//! Guards (rules §9): looks at a whole plan, and how a person confirms exactly what was shown.

use std::fs;

use ubos_testkit::{Node, Run, Side, Sketch, World, backups};

use crate::{BINARY, agreed};

/// Deletes `count` of the other notes on the laptop.
fn delete_notes(world: &World, numbers: std::ops::Range<usize>) {
    for number in numbers {
        world.laptop().remove(format!("notes/others/{number:02}.md"));
    }
}

/// Rewrites some of the other notes on the laptop.
fn rewrite_notes(
    world: &World,
    numbers: std::ops::Range<usize>,
    content: impl Fn(usize) -> String,
) {
    for number in numbers {
        world.laptop().write(format!("notes/others/{number:02}.md"), content(number));
    }
}

fn fired(run: &Run<'_>, guard: &str) {
    run.exits(4);
    let names: Vec<&str> = run.report.guards.iter().map(|row| row.guard.as_str()).collect();
    assert!(names.contains(&guard), "{guard} did not fire but {names:?}\n{}", run.outcome.told());
    let error = run.report.error.as_ref().expect("exit 4 has an error");
    assert!(!error.hint.is_empty(), "it says what to do next");
}

/// Asserts that nothing at all was changed on either side by a run.
fn changes_nothing(world: &World, from: Side, code: i32) {
    let before = Side::BOTH.map(|side| world.at(side).snapshot());
    world.at(from).sync().exits(code).actions([]).no_backups();
    for (side, before) in Side::BOTH.into_iter().zip(before) {
        assert_eq!(before.difference(&world.at(side).snapshot()), None, "{side:?}");
    }
}

#[test]
fn many_deletions_are_held_and_the_rest_is_done() {
    let world = agreed();
    delete_notes(&world, 0..30);
    world.laptop().write("notes/f", "B");
    world.server().write("notes/new", "X");
    let run = world.laptop().sync();
    fired(&run, "max-delete");
    assert_eq!((run.report.guards[0].on.as_str(), run.report.guards[0].count), ("balaur", 30));
    run.actions([("update", "notes/f", Side::Server), ("create", "notes/new", Side::Laptop)]);
    assert_eq!(
        world.server().tree(),
        world.start(Side::Server).amended("notes/f = B\nnotes/new = X")
    );
    run.again();
}

#[test]
fn twenty_five_deletions_are_not_many() {
    let world = agreed();
    delete_notes(&world, 0..25);
    world.laptop().sync().exits(0).clean();
    assert_eq!(world.server().get("notes/others/24.md"), None);
}

#[test]
fn a_held_plan_is_carried_out_once_confirmed_by_its_id() {
    let world = agreed();
    delete_notes(&world, 0..30);
    world.laptop().sync().exits(4);
    let plan = world.laptop().status().exits(4).report.plan.clone();
    let run = world.laptop().sync_with(["bidirectional", "--confirm", &plan]);
    run.exits(0).clean();
    assert_eq!(run.report.actions.len(), 30);
    assert_eq!(run.put_aside(Side::Server).iter().count(), 30);
    assert_eq!(world.server().get("notes/others/00.md"), None);
    assert!(world.server().get("notes/others/30.md").is_some());
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn a_run_without_a_terminal_confirms_nothing_by_itself() {
    let world = agreed();
    delete_notes(&world, 0..30);
    for _ in 0..3 {
        world.laptop().run(["bidirectional"]).exits(4);
        world.server().run(["bidirectional"]).exits(4);
    }
    assert_eq!(world.server().tree(), world.start(Side::Server));
}

#[test]
fn an_unknown_plan_id_is_a_wrong_usage_and_touches_nothing() {
    let world = agreed();
    delete_notes(&world, 0..30);
    world.laptop().write("notes/f", "B");
    let before = Side::BOTH.map(|side| world.at(side).snapshot());
    world.laptop().sync_with(["bidirectional", "--confirm", "0123456789abcdef"]).exits(2);
    for (side, before) in Side::BOTH.into_iter().zip(before) {
        assert_eq!(before.difference(&world.at(side).snapshot()), None);
    }
}

#[test]
fn a_confirmed_plan_leaves_alone_what_was_edited_since() {
    let world = agreed();
    delete_notes(&world, 0..30);
    let plan = world.laptop().status().exits(4).report.plan.clone();
    world.server().write("notes/others/05.md", "edited there since");
    let run = world.laptop().sync_with(["bidirectional", "--confirm", &plan]);
    run.exits(3).conflicts([("notes/others/05.md", "delete-modify")]);
    assert_eq!(world.server().get("notes/others/05.md"), Some(Node::file("edited there since")));
    assert_eq!(world.server().get("notes/others/06.md"), None);
}

#[test]
fn deletions_add_up_over_a_day() {
    let world = agreed();
    delete_notes(&world, 0..20);
    world.laptop().sync().exits(0).clean();
    delete_notes(&world, 20..30);
    let run = world.laptop().sync();
    fired(&run, "max-delete");
    assert!(world.server().get("notes/others/20.md").is_some());
}

#[test]
fn a_manifest_entry_that_lost_all_it_had_is_held() {
    let world = agreed();
    world.laptop().remove("out");
    let run = world.laptop().sync();
    fired(&run, "entry-emptied");
    assert_eq!(world.server().tree(), world.start(Side::Server));
}

#[test]
fn a_root_that_lost_everything_stops_the_run() {
    let world = agreed();
    for (path, node) in world.start(Side::Server).iter() {
        if *node == Node::Dir && !path.contains(&b'/') {
            world.server().remove(path);
        }
    }
    world.laptop().write("notes/f", "B");
    changes_nothing(&world, Side::Laptop, 4);
    changes_nothing(&world, Side::Server, 4);
}

#[test]
fn overwriting_most_of_an_entry_is_held() {
    let world = agreed();
    rewrite_notes(&world, 0..45, |number| format!("scrambled {number}"));
    world.laptop().write("out/y", "new plan");
    let run = world.laptop().sync();
    fired(&run, "mass-overwrite");
    run.actions([("update", "out/y", Side::Server)]).backups("", "out/y = plan");
    assert_eq!(world.server().get("notes/others/00.md"), Some(Node::file("note number 0")));
    let plan = world.laptop().status().report.plan;
    world.laptop().sync_with(["bidirectional", "--confirm", &plan]).exits(0).clean();
    assert_eq!(world.server().get("notes/others/44.md"), Some(Node::file("scrambled 44")));
}

#[test]
fn files_that_became_empty_are_held() {
    let world = agreed();
    rewrite_notes(&world, 0..4, |_| String::new());
    world.laptop().write("notes/f", "B");
    let run = world.laptop().sync();
    fired(&run, "zeroed");
    run.actions([("update", "notes/f", Side::Server)]);
    assert_eq!(world.server().get("notes/others/00.md"), Some(Node::file("note number 0")));
}

#[test]
fn two_files_that_became_empty_are_an_edit() {
    let world = agreed();
    rewrite_notes(&world, 0..2, |_| String::new());
    world.laptop().sync().exits(0).clean();
}

#[test]
fn many_files_that_return_to_an_earlier_version_are_held() {
    let world = agreed();
    rewrite_notes(&world, 0..22, |number| format!("second version {number}"));
    world.laptop().sync().exits(0).clean();
    rewrite_notes(&world, 0..22, |number| format!("note number {number}"));
    let run = world.laptop().sync();
    fired(&run, "regression");
    assert_eq!(world.server().get("notes/others/00.md"), Some(Node::file("second version 0")));
}

#[test]
fn a_few_files_that_return_to_an_earlier_version_are_edits() {
    let world = agreed();
    rewrite_notes(&world, 0..10, |number| format!("second version {number}"));
    world.laptop().sync().exits(0).clean();
    rewrite_notes(&world, 0..10, |number| format!("note number {number}"));
    world.laptop().sync().exits(0).clean().both("");
}

#[test]
fn two_folders_that_hardly_belong_together_are_held() {
    let world = World::unpaired(BINARY);
    for side in Side::BOTH {
        for number in 0..1100 {
            world.at(side).write(format!("notes/{}/{number}", side.name()), number.to_string());
        }
    }
    world.mark();
    world.init().exits(0);
    let run = world.laptop().sync();
    fired(&run, "first-run");
    run.both("");
    let shown = world.laptop().status();
    fired(&shown, "first-run");
    let plan = shown.report.plan.clone();
    world.laptop().sync_with(["bidirectional", "--confirm", &plan]).exits(0).clean().again();
}

#[test]
fn a_first_run_against_an_empty_folder_is_never_held() {
    let world = World::empty(BINARY);
    Sketch::parse("config/sync_to_balaur.conf = notes/\\n\nconfig/sync_from_balaur.conf = in/\\n")
        .build(&world.root(Side::Laptop));
    world.laptop().write("config/sync_exclude.conf", "priv/\n");
    for number in 0..1100 {
        world.laptop().write(format!("notes/{number}"), number.to_string());
    }
    world.init().exits(0);
    world.laptop().sync().exits(0).clean();
    assert_eq!(world.server().get("notes/1099"), Some(Node::file("1099")));
}

#[test]
fn a_missing_root_stops_the_run() {
    let world = agreed();
    let aside = world.base().join("aside");
    fs::rename(world.root(Side::Server), &aside).unwrap();
    let before = world.laptop().snapshot();
    world.laptop().run(["bidirectional", "--json"]).exits(4);
    assert_eq!(before.difference(&world.laptop().snapshot()), None);
    assert!(!world.root(Side::Server).exists(), "it is not made again");
    fs::rename(&aside, world.root(Side::Server)).unwrap();
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn an_empty_folder_in_place_of_a_root_stops_the_run() {
    let world = agreed();
    fs::rename(world.root(Side::Server), world.base().join("aside")).unwrap();
    fs::create_dir(world.root(Side::Server)).unwrap();
    let before = world.laptop().snapshot();
    world.laptop().run(["bidirectional", "--json"]).exits(4);
    assert_eq!(before.difference(&world.laptop().snapshot()), None);
    assert_eq!(Sketch::read(&world.root(Side::Server)), Sketch::default());
}

#[test]
fn a_root_that_became_a_link_stops_the_run() {
    let world = agreed();
    let aside = world.base().join("aside");
    fs::rename(world.root(Side::Server), &aside).unwrap();
    std::os::unix::fs::symlink(&aside, world.root(Side::Server)).unwrap();
    let before = world.laptop().snapshot();
    world.laptop().run(["bidirectional", "--json"]).exits(4);
    assert_eq!(before.difference(&world.laptop().snapshot()), None);
}

#[test]
fn a_root_of_another_pair_stops_the_run() {
    let [world, other] = [agreed(), agreed()];
    fs::rename(world.root(Side::Server), world.base().join("aside")).unwrap();
    fs::rename(other.root(Side::Server), world.root(Side::Server)).unwrap();
    world.laptop().write("notes/f", "B");
    changes_nothing(&world, Side::Laptop, 4);
}

#[test]
fn guards_count_for_each_side_by_itself() {
    let world = agreed();
    delete_notes(&world, 0..15);
    for number in 15..30 {
        world.server().remove(format!("notes/others/{number}.md"));
    }
    world.laptop().sync().exits(0).clean();
    assert_eq!(backups::runs(&world.root(Side::Laptop)).len(), 1);
}
