//! Symbolic links and difficult names (rules §15).

use std::fs;
use std::os::unix::fs::symlink;

use ubos_testkit::{Node, Side, Sketch};

use crate::agreed;

#[test]
fn a_relative_link_travels_as_its_text() {
    let world = agreed();
    for (path, text) in
        [("to-file", "f"), ("D/up", "../g"), ("to-folder", "D"), ("dangling", "not/there")]
    {
        world.laptop().link(format!("notes/{path}"), text);
    }
    let run = world.laptop().sync();
    run.exits(0).clean().no_backups();
    run.both(
        "notes/to-file -> f
        notes/D/up -> ../g
        notes/to-folder -> D
        notes/dangling -> not/there",
    );
    run.again();
}

#[test]
fn a_link_that_points_elsewhere_replaces_the_old_one_with_backup() {
    let world = agreed();
    world.laptop().link("notes/l", "f");
    world.laptop().sync().exits(0).clean();
    world.server().remove("notes/l");
    world.server().link("notes/l", "g");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/l -> g").backups("notes/l -> f", "").again();
}

#[test]
fn a_link_is_never_followed() {
    let world = agreed();
    world.laptop().link("notes/l", "../priv");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("create", "notes/l", Side::Server)]);
    run.both("notes/l -> ../priv").again();
}

#[test]
fn absolute_links_and_links_that_leave_the_root_are_held() {
    let world = agreed();
    world.laptop().link("notes/absolute", "/etc/passwd");
    world.laptop().link("notes/escaping", "../../elsewhere");
    world.server().link("notes/sneaky", "D/../../../elsewhere");
    let run = world.laptop().sync();
    run.exits(3).actions([]).conflicts([]);
    run.held([
        ("notes/absolute", Side::Laptop),
        ("notes/escaping", Side::Laptop),
        ("notes/sneaky", Side::Server),
    ]);
    assert!(
        run.report.held.iter().all(|row| row.reason == "escaping-symlink"),
        "{:?}",
        run.report.held
    );
    assert_eq!(world.server().get("notes/absolute"), None);
    assert_eq!(world.laptop().get("notes/sneaky"), None);
    run.again();
}

#[test]
fn a_file_replaced_by_a_held_link_is_not_deleted_there() {
    let world = agreed();
    world.laptop().remove("notes/f");
    world.laptop().link("notes/f", "/etc/passwd");
    let run = world.laptop().sync();
    run.exits(3).actions([]).live("notes/f -> /etc/passwd", "").no_backups();
    run.held([("notes/f", Side::Laptop)]).again();
}

#[test]
fn an_edit_does_not_go_through_a_folder_that_became_a_link() {
    let world = agreed();
    let outside = world.base().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a"), "not yours").unwrap();
    world.server().remove("notes/D");
    symlink(&outside, world.server().path("notes/D")).unwrap();
    world.laptop().write("notes/D/a", "B");
    let run = world.laptop().sync();
    run.exits(3).actions([]);
    assert_eq!(Sketch::read(&outside), Sketch::parse("a = not yours"));
    assert_eq!(world.laptop().get("notes/D/a"), Some(Node::file("B")));
    run.again();
}

#[test]
fn links_travel_as_text_where_the_configuration_says_so() {
    let world = agreed();
    for side in Side::BOTH {
        let path = world.at(side).own("config.toml");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("symlinks = \"text\"\n{config}")).unwrap();
    }
    world.laptop().link("notes/absolute", "/srv/elsewhere");
    world.laptop().sync().exits(0).clean().both("notes/absolute -> /srv/elsewhere").again();
}

#[test]
fn a_held_link_can_be_left_on_purpose() {
    let world = agreed();
    world.laptop().link("notes/l", "/srv/elsewhere");
    world.laptop().sync().exits(3).held_paths(["notes/l"]);
    world.laptop().resolve(["notes/l", "--leave"]).exits(0);
    world.laptop().sync().exits(0).actions([]).live("notes/l -> /srv/elsewhere", "");
    world.laptop().remove("notes/l");
    world.laptop().link("notes/l", "/srv/other");
    world.laptop().sync().exits(3).held_paths(["notes/l"]);
}

#[test]
fn all_that_is_open_can_be_left_at_once() {
    let world = agreed();
    world.laptop().link("notes/l", "/srv/elsewhere");
    world.laptop().link("notes/others/m", "../../../outside");
    world.laptop().sync().exits(3).held_paths(["notes/l", "notes/others/m"]);
    let root = world.root(Side::Laptop);
    world.laptop().resolve([root.to_str().unwrap(), "--leave"]).exits(0);
    world.laptop().sync().exits(0).actions([]);
}

