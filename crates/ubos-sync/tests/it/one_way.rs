//! Push-only and pull-only areas, row by row (rules §3): what the authority says goes, and nothing
//! of the mirror ever reaches it.
//!
//! Each row is played in both areas, and started from the laptop, which does not matter.

use ubos_testkit::{Node, Run, Side, Territory, World};

use crate::agreed;

/// An area with its authority and its mirror, in a world of its own.
struct Area {
    world: World,
    folder: &'static str,
    authority: Side,
}

impl Area {
    /// Plays `row` in the push-only and in the pull-only area.
    fn each(row: impl Fn(&Self)) {
        for (folder, authority) in [("out", Side::Laptop), ("in", Side::Server)] {
            row(&Self { world: agreed(), folder, authority });
        }
    }

    fn authority(&self) -> Territory<'_> {
        self.world.at(self.authority)
    }

    fn mirror(&self) -> Territory<'_> {
        self.world.at(self.authority.other())
    }

    /// The path of `name` in this area.
    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// The file that the rows are about. Both sides hold [`Area::old`] there.
    fn file(&self) -> String {
        self.path("0.txt")
    }

    /// What both sides hold at the file to begin with.
    fn old(&self) -> &'static str {
        if self.authority == Side::Laptop { "going out 0" } else { "coming in 0" }
    }

    /// Asserts what stands at the file on the authority and on the mirror.
    fn stands(&self, run: &Run<'_>, authority: Option<&str>, mirror: Option<&str>) {
        for (territory, expected) in [(self.authority(), authority), (self.mirror(), mirror)] {
            let found = territory.get(self.file());
            assert_eq!(
                found,
                expected.map(Node::file),
                "{:?}\n{}",
                territory.side(),
                run.outcome.told()
            );
        }
    }

    /// Asserts what the mirror, and nobody else, put into its backups.
    fn mirror_backs_up(&self, run: &Run<'_>, content: &str) {
        let line = format!("{} = {content}", self.file());
        match self.authority {
            Side::Laptop => run.backups("", &line),
            Side::Server => run.backups(&line, ""),
        };
    }
}

#[test]
fn row_1_a_problem_at_the_authority_leaves_the_mirror_alone() {
    Area::each(|area| {
        area.authority().remove(area.file());
        area.authority().fifo(area.file());
        let run = area.world.laptop().sync();
        run.exits(3).actions([]).held([(&area.file(), area.authority)]).no_backups().again();
        assert_eq!(area.mirror().get(area.file()), Some(Node::file(area.old())));
    });
}

#[test]
fn row_2_the_same_edit_on_both_sides_is_adopted() {
    Area::each(|area| {
        area.authority().write(area.file(), "same");
        area.mirror().write(area.file(), "same");
        area.world.laptop().sync().exits(0).clean().actions([]).again();
    });
}

#[test]
fn row_3_an_edit_of_the_mirror_is_held_as_drift() {
    Area::each(|area| {
        area.mirror().write(area.file(), "drift");
        let run = area.world.laptop().sync();
        run.exits(3).actions([]).no_backups().conflicts([]);
        run.held([(&area.file(), area.authority.other())]);
        assert_eq!(run.report.held[0].reason, "drift");
        area.stands(&run, Some(area.old()), Some("drift"));
        run.again();
    });
}

#[test]
fn row_3_an_executable_bit_on_the_mirror_is_only_a_notice() {
    Area::each(|area| {
        area.mirror().chmod(area.file(), 0o755);
        let run = area.world.laptop().sync();
        run.exits(0).clean().actions([]).notices(&area.file()).again();
        assert_eq!(area.authority().mode(area.file()) & 0o111, 0);
    });
}

#[test]
fn row_4_what_the_mirror_lost_is_given_again() {
    Area::each(|area| {
        area.mirror().remove(area.file());
        let run = area.world.laptop().sync();
        run.exits(0).clean().both("").no_backups().notices(&area.file());
        run.actions([("create", &area.file(), area.authority.other())]).again();
    });
}

#[test]
fn row_5_an_edit_of_the_authority_replaces_the_mirror() {
    Area::each(|area| {
        area.authority().write(area.file(), "new");
        let run = area.world.laptop().sync();
        run.exits(0).clean().both(&format!("{} = new", area.file())).again();
        area.mirror_backs_up(&run, area.old());
    });
}

#[test]
fn row_6_edits_on_both_sides_are_a_drift_conflict() {
    Area::each(|area| {
        area.authority().write(area.file(), "new");
        area.mirror().write(area.file(), "drift");
        let run = area.world.laptop().sync();
        run.exits(3).actions([]).no_backups().conflicts([(&area.file(), "drift")]);
        area.stands(&run, Some("new"), Some("drift"));
        run.again();
    });
}

