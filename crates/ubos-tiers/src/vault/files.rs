//! Reads the files of a vault's settings: never through a symbolic link, never more than a bound.

use std::io::{self, Read};
use std::path::Path;

use rustix::fs::FileType;

use ubos_core::path::RelPath;
use ubos_engine::error::EngineError;
use ubos_engine::fs::{Root, Stamp, list};

/// Larger files are no settings.
pub const MAX_SETTINGS: u64 = 16 << 20;

/// A vault's folder, open for reading.
#[derive(Debug)]
pub struct VaultFiles {
    root: Root,
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name; bytes that are not UTF-8 are escaped.
    pub name: String,
    /// What it is, itself: a link is a link.
    pub kind: FileType,
}

impl VaultFiles {
    /// Opens the folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(vault: &Path) -> Result<Self, EngineError> {
        let root = Root::open(vault).map_err(|e| EngineError::io("open", vault, e))?;
        Ok(Self { root })
    }

    /// What a file holds; `None` if nothing stands there.
    ///
    /// # Errors
    /// If it cannot be read, is too large, or something else than a file stands there.
    pub fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let path = RelPath::new(path).map_err(|e| io::Error::other(e.to_string()))?;
        if self.root.stat(&path)?.is_none() {
            return Ok(None);
        }
        let (fd, stat) = match self.root.open_file(&path) {
            Ok(opened) => opened,
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                return Err(io::Error::other("something else than a file stands there"));
            }
            Err(e) => return Err(e),
        };
        if Stamp::of(&stat).size > MAX_SETTINGS {
            return Err(io::Error::other(format!("larger than {} MiB", MAX_SETTINGS >> 20)));
        }
        let mut bytes = Vec::new();
        std::fs::File::from(fd).take(MAX_SETTINGS).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Whether anything stands at a path.
    pub fn exists(&self, path: &str) -> bool {
        RelPath::new(path).is_ok_and(|path| self.root.stat(&path).ok().flatten().is_some())
    }

    /// The names in a folder, sorted; none where there is no such folder.
    pub fn names(&self, dir: &str) -> Vec<Name> {
        use std::os::fd::AsFd;
        let Ok(fd) = self.root.open_dir(dir.as_bytes()) else { return Vec::new() };
        let listed = list(fd.as_fd()).unwrap_or_default();
        let name = |entry: ubos_engine::fs::Listed| {
            let kind = match entry.kind {
                FileType::Unknown => ubos_core::path::join_bytes(dir.as_bytes(), &entry.name)
                    .ok()
                    .and_then(|path| self.root.stat(&path).ok().flatten())
                    .map_or(FileType::Unknown, |stat| Stamp::of(&stat).file_type()),
                kind => kind,
            };
            Name { name: ubos_core::path::escape_bytes(&entry.name), kind }
        };
        listed.into_iter().map(name).collect()
    }

    /// The folders in a folder.
    pub fn folders(&self, dir: &str) -> Vec<String> {
        let folders = self.names(dir).into_iter().filter(|name| name.kind.is_dir());
        folders.map(|name| name.name).collect()
    }
}
