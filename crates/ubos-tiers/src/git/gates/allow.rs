//! The allow-list: findings that a person looked at and let through, each by its fingerprint.
//!
//! A line is a fingerprint and, after white space, whatever the person wants to note beside it;
//! `#` begins a comment line.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::FINGERPRINT;
use crate::git::error::{BackupError, Result};

/// In the root: travels with the territory.
const SHARED: &str = "config/backup_allow.conf";
/// In the private folder: for this machine alone.
const PRIVATE: &str = "backup-allow";

/// What is let through.
#[derive(Debug, Default)]
pub(super) struct AllowList {
    fingerprints: BTreeSet<String>,
    wrong: Vec<String>,
}

impl AllowList {
    /// Reads both files; one that is missing allows nothing.
    pub(super) fn load(state: &Path, root: &Path) -> Result<Self> {
        let mut list = Self::default();
        for (shown, file) in
            [(SHARED.to_owned(), root.join(SHARED)), (private_name(state), state.join(PRIVATE))]
        {
            match std::fs::read(&file) {
                Ok(bytes) => list.take(&shown, &bytes),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(BackupError::io("read", file, e)),
            }
        }
        Ok(list)
    }

    /// Lines that allow nothing.
    pub(super) fn wrong(&self) -> &[String] {
        &self.wrong
    }

    pub(super) fn holds(&self, fingerprint: &str) -> bool {
        self.fingerprints.contains(fingerprint)
    }

    fn take(&mut self, file: &str, bytes: &[u8]) {
        for (number, line) in String::from_utf8_lossy(bytes).lines().enumerate() {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let word = line.split_whitespace().next().unwrap_or_default();
            if word.len() == 2 * FINGERPRINT && word.bytes().all(|b| b.is_ascii_hexdigit()) {
                self.fingerprints.insert(word.to_ascii_lowercase());
            } else {
                // What stands there may be the secret itself: it is not shown.
                let digits = 2 * FINGERPRINT;
                self.wrong.push(format!(
                    "{file}, line {}: does not begin with a fingerprint of {digits} hexadecimal digits",
                    number + 1
                ));
            }
        }
    }
}

fn private_name(state: &Path) -> String {
    let folder = state.file_name().map(PathBuf::from).unwrap_or_default();
    folder.join(PRIVATE).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_count_and_wrong_lines_are_named() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join(".ubos-sync");
        std::fs::create_dir_all(root.path().join("config")).unwrap();
        std::fs::create_dir_all(&state).unwrap();
        let shared = "\u{feff}# why\n\n00112233445566778899 a sample\nhunter2\n";
        std::fs::write(root.path().join(SHARED), shared).unwrap();
        std::fs::write(state.join(PRIVATE), "AABBCCDDEEFF00112233\n0011 2\n").unwrap();
        let list = AllowList::load(&state, root.path()).unwrap();
        assert!(list.holds("00112233445566778899") && list.holds("aabbccddeeff00112233"));
        assert!(!list.holds("0011"));
        assert_eq!(list.wrong().len(), 2, "{:?}", list.wrong());
        assert!(list.wrong()[0].starts_with("config/backup_allow.conf, line 4: "));
        assert!(list.wrong()[1].starts_with(".ubos-sync/backup-allow, line 2: "));
        assert!(!list.wrong()[0].contains("hunter2"));
    }

    #[test]
    fn no_file_allows_nothing_and_an_unreadable_one_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join(".ubos-sync");
        assert!(AllowList::load(&state, root.path()).unwrap().fingerprints.is_empty());
        std::fs::create_dir_all(root.path().join(SHARED)).unwrap();
        assert!(AllowList::load(&state, root.path()).is_err());
    }
}