#[test]
fn row_7_an_edit_of_the_authority_refills_what_the_mirror_lost() {
    Area::each(|area| {
        area.authority().write(area.file(), "new");
        area.mirror().remove(area.file());
        let run = area.world.laptop().sync();
        run.exits(0).clean().both(&format!("{} = new", area.file())).no_backups().again();
    });
}

#[test]
fn row_8_a_deletion_at_the_authority_is_followed_with_backup() {
    Area::each(|area| {
        area.authority().remove(area.file());
        let run = area.world.laptop().sync();
        run.exits(0).clean().both(&format!("- {}", area.file())).again();
        area.mirror_backs_up(&run, area.old());
    });
}

#[test]
fn row_9_drift_survives_the_deletion_of_its_source() {
    Area::each(|area| {
        area.authority().remove(area.file());
        area.mirror().write(area.file(), "drift");
        let run = area.world.laptop().sync();
        run.exits(3).actions([]).no_backups();
        run.held([(&area.file(), area.authority.other())]);
        area.stands(&run, None, Some("drift"));
    });
}

#[test]
fn row_10_a_new_file_of_the_authority_is_copied() {
    Area::each(|area| {
        let path = area.path("new");
        area.authority().write(&path, "X");
        let run = area.world.laptop().sync();
        run.exits(0).clean().both(&format!("{path} = X")).no_backups().again();
    });
}

#[test]
fn row_11_a_new_file_of_the_authority_never_overwrites_one_of_the_mirror() {
    Area::each(|area| {
        let path = area.path("new");
        area.authority().write(&path, "X");
        area.mirror().write(&path, "Y");
        let run = area.world.laptop().sync();
        run.exits(3).actions([]).no_backups().conflicts([(&path, "drift")]).again();
        assert_eq!(area.authority().get(&path), Some(Node::file("X")));
        assert_eq!(area.mirror().get(&path), Some(Node::file("Y")));
    });
}

#[test]
fn row_12_a_new_file_of_the_mirror_stays_there() {
    Area::each(|area| {
        let path = area.path("local");
        area.mirror().write(&path, "X");
        let run = area.world.laptop().sync();
        run.exits(0).clean().actions([]).no_backups().again();
        assert_eq!(area.authority().get(&path), None);
        assert_eq!(area.mirror().get(&path), Some(Node::file("X")));
        area.world.laptop().run(["status"]).exits(0).says("local only").says(&path);
    });
}

#[test]
fn a_folder_with_drift_in_it_is_not_deleted() {
    Area::each(|area| {
        for name in ["sub/a", "sub/b"] {
            area.authority().write(area.path(name), name);
        }
        area.world.laptop().sync().exits(0).clean();
        area.mirror().write(area.path("sub/a"), "drift");
        area.authority().remove(area.path("sub"));
        let run = area.world.laptop().sync();
        run.exits(3).actions([]).no_backups();
        assert_eq!(area.mirror().get(area.path("sub/a")), Some(Node::file("drift")));
        assert_eq!(area.mirror().get(area.path("sub/b")), Some(Node::file("sub/b")));
    });
}

#[test]
fn revert_takes_the_version_of_the_authority() {
    Area::each(|area| {
        area.mirror().write(area.file(), "drift");
        area.world.laptop().sync().exits(3);
        area.mirror().watched(&["revert", &area.file()]).exits(0);
        area.world.expect("", "");
        area.world.laptop().sync().exits(0).clean().actions([]);
    });
}

#[test]
fn promote_sends_the_drift_to_the_authority_once() {
    Area::each(|area| {
        area.mirror().write(area.file(), "drift");
        area.world.laptop().sync().exits(3);
        area.mirror().watched(&["promote", &area.file()]).exits(0);
        let line = format!("{} = drift", area.file());
        area.world.expect(&line, &line);
        area.world.laptop().sync().exits(0).clean().actions([]);
        area.mirror().write(area.file(), "drift again");
        area.world.laptop().sync().exits(3).held_paths([&area.file()]);
    });
}

#[test]
fn drift_that_is_left_on_purpose_is_silent_until_it_changes() {
    Area::each(|area| {
        area.mirror().write(area.file(), "drift");
        area.world.laptop().sync().exits(3);
        area.world.laptop().resolve([&area.file(), "--leave"]).exits(0);
        let run = area.world.laptop().sync();
        run.exits(0).actions([]);
        area.stands(&run, Some(area.old()), Some("drift"));
        area.mirror().write(area.file(), "drift again");
        area.world.laptop().sync().exits(3).held_paths([&area.file()]);
    });
}
