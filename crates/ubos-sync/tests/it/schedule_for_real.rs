//! A territory that syncs although nobody started it: a real service manager of a user, in a world of
//! its own; and, where there is none, what it would start, in the environment that it would give.
//!
//! The manager needs Linux, systemd, and the right to make namespaces (root has it). Where that is
//! missing the test says so and leaves itself out.

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
    write_script(&at("bin/ubos-sync"), &program());
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

/// The installed program, at a place of its own.
fn program() -> String {
    format!("exec '{BINARY}' \"$@\"")
}

/// The files of `schedule show` for a system, by name.
fn shown(world: &World, system: &str) -> Vec<(String, String)> {
    let program = world.base().join("bin/ubos-sync");
    let args =
        ["schedule", "show", "--json", "--on", system, "--program", program.to_str().unwrap()];
    let document = world.laptop().run(args).exits(0).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let files = document["files"].as_array().unwrap();
    files.iter().map(|file| (text(&file["path"]), text(&file["text"]))).collect()
}

/// Starts a command line with nothing in its environment but a home and `path`.
fn start_bare(world: &World, words: &[String], path: &str) {
    let mut command = Command::new("env");
    command.arg("-i").arg(format!("HOME={}", world.base().join("home").display()));
    command.arg(format!("PATH={path}")).args(words).current_dir("/");
    Running::start(command, &world.base().join("output")).finish(LIMIT).exits(0);
}

#[test]
fn what_systemd_would_start_syncs_in_the_environment_it_would_give() {
    let world = World::agreed(BINARY);
    write_script(&world.base().join("bin/ubos-sync"), &program());
    let files = shown(&world, "linux");
    let (_, service) = files.iter().find(|(path, _)| path.ends_with("/ubos-sync.service")).unwrap();
    let line = |key: &str| service.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    let words: Vec<String> = line("ExecStart=").split(' ').map(str::to_owned).collect();
    world.laptop().write("notes/new", "by timer");
    start_bare(&world, &words, line("Environment=PATH="));
    world.expect("notes/new = by timer", "notes/new = by timer");
}

#[test]
fn what_launchd_would_start_syncs_in_the_environment_it_would_give() {
    let world = World::agreed(BINARY);
    write_script(&world.base().join("bin/ubos-sync"), &program());
    let (_, text) = &shown(&world, "macos")[0];
    let list = plist::Value::from_reader_xml(text.as_bytes()).unwrap().into_dictionary().unwrap();
    let text = |value: &plist::Value| value.as_string().unwrap().to_owned();
    let words: Vec<String> =
        list["ProgramArguments"].as_array().unwrap().iter().map(text).collect();
    world.laptop().write("notes/new", "by agent");
    let environment = list["EnvironmentVariables"].as_dictionary().unwrap();
    start_bare(&world, &words, &text(&environment["PATH"]));
    world.expect("notes/new = by agent", "notes/new = by agent");
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
