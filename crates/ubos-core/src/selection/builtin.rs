//! What is never synced, whatever the manifests say.
//!
//! Two names can never be: the program's own folder, and git's, whose content only git may move.
//! The other names are junk and half-written files of editors, browsers, databases and other
//! sync programs; the configuration can switch them off or add to them.

use serde::{Deserialize, Serialize};

/// The names of the rules' §11, as gitignore patterns.
const DEFAULTS: [&str; 20] = [
    ".DS_Store",
    "._*",
    "Thumbs.db",
    ".Spotlight-V100",
    ".Trashes",
    ".fseventsd",
    "*~",
    "*.swp",
    ".#*",
    "~$*",
    "*.part",
    "*.crdownload",
    "*.tmp",
    "*.sqlite-wal",
    "*.sqlite-shm",
    "*-journal",
    // A vault may lie in any folder of the root.
    "**/.obsidian/workspace*.json",
    ".stfolder",
    ".unison.*",
    ".rclone*",
];

/// What the configuration says about the names that are excluded by default.
///
/// Both sides of a run must use the same one: a path that only one side excludes looks deleted to
/// the other. See [`super::Selection::digest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builtin {
    /// Whether the default names are excluded at all.
    pub defaults: bool,
    /// More patterns, as in the exclude manifest; `!*.tmp` takes a default back.
    pub extra: Vec<String>,
    /// Whether either side's file system takes letters of either case for the same. Patterns then
    /// do too, so that both sides select the same paths.
    pub fold_case: bool,
}

impl Default for Builtin {
    fn default() -> Self {
        Self { defaults: true, extra: Vec::new(), fold_case: false }
    }
}

impl Builtin {
    /// The patterns in force, in order.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &str> {
        let defaults: &[&str] = if self.defaults { &DEFAULTS } else { &[] };
        defaults.iter().copied().chain(self.extra.iter().map(String::as_str))
    }
}

/// Whether a component is the program's own folder or git's, in any spelling that some file
/// system takes for it. Such a name is never read, written or entered, at any depth.
pub fn is_reserved_name(name: &[u8]) -> bool {
    if name.is_ascii() {
        return name.eq_ignore_ascii_case(b".git") || name.eq_ignore_ascii_case(b".ubos-sync");
    }
    let Ok(text) = std::str::from_utf8(name) else {
        return false;
    };
    let plain: String = text.chars().filter(|c| !is_invisible(*c)).map(plain_letter).collect();
    plain.eq_ignore_ascii_case(".git") || plain.eq_ignore_ascii_case(".ubos-sync")
}

/// Characters that HFS+ leaves out when it compares names.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// The long s folds to `s`, so `.ubo\u{17f}-sync` can be our folder.
fn plain_letter(c: char) -> char {
    if c == '\u{17f}' { 's' } else { c }
}

/// Whether a name is junk that may go to the backups with the folder that holds it.
pub fn is_disposable_junk(name: &[u8]) -> bool {
    name == b".DS_Store" || name == b"Thumbs.db" || name.starts_with(b"._")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_in_every_spelling() {
        for name in [".git", ".GIT", ".ubos-sync", ".Ubos-Sync", ".g\u{200c}it", ".ubo\u{17f}-sync"]
        {
            assert!(is_reserved_name(name.as_bytes()), "{name:?}");
        }
        for name in [".gitignore", "git", ".ubos-sync2", "é", ".github"] {
            assert!(!is_reserved_name(name.as_bytes()), "{name:?}");
        }
        assert!(!is_reserved_name(b"\xff"));
    }

    #[test]
    fn disposable_junk_is_exactly_the_three() {
        for name in [".DS_Store", "._x", "Thumbs.db"] {
            assert!(is_disposable_junk(name.as_bytes()));
        }
        for name in [".ds_store", "x.tmp", ".Trashes"] {
            assert!(!is_disposable_junk(name.as_bytes()));
        }
    }
}
