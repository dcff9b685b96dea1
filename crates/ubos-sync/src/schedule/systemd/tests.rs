//! Units as text, and as systemd itself reads them.

use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::schedule::interval::Interval;
use crate::schedule::order::User;

fn order(scope: Scope, mode: Mode) -> Order {
    Order {
        root: "/srv/janus".into(),
        territory: "balaur".into(),
        peer: "localhost".into(),
        name_peer: false,
        program: "/usr/local/bin/ubos-sync".into(),
        user: User { name: "janus".into(), home: "/home/janus".into() },
        scope,
        mode,
        audit: true,
        writes: Vec::new(),
        base: "ubos-sync".into(),
    }
}

fn every(interval: &str) -> Mode {
    Mode::Timer(Interval::parse(interval).unwrap())
}

fn text(order: &Order, name: &str) -> String {
    let file = files(order).into_iter().find(|file| file.name == name);
    file.unwrap_or_else(|| panic!("no {name}")).text
}

/// All lines but comments and empty ones.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[test]
fn the_timer_of_the_machine_in_full() {
    let order = order(Scope::System, every("5m"));
    let expected = "\
# Made by `ubos-sync schedule install`, which overwrites changes; taken away by `ubos-sync schedule remove`.
# territory: /srv/janus
# peer: localhost
# program: /usr/local/bin/ubos-sync
# mode: every 5m, weekly report
[Unit]
Description=When the territory balaur syncs with localhost

[Timer]
OnCalendar=*:0/5
OnBootSec=1min
# Slots that passed while the machine was off or asleep are made up for by one run.
Persistent=true
AccuracySec=5s
RandomizedDelaySec=20s
Unit=ubos-sync.service

[Install]
WantedBy=timers.target
";
    assert_eq!(text(&order, "ubos-sync.timer"), expected);
}

#[test]
fn the_service_of_the_machine_runs_as_the_owner_and_writes_nowhere_else() {
    let mut order = order(Scope::System, every("5m"));
    order.writes.push("/srv/peer".into());
    let text = text(&order, "ubos-sync.service");
    let lines = lines(&text);
    for line in [
        "Wants=network-online.target",
        "OnFailure=ubos-sync-notify@%n.service",
        "Type=oneshot",
        "User=janus",
        "Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ExecStart=/usr/local/bin/ubos-sync --root /srv/janus tick --interval 5m",
        "SuccessExitStatus=3 4 6 7",
        "TimeoutStartSec=15min",
        "TimeoutStopSec=60s",
        "KillMode=mixed",
        "CapabilityBoundingSet=",
        "ProtectHome=read-only",
        "ReadWritePaths=-/srv/janus",
        "ReadWritePaths=-/srv/peer",
        "PrivateTmp=yes",
        "MemoryDenyWriteExecute=yes",
        "SystemCallErrorNumber=EPERM",
    ] {
        assert!(lines.contains(&line), "no {line} in\n{text}");
    }
    assert!(!lines.contains(&"[Install]"), "it is started by its timer alone");
}

#[test]
fn the_service_of_a_user_needs_no_namespace_of_its_own() {
    let text = text(&order(Scope::User, every("1m")), "ubos-sync.service");
    let lines = lines(&text);
    assert!(lines.contains(
        &"ExecStart=/usr/local/bin/ubos-sync --root /srv/janus tick --interval 1m --deadline 30"
    ));
    for part in ["User=", "ReadWritePaths", "Protect", "Private", "network-online", "Capab"] {
        assert!(!lines.iter().any(|line| line.contains(part)), "{part} in\n{text}");
    }
    assert!(lines.contains(&"NoNewPrivileges=yes"));
}

#[test]
fn a_watcher_comes_back_whatever_ended_it() {
    let mut order = order(Scope::User, Mode::Watch);
    order.audit = false;
    let found = files(&order);
    assert_eq!(found.len(), 1);
    let lines = lines(&found[0].text);
    for line in [
        "Type=notify",
        "WatchdogSec=120",
        "Restart=on-failure",
        "RestartSec=15",
        "StartLimitIntervalSec=0",
        "SuccessExitStatus=143",
        "ExecStart=/usr/local/bin/ubos-sync --root /srv/janus watch",
        "WantedBy=default.target",
    ] {
        assert!(lines.contains(&line), "no {line} in\n{}", found[0].text);
    }
    order.scope = Scope::System;
    assert!(text(&order, "ubos-sync.service").contains("WantedBy=multi-user.target\n"));
}

#[test]
fn the_owner_root_keeps_the_rights_that_files_of_others_need() {
    let mut order = order(Scope::System, every("5m"));
    order.user.name = "root".into();
    let text = text(&order, "ubos-sync.service");
    assert!(
        text.contains("CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER\n"),
        "{text}"
    );
}

