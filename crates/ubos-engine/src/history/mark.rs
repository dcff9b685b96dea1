//! What stood at a path, as the audit log writes it: a hash, a link's text, `folder`, or nothing.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use ubos_core::entry::{Digest, Entry};
use ubos_core::path::escape_bytes;

use crate::fs::{Stamp, open_file_in, read_link, stat_in};
use crate::scanner::digest::hash_file;

/// What stood, or stands, at a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// Nothing.
    Absent,
    /// A file of this content.
    File {
        /// BLAKE3 of the content.
        digest: Digest,
        /// Whether its owner may execute it.
        exec: bool,
    },
    /// A link; of its text what reports show, in which bytes that are not UTF-8 are escaped.
    Link(String),
    /// A folder.
    Folder,
}

impl Mark {
    /// The mark of an entry.
    pub fn of(entry: Option<&Entry>) -> Self {
        match entry {
            None => Mark::Absent,
            Some(Entry::Dir) => Mark::Folder,
            Some(Entry::Symlink { target }) => Mark::Link(escape_bytes(target)),
            Some(Entry::File { digest, exec, .. }) => Mark::File { digest: *digest, exec: *exec },
        }
    }

    /// As the log has it.
    pub fn to_value(&self) -> Value {
        match self {
            Mark::Absent => Value::Null,
            Mark::Folder => "folder".into(),
            Mark::Link(text) => format!("link:{text}").into(),
            Mark::File { digest, exec } => {
                format!("{}{}", digest.to_hex(), if *exec { "+x" } else { "" }).into()
            }
        }
    }

    /// Reads what [`Mark::to_value`] wrote; `None` for anything else.
    pub fn from_value(value: Option<&Value>) -> Option<Self> {
        let text = match value {
            None | Some(Value::Null) => return Some(Mark::Absent),
            Some(value) => value.as_str()?,
        };
        if text == "folder" {
            return Some(Mark::Folder);
        }
        if let Some(target) = text.strip_prefix("link:") {
            return Some(Mark::Link(target.to_owned()));
        }
        let (hex, exec) = match text.strip_suffix("+x") {
            Some(hex) => (hex, true),
            None => (text, false),
        };
        Some(Mark::File { digest: Digest::from_hex(hex)?, exec })
    }

    /// Whether something stands there.
    pub fn is_present(&self) -> bool {
        *self != Mark::Absent
    }

    /// Same kind and same bytes or text; the executable bit may differ.
    pub fn same_content(&self, other: &Mark) -> bool {
        match (self, other) {
            (Mark::File { digest: a, .. }, Mark::File { digest: b, .. }) => a == b,
            (a, b) => a == b,
        }
    }

    /// The content hash of a file.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Mark::File { digest, .. } => Some(*digest),
            _ => None,
        }
    }
}

/// What stands at `name` in `dir` now, with its stamp. A file is read.
///
/// # Errors
/// What the system says; `EINVAL` for a special file; `WouldBlock` for a file that changed while
/// it was read.
pub fn look(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<(Mark, Stamp)>> {
    let Some(stat) = stat_in(dir, name)? else { return Ok(None) };
    let stamp = Stamp::of(&stat);
    let mark = match stamp.file_type() {
        FileType::Directory => Mark::Folder,
        FileType::Symlink => Mark::Link(escape_bytes(&read_link(dir, name)?)),
        FileType::RegularFile => {
            let (fd, _) = open_file_in(dir, name)?;
            let digest = hash_file(fd.as_fd(), stamp.size, 1)?.digest;
            let after = Stamp::of(&rustix::fs::fstat(&fd)?);
            if after != stamp {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Mark::File { digest, exec: stamp.exec() }
        }
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    Ok(Some((mark, stamp)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_log_says_is_read_as_it_was_meant() {
        let file = |exec| Mark::File { digest: Digest::of(b"a"), exec };
        for mark in
            [Mark::Absent, Mark::Folder, Mark::Link("folder".into()), file(true), file(false)]
        {
            assert_eq!(Mark::from_value(Some(&mark.to_value())), Some(mark));
        }
        assert_eq!(Mark::from_value(Some(&"what?".into())), None);
        assert!(file(true).same_content(&file(false)));
        assert!(!file(true).same_content(&Mark::Absent));
    }
}
