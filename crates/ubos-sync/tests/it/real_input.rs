//! Real trees instead of made ones: the documentation of the Rust toolchain and the sources of this
//! program, over a real connection, compared byte for byte.
//!
//! Up to 15,000 files of the documentation take part; all of them with `UBOS_REAL_INPUT=all`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ubos_testkit::process::Outcome;
use ubos_testkit::sshd::Sshd;
use ubos_testkit::{Side, World};

use crate::BINARY;

/// Most files of the documentation, unless all are asked for.
const BOUND: usize = 15_000;

/// Where the toolchain keeps its documentation.
fn documentation() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let folder = Path::new(String::from_utf8(output.stdout).ok()?.trim()).join("share/doc");
    folder.is_dir().then_some(folder)
}

/// The files below `folder`, relative to it, in order; links and what they lead to are left out.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    fn walk(top: &Path, folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                walk(top, &entry.path(), found);
            } else if kind.is_file() {
                found.push(entry.path().strip_prefix(top).unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

/// The files of this repository that git knows, relative to its top.
fn sources() -> Option<(PathBuf, Vec<PathBuf>)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().ok()?;
    let output = Command::new("git").arg("-C").arg(&top).args(["ls-files", "-z"]).output().ok()?;
    let names = String::from_utf8(output.stdout).ok()?;
    let files: Vec<PathBuf> =
        names.split('\0').map(PathBuf::from).filter(|file| top.join(file).is_file()).collect();
    (!files.is_empty()).then_some((top, files))
}

fn copy(from: &Path, files: &[PathBuf], to: &Path) {
    for file in files {
        let target = to.join(file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(file), target).unwrap();
    }
}

/// Asserts that both sides hold the same files below `notes`, and returns how many.
fn compare(world: &World) -> usize {
    let [laptop, server] = Side::BOTH.map(|side| {
        let top = world.root(side).join("notes");
        let list = files_below(&top);
        list.into_iter().map(|file| (file.clone(), top.join(file))).collect::<BTreeMap<_, _>>()
    });
    assert!(laptop.keys().eq(server.keys()), "not the same names");
    for (name, path) in &laptop {
        assert!(fs::read(path).unwrap() == fs::read(&server[name]).unwrap(), "{}", name.display());
    }
    laptop.len()
}

/// One run from the laptop, unwatched: the watching eyes of the kit are slow on so many files.
fn sync(world: &World) -> Outcome {
    let outcome = world.laptop().run(["bidirectional", "--json"]);
    outcome.exits(0);
    outcome
}

fn actions(outcome: &Outcome) -> u64 {
    outcome.json()["totals"]["actions"].as_u64().unwrap()
}

#[test]
fn real_trees_arrive_byte_for_byte_and_stay_in_step() {
    let world = World::unpaired(BINARY);
    let Some(sshd) = Sshd::start(&world) else { return };
    let (laptop, server) = (world.root(Side::Laptop), world.root(Side::Server));
    // A pair first: of two folders that hardly belong together a guard would hold everything.
    let address = sshd.address(&world);
    world.laptop().run(["init", "--peer", &format!("balaur={address}")]).exits(0);
    sync(&world);
    match documentation() {
        Some(folder) => {
            let mut files = files_below(&folder);
            if std::env::var("UBOS_REAL_INPUT").as_deref() != Ok("all") {
                files.truncate(BOUND);
            }
            copy(&folder, &files, &laptop.join("notes/doc"));
        }
        None => eprintln!("skipped in part: this toolchain has no documentation"),
    }
    match sources() {
        // From the other side, so that both have much to send.
        Some((top, files)) => copy(&top, &files, &server.join("notes/sources")),
        None => eprintln!("skipped in part: these sources are no git checkout"),
    }
    let before = files_below(&laptop.join("notes")).len();
    let there = files_below(&server.join("notes/sources")).len();
    let first = sync(&world);
    assert_eq!(compare(&world), before + there, "{}", first.words());

    assert_eq!(actions(&sync(&world)), 0, "a second run does nothing");

    let list = files_below(&laptop.join("notes"));
    let some: Vec<&PathBuf> = list.iter().step_by(list.len() / 6 + 1).collect();
    fs::write(laptop.join("notes").join(some[0]), "edited here").unwrap();
    fs::write(server.join("notes").join(some[1]), "edited there").unwrap();
    fs::remove_file(laptop.join("notes").join(some[2])).unwrap();
    fs::rename(server.join("notes").join(some[3]), server.join("notes/moved")).unwrap();
    world.laptop().write("notes/new/one", "new");
    let edits = sync(&world);
    assert!((5..=8).contains(&actions(&edits)), "{}", edits.words());
    assert_eq!(compare(&world), list.len());
    assert_eq!(actions(&sync(&world)), 0);
}
