//! A territory that syncs although nobody started it: a real service manager of a user, in a world of
//! its own.
//!
//! It needs Linux, systemd, and the right to make namespaces (root has it). Where that is missing the
//! test says so and leaves itself out.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ubos_testkit::process::Running;
use ubos_testkit::script::write_script;
use ubos_testkit::{Side, World};

use crate::BINARY;

/// Longest time until the first slot has passed and its run has ended.
const LIMIT: Duration = Duration::from_secs(150);

/// In namespaces of its own: a `/run` and a corner of the control groups that vanish with it.
const OUTER: &str = r#"
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user-of-test
chmod 700 /run/user-of-test
groups=/sys/fs/cgroup
[ -e $groups/cgroup.procs ] || groups=$groups/unified
mkdir "$groups/$UBOS_GROUP" && echo $$ > "$groups/$UBOS_GROUP/cgroup.procs"
exec unshare --cgroup sh "$UBOS_INNER""#;

/// Starts the manager, installs, and waits for the sync that nobody started.
const INNER: &str = r#"
mount -t cgroup2 none /sys/fs/cgroup || exit 77
export XDG_RUNTIME_DIR=/run/user-of-test
/usr/lib/systemd/systemd --user --log-target=console &
waited=0
until systemctl --user show --property=Version >/dev/null 2>&1; do
    waited=$((waited + 1)); [ $waited -lt 100 ] || exit 77; sleep 0.1
done
"$UBOS_BINARY" schedule install --interval 1m --program "$UBOS_PROGRAM" || exit 1
waited=0
until [ -e "$UBOS_PEER/notes/new" ]; do
    waited=$((waited + 1)); [ $waited -lt 1000 ] || exit 2; sleep 0.1
done
until "$UBOS_BINARY" schedule status --json | grep -q '"last_exit": 0'; do
    waited=$((waited + 1)); [ $waited -lt 1100 ] || exit 3; sleep 0.1
done
"$UBOS_BINARY" schedule remove || exit 4
[ -z "$(systemctl --user list-units --all --plain --no-legend 'ubos*')" ] || exit 5"#;

#[test]
fn the_timer_syncs_although_nobody_started_it() {
    let possible = Path::new("/usr/lib/systemd/systemd").exists()
        && rustix::process::geteuid().is_root()
        && Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--cgroup", "true"])
            .status()
            .is_ok_and(|s| s.success());
    if !possible {
        eprintln!("skipped: a user manager of systemd in a world of its own cannot be had here");
        return;
    }
    let world = World::agreed(BINARY);
    let at = |name: &str| world.base().join(name);
    write_script(&at("bin/outer"), OUTER);
    write_script(&at("bin/inner"), INNER);
    write_script(&at("bin/ubos-sync"), &format!("exec '{BINARY}' \"$@\""));
    world.laptop().write("notes/new", "nobody started this");
    let mut command = world.command(Path::new("unshare"));
    command.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    command.arg(at("bin/outer")).current_dir(world.root(Side::Laptop));
    let group = format!("ubos-test-{}", std::process::id());
    command.env("UBOS_INNER", at("bin/inner")).env("UBOS_GROUP", &group);
    command.env("UBOS_BINARY", BINARY).env("UBOS_PROGRAM", at("bin/ubos-sync"));
    command.env("UBOS_PEER", world.root(Side::Server));
    let outcome = Running::start(command, &at("output")).finish(LIMIT);
    remove_groups(&group);
    if outcome.code() == 77 {
        eprintln!("skipped: systemd does not run here\n{}", outcome.told());
        return;
    }
    outcome.exits(0);
    assert_eq!(
        fs::read_to_string(world.server().path("notes/new")).unwrap(),
        "nobody started this"
    );
}

/// Takes the test's corner of the control groups away; what is empty can go.
fn remove_groups(name: &str) {
    for base in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        let group = Path::new(base).join(name);
        let _ = Command::new("find")
            .arg(group)
            .args(["-depth", "-type", "d", "-exec", "rmdir", "{}", ";"])
            .output();
    }
}
