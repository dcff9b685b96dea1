//! Lines of our own in the files of a repository that belong to this machine alone. What the user
//! wrote there stays; only what is missing is added, and marked.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::git::error::{BackupError, Result};
use crate::git::logs::ATTRIBUTES as ATTRIBUTES_OF_LOGS;

/// Lines that a file should have.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    file: &'static str,
    mark: &'static str,
    /// One below the other.
    lines: &'static str,
    /// Which of them are not there.
    absent: [bool; MOST],
    /// Why they should be there.
    pub(super) why: &'static str,
}

/// Most lines of a kind.
const MOST: usize = 3;

/// Files pass through git as they are, whatever `.gitattributes` in the tree says: this file wins over
/// those.
pub(super) const ATTRIBUTES: Lines = Lines {
    file: "info/attributes",
    mark: "# ubos-sync: files are kept byte for byte",
    lines: "* -text -ident -filter -working-tree-encoding",
    absent: [true; MOST],
    why: "no line end, keyword, filter or encoding is changed on the way through git",
};

/// No search for likenesses where there are none, whoever repacks.
pub(super) const LOGS: Lines = Lines {
    file: "info/attributes",
    mark: "# ubos-sync: pieces of logs have nothing in common",
    lines: ATTRIBUTES_OF_LOGS,
    absent: [true; MOST],
    why: "`git gc` and `git repack` lose no time in comparing pieces of logs",
};

/// What `git add` by hand should not take along.
pub(super) const EXCLUDE: Lines = Lines {
    file: "info/exclude",
    mark: "# ubos-sync: belongs to this machine",
    lines: "/.ubos-sync/\n**/.obsidian/workspace*.json\n**/.obsidian/workspace",
    absent: [true; MOST],
    why: "the private folder and the arrangement of windows are not committed by hand",
};

impl Lines {
    /// What they are, for a person.
    pub(super) fn what(&self) -> String {
        let lines: Vec<&str> = self.lines.lines().collect();
        format!("{}: {}", self.file, lines.join(", "))
    }

    /// Whether none are missing.
    pub(super) fn is_empty(&self) -> bool {
        !self.wanted().any(|_| true)
    }

    /// Those that are missing in the repository at `dir`.
    pub(super) fn missing(&self, dir: &Path) -> Result<Self> {
        let text = read(&dir.join(self.file))?;
        let mut missing = self.clone();
        for (line, absent) in self.lines.lines().zip(&mut missing.absent) {
            *absent =
                !text.split(|&b| b == b'\n').any(|there| there.trim_ascii() == line.as_bytes());
        }
        Ok(missing)
    }

    /// Adds them to the file in the repository at `dir`, at its end, where they win over what stands
    /// above.
    pub(super) fn add(&self, dir: &Path) -> Result<()> {
        let path = dir.join(self.file);
        let text = read(&path)?;
        let mut added = String::new();
        if text.last().is_some_and(|&last| last != b'\n') {
            added.push('\n');
        }
        added.push_str(self.mark);
        for line in self.wanted() {
            added.push('\n');
            added.push_str(line);
        }
        added.push('\n');
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(dir))?;
            let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
            file.write_all(added.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|e| BackupError::io("write", &path, e))
    }

    fn wanted(&self) -> impl Iterator<Item = &'static str> {
        self.lines.lines().zip(self.absent).filter(|(_, absent)| *absent).map(|(line, _)| line)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(BackupError::io("read", path, error)),
    }
}
