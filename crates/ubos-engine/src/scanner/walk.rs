//! The parallel walk: folders from a shared stack, each merged with its rows of the baseline.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex};

use rustix::fs::FileType;

use ubos_core::entry::{Digest, Entry, Observation, Problem, State};
use ubos_core::manifest::Direction;
use ubos_core::path::{self, RelPath};
use ubos_core::selection::{DirScope, Verdict, is_disposable_junk};

use super::{ScanRequest, links};
use crate::fs::{Listed, Stamp, device, list, open_child_dir, read_link, stat_in};
use crate::state::config::Symlinks;
use crate::state::record::{Record, RowView};

/// A file whose content must be looked at.
pub(super) struct HashJob {
    pub path: RelPath,
    pub direction: Direction,
    pub stamp: Stamp,
    pub record: Option<Record>,
}

/// What the walk found.
#[derive(Default)]
pub(super) struct Walked {
    pub changes: Vec<(RelPath, Observation)>,
    pub jobs: Vec<HashJob>,
    /// Records of files that are no longer at their paths: a new path with the same inode and
    /// times is the same file, moved.
    pub vanished: Vec<Record>,
    pub scanned: u64,
    /// Folders that directly hold content that takes no part.
    pub untracked: BTreeSet<Box<[u8]>>,
    /// Folders on the way to selected ones that could not be looked into, where nothing was known
    /// to be below.
    pub closed: BTreeSet<RelPath>,
    visited: Vec<Box<[u8]>>,
    problems: BTreeSet<Box<[u8]>>,
}

struct Job<'s> {
    parent: Arc<OwnedFd>,
    path: Vec<u8>,
    scope: DirScope<'s>,
    selected: bool,
}

struct Queue<'s> {
    jobs: Vec<Job<'s>>,
    busy: usize,
}

/// Walks the selected tree.
pub(super) fn walk(request: &ScanRequest<'_>) -> io::Result<Walked> {
    let root = Arc::new(request.root.fd().try_clone_to_owned()?);
    let mut first = Worker::new(request);
    let mut jobs = Vec::new();
    first.folder(&root, b"", &request.selection.root(), &mut jobs)?;
    let mut found = run_jobs(request, jobs, first.found);
    add_rows_of_missing_folders(request, None, &mut found);
    Ok(found)
}

/// Looks at one path and walks what is below it. `parent` is the folder it stands in, `scope` what
/// the selection says there.
pub(super) fn walk_one(
    request: &ScanRequest<'_>,
    parent: &Arc<OwnedFd>,
    scope: &DirScope<'_>,
    path: &RelPath,
    found: Walked,
) -> io::Result<Walked> {
    let mut worker = Worker { request, found };
    let mut below = Vec::new();
    let record = request.table.record(path);
    let row = record.as_ref().map(|record| RowView::of(path.name(), record));
    match stat_in(parent.as_fd(), path.name())? {
        Some(stat) => {
            let dir = path.parent_bytes();
            let mut place = Place { fd: parent, dir, scope, below: &mut below };
            let kind = Stamp::of(&stat).file_type();
            worker.entry(&mut place, &Listed { name: path.name().into(), kind }, row.as_ref());
        }
        None => {
            if let Some(row) = &row {
                worker.absent(path.parent_bytes(), scope, row);
            }
        }
    }
    let mut found = run_jobs(request, below, worker.found);
    add_rows_of_missing_folders(request, Some(path.as_bytes()), &mut found);
    Ok(found)
}

fn run_jobs<'s>(request: &ScanRequest<'s>, jobs: Vec<Job<'s>>, mut found: Walked) -> Walked {
    if jobs.is_empty() {
        return found;
    }
    let queue = Mutex::new(Queue { jobs, busy: 0 });
    let ready = Condvar::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..request.threads.max(1))
            .map(|_| scope.spawn(|| run_worker(request, &queue, &ready)))
            .collect();
        for worker in workers {
            found.merge(worker.join().expect("a walking thread does not panic"));
        }
    });
    found
}

fn run_worker<'s>(request: &ScanRequest<'s>, queue: &Mutex<Queue<'s>>, ready: &Condvar) -> Walked {
    let mut worker = Worker::new(request);
    let mut below = Vec::new();
    loop {
        let job = {
            let mut queue = queue.lock().expect("no holder of this lock panics");
            loop {
                if let Some(job) = queue.jobs.pop() {
                    queue.busy += 1;
                    break job;
                }
                if queue.busy == 0 {
                    ready.notify_all();
                    return worker.found;
                }
                queue = ready.wait(queue).expect("no holder of this lock panics");
            }
        };
        worker.job(job, &mut below);
        let mut queue = queue.lock().expect("no holder of this lock panics");
        queue.busy -= 1;
        queue.jobs.append(&mut below);
        ready.notify_all();
    }
}

impl Walked {
    fn merge(&mut self, other: Walked) {
        self.changes.extend(other.changes);
        self.jobs.extend(other.jobs);
        self.vanished.extend(other.vanished);
        self.scanned += other.scanned;
        self.untracked.extend(other.untracked);
        self.closed.extend(other.closed);
        self.visited.extend(other.visited);
        self.problems.extend(other.problems);
    }
}

