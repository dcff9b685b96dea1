use std::collections::BTreeMap;
use std::path::PathBuf;

use ubos_core::baseline::Row;
use ubos_core::entry::{Base, Digest, Entry};
use ubos_core::manifest::Direction;

use super::*;
use crate::state::audit;
use crate::state::config::Peer;
use crate::state::generation::Header;
use crate::state::record::Record;
use crate::state::table::Table;

const PAIR: &str = "0123456789abcdef0123456789abcdef";
const DAY: i64 = 86_400;

/// A territory whose baseline vouches for files, whatever is in them.
struct Territory {
    folder: tempfile::TempDir,
    state: StateDir,
    config: Config,
    now: i64,
}

impl Territory {
    /// Files as path, content, and the content that the baseline takes them for.
    fn with(files: &[(&str, &str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::create(folder.path()).unwrap();
        let mut rows = BTreeMap::new();
        for (name, content, agreed) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
            let path = RelPath::new(*name).unwrap();
            let stamp = state.root().stat(&path).unwrap().map(|stat| Stamp::of(&stat));
            let digest = Digest::of(agreed.as_bytes());
            let entry = Entry::File { digest, size: agreed.len() as u64, exec: false };
            let direction = Direction::Bidirectional;
            let row = Row { base: Base::Known(entry), direction, earlier: [0; 3] };
            rows.insert(path, Record { row, stamp, pieces: Vec::new() });
        }
        Table::create(state.pair_folder(PAIR).unwrap(), Header::first(PAIR), rows).unwrap();
        let mut config = Config::new("localhost");
        let peer = Peer {
            address: None,
            pair: PAIR.into(),
            replica: "r".into(),
            owner: true,
            manifests: "balaur".into(),
            agent: None,
        };
        config.peers.insert("balaur".into(), peer);
        Self { folder, state, config, now: 1_800_000_000 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A day of ticks; the last, with everything that was read.
    fn day(&mut self) -> Rehashed {
        let mut all = Rehashed::default();
        for _ in 0..slices::SLICES {
            self.now += DAY / i64::from(slices::SLICES);
            let read = rehash(&self.state, &self.config, self.now).unwrap();
            all.files += read.files;
            all.bytes += read.bytes;
            all.found += read.found;
            all.damaged = read.damaged;
        }
        all
    }

    /// Events of the log, with how many were damaged.
    fn events(&self) -> Vec<(String, u64)> {
        let mut events = Vec::new();
        audit::read(&self.state, &mut |record| {
            let event = record["event"].as_str().unwrap().to_owned();
            events.push((event, record.get("damaged").and_then(Value::as_u64).unwrap_or(0)));
            true
        })
        .unwrap();
        events
    }
}

#[test]
fn a_day_reads_every_file_once_and_finds_nothing_in_a_sound_tree() {
    let names: Vec<String> = (0..40).map(|number| format!("f{number}")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "four", "four")).collect();
    let mut territory = Territory::with(&files);
    let read = territory.day();
    assert_eq!((read.files, read.bytes, read.found), (40, 160, 0));
    assert!(read.damaged.is_empty());
    let events = territory.events();
    assert!(!events.is_empty() && events.iter().all(|(event, bad)| event == "scrub" && *bad == 0));
    assert_eq!(audit::verify(&territory.state).unwrap().fault, None);
}

#[test]
fn a_flipped_byte_behind_unchanged_stamps_is_damage_found_once() {
    let mut territory = Territory::with(&[("good", "aaaa", "aaaa"), ("bad", "abaa", "aaaa")]);
    let read = territory.day();
    assert_eq!((read.files, read.found), (2, 1));
    let bad = RelPath::new("bad").unwrap();
    assert_eq!(
        read.damaged.iter().map(|d| (&d.path, &d.place)).collect::<Vec<_>>(),
        [(&bad, &Place::Tree)]
    );
    assert_eq!(damaged(&territory.state).unwrap(), read.damaged);
    let again = territory.day();
    assert_eq!((again.found, again.damaged.len()), (0, 1));
    let damaged = territory.events().iter().filter(|(event, _)| event == "damaged").count();
    assert_eq!(damaged, 1);
    // Somebody copies the good content over it: other stamps, a matter for the next scan.
    std::fs::remove_file(territory.path("bad")).unwrap();
    std::fs::write(territory.path("bad"), "aaaa").unwrap();
    assert!(territory.day().damaged.is_empty());
}

#[test]
fn what_somebody_wrote_to_is_an_edit_and_no_damage() {
    let mut territory = Territory::with(&[("f", "aaaa", "aaaa")]);
    let path = territory.path("f");
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(&path, "abaa").unwrap();
    // Size and modification time as before; the change time cannot be set.
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    let read = territory.day();
    assert_eq!((read.files, read.found), (0, 0));
}

#[test]
fn a_slice_stays_due_while_a_run_goes_on() {
    let mut territory = Territory::with(&[("f", "aaaa", "aaaa")]);
    let lock = Lock::take(&territory.state, "localhost").unwrap();
    let refused = rehash(&territory.state, &territory.config, territory.now);
    assert!(matches!(refused, Err(EngineError::Locked { .. })));
    drop(lock);
    assert_eq!(territory.day().files, 1);
}
