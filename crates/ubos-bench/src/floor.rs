//! The floor: what no tool can go below, measured in the same minutes as the tools.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::sync::{Condvar, Mutex};

use anyhow::{Context as _, Result};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};

use crate::corpus::{At, BIG};
use crate::peers::{Pair, Setting};

const OPEN_FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// `ssh HOST true` over a fresh connection.
pub(crate) fn ssh_true(setting: &Setting) -> Command {
    let mut command = Command::new(&setting.ssh);
    command.args([&setting.destination, "true"]);
    command
}

/// The whole tree through `tar` at both ends of ssh, from the side that holds it.
pub(crate) fn tar_over_ssh(setting: &Setting, pair: &Pair, from: At) -> Command {
    let (ssh, host) = (setting.ssh.display(), &setting.destination);
    let (here, there) = (pair.here.display(), pair.there.display());
    shell(&match from {
        At::Here => format!("tar -C '{here}' -cf - . | '{ssh}' {host} \"tar -C '{there}' -xf -\""),
        At::There => format!("'{ssh}' {host} \"tar -C '{there}' -cf - .\" | tar -C '{here}' -xf -"),
    })
}

/// The one large file through ssh into a file over there.
pub(crate) fn cat_over_ssh(setting: &Setting, pair: &Pair) -> Command {
    let (ssh, host) = (setting.ssh.display(), &setting.destination);
    let (here, there) = (pair.here.display(), pair.there.display());
    shell(&format!("'{ssh}' {host} \"cat > '{there}/big.bin'\" < '{here}/{BIG}'"))
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Folders found and not yet read, and how many threads might still find more.
struct Queue {
    folders: Vec<OwnedFd>,
    reading: usize,
}

/// Looks at every entry below `root` once (open, list, stat) with two threads; returns how many
/// entries there were.
pub(crate) fn stat_walk(root: &Path) -> Result<u64> {
    let top = openat(CWD, root, OPEN_FOLDER, Mode::empty())
        .with_context(|| format!("cannot open {}", root.display()))?;
    let queue = Mutex::new(Queue { folders: vec![top], reading: 0 });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| walk_share(&queue, &changed));
        let first = walk_share(&queue, &changed)?;
        Ok(first + second.join().expect("the walk does not panic")?)
    })
}

fn walk_share(queue: &Mutex<Queue>, changed: &Condvar) -> Result<u64> {
    let mut count = 0;
    loop {
        let folder = {
            let mut state = queue.lock().expect("the walk does not panic");
            loop {
                if let Some(folder) = state.folders.pop() {
                    state.reading += 1;
                    break folder;
                }
                if state.reading == 0 {
                    return Ok(count);
                }
                state = changed.wait(state).expect("the walk does not panic");
            }
        };
        let read = read_folder(&folder);
        let mut state = queue.lock().expect("the walk does not panic");
        state.reading -= 1;
        let outcome = read.map(|(entries, folders)| {
            count += entries;
            state.folders.extend(folders);
        });
        drop(state);
        changed.notify_all();
        outcome?;
    }
}

fn read_folder(folder: &OwnedFd) -> Result<(u64, Vec<OwnedFd>)> {
    let mut found = Vec::new();
    let mut count = 0;
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        count += 1;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            found.push(openat(folder, name, OPEN_FOLDER, Mode::empty())?);
        }
    }
    Ok((count, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_sees_every_entry_once() {
        let root = tempfile::tempdir().expect("a temporary folder can be made");
        for folder in 0..30 {
            let path = root.path().join(format!("{}/{folder}", folder % 3));
            std::fs::create_dir_all(&path).unwrap();
            for file in 0..7 {
                std::fs::write(path.join(file.to_string()), b"x").unwrap();
            }
        }
        assert_eq!(stat_walk(root.path()).unwrap(), 3 + 30 + 30 * 7);
    }

    #[test]
    fn a_missing_root_is_an_error() {
        let root = tempfile::tempdir().expect("a temporary folder can be made");
        assert!(stat_walk(&root.path().join("absent")).is_err());
    }
}
