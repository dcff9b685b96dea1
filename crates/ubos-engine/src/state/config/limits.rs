//! `[limits]` and `[logs]` of the configuration: how much this territory takes in, how much of its
//! disk stays free, and when the sealed copies of its logs are compressed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use ubos_core::limits::Limits;

use super::{Config, duration, sizes};
use crate::error::{EngineError, Result};

/// Bytes that stay free on the root's file system where the configuration says nothing …
pub const MIN_FREE: u64 = 64 << 20;
/// … or this part of a small one, which would have no room for anything otherwise.
pub const MIN_FREE_PART: u64 = 16;

/// A value as it was written, so that it is saved as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "toml::Value", into = "toml::Value")]
pub enum Written {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// Anything else, which is never right.
    Other(String),
}

impl From<toml::Value> for Written {
    fn from(value: toml::Value) -> Self {
        match value {
            toml::Value::Integer(number) => Written::Number(number),
            toml::Value::String(text) => Written::Text(text),
            other => Written::Other(other.to_string()),
        }
    }
}

impl From<Written> for toml::Value {
    fn from(written: Written) -> Self {
        match written {
            Written::Number(number) => toml::Value::Integer(number),
            Written::Text(text) | Written::Other(text) => toml::Value::String(text),
        }
    }
}

impl Written {
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Written::Number(number) => u64::try_from(*number).ok(),
            Written::Text(text) => sizes::parse(text),
            Written::Other(_) => None,
        }
    }

    fn duration(&self) -> Option<Duration> {
        match self {
            Written::Text(text) => duration::parse(text),
            Written::Number(_) | Written::Other(_) => None,
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Written::Number(number) => number.to_string(),
            Written::Text(text) | Written::Other(text) => text.clone(),
        }
    }
}

/// `[limits]`, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// The largest file that comes here; without it there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_file_size: Option<Written>,
    /// The most that one run brings here; without it there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pull_per_run: Option<Written>,
    /// What stays free on the root's file system (default [`MIN_FREE`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_free_space: Option<Written>,
    /// The largest file by pattern.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, Written>,
}

/// `[logs]`, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Sealed logs that are older than this are compressed; without it they stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress_sealed_after: Option<Written>,
}

/// How much a territory takes in, as it tells its peer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Intake {
    /// The largest file, in bytes.
    pub file: Option<u64>,
    /// The most of one run, in bytes.
    pub run: Option<u64>,
    /// The largest file by pattern, in bytes.
    pub paths: Vec<(String, u64)>,
}

impl Intake {
    /// Compiles the limits. `fold_case`: letters of either case are the same.
    ///
    /// # Errors
    /// [`EngineError::Config`] for a pattern that is none.
    pub fn compile(&self, fold_case: bool) -> Result<Limits> {
        let paths = self.paths.iter().map(|(pattern, size)| (pattern.as_str(), *size));
        Limits::compile(self.file, self.run, paths, fold_case).map_err(|e| EngineError::Config {
            message: format!("`[limits.paths]`: {e}"),
            hint: e.hint,
        })
    }
}

/// A value that is wrong: the keys that lead to it, what is wrong, how to mend it.
type Wrong = (Vec<String>, String, String);

impl Config {
    /// How much this territory takes in. What is no size was refused when the configuration was
    /// read, and limits nothing.
    pub fn intake(&self) -> Intake {
        let size = |written: &Option<Written>| written.as_ref().and_then(Written::size);
        let paths = self.limits.paths.iter();
        Intake {
            file: size(&self.limits.max_file_size),
            run: size(&self.limits.max_pull_per_run),
            paths: paths.filter_map(|(p, size)| Some((p.clone(), size.size()?))).collect(),
        }
    }

    /// Bytes that stay free on the root's file system of `capacity` bytes, whatever a run brings.
    pub fn min_free_space(&self, capacity: u64) -> u64 {
        let set = self.limits.min_free_space.as_ref().and_then(Written::size);
        set.unwrap_or_else(|| MIN_FREE.min(capacity / MIN_FREE_PART))
    }

    /// How old sealed logs are when they are compressed; `None`: never.
    pub fn compress_sealed_after(&self) -> Option<Duration> {
        self.logs.compress_sealed_after.as_ref().and_then(Written::duration)
    }

    /// Finds the first value of `[limits]`, `[logs]` and `[backup]` in `text`, the configuration as it was
    /// written, that is none. Returns the line's number, what is wrong and how to mend it.
    pub(super) fn bad_limit(&self, text: &str) -> Option<(usize, String, String)> {
        let (keys, message, hint) = self
            .wrong_size()
            .or_else(|| self.wrong_log_setting())
            .or_else(|| self.wrong_backup_setting())?;
        Some((line_of(text, &keys), message, hint))
    }

