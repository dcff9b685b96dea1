//! Scenarios T01–T13: a file becomes a folder, a folder a link, and so on.

use ubos_testkit::{Node, Side, Territory};

use crate::agreed;

/// `path` becomes a folder with `x` in it.
fn becomes_folder(territory: Territory<'_>, path: &str) {
    territory.remove(path);
    territory.write(format!("{path}/x"), "inside");
}

/// `path` becomes a file.
fn becomes_file(territory: Territory<'_>, path: &str) {
    territory.remove(path);
    territory.write(path, "flat");
}

/// `path` becomes a link.
fn becomes_link(territory: Territory<'_>, path: &str, text: &str) {
    territory.remove(path);
    territory.link(path, text);
}

#[test]
fn t01_a_file_that_became_a_folder_does_so_there() {
    let world = agreed();
    becomes_folder(world.laptop(), "notes/f");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f/x = inside").backups("", "notes/f = A").again();
}

#[test]
fn t02_a_folder_that_became_a_file_does_so_there() {
    let world = agreed();
    becomes_file(world.laptop(), "notes/D");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/D = flat");
    run.backups("", "notes/D/a = first\nnotes/D/b = second").again();
}

#[test]
fn t03_a_folder_here_and_an_edit_there_are_a_conflict() {
    let world = agreed();
    becomes_folder(world.laptop(), "notes/f");
    world.server().write("notes/f", "C");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("notes/f/x = inside", "notes/f = C").no_backups();
    run.conflict_paths(["notes/f"]).again();
}

#[test]
fn t04_a_file_here_and_a_new_child_there_are_one_conflict_of_the_folder() {
    let world = agreed();
    becomes_file(world.laptop(), "notes/D");
    world.server().write("notes/D/new", "N");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("notes/D = flat", "notes/D/new = N").no_backups();
    run.conflict_paths(["notes/D"]).again();
}

#[test]
fn t05_a_file_that_became_a_link_does_so_there() {
    let world = agreed();
    becomes_link(world.laptop(), "notes/f", "g");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f -> g").backups("", "notes/f = A").again();
}

#[test]
fn t06_a_folder_that_became_a_link_to_a_folder_does_so_there() {
    let world = agreed();
    becomes_link(world.laptop(), "notes/D", "others");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/D -> others");
    run.backups("", "notes/D/a = first\nnotes/D/b = second").again();
}

#[test]
fn t07_a_file_that_became_a_folder_on_both_sides_is_merged() {
    let world = agreed();
    becomes_folder(world.laptop(), "notes/f");
    world.server().remove("notes/f");
    world.server().write("notes/f/y", "also inside");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f/x = inside\nnotes/f/y = also inside").no_backups().again();
}

#[test]
fn t08_a_folder_here_and_a_link_there_are_a_conflict() {
    let world = agreed();
    becomes_folder(world.laptop(), "notes/f");
    becomes_link(world.server(), "notes/f", "g");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("notes/f/x = inside", "notes/f -> g").no_backups();
    run.conflicts([("notes/f", "kind-change")]).again();
}

#[test]
fn t09_a_folder_and_a_file_created_at_one_path_are_a_conflict() {
    let world = agreed();
    world.laptop().mkdir("notes/N");
    world.server().write("notes/N", "a file");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("notes/N/", "notes/N = a file").no_backups();
    run.conflict_paths(["notes/N"]).again();
}

#[test]
fn t10_folders_created_on_both_sides_are_merged() {
    let world = agreed();
    world.laptop().write("notes/N/a", "1");
    world.server().write("notes/N/b", "2");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/N/a = 1\nnotes/N/b = 2").no_backups().again();
}

#[test]
fn t11_excluded_content_in_the_way_of_a_file_is_held() {
    let world = agreed();
    world.server().write("notes/D/x.tmp", "excluded");
    world.mark();
    becomes_file(world.laptop(), "notes/D");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("notes/D = flat", "").no_backups();
    run.conflicts([]).held_paths(["notes/D"]).again();
}

#[test]
fn t13_a_special_file_in_place_of_a_file_is_not_a_deletion() {
    let world = agreed();
    world.laptop().remove("notes/f");
    world.laptop().fifo("notes/f");
    let run = world.laptop().sync();
    run.exits(3).actions([]).no_backups().held([("notes/f", Side::Laptop)]).conflicts([]);
    assert_eq!(world.laptop().get("notes/f"), Some(Node::Special));
    assert_eq!(world.server().get("notes/f"), Some(Node::file("A")));
    run.again();
    // The file comes back under it, and nothing was forgotten.
    becomes_file(world.laptop(), "notes/f");
    world.laptop().sync().exits(0).clean().both("notes/f = flat").backups("", "notes/f = A");
}

#[test]
fn an_edit_there_does_not_go_into_a_special_file() {
    let world = agreed();
    world.laptop().remove("notes/f");
    world.laptop().fifo("notes/f");
    world.server().write("notes/f", "C");
    world.laptop().sync().exits(3).actions([]).held_paths(["notes/f"]);
    assert_eq!(world.laptop().get("notes/f"), Some(Node::Special));
    assert_eq!(world.server().get("notes/f"), Some(Node::file("C")));
}
