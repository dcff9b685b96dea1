//! Obsidian's *Excluded files*: `userIgnoreFilters` in the settings, which leave files out of the graph
//! view, of unlinked mentions and of searches. Links to them lead there all the same.
//!
//! A filter between slashes is a regular expression, any other the beginning of a path; case does not
//! matter. One that cannot be understood leaves nothing out.

use std::fs;
use std::path::Path;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::note::key;
use crate::vault::config_dir;

/// The file with the settings, in their folder.
const FILE: &str = "app.json";
/// More of that file is not read.
const MAX_BYTES: u64 = 1 << 20;
/// More filters are not taken.
const MAX_FILTERS: usize = 1000;
/// Largest regular expression, in bytes of memory.
const MAX_REGEX: usize = 1 << 20;

/// Which files are left out.
#[derive(Debug, Clone, Default)]
pub struct Excluded {
    filters: Vec<String>,
    beginnings: Vec<String>,
    patterns: Vec<Regex>,
}

impl PartialEq for Excluded {
    fn eq(&self, other: &Self) -> bool {
        self.filters == other.filters
    }
}

impl Excluded {
    /// What the settings of the vault at `vault` leave out; nothing where there are none.
    pub fn of(vault: &Path) -> Self {
        let name = |entry: fs::DirEntry| Some(entry.file_name().to_string_lossy().into_owned());
        let present: Vec<String> = fs::read_dir(vault)
            .map(|all| all.flatten().filter_map(name).filter(|n| n.starts_with('.')).collect())
            .unwrap_or_default();
        let Ok(folder) = config_dir::choose(None, &present) else { return Self::default() };
        let file = vault.join(folder).join(FILE);
        // A link may lead anywhere; a file of settings is none.
        let is_small = |stat: fs::Metadata| stat.is_file() && stat.len() <= MAX_BYTES;
        match file.symlink_metadata().is_ok_and(is_small) {
            true => fs::read(file).map(|bytes| Self::read(&bytes)).unwrap_or_default(),
            false => Self::default(),
        }
    }

    /// What the settings in these bytes leave out.
    pub fn read(bytes: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let mut excluded = Self::default();
        let filters = value["userIgnoreFilters"].as_array().map(Vec::as_slice).unwrap_or_default();
        for filter in filters.iter().filter_map(Value::as_str).take(MAX_FILTERS) {
            excluded.filters.push(filter.to_owned());
            let pattern = filter.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
            match pattern.filter(|pattern| !pattern.is_empty()) {
                Some(pattern) => {
                    let mut built = RegexBuilder::new(pattern);
                    let built = built.case_insensitive(true).size_limit(MAX_REGEX).build();
                    excluded.patterns.extend(built.ok());
                }
                None if filter.trim_start_matches('/').is_empty() => {}
                None => excluded.beginnings.push(key(filter)),
            }
        }
        excluded
    }

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether the file at `path` is left out.
    pub fn covers(&self, path: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let lower = key(path);
        self.beginnings.iter().any(|beginning| lower.starts_with(beginning))
            || self.patterns.iter().any(|pattern| pattern.is_match(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_beginning_or_a_regular_expression() {
        let text = r#"{"userIgnoreFilters": ["Archive/", "docs/draft", "/\\.tmp\\.md$/", "/(/", "", "/", 7]}"#;
        let excluded = Excluded::read(text.as_bytes());
        for path in ["archive/a.md", "Archive/b/c.md", "docs/Drafts/x.md", "x/y.TMP.md"] {
            assert!(excluded.covers(path), "{path}");
        }
        for path in ["x/archive/a.md", "archive.md", "docs/final.md", "tmp.md", "(.md"] {
            assert!(!excluded.covers(path), "{path}");
        }
        for nothing in ["", "[]", "{", r#"{"userIgnoreFilters": "docs"}"#] {
            assert_eq!(Excluded::read(nothing.as_bytes()), Excluded::default());
        }
    }

    #[test]
    fn the_settings_are_found_also_in_a_renamed_folder() {
        let vault = tempfile::tempdir().unwrap();
        assert!(!Excluded::of(vault.path()).covers("x/a.md"));
        let settings = vault.path().join(".obsidian-desk");
        fs::create_dir(&settings).unwrap();
        fs::write(settings.join(FILE), r#"{"userIgnoreFilters": ["x/"]}"#).unwrap();
        assert!(Excluded::of(vault.path()).covers("x/a.md"));
    }
}
