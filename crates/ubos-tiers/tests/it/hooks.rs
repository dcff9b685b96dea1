//! Hooks in real repositories, with real commits and pushes: those that were there keep working, a
//! finding stops a commit, and nothing else ever does.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ubos_tiers::git::command::clean;
use ubos_tiers::git::hooks::{self, Done, Hook, Outcome};
use ubos_tiers::git::repository::Repository;

/// A territory with a repository, and a program that stands in for `ubos-sync`.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(place.root().join(".ubos-sync")).unwrap();
        fs::write(place.root().join(".ubos-sync/.gitignore"), "*\n").unwrap();
        place.says(0);
        place.git(&["init", "--quiet", "-b", "main"]);
        place.git(&["config", "user.name", "A"]);
        place.git(&["config", "user.email", "a@example.org"]);
        place
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("it's a root")
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("bin/ubos-sync")
    }

    /// From now on the program ends with `code`; it notes how it was called and what it was told.
    fn says(&self, code: u8) {
        let noted = self.folder.path().join("noted");
        let text = format!(
            "{{ echo \"$@\"; case \"$*\" in *outgoing*) cat;; esac; }} >> '{}'; exit {code}",
            noted.display()
        );
        script(&self.program(), &text);
    }

    fn noted(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap_or_default()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        clean(&mut command);
        // A repository of its own, whatever the user has set; and a PATH without ubos-sync.
        command.env("HOME", self.folder.path()).env("XDG_CONFIG_HOME", self.folder.path());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("PATH", "/usr/bin:/bin");
        command.current_dir(self.root()).args(args);
        command
    }

    fn try_git(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {words}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned() + &words
    }

    fn commit(&self) -> Output {
        self.try_git(&["commit", "--quiet", "--allow-empty", "-m", "x"])
    }

    fn repository(&self) -> Repository {
        Repository::open(&self.root()).unwrap()
    }

    fn install(&self) -> Vec<Done> {
        hooks::install(&self.repository(), &self.program(), &Hook::ALL).unwrap()
    }

    fn remove(&self) -> Vec<Done> {
        hooks::remove(&self.repository(), &Hook::ALL).unwrap()
    }

    fn hook(&self, name: &str) -> PathBuf {
        self.root().join(".git/hooks").join(name)
    }
}

