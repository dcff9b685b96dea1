//! The history goes to other places: to the mirror at the peer, beside its path or over ssh, and to a
//! remote behind the same sshd. Neither tree is ever touched by it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ubos_testkit::process::Outcome;
use ubos_testkit::proxy::Fault;
use ubos_testkit::sshd::Sshd;
use ubos_testkit::{Side, World};

use crate::{BINARY, agreed};

const MAIN: &str = "refs/heads/main";
const MANIFEST: &str = "refs/heads/ubos/manifest";

/// Runs git in `folder`, as nobody in particular; what it says.
fn git(world: &World, folder: &Path, args: &[&str]) -> String {
    let mut command = world.command(Path::new("git"));
    command.args(["-c", "user.name=Ana", "-c", "user.email=ana@example.org"]);
    let output = command.arg("-C").arg(folder).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// A repository in the laptop's tree, with a commit of a note.
fn with_repository(world: &World) {
    let root = world.root(Side::Laptop);
    git(world, &root, &["init", "--quiet", "--initial-branch=main"]);
    save(world, "first");
}

fn save(world: &World, message: &str) {
    let root = world.root(Side::Laptop);
    git(world, &root, &["add", "notes"]);
    git(world, &root, &["commit", "--quiet", "--allow-empty", "-m", message]);
}

/// Adds lines to the configuration of the laptop.
fn configure(world: &World, side: Side, lines: &str) {
    let path = world.at(side).own("config.toml");
    let mut file = fs::File::options().append(true).open(path).unwrap();
    writeln!(file, "\n[backup]\n{lines}").unwrap();
}

fn mirrors(home: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.join(".local/share/ubos-sync/mirrors")) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn the_mirror(home: &Path) -> PathBuf {
    let mirrors = mirrors(home);
    assert_eq!(mirrors.len(), 1, "{mirrors:?}");
    mirrors[0].clone()
}

/// Asserts that a repository has the laptop's branch as it is.
fn has_main(world: &World, there: &Path) {
    let ours = git(world, &world.root(Side::Laptop), &["rev-parse", MAIN]);
    assert_eq!(git(world, there, &["rev-parse", MAIN]), ours);
    git(world, there, &["fsck", "--full"]);
}

/// What was told of a place.
fn place<'a>(document: &'a Value, word: &str) -> &'a Value {
    let places = document["places"].as_array().unwrap();
    places.iter().find(|row| row["place"] == word).unwrap()
}

fn push(world: &World) -> Outcome {
    world.laptop().run(["backup", "push", "--json"])
}

/// A pair over ssh with a repository on the laptop.
fn over_ssh() -> Option<(World, Sshd)> {
    let world = World::unpaired(BINARY);
    let sshd = Sshd::start(&world)?;
    let peer = format!("balaur={}", sshd.address(&world));
    world.laptop().run(["init", "--peer", &peer]).exits(0);
    world.laptop().sync().exits(0);
    with_repository(&world);
    Some((world, sshd))
}

#[test]
fn a_path_peer_gets_a_mirror_beside_its_tree() {
    let world = agreed();
    with_repository(&world);
    let before = world.server().tree().to_string();
    let told = push(&world);
    told.exits(0);
    assert_eq!(place(&told.json(), "mirror")["outcome"], "given");
    let mirror = the_mirror(&world.base().join("home"));
    has_main(&world, &mirror);
    assert_eq!(world.server().tree().to_string(), before, "the tree is the sync's alone");
    world.laptop().run(["backup", "push"]).exits(0).says("balaur (mirror): has everything");
    world.laptop().run(["backup", "push", "--if-due"]).exits(0);
    world.server().run(["backup", "push"]).exits(2).says("on the other machine");
    world.laptop().sync().exits(0).clean();
}

#[test]
fn without_a_repository_or_a_place_the_next_step_is_told() {
    let world = agreed();
    let told = push(&world);
    told.exits(2).says("backup init");
    assert_eq!(told.json()["error"]["kind"], "no-repository");
    with_repository(&world);
    configure(&world, Side::Laptop, "mirror = false");
    world.laptop().run(["backup", "push"]).exits(0).says("no place");
    world.laptop().run(["backup", "push", "--to", "remote"]).exits(2).says("no remote");
}

