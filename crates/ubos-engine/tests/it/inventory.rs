//! The inventory shows what a plain walk of the tree shows, whatever the baseline remembers; it asks
//! for no lock and writes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::test_runner::{Config as Runs, TestRunner};
use tempfile::TempDir;

use ubos_core::baseline::Row;
use ubos_core::entry::{Digest, Entry, Problem};
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::sides::Side;
use ubos_engine::clock;
use ubos_engine::inventory::{self, Inventory, Item};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;
use ubos_engine::state::generation::Header;
use ubos_engine::state::marker::Marker;
use ubos_engine::state::record::Record;
use ubos_engine::state::table::Table;

use crate::subject::{PAIR, file, make_territory, open_local, path, write_at};

/// Where edits happen: in folders that take part, beside them, and in one that is left out.
const PLACES: [&str; 10] = [
    "notes/a.md",
    "notes/sub",
    "notes/sub/b.md",
    "notes/sub/deep/c.md",
    "notes/x.tmp",
    "logs/l.jsonl",
    "logs/other.txt",
    "priv/notes/p.md",
    "elsewhere/d.md",
    "notes/link",
];

struct Territory {
    folder: TempDir,
}

impl Territory {
    /// A territory without a baseline.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_territory(&folder.path().join("root"));
        Self { folder }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn write(&self, at: &str, content: impl AsRef<[u8]>) {
        write_at(&self.root(), at, content);
    }

    fn take(&self) -> Inventory {
        inventory::take(&self.root(), None).unwrap()
    }

    /// Makes what stands there now the baseline; `stamped`: with the evidence of a scan.
    fn agree(&self, generation: u64, stamped: bool) {
        let rows = self.take().items.into_iter().map(|(path, item)| {
            let row = Row::known(item.entry, item.direction);
            let stat = fs::symlink_metadata(self.root().join(path.to_string())).unwrap();
            let proved = stamped && stat.is_file();
            let stamp = proved.then(|| ubos_engine::fs::Stamp {
                ino: stat.ino(),
                size: stat.size(),
                mtime: stat.mtime() * 1_000_000_000 + stat.mtime_nsec(),
                ctime: stat.ctime() * 1_000_000_000 + stat.ctime_nsec(),
                mode: stat.mode(),
            });
            (path, Record { row, stamp, pieces: Vec::new() })
        });
        let header = Header { generation, ..Header::first(PAIR) };
        let state = StateDir::open(&self.root()).unwrap();
        Table::create(state.pair_folder(PAIR).unwrap(), header, rows.collect()).unwrap();
    }

    /// What a plain walk finds where the manifests say so.
    fn walk(&self) -> BTreeMap<RelPath, Item> {
        let mut found = BTreeMap::new();
        walk(&self.root(), &self.root(), &mut found);
        found
    }
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<RelPath, Item>) {
    for entry in fs::read_dir(folder).unwrap() {
        let full = entry.unwrap().path();
        let name = full.strip_prefix(root).unwrap().display().to_string();
        let meta = fs::symlink_metadata(&full).unwrap();
        let direction = direction(&name, meta.is_dir());
        if name == ".ubos-sync" || name == "priv" {
            continue;
        }
        if meta.is_dir() {
            walk(root, &full, found);
        }
        let Some(direction) = direction else { continue };
        let entry = if meta.is_dir() {
            Entry::Dir
        } else if meta.is_symlink() {
            Entry::Symlink { target: fs::read_link(&full).unwrap().as_os_str().as_bytes().into() }
        } else {
            let content = fs::read(&full).unwrap();
            let exec = meta.mode() & 0o100 != 0;
            Entry::File { digest: Digest::of(&content), size: meta.size(), exec }
        };
        let mtime = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
        let item = Item { entry, direction, mtime, permissions: meta.mode() & 0o7777 };
        found.insert(path(&name), item);
    }
}

/// What the manifests of the territory say, by hand.
fn direction(name: &str, is_dir: bool) -> Option<Direction> {
    let manifests = ["to_server", "from_server", "exclude"];
    if manifests.iter().any(|which| name == format!("config/sync_{which}.conf")) {
        return Some(Direction::Bidirectional);
    }
    if name.split('/').any(|part| part.ends_with(".tmp")) {
        return None;
    }
    if name == "notes" {
        return is_dir.then_some(Direction::Bidirectional);
    }
    if name.starts_with("notes/") {
        return Some(Direction::Bidirectional);
    }
    let first = name.strip_prefix("logs/").and_then(|rest| rest.split('/').next());
    let log = first.is_some_and(|first| first.ends_with(".jsonl"));
    log.then_some(Direction::AppendOnly)
}

