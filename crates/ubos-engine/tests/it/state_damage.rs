//! State on disk against damage: what is spoilt is told as lost, or is a state that was once in
//! force; and without damage, whatever happens between, what was made durable is what is read.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config as TestConfig, RngAlgorithm, TestRng, TestRunner};
use rustix::fs::{Mode, OFlags};

use ubos_core::baseline::{Baseline, Row};
use ubos_core::entry::{Base, Digest, Entry};
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::sides::Side;
use ubos_engine::fs::Stamp;
use ubos_engine::state::generation::{Header, OpenRun};
use ubos_engine::state::record::Record;
use ubos_engine::state::table::{Loaded, Table};

use crate::subject::{create, item, path};

fn open(folder: &Path) -> OwnedFd {
    rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap()
}

fn load(folder: &Path) -> Result<Table, Option<String>> {
    match Table::load(open(folder)).expect("damage is no error of the system") {
        Loaded::Present(table) => Ok(*table),
        Loaded::Lost(why) => Err(why),
    }
}

fn record(seed: u8, pieces: usize) -> Record {
    let base = match seed % 5 {
        0 => Base::Known(Entry::Dir),
        1 => Base::Known(Entry::Symlink { target: vec![seed; 3].into() }),
        2 => Base::Unknown,
        _ => Base::Known(Entry::File {
            digest: Digest([seed; 32]),
            size: u64::from(seed),
            exec: seed.is_multiple_of(2),
        }),
    };
    let directions =
        [Direction::Bidirectional, Direction::PushOnly, Direction::PullOnly, Direction::AppendOnly];
    let direction = directions[usize::from(seed / 5 % 4)];
    let row = Row { base, direction, earlier: [u64::from(seed / 7), 0, 1] };
    Record {
        row,
        stamp: seed.is_multiple_of(3).then(|| stamp(seed)),
        pieces: vec![[seed; 32]; pieces],
    }
}

fn stamp(seed: u8) -> Stamp {
    let number = i64::from(seed);
    Stamp { ino: 1, size: u64::from(seed), mtime: -number, ctime: number << 40, mode: 0o100_644 }
}

/// All that a table says.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    header: Header,
    rows: BTreeMap<RelPath, Record>,
    prepared: Option<Header>,
    open_runs: Vec<OpenRun>,
    marked: bool,
}

fn told(table: &Table) -> Told {
    let mut rows = BTreeMap::new();
    table.all_records(&mut |path, record| {
        assert_eq!(table.record(&path).as_ref(), Some(&record), "{path}");
        rows.insert(path, record);
    });
    let mut below = Vec::new();
    table.below(None, &mut |path, row| {
        below.push((path.clone(), row.clone()));
        true
    });
    let listed: Vec<_> = rows.iter().map(|(path, r)| (path.clone(), r.row.clone())).collect();
    assert_eq!(below, listed, "in the order of the paths");
    Told {
        header: table.header().clone(),
        rows,
        prepared: table.prepared().map(|prepared| prepared.header.clone()),
        open_runs: table.open_runs().to_vec(),
        marked: table.marked(),
    }
}

fn next(header: &Header, run: &str) -> Header {
    header.next(run, Digest::of(run.as_bytes()), [Digest([4; 32]); 3], true, (1, 2))
}

fn first_rows() -> BTreeMap<RelPath, Record> {
    [("a", 3), ("d", 0), ("d/b", 4), ("d/c", 6)]
        .map(|(name, seed)| (path(name), record(seed, 0)))
        .into()
}

/// A small state with each kind of frame; what it told after each of them, with the journal's
/// length then.
fn state(folder: &Path) -> Vec<(u64, Told)> {
    let mut table = Table::create(open(folder), Header::first("pair"), first_rows()).unwrap();
    let length = || fs::metadata(folder.join("journal")).unwrap().len();
    let mut history = vec![(length(), told(&table))];
    let steps: [&dyn Fn(&mut Table); 6] = [
        &|table| table.intend("run-1", Side::There, vec![item(create("d/new", "N"))]).unwrap(),
        &|table| {
            let rows = vec![(path("d/new"), Some(record(8, 2).into())), (path("a"), None)];
            table.prepare(next(table.header(), "run-1"), rows).unwrap();
        },
        &|table| table.commit().unwrap(),
        &|table| table.mark().unwrap(),
        &|table| table.note_stamps(vec![(path("d/b"), Some(stamp(9)), Vec::new())]).unwrap(),
        &|table| table.intend("run-2", Side::Here, Vec::new()).unwrap(),
    ];
    for step in steps {
        step(&mut table);
        history.push((length(), told(&table)));
    }
    history
}

