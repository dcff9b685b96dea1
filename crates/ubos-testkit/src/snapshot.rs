//! `Snapshot`: a folder as the kernel shows it, with inodes and times, to prove that nothing was
//! written there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::escape::shown;
use crate::sketch::OWN_FOLDER;

/// What is known of one entry. Of a folder the time is left out: it changes with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// BLAKE3 of a file's bytes or of a link's text; `None` for everything else.
    pub hash: Option<[u8; 32]>,
    /// Kind and permission bits, as `st_mode` has them.
    pub mode: u32,
    /// Modification time in seconds and nanoseconds; zero for a folder.
    pub mtime: (i64, i64),
    /// The inode.
    pub inode: u64,
}

/// All entries below a folder, without `.ubos-sync` at its top unless asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot(BTreeMap<Vec<u8>, Trace>);

impl Snapshot {
    /// The folder as a person sees it: without the program's own folder.
    pub fn of(root: &Path) -> Self {
        Self::taken(root, false)
    }

    /// The folder with the program's own.
    pub fn with_own_folder(root: &Path) -> Self {
        Self::taken(root, true)
    }

    fn taken(root: &Path, with_own: bool) -> Self {
        let mut snapshot = Self::default();
        snapshot.add(root, &mut Vec::new(), with_own);
        snapshot
    }

    /// What is known of `path`.
    pub fn get(&self, path: impl AsRef<[u8]>) -> Option<&Trace> {
        self.0.get(path.as_ref())
    }

    /// All paths, in byte order.
    pub fn iter(&self) -> impl Iterator<Item = (&Vec<u8>, &Trace)> {
        self.0.iter()
    }

    /// Without the paths for which `leave_out` says so.
    #[must_use]
    pub fn without(mut self, leave_out: impl Fn(&[u8]) -> bool) -> Self {
        self.0.retain(|path, _| !leave_out(path));
        self
    }

    /// What differs in `later`, line by line; `None` if nothing was written in between.
    pub fn difference(&self, later: &Self) -> Option<String> {
        let mut lines = Vec::new();
        for (path, trace) in &self.0 {
            match later.0.get(path) {
                None => lines.push(format!("  gone     {}", shown(path))),
                Some(other) if other != trace => {
                    lines.push(format!(
                        "  touched  {}: {}",
                        shown(path),
                        what_differs(trace, other)
                    ));
                }
                Some(_) => {}
            }
        }
        let new = later.0.keys().filter(|path| !self.0.contains_key(*path));
        lines.extend(new.map(|path| format!("  appeared {}", shown(path))));
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn add(&mut self, folder: &Path, prefix: &mut Vec<u8>, with_own: bool) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if prefix.is_empty() && name == OWN_FOLDER && !with_own {
                continue;
            }
            let Ok(meta) = fs::symlink_metadata(entry.path()) else {
                continue;
            };
            let length = prefix.len();
            prefix.extend_from_slice(name.as_bytes());
            self.0.insert(prefix.clone(), trace(&entry.path(), &meta));
            if meta.is_dir() {
                prefix.push(b'/');
                self.add(&entry.path(), prefix, with_own);
            }
            prefix.truncate(length);
        }
    }
}

fn trace(path: &Path, meta: &fs::Metadata) -> Trace {
    let bytes = if meta.is_file() {
        fs::read(path).ok()
    } else if meta.is_symlink() {
        fs::read_link(path).ok().map(|text| text.as_os_str().as_bytes().to_vec())
    } else {
        None
    };
    let mtime = if meta.is_dir() { (0, 0) } else { (meta.mtime(), meta.mtime_nsec()) };
    Trace {
        hash: bytes.map(|bytes| *blake3::hash(&bytes).as_bytes()),
        mode: meta.mode(),
        mtime,
        inode: meta.ino(),
    }
}

fn what_differs(before: &Trace, after: &Trace) -> String {
    let mut words = Vec::new();
    if before.hash != after.hash {
        words.push("content".to_owned());
    }
    if before.mode != after.mode {
        words.push(format!("mode {:o} -> {:o}", before.mode, after.mode));
    }
    if before.mtime != after.mtime {
        words.push("mtime".to_owned());
    }
    if before.inode != after.inode {
        words.push("inode".to_owned());
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use super::*;

    /// What `change` does to a folder with the file `d/f`, as a snapshot tells it.
    fn seen(change: impl Fn(&Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("d")).unwrap();
        fs::write(folder.path().join("d/f"), "A").unwrap();
        let before = Snapshot::of(folder.path());
        change(folder.path());
        before.difference(&Snapshot::of(folder.path())).unwrap_or_default()
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(seen(|_| ()), "");
        assert_eq!(seen(|root| fs::create_dir(root.join(OWN_FOLDER)).unwrap()), "");
    }

    #[test]
    fn a_rewrite_of_the_same_bytes_is_seen() {
        let words = seen(|root| {
            fs::write(root.join("x"), "A").unwrap();
            fs::rename(root.join("x"), root.join("d/f")).unwrap();
        });
        assert!(words.contains("inode") && !words.contains("content"), "{words}");
    }

    #[test]
    fn time_mode_content_and_names_are_seen() {
        let time = seen(|root| {
            let file = fs::File::options().write(true).open(root.join("d/f")).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(5)).unwrap();
        });
        assert!(time.contains("touched  d/f: mtime"), "{time}");
        let mode = seen(|root| {
            fs::set_permissions(root.join("d/f"), fs::Permissions::from_mode(0o600)).unwrap();
        });
        assert!(mode.contains("mode 100644 -> 100600"), "{mode}");
        assert!(seen(|root| fs::write(root.join("d/f"), "B").unwrap()).contains("content"));
        assert_eq!(seen(|root| fs::write(root.join("d/g"), "B").unwrap()), "  appeared d/g");
        assert_eq!(seen(|root| fs::remove_file(root.join("d/f")).unwrap()), "  gone     d/f");
    }
}