#[test]
fn names_that_systemd_would_read_otherwise_are_escaped() {
    let mut order = order(Scope::System, Mode::Watch);
    order.root = "/srv/100% \"my\" $HOME\\notes".into();
    order.program = "/opt/my tools/ubos-sync".into();
    order.territory = "50%".into();
    let text = text(&order, "ubos-sync.service");
    let lines = lines(&text);
    for line in [
        "Description=Sync of the territory 50%% with localhost on every change",
        r#"ExecStart="/opt/my tools/ubos-sync" --root "/srv/100%% \"my\" $$HOME\\notes" watch"#,
        r#"ReadWritePaths="-/srv/100%% \"my\" $HOME\\notes""#,
        r#"Environment="PATH=/opt/my tools:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin""#,
    ] {
        assert!(lines.contains(&line), "no {line} in\n{text}");
    }
}

#[test]
fn a_peer_is_named_where_there_are_several() {
    let mut order = order(Scope::User, every("5m"));
    order.name_peer = true;
    let found = files(&order);
    let commands: Vec<&str> = found
        .iter()
        .flat_map(|file| file.text.lines())
        .filter(|line| line.starts_with("ExecStart=/usr"))
        .collect();
    assert_eq!(
        commands,
        [
            "ExecStart=/usr/local/bin/ubos-sync --root /srv/janus --peer localhost tick --interval 5m",
            "ExecStart=/usr/local/bin/ubos-sync --root /srv/janus --peer localhost audit --since 7d --write",
        ]
    );
}

#[test]
fn a_territory_in_a_temporary_folder_is_not_hidden_from_its_service() {
    let mut order = order(Scope::System, every("5m"));
    order.root = "/tmp/try".into();
    assert!(text(&order, "ubos-sync.service").contains("PrivateTmp=no\n"));
}

/// `systemd-analyze` on units in a folder; `None` where there is none.
fn analyze(args: &[&str], folder: &tempfile::TempDir) -> Option<std::process::Output> {
    let mut command = Command::new("systemd-analyze");
    command.args(args).current_dir(folder.path()).env("XDG_RUNTIME_DIR", folder.path());
    command.env("SYSTEMD_COLORS", "0");
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: no systemd-analyze here ({error})");
            None
        }
    }
}

fn written(order: &Order) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let files = files(order);
    for file in &files {
        std::fs::write(folder.path().join(&file.name), &file.text).unwrap();
    }
    (folder, files.into_iter().map(|file| format!("./{}", file.name)).collect())
}

/// Every kind of order, with a program that exists, since systemd looks for it.
fn orders() -> Vec<Order> {
    let mut orders = Vec::new();
    for scope in [Scope::System, Scope::User] {
        for mode in [Mode::Watch, every("5m"), every("1h"), every("8h"), every("24h")] {
            let mut order = order(scope, mode);
            order.user.name = "root".into();
            order.program = PathBuf::from("/bin/true");
            order.root = "/srv/my 100% \"notes\" \\ $x; ü".into();
            order.writes.push("/srv/two words".into());
            orders.push(order);
        }
    }
    orders
}

#[test]
fn systemd_finds_nothing_to_say_about_any_unit() {
    for order in orders() {
        let (folder, names) = written(&order);
        let scope = if order.scope == Scope::User { "--user" } else { "--system" };
        let mut args = vec!["verify", "--man=no", scope];
        args.extend(names.iter().map(String::as_str));
        let Some(output) = analyze(&args, &folder) else { return };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{scope} {:?}: {said}", order.mode);
    }
}

#[test]
fn systemd_finds_a_mistake_in_a_unit() {
    let (folder, _) = written(&orders()[0]);
    let path = folder.path().join("ubos-sync.service");
    let text = std::fs::read_to_string(&path).unwrap().replace("KillMode=mixed", "KilMode=mixed");
    std::fs::write(&path, text).unwrap();
    let Some(output) = analyze(&["verify", "--man=no", "./ubos-sync.service"], &folder) else {
        return;
    };
    assert!(!output.stderr.is_empty());
}

#[test]
fn calendars_mean_what_they_should() {
    let folder = tempfile::tempdir().unwrap();
    for (interval, first) in
        [("5m", "*-*-* *:00/5:00"), ("8h", "*-*-* 00/8:00:00"), ("24h", "*-*-* 00:00:00")]
    {
        let calendar = Interval::parse(interval).unwrap().calendar();
        let Some(output) = analyze(&["calendar", &calendar], &folder) else { return };
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(&format!("Normalized form: {first}\n")), "{interval}: {said}");
    }
}

#[test]
fn the_service_of_the_machine_is_exposed_to_little() {
    for mode in [Mode::Watch, every("5m")] {
        let (folder, names) = written(&order(Scope::System, mode));
        for name in names.iter().filter(|name| name.ends_with(".service") && !name.contains('@')) {
            let args = ["security", "--offline=yes", "--threshold=20", "--no-pager", name];
            let Some(output) = analyze(&args, &folder) else { return };
            let said = String::from_utf8_lossy(&output.stdout);
            let verdict = said.lines().last().unwrap_or_default();
            assert!(output.status.success(), "{name}: {verdict}");
        }
    }
}
