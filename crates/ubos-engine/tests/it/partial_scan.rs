//! Looking again at the paths that changed must show what a scan of everything shows: seeded random
//! edits, renames of folders and removals, each followed by both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;

use ubos_core::baseline::Row;
use ubos_core::entry::State;
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::selection::{Builtin, Selection};
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::fs::Root;
use ubos_engine::scanner::partial::Tree;
use ubos_engine::scanner::seen::Seen;
use ubos_engine::scanner::{ScanRequest, ScanResult, scan};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Symlinks;
use ubos_engine::state::generation::Header;
use ubos_engine::state::record::Record;
use ubos_engine::state::table::Table;

use crate::subject::PAIR;

/// Folders and files that the edits are about; `private` takes no part, `a/skip` neither.
const PLACES: [&str; 12] = [
    "a",
    "a/f",
    "a/sub",
    "a/sub/g",
    "a/sub/deep/h",
    "b",
    "b/f",
    "b/new/x",
    "a/skip",
    "a/skip/y",
    "private/z",
    "b/l",
];

struct Territory {
    folder: TempDir,
    root: Root,
    selection: Selection,
    seen: Seen,
    table: Option<Table>,
}

impl Territory {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        StateDir::create(folder.path()).unwrap();
        let manifests = [b"a/\nb/\n".to_vec(), Vec::new(), b"skip\n".to_vec()];
        let selection = compile("balaur", &manifests, &Builtin::default()).unwrap();
        let root = Root::open(folder.path()).unwrap();
        let mut territory = Self { folder, root, selection, seen: Seen::default(), table: None };
        territory.agree(&BTreeMap::new());
        territory
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Makes these rows the baseline.
    fn agree(&mut self, rows: &BTreeMap<RelPath, Record>) {
        let state = StateDir::open(self.folder.path()).unwrap();
        let dir = state.pair_folder(PAIR).unwrap();
        self.table = Some(Table::create(dir, Header::first(PAIR), rows.clone()).unwrap());
    }

    fn request(&self) -> ScanRequest<'_> {
        ScanRequest {
            root: &self.root,
            selection: &self.selection,
            table: self.table.as_ref().unwrap(),
            seen: &self.seen,
            log_source: false,
            symlinks: Symlinks::Held,
            verify: false,
            threads: 2,
        }
    }

    fn scan(&self) -> ScanResult {
        scan(&self.request()).unwrap()
    }

    /// The rows that say what stands there now.
    fn rows(&self, found: &ScanResult) -> BTreeMap<RelPath, Record> {
        let mut rows = BTreeMap::new();
        self.table.as_ref().unwrap().all_records(&mut |path, record| {
            rows.insert(path, record);
        });
        for (path, seen) in &found.changes {
            match &seen.state {
                State::Present(entry) => {
                    let row = Row::known(entry.clone(), Direction::Bidirectional);
                    let evidence = found.evidence.get(path);
                    let stamp = evidence.filter(|e| !e.racy).map(|e| e.stamp);
                    let pieces = evidence.map(|e| e.pieces.clone()).unwrap_or_default();
                    rows.insert(path.clone(), Record { row, stamp, pieces });
                }
                State::Absent => {
                    rows.remove(path);
                }
                State::Problem(_) => {}
            }
        }
        rows
    }
}

/// One edit; returns the paths that a watch would name. Whatever cannot be done is not done.
fn edit(territory: &Territory, kind: u8, one: usize, other: usize, salt: u8) -> Vec<&'static str> {
    let (name, second) = (PLACES[one % PLACES.len()], PLACES[other % PLACES.len()]);
    let path = territory.path(name);
    let make_parent = |path: &Path| fs::create_dir_all(path.parent().unwrap()).is_ok();
    match kind % 7 {
        0 | 1 => {
            if make_parent(&path) && !path.is_dir() {
                let _ = fs::write(&path, vec![salt; usize::from(salt % 5)]);
            }
            // Folders made on the way are named by their topmost one.
            vec![name, name.split('/').next().unwrap()]
        }
        2 => {
            let _ = fs::remove_file(&path);
            vec![name]
        }
        3 => {
            let _ = fs::remove_dir_all(&path);
            vec![name]
        }
        4 => {
            let into = territory.path(second);
            if make_parent(&into) {
                let _ = fs::rename(&path, &into);
            }
            vec![name, second, second.split('/').next().unwrap()]
        }
        5 => {
            if make_parent(&path) {
                let target = if salt.is_multiple_of(2) { "f" } else { "/nonexistent/outside" };
                let _ = symlink(target, &path);
            }
            vec![name, name.split('/').next().unwrap()]
        }
        _ => {
            let mode = if salt.is_multiple_of(2) { 0o755 } else { 0o644 };
            if path.is_file() {
                let _ = fs::set_permissions(&path, fs::Permissions::from_mode(mode));
            }
            vec![name]
        }
    }
}

fn walk_a_history(steps: &[(u8, usize, usize, u8, bool)]) {
    let mut territory = Territory::new();
    let mut tree = Tree::of(&territory.scan());
    for (number, (kind, one, other, salt, agree)) in steps.iter().enumerate() {
        let dirty: BTreeSet<RelPath> = edit(&territory, *kind, *one, *other, *salt)
            .into_iter()
            .map(|path| RelPath::new(path).unwrap())
            .collect();
        let whole = territory.scan();
        match tree.look(&territory.request(), &dirty).unwrap() {
            Some(_) => {
                assert_eq!(tree.changes(), &whole.changes, "step {number}: {steps:?}");
                assert_eq!(tree.scanned(), whole.scanned, "step {number}: {steps:?}");
            }
            None => tree = Tree::of(&whole),
        }
        if *agree {
            let rows = territory.rows(&whole);
            territory.agree(&rows);
            tree = Tree::of(&territory.scan());
        }
    }
}

#[test]
fn looking_at_what_changed_shows_what_a_scan_of_everything_shows() {
    let cases = std::env::var("UBOS_HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let mut runner = TestRunner::new(Config { cases, ..Config::default() });
    let step = (0u8..7, 0usize..12, 0usize..12, 0u8..250, proptest::bool::weighted(0.3));
    let steps = proptest::collection::vec(step, 1..14);
    runner
        .run(&steps, |steps| {
            walk_a_history(&steps);
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_a_run_writes_counts_as_agreed_until_it_is_looked_at() {
    let mut territory = Territory::new();
    fs::create_dir_all(territory.path("a")).unwrap();
    fs::write(territory.path("a/f"), "one").unwrap();
    let found = territory.scan();
    let mut tree = Tree::of(&found);
    let rows = territory.rows(&found);
    let paths: Vec<RelPath> = rows.keys().cloned().collect();
    let mut table = territory.table.take().unwrap();
    tree.rows_change(&paths, &mut table, |table| {
        let state = StateDir::open(territory.folder.path()).unwrap();
        let dir = state.pair_folder(PAIR).unwrap();
        *table = Table::create(dir, Header::first(PAIR), rows.clone()).unwrap();
    });
    territory.table = Some(table);
    assert!(tree.changes().is_empty());
    assert_eq!(tree.scanned(), 1);
    fs::write(territory.path("a/f"), "two, longer").unwrap();
    let dirty = BTreeSet::from([RelPath::new("a/f").unwrap()]);
    tree.look(&territory.request(), &dirty).unwrap().unwrap();
    assert_eq!(tree.changes(), &territory.scan().changes);
    assert_eq!(tree.scanned(), 1);
}