#[test]
fn difficult_names_travel_unchanged() {
    let world = agreed();
    let long = "n".repeat(255);
    let names: [&[u8]; 14] = [
        b"two\nlines",
        b"-rf",
        b"--delete",
        b"#comment",
        b"; true",
        b"$(true)",
        b"`true`",
        b" spaces ",
        b"quote'\"",
        b"star*?[a]",
        b"back\\slash",
        b"tab\tand\x1b[31m",
        "\u{202e}bidi".as_bytes(),
        long.as_bytes(),
    ];
    let mut expected = world.start(Side::Laptop);
    for name in names {
        let path = [b"notes/", name].concat();
        expected.insert(&path, Node::file(name));
        world.laptop().write(path, name);
    }
    let run = world.laptop().sync();
    run.exits(0).clean();
    assert_eq!(expected.difference(&world.laptop().tree()), None);
    let [laptop, server] =
        Side::BOTH.map(|side| world.at(side).tree().filtered(|path, _| path.starts_with(b"notes")));
    assert_eq!(laptop.difference(&server), None);
    run.again();
    let told = world.laptop().run(["log"]).exits(0).words();
    assert!(
        !told.contains('\u{1b}') && !told.contains('\u{202e}'),
        "raw control characters:\n{told}"
    );
}

#[test]
fn difficult_names_can_be_edited_moved_and_deleted() {
    let world = agreed();
    let (before, after) = ("notes/-two\nlines #", "notes/--after\t*");
    world.laptop().write(before, "1");
    world.laptop().sync().exits(0).clean();
    world.server().write(before, "2");
    world.laptop().sync().exits(0).clean();
    assert_eq!(world.laptop().get(before), Some(Node::file("2")));
    world.laptop().rename(before, after);
    world.laptop().sync().exits(0).clean();
    assert_eq!(world.server().get(after), Some(Node::file("2")));
    world.server().remove(after);
    world.laptop().sync().exits(0).clean().both("").again();
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf8_travels_and_is_reported_exactly() {
    let world = agreed();
    world.laptop().write(b"notes/bad\xff\xfename", "X");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/bad\\xff\\xfename = X").again();
    let row = &run.report.raw["actions"][0];
    assert_eq!(row["path"], "notes/bad\\xff\\xfename");
    assert_eq!(row["path_b64"], "bm90ZXMvYmFk//5uYW1l");
    assert_eq!(run.report.actions[0].path, b"notes/bad\xff\xfename");
}

#[cfg(target_os = "linux")]
#[test]
fn a_conflict_at_a_name_that_is_not_utf8_can_be_resolved() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let world = agreed();
    let path: &[u8] = b"notes/bad\xff";
    world.laptop().write(path, "X");
    world.server().write(path, "Y");
    world.laptop().sync().exits(3);
    let args = ["resolve".as_ref(), OsStr::from_bytes(path), "--keep".as_ref(), "balaur".as_ref()];
    world.laptop().run(args).exits(0);
    world.expect("notes/bad\\xff = Y", "notes/bad\\xff = Y");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_differ_in_case_alone_are_two_files_where_both_sides_can_hold_them() {
    let world = agreed();
    world.laptop().write("notes/Readme.md", "1");
    world.laptop().write("notes/README.md", "2");
    world.laptop().sync().exits(0).clean().both("notes/Readme.md = 1\nnotes/README.md = 2").again();
}

#[cfg(target_os = "linux")]
#[test]
fn of_two_unicode_forms_of_a_name_the_tracked_one_syncs() {
    let world = agreed();
    world.laptop().write("notes/caf\u{e9}", "tracked");
    world.laptop().sync().exits(0).clean();
    world.laptop().write("notes/cafe\u{301}", "twin");
    let run = world.laptop().sync();
    run.exits(3).actions([]).held([("notes/cafe\\xcc\\x81", Side::Laptop)]).again();
    world.laptop().write("notes/caf\u{e9}", "edited");
    world.laptop().sync().exits(3);
    assert_eq!(world.server().get("notes/caf\u{e9}"), Some(Node::file("edited")));
    assert_eq!(world.server().get("notes/cafe\u{301}"), None);
}

#[test]
fn our_own_folder_git_and_junk_are_never_synced_at_any_depth() {
    let world = agreed();
    for name in [".ubos-sync/state", ".git/config", ".DS_Store", "._f", "x.swp", "x~", "x.part"] {
        world.laptop().write(format!("notes/D/{name}"), "not yours");
    }
    world.laptop().sync().exits(0).clean().actions([]).no_backups().again();
    assert_eq!(world.server().tree(), world.start(Side::Server));
}

#[test]
fn the_same_links_on_both_sides_are_adopted_and_different_ones_conflict() {
    let world = agreed();
    for side in Side::BOTH {
        world.at(side).link("notes/same", "f");
        world.at(side).link("notes/differs", side.name());
    }
    let run = world.laptop().sync();
    run.exits(3).actions([]).conflicts([("notes/differs", "create-create")]).again();
}
