//! `recover` where a folder was put back to what it was before: each of the three answers, and what
//! becomes of every content by it.

use std::fs;

use ubos_testkit::{Node, Side, Territory, World, backups};

use crate::agreed;
use crate::recover::{commands, copy, file, restore, screen, sees, shell};

/// A pair of which one side was put back to what it was before the last sync: there `notes/f` and
/// `out/y` have older contents, `notes/late` is missing and `notes/g` is still there.
pub(crate) fn restored(side: Side) -> World {
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
pub(crate) fn way(starter: Territory<'_>, winner: Option<Side>) -> String {
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
