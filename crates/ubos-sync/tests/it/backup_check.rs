//! `backup check` and `backup hooks`: what is staged, pushed or on disk is examined, by hand and by
//! real git.

use std::ffi::OsString;
use std::process::{Command, Output};

use ubos_testkit::World;
use ubos_testkit::random::Dice;

use crate::BINARY;

/// Put together when the test runs, so that none stands here.
fn token() -> String {
    let mut dice = Dice::new(11);
    let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let body: String = (0..36).map(|_| char::from(*dice.pick(letters))).collect();
    ["gh", "p_"].concat() + &body
}

/// A world whose laptop has a repository with a first commit.
fn world() -> World {
    let world = World::agreed(BINARY);
    let laptop = world.laptop();
    git(&world, &["init", "--quiet", "-b", "main"]);
    git(&world, &["config", "user.name", "A"]);
    git(&world, &["config", "user.email", "a@example.org"]);
    laptop.write("notes/first.md", "# First\n");
    git(&world, &["add", "notes/first.md"]);
    git(&world, &["commit", "--quiet", "-m", "first"]);
    world
}

fn try_git(world: &World, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    let own = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_"));
    own.map(|(name, _)| name).collect::<Vec<OsString>>().iter().for_each(|name| {
        command.env_remove(name);
    });
    command.env("HOME", world.base()).env("XDG_CONFIG_HOME", world.base());
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
    command.current_dir(world.laptop().root()).args(args).output().unwrap()
}

fn git(world: &World, args: &[&str]) -> String {
    let output = try_git(world, args);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {words}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn rules(document: &serde_json::Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_staged_counts_and_not_what_stands_on_disk() {
    let world = world();
    let laptop = world.laptop();
    laptop.run(["backup", "check", "--staged"]).exits(0).says("Nothing is wrong");
    laptop.write("notes/secret.md", format!("one\n{}\n", token()));
    laptop.run(["backup", "check", "--staged"]).exits(0);
    git(&world, &["add", "notes/secret.md"]);
    // Mended on disk, and staged as it was.
    laptop.write("notes/secret.md", "one\n");
    let told = laptop.run(["backup", "check", "--staged"]);
    told.exits(3).says("notes/secret.md:2").says("github-token");
    assert!(!told.told().contains(&token()), "the secret itself is told");
    let document = laptop.run(["backup", "check", "--staged", "--json"]).json();
    assert_eq!(document["schema"], 1);
    assert_eq!(rules(&document), ["github-token"]);
    let finding = &document["findings"][0];
    assert_eq!((finding["line"].as_u64(), finding["severity"].as_str()), (Some(2), Some("error")));
    let allowed = format!("{} an old one\n", finding["fingerprint"].as_str().unwrap());
    laptop.write("config/backup_allow.conf", allowed + "nonsense\n");
    let told = laptop.run(["backup", "check", "--staged"]);
    told.exits(0).says("config/backup_allow.conf, line 2");
}

#[test]
fn every_check_has_its_file_and_line() {
    let world = world();
    let laptop = world.laptop();
    laptop.write("notes/a.json", "{\n\"a\": ");
    laptop.write("notes/b.yml", "a: 1\nb: c: d\n");
    laptop.write("notes/c.md", "---\na: 1\na: 2\n---\n[[First]] [[nowhere]] [x](d.md)\n");
    laptop.write("notes/.env", "A=1\n");
    laptop.write("notes/inner/x.md", "x");
    git(&world, &["init", "--quiet", "notes/inner"]);
    git(&world, &["-C", "notes/inner", "add", "x.md"]);
    git(
        &world,
        &["-C", "notes/inner", "-c", "user.name=A", "-c", "user.email=a@a", "commit", "-qm", "x"],
    );
    git(&world, &["-c", "advice.addEmbeddedRepo=false", "add", "notes"]);
    let document = laptop.run(["backup", "check", "--staged", "--json"]).json();
    let mut found: Vec<String> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            format!(
                "{}:{} {}",
                finding["path"].as_str().unwrap(),
                finding["line"],
                finding["rule"].as_str().unwrap()
            )
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "notes/.env:null env-file",
            "notes/a.json:2 torn-json",
            "notes/b.yml:2 yaml",
            "notes/c.md:3 front-matter",
            "notes/c.md:5 dead-link",
            "notes/c.md:5 dead-link",
            "notes/inner:null nested-repository",
        ]
    );
    let told = laptop.run(["backup", "check", "notes/c.md", "-q"]);
    told.exits(3).says("notes/c.md:3");
    assert!(!told.told().contains("dead-link"), "quiet tells errors alone");
    laptop.run(["backup", "check", "notes/first.md"]).exits(0);
    laptop.run(["backup", "check", "nowhere"]).exits(2).says("nothing that is shared");
    // Warnings alone are no reason to stop.
    laptop.write("notes/first.md", "[[nowhere]]\n");
    laptop.run(["backup", "check", "notes/first.md"]).exits(0).says("1 warning");
}