#[test]
fn a_baseline_with_any_byte_changed_or_cut_anywhere_is_lost_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    state(folder.path());
    let file = folder.path().join("baseline");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        for flip in [1u8, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            fs::write(&file, bytes).unwrap();
            assert!(matches!(load(folder.path()), Err(Some(_))), "byte {at} ^ {flip:x}");
        }
    }
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(matches!(load(folder.path()), Err(Some(_))), "cut to {length}");
    }
    fs::write(&file, [&whole[..], b"\0"].concat()).unwrap();
    assert!(matches!(load(folder.path()), Err(Some(_))), "one byte more");
    fs::remove_file(&file).unwrap();
    assert!(matches!(load(folder.path()), Err(None)), "gone");
}

#[test]
fn a_journal_with_any_byte_changed_is_lost_or_as_it_was_before_that_byte() {
    let folder = tempfile::tempdir().unwrap();
    let history = state(folder.path());
    let file = folder.path().join("journal");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        for flip in [1u8, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            fs::write(&file, bytes).unwrap();
            expect_before(folder.path(), &history, at as u64);
        }
    }
}

#[test]
fn a_journal_cut_anywhere_is_lost_or_as_it_was_then() {
    let folder = tempfile::tempdir().unwrap();
    let history = state(folder.path());
    let file = folder.path().join("journal");
    let whole = fs::read(&file).unwrap();
    for length in 0..=whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        expect_before(folder.path(), &history, length as u64);
    }
    fs::remove_file(&file).unwrap();
    assert!(matches!(load(folder.path()), Err(Some(_))));
}

/// The state must be the last one whose frames end by `at`.
fn expect_before(folder: &Path, history: &[(u64, Told)], at: u64) {
    let expected = history.iter().rfind(|(length, _)| *length <= at);
    match (load(folder), expected) {
        (Err(Some(_)), None) => {}
        (Ok(table), Some((_, expected))) => assert_eq!(told(&table), *expected, "byte {at}"),
        (found, _) => panic!("byte {at}: {:?}", found.map(|table| told(&table))),
    }
}

#[test]
fn what_is_written_after_a_torn_tail_is_read_and_nothing_behind_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let history = state(folder.path());
    let file = folder.path().join("journal");
    let mut bytes = fs::read(&file).unwrap();
    // The commit's frame is spoilt; whole frames lie behind it.
    let at = history[2].0 as usize + 13;
    bytes[at - 1] ^= 1;
    fs::write(&file, bytes).unwrap();
    let mut table = load(folder.path()).unwrap();
    table.intend("run-3", Side::Here, Vec::new()).unwrap();
    let expected = told(&table);
    assert_eq!(expected.open_runs.len(), 2);
    assert_eq!(told(&load(folder.path()).unwrap()), expected);
}

#[test]
fn a_journal_of_a_newer_baseline_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    state(folder.path());
    let older = fs::read(folder.path().join("baseline")).unwrap();
    let rows = BTreeMap::new();
    let header = next(&Header::first("pair"), "run");
    drop(Table::create(open(folder.path()), header, rows).unwrap());
    fs::write(folder.path().join("baseline"), older).unwrap();
    assert!(matches!(load(folder.path()), Err(Some(_))));
}

/// One thing that happens to a state.
#[derive(Debug, Clone)]
enum Step {
    /// The next generation is prepared with these rows: path, and a seed or a drop.
    Prepare(Vec<(u8, Option<u8>)>),
    Commit,
    /// With a journal that is long enough to be folded if so said.
    Mark(bool),
    Stamps(u8, u8),
    Intend(u8),
    Reopen,
    /// A crash within a write leaves these bytes behind the journal.
    Tear(Vec<u8>),
    /// The last writes did not reach the disk: so many per cent of the journal did.
    Cut(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let rows = prop::collection::vec((any::<u8>(), prop::option::weighted(0.7, any::<u8>())), 0..6);
    prop_oneof![
        4 => rows.prop_map(Step::Prepare),
        4 => Just(Step::Commit),
        2 => prop::bool::weighted(0.2).prop_map(Step::Mark),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(at, seed)| Step::Stamps(at, seed)),
        1 => any::<u8>().prop_map(Step::Intend),
        2 => Just(Step::Reopen),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Step::Tear),
        1 => (0..100u8).prop_map(Step::Cut),
    ]
}

/// Names that sort in all the ways that matter: a folder, its content, and what sorts between.
const NAMES: [&str; 10] =
    ["a", "a/b", "a/b/c", "a.b", "a-", "b", "d/x", "d/y", "d.z/x", "\u{fc}/a"];

fn name(at: u8) -> RelPath {
    path(NAMES[usize::from(at) % NAMES.len()])
}

/// Rows of a generation: a path and its record, or a drop.
type Rows = Vec<(RelPath, Option<Record>)>;

/// A state and what it should tell, with what it told at each length of its journal.
struct Checked {
    folder: tempfile::TempDir,
    table: Table,
    model: Told,
    pending: Rows,
    history: Vec<(u64, Told, Rows)>,
}