fn script(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn outcomes(done: &[Done]) -> Vec<Outcome> {
    done.iter().map(|one| one.outcome).collect()
}

#[test]
fn a_finding_stops_a_commit_and_nothing_else_does() {
    let place = Place::new();
    place.install();
    assert!(place.commit().status.success());
    assert_eq!(place.noted("noted"), "--root . backup check --staged\n");
    place.says(3);
    let stopped = place.commit();
    assert!(!stopped.status.success());
    assert!(words(&stopped).contains("git commit --no-verify"), "{}", words(&stopped));
    let past = place.try_git(&["commit", "--quiet", "--allow-empty", "--no-verify", "-m", "x"]);
    assert!(past.status.success());
    for code in [1, 2, 5, 101] {
        place.says(code);
        let commit = place.commit();
        assert!(commit.status.success(), "{code}");
        assert!(words(&commit).contains("could not check this commit"), "{}", words(&commit));
    }
    place.says(130);
    assert!(!place.commit().status.success(), "Ctrl-C");
}

#[test]
fn a_missing_program_never_stops_a_commit() {
    let place = Place::new();
    place.install();
    fs::remove_file(place.program()).unwrap();
    let commit = place.commit();
    assert!(commit.status.success());
    assert!(words(&commit).contains("no longer where it was"), "{}", words(&commit));
    // Where the program has moved, it is found by the PATH.
    let other = place.folder.path().join("elsewhere/ubos-sync");
    script(&other, "exit 3");
    let path = format!("{}:/usr/bin:/bin", other.parent().unwrap().display());
    let args = ["commit", "--quiet", "--allow-empty", "-m", "x"];
    assert!(!place.command(&args).env("PATH", path).status().unwrap().success());
}

#[test]
fn installing_and_removing_again_changes_nothing() {
    let place = Place::new();
    assert_eq!(outcomes(&place.install()), [Outcome::Installed; 2]);
    assert_eq!(outcomes(&place.install()), [Outcome::Unchanged; 2]);
    let old = fs::read_to_string(place.hook("pre-push")).unwrap() + "# of an older version\n";
    fs::write(place.hook("pre-push"), old).unwrap();
    fs::set_permissions(place.hook("pre-commit"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(outcomes(&place.install()), [Outcome::Updated; 2]);
    assert_eq!(place.hook("pre-commit").metadata().unwrap().mode() & 0o777, 0o755);
    assert_eq!(outcomes(&place.remove()), [Outcome::Removed; 2]);
    assert_eq!(outcomes(&place.remove()), [Outcome::Absent; 2]);
    assert!(!place.hook("pre-commit").exists() && !place.hook("pre-push").exists());
}

#[test]
fn the_former_hook_is_called_first_and_comes_back_as_it_was() {
    let place = Place::new();
    let seen = place.folder.path().join("seen");
    let text = format!(
        "echo \"former $*\" >> '{0}'; cat >> '{0}'; exit $(cat '{0}.code')",
        seen.display()
    );
    for name in ["pre-commit", "pre-push"] {
        script(&place.hook(name), &text);
    }
    fs::write(place.folder.path().join("seen.code"), "0").unwrap();
    let before = fs::metadata(place.hook("pre-commit")).unwrap();
    let done = place.install();
    assert_eq!(
        done[0].former,
        Some(place.repository().common().join("hooks/pre-commit.before-ubos-sync"))
    );
    assert!(place.commit().status.success());
    assert_eq!(place.noted("seen"), "former \n");
    fs::write(place.folder.path().join("seen.code"), "9").unwrap();
    fs::remove_file(place.folder.path().join("noted")).unwrap();
    assert!(!place.commit().status.success(), "its exit code counts");
    assert_eq!(place.noted("noted"), "", "and ours is not asked any more");
    // Installing again does not chain ours to itself.
    assert_eq!(outcomes(&place.install()), [Outcome::Unchanged; 2]);
    place.remove();
    let after = fs::metadata(place.hook("pre-commit")).unwrap();
    assert_eq!(
        (after.ino(), after.mode(), after.mtime()),
        (before.ino(), before.mode(), before.mtime())
    );
    assert!(!place.hook("pre-commit.before-ubos-sync").exists());
}

#[test]
fn a_push_tells_both_hooks_the_same() {
    let place = Place::new();
    let remote = place.folder.path().join("remote.git");
    let seen = place.folder.path().join("seen");
    place.git(&["init", "--quiet", "--bare", remote.to_str().unwrap()]);
    place.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
    script(&place.hook("pre-push"), &format!("cat > '{}'", seen.display()));
    place.install();
    assert!(place.commit().status.success());
    fs::remove_file(place.folder.path().join("noted")).unwrap();
    place.git(&["push", "--quiet", "origin", "main"]);
    let lines = place.noted("seen");
    assert!(lines.starts_with("refs/heads/main "), "{lines}");
    assert_eq!(place.noted("noted"), format!("--root . backup check --outgoing=origin\n{lines}"));
    place.says(3);
    assert!(place.commit().status.code() == Some(1));
    place.says(0);
    assert!(place.commit().status.success());
    place.says(3);
    assert!(!place.try_git(&["push", "--quiet", "origin", "main"]).status.success());
    assert!(place.try_git(&["push", "--quiet", "--no-verify", "origin", "main"]).status.success());
    // Nothing to push: git asks all the same, with nothing to tell.
    place.says(0);
    place.git(&["push", "--quiet", "origin", "main"]);
}

#[test]
fn hooks_go_where_git_looks_for_them() {
    let place = Place::new();
    place.git(&["config", "core.hooksPath", "tools/hooks"]);
    place.install();
    assert!(place.root().join("tools/hooks/pre-commit").is_file());
    place.says(3);
    assert!(!place.commit().status.success());
}

#[test]
fn a_folder_that_the_repositorys_own_settings_include_is_its_own() {
    let place = Place::new();
    let elsewhere = place.folder.path().join("elsewhere");
    let config = format!("[core]\n\thooksPath = {}\n", elsewhere.display());
    fs::write(place.root().join(".git/extra"), config).unwrap();
    place.git(&["config", "include.path", "extra"]);
    assert_eq!(outcomes(&place.install()), [Outcome::Installed; 2]);
    assert!(elsewhere.join("pre-commit").is_file());
}

#[test]
fn huskys_hooks_keep_their_name() {
    let place = Place::new();
    let husky = place.root().join(".husky/_");
    script(&husky.join("pre-commit"), ". \"$(dirname \"$0\")/h\"");
    let h = "n=$(basename \"$0\")\ns=$(dirname \"$(dirname \"$0\")\")/$n\n[ ! -f \"$s\" ] && exit 0\nsh -e \"$s\" \"$@\"\nexit $?";
    fs::write(husky.join("h"), h).unwrap();
    let seen = place.folder.path().join("seen");
    script(
        &place.root().join(".husky/pre-commit"),
        &format!("echo ran > '{}'; exit 7", seen.display()),
    );
    place.git(&["config", "core.hooksPath", ".husky/_"]);
    assert!(!place.commit().status.success());
    assert_eq!(place.noted("seen"), "ran\n");
    fs::remove_file(&seen).unwrap();
    place.install();
    assert!(!place.commit().status.success(), "the user's own hook still decides");
    assert_eq!(place.noted("seen"), "ran\n");
    // husky writes its hook anew; installing once more puts ours before it again.
    script(&husky.join("pre-commit"), ". \"$(dirname \"$0\")/h\"");
    assert_eq!(place.install()[0].outcome, Outcome::Installed);
    place.remove();
    assert!(fs::read_to_string(husky.join("pre-commit")).unwrap().contains("/h\""));
}

#[test]
fn links_move_and_strangers_are_not_overwritten() {
    let place = Place::new();
    script(&place.root().join("tools/check"), "exit 9");
    fs::remove_dir_all(place.hook("")).unwrap();
    fs::create_dir(place.hook("")).unwrap();
    symlink("../../tools/check", place.hook("pre-commit")).unwrap();
    place.install();
    assert!(!place.commit().status.success(), "the link still leads there");
    fs::remove_file(place.hook("pre-commit")).unwrap();
    script(&place.hook("pre-commit"), "exit 0");
    let error = hooks::install(&place.repository(), &place.program(), &Hook::ALL).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(fs::read_to_string(place.hook("pre-commit")).unwrap().contains("exit 0"));
    assert!(place.hook("pre-commit.before-ubos-sync").symlink_metadata().unwrap().is_symlink());
}

#[test]
fn another_work_tree_is_not_checked() {
    let place = Place::new();
    assert!(place.commit().status.success());
    place.install();
    place.says(3);
    let other = place.folder.path().join("other");
    place.git(&["worktree", "add", "--quiet", "-b", "side", other.to_str().unwrap()]);
    let args = ["commit", "--quiet", "--allow-empty", "-m", "x"];
    assert!(place.command(&args).current_dir(&other).status().unwrap().success());
}
