//! Hints about changes from macOS: one stream of FSEvents for the whole tree.
//!
//! Type-checked from Linux and written after Apple's documentation; it has to be seen on a Mac
//! before it is promised.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use notify::event::{CreateKind, ModifyKind, RemoveKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Hint;

/// A stream of hints about one tree.
#[derive(Debug)]
pub struct Native {
    _watcher: RecommendedWatcher,
    hints: Receiver<Hint>,
    ready: OwnedFd,
}

impl Native {
    /// Whether one watch covers a folder only, so that each has to be added.
    pub const FOLDER_BY_FOLDER: bool = false;

    /// Watches the whole tree below `root`.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(root: &Path) -> io::Result<Self> {
        // The stream names resolved paths (`/private/…`).
        let root = root.canonicalize()?;
        let (ready, signal) = rustix::pipe::pipe()?;
        for end in [&ready, &signal] {
            let flags = rustix::fs::fcntl_getfl(end)?;
            rustix::fs::fcntl_setfl(end, flags | rustix::fs::OFlags::NONBLOCK)?;
        }
        let (sender, hints) = channel();
        let top = root.clone();
        let handler = move |event: notify::Result<Event>| {
            forward(event, &top, &sender);
            // A full pipe has been heard already.
            let _ = rustix::io::write(&signal, b".");
        };
        let mut watcher = notify::recommended_watcher(handler).map_err(io::Error::other)?;
        watcher.watch(&root, RecursiveMode::Recursive).map_err(io::Error::other)?;
        Ok(Self { _watcher: watcher, hints, ready })
    }

    /// Nothing: the stream covers every folder.
    ///
    /// # Errors
    /// Never.
    pub fn add(&mut self, _dir: BorrowedFd<'_>, _path: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// Becomes readable when there are hints.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }

    /// Takes all hints that are there, without waiting.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&mut self, hints: &mut Vec<Hint>) -> io::Result<()> {
        let mut buffer = [0u8; 256];
        while matches!(rustix::io::read(&self.ready, &mut buffer[..]), Ok(1..)) {}
        hints.extend(self.hints.try_iter());
        Ok(())
    }
}

fn forward(event: notify::Result<Event>, root: &Path, sender: &Sender<Hint>) {
    let lost = |sender: &Sender<Hint>| {
        // Nobody listens any more if this fails.
        let _ = sender.send(Hint::Lost);
    };
    let Ok(event) = event else { return lost(sender) };
    if event.need_rescan() {
        return lost(sender);
    }
    for path in &event.paths {
        let Some(path) = relative(path, root) else { continue };
        let hint = match event.kind {
            EventKind::Create(CreateKind::Folder) => Hint::Folder(path),
            EventKind::Remove(RemoveKind::Folder) => Hint::Gone(path),
            // Of a rename the stream does not say which end it names.
            EventKind::Modify(ModifyKind::Name(_)) => Hint::Folder(path),
            EventKind::Modify(ModifyKind::Data(_)) => Hint::Path { path, settled: false },
            EventKind::Access(_) => continue,
            _ => Hint::Path { path, settled: true },
        };
        let _ = sender.send(hint);
    }
}

fn relative(path: &PathBuf, root: &Path) -> Option<Vec<u8>> {
    Some(path.strip_prefix(root).ok()?.as_os_str().as_bytes().to_vec())
}