/// Every file of the private folder: inode, times and content.
fn private(root: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, u32, Vec<u8>)> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, (u64, i64, i64, u32, Vec<u8>)>) {
        let meta = fs::symlink_metadata(folder).unwrap();
        let content = if meta.is_file() { fs::read(folder).unwrap() } else { Vec::new() };
        let times = (meta.mtime() * 1_000_000_000 + meta.mtime_nsec(), meta.ctime_nsec());
        found.insert(folder.into(), (meta.ino(), times.0, times.1, meta.mode(), content));
        if meta.is_dir() {
            for entry in fs::read_dir(folder).unwrap() {
                walk(&entry.unwrap().path(), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&root.join(".ubos-sync"), &mut found);
    found
}

/// One edit; whatever cannot be done is not done.
fn edit(root: &Path, (kind, one, other, salt): (u8, usize, usize, u8)) {
    let at = root.join(PLACES[one % PLACES.len()]);
    let second = root.join(PLACES[other % PLACES.len()]);
    let _ = fs::create_dir_all(at.parent().unwrap());
    match kind % 6 {
        0 | 1 if !at.is_dir() => {
            let _ = fs::write(&at, vec![salt; usize::from(salt % 7)]);
        }
        2 => {
            let _ = fs::remove_file(&at);
            let _ = fs::remove_dir_all(&at);
        }
        3 => {
            let _ = fs::create_dir_all(second.parent().unwrap());
            let _ = fs::rename(&at, &second);
        }
        4 => {
            let _ = symlink("a.md", &at);
        }
        5 if at.is_file() => {
            let _ = fs::set_permissions(&at, fs::Permissions::from_mode(0o600 | u32::from(salt)));
        }
        _ => {
            let _ = fs::create_dir_all(&at);
        }
    }
}

#[test]
fn it_shows_what_a_plain_walk_shows_and_writes_nothing() {
    let cases = std::env::var("UBOS_HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(24);
    let mut runner = TestRunner::new(Runs { cases, ..Runs::default() });
    let edits = || proptest::collection::vec((0u8..6, 0usize..10, 0usize..10, 0u8..64), 0..12);
    let history = (edits(), 0u8..3, edits());
    let result = runner.run(&history, |(before, memory, after)| {
        let territory = Territory::new();
        // A new folder that holds nothing but what takes no part would be none to be kept.
        territory.write("notes/keep.md", "kept");
        before.iter().for_each(|step| edit(&territory.root(), *step));
        if memory > 0 {
            territory.agree(u64::from(memory), memory == 2);
        }
        after.iter().for_each(|step| edit(&territory.root(), *step));
        let kept = private(&territory.root());
        let found = territory.take();
        assert_eq!(private(&territory.root()), kept);
        assert_eq!(found.troubled, BTreeMap::new());
        assert_eq!(found.items, territory.walk());
        assert_eq!(found.generation, u64::from(memory));
        Ok(())
    });
    result.unwrap();
}

#[test]
fn whoever_holds_the_lock_is_not_disturbed_and_disturbs_nobody() {
    let territory = Territory::new();
    territory.write("notes/a.md", "a");
    territory.agree(3, false);
    let run = open_local(&territory.root(), Side::Here);
    let before = private(&territory.root());
    territory.write("notes/b.md", "b");
    let found = territory.take();
    assert_eq!(found.items[&path("notes/b.md")].entry, file("b"));
    assert_eq!((found.generation, found.territory.as_str(), found.owner), (3, "server", true));
    assert_eq!(private(&territory.root()), before);
    drop(run);
}

#[test]
fn a_journal_from_before_the_last_fold_is_left_as_it_is() {
    let territory = Territory::new();
    territory.write("notes/a.md", "a");
    territory.agree(1, false);
    let folder = territory.root().join(".ubos-sync/state").join(PAIR);
    let journal = fs::read(folder.join("journal")).unwrap();
    territory.agree(5, false);
    fs::write(folder.join("journal"), journal).unwrap();
    let before = private(&territory.root());
    let found = territory.take();
    assert_eq!(found.generation, 5);
    assert_eq!(found.items, territory.walk());
    assert_eq!(private(&territory.root()), before);
}

#[test]
fn without_a_memory_everything_is_read_and_the_marker_tells_the_generation() {
    let territory = Territory::new();
    territory.write("notes/a.md", "a");
    territory.agree(5, false);
    let state = StateDir::open(&territory.root()).unwrap();
    let mut marker = Marker::load(&state).unwrap().unwrap();
    marker.set(PAIR, 5, Digest::of(b"chain"));
    marker.save(&state).unwrap();
    fs::remove_dir_all(territory.root().join(".ubos-sync/state")).unwrap();
    let before = private(&territory.root());
    let found = territory.take();
    assert_eq!(found.generation, 5);
    assert_eq!(found.items, territory.walk());
    assert_eq!(private(&territory.root()), before);
}

#[test]
fn what_is_no_longer_selected_is_not_there_and_directions_are_those_of_today() {
    let territory = Territory::new();
    territory.write("notes/a.md", "a");
    territory.write("logs/l.jsonl", "{}\n");
    territory.agree(1, true);
    territory.write("config/sync_to_server.conf", "[push-only]\nlogs/\n");
    territory.write("config/sync_from_server.conf", "");
    let found = territory.take();
    assert_eq!(found.items.get(&path("notes/a.md")), None);
    assert_eq!(found.items[&path("logs/l.jsonl")].direction, Direction::PushOnly);
}

#[test]
fn what_cannot_be_looked_at_is_trouble_and_never_missing() {
    let territory = Territory::new();
    territory.write("notes/a.md", "a");
    territory.write("notes/sub/b.md", "b");
    territory.agree(1, true);
    fs::remove_file(territory.root().join("notes/a.md")).unwrap();
    symlink("/etc/passwd", territory.root().join("notes/a.md")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(territory.root().join("notes/f")).status();
    assert!(fifo.unwrap().success());
    let found = territory.take();
    assert_eq!(found.troubled[&path("notes/a.md")], Problem::EscapingLink);
    assert_eq!(found.troubled[&path("notes/f")], Problem::Special);
    assert_eq!(found.items.get(&path("notes/a.md")), None);
    assert!(found.items.contains_key(&path("notes/sub/b.md")));
}

#[test]
fn a_folder_that_cannot_be_looked_into_is_trouble_with_all_that_is_below_it() {
    if rustix::process::geteuid().is_root() {
        eprintln!("left out: nothing is closed to root");
        return;
    }
    let territory = Territory::new();
    territory.write("notes/sub/b.md", "b");
    territory.write("logs/l.jsonl", "{}\n");
    territory.write("notes/a.md", "a");
    for remembered in [false, true] {
        if remembered {
            territory.agree(1, true);
        }
        let closed = ["notes/sub", "logs"].map(|at| territory.root().join(at));
        let mode = |bits| fs::Permissions::from_mode(bits);
        closed.iter().for_each(|at| fs::set_permissions(at, mode(0)).unwrap());
        let found = territory.take();
        closed.iter().for_each(|at| fs::set_permissions(at, mode(0o755)).unwrap());
        for at in ["notes/sub", "logs"] {
            assert_eq!(found.troubled[&path(at)], Problem::Unreadable, "{at}, {remembered}");
        }
        for at in ["notes/sub/b.md", "logs/l.jsonl"] {
            assert_eq!(found.items.get(&path(at)), None, "{at}, {remembered}");
        }
        assert!(found.items.contains_key(&path("notes/a.md")));
    }
}

#[test]
fn the_unfinished_line_of_a_log_is_left_out_where_it_is_written() {
    let territory = Territory::new();
    let state = StateDir::open(&territory.root()).unwrap();
    let mut config = Config::load(&state).unwrap().unwrap();
    config.peers.get_mut("laptop").unwrap().owner = false;
    config.save(&state).unwrap();
    territory.write("logs/l.jsonl", "{\"a\":1}\n{\"b\"");
    let found = territory.take();
    assert_eq!(found.items[&path("logs/l.jsonl")].entry, file("{\"a\":1}\n"));
    assert!(!found.owner);
}

#[test]
fn a_manifest_that_is_missing_or_cannot_be_read_stops_it() {
    let territory = Territory::new();
    territory.write("config/sync_to_server.conf", "[sideways]\n");
    let error = inventory::take(&territory.root(), None).unwrap_err();
    assert!(error.to_string().contains("sync_to_server.conf"), "{error}");
    fs::remove_file(territory.root().join("config/sync_to_server.conf")).unwrap();
    let error = inventory::take(&territory.root(), None).unwrap_err();
    assert_eq!(error.to_string(), "the manifest `config/sync_to_server.conf` is missing");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn a_file_written_a_moment_ago_is_read_even_if_its_stamp_says_nothing_new() {
    let territory = Territory::new();
    territory.write("notes/a.md", "one");
    territory.agree(1, false);
    territory.write("notes/a.md", "two");
    let item = territory.take().items[&path("notes/a.md")].clone();
    assert_eq!(item.entry, file("two"));
    assert!((clock::now_ns() - item.mtime).abs() < 600_000_000_000);
}
