//! Scenarios D01–D14: a folder is deleted on one side while something happens below it.

use ubos_testkit::{Run, Side, World, backups};

use crate::{BINARY, agreed};

const D: &str = "notes/D/a = first\nnotes/D/b = second";

/// `notes/D` deleted here, `notes/D/a` edited there, and the run that found it.
fn folder_conflict(world: &World) -> Run<'_> {
    world.laptop().remove("notes/D");
    world.server().write("notes/D/a", "new");
    world.laptop().sync()
}

/// The newest version of `path` in the backups of the server.
fn newest_backup(world: &World, path: &str) -> Option<Vec<u8>> {
    let versions = backups::of_path(&world.root(Side::Server), path);
    Some(versions.last()?.node.content()?.to_vec())
}

#[test]
fn d01_a_deleted_folder_is_deleted_there_with_backup() {
    let world = agreed();
    world.laptop().remove("notes/D");
    world.laptop().sync().exits(0).clean().both("- notes/D").backups("", D).again();
}

#[test]
fn d02_a_folder_deleted_here_and_changed_there_is_one_conflict() {
    let world = agreed();
    let run = folder_conflict(&world);
    run.exits(3).actions([]).live("- notes/D", "notes/D/a = new").no_backups();
    run.conflicts([("notes/D", "dir-delete")]);
    assert_eq!(run.report.conflicts[0].children, ["notes/D/a"]);
    assert!(run.report.conflicts[0].versions[0].is_none());
    run.again();
}

#[test]
fn d02_mirrored_is_the_same_conflict() {
    let world = agreed();
    world.server().remove("notes/D");
    world.laptop().write("notes/D/a", "new");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("notes/D/a = new", "- notes/D").no_backups();
    run.conflicts([("notes/D", "dir-delete")]).again();
}

#[test]
fn d03_a_new_child_there_keeps_the_folder() {
    let world = agreed();
    world.laptop().remove("notes/D");
    world.server().write("notes/D/new", "N");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("- notes/D", "notes/D/new = N").no_backups();
    run.conflicts([("notes/D", "dir-delete")]);
    assert_eq!(run.report.conflicts[0].children, ["notes/D/new"]);
    run.again();
}

#[test]
fn d04_deletions_on_both_sides_add_up() {
    let world = agreed();
    world.laptop().remove("notes/D");
    world.server().remove("notes/D/a");
    let run = world.laptop().sync();
    run.exits(0).clean().both("- notes/D").backups("", "notes/D/b = second").again();
}

#[test]
fn d05_a_mode_there_does_not_keep_the_folder() {
    let world = agreed();
    world.laptop().remove("notes/D");
    world.server().chmod("notes/D/a", 0o755);
    let run = world.laptop().sync();
    run.exits(0).clean().both("- notes/D");
    run.backups("", "notes/D/a * = first\nnotes/D/b = second").again();
}

#[test]
fn d06_excluded_content_survives_the_deletion_of_its_folder() {
    let world = agreed();
    world.server().write("notes/D/x.tmp", "excluded");
    world.mark();
    world.laptop().remove("notes/D");
    let run = world.laptop().sync();
    run.exits(0).clean().live("- notes/D", "- notes/D/a\n- notes/D/b").backups("", D);
    run.notices("notes/D").again();
}

#[test]
fn d06_disposable_junk_goes_to_the_backups_with_its_folder() {
    let world = agreed();
    world.server().write("notes/D/.DS_Store", "junk");
    world.mark();
    world.laptop().remove("notes/D");
    let run = world.laptop().sync();
    run.exits(0).clean().live("- notes/D", "- notes/D");
    run.backups("", &format!("{D}\nnotes/D/.DS_Store = junk")).again();
}

