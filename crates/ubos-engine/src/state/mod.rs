//! `StateDir`: the only place that knows where a territory keeps its things.
//!
//! Below `.ubos-sync/` of a root, mode 0700, on the root's own file system: `config.toml`,
//! `marker`, `state/` (lock; a folder for each pair with baseline and journal), `staging/`,
//! `backups/`, `sealed/`, `conflicts/`, `log/`.

pub mod audit;
pub mod chain;
pub mod config;
pub mod generation;
pub mod journal;
pub mod lock;
pub mod machine;
pub mod marker;
pub mod matters;
pub mod pack;
mod policies;
pub mod record;
pub mod requests;
pub mod snapshot;
pub mod table;
pub mod texts;
pub mod versions;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use crate::error::{EngineError, Result};
use crate::fs::{Root, atomic, open_child_dir};

/// The name of a territory's private folder.
pub const PRIVATE: &str = ".ubos-sync";

/// The private folder of a territory, held open.
#[derive(Debug)]
pub struct StateDir {
    root: Root,
    fd: OwnedFd,
}

impl StateDir {
    /// Opens the private folder of the territory at `root`.
    ///
    /// # Errors
    /// [`EngineError::Guard`] `root-missing` if the root or its private folder is absent, is a link
    /// or cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let root = Root::open(path).map_err(|e| root_missing(path, &e))?;
        match open_child_dir(root.fd(), PRIVATE.as_bytes()) {
            Ok(fd) => Ok(Self { root, fd }),
            Err(e) => Err(root_missing(&path.join(PRIVATE), &e)),
        }
    }

    /// Whether the folder that is open still stands at its path: it may have been moved away, or
    /// something may have been mounted over it.
    ///
    /// # Errors
    /// As [`StateDir::open`]; [`EngineError::Guard`] if another folder stands there now.
    pub fn still_stands(&self) -> Result<()> {
        let path = self.root.path();
        let there = StateDir::open(path)?;
        let place = |fd: BorrowedFd<'_>| {
            let stat = rustix::fs::fstat(fd).map_err(|e| EngineError::io("look at", path, e))?;
            Ok::<_, EngineError>((stat.st_dev, stat.st_ino))
        };
        let same = place(there.root.fd())? == place(self.root.fd())?
            && place(there.fd())? == place(self.fd())?;
        match same {
            true => Ok(()),
            false => Err(EngineError::guard(
                "foreign-root",
                format!("`{}` is another folder than before", path.display()),
                "the next run looks whether it is the territory of this pair",
            )),
        }
    }

    /// Makes the private folder of the territory at `root`, and opens it; safe to repeat.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(path: &Path) -> Result<Self> {
        let root = Root::open(path).map_err(|e| EngineError::io("open", path, e))?;
        let make = || -> io::Result<OwnedFd> {
            let fd = root.make_dir_all(PRIVATE.as_bytes(), 0o700)?;
            rustix::fs::fchmod(&fd, Mode::RWXU)?;
            if atomic::read(fd.as_fd(), ".gitignore")?.is_none() {
                atomic::write(fd.as_fd(), ".gitignore", b"*\n")?;
            }
            Ok(fd)
        };
        let fd = make().map_err(|e| EngineError::io("create", path.join(PRIVATE), e))?;
        Ok(Self { root, fd })
    }

    /// The territory's root.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The private folder's handle.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The path of `name` in the private folder, for messages.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(PRIVATE).join(name)
    }

    /// Opens the folder `name` (may contain `/`) in the private folder, making what is missing.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder(&self, name: &str) -> Result<OwnedFd> {
        let full = format!("{PRIVATE}/{name}");
        self.root
            .make_dir_all(full.as_bytes(), 0o700)
            .map_err(|e| EngineError::io("open", self.path(name), e))
    }

    /// Opens the folder `name` in the private folder; `None` if it is missing.
    ///
    /// # Errors
    /// What the system says.
    pub fn existing_folder(&self, name: &str) -> Result<Option<OwnedFd>> {
        let full = format!("{PRIVATE}/{name}");
        match self.root.open_dir(full.as_bytes()) {
            Ok(fd) => Ok(Some(fd)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(EngineError::io("open", self.path(name), e)),
        }
    }

    /// The folder of one pair's baseline and journal.
    ///
    /// # Errors
    /// What the system says.
    pub fn pair_folder(&self, pair: &str) -> Result<OwnedFd> {
        self.folder(&format!("state/{pair}"))
    }
}

fn root_missing(path: &Path, error: &io::Error) -> EngineError {
    let why = match path.is_symlink() {
        true => "it is a symbolic link".to_owned(),
        false => error.to_string(),
    };
    EngineError::guard(
        "root-missing",
        format!("`{}` cannot be opened as a territory: {why}", path.display()),
        "mount or restore the folder; if it was never paired, run `ubos-sync init` there",
    )
}
