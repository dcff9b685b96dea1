//! `Trio`: a laptop with snapshots, a remote, and a server whose mirror is one more bare repository;
//! and what a drill says of each that is left.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ubos_core::manifest::ManifestPaths;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::backup::Layout;
use ubos_engine::state::config::limits::Written;
use ubos_tiers::git::command::Git;
use ubos_tiers::git::coverage::class::Classes;
use ubos_tiers::git::coverage::place as where_it_is;
use ubos_tiers::git::drill::survivor;
use ubos_tiers::git::drill::verdict::{Known, Reference, Verdict, judge};
use ubos_tiers::git::drill::workshop::Workshop;
use ubos_tiers::git::manifests;
use ubos_tiers::git::remote::place as remote_place;
use ubos_tiers::git::rivals::Rivals;
use ubos_tiers::git::shelf::Shelf;

use crate::place::{Place, rel};

/// A log above this many bytes is kept in segments.
const SEGMENT: usize = 64 << 10;

pub(crate) struct Trio {
    pub(crate) laptop: Place,
    /// The server's tree.
    server: PathBuf,
}

impl Trio {
    /// A laptop with one of everything, a snapshot of it, and a copy of that everywhere.
    pub(crate) fn new() -> Self {
        Self::laid_out(Layout::Single)
    }

    /// As [`Trio::new`], with the server's files where `layout` says.
    pub(crate) fn laid_out(layout: Layout) -> Self {
        let mut laptop = Place::new();
        laptop.settings.layout = layout;
        laptop.settings.segment_above = Some(size("64KiB"));
        laptop.settings.max_file_size = Some(size("1MiB"));
        laptop.write("notes/a.md", "a\n");
        laptop.write("notes/run.sh", "#!/bin/sh\n");
        fs::set_permissions(laptop.path("notes/run.sh"), Permissions::from_mode(0o750)).unwrap();
        laptop.write("notes/odd\nname \u{e9}.md", "odd\n");
        laptop.write(b"notes/\xff.md", "bytes\n");
        symlink("a.md", laptop.path("notes/link")).unwrap();
        fs::create_dir_all(laptop.path("notes/empty/inner")).unwrap();
        laptop.write("theirs/report.md", "made over there\n");
        laptop.write("logs/events.jsonl", log(3 * SEGMENT));
        age(&laptop.path("notes/a.md"), 1_600_000_000);
        age(&laptop.path("notes/empty/inner"), 1_500_000_000);
        let trio = Self { server: laptop.beside("server"), laptop };
        for name in ["remote.git", "mirror.git"] {
            let made = trio.laptop.beside(name);
            trio.laptop.git(["init", "--quiet", "--bare", made.to_str().unwrap()]);
        }
        trio.laptop.snapshot();
        trio.give("remote.git");
        trio.give("mirror.git");
        trio.sync();
        trio
    }

    /// Gives a repository everything that is new.
    pub(crate) fn give(&self, name: &str) {
        let there = self.laptop.beside(name);
        self.laptop.git(["push", "--quiet", there.to_str().unwrap(), "refs/heads/*:refs/heads/*"]);
    }

    /// Brings the laptop's tree to the server, times and modes included.
    pub(crate) fn sync(&self) {
        let _ = fs::remove_dir_all(&self.server);
        copy(&self.laptop.root(), &self.server);
    }

    pub(crate) fn bare(&self, name: &str) -> Git {
        Git::at(self.laptop.beside(name))
    }

    pub(crate) fn on_server(&self, path: &str) -> PathBuf {
        self.server.join(path)
    }

    fn reference(&self) -> Reference {
        let git = self.laptop.plumbing();
        let (about, manifest) = manifests::newest(&git).unwrap().unwrap();
        let paths = Shelf::open(&git, &manifest).unwrap().forms().unwrap();
        Reference { manifest: manifest.to_string(), made: about.made, paths }
    }