#[test]
fn a_commit_at_the_remote_is_kept_told_and_settled_by_joining() {
    let world = agreed();
    with_repository(&world);
    let remote = world.base().join("remote.git");
    git(
        &world,
        world.base(),
        &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"],
    );
    configure(&world, Side::Laptop, &format!("mirror = false\nremote = \"{}\"", remote.display()));
    push(&world).exits(0);
    let other = world.base().join("clone");
    git(&world, world.base(), &["clone", "--quiet", "remote.git", "clone"]);
    fs::write(other.join("notes/website.md"), "written elsewhere").unwrap();
    git(&world, &other, &["add", "."]);
    git(&world, &other, &["commit", "--quiet", "-m", "theirs"]);
    git(&world, &other, &["push", "--quiet"]);
    let theirs = git(&world, &other, &["rev-parse", "HEAD"]);
    world.laptop().write("notes/f", "B");
    save(&world, "ours");
    let told = world.laptop().run(["backup", "push"]);
    told.exits(3).says("went another way there").says("backup push --join");
    assert_eq!(git(&world, &remote, &["rev-parse", MAIN]), theirs);
    let told = push(&world);
    told.exits(3);
    let row = place(&told.json(), "remote")["diverged"][0].clone();
    assert_eq!(row["relation"], "diverged");
    let kept = row["kept_here"].as_str().unwrap();
    let root = world.root(Side::Laptop);
    assert_eq!(git(&world, &root, &["rev-parse", kept]), theirs);
    let index = git(&world, &root, &["status", "--porcelain", "notes"]);
    world.laptop().run(["backup", "push", "--join"]).exits(0).says("joined: refs/heads/main");
    has_main(&world, &remote);
    git(&world, &remote, &["merge-base", "--is-ancestor", &theirs, MAIN]);
    let after = git(&world, &root, &["status", "--porcelain", "notes"]);
    assert_eq!(index, after, "neither the index nor the work tree moved");
}

#[test]
fn a_mirror_and_a_remote_over_ssh_get_what_is_new() {
    let Some((world, sshd)) = over_ssh() else {
        return;
    };
    let remote = world.base().join("remote.git");
    git(
        &world,
        world.base(),
        &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"],
    );
    configure(&world, Side::Laptop, &format!("remote = \"balaur:{}\"", remote.display()));
    let before = world.server().tree().to_string();
    let told = push(&world);
    told.exits(0);
    for word in ["mirror", "remote"] {
        assert_eq!(place(&told.json(), word)["outcome"], "given", "{}", told.told());
    }
    assert!(mirrors(&world.base().join("home")).is_empty(), "it is at the peer");
    let mirror = the_mirror(&sshd.home());
    for there in [&mirror, &remote] {
        has_main(&world, there);
    }
    world.laptop().write("notes/f", "B");
    save(&world, "second");
    push(&world).exits(0);
    for there in [&mirror, &remote] {
        has_main(&world, there);
    }
    assert_eq!(world.server().tree().to_string(), before);
}

#[test]
fn what_cannot_be_reached_is_told_without_a_question_and_arrives_later() {
    let Some((world, sshd)) = over_ssh() else {
        return;
    };
    let cause = |kind: &str, part: &str| {
        let told = push(&world);
        let document = told.json();
        let row = place(&document, "mirror");
        assert_eq!(row["error"]["kind"], kind, "{}", told.told());
        assert!(row["error"]["message"].as_str().unwrap().contains(part), "{}", told.told());
        assert!(row["unpushed_since"].is_string(), "{}", told.told());
        told.code()
    };
    sshd.change_known_host();
    assert_eq!(cause("host-key", "host key"), 5);
    sshd.restore_known_host();
    sshd.remove_agent();
    assert_eq!(cause("agent-missing", "not installed there"), 5);
    sshd.install_agent("Welcome to balaur");
    assert_eq!(cause("noise", "prints something"), 1);
    sshd.install_agent("");
    sshd.proxy.set(Fault::CutAfter(3_000));
    assert_eq!(cause("unreachable", "balaur"), 5);
    for number in 0..5 {
        world.laptop().write("notes/f", format!("day {number}"));
        save(&world, &format!("day {number}"));
        // The back-off holds: nothing is tried again so soon.
        let told = world.laptop().run(["backup", "push", "--if-due", "--json"]);
        assert_eq!(place(&told.json(), "mirror")["outcome"], "not-due", "{}", told.told());
    }
    sshd.proxy.set(Fault::None);
    let told = push(&world);
    told.exits(0);
    let document = told.json();
    let row = place(&document, "mirror");
    assert_eq!((&row["snapshots"], &row["failures"]), (&6.into(), &0.into()));
    has_main(&world, &the_mirror(&sshd.home()));
}

