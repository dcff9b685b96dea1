//! Scenarios C01–C12: commands and their direction filters. `push` and `pull` never mean force.

use ubos_testkit::sshd::Sshd;
use ubos_testkit::{Side, Snapshot, World};

use crate::{BINARY, agreed};

/// Both roots with the program's own folder, less the audit log.
fn everything(world: &World) -> [Snapshot; 2] {
    Side::BOTH.map(|side| {
        Snapshot::with_own_folder(&world.root(side))
            .without(|path| path.starts_with(b".ubos-sync/log"))
    })
}

fn assert_untouched(world: &World, before: &[Snapshot; 2]) {
    for (before, after) in before.iter().zip(&everything(world)) {
        assert_eq!(before.difference(after), None);
    }
}

/// `notes/f` edited here, `notes/g` there.
fn edited_on_both_sides() -> World {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    world
}

#[test]
fn c01_push_sends_and_leaves_what_is_incoming() {
    let world = edited_on_both_sides();
    let run = world.laptop().push();
    run.exits(0).clean().actions([("update", "notes/f", Side::Server)]);
    run.live("notes/f = B", "notes/f = B\nnotes/g = C").backups("", "notes/f = A").again();
    world.laptop().run(["push"]).exits(0).says("1 incoming");
    world.laptop().sync().exits(0).clean().both("notes/f = B\nnotes/g = C");
}

#[test]
fn c02_pull_takes_and_leaves_what_is_outgoing() {
    let world = edited_on_both_sides();
    let run = world.laptop().pull();
    run.exits(0).clean().actions([("update", "notes/g", Side::Laptop)]);
    run.live("notes/f = B\nnotes/g = C", "notes/g = C").backups("notes/g = old", "").again();
    world.laptop().run(["pull"]).exits(0).says("1 outgoing");
    world.laptop().sync().exits(0).clean().both("notes/f = B\nnotes/g = C");
}

#[test]
fn c03_push_does_not_overwrite_an_edit_of_the_other_side() {
    for command in ["push", "pull"] {
        let world = agreed();
        world.laptop().write("notes/f", "B");
        world.server().write("notes/f", "C");
        let run = world.laptop().sync_with([command]);
        run.exits(3).actions([]).live("notes/f = B", "notes/f = C").no_backups();
        run.conflicts([("notes/f", "modify-modify")]).again();
    }
}

#[test]
fn c04_push_leaves_a_deletion_that_is_incoming() {
    let world = agreed();
    world.server().remove("notes/f");
    world.laptop().push().exits(0).clean().actions([]).live("", "- notes/f").again();
    world.laptop().sync().exits(0).clean().both("- notes/f").backups("notes/f = A", "");
}

#[test]
fn c05_push_sends_a_deletion() {
    let world = agreed();
    world.laptop().remove("notes/f");
    let run = world.laptop().push();
    run.exits(0).clean().both("- notes/f").backups("", "notes/f = A").again();
}

#[test]
fn c06_roles_belong_to_territories_and_the_filter_to_who_types() {
    let world = agreed();
    world.server().write("in/x", "new report");
    world.laptop().write("out/y", "new plan");
    let run = world.server().push();
    run.exits(0).clean().actions([("update", "in/x", Side::Laptop)]);
    run.live("in/x = new report\nout/y = new plan", "in/x = new report");
    run.backups("in/x = report", "").again();
}

#[test]
fn c07_a_dry_run_writes_nothing_but_the_audit_line() {
    let world = edited_on_both_sides();
    world.laptop().remove("notes/D/a");
    let before = everything(&world);
    let run = world.laptop().sync_with(["bidirectional", "--dry-run"]);
    run.exits(0).clean().actions([
        ("update", "notes/f", Side::Server),
        ("update", "notes/g", Side::Laptop),
        ("delete", "notes/D/a", Side::Server),
    ]);
    assert!(run.report.dry_run);
    assert!(!run.report.plan.is_empty());
    assert_untouched(&world, &before);
    let told = world.laptop().run(["bidirectional", "-n"]);
    told.exits(0).says(&run.report.plan).says("notes/f").says("changed").says("deleted");
    assert_untouched(&world, &before);
}

#[test]
fn c07_a_dry_run_exits_as_the_real_run_would() {
    let world = edited_on_both_sides();
    world.server().write("notes/f", "C");
    let before = everything(&world);
    let dry = world.laptop().sync_with(["bidirectional", "-n"]);
    dry.exits(3).conflicts([("notes/f", "modify-modify")]);
    assert_untouched(&world, &before);
    world.laptop().sync().exits(3);
}

#[test]
fn c08_confirming_a_plan_leaves_out_what_changed_since() {
    let world = edited_on_both_sides();
    let dry = world.laptop().sync_with(["bidirectional", "--dry-run"]);
    world.laptop().write("notes/f", "changed again");
    let run = world.laptop().sync_with(["bidirectional", "--confirm", &dry.report.plan]);
    run.exits(7).skipped_paths(["notes/f"]).conflicts([]).held([]);
    run.live("notes/f = changed again\nnotes/g = C", "notes/g = C");
    run.backups("notes/g = old", "");
    world.laptop().sync().exits(0).clean().both("notes/f = changed again\nnotes/g = C");
}

#[test]
fn c09_status_without_the_server_lists_what_is_pending_here() {
    let world = World::unpaired(BINARY);
    let Some(mut sshd) = Sshd::start(&world) else {
        return;
    };
    world.laptop().run(["init", "--peer", &format!("balaur={}", sshd.address(&world))]).exits(0);
    world.laptop().sync().exits(0).clean();
    world.mark();
    world.laptop().write("notes/f", "B");
    sshd.stop();
    let run = world.laptop().status();
    run.exits(5).live("notes/f = B", "");
    let told = world.laptop().run(["status"]);
    told.exits(5).says("notes/f").says("last good run");
}

#[test]
fn c10_status_lists_each_conflict_with_the_command_that_settles_it() {
    let world = agreed();
    world.laptop().write("notes/f", "B");
    world.server().write("notes/f", "C");
    world.laptop().sync().exits(3);
    let before = everything(&world);
    let run = world.laptop().status();
    run.exits(3).actions([]).conflicts([("notes/f", "modify-modify")]);
    assert!(run.report.dry_run);
    world.laptop().run(["status"]).exits(3).says("ubos-sync resolve notes/f");
    assert_untouched(&world, &before);
}

#[test]
fn c11_status_says_that_all_is_in_sync() {
    let world = agreed();
    let before = everything(&world);
    world.laptop().status().exits(0).clean().actions([]);
    world.laptop().run(["status"]).exits(0).says("in sync").says("generation");
    assert_untouched(&world, &before);
}

#[test]
fn c12_an_unknown_flag_is_a_wrong_usage() {
    let world = edited_on_both_sides();
    let before = everything(&world);
    for args in [["bidirectional", "--force"], ["push", "--sideways"], ["synchronise", "-n"]] {
        world.laptop().run(args).exits(2);
    }
    assert_untouched(&world, &before);
}

#[test]
fn c12_a_path_outside_the_manifests_is_a_wrong_usage() {
    let world = edited_on_both_sides();
    let before = everything(&world);
    for path in ["priv/diary", "loose.txt", "notes/x.tmp", "../server/notes/f"] {
        world.laptop().run(["resolve", path, "--keep", "localhost"]).exits(2);
        world.laptop().run(["revert", path]).exits(2);
        world.laptop().run(["promote", path]).exits(2);
    }
    assert_untouched(&world, &before);
}