impl Checked {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let header = Header::first("pair");
        let table = Table::create(open(folder.path()), header, first_rows()).unwrap();
        let model = told(&table);
        let mut checked = Self { folder, table, model, pending: Vec::new(), history: Vec::new() };
        checked.remember();
        checked
    }

    fn journal(&self) -> u64 {
        fs::metadata(self.folder.path().join("journal")).unwrap().len()
    }

    fn remember(&mut self) {
        let length = self.journal();
        if self.history.last().is_some_and(|(before, ..)| *before > length) {
            // Folded: what was in the journal is now below it.
            self.history.clear();
        }
        self.history.push((length, self.model.clone(), self.pending.clone()));
    }

    fn reopen(&mut self) {
        self.table = load(self.folder.path()).unwrap();
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Prepare(rows) => self.prepare(rows),
            Step::Commit => self.commit(),
            Step::Mark(long) => self.mark(*long),
            Step::Stamps(at, seed) => {
                let (path, stamp) = (name(*at), Some(stamp(*seed)));
                self.table.note_stamps(vec![(path.clone(), stamp, Vec::new())]).unwrap();
                if let Some(record) = self.model.rows.get_mut(&path) {
                    *record = Record { stamp, pieces: Vec::new(), ..record.clone() };
                }
            }
            Step::Intend(seed) => {
                let run = OpenRun {
                    run: format!("run-{seed}"),
                    side: Side::BOTH[usize::from(seed % 2)],
                    items: vec![item(create("x", [*seed]))],
                };
                self.table.intend(&run.run, run.side, run.items.clone()).unwrap();
                self.model.open_runs.push(run);
            }
            Step::Reopen => self.reopen(),
            Step::Tear(bytes) => {
                let file = self.folder.path().join("journal");
                let whole = fs::read(&file).unwrap();
                fs::write(&file, [&whole[..], bytes].concat()).unwrap();
                self.reopen();
                return;
            }
            Step::Cut(per_cent) => return self.cut(*per_cent),
        }
        self.remember();
    }

    fn prepare(&mut self, rows: &[(u8, Option<u8>)]) {
        let rows: BTreeMap<RelPath, Option<Record>> = rows
            .iter()
            .map(|(at, seed)| (name(*at), seed.map(|seed| record(seed, usize::from(seed % 4)))))
            .collect();
        let header = next(&self.model.header, "run");
        self.pending = rows.into_iter().collect();
        let stored = self.pending.iter().map(|(p, r)| (p.clone(), r.clone().map(Into::into)));
        self.table.prepare(header.clone(), stored.collect()).unwrap();
        self.model.prepared = Some(header);
    }

    fn commit(&mut self) {
        let Some(header) = self.model.prepared.take() else {
            assert!(self.table.commit().is_err());
            return;
        };
        self.table.commit().unwrap();
        for (path, record) in std::mem::take(&mut self.pending) {
            match record {
                Some(record) => self.model.rows.insert(path, record),
                None => self.model.rows.remove(&path),
            };
        }
        self.model.header = header;
        self.model.open_runs.clear();
        self.model.marked = false;
    }

    fn mark(&mut self, long: bool) {
        if long && let Some((path, record)) = self.model.rows.iter_mut().next() {
            record.pieces = vec![[1; 32]; 34_000];
            let stamps = vec![(path.clone(), record.stamp, record.pieces.clone())];
            self.table.note_stamps(stamps).unwrap();
            self.remember();
        }
        self.table.mark().unwrap();
        self.model.marked = true;
        self.remember();
        if long && let Some((path, record)) = self.model.rows.iter_mut().next() {
            record.pieces = Vec::new();
            self.table.note_stamps(vec![(path.clone(), record.stamp, Vec::new())]).unwrap();
        }
    }

    fn cut(&mut self, per_cent: u8) {
        let (first, length) = (self.history[0].0, self.journal());
        let kept = first + (length - first) * u64::from(per_cent) / 100;
        let file = fs::File::options().write(true).open(self.folder.path().join("journal"));
        file.unwrap().set_len(kept).unwrap();
        self.reopen();
        self.history.retain(|(length, ..)| *length <= kept);
        let (_, model, pending) = self.history.last().unwrap();
        (self.model, self.pending) = (model.clone(), pending.clone());
    }
}

#[test]
fn a_state_is_what_was_made_durable_through_folds_crashes_and_torn_tails() {
    let config = TestConfig { cases: 300, failure_persistence: None, ..TestConfig::default() };
    let steps = prop::collection::vec(step(), 1..25);
    // The same cases in every run; a failure prints the shortest one.
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&steps, |steps| {
            let mut checked = Checked::new();
            for step in &steps {
                checked.take(step);
                prop_assert!(told(&checked.table) == checked.model, "after {step:?}");
            }
            checked.reopen();
            prop_assert!(told(&checked.table) == checked.model, "at the end");
            Ok(())
        })
        .unwrap();
}
