//! The state of one pair on one side: the baseline, identical on both sides, with this side's
//! private stamps; a mapped snapshot below, the journal's changes above.
//!
//! What a run writes is in proportion to what it changed: the snapshot is folded anew only when
//! the journal has grown to a fraction of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, openat};

use ubos_core::baseline::{Baseline, Row};
use ubos_core::path::{self, RelPath};
use ubos_core::plan::Item;
use ubos_core::sides::Side;

use super::generation::{Header, OpenRun, Prepared};
use super::journal::{FORMAT, Frame, Journal};
use super::record::{Record, RowView, StoredRecord};
use super::snapshot::{Snapshot, SnapshotWriter};
use crate::fs::{Stamp, atomic};
use crate::scanner::digest::Pieces;

const SNAPSHOT: &str = "baseline";
const JOURNAL: &str = "journal";
/// Below this length a journal is never folded.
const FOLD_FLOOR: u64 = 4 << 20;

/// How often a state that is being advanced is looked at before it counts as lost.
const VIEWS: usize = 3;

type Folder = BTreeMap<Box<[u8]>, Option<Record>>;

/// The state of one pair.
#[derive(Debug)]
pub struct Table {
    dir: OwnedFd,
    header: Header,
    snapshot: Snapshot,
    overlay: BTreeMap<Box<[u8]>, Folder>,
    journal: Journal,
    prepared: Option<Prepared>,
    open_runs: Vec<OpenRun>,
    marked: bool,
}

/// What a state is opened for.
#[derive(Debug, Clone, Copy)]
enum Access {
    Read,
    Write,
}

/// What was found in a state folder.
#[derive(Debug)]
pub enum Loaded {
    /// A usable state.
    Present(Box<Table>),
    /// No state, or one that cannot be used, with the reason.
    Lost(Option<String>),
}

impl Table {
    /// Loads the state in `dir`.
    ///
    /// # Errors
    /// What reading says. Missing or damaged files are [`Loaded::Lost`], not errors.
    pub fn load(dir: OwnedFd) -> io::Result<Loaded> {
        Self::open(dir, Access::Write)
    }

    /// The state in `dir`, for looking only: nothing is ever written, and whoever holds the lock may
    /// advance it meanwhile.
    ///
    /// # Errors
    /// As [`Table::load`].
    pub fn view(dir: BorrowedFd<'_>) -> io::Result<Loaded> {
        let mut loaded = Loaded::Lost(None);
        for _ in 0..VIEWS {
            loaded = Self::open(dir.try_clone_to_owned()?, Access::Read)?;
            // RACE: a run may put a new baseline and a new journal in place between our two openings.
            if matches!(loaded, Loaded::Present(_) | Loaded::Lost(None)) {
                break;
            }
        }
        Ok(loaded)
    }

