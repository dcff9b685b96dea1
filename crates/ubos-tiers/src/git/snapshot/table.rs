//! What the last snapshot knew, so that the next reads only what changed. All of it can be lost: it is
//! made again from the manifest of the last snapshot, or by reading.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_engine::fs::atomic;
use ubos_engine::state::StateDir;

use crate::git::command::Git;
use crate::git::error::{BackupError, Result};
use crate::git::manifest::{Kept, What};
use crate::git::manifests;
use crate::git::names::STATE;
use crate::git::objects::Oid;
use crate::git::tree::list_tree;

const NAME: &str = "table";
/// The format, and the program that examined the contents: another one may find more in them.
const FORMAT: &str = concat!("ubos-sync backup table 1, ", env!("CARGO_PKG_VERSION"), "\n");

/// The last known version of a file or link that is in the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Hash of the content; of a link, of its text.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The blob that holds it.
    pub blob: Oid,
    /// Whether it is a symbolic link.
    pub symlink: bool,
    /// Permission bits when it was seen.
    pub permissions: u32,
    /// Modification time when it was seen, nanoseconds since 1970.
    pub mtime: i64,
}

/// A log that is kept in segments, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Hash of the recorded bytes.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    /// In which generation.
    pub generation: u32,
}

/// What the last snapshot knew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Files and links in the snapshot or on the branch of the other territory's files.
    pub rows: BTreeMap<RelPath, Row>,
    /// Logs in segments.
    pub logs: BTreeMap<RelPath, LogRow>,
    /// The commit on the branch of logs that [`Table::logs`] is about.
    pub logs_at: Option<Oid>,
    /// The list of each folder in the manifest: its hash and its blob.
    pub lists: BTreeMap<Vec<u8>, (Digest, Oid)>,
    /// The commit that the user's index still follows, where it could not be brought along.
    pub index_at: Option<Oid>,
}

impl Table {
    /// Reads the table; `None` if there is none that can be understood.
    ///
    /// # Errors
    /// What the system says.
    pub fn load(state: &StateDir) -> Result<Option<Self>> {
        let folder = state.folder(STATE)?;
        let bytes = atomic::read(folder.as_fd(), NAME)
            .map_err(|e| BackupError::io("read", state.path(&format!("{STATE}/{NAME}")), e))?;
        Ok(bytes.and_then(|bytes| read(&bytes)))
    }

    /// Writes it.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&self, state: &StateDir) -> Result<()> {
        let folder = state.folder(STATE)?;
        atomic::replace(folder.as_fd(), NAME, &write(self))
            .map_err(|e| BackupError::io("write", state.path(&format!("{STATE}/{NAME}")), e))
    }

    /// A lost table, as far as the newest manifest tells. Rows are hints: they count only where the
    /// tree has the same blob.
    ///
    /// # Errors
    /// What git says.
    pub fn rebuild(git: &Git) -> Result<Self> {
        let Some((about, manifest)) = manifests::newest(git)? else { return Ok(Self::default()) };
        let mut tree = list_tree(git, &about.snapshot)?;
        if let Some(branch) = &about.branch {
            tree.extend(list_tree(git, branch)?);
        }
        let mut rows = BTreeMap::new();
        for (path, entry) in manifests::entries(git, &manifest)? {
            let Some((_, blob)) = tree.get(path.as_bytes()) else { continue };
            let (digest, size, kept) = match &entry.what {
                What::File { size, kept, .. } => (entry.digest(), *size, kept),
                // The text of a link is compared with the blob itself.
                What::Symlink { .. } | What::Dir => continue,
            };
            if let (Some(digest), Some(permissions), Kept::Snapshot | Kept::Branch(_)) =
                (digest, entry.permissions(), kept)
            {
                let mtime = entry.mtime;
                let row =
                    Row { digest, size, blob: blob.clone(), symlink: false, permissions, mtime };
                rows.insert(path, row);
            }
        }
        Ok(Self { rows, ..Self::default() })
    }
}

fn write(table: &Table) -> Vec<u8> {
    let body = postcard::to_stdvec(table).expect("a table is plain data");
    let mut bytes = FORMAT.as_bytes().to_vec();
    bytes.extend_from_slice(&Digest::of(&body).0);
    bytes.extend_from_slice(&body);
    bytes
}

fn read(bytes: &[u8]) -> Option<Table> {
    let (digest, body) = bytes.strip_prefix(FORMAT.as_bytes())?.split_at_checked(32)?;
    if Digest::of(body).0 != digest {
        return None;
    }
    postcard::from_bytes(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_not_whole_is_none() {
        let mut table = Table { index_at: Some(Oid("a".repeat(40))), ..Table::default() };
        table.lists.insert(b"docs".to_vec(), (Digest::of(b"x"), Oid("b".repeat(40))));
        let bytes = write(&table);
        assert_eq!(read(&bytes), Some(table));
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), None, "{end}");
        }
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(read(&flipped), None);
        assert_eq!(read(&[b"other", &bytes[..]].concat()), None);
    }
}
