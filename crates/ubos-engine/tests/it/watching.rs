//! A watch on a real tree: what it names is enough to see what changed, whatever happens in which
//! order, and what takes no part is not named.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;

use ubos_core::path::RelPath;
use ubos_core::selection::{Builtin, Selection};
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::fs::Root;
use ubos_engine::scanner::partial::Tree;
use ubos_engine::scanner::seen::Seen;
use ubos_engine::scanner::{ScanRequest, scan};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Symlinks;
use ubos_engine::state::generation::Header;
use ubos_engine::state::table::Table;
use ubos_engine::watch::{Dirty, Watch};

use crate::subject::PAIR;

struct Watched {
    folder: TempDir,
    selection: Selection,
    table: Table,
    watch: Watch,
}

fn selection() -> Selection {
    let manifests = [b"notes/\nmissions/\n".to_vec(), Vec::new(), b"skip\n".to_vec()];
    compile("balaur", &manifests, &Builtin::default()).unwrap()
}

impl Watched {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let state = StateDir::create(folder.path()).unwrap();
        for name in ["notes/old", "missions", "private"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let dir = state.pair_folder(PAIR).unwrap();
        let table = Table::create(dir, Header::first(PAIR), Default::default()).unwrap();
        let watch = Watch::start(Root::open(folder.path()).unwrap(), selection());
        assert_eq!(watch.blind(), None);
        Self { folder, selection: selection(), table, watch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the watch names until nothing comes for a while.
    fn named(&self) -> Dirty {
        let mut all = Dirty::default();
        loop {
            let dirty = self.watch.wait(Instant::now() + Duration::from_millis(150));
            if dirty.is_empty() {
                return all;
            }
            all.paths.extend(dirty.paths);
            all.everything |= dirty.everything;
        }
    }

    fn names(&self) -> BTreeSet<String> {
        let dirty = self.named();
        assert!(!dirty.everything);
        dirty.paths.iter().map(ToString::to_string).collect()
    }

    fn request<'a>(&'a self, root: &'a Root, seen: &'a Seen) -> ScanRequest<'a> {
        ScanRequest {
            root,
            selection: &self.selection,
            table: &self.table,
            seen,
            log_source: false,
            symlinks: Symlinks::Held,
            verify: false,
            threads: 2,
        }
    }
}

#[test]
fn an_edit_is_named_within_a_moment_of_its_close() {
    let watched = Watched::new();
    let begun = Instant::now();
    fs::write(watched.path("notes/a"), "A").unwrap();
    let mut named = Dirty::default();
    while named.is_empty() {
        named = watched.watch.wait(Instant::now() + Duration::from_secs(5));
    }
    assert_eq!(named.paths, BTreeSet::from([RelPath::new("notes/a").unwrap()]));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn what_takes_no_part_is_not_named() {
    let watched = Watched::new();
    fs::write(watched.path("private/a"), "A").unwrap();
    fs::write(watched.path("notes/skip"), "A").unwrap();
    fs::create_dir_all(watched.path(".ubos-sync/staging/x")).unwrap();
    fs::write(watched.path(".ubos-sync/staging/x/y"), "A").unwrap();
    fs::write(watched.path("elsewhere"), "A").unwrap();
    assert_eq!(watched.names(), BTreeSet::new());
}

#[test]
fn reading_is_not_named() {
    let watched = Watched::new();
    fs::write(watched.path("notes/a"), "A").unwrap();
    watched.named();
    fs::read(watched.path("notes/a")).unwrap();
    fs::read_dir(watched.path("notes/old")).unwrap().for_each(drop);
    assert_eq!(watched.names(), BTreeSet::new());
}

#[test]
fn a_folder_that_moved_is_watched_under_its_new_name() {
    let watched = Watched::new();
    fs::create_dir_all(watched.path("notes/old/deep")).unwrap();
    watched.named();
    fs::rename(watched.path("notes/old"), watched.path("missions/new")).unwrap();
    let names = watched.names();
    assert!(names.contains("notes/old") && names.contains("missions/new"), "{names:?}");
    fs::write(watched.path("missions/new/deep/a"), "A").unwrap();
    assert_eq!(watched.names(), BTreeSet::from(["missions/new/deep/a".to_owned()]));
}

#[test]
fn a_folder_that_was_filled_before_its_watch_is_named_as_a_whole() {
    let watched = Watched::new();
    let outside = watched.path("private/tree");
    fs::create_dir_all(outside.join("deep/er")).unwrap();
    fs::write(outside.join("deep/er/a"), "A").unwrap();
    fs::rename(outside, watched.path("notes/tree")).unwrap();
    assert!(watched.names().contains("notes/tree"));
    fs::write(watched.path("notes/tree/deep/er/b"), "B").unwrap();
    assert_eq!(watched.names(), BTreeSet::from(["notes/tree/deep/er/b".to_owned()]));
}

#[test]
fn a_wait_ends_when_somebody_calls() {
    let watched = Watched::new();
    let caller = watched.watch.caller();
    let begun = Instant::now();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        caller.call();
    });
    assert!(watched.watch.wait(Instant::now() + Duration::from_secs(20)).is_empty());
    assert!(begun.elapsed() < Duration::from_secs(10));
    thread.join().unwrap();
}

type Edit = (u8, usize, usize, u64);

const PLACES: [&str; 6] =
    ["notes/a", "notes/old/b", "notes/d", "notes/d/e/f", "missions/g", "missions/d/h"];

/// Whatever cannot be done is not done.
fn edit(watched: &Watched, (kind, one, other, salt): Edit) {
    let (one, other) = (watched.path(PLACES[one]), watched.path(PLACES[other]));
    match kind {
        0 | 1 => {
            let _ = fs::create_dir_all(one.parent().unwrap());
            let _ = fs::write(&one, salt.to_le_bytes());
        }
        2 => drop(fs::rename(&one, &other)),
        3 => drop(fs::remove_dir_all(&one)),
        _ => drop(fs::remove_file(&one)),
    }
}

fn follow(rounds: &[Vec<Edit>]) {
    let watched = Watched::new();
    let (root, seen) = (Root::open(watched.folder.path()).unwrap(), Seen::default());
    let request = watched.request(&root, &seen);
    let mut tree = Tree::of(&scan(&request).unwrap());
    for (round, edits) in rounds.iter().enumerate() {
        edits.iter().for_each(|one| edit(&watched, *one));
        let dirty = watched.named();
        let whole = scan(&request).unwrap();
        let looked = tree.look(&request, &dirty.paths).unwrap();
        if dirty.everything || looked.is_none() {
            tree = Tree::of(&whole);
        }
        assert_eq!(tree.changes(), &whole.changes, "round {round}: {dirty:?}");
    }
}

#[test]
fn looking_at_what_is_named_shows_what_a_scan_of_everything_shows() {
    let mut runner = TestRunner::new(Config { cases: 8, ..Config::default() });
    let one = (0u8..5, 0..PLACES.len(), 0..PLACES.len(), proptest::num::u64::ANY);
    let rounds = proptest::collection::vec(proptest::collection::vec(one, 1..12), 1..6);
    runner
        .run(&rounds, |rounds| {
            follow(&rounds);
            Ok(())
        })
        .unwrap();
}
