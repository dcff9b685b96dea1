//! How many bytes of state a run wrote, seen from outside: what is new or has changed below
//! `.ubos-sync/state` of both sides.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::peers::Pair;

/// The files of state of a pair: which inode, how long, last written when.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StateFiles(BTreeMap<PathBuf, Seen>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    inode: u64,
    bytes: u64,
    written: (i64, i64),
}

impl StateFiles {
    /// The state of both sides as it is now.
    pub(crate) fn of(pair: &Pair) -> Self {
        let mut files = BTreeMap::new();
        for root in [&pair.here, &pair.there] {
            collect(&root.join(".ubos-sync/state"), &mut files);
        }
        Self(files)
    }

    /// Bytes written to get from `before` to here: the whole of a new or rewritten file, the tail
    /// of one that grew in place.
    pub(crate) fn written_since(&self, before: &Self) -> u64 {
        self.0.iter().map(|(path, now)| written(before.0.get(path), *now)).sum()
    }
}

fn written(before: Option<&Seen>, now: Seen) -> u64 {
    match before {
        Some(then) if *then == now => 0,
        Some(then) if then.inode == now.inode && now.bytes > then.bytes => now.bytes - then.bytes,
        _ => now.bytes,
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Seen>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            collect(&entry.path(), files);
        } else {
            let written = (metadata.mtime(), metadata.mtime_nsec());
            files.insert(
                entry.path(),
                Seen { inode: metadata.ino(), bytes: metadata.len(), written },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_counts_the_tail_and_a_rewrite_counts_whole() {
        let before = Seen { inode: 1, bytes: 100, written: (5, 0) };
        assert_eq!(written(Some(&before), before), 0);
        assert_eq!(written(Some(&before), Seen { bytes: 130, written: (6, 0), ..before }), 30);
        assert_eq!(written(Some(&before), Seen { written: (6, 0), ..before }), 100);
        assert_eq!(written(Some(&before), Seen { inode: 2, bytes: 130, written: (6, 0) }), 130);
        assert_eq!(written(None, before), 100);
    }
}