struct Worker<'a, 's> {
    request: &'a ScanRequest<'s>,
    found: Walked,
}

impl<'a, 's> Worker<'a, 's> {
    fn new(request: &'a ScanRequest<'s>) -> Self {
        Self { request, found: Walked::default() }
    }

    fn job(&mut self, job: Job<'s>, below: &mut Vec<Job<'s>>) {
        let name = match job.path.iter().rposition(|&b| b == b'/') {
            Some(cut) => &job.path[cut + 1..],
            None => &job.path[..],
        };
        let opened = open_child_dir(job.parent.as_fd(), name).and_then(|fd| {
            let fd = Arc::new(fd);
            self.folder(&fd, &job.path, &job.scope, below)
        });
        if let Err(error) = opened {
            let vanished = error.kind() == io::ErrorKind::NotFound;
            let problem = if vanished { Problem::Busy } else { Problem::Unreadable };
            self.problem_folder(&job.path, problem, job.selected);
        }
    }

    /// A folder that cannot be looked into: nothing below it is known.
    fn problem_folder(&mut self, dir: &[u8], problem: Problem, selected: bool) {
        self.found.problems.insert(dir.into());
        let rows_below = || {
            let mut any = false;
            self.request.table.folders(Some(dir), &mut |_| {
                any = true;
                false
            });
            any
        };
        let Ok(path) = RelPath::new(dir) else { return };
        if selected || rows_below() {
            self.found.changes.push((path, Observation::of(State::Problem(problem))));
        } else if problem != Problem::Special {
            self.found.closed.insert(path);
        }
    }

    fn folder(
        &mut self,
        fd: &Arc<OwnedFd>,
        dir: &[u8],
        scope: &DirScope<'s>,
        below: &mut Vec<Job<'s>>,
    ) -> io::Result<()> {
        let listed = list(fd.as_fd())?;
        self.found.visited.push(dir.into());
        let mut rest = listed.iter().peekable();
        let table = self.request.table;
        let mut place = Place { fd, dir, scope, below };
        table.folder_rows(dir, &mut |row| {
            while let Some(entry) = rest.next_if(|entry| &*entry.name < row.name) {
                self.entry(&mut place, entry, None);
            }
            match rest.next_if(|entry| &*entry.name == row.name) {
                Some(entry) => self.entry(&mut place, entry, Some(&row)),
                None => self.absent(dir, scope, &row),
            }
        });
        for entry in rest {
            self.entry(&mut place, entry, None);
        }
        Ok(())
    }

    fn absent(&mut self, dir: &[u8], scope: &DirScope<'s>, row: &RowView<'_>) {
        if !matches!(scope.judge(row.name, row.is_dir()), Verdict::Selected(_)) {
            return;
        }
        if row.is_file() {
            self.found.vanished.push(row.to_record());
        }
        if let Ok(path) = path::join_bytes(dir, row.name) {
            self.found.changes.push((path, Observation::of(State::Absent)));
        }
    }

    fn entry(&mut self, place: &mut Place<'_, 's>, listed: &Listed, row: Option<&RowView<'_>>) {
        let Ok(path) = path::join_bytes(place.dir, &listed.name) else { return };
        let mut kind = listed.kind;
        let mut stamp = None;
        if kind == FileType::Unknown {
            match stat_in(place.fd.as_fd(), &listed.name) {
                Ok(Some(stat)) => {
                    let known = Stamp::of(&stat);
                    kind = known.file_type();
                    stamp = Some((known, device(&stat)));
                }
                _ => return self.trouble(place, path, Problem::Busy),
            }
        }
        match place.scope.judge(&listed.name, kind == FileType::Directory) {
            Verdict::Excluded | Verdict::Unselected => {
                // Selected as a folder, and now a file of that name that is not (or the reverse).
                if let Some(row) = row.filter(|row| row.is_dir() != (kind == FileType::Directory)) {
                    self.absent(place.dir, place.scope, row);
                }
                if !is_disposable_junk(&listed.name) && !self.found.untracked.contains(place.dir) {
                    self.found.untracked.insert(place.dir.into());
                }
                self.obstacle(place, &listed.name, path, kind);
            }
            Verdict::Passage => place.descend(&listed.name, path, false),
            Verdict::Selected(direction) => {
                let stamp = match stamp {
                    Some(known) => Ok(Some(known)),
                    None => stat_in(place.fd.as_fd(), &listed.name)
                        .map(|stat| stat.map(|stat| (Stamp::of(&stat), device(&stat)))),
                };
                match stamp {
                    Ok(Some((stamp, dev))) => {
                        self.selected(place, path, direction, stamp, dev, row);
                    }
                    // Gone or unreadable between listing and looking.
                    _ => self.trouble(place, path, Problem::Busy),
                }
            }
        }
    }

    /// Something that is not selected stands where selected paths were below a folder.
    fn obstacle(&mut self, place: &Place<'_, 's>, name: &[u8], path: RelPath, kind: FileType) {
        if kind != FileType::Directory && matches!(place.scope.judge(name, true), Verdict::Passage)
        {
            self.problem_folder(&path, Problem::Special, false);
        }
    }