    fn wrong_size(&self) -> Option<Wrong> {
        let LimitSettings { max_file_size, max_pull_per_run, min_free_space, paths } = &self.limits;
        let own = [
            ("max_file_size", max_file_size),
            ("max_pull_per_run", max_pull_per_run),
            ("min_free_space", min_free_space),
        ];
        for (key, written) in own {
            if let Some(written) = written.as_ref().filter(|written| written.size().is_none()) {
                let message = format!("`{key}`: `{}` is no size", written.shown());
                return Some((keys(&["limits", key]), message, sizes::ALLOWED.to_owned()));
            }
        }
        paths.iter().find_map(|(pattern, written)| {
            let keys = keys(&["limits", "paths", pattern]);
            if written.size().is_none() {
                let message = format!("`{pattern}`: `{}` is no size", written.shown());
                return Some((keys, message, sizes::ALLOWED.to_owned()));
            }
            let error = Limits::compile(None, None, [(pattern.as_str(), 0)], false).err()?;
            let hint = error.hint.clone();
            let hint = hint.unwrap_or_else(|| "patterns are those of the manifests".to_owned());
            Some((keys, error.to_string(), hint))
        })
    }

    fn wrong_log_setting(&self) -> Option<Wrong> {
        const KEY: &str = "compress_sealed_after";
        let written = self.logs.compress_sealed_after.as_ref()?;
        let message = format!("`{KEY}`: `{}` is no length of time", written.shown());
        let wrong = (keys(&["logs", KEY]), message, duration::ALLOWED.to_owned());
        written.duration().is_none().then_some(wrong)
    }

    fn wrong_backup_setting(&self) -> Option<Wrong> {
        let (key, message, hint) = self.backup.wrong()?;
        Some((keys(&["backup", key]), message, hint))
    }
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// The number of the line on which the value under `keys` stands.
fn line_of(text: &str, keys: &[String]) -> usize {
    let span = toml_edit::Document::parse(text).ok().and_then(|document| {
        let (last, tables) = keys.split_last()?;
        let mut table = document.as_table() as &dyn toml_edit::TableLike;
        for key in tables {
            table = table.get(key)?.as_table_like()?;
        }
        table.get_key_value(last)?.0.span()
    });
    span.map_or(1, |span| text[..span.start].matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ubos_core::path::RelPath;

    fn config(text: &str) -> Config {
        toml::from_str(&format!("name = \"localhost\"\n{text}")).unwrap()
    }

    fn wrong(text: &str) -> Option<(usize, String, String)> {
        let text = format!("name = \"localhost\"\n{text}");
        toml::from_str::<Config>(&text).unwrap().bad_limit(&text)
    }

    const ALL: &str = "[limits]\nmax_file_size = \"2GB\"\nmax_pull_per_run = 5000\n\
        min_free_space = \"1GiB\"\n[limits.paths]\n\"logs/\" = \"600MB\"\n\
        [logs]\ncompress_sealed_after = \"7d\"\n";

    #[test]
    fn each_setting_is_understood() {
        let config = config(ALL);
        let intake = config.intake();
        assert_eq!((intake.file, intake.run), (Some(2_000_000_000), Some(5000)));
        assert_eq!(config.min_free_space(1 << 20), 1 << 30);
        assert_eq!(config.compress_sealed_after(), Some(Duration::from_secs(7 * 86_400)));
        let limits = intake.compile(false).unwrap();
        let log = RelPath::new("logs/day.jsonl").unwrap();
        assert_eq!(limits.of_file(&log), Some(600_000_000));
        assert_eq!(wrong(ALL), None);
    }

    #[test]
    fn without_settings_nothing_is_limited_but_the_reserve() {
        let config = config("");
        assert_eq!(config.intake(), Intake::default());
        assert_eq!(config.min_free_space(1 << 40), MIN_FREE);
        assert_eq!(config.min_free_space(16 << 20), 1 << 20, "of a small file system a part");
        assert_eq!(config.compress_sealed_after(), None);
        assert!(!toml::to_string(&config).unwrap().contains("limits"));
    }

    #[test]
    fn settings_are_saved_as_they_were_written() {
        let saved = toml::to_string(&config(ALL)).unwrap();
        for line in ["\"2GB\"", "max_pull_per_run = 5000", "\"logs/\" = \"600MB\"", "\"7d\""] {
            assert!(saved.contains(line), "{saved}");
        }
    }

    #[test]
    fn a_mistake_is_found_with_its_line_its_key_and_what_is_allowed() {
        for (text, line, part, allowed) in [
            ("[limits]\nmax_file_size = \"2 lots\"\n", 3, "`max_file_size`: `2 lots`", "GiB"),
            ("[limits]\n\nmin_free_space = -1\n", 4, "`min_free_space`: `-1`", "kB"),
            ("[limits]\nmax_pull_per_run = true\n", 3, "`max_pull_per_run`: `true`", "TB"),
            ("[limits.paths]\n\"a/\" = 1\n\"b/\" = \"x\"\n", 4, "`b/`: `x`", "MB"),
            ("limits.paths.\"../x\" = 1\n", 2, "`../x`", "root"),
            ("[logs]\ncompress_sealed_after = 7\n", 3, "`compress_sealed_after`: `7`", "h or d"),
        ] {
            let (at, message, hint) = wrong(text).unwrap();
            assert_eq!(at, line, "{text}");
            assert!(message.contains(part), "{message}");
            assert!(hint.contains(allowed), "{hint}");
        }
    }
}