#[test]
fn a_daemon_that_is_gone_fails_no_sync_and_no_other_place() {
    let Some((world, mut sshd)) = over_ssh() else {
        return;
    };
    git(
        &world,
        world.base(),
        &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"],
    );
    let remote = world.base().join("remote.git");
    configure(&world, Side::Laptop, &format!("remote = \"{}\"", remote.display()));
    sshd.stop();
    let told = push(&world);
    told.exits(5);
    assert_eq!(place(&told.json(), "remote")["outcome"], "given");
    has_main(&world, &remote);
}

#[test]
fn a_program_that_init_installed_is_found() {
    let Some((world, sshd)) = over_ssh() else {
        return;
    };
    let home = sshd.home().join(".local/bin");
    fs::create_dir_all(&home).unwrap();
    ubos_testkit::script::copy_program(Path::new(BINARY), &home.join("ubos-sync"));
    sshd.remove_agent();
    push(&world).exits(0);
    has_main(&world, &the_mirror(&sshd.home()));
}

#[test]
fn the_far_end_serves_nothing_but_mirrors() {
    let world = agreed();
    let outside = world.root(Side::Server).display().to_string();
    let id = "0123456789abcdef0123456789abcdef";
    let climbing = format!("/../{id}");
    for word in ["receive-pack", "upload-pack"] {
        for bad in ["/", "/etc", "..", outside.as_str(), climbing.as_str(), "/0123"] {
            let told = world.server().run(["backup", word, bad]);
            told.exits(2).says("not the id of a pair");
            assert!(told.stdout.is_empty());
        }
    }
    world.server().run(["backup", "upload-pack", &format!("/{id}")]).exits(2).says("no mirror");
    assert!(mirrors(&world.base().join("home")).is_empty());
}

/// A manifest as the laptop's snapshots end with one; `files` are path, content hash and time.
fn manifest(world: &World, generation: u64, files: &[(&str, &str, i64)]) {
    let root = world.root(Side::Laptop);
    let snapshot = git(world, &root, &["rev-parse", MAIN]);
    let folder = world.base().join("manifest");
    let _ = fs::remove_dir_all(&folder);
    for (path, digest, mtime) in files {
        let (dir, name) = path.rsplit_once('/').unwrap();
        let list = dir.split('/').map(|name| format!("={name}")).collect::<Vec<_>>().join("/");
        let list = folder.join("tree").join(list).join("entries");
        fs::create_dir_all(list.parent().unwrap()).unwrap();
        let line = serde_json::json!({
            "name": name, "kind": "file", "size": 0, "blake3": digest, "kept": "snapshot",
            "mode": "644", "mtime": mtime,
        });
        let mut file = fs::File::options().create(true).append(true).open(list).unwrap();
        writeln!(file, "{line}").unwrap();
    }
    let about = serde_json::json!({
        "schema": 1, "territory": "localhost", "pair": "x", "snapshot": snapshot,
        "generation": generation, "made": "2026-11-22T12:00:00Z", "files": files.len(),
        "bytes": 0, "gaps": {},
    });
    fs::write(folder.join("about.json"), about.to_string()).unwrap();
    git(world, &folder, &["init", "--quiet"]);
    git(world, &folder, &["add", "."]);
    git(world, &folder, &["commit", "--quiet", "-m", "snapshot"]);
    let spec = format!("+HEAD:{MANIFEST}");
    git(world, &folder, &["push", "--quiet", root.to_str().unwrap(), &spec]);
}