#[test]
fn d07_an_unreadable_folder_withholds_the_deletion_above_it() {
    let Some(world) = World::agreed_unprivileged(BINARY) else {
        return;
    };
    world.laptop().write("notes/D/sub/c", "deep");
    world.laptop().sync().exits(0).clean();
    world.laptop().remove("notes/D");
    world.server().chmod("notes/D/sub", 0o000);
    let run = world.laptop().sync();
    run.exits(7).actions([]).no_backups().conflicts([]);
    assert!(!run.report.skipped.is_empty());
    world.server().chmod("notes/D/sub", 0o755);
    world.expect("- notes/D", "notes/D/sub/c = deep");
    let run = world.laptop().sync();
    run.exits(0).clean().both("- notes/D").backups("", &format!("{D}\nnotes/D/sub/c = deep"));
}

#[test]
fn d08_a_deleted_subfolder_and_an_edit_beside_it_are_independent() {
    let world = agreed();
    world.laptop().write("notes/D/sub/c", "deep");
    world.laptop().sync().exits(0).clean();
    world.laptop().remove("notes/D/sub");
    world.server().write("notes/D/a", "new");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/D/a = new");
    run.backups("notes/D/a = first", "notes/D/sub/c = deep").again();
}

#[test]
fn d09_keeping_the_deletion_removes_the_folder_on_both_sides() {
    let world = agreed();
    folder_conflict(&world).exits(3);
    world.laptop().resolve(["notes/D", "--keep", "localhost"]).exits(0);
    world.expect("- notes/D", "- notes/D");
    assert_eq!(newest_backup(&world, "notes/D/a"), Some(b"new".to_vec()));
    assert_eq!(newest_backup(&world, "notes/D/b"), Some(b"second".to_vec()));
    world.laptop().sync().exits(0).clean().actions([]).again();
}

#[test]
fn d10_keeping_the_changed_folder_brings_it_back() {
    let world = agreed();
    folder_conflict(&world).exits(3);
    world.laptop().resolve(["notes/D", "--keep", "balaur"]).exits(0);
    world.expect("notes/D/a = new", "notes/D/a = new");
    world.laptop().sync().exits(0).clean().actions([]).again();
}

#[test]
fn d11_keeping_what_was_changed_deletes_the_rest() {
    let world = agreed();
    folder_conflict(&world).exits(3);
    world.laptop().resolve(["notes/D", "--keep", "changed-only"]).exits(0);
    world.expect("notes/D/a = new\n- notes/D/b", "notes/D/a = new\n- notes/D/b");
    assert_eq!(newest_backup(&world, "notes/D/b"), Some(b"second".to_vec()));
    world.laptop().sync().exits(0).clean().actions([]).again();
}

#[test]
fn d12_where_nothing_is_left_to_delete_a_new_child_is_a_creation() {
    let world = agreed();
    world.laptop().remove("notes/D");
    world.server().remove("notes/D/a");
    world.server().remove("notes/D/b");
    world.server().write("notes/D/new", "N");
    let run = world.laptop().sync();
    run.exits(0).clean().both("- notes/D\nnotes/D/new = N").no_backups().again();
}

#[test]
fn d13_a_folder_made_anew_is_compared_path_by_path() {
    let world = agreed();
    world.laptop().remove("notes/D");
    world.laptop().write("notes/D/z", "Z");
    world.server().write("notes/D/a", "new");
    let run = world.laptop().sync();
    run.exits(3).conflicts([("notes/D/a", "delete-modify")]);
    let server = "notes/D/z = Z\nnotes/D/a = new\n- notes/D/b";
    run.live("- notes/D\nnotes/D/z = Z", server).backups("", "notes/D/b = second").again();
}

#[test]
fn d14_a_folder_deleted_on_both_sides_is_forgotten() {
    let world = agreed();
    for side in Side::BOTH {
        world.at(side).remove("notes/D");
    }
    world.laptop().sync().exits(0).clean().actions([]).both("- notes/D").no_backups().again();
}

#[test]
fn empty_folders_are_made_and_removed_on_both_sides() {
    let world = agreed();
    world.laptop().mkdir("notes/N/deep");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/N/deep/").no_backups().again();
    assert!(run.report.actions.iter().all(|action| action.op == "mkdir"));
    world.server().remove("notes/N");
    let run = world.laptop().sync();
    run.exits(0).clean().both("").no_backups().again();
    assert!(run.report.actions.iter().all(|action| action.op == "rmdir"));
}