    /// Loses all but one place.
    pub(crate) fn left(&self, place: where_it_is::Place) -> Verdict {
        let around = self.laptop.beside("drills");
        fs::create_dir_all(&around).unwrap();
        let shop = Workshop::open(Some(&around), 1).unwrap();
        let git = self.laptop.plumbing();
        let inventory = self.laptop.inventory();
        let recovered = match place {
            where_it_is::Place::Laptop => {
                let state = StateDir::open(&self.laptop.root()).unwrap();
                survivor::territory(state.root(), &inventory, Some(&git), &shop)
            }
            where_it_is::Place::Server => {
                let state = StateDir::open(&self.server).unwrap();
                let inventory = ubos_engine::inventory::take(&self.server, None).unwrap();
                let mirror = self.bare("mirror.git");
                survivor::territory(state.root(), &inventory, Some(&mirror), &shop)
            }
            where_it_is::Place::Remote => {
                let url = self.laptop.beside("remote.git");
                let remote = remote_place::Place::remote(&git, url.to_str().unwrap()).unwrap();
                survivor::remote(&git, &remote, &shop)
            }
        }
        .unwrap();
        drop(shop);
        assert_eq!(fs::read_dir(&around).unwrap().count(), 0, "the drill leaves nothing");
        let manifests = ManifestPaths::for_peer("balaur").unwrap();
        let classes = Classes::new(&self.laptop.settings, &manifests).unwrap();
        let items = inventory.items.iter();
        let directions: BTreeMap<_, _> =
            items.map(|(path, item)| (path.clone(), item.direction)).collect();
        let rivals = Rivals::default();
        let known = Known { classes: &classes, directions: &directions, rivals: &rivals };
        judge(place, &self.reference(), &recovered, &known)
    }
}

pub(crate) fn size(text: &str) -> Written {
    serde_json::from_value(serde_json::json!(text)).unwrap()
}

/// A log of at least so many bytes, in lines that differ.
pub(crate) fn log(bytes: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut number = 0u64;
    while text.len() < bytes {
        let hash = blake3::hash(&number.to_le_bytes()).to_hex();
        text.extend_from_slice(format!("{{\"n\":{number},\"hash\":\"{hash}\"}}\n").as_bytes());
        number += 1;
    }
    text
}

/// Sets a modification time.
pub(crate) fn age(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789);
    File::open(path).unwrap().set_modified(time).unwrap();
}

/// The paths of what is damaged.
pub(crate) fn damaged(verdict: &Verdict) -> Vec<String> {
    let path = |path: &ubos_core::path::RelPath| path.to_string();
    verdict.damaged.iter().filter_map(|broken| broken.path.as_ref().map(path)).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for found in fs::read_dir(from).unwrap() {
        let found = found.unwrap();
        if found.file_name() == ".git" {
            continue;
        }
        let (old, new) = (found.path(), to.join(found.file_name()));
        let kind = found.file_type().unwrap();
        if kind.is_dir() {
            copy(&old, &new);
        } else if kind.is_symlink() {
            symlink(fs::read_link(&old).unwrap(), &new).unwrap();
        } else {
            fs::copy(&old, &new).unwrap();
            let time = old.metadata().unwrap().modified().unwrap();
            File::open(&new).unwrap().set_modified(time).unwrap();
        }
    }
    let mode = from.metadata().unwrap().permissions();
    fs::set_permissions(to, mode).unwrap();
}

/// An object's file in a repository that keeps it loose; it is deleted.
pub(crate) fn lose_object(git: &Git, id: &str) {
    unpack(git);
    let file = git.dir().join("objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
}

/// Makes every object a file of its own.
fn unpack(git: &Git) {
    let packs = git.dir().join("objects/pack");
    let aside = git.dir().join("packs-aside");
    fs::rename(&packs, &aside).unwrap();
    fs::create_dir(&packs).unwrap();
    for pack in fs::read_dir(&aside).unwrap() {
        let pack = pack.unwrap().path();
        if pack.extension().is_some_and(|end| end == "pack") {
            git.run_with(["unpack-objects", "-q"], &fs::read(&pack).unwrap()).unwrap();
        }
    }
    fs::remove_dir_all(aside).unwrap();
}

/// Turns one bit in the middle of a pack that holds everything.
pub(crate) fn flip_byte(git: &Git) {
    git.run(["repack", "-a", "-d", "-q"]).unwrap();
    let packs = fs::read_dir(git.dir().join("objects/pack")).unwrap();
    let pack = packs.map(|found| found.unwrap().path());
    let pack = pack.filter(|path| path.extension().is_some_and(|end| end == "pack"));
    let pack = pack.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::set_permissions(&pack, Permissions::from_mode(0o644)).unwrap();
    fs::write(&pack, bytes).unwrap();
}

/// The object of `path` in the newest snapshot.
pub(crate) fn object_of(trio: &Trio, path: &str) -> String {
    trio.laptop.git(["rev-parse", &format!("main:{path}")])
}

/// The forms of the newest manifest, by path.
pub(crate) fn stands(trio: &Trio, path: &str) -> ubos_tiers::git::form::Form {
    trio.reference().paths[&rel(path)].form
}