#[test]
fn the_server_shows_how_its_tree_relates_to_the_mirror() {
    let world = agreed();
    with_repository(&world);
    world.server().run(["backup", "mirror"]).exits(3).says("none yet");
    const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    world.laptop().write("notes/empty", "");
    world.laptop().sync().exits(0);
    let old = 1_000_000_000;
    let new = 4_000_000_000_000_000_000;
    manifest(
        &world,
        2,
        &[
            ("notes/empty", EMPTY, old),
            ("notes/f", EMPTY, old),
            ("notes/g", EMPTY, new),
            ("notes/gone", EMPTY, old),
        ],
    );
    push(&world).exits(0);
    let before = world.server().tree().to_string();
    let told = world.server().run(["backup", "mirror", "status", "--json"]);
    told.exits(0);
    let document = told.json();
    let tree = &document["tree"];
    assert_eq!(tree["equal"], 1);
    assert!(tree["newer"].as_array().unwrap().contains(&"notes/f".into()), "{}", told.told());
    assert_eq!(tree["older"], serde_json::json!(["notes/g"]));
    assert_eq!(tree["missing"], serde_json::json!(["notes/gone"]));
    assert_eq!(document["newest"]["generation"], 2);
    let told = world.server().run(["backup", "mirror"]);
    told.exits(0).says("1 path older here").says("newest snapshot");
    assert_eq!(world.server().tree().to_string(), before);
}

#[test]
fn a_tree_that_something_pulls_into_is_warned_of() {
    let world = agreed();
    with_repository(&world);
    manifest(&world, 1, &[("notes/f", "00", 1)]);
    push(&world).exits(0);
    let root = world.root(Side::Server);
    git(&world, &root, &["init", "--quiet", "--initial-branch=main"]);
    git(&world, &root, &["remote", "add", "origin", "git@github.com:me/vault.git"]);
    world.server().run(["backup", "mirror"]).exits(0);
    git(&world, &root, &["config", "branch.main.remote", "origin"]);
    world.server().run(["backup", "mirror"]).exits(3).says("--unset-upstream main");
    let told = world.server().run(["backup", "mirror", "--json"]);
    assert_eq!(told.json()["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn the_server_fetches_from_the_remote_while_the_laptop_is_away() {
    let world = agreed();
    with_repository(&world);
    git(
        &world,
        world.base(),
        &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"],
    );
    let remote = world.base().join("remote.git");
    configure(&world, Side::Laptop, &format!("mirror = false\nremote = \"{}\"", remote.display()));
    push(&world).exits(0);
    let fetch = || world.server().run(["backup", "mirror", "fetch", "--json"]);
    fetch().exits(2).says("no remote to fetch from");
    configure(&world, Side::Server, &format!("remote = \"{}\"", remote.display()));
    let told = fetch();
    told.exits(0);
    assert_eq!(told.json()["news"][0]["branch"], MAIN);
    let mirror = the_mirror(&world.base().join("home"));
    has_main(&world, &mirror);
    fs::rename(&remote, world.base().join("unplugged")).unwrap();
    let told = fetch();
    told.exits(1).says("no repository at");
    has_main(&world, &mirror);
}

#[test]
fn both_machines_maintain_what_they_have() {
    let world = agreed();
    with_repository(&world);
    world.server().run(["backup", "maintain"]).exits(2).says("no mirror");
    push(&world).exits(0);
    let told = world.laptop().run(["backup", "maintain", "--full", "--json"]);
    told.exits(0);
    let document = told.json();
    let rows = document["repositories"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["repository"].as_str().unwrap()).collect();
    assert_eq!(names, ["repository", "mirror"], "of a path peer both are here");
    assert_eq!(rows[0]["after"]["loose"], 0);
    let told = world.server().run(["backup", "maintain"]);
    told.exits(0).says("mirror: sound");
    world.server().run(["backup", "maintain", "--if-due"]).exits(0).says("nothing is due");
    // In the middle of a merge it waits.
    let root = world.root(Side::Laptop);
    let head = git(&world, &root, &["rev-parse", "HEAD"]);
    fs::write(root.join(".git/MERGE_HEAD"), head).unwrap();
    world.laptop().run(["backup", "maintain"]).exits(3).says("a merge is under way");
}

#[test]
fn a_repository_that_is_damaged_is_told_and_not_touched() {
    let world = agreed();
    with_repository(&world);
    let root = world.root(Side::Laptop);
    let blob = git(&world, &root, &["rev-parse", "HEAD:notes/f"]);
    let file = root.join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    fs::remove_file(&file).unwrap();
    let told = world.laptop().run(["backup", "maintain"]);
    told.exits(1).says("damaged, nothing was changed").says(&blob);
}
