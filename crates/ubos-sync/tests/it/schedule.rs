//! `schedule` from outside, with a service manager that only writes down what it was asked.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use ubos_testkit::process::Outcome;
use ubos_testkit::script::write_script;
use ubos_testkit::{Side, World};

use crate::BINARY;

/// A pair on a machine whose service managers are scripts. What they were asked stands in `asked`;
/// a file `refuse` has a word of the commands that fail, and after it what they then say.
struct Machine {
    world: World,
}

const MANAGER: &str = r#"
echo "$(basename "$0") $*" >> "$HOME/asked"
if [ -e "$HOME/refuse" ]; then
    read -r word said < "$HOME/refuse"
    case " $* " in *" $word "*) printf '%s\n' "$said" >&2; exit 1;; esac
fi
case " $* " in
    *" print "*) [ -e "$HOME/loaded" ] || exit 113; printf '\tstate = not running\n\tlast exit code = 3\n';;
    *" bootstrap "*) : > "$HOME/loaded";;
    *" bootout "*) rm -f "$HOME/loaded";;
    *" show-user "*) echo Linger=no;;
    *" show "*-audit.timer" ") printf 'ActiveState=active\nUnitFileState=enabled\nNextElapseUSecRealtime=Mon 2026-11-23 06:03:10 UTC\n';;
    *" show "*-audit.service" ") printf 'ActiveState=inactive\nResult=success\nExecMainStatus=0\nExecMainExitTimestamp=Mon 2026-11-16 06:08:02 UTC\n';;
    *" show "*.timer" ") printf 'ActiveState=active\nUnitFileState=enabled\nNextElapseUSecRealtime=Sun 2026-11-22 16:10:04 UTC\n';;
    *" show "*.service" ") printf 'ActiveState=inactive\nResult=success\nExecMainStatus=3\nExecMainExitTimestamp=Sun 2026-11-22 16:05:02 UTC\n';;
esac
exit 0"#;

impl Machine {
    fn new() -> Self {
        let world = World::unpaired(BINARY);
        world.init().exits(0);
        for name in ["systemctl", "loginctl", "launchctl"] {
            write_script(&world.base().join("bin").join(name), MANAGER);
        }
        write_script(&world.base().join("bin/ubos-sync"), "exit 0");
        world.set_env("SYSTEMD_UNIT_PATH", world.base().join("machine"));
        Self { world }
    }

    fn home(&self, path: &str) -> PathBuf {
        self.world.base().join("home").join(path)
    }

    fn user_unit(&self, name: &str) -> PathBuf {
        self.home(".config/systemd/user").join(name)
    }

    /// Calls `schedule …` on the laptop, as on Linux unless the line says otherwise; what is started is the program in `bin`.
    fn schedule(&self, line: &str) -> Outcome {
        self.schedule_on(Side::Laptop, line)
    }

    fn schedule_on(&self, side: Side, line: &str) -> Outcome {
        let mut args: Vec<String> = vec!["schedule".into()];
        args.extend(line.split(' ').map(str::to_owned));
        if !line.contains("--on ") {
            args.extend(["--on".into(), "linux".into()]);
        }
        if line.starts_with("install") || line.starts_with("show") {
            let program = self.world.base().join("bin/ubos-sync");
            args.extend(["--program".into(), program.to_str().unwrap().into()]);
        }
        self.world.at(side).run(args)
    }