    fn open(dir: OwnedFd, access: Access) -> io::Result<Loaded> {
        let Some(file) = open_existing(dir.as_fd(), SNAPSHOT, access)? else {
            return Ok(Loaded::Lost(None));
        };
        let (header, snapshot) = match Snapshot::open(&file) {
            Ok(opened) => opened,
            Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                return Ok(Loaded::Lost(Some(format!("the baseline is damaged: {e}"))));
            }
            Err(e) => return Err(e),
        };
        let Some(file) = open_existing(dir.as_fd(), JOURNAL, access)? else {
            return Ok(Loaded::Lost(Some("the journal is missing".into())));
        };
        let (journal, frames) = Journal::open(file)?;
        let mut table = Self {
            dir,
            header,
            snapshot,
            overlay: BTreeMap::new(),
            journal,
            prepared: None,
            open_runs: Vec::new(),
            marked: true,
        };
        Ok(match table.replay(frames, access) {
            Ok(()) => Loaded::Present(Box::new(table)),
            Err(reason) => Loaded::Lost(Some(reason)),
        })
    }

    /// Makes a state in `dir` that holds `rows` under `header`, replacing whatever is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(
        dir: OwnedFd,
        header: Header,
        rows: BTreeMap<RelPath, Record>,
    ) -> io::Result<Table> {
        let mut overlay: BTreeMap<Box<[u8]>, Folder> = BTreeMap::new();
        for (path, record) in rows {
            let folder = overlay.entry(path.parent_bytes().into()).or_default();
            folder.insert(path.name().into(), Some(record));
        }
        write_snapshot(dir.as_fd(), &header, None, &overlay)?;
        reset_journal(dir.as_fd(), header.generation)?;
        match Table::load(dir)? {
            Loaded::Present(table) => Ok(*table),
            Loaded::Lost(reason) => {
                Err(io::Error::other(format!("state just written: {reason:?}")))
            }
        }
    }

    /// An empty state under `header` that lives in memory only, for a scan without memory.
    ///
    /// # Errors
    /// What the system says.
    pub fn blank(header: &Header) -> io::Result<Table> {
        let folder = tempfile::tempdir()?;
        let dir = rustix::fs::open(
            folder.path(),
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        // Mapped and open files outlive the folder.
        Table::create(dir, header.clone(), BTreeMap::new())
    }

    fn replay(&mut self, frames: Vec<Frame>, access: Access) -> Result<(), String> {
        let mut frames = frames.into_iter();
        let base = match frames.next() {
            Some(Frame::Open { format, generation }) if format <= FORMAT => generation,
            Some(Frame::Open { .. }) => {
                return Err("the journal was written by a newer version".into());
            }
            _ => return Err("the journal is damaged".into()),
        };
        if base > self.header.generation {
            return Err("baseline and journal are not of one time".into());
        }
        if base < self.header.generation {
            // Folded, and cut down before the journal was begun anew: all of it is in the snapshot.
            return match access {
                Access::Write => self.restart_journal().map_err(|e| e.to_string()),
                Access::Read => Ok(()),
            };
        }
        for frame in frames {
            self.apply(frame);
        }
        Ok(())
    }

    fn apply(&mut self, frame: Frame) {
        match frame {
            Frame::Open { .. } => {}
            Frame::Stamps(stamps) => self.apply_stamps(stamps),
            Frame::Intend { run, side, items } => {
                self.open_runs.push(OpenRun { run, side, items });
            }
            Frame::Prepare { header, rows } => self.prepared = Some(Prepared { header, rows }),
            Frame::Commit { generation } => {
                if let Some(prepared) = self.prepared.take_if(|p| p.header.generation == generation)
                {
                    self.header = prepared.header;
                    for (path, record) in prepared.rows {
                        self.set(path, record.map(Record::from));
                    }
                    self.open_runs.clear();
                    self.marked = false;
                }
            }
            Frame::Marked { generation } => self.marked |= generation == self.header.generation,
        }
    }

    fn apply_stamps(&mut self, stamps: Vec<(RelPath, Option<Stamp>, Pieces)>) {
        for (path, stamp, pieces) in stamps {
            if let Some(mut record) = self.record(&path) {
                record.stamp = stamp;
                record.pieces = pieces;
                self.set(path, Some(record));
            }
        }
    }

    fn set(&mut self, path: RelPath, record: Option<Record>) {
        let folder = self.overlay.entry(path.parent_bytes().into()).or_default();
        folder.insert(path.name().into(), record);
    }

    /// Whether the files still are the ones that this state was read from and wrote: no other
    /// process has advanced it since.
    pub fn is_current(&self) -> bool {
        let now = |name| rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).ok();
        now(JOURNAL).is_some_and(|stat| self.journal.is(&stat)) && now(SNAPSHOT).is_some()
    }

    /// The generation in force.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// A generation prepared but not in force.
    pub fn prepared(&self) -> Option<&Prepared> {
        self.prepared.as_ref()
    }

    /// Intents that no generation has closed.
    pub fn open_runs(&self) -> &[OpenRun] {
        &self.open_runs
    }

    /// Whether the marker step of the generation in force was finished.
    pub fn marked(&self) -> bool {
        self.marked
    }

    /// The whole record of `path`.
    pub fn record(&self, path: &RelPath) -> Option<Record> {
        if let Some(folder) = self.overlay.get(path.parent_bytes())
            && let Some(found) = folder.get(path.name())
        {
            return found.clone();
        }
        let folder = self.snapshot.find(path.parent_bytes()).ok()?;
        self.snapshot.row(folder, path.name()).map(|row| row.to_record())
    }

    /// Calls `visit` for the rows of the folder `dir`, sorted by name.
    pub fn folder_rows<'a>(&'a self, dir: &[u8], visit: &mut dyn FnMut(RowView<'a>)) {
        let mut above = self.overlay.get(dir).into_iter().flatten().peekable();
        if let Ok(folder) = self.snapshot.find(dir) {
            for row in self.snapshot.rows(folder) {
                while let Some((name, record)) = above.next_if(|(name, _)| &***name < row.name) {
                    if let Some(record) = record {
                        visit(RowView::of(name, record));
                    }
                }
                match above.next_if(|(name, _)| &***name == row.name) {
                    Some((name, Some(record))) => visit(RowView::of(name, record)),
                    Some((_, None)) => {}
                    None => visit(row),
                }
            }
        }
        for (name, record) in above {
            if let Some(record) = record {
                visit(RowView::of(name, record));
            }
        }
    }

    /// Calls `visit` with every folder that holds rows (or once held some), sorted, from `dir`
    /// downwards; `None` for all. Stops when `visit` returns false.
    pub fn folders(&self, dir: Option<&[u8]>, visit: &mut dyn FnMut(&[u8]) -> bool) {
        let inside = |path: &[u8]| match dir {
            None => true,
            Some(dir) => {
                path == dir || (path.starts_with(dir) && path.get(dir.len()) == Some(&b'/'))
            }
        };
        let start = dir.unwrap_or_default();
        let from = self.snapshot.find(start).unwrap_or_else(|place| place);
        // Between a folder and its subfolders other names may sort (`a`, `a.b`, `a/b`), but all
        // share the prefix, so the range ends where the prefix does.
        let in_range = |path: &[u8]| path.starts_with(start);
        let mut below = (from..self.snapshot.folders())
            .map(|i| self.snapshot.folder_path(i))
            .take_while(|path| in_range(path))
            .peekable();
        let above = self
            .overlay
            .range::<[u8], _>((std::ops::Bound::Included(start), std::ops::Bound::Unbounded));
        for path in above.map(|(path, _)| &**path).take_while(|path| in_range(path)) {
            while let Some(lower) = below.next_if(|lower| *lower < path) {
                if inside(lower) && !visit(lower) {
                    return;
                }
            }
            below.next_if(|lower| *lower == path);
            if inside(path) && !visit(path) {
                return;
            }
        }
        for path in below {
            if inside(path) && !visit(path) {
                return;
            }
        }
    }

    /// Notes new evidence for unchanged rows. Not made durable on its own: losing it costs time.
    ///
    /// # Errors
    /// What writing says.
    pub fn note_stamps(&mut self, stamps: Vec<(RelPath, Option<Stamp>, Pieces)>) -> io::Result<()> {
        if stamps.is_empty() {
            return Ok(());
        }
        let frame = Frame::Stamps(stamps);
        self.journal.append(&frame)?;
        self.apply(frame);
        Ok(())
    }

    /// Journals what a run is about to do, durably.
    ///
    /// # Errors
    /// What the system says; nothing may then be applied.
    pub fn intend(&mut self, run: &str, side: Side, items: Vec<Item>) -> io::Result<()> {
        self.write_frame(Frame::Intend { run: run.to_owned(), side, items })
    }

    /// Journals the next generation, durably, without putting it in force.
    ///
    /// # Errors
    /// What the system says.
    pub fn prepare(
        &mut self,
        header: Header,
        rows: Vec<(RelPath, Option<StoredRecord>)>,
    ) -> io::Result<()> {
        self.write_frame(Frame::Prepare { header, rows })
    }

    /// Puts the prepared generation in force, durably.
    ///
    /// # Errors
    /// What the system says, or if nothing was prepared.
    pub fn commit(&mut self) -> io::Result<()> {
        let generation = match &self.prepared {
            Some(prepared) => prepared.header.generation,
            None => return Err(io::Error::other("no generation was prepared")),
        };
        self.write_frame(Frame::Commit { generation })
    }

    /// Notes that the marker carries the generation in force, and folds the journal into the
    /// snapshot if it has grown large beside it.
    ///
    /// # Errors
    /// What the system says.
    pub fn mark(&mut self) -> io::Result<()> {
        let frame = Frame::Marked { generation: self.header.generation };
        self.journal.append(&frame)?;
        self.apply(frame);
        let limit = FOLD_FLOOR.max(self.snapshot.len_bytes() as u64 / 4);
        // What is open is in the journal alone.
        let settled = self.prepared.is_none() && self.open_runs.is_empty();
        if settled && self.journal.length() > limit { self.fold() } else { Ok(()) }
    }

    fn write_frame(&mut self, frame: Frame) -> io::Result<()> {
        self.journal.append(&frame)?;
        self.journal.sync()?;
        self.apply(frame);
        Ok(())
    }

    fn fold(&mut self) -> io::Result<()> {
        write_snapshot(self.dir.as_fd(), &self.header, Some(self), &self.overlay)?;
        let file = open_existing(self.dir.as_fd(), SNAPSHOT, Access::Write)?
            .ok_or(io::ErrorKind::NotFound)?;
        (self.header, self.snapshot) = Snapshot::open(&file)?;
        self.overlay.clear();
        self.restart_journal()
    }

    fn restart_journal(&mut self) -> io::Result<()> {
        reset_journal(self.dir.as_fd(), self.header.generation)?;
        let file = open_existing(self.dir.as_fd(), JOURNAL, Access::Write)?
            .ok_or(io::ErrorKind::NotFound)?;
        self.journal = Journal::open(file)?.0;
        Ok(())
    }

    /// All rows, for handing the baseline to a side that lost its own.
    pub fn all_records(&self, visit: &mut dyn FnMut(RelPath, Record)) {
        self.folders(None, &mut |dir| {
            self.folder_rows(dir, &mut |row| {
                if let Ok(path) = path::join_bytes(dir, row.name) {
                    visit(path, row.to_record());
                }
            });
            true
        });
    }
}

