//! Random histories: after each snapshot the commit holds what stands on disk at the selected paths,
//! and outside of them exactly what it held before.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use ubos_core::entry::Digest;
use ubos_testkit::random::Dice;
use ubos_tiers::git::manifest::{Kept, What};

use crate::place::{Files, Place};

const NAMES: [&str; 8] = ["a", "b", "c.md", "d \u{103}", "e\n", "-f", "g/h", "g/i/j"];
const FOLDERS: [&str; 5] = ["notes", "kept", "theirs", "elsewhere", "notes/deep"];

#[test]
fn a_snapshot_is_what_stands_there() {
    let seeds = std::env::var("UBOS_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    for seed in 0..seeds {
        play(seed);
    }
}

fn play(seed: u64) {
    eprintln!("seed {seed}");
    let mut dice = Dice::new(seed);
    let place = Place::new();
    place.write("elsewhere/tracked", "as committed");
    place.user_commit("mine");
    let mut outside = outside(&place.tree("main"));
    for step in 0..14 {
        for _ in 0..=dice.below(6) {
            edit(&place, &mut dice);
        }
        match dice.below(10) {
            0 => {
                place.user_commit("the user's");
                outside = self::outside(&place.tree("main"));
            }
            1 => place.git(["add", "--all"]).clear(),
            2 => drop(fs::remove_dir_all(place.path(".ubos-sync/state/backup"))),
            3 => drop(fs::remove_file(place.path(".git/index"))),
            _ => {}
        }
        let snapshot = place.snapshot();
        let tree = place.tree("main");
        assert_eq!(inside(&tree), on_disk(&place), "seed {seed}, step {step}");
        assert_eq!(self::outside(&tree), outside, "seed {seed}, step {step}: outside");
        assert!(snapshot.gaps.is_empty(), "seed {seed}, step {step}: {:?}", snapshot.gaps);
        check_manifest(&place, &tree, seed, step);
        let again = place.snapshot();
        assert!(again.commits.is_empty(), "seed {seed}, step {step}: not at rest");
        assert_eq!(again.manifest, snapshot.manifest, "seed {seed}, step {step}");
    }
    place.git(["fsck", "--strict"]);
}

fn edit(place: &Place, dice: &mut Dice) {
    let path = format!("{}/{}", dice.pick(&FOLDERS), dice.pick(&NAMES));
    let full = place.path(&path);
    // Whatever stands in the way of a folder goes.
    for above in full.ancestors().skip(1).take_while(|above| *above != place.root()) {
        if above.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            fs::remove_file(above).unwrap();
        }
    }
    if let Ok(found) = full.symlink_metadata() {
        match dice.below(4) {
            0 if found.is_file() => {
                let mode = if found.mode() & 0o100 == 0 { 0o755 } else { 0o600 };
                return fs::set_permissions(&full, fs::Permissions::from_mode(mode)).unwrap();
            }
            1 => return place.remove(&path),
            _ => place.remove(&path),
        }
    }
    match dice.below(8) {
        0 => {
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            symlink(format!("to-{}", dice.below(3)), full).unwrap();
        }
        1 => fs::create_dir_all(full).unwrap(),
        _ => place.write(&path, format!("{}\n", dice.below(5)).repeat(dice.below(40))),
    }
}

fn is_selected(path: &[u8]) -> bool {
    [&b"notes/"[..], b"kept/", b"theirs/", b"logs/", b"config/sync_"]
        .iter()
        .any(|folder| path.starts_with(folder))
}

fn inside(tree: &Files) -> Files {
    tree.iter().filter(|(path, _)| is_selected(path)).map(owned).collect()
}

fn outside(tree: &Files) -> Files {
    tree.iter().filter(|(path, _)| !is_selected(path)).map(owned).collect()
}

fn owned((path, entry): (&Vec<u8>, &(u32, Vec<u8>))) -> (Vec<u8>, (u32, Vec<u8>)) {
    (path.clone(), entry.clone())
}

/// What stands at the selected paths, by a walk of its own.
fn on_disk(place: &Place) -> Files {
    let mut files = Files::new();
    let mut folders = vec![place.root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(place.root()).unwrap().as_os_str();
            let name = name.as_encoded_bytes().to_vec();
            let found = path.symlink_metadata().unwrap();
            if found.is_symlink() {
                let text = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
                files.insert(name, (0o120_000, text));
            } else if found.is_dir() {
                if name != b".git" && name != b".ubos-sync" {
                    folders.push(path);
                }
            } else {
                let mode = if found.mode() & 0o100 == 0 { 0o100_644 } else { 0o100_755 };
                files.insert(name, (mode, fs::read(&path).unwrap()));
            }
        }
    }
    inside(&files)
}

/// The manifest names every file with its hash, every folder, mode and time.
fn check_manifest(place: &Place, tree: &Files, seed: u64, step: usize) {
    let manifest = place.manifest();
    let mut named = BTreeMap::new();
    for (path, entry) in &manifest {
        let found = place.path(path.as_bytes()).symlink_metadata().unwrap();
        let at = format!("seed {seed}, step {step}: {path}");
        assert_eq!(entry.permissions(), Some(found.mode() & 0o7777), "{at}");
        let mtime = found.mtime() * 1_000_000_000 + found.mtime_nsec();
        assert_eq!(entry.mtime, mtime, "{at}");
        match &entry.what {
            What::Dir => assert!(found.is_dir(), "{at}"),
            What::File { size, blake3, kept } => {
                assert_eq!((*size, kept), (found.len(), &Kept::Snapshot), "{at}");
                named.insert(path.as_bytes().to_vec(), blake3.clone());
            }
            What::Symlink { kept } => {
                assert_eq!(kept, &Kept::Snapshot, "{at}");
                let text = fs::read_link(place.path(path.as_bytes())).unwrap();
                let text = text.into_os_string().into_encoded_bytes();
                named.insert(path.as_bytes().to_vec(), Digest::of(&text).to_hex());
            }
        }
    }
    let held: BTreeMap<_, _> = inside(tree)
        .into_iter()
        .map(|(path, (_, content))| (path, Digest::of(&content).to_hex()))
        .collect();
    assert_eq!(named, held, "seed {seed}, step {step}");
}