    fn trouble(&mut self, place: &Place<'_, 's>, path: RelPath, problem: Problem) {
        if !matches!(place.scope.judge(path.name(), false), Verdict::Selected(_)) {
            return;
        }
        self.found.problems.insert(path.as_bytes().into());
        self.found.changes.push((path, Observation::of(State::Problem(problem))));
    }

    fn selected(
        &mut self,
        place: &mut Place<'_, 's>,
        path: RelPath,
        direction: Direction,
        stamp: Stamp,
        dev: u64,
        row: Option<&RowView<'_>>,
    ) {
        match stamp.file_type() {
            FileType::Directory if dev != self.request.root.dev() => {
                self.found.problems.insert(path.as_bytes().into());
                self.found.changes.push((path, Observation::of(State::Problem(Problem::Mount))));
            }
            FileType::Directory => {
                if !row.is_some_and(RowView::is_dir) {
                    self.push(&path, State::Present(Entry::Dir), &stamp, None);
                }
                let name = path.name().to_vec();
                place.descend(&name, path, true);
            }
            FileType::Symlink => self.link(place.fd.as_fd(), place.dir, path, &stamp, row),
            FileType::RegularFile => self.file(path, direction, stamp, row),
            _ => {
                self.found.problems.insert(path.as_bytes().into());
                self.found.changes.push((path, Observation::of(State::Problem(Problem::Special))));
            }
        }
    }

    fn link(
        &mut self,
        fd: BorrowedFd<'_>,
        dir: &[u8],
        path: RelPath,
        stamp: &Stamp,
        row: Option<&RowView<'_>>,
    ) {
        self.found.scanned += 1;
        let Ok(target) = read_link(fd, path.name()) else {
            self.found.changes.push((path, Observation::of(State::Problem(Problem::Busy))));
            return;
        };
        if self.request.symlinks == Symlinks::Held && links::escapes(dir, &target) {
            self.found.problems.insert(path.as_bytes().into());
            let mark = Some(Digest::of(&target));
            self.push(&path, State::Problem(Problem::EscapingLink), stamp, mark);
            return;
        }
        let entry = Entry::Symlink { target };
        let unchanged = row
            .is_some_and(|row| row.is_link() && row.to_record().row.base.entry() == Some(&entry));
        if !unchanged {
            self.push(&path, State::Present(entry), stamp, None);
        }
    }

    fn file(
        &mut self,
        path: RelPath,
        direction: Direction,
        stamp: Stamp,
        row: Option<&RowView<'_>>,
    ) {
        self.found.scanned += 1;
        if let Some(row) = row
            && row.is_file()
            && row.stamp == Some(stamp)
            && !self.request.verify
        {
            return;
        }
        let record = row.map(RowView::to_record);
        self.found.jobs.push(HashJob { path, direction, stamp, record });
    }

    fn push(&mut self, path: &RelPath, state: State, stamp: &Stamp, prefix: Option<Digest>) {
        let observation = Observation {
            state,
            mtime: Some(stamp.mtime_parts()),
            mode: stamp.permissions(),
            prefix,
        };
        self.found.changes.push((path.clone(), observation));
    }
}

/// The folder that is being looked at.
struct Place<'p, 's> {
    fd: &'p Arc<OwnedFd>,
    dir: &'p [u8],
    scope: &'p DirScope<'s>,
    below: &'p mut Vec<Job<'s>>,
}

impl Place<'_, '_> {
    fn descend(&mut self, name: &[u8], path: RelPath, selected: bool) {
        self.below.push(Job {
            parent: Arc::clone(self.fd),
            path: path.as_bytes().to_vec(),
            scope: self.scope.enter(name),
            selected,
        });
    }
}

/// Rows of folders (in `top` and below, or all) that the walk never entered are absent, unless a
/// folder above could not be read.
fn add_rows_of_missing_folders(request: &ScanRequest<'_>, top: Option<&[u8]>, found: &mut Walked) {
    let visited: HashSet<&[u8]> = found.visited.iter().map(|dir| &**dir).collect();
    let unknown = |dir: &[u8]| {
        !found.problems.is_empty()
            && (found.problems.contains(dir)
                || RelPath::new(dir).is_ok_and(|path| {
                    path.ancestors().any(|up| found.problems.contains(up.as_bytes()))
                }))
    };
    let mut absent = Vec::new();
    let mut vanished = Vec::new();
    request.table.folders(top, &mut |dir| {
        if visited.contains(dir) || unknown(dir) {
            return true;
        }
        request.table.folder_rows(dir, &mut |row| {
            let Ok(path) = path::join_bytes(dir, row.name) else { return };
            if !matches!(request.selection.judge_path(&path, row.is_dir()), Verdict::Selected(_)) {
                return;
            }
            if row.is_file() {
                vanished.push(row.to_record());
            }
            absent.push((path, Observation::of(State::Absent)));
        });
        true
    });
    found.changes.extend(absent);
    found.vanished.extend(vanished);
}
