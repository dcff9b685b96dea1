//! Hints about changes from Linux: one inotify watch for each folder, added by handle.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::mem::MaybeUninit;
use std::ops::Bound;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::Hint;

/// Bytes of events read at a time.
const BUFFER: usize = 64 << 10;

/// Watches on folders of one tree.
#[derive(Debug)]
pub struct Native {
    fd: OwnedFd,
    folders: HashMap<i32, Vec<u8>>,
    watches: BTreeMap<Vec<u8>, i32>,
    buffer: Vec<MaybeUninit<u8>>,
}

impl Native {
    /// Whether one watch covers a folder only, so that each has to be added.
    pub const FOLDER_BY_FOLDER: bool = true;

    /// A watch on nothing yet.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(_root: &std::path::Path) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let buffer = vec![MaybeUninit::uninit(); BUFFER];
        Ok(Self { fd, folders: HashMap::new(), watches: BTreeMap::new(), buffer })
    }

    /// Watches the folder that is open as `dir` and stands at `path` (empty: the root).
    ///
    /// # Errors
    /// What the system says, such as no more watches.
    pub fn add(&mut self, dir: BorrowedFd<'_>, path: &[u8]) -> io::Result<()> {
        // Files that were removed but are still open are of no interest, nor is who reads.
        let flags = WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ATTRIB
            | WatchFlags::EXCL_UNLINK
            | WatchFlags::ONLYDIR;
        let place = format!("/proc/self/fd/{}", dir.as_raw_fd());
        let watch = inotify::add_watch(&self.fd, place.as_str(), flags)?;
        if let Some(former) = self.folders.insert(watch, path.to_vec()) {
            self.watches.remove(&former);
        }
        self.watches.insert(path.to_vec(), watch);
        Ok(())
    }

    /// Becomes readable when there are hints.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Takes all hints that are there, without waiting.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&mut self, hints: &mut Vec<Hint>) -> io::Result<()> {
        let mut gone = Vec::new();
        let mut reader = Reader::new(&self.fd, &mut self.buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(e) => return Err(e.into()),
            };
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                hints.push(Hint::Lost);
                continue;
            }
            let Some(folder) = self.folders.get(&event.wd()) else { continue };
            if flags.contains(ReadFlags::UNMOUNT) || folder.is_empty() && ended(flags) {
                // The root itself went away, or a file system below it.
                hints.push(Hint::Lost);
            }
            if flags.contains(ReadFlags::IGNORED) {
                gone.push(event.wd());
                continue;
            }
            let mut path = folder.clone();
            if let Some(name) = event.file_name() {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(name.to_bytes());
            }
            hints.push(hint(flags, path));
        }
        for watch in gone {
            if let Some(path) = self.folders.remove(&watch) {
                self.watches.remove(&path);
            }
        }
        for hint in hints.iter() {
            if let Hint::Gone(path) = hint {
                self.drop_below(path);
            }
        }
        Ok(())
    }

    /// Folders that were moved away are watched no more: their names would be wrong.
    fn drop_below(&mut self, top: &[u8]) {
        let below = [top, b"/"].concat();
        let from = (Bound::Included(&below[..]), Bound::Unbounded);
        let inside = self.watches.range::<[u8], _>(from).map(|(path, _)| path);
        let mut old: Vec<Vec<u8>> =
            inside.take_while(|path| path.starts_with(&below)).cloned().collect();
        old.push(top.to_vec());
        for path in old {
            if let Some(watch) = self.watches.remove(&path) {
                self.folders.remove(&watch);
                // Already gone with its folder is as good as removed.
                let _ = inotify::remove_watch(&self.fd, watch);
            }
        }
    }
}

/// Whether this is the last that is heard of a folder.
fn ended(flags: ReadFlags) -> bool {
    flags.contains(ReadFlags::IGNORED)
}

fn hint(flags: ReadFlags, path: Vec<u8>) -> Hint {
    let is_folder = flags.contains(ReadFlags::ISDIR);
    if is_folder && flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        return Hint::Folder(path);
    }
    if is_folder && flags.contains(ReadFlags::MOVED_FROM) {
        return Hint::Gone(path);
    }
    // Whoever makes or fills a file is not done before it is closed; links and hard links come
    // whole, and a short wait does not harm them.
    let unsettled = flags.intersects(ReadFlags::MODIFY | ReadFlags::CREATE);
    Hint::Path { path, settled: !unsettled }
}