    /// What the managers were asked since the last time, one line a call, without questions.
    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home("asked")).unwrap_or_default();
        let _ = fs::remove_file(self.home("asked"));
        let question = |line: &&str| line.contains(" show ") || line.contains(" show-user ");
        text.lines().filter(|line| !question(line)).map(str::to_owned).collect()
    }

    fn refuse(&self, word: &str, said: &str) {
        fs::write(self.home("refuse"), format!("{word} {said}\n")).unwrap();
    }

    fn changes(outcome: &Outcome) -> Vec<String> {
        let document = outcome.exits(0).json();
        let files = document["files"].as_array().unwrap();
        files.iter().map(|file| file["change"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn an_installation_writes_the_files_and_switches_the_timer_on() {
    let machine = Machine::new();
    let outcome = machine.schedule("install");
    outcome.exits(0).says("every 5 minutes").says("schedule remove").says("enable-linger");
    assert_eq!(
        machine.asked(),
        ["systemctl --user daemon-reload", "systemctl --user enable --now ubos-sync.timer"]
    );
    let service = fs::read_to_string(machine.user_unit("ubos-sync.service")).unwrap();
    let root = machine.world.root(Side::Laptop);
    assert!(
        service.contains(&format!(" --root {} tick --interval 5m\n", root.display())),
        "{service}"
    );
    assert!(!machine.user_unit("ubos-sync-audit.timer").exists(), "that is the server's");
}

#[test]
fn an_installation_again_finds_everything_done() {
    let machine = Machine::new();
    assert_eq!(Machine::changes(&machine.schedule("install --json")), ["create"; 3]);
    machine.asked();
    assert_eq!(Machine::changes(&machine.schedule("install --json")), ["unchanged"; 3]);
    assert!(!machine.asked().iter().any(|call| call.contains("restart")));
    machine.schedule("install").exits(0).says("already set up");
}

#[test]
fn another_interval_shows_what_changes_and_starts_the_timer_anew() {
    let machine = Machine::new();
    machine.schedule("install").exits(0);
    machine.asked();
    let outcome = machine.schedule("install --interval 15m");
    outcome.exits(0).says("- OnCalendar=*:0/5").says("+ OnCalendar=*:0/15");
    assert_eq!(machine.asked().last().unwrap(), "systemctl --user restart ubos-sync.timer");
    machine.schedule("install --interval 7m").exits(2).says("cannot be kept by a clock");
    machine.schedule("install --watch --interval 5m").exits(2);
}

#[test]
fn from_timer_to_watch_and_back_nothing_is_left_over() {
    let machine = Machine::new();
    machine.schedule("install").exits(0);
    machine.asked();
    let changes = Machine::changes(&machine.schedule("install --watch --json"));
    assert_eq!(changes, ["update", "remove", "remove"]);
    assert_eq!(
        machine.asked()[0],
        "systemctl --user disable --now ubos-sync.service ubos-sync.timer"
    );
    assert!(!machine.user_unit("ubos-sync.timer").exists());
    machine.schedule("install").exits(0);
    assert_eq!(machine.asked()[0], "systemctl --user disable --now ubos-sync.service");
    assert!(machine.user_unit("ubos-sync.timer").exists());
}

#[test]
fn a_removal_leaves_nothing_and_may_be_repeated() {
    let machine = Machine::new();
    machine.schedule("install --audit").exits(0);
    fs::write(machine.user_unit("ubos-sync-mine.service"), "[Service]\n").unwrap();
    machine.asked();
    machine.schedule("remove").exits(0).says("no longer syncs by itself");
    assert_eq!(
        machine.asked()[0],
        "systemctl --user disable --now ubos-sync-audit.service ubos-sync-audit.timer \
         ubos-sync.service ubos-sync.timer"
    );
    let left: Vec<_> =
        fs::read_dir(machine.user_unit("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["ubos-sync-mine.service"], "a stranger's file stays");
    machine.schedule("remove").exits(0).says("nothing was installed");
    let removed = machine.schedule("remove --json").exits(0).json();
    assert_eq!(removed["removed"].as_array().unwrap().len(), 0);
}

#[test]
fn two_territories_on_one_machine_keep_apart() {
    let machine = Machine::new();
    machine.schedule("install").exits(0);
    machine.schedule_on(Side::Server, "install").exits(0).says("ubos-sync-server-");
    machine.schedule_on(Side::Server, "install").exits(0).says("already set up");
    machine.schedule("remove").exits(0);
    let left: Vec<String> = fs::read_dir(machine.user_unit(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left.len(), 5, "with the weekly report, which is the server's: {left:?}");
    assert!(left.iter().all(|name| name.starts_with("ubos-sync-server-")), "{left:?}");
}

#[test]
fn show_prints_what_install_would_write_and_installs_nothing() {
    let machine = Machine::new();
    let shown = machine.schedule("show --json").exits(0).json();
    assert!(machine.asked().is_empty() && !machine.user_unit("").exists());
    machine.schedule("install").exits(0);
    for file in shown["files"].as_array().unwrap() {
        let text = fs::read_to_string(file["path"].as_str().unwrap()).unwrap();
        assert_eq!(file["text"].as_str(), Some(text.as_str()));
    }
    machine.schedule("show --system --watch").exits(0).says("User=").says("multi-user.target");
    machine.schedule("show --on macos").exits(0).says("Library/LaunchAgents/com.ubos.sync.plist");
    machine.schedule("show --on macos --system").exits(2);
}

#[test]
fn the_folder_of_the_metrics_can_be_written_to_by_the_service_of_the_machine() {
    let machine = Machine::new();
    let base = machine.world.base().to_owned();
    let configure = |side, folder: &str| {
        let path = machine.world.root(side).join(".ubos-sync/config.toml");
        let text = fs::read_to_string(&path).unwrap();
        let metrics = base.join(folder).join("ubos.prom");
        fs::write(&path, format!("{text}\n[health]\nmetrics = \"{}\"\n", metrics.display()))
            .unwrap();
    };
    configure(Side::Laptop, "collector");
    configure(Side::Server, "theirs");
    for line in ["show --system --audit --json", "show --system --watch --json"] {
        let shown = machine.schedule(line).exits(0).json();
        let files = shown["files"].as_array().unwrap();
        let services = files.iter().filter(|f| f["path"].as_str().unwrap().ends_with(".service"));
        for file in services {
            let text = file["text"].as_str().unwrap();
            let peer = machine.world.root(Side::Server);
            for folder in [base.join("collector"), peer, base.join("theirs")] {
                let wanted = format!("ReadWritePaths=-{}\n", folder.display());
                assert!(text.contains(&wanted), "no {wanted} in {text}");
            }
        }
    }
}

#[test]
fn status_tells_when_the_weekly_report_is_due_and_how_the_last_one_ended() {
    let machine = Machine::new();
    let report = || {
        let document = machine.schedule("status --json").exits(0).json();
        document["schedules"][0]["report"].clone()
    };
    machine.schedule("install").exits(0);
    assert!(report().is_null(), "the laptop's side writes none");
    machine.schedule("install --audit").exits(0);
    let row = report();
    for (key, value) in [
        ("active", Value::from(true)),
        ("last_run", "2026-11-16T06:08:02Z".into()),
        ("next_run", "2026-11-23T06:03:10Z".into()),
        ("last_exit", 0.into()),
    ] {
        assert_eq!(row[key], value, "{key}");
    }
    let told = machine.schedule("status");
    let line = told
        .exits(0)
        .words()
        .lines()
        .find(|line| line.starts_with("  report "))
        .unwrap()
        .to_owned();
    assert!(
        line.contains("next ") && line.contains("; last ") && line.ends_with("done (0)"),
        "{line}"
    );
    machine.schedule("install --audit --on macos").exits(0);
    let on_mac = machine.schedule("status --on macos --json").exits(0).json();
    let next = on_mac["schedules"][0]["report"]["next_run"].as_str().unwrap().to_owned();
    assert!(next.parse::<jiff::Timestamp>().unwrap() > jiff::Timestamp::now(), "{next}");
}

#[test]
fn status_tells_last_and_next_run_and_what_is_different() {
    let machine = Machine::new();
    machine.schedule("status").exits(0).says("schedule install");
    assert_eq!(machine.schedule("status --json").json()["installed"], false);
    machine.schedule("install").exits(0);
    let status = || machine.schedule("status --json").exits(0).json()["schedules"][0].clone();
    let row = status();
    for (key, value) in [
        ("active", Value::from(true)),
        ("enabled", true.into()),
        ("interval", "5m".into()),
        ("last_run", "2026-11-22T16:05:02Z".into()),
        ("next_run", "2026-11-22T16:10:04Z".into()),
        ("last_exit", 3.into()),
        ("program_there", true.into()),
    ] {
        assert_eq!(row[key], value, "{key} in {row}");
    }
    assert!(row["files"].as_array().unwrap().iter().all(|file| file["change"] == "unchanged"));
    let unit = machine.user_unit("ubos-sync.service");
    let text = fs::read_to_string(&unit).unwrap().replace("Nice=5", "Nice=19");
    fs::write(&unit, text).unwrap();
    assert_eq!(status()["files"][0]["change"], "update");
    machine.schedule("status").exits(0).says("1 file would be written differently");
    fs::remove_file(machine.world.base().join("bin/ubos-sync")).unwrap();
    machine.schedule("status").exits(0).says("is gone");
    machine.refuse("show", "Failed to connect to bus: No medium found");
    machine.schedule("status").exits(0).says("no service manager of its own");
}

#[test]
fn without_a_manager_nothing_is_written_and_the_next_step_is_told() {
    let machine = Machine::new();
    for (said, kind, step) in [
        (
            "System has not been booted with systemd as init system (PID 1).",
            "no-systemd",
            "schedule show",
        ),
        ("Failed to connect to bus: No medium found", "no-user-manager", "enable-linger"),
    ] {
        machine.refuse("show", said);
        let outcome = machine.schedule("install --json");
        outcome.exits(1).says(step);
        assert_eq!(outcome.json()["error"]["kind"], kind);
        assert!(!machine.user_unit("ubos-sync.service").exists());
    }
    fs::remove_file(machine.world.base().join("bin/launchctl")).unwrap();
    machine.schedule("install --on macos").exits(1).says("it is no Mac");
}

#[test]
fn a_unit_that_does_not_start_is_told_and_where_to_look() {
    let machine = Machine::new();
    machine.refuse("enable", "Job for ubos-sync.service failed because a timeout was exceeded.");
    machine.schedule("install --watch").exits(1).says("did not start").says("journalctl --user");
}

#[test]
fn a_removal_without_a_manager_deletes_the_files_and_says_so() {
    let machine = Machine::new();
    machine.schedule("install").exits(0);
    machine.refuse("disable", "Failed to connect to bus: No medium found");
    machine.schedule("remove").exits(0).says("deleted all the same");
    assert!(!machine.user_unit("ubos-sync.timer").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let machine = Machine::new();
    fs::create_dir_all(machine.home(".config")).unwrap();
    fs::write(machine.home(".config/systemd"), "no folder").unwrap();
    machine.schedule("install").exits(1).says("cannot");
}

#[test]
fn a_program_that_will_be_gone_is_refused() {
    let machine = Machine::new();
    let outcome = machine.world.laptop().run(["schedule", "show"]);
    outcome.exits(2).says("--program PATH");
    let outcome = machine.world.laptop().run(["schedule", "show", "--program", "/no/such"]);
    outcome.exits(2).says("not a program");
}

#[test]
fn the_machine_takes_it_from_root_alone_and_not_twice() {
    let machine = Machine::new();
    let outcome = machine.schedule_on(Side::Server, "install --system");
    if !rustix::process::geteuid().is_root() {
        outcome.exits(1).says("sudo");
        return;
    }
    outcome.exits(0).says("a report is written every Monday");
    assert_eq!(
        machine.asked(),
        ["systemctl daemon-reload", "systemctl enable --now ubos-sync.timer ubos-sync-audit.timer"]
    );
    let unit = machine.world.base().join("machine/ubos-sync.service");
    assert!(fs::read_to_string(&unit).unwrap().contains("User=root\n"));
    let outcome = machine.schedule_on(Side::Server, "install");
    outcome.exits(2).says("already").says("schedule remove --system");
    machine.schedule_on(Side::Server, "status").exits(0).says("service of the machine");
    machine.schedule_on(Side::Server, "remove").exits(0);
    assert!(!unit.exists());
}

#[test]
fn an_agent_is_loaded_loaded_anew_and_unloaded() {
    let machine = Machine::new();
    let uid = rustix::process::getuid().as_raw();
    let plist = machine.home("Library/LaunchAgents/com.ubos.sync.plist");
    let calls = |line: &str| {
        machine.schedule(line).exits(0);
        let asked = machine.asked();
        let name = |call: &String| call.split(' ').nth(1).unwrap().to_owned();
        asked
            .iter()
            .map(name)
            .filter(|name| !name.starts_with("print") && name != "version")
            .collect::<Vec<_>>()
    };
    assert_eq!(calls("install --on macos"), ["enable", "bootstrap"]);
    assert!(plist.is_file() && machine.home("Library/Logs/ubos-sync").is_dir());
    assert_eq!(calls("install --on macos"), [""; 0], "it is loaded");
    assert_eq!(calls("install --on macos --interval 1h"), ["bootout", "enable", "bootstrap"]);
    let row = machine.schedule("status --on macos --json").json()["schedules"][0].clone();
    assert_eq!((&row["active"], &row["last_exit"]), (&true.into(), &3.into()));
    assert!(row["next_run"].is_string());
    machine.asked();
    machine.schedule("remove --on macos").exits(0);
    assert!(machine.asked().contains(&format!("launchctl bootout gui/{uid}/com.ubos.sync")));
    assert!(!plist.exists());
}

#[test]
fn what_launchd_refuses_is_told_with_its_causes() {
    let machine = Machine::new();
    for (said, words) in [
        ("Bootstrap failed: 5: Input/output error", "Login Items"),
        ("Bootstrap failed: 125: Domain does not support specified action", "log in on the screen"),
    ] {
        machine.refuse("bootstrap", said);
        machine.schedule("install --on macos").exits(1).says(words);
    }
}

#[test]
fn a_territory_on_a_desktop_gets_the_remedy_step_by_step() {
    let machine = Machine::new();
    let desktop = machine.home("Desktop");
    fs::create_dir_all(&desktop).unwrap();
    let root = desktop.join("UBOS");
    fs::rename(machine.world.root(Side::Laptop), &root).unwrap();
    let program = machine.world.base().join("bin/ubos-sync");
    let mut command = machine.world.command(machine.world.binary());
    command
        .current_dir(&root)
        .args(["schedule", "install", "--on", "macos", "--program"])
        .arg(program);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for part in ["Full Disk Access", "Files and Folders", "launchctl kickstart", "Desktop"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}
