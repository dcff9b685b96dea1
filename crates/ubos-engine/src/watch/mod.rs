//! Watching a territory: which paths are worth looking at. Hints only shorten the delay; what is
//! true is what the next look at the disk shows, and a scan of everything comes regularly.
//!
//! A thread of its own takes the system's hints, watches folders as they appear and waits until
//! the dust has settled (`settle`). Where the system gives no hints (no more watches, a file system
//! that has none) the watch says so, and every wait ends in a full scan.

pub mod rhythm;
pub mod settings;
mod settle;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;

use ubos_core::path::RelPath;
use ubos_core::selection::{DirScope, Selection, Verdict};

use crate::fs::platform::{self, Hint, Watcher};
use crate::fs::{Root, list, open_child_dir};
use settle::Settle;

/// What is worth looking at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dirty {
    /// These paths, each with all that is below it.
    pub paths: BTreeSet<RelPath>,
    /// Everything: hints were lost, or there are none.
    pub everything: bool,
    /// Somebody ended the wait.
    pub called: bool,
}

impl Dirty {
    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.everything
    }
}

/// A watch on the selected part of a territory. Dropping it ends its thread.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    stop: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
    begun: Instant,
}

#[derive(Debug, Default)]
struct State {
    settle: Settle,
    lost: bool,
    /// Why there are no hints, or not of all folders.
    blind: Option<String>,
    /// Somebody else wants the waiting one to go on.
    called: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Lets another thread end a wait.
#[derive(Debug, Clone)]
pub struct Caller(Arc<Shared>);

impl Caller {
    /// Ends the wait that is going on, or the one that was to follow.
    pub fn call(&self) {
        self.0.state().called = true;
        self.0.news.notify_all();
    }
}

impl Watch {
    /// Watches what `selection` selects below `root`. Folders are watched before they are looked
    /// into, so that nothing falls between; the caller scans everything once after this.
    pub fn start(root: Root, selection: Selection) -> Watch {
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared { state, news: Condvar::new(), begun: Instant::now() });
        match Hand::new(root, selection, Arc::clone(&shared)) {
            Ok((hand, stop)) => {
                let thread = Some(std::thread::spawn(move || hand.run()));
                Watch { shared, stop: Some(stop), thread }
            }
            Err(error) => {
                shared.state().blind = Some(error.to_string());
                Watch { shared, stop: None, thread: None }
            }
        }
    }

    /// Why some or all changes are only found by a full scan; `None` if hints come for everything.
    pub fn blind(&self) -> Option<String> {
        self.shared.state().blind.clone()
    }

    /// Lets another thread end the next wait. Whoever called for an earlier one is forgotten.
    pub fn caller(&self) -> Caller {
        self.shared.state().called = false;
        Caller(Arc::clone(&self.shared))
    }

    /// Waits until something has settled, somebody calls, or `until`. Returns what is worth looking
    /// at, which may be nothing.
    pub fn wait(&self, until: Instant) -> Dirty {
        let mut state = self.shared.state();
        loop {
            let now = Instant::now();
            let due = state.settle.due().map(|due| self.shared.begun + due);
            let has_settled = due.is_some_and(|due| due <= now);
            if state.lost || state.called || has_settled || now >= until {
                let called = std::mem::take(&mut state.called);
                let everything = std::mem::take(&mut state.lost);
                // What is still going on stays, whatever else ended the wait.
                let settled = has_settled.then(|| state.settle.take(self.shared.now()));
                let paths = settled.unwrap_or_default();
                return Dirty { paths: selectable(paths), everything, called };
            }
            let next = due.map_or(until, |due| due.min(until));
            let waited = self.shared.news.wait_timeout(state, next - now);
            state = waited.expect("no holder of this lock panics").0;
        }
    }

    /// As [`Watch::take`], but for a burst that goes on: that is one look at its end.
    pub fn take_but_burst(&self) -> Dirty {
        let state = self.shared.state();
        if !state.lost && state.settle.in_burst(self.shared.now()) {
            return Dirty::default();
        }
        drop(state);
        self.take()
    }

    /// Everything that there were hints about so far, settled or not.
    pub fn take(&self) -> Dirty {
        let mut state = self.shared.state();
        let everything = std::mem::take(&mut state.lost);
        Dirty { paths: selectable(state.settle.take_all()), everything, called: false }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The thread ends when the other end of its pipe is closed.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has already been reported; there is nothing left to do about it.
            let _ = thread.join();
        }
    }
}

fn selectable(paths: BTreeSet<Vec<u8>>) -> BTreeSet<RelPath> {
    paths.into_iter().filter_map(|path| RelPath::new(path).ok()).collect()
}

/// The thread that takes the system's hints.
struct Hand {
    root: Root,
    selection: Arc<Selection>,
    watcher: Watcher,
    stopped: OwnedFd,
    shared: Arc<Shared>,
}

