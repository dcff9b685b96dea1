//! The versioned backup beside the sync: what is in git before and after a run, and that no trouble
//! with git ever becomes one of the sync.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use ubos_testkit::{Side, World};

use crate::health::{configure, recorded};
use crate::{BINARY, agreed};

/// A pair whose laptop keeps a backup; the repository lies beside the territory.
pub(crate) fn backed_up() -> World {
    let world = agreed();
    configure(world.laptop(), "[backup]\nenabled = true\nmirror = false");
    git(
        &world,
        &["init", "--quiet", "--initial-branch=main", "--separate-git-dir", &repository(&world)],
    );
    git(&world, &["config", "user.name", "Ana"]);
    git(&world, &["config", "user.email", "ana@example.org"]);
    world
}

fn repository(world: &World) -> String {
    world.base().join("history.git").display().to_string()
}

/// What git says in the laptop's root; it must succeed.
pub(crate) fn git(world: &World, args: &[&str]) -> String {
    let mut command = world.command("git".as_ref());
    command.args(args).current_dir(world.root(Side::Laptop));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Puts a program in front of all others of its name.
fn program(world: &World, name: &str, script: &str) -> PathBuf {
    let path = world.base().join("bin").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Where git is, when nothing stands in front of it.
fn real_git() -> String {
    let output = Command::new("/bin/sh").args(["-c", "command -v git"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The records of this kind in the laptop's log.
pub(crate) fn records(world: &World, event: &str) -> Vec<Value> {
    let log = world.laptop().run(["log", "--json"]).exits(0).json();
    let all = log["records"].as_array().unwrap().clone();
    all.into_iter().filter(|record| record["event"] == event).collect()
}

#[test]
fn what_a_run_deletes_or_replaces_is_in_the_snapshot_before_it() {
    let world = backed_up();
    world.laptop().write("notes/f", "edited here");
    world.server().remove("notes/D");
    world.server().write("notes/g", "edited there");
    let run = world.laptop().sync();
    run.exits(0).clean();
    let told = &run.report.raw["backup"];
    let (pre, post) = (&told["pre"], &told["post"]);
    assert_eq!((&pre["error"], &post["error"]), (&Value::Null, &Value::Null), "{told}");
    let at = |which: &Value, path: &str| {
        git(&world, &["show", &format!("{}:{path}", which["head"].as_str().unwrap())])
    };
    assert_eq!(at(pre, "notes/D/a"), "first");
    assert_eq!(
        (at(pre, "notes/f").as_str(), at(post, "notes/f").as_str()),
        ("edited here", "edited here")
    );
    assert_eq!(at(post, "notes/g"), "edited there");
    assert_ne!(at(pre, "notes/g"), "edited there");
    let names = git(&world, &["ls-tree", "-r", "--name-only", post["head"].as_str().unwrap()]);
    assert!(!names.contains("notes/D/"), "{names}");
    let id = run.report.raw["run"].as_str().unwrap();
    let message = git(&world, &["log", "-1", "--format=%B", pre["head"].as_str().unwrap()]);
    assert!(message.contains(&format!("Ubos-Run: {id}")) && message.contains("Ubos-Phase: pre"));
    let noted = records(&world, "backup-snapshot");
    assert_eq!(noted.len(), 2);
    assert_eq!((&noted[0]["head"], &noted[1]["head"]), (&pre["head"], &post["head"]));
    assert!(noted.iter().all(|record| record["run"] == id && record["gaps"] == 0));
    world.laptop().run(["log", "--verify"]).exits(0);
    let health = recorded(world.laptop());
    assert_eq!(health["backup"]["commit"], post["head"]);
    assert_eq!(health["backup"]["failing_since"], Value::Null);
    world.laptop().run(["status"]).says("backup: last snapshot");
    assert_eq!(git(&world, &["status", "--porcelain", "notes"]), "");
}

#[test]
fn a_run_without_changes_starts_no_git_and_makes_no_commit() {
    let world = backed_up();
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    let head = git(&world, &["rev-parse", "HEAD"]);
    let started = world.base().join("started");
    program(
        &world,
        "git",
        &format!("echo \"$@\" >> '{}'\nexec {} \"$@\"", started.display(), real_git()),
    );
    let run = world.laptop().sync();
    run.exits(0).again();
    assert_eq!(run.report.raw["backup"], Value::Null);
    world.laptop().write("notes/f", "C");
    world.laptop().sync_with(["bidirectional", "--dry-run"]).exits(0);
    assert!(!started.exists(), "{}", fs::read_to_string(&started).unwrap());
    world.laptop().sync().exits(0);
    assert!(started.exists());
    assert_ne!(git(&world, &["rev-parse", "HEAD"]), head);
}

#[test]
fn without_the_setting_and_on_the_other_side_there_is_no_snapshot() {
    let world = agreed();
    configure(world.server(), "[backup]\nenabled = true");
    for territory in [world.laptop(), world.server()] {
        territory.write("notes/f", format!("by {}", territory.side().name()));
        let run = territory.sync();
        run.exits(0);
        assert_eq!(run.report.raw["backup"], Value::Null);
    }
    assert!(!world.root(Side::Laptop).join(".git").exists());
}

#[test]
fn what_changes_while_the_snapshot_is_made_is_not_overwritten() {
    let world = backed_up();
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    // Somebody edits the file that the run is about to replace, while git is at work.
    let target = world.laptop().path("notes/f");
    let script =
        format!("printf 'at the last moment' > '{}'\nexec {} \"$@\"", target.display(), real_git());
    program(&world, "git", &script);
    world.server().write("notes/f", "C");
    let told = world.laptop().run(["bidirectional", "--json"]).exits(7).json();
    assert_eq!(told["skipped"][0]["path"], "notes/f", "{told}");
    assert_eq!(told["backup"]["pre"]["error"], Value::Null, "{told}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "at the last moment");
    fs::remove_file(world.base().join("bin/git")).unwrap();
    world.laptop().sync().exits(3).conflicts([("notes/f", "modify-modify")]);
}

/// A sync with changes both ways must work as ever, warn in one line, and put the reason on record.
fn synced_without_backup(world: &World, kind: &str) {
    world.mark();
    world.laptop().write("notes/f", "from here");
    world.server().write("notes/g", "from there");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f = from here\nnotes/g = from there");
    let told = &run.report.raw["backup"];
    assert_eq!(told["pre"]["error"]["kind"], kind, "{told}");
    let warned = run.outcome.told();
    let lines = warned.lines().filter(|line| line.contains("no backup snapshot was made: "));
    assert_eq!(lines.count(), 1, "{warned}");
    let noted = records(world, "backup-failed");
    assert!(noted.iter().any(|record| record["kind"] == kind && record["phase"] == "pre"));
    world.laptop().run(["log", "--verify"]).exits(0);
    let health = recorded(world.laptop());
    assert_eq!(health["backup"]["trouble"]["kind"], kind);
    assert!(health["backup"]["failing_since"].is_string());
    world.laptop().run(["health"]).exits(0).says("failing since");
}

#[test]
fn without_git_the_sync_works() {
    let world = backed_up();
    // All of PATH but git.
    let empty = world.base().join("no-git");
    fs::create_dir(&empty).unwrap();
    for name in ["rsync", "sh", "ssh"] {
        let found = Command::new("/bin/sh").args(["-c", &format!("command -v {name}")]).output();
        let path = String::from_utf8(found.unwrap().stdout).unwrap();
        if !path.trim().is_empty() {
            std::os::unix::fs::symlink(path.trim(), empty.join(name)).unwrap();
        }
    }
    world.set_env("PATH", empty);
    synced_without_backup(&world, "no-git");
}

#[test]
fn without_a_repository_the_sync_works() {
    let world = agreed();
    configure(world.laptop(), "[backup]\nenabled = true\nmirror = false");
    synced_without_backup(&world, "no-repository");
}

#[test]
fn with_a_git_that_is_too_old_the_sync_works() {
    let world = backed_up();
    program(&world, "git", "echo 'git version 1.9.1'");
    synced_without_backup(&world, "no-git");
}

#[test]
fn with_a_corrupt_repository_the_sync_works() {
    let world = backed_up();
    world.laptop().write("notes/g", "B");
    world.laptop().sync().exits(0);
    fs::write(PathBuf::from(repository(&world)).join("HEAD"), "nonsense").unwrap();
    synced_without_backup(&world, "no-repository");
}

#[test]
fn in_the_middle_of_a_rebase_the_sync_works_and_nothing_is_committed() {
    let world = backed_up();
    world.laptop().write("notes/g", "B");
    world.laptop().sync().exits(0);
    let head = git(&world, &["rev-parse", "HEAD"]);
    fs::create_dir(PathBuf::from(repository(&world)).join("rebase-merge")).unwrap();
    synced_without_backup(&world, "busy-repository");
    assert_eq!(git(&world, &["rev-parse", "HEAD"]), head);
    fs::remove_dir(PathBuf::from(repository(&world)).join("rebase-merge")).unwrap();
    world.laptop().write("notes/f", "afterwards");
    world.laptop().sync().exits(0);
    assert_eq!(recorded(world.laptop())["backup"]["failing_since"], Value::Null);
    assert_eq!(git(&world, &["show", "HEAD:notes/g"]), "from there");
}

#[test]
fn with_a_full_disk_under_the_repository_the_sync_works() {
    let world = backed_up();
    // Every object that git is to write finds no room.
    let script = format!(
        "case \" $* \" in *' fast-import '*|*' hash-object '*) \
         echo 'fatal: write error: No space left on device' >&2; exit 128;; esac\nexec {} \"$@\"",
        real_git()
    );
    program(&world, "git", &script);
    synced_without_backup(&world, "git");
}

#[test]
fn with_a_repository_that_cannot_be_written_the_sync_works() {
    let Some(world) = World::agreed_unprivileged(BINARY) else {
        eprintln!("left out: nothing is read-only for this user");
        return;
    };
    configure(world.laptop(), "[backup]\nenabled = true\nmirror = false");
    world.hand_over();
    git(&world, &["init", "--quiet", "--initial-branch=main"]);
    let lock = |how: &str| {
        let mut chmod = Command::new("chmod");
        chmod.args(["-R", how]).arg(world.laptop().path(".git"));
        assert!(chmod.status().unwrap().success());
    };
    lock("a-w");
    world.laptop().write("notes/f", "B");
    let told = world.laptop().run(["bidirectional", "--json"]).exits(0).json();
    assert!(told["backup"]["pre"]["error"]["message"].is_string(), "{told}");
    assert_eq!(fs::read_to_string(world.server().path("notes/f")).unwrap(), "B");
    lock("u+w");
    world.laptop().write("notes/f", "C");
    let told = world.laptop().run(["bidirectional", "--json"]).exits(0).json();
    assert_eq!(told["backup"]["post"]["error"], Value::Null, "{told}");
}

#[test]
fn a_failing_backup_is_told_once_a_day_has_passed() {
    let world = agreed();
    let path = world.base().join("told");
    let command = format!("printf '%s\\n' \"$UBOS_SYNC_EVENT\" >> '{}'", path.display());
    configure(
        world.laptop(),
        &format!("[backup]\nenabled = true\nmirror = false\n[notify]\ncommand = {command:?}"),
    );
    world.laptop().write("notes/f", "B");
    world.laptop().run(["tick", "--retries", "0"]).exits(0);
    assert!(!path.exists());
    crate::health::amend(world.laptop(), |health| {
        health["backup"]["failing_since"] = "2026-01-01T00:00:00Z".into();
    });
    for number in 0..2 {
        world.laptop().write("notes/f", format!("{number}"));
        world.laptop().run(["tick", "--retries", "0"]).exits(0);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "backup-failed\n");
    let health = world.laptop().run(["health", "--json"]).exits(1).json();
    assert_eq!(health["reasons"], json!(["backup-fails"]));
}

#[test]
fn a_restore_without_the_peer_is_backed_up_too() {
    let world = backed_up();
    world.server().write("notes/f", "newer");
    world.laptop().sync().exits(0);
    let restored = world.laptop().run(["restore", "notes/f", "--json"]).exits(0).json();
    let told = &restored["backup"];
    let at = |which: &str| {
        git(&world, &["show", &format!("{}:notes/f", told[which]["head"].as_str().unwrap())])
    };
    assert_eq!((at("pre").as_str(), at("post").as_str()), ("newer", "A"));
}

#[test]
fn a_tick_snapshots_pushes_and_looks_after_the_repository() {
    let world = backed_up();
    let remote = world.base().join("remote.git");
    git(&world, &["init", "--quiet", "--bare", "--initial-branch=main", remote.to_str().unwrap()]);
    let config = world.laptop().own("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let remote_line = format!("mirror = false\nremote = {:?}", remote.display().to_string());
    fs::write(&config, text.replace("mirror = false", &remote_line)).unwrap();
    // Nothing to sync: what stands there is kept all the same.
    let told = world.laptop().run(["tick", "--retries", "0", "--json"]).exits(0).json();
    assert!(told["backup"]["asked"]["head"].is_string(), "{told}");
    assert_eq!(told["backup"]["push"][0]["outcome"], "given", "{told}");
    assert_eq!(told["backup"]["maintain"]["findings"], json!([]), "{told}");
    let there = format!("--git-dir={}", remote.display());
    assert_eq!(git(&world, &[&there, "show", "main:notes/f"]), "A");
    assert_eq!(recorded(world.laptop())["backup"]["unpushed_since"], Value::Null);
    assert_eq!(records(&world, "backup-pushed").len(), 1);
    // A moment later nothing is due.
    let told = world.laptop().run(["tick", "--retries", "0", "--json"]).exits(0).json();
    assert_eq!(told["backup"], Value::Null);
    world.laptop().write("notes/f", "B");
    let told = world.laptop().run(["tick", "--retries", "0", "--json"]).exits(0).json();
    assert!(told["backup"]["post"]["head"].is_string() && told["backup"]["push"].is_null());
    assert!(recorded(world.laptop())["backup"]["unpushed_since"].is_string());
}

#[test]
fn what_a_run_from_the_other_side_brought_is_in_the_snapshot_of_the_next_tick() {
    let world = backed_up();
    let tick = || world.laptop().run(["tick", "--retries", "0", "--json"]).exits(0).json();
    tick();
    world.server().write("notes/f", "from there");
    world.server().sync().exits(0);
    assert_eq!(git(&world, &["show", "HEAD:notes/f"]), "A", "the run waits for no snapshot here");
    let told = tick();
    assert!(told["backup"]["asked"]["head"].is_string(), "{told}");
    assert_eq!(git(&world, &["show", "HEAD:notes/f"]), "from there");
    assert_eq!(tick()["backup"], Value::Null);
}

#[test]
fn the_history_of_a_path_lists_what_only_git_has() {
    let world = backed_up();
    // A draft that no sync ever carried; only the snapshot around another one's arrival has it.
    world.laptop().write("notes/f", "a draft");
    world.server().write("notes/g", "from there");
    world.laptop().pull().exits(0);
    world.laptop().write("notes/f", "final");
    world.laptop().sync().exits(0);
    let told = world.laptop().run(["history", "notes/f", "--json"]).exits(0).json();
    // What stood before is kept by the sync, what stands there now is no former version.
    assert_eq!(told["git"].as_array().unwrap().len(), 1, "{told}");
    let row = &told["git"][0];
    assert_eq!(row["size"], 7);
    let commit = row["commit"].as_str().unwrap();
    assert_eq!(git(&world, &["show", &format!("{commit}:notes/f")]), "a draft");
    let page = world.laptop().run(["history", "notes/f"]);
    page.exits(0).says("Only in git:").says(&commit[..12]).says("backup restore");
    let restore = ["restore", "notes/f", "--at", &commit[..12], "-n"];
    world.laptop().run(restore).exits(0).says("notes/f");
    assert_eq!(fs::read(world.laptop().path("notes/f")).unwrap(), b"final");
    // Where git cannot be asked the rest is told all the same.
    program(&world, "git", "exit 1");
    let told = world.laptop().run(["history", "notes/f", "--json"]).exits(0).json();
    assert_eq!((told["git"].clone(), told["versions"].as_array().unwrap().len()), (json!([]), 1));
    world.laptop().run(restore).exits(2);
}

#[test]
fn the_doctor_looks_at_the_backup() {
    let world = backed_up();
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0);
    fs::write(world.laptop().path(".gitignore"), "*.hidden\n").unwrap();
    world.laptop().write("notes/x.hidden", "selected all the same");
    world
        .laptop()
        .write("vault/.obsidian/plugins/obsidian-git/data.json", r#"{"autoPullInterval": 10}"#);
    let check = |name: &str| {
        let told = world.laptop().run(["doctor", "--local", "--json"]).json();
        let all = told["findings"].as_array().unwrap().clone();
        all.into_iter().find(|finding| finding["check"] == name).unwrap_or_default()
    };
    assert_eq!(check("repository")["status"], "ok");
    assert_eq!(check("obsidian-git")["status"], "warning");
    let hidden = check("gitignore");
    assert_eq!(hidden["status"], "ok");
    assert!(hidden["message"].as_str().unwrap().contains("notes/x.hidden"), "{hidden}");
    fs::create_dir(PathBuf::from(repository(&world)).join("rebase-merge")).unwrap();
    assert_eq!(check("repository")["status"], "warning");
    crate::health::amend(world.laptop(), |health| {
        health["backup"]["failing_since"] = "2026-01-01T00:00:00Z".into();
    });
    assert_eq!(check("repository")["status"], "problem");
    program(&world, "git", "echo 'git version 1.9.1'");
    assert_eq!(check("git")["status"], "problem");
}

#[test]
fn a_merge_finds_the_agreed_version_in_git_where_the_sync_has_lost_it() {
    let world = backed_up();
    world.laptop().write("notes/plan", "one\ntwo\nthree\nfour\nfive\n");
    world.laptop().sync().exits(0);
    world.laptop().write("notes/plan", "one here\ntwo\nthree\nfour\nfive\n");
    world.server().write("notes/plan", "one\ntwo\nthree\nfour\nfive there\n");
    // The texts of what was agreed on, which merges need otherwise.
    let pairs =
        fs::read_dir(world.laptop().own("state")).unwrap().map(|entry| entry.unwrap().path());
    let mut lost = 0;
    for pair in pairs.filter(|path| path.is_dir()) {
        for file in fs::read_dir(pair).unwrap().map(|entry| entry.unwrap().path()) {
            if file.file_name().unwrap().to_string_lossy().starts_with("texts") {
                fs::remove_file(file).unwrap();
                lost += 1;
            }
        }
    }
    assert!(lost > 0);
    world.laptop().sync().exits(3);
    let broken = program(&world, "git", "exit 1");
    let refused = world.laptop().run(["resolve", "notes/plan", "--keep", "merge"]);
    assert_ne!(refused.code(), 0, "{}", refused.told());
    fs::remove_file(broken).unwrap();
    world.laptop().resolve(["notes/plan", "--keep", "merge"]).exits(0);
    let merged = "one here\ntwo\nthree\nfour\nfive there\n";
    for side in Side::BOTH {
        assert_eq!(fs::read_to_string(world.at(side).path("notes/plan")).unwrap(), merged);
    }
}
