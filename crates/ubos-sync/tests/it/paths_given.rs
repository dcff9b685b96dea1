//! A path on the command line is meant in the same way by every command: from the working directory,
//! and from the top folder where there is no such thing.

use crate::backup_runs::backed_up;

#[test]
fn every_command_means_a_path_in_the_same_way() {
    let world = backed_up();
    world.laptop().write("notes/D/f", "below");
    world.laptop().sync().exits(0);
    world.laptop().write("notes/D/f", "below, later");
    world.laptop().write("notes/f", "later");
    world.laptop().sync().exits(0);
    let in_folder = |args: &[&str]| {
        let mut command = world.laptop().command(args);
        let output = command.current_dir(world.laptop().path("notes/D")).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {err}");
        format!("{}{err}", String::from_utf8_lossy(&output.stdout))
    };
    let commands: [&[&str]; 9] = [
        &["log", "--path"],
        &["history"],
        &["diff", "--json", "--at", "last"],
        &["restore", "-n"],
        &["manifest", "check"],
        &["backup", "log"],
        &["backup", "show", "--json"],
        &["backup", "diff", "--json"],
        &["backup", "restore", "-n", "--at", "last"],
    ];
    for command in commands {
        // `notes/D/f` and `notes/f` are both there; `f` is the one here.
        for given in ["f", "./f", "notes/D/f"] {
            let said = in_folder(&[command, &[given]].concat());
            assert!(said.contains("notes/D/f"), "{command:?} {given}: {said}");
        }
        for given in ["../f", "notes/f"] {
            let said = in_folder(&[command, &[given]].concat());
            assert!(said.contains("notes/f"), "{command:?} {given}: {said}");
            assert!(!said.contains("notes/D/f"), "{command:?} {given}: {said}");
        }
    }
}

#[test]
fn what_is_gone_is_still_known_from_the_top() {
    let world = backed_up();
    world.laptop().write("notes/gone", "x");
    world.laptop().sync().exits(0);
    world.laptop().remove("notes/gone");
    world.laptop().sync().exits(0);
    for command in [["log", "--path"], ["backup", "log"]] {
        let mut command = world.laptop().command([command[0], command[1], "notes/gone"]);
        let output = command.current_dir(world.laptop().path("notes/D")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("notes/gone"), "{said}");
        assert!(!said.contains("no version"), "{said}");
    }
}