impl Baseline for Table {
    fn row(&self, path: &RelPath) -> Option<Row> {
        self.record(path).map(|record| record.row)
    }

    fn below(&self, dir: Option<&RelPath>, visit: &mut dyn FnMut(&RelPath, &Row) -> bool) {
        // Rows are stored by folder; the order promised is that of whole paths.
        let mut found: Vec<(RelPath, Row)> = Vec::new();
        self.folders(dir.map(RelPath::as_bytes), &mut |folder| {
            self.folder_rows(folder, &mut |row| {
                if let Ok(path) = path::join_bytes(folder, row.name) {
                    found.push((path, row.to_record().row));
                }
            });
            true
        });
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (path, row) in &found {
            if !visit(path, row) {
                return;
            }
        }
    }

    fn trusted(&self) -> bool {
        self.header.trusted
    }
}

fn write_snapshot(
    dir: BorrowedFd<'_>,
    header: &Header,
    below: Option<&Table>,
    overlay: &BTreeMap<Box<[u8]>, Folder>,
) -> io::Result<()> {
    let mut writer = SnapshotWriter::new(header);
    match below {
        Some(table) => table.folders(None, &mut |folder| {
            let mut rows = Vec::new();
            table.folder_rows(folder, &mut |row| rows.push((row.name, row.to_record())));
            writer.folder(folder, rows.into_iter());
            true
        }),
        None => {
            for (folder, rows) in overlay {
                let rows = rows.iter().filter_map(|(name, r)| Some((&**name, r.clone()?)));
                writer.folder(folder, rows);
            }
        }
    }
    let temporary = format!("{SNAPSHOT}.new");
    writer.finish(File::from(atomic::create(dir, &temporary)?))?;
    rustix::fs::renameat(dir, &temporary, dir, SNAPSHOT)?;
    crate::fs::platform::sync_file(dir)
}

fn reset_journal(dir: BorrowedFd<'_>, generation: u64) -> io::Result<()> {
    atomic::write(
        dir,
        JOURNAL,
        &super::journal::encode(&Frame::Open { format: FORMAT, generation }),
    )
}

fn open_existing(dir: BorrowedFd<'_>, name: &str, access: Access) -> io::Result<Option<File>> {
    let access = match access {
        Access::Read => OFlags::RDONLY,
        Access::Write => OFlags::RDWR,
    };
    let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(dir, name, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}