#[test]
fn commits_of_all_kinds_are_checked_by_the_hook() {
    let world = world();
    let laptop = world.laptop();
    laptop.run(["backup", "hooks", "install"]).exits(0).says("pre-commit  installed");
    laptop.run(["backup", "hooks", "install"]).exits(0).says("was installed already");
    laptop.write("notes/first.md", token());
    // Both commit from an index that is not the repository's own.
    for args in [["commit", "--quiet", "-am", "x"], ["commit", "-m", "x", "notes/first.md"]] {
        let output = try_git(&world, &args);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && words.contains("github-token"), "{args:?}: {words}");
    }
    laptop.write("notes/first.md", "well\n");
    git(&world, &["commit", "--quiet", "-am", "x"]);
    laptop.write("notes/first.md", token());
    git(&world, &["commit", "--quiet", "--no-verify", "-am", "x"]);
    laptop.run(["backup", "hooks", "remove"]).exits(0).says("pre-push    removed");
    assert!(!laptop.path(".git/hooks/pre-commit").exists());
}

#[test]
fn a_secret_that_a_later_commit_took_out_does_not_go_out() {
    let world = world();
    let laptop = world.laptop();
    let remote = world.base().join("remote.git");
    git(&world, &["init", "--quiet", "--bare", remote.to_str().unwrap()]);
    git(&world, &["remote", "add", "origin", remote.to_str().unwrap()]);
    laptop.run(["backup", "hooks", "install", "--pre-push-only"]).exits(0);
    git(&world, &["push", "--quiet", "origin", "main"]);
    git(&world, &["push", "--quiet", "origin", "main:other"]);
    laptop.write("notes/first.md", token());
    git(&world, &["commit", "--quiet", "-am", "in"]);
    laptop.write("notes/first.md", "out\n");
    git(&world, &["commit", "--quiet", "-am", "out"]);
    let refused = |args: &[&str]| {
        let output = try_git(&world, args);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && words.contains("github-token"), "{args:?}: {words}");
    };
    refused(&["push", "--quiet", "origin", "main"]);
    refused(&["push", "--quiet", "origin", "main:new"]);
    // A deletion brings nothing, and neither does what is there already.
    git(&world, &["push", "--quiet", "origin", ":other"]);
    git(&world, &["reset", "--quiet", "--hard", "HEAD~2"]);
    laptop.write("notes/second.md", "fine\n");
    git(&world, &["add", "notes/second.md"]);
    git(&world, &["commit", "--quiet", "-m", "fine"]);
    git(&world, &["push", "--quiet", "origin", "main"]);
    // Forced, over a commit that another clone pushed and that is not here.
    let clone = world.base().join("clone");
    git(
        &world,
        &["clone", "--quiet", "-b", "main", remote.to_str().unwrap(), clone.to_str().unwrap()],
    );
    let other = ["-c", "user.name=B", "-c", "user.email=b@b"];
    let at = ["-C", clone.to_str().unwrap()];
    git(
        &world,
        &[&at[..], &other, &["commit", "--quiet", "--allow-empty", "-m", "theirs"]].concat(),
    );
    git(&world, &[&at[..], &["push", "--quiet"]].concat());
    git(&world, &["push", "--quiet", "--force", "origin", "main"]);
}

#[test]
fn hooks_of_all_repositories_are_left_alone() {
    let world = world();
    let home = world.base().join("home");
    std::fs::create_dir_all(home.join("git")).unwrap();
    std::fs::write(home.join("git/config"), "[core]\n\thooksPath = /nonexistent/hooks\n").unwrap();
    world.set_env("XDG_CONFIG_HOME", &home);
    let told = world.laptop().run(["backup", "hooks", "install"]);
    told.exits(2).says("for all repositories").says("core.hooksPath");
}

#[test]
fn the_workflow_is_a_file_to_commit() {
    let world = world();
    let laptop = world.laptop();
    let told = laptop.run(["backup", "hooks", "install", "--workflow"]);
    told.exits(0).says("ubos-backup.yml; commit and push it");
    git(&world, &["add", ".github"]);
    laptop.run(["backup", "check", "--staged"]).exits(0);
    laptop.run(["backup", "hooks", "remove", "--workflow"]).exits(0);
    assert!(!laptop.path(".github/workflows/ubos-backup.yml").exists());
}

#[test]
fn without_a_repository_it_says_how_to_make_one() {
    let world = World::agreed(BINARY);
    world.laptop().run(["backup", "check", "--staged"]).exits(2).says("backup init");
    world.laptop().run(["backup", "hooks", "install"]).exits(2).says("is not a git repository");
    // Files can be checked without one.
    world.laptop().run(["backup", "check"]).exits(0);
}

#[test]
fn a_log_of_any_length_is_not_too_large() {
    let world = World::agreed(BINARY);
    let laptop = world.laptop();
    let config = std::fs::read_to_string(laptop.own("config.toml")).unwrap();
    let backup =
        "[backup]\nlogs = [\"*.events\"]\nsegment_above = \"1KiB\"\nmax_file_size = \"4KiB\"\n";
    std::fs::write(laptop.own("config.toml"), format!("{config}\n{backup}")).unwrap();
    laptop.write("notes/a.events", "event\n".repeat(1000));
    laptop.run(["backup", "check"]).exits(0);
    laptop.write("notes/a.txt", "event\n".repeat(1000));
    let document = laptop.run(["backup", "check", "--json"]).exits(3).json();
    assert_eq!(document["findings"][0]["path"], "notes/a.txt");
    assert_eq!(rules(&document).len(), 1);
}