/// A folder that is to be watched.
struct Folder<'s> {
    parent: Arc<OwnedFd>,
    name: Vec<u8>,
    path: Vec<u8>,
    scope: DirScope<'s>,
}

impl Hand {
    fn new(root: Root, selection: Selection, shared: Arc<Shared>) -> io::Result<(Hand, OwnedFd)> {
        let watcher = Watcher::new(root.path())?;
        let (stopped, stop) = platform::pipe()?;
        let selection = Arc::new(selection);
        let mut hand = Hand { root, selection, watcher, stopped, shared };
        let top = hand.root.fd().try_clone_to_owned()?;
        let selection = Arc::clone(&hand.selection);
        hand.watch_below(top, Vec::new(), selection.root());
        Ok((hand, stop))
    }

    /// Watches a folder and all that are selected below it. Each is watched before it is listed.
    fn watch_below(&mut self, top: OwnedFd, path: Vec<u8>, scope: DirScope<'_>) {
        if !Watcher::FOLDER_BY_FOLDER {
            return;
        }
        let mut waiting = Vec::new();
        let mut next = Some((Arc::new(top), path, scope));
        while let Some((fd, path, scope)) = next.take() {
            if let Err(error) = self.watcher.add(fd.as_fd(), &path) {
                // Gone already, or the system allows no more: the rest is found by full scans.
                if error.kind() != io::ErrorKind::NotFound {
                    self.shared.state().blind = Some(refusal(&error));
                    return;
                }
            }
            waiting.extend(folders_in(&fd, &path, &scope));
            while let Some(Folder { parent, name, path, scope }) = waiting.pop() {
                if let Ok(fd) = open_child_dir(parent.as_fd(), &name) {
                    next = Some((Arc::new(fd), path, scope));
                    break;
                }
            }
        }
    }

    /// Watches a folder that appeared, if it takes part.
    fn watch_new_folder(&mut self, path: &RelPath) {
        let selection = Arc::clone(&self.selection);
        let mut scope = selection.root();
        for name in path.components() {
            if !takes_part(scope.judge(name, true)) {
                return;
            }
            scope = scope.enter(name);
        }
        if let Ok(fd) = self.root.open_dir(path.as_bytes()) {
            self.watch_below(fd, path.as_bytes().to_vec(), scope);
        }
    }

    fn run(mut self) {
        let mut hints = Vec::new();
        loop {
            match self.ready() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.go_blind(&error),
            }
            if let Err(error) = self.watcher.read(&mut hints) {
                return self.go_blind(&error);
            }
            for hint in hints.drain(..) {
                self.take(hint);
            }
            self.shared.news.notify_all();
        }
    }

    /// Waits for hints; false if the watch has ended.
    fn ready(&self) -> io::Result<bool> {
        loop {
            let mut fds = [
                PollFd::from_borrowed_fd(self.watcher.fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.stopped.as_fd(), PollFlags::IN),
            ];
            match poll(&mut fds, None::<&Timespec>) {
                Ok(_) if !fds[1].revents().is_empty() => return Ok(false),
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn go_blind(&self, error: &io::Error) {
        let mut state = self.shared.state();
        state.blind = Some(error.to_string());
        state.lost = true;
        drop(state);
        self.shared.news.notify_all();
    }

    fn take(&mut self, hint: Hint) {
        let (path, settled, appeared) = match hint {
            Hint::Lost => {
                self.shared.state().lost = true;
                return;
            }
            Hint::Path { path, settled } => (path, settled, false),
            Hint::Gone(path) => (path, true, false),
            Hint::Folder(path) => (path, true, true),
        };
        let Ok(path) = RelPath::new(path) else { return };
        if appeared {
            self.watch_new_folder(&path);
        }
        let judged = |is_dir| takes_part(self.selection.judge_path(&path, is_dir));
        if judged(false) || judged(true) {
            let now = self.shared.now();
            self.shared.state().settle.note(path.as_bytes().to_vec(), settled, now);
        }
    }
}

fn takes_part(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Selected(_) | Verdict::Passage)
}

fn folders_in<'s>(fd: &Arc<OwnedFd>, path: &[u8], scope: &DirScope<'s>) -> Vec<Folder<'s>> {
    let listed = list(fd.as_fd()).unwrap_or_default();
    let folders = listed.into_iter().filter(|entry| {
        matches!(entry.kind, FileType::Directory | FileType::Unknown)
            && takes_part(scope.judge(&entry.name, true))
    });
    folders
        .map(|entry| Folder {
            parent: Arc::clone(fd),
            path: match path {
                b"" => entry.name.to_vec(),
                path => [path, b"/", &entry.name].concat(),
            },
            scope: scope.enter(&entry.name),
            name: entry.name.to_vec(),
        })
        .collect()
}

fn refusal(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::StorageFull {
        return "the system allows no more watches (fs.inotify.max_user_watches)".to_owned();
    }
    error.to_string()
}
