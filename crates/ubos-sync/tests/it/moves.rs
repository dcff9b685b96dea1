//! Moves (rules §2): a file renamed on one side is renamed on the other, without its content.

use std::os::unix::fs::MetadataExt;

use ubos_testkit::Side;

use crate::agreed;

#[test]
fn a_renamed_file_is_renamed_there() {
    let world = agreed();
    let inode = world.server().meta("notes/f").ino();
    world.laptop().rename("notes/f", "notes/h");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("rename", "notes/h", Side::Server)]);
    run.both("- notes/f\nnotes/h = A").no_backups();
    assert_eq!(run.report.actions[0].from.as_deref(), Some("notes/f"));
    assert_eq!(run.report.raw["totals"]["bytes"], 0);
    assert_eq!(world.server().meta("notes/h").ino(), inode);
    run.again();
}

#[test]
fn a_move_into_a_new_folder_makes_the_folder() {
    let world = agreed();
    world.server().mkdir("notes/N");
    world.server().rename("notes/f", "notes/N/f");
    let run = world.laptop().sync();
    run.exits(0).clean().both("- notes/f\nnotes/N/f = A").no_backups().again();
    assert!(run.report.actions.iter().any(|action| action.op == "rename"));
}

#[test]
fn a_renamed_folder_sends_no_content_and_trips_no_guard() {
    let world = agreed();
    let inode = world.server().meta("notes/others/07.md").ino();
    world.laptop().rename("notes/others", "notes/moved");
    let run = world.laptop().sync();
    run.exits(0).clean().no_backups();
    assert_eq!(run.report.raw["totals"]["bytes"], 0);
    assert_eq!(world.server().meta("notes/moved/07.md").ino(), inode);
    assert_eq!(world.server().get("notes/others"), None);
    assert_eq!(
        world.laptop().tree().get("notes/moved/59.md"),
        world.server().tree().get("notes/moved/59.md")
    );
    run.again();
}

#[test]
fn a_move_here_and_an_edit_there_lose_neither() {
    let world = agreed();
    world.laptop().rename("notes/f", "notes/h");
    world.server().write("notes/f", "C");
    let run = world.laptop().sync();
    run.exits(3).conflicts([("notes/f", "delete-modify")]).no_backups();
    run.live("- notes/f\nnotes/h = A", "notes/f = C\nnotes/h = A").again();
}

#[test]
fn a_move_onto_a_path_that_the_other_side_took_is_a_conflict_there() {
    let world = agreed();
    world.laptop().rename("notes/f", "notes/h");
    world.server().write("notes/h", "Y");
    let run = world.laptop().sync();
    run.exits(3).conflicts([("notes/h", "create-create")]);
    run.live("- notes/f\nnotes/h = A", "- notes/f\nnotes/h = Y").backups("", "notes/f = A").again();
}

#[test]
fn the_same_move_on_both_sides_is_adopted() {
    let world = agreed();
    for side in Side::BOTH {
        world.at(side).rename("notes/f", "notes/h");
    }
    let run = world.laptop().sync();
    run.exits(0).clean().actions([]).both("- notes/f\nnotes/h = A").no_backups().again();
}

#[test]
fn different_moves_on_the_two_sides_keep_both_names() {
    let world = agreed();
    world.laptop().rename("notes/f", "notes/h");
    world.server().rename("notes/f", "notes/i");
    let run = world.laptop().sync();
    run.exits(0).clean().both("- notes/f\nnotes/h = A\nnotes/i = A").again();
}

#[test]
fn a_file_moved_and_edited_is_a_deletion_and_a_creation() {
    let world = agreed();
    world.laptop().rename("notes/f", "notes/h");
    world.laptop().write("notes/h", "B");
    let run = world.laptop().sync();
    run.exits(0).clean().both("- notes/f\nnotes/h = B").backups("", "notes/f = A").again();
}

#[test]
fn two_files_that_swapped_names_are_two_edits() {
    let world = agreed();
    world.laptop().rename("notes/D/a", "notes/aside");
    world.laptop().rename("notes/D/b", "notes/D/a");
    world.laptop().rename("notes/aside", "notes/D/b");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/D/a = second\nnotes/D/b = first").again();
}

#[test]
fn a_chain_of_moves_arrives_whole() {
    let world = agreed();
    world.laptop().rename("notes/D/b", "notes/D/c");
    world.laptop().rename("notes/D/a", "notes/D/b");
    world.laptop().rename("notes/f", "notes/D/a");
    let run = world.laptop().sync();
    run.exits(0).clean();
    run.both("- notes/f\nnotes/D/a = A\nnotes/D/b = first\nnotes/D/c = second").again();
}

#[test]
fn a_change_of_case_alone_is_a_rename() {
    let world = agreed();
    world.laptop().rename("notes/f", "notes/F");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("rename", "notes/F", Side::Server)]);
    run.both("- notes/f\nnotes/F = A").no_backups().again();
}

#[test]
fn a_change_of_unicode_form_alone_is_a_rename() {
    let world = agreed();
    world.laptop().write("notes/caf\u{e9}", "coffee");
    world.laptop().sync().exits(0).clean();
    world.laptop().rename("notes/caf\u{e9}", "notes/cafe\u{301}");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("rename", "notes/cafe\\xcc\\x81", Side::Server)]);
    run.both("notes/cafe\\xcc\\x81 = coffee").no_backups().again();
}

#[test]
fn empty_files_are_never_taken_for_moves() {
    let world = agreed();
    world.laptop().write("notes/empty", "");
    world.laptop().sync().exits(0).clean();
    world.laptop().remove("notes/empty");
    world.laptop().write("notes/other", "");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/other =").backups("", "notes/empty =").again();
    assert!(run.report.actions.iter().all(|action| action.op != "rename"));
}

#[test]
fn a_file_moved_out_of_the_selection_is_a_deletion_with_backup() {
    let world = agreed();
    world.laptop().rename("notes/f", "priv/f");
    let run = world.laptop().sync();
    run.exits(0)
        .clean()
        .live("- notes/f\npriv/f = A", "- notes/f")
        .backups("", "notes/f = A")
        .again();
}
