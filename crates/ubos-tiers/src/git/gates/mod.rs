//! Gates: what must not enter the backup as it stands, path by path. A finding withholds its own path
//! or warns of it; it never stops the backup of anything else.
//!
//! In reading order: `paths` knows files by their names, before they are read; `rules` (with `shapes`)
//! is the table of secrets that are known by their look, `assignments` finds those that are known by
//! their name, `json_keys` those in the settings of plugins; `entropy` and `stops` tell what is random
//! from what is not. `torn` finds half-written JSON, which `json` reads; `markers` a merge that was
//! not finished. `allow` is the list of findings that a person looked at and let through. A finding
//! never holds the value that was found.

mod allow;
mod assignments;
mod entropy;
mod found;
pub(super) mod json;
mod json_keys;
mod markers;
mod paths;
mod rules;
mod shapes;
mod stops;
mod torn;

use std::path::Path;

use ubos_core::path::RelPath;

use super::error::Result;
use super::manifest::Gap;
use allow::AllowList;
use found::Found;

/// What the secrets in fingerprints are hashed with, so that these hashes serve nothing else.
const CONTEXT: &str = "ubos-sync 2026 backup gates fingerprint";
/// Bytes of a fingerprint; twice as many hexadecimal digits.
const FINGERPRINT: usize = 10;

/// Something about a path that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name: short, stable, for allow-lists, scripts and people.
    pub rule: String,
    /// The path.
    pub path: RelPath,
    /// The line, from 1, if it is about one.
    pub line: Option<u32>,
    /// What an allow-list names it by: a hash over rule, path and value. It tells nothing of a value
    /// that nobody could guess, but a short password could be tried out against it: it is for the
    /// eyes of the owner.
    pub fingerprint: String,
    /// What was found, in words. Never the value.
    pub what: String,
    /// What follows from it.
    pub weight: Weight,
}

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The path's present content is not kept; the gap says why.
    Withhold(Gap),
    /// It is kept, and a person is told.
    Warn,
}

/// All gates, with what a person allowed.
#[derive(Debug)]
pub struct Gates {
    allowed: AllowList,
}

impl Gates {
    /// The gates of the territory at `root`, whose private folder (`.ubos-sync`) is `state`. What is
    /// allowed stands in `config/backup_allow.conf` of the root and in `backup-allow` of the private
    /// folder; either may be missing.
    ///
    /// # Errors
    /// If one of the two is there and cannot be read. A wrong line is no error: see
    /// [`Gates::wrong_lines`].
    pub fn load(state: &Path, root: &Path) -> Result<Self> {
        Ok(Self { allowed: AllowList::load(state, root)? })
    }

    /// Lines of the allow-lists that allow nothing, each with file, number and reason.
    pub fn wrong_lines(&self) -> &[String] {
        self.allowed.wrong()
    }

    /// What the name of `path` alone says: a file of secrets, by its name. For before it is read.
    pub fn by_path(&self, path: &RelPath) -> Option<Finding> {
        let finding = paths::examine(path)?;
        (!self.allowed.holds(&finding.fingerprint)).then_some(finding)
    }

    /// What is found in the whole content of `path`, in the order of the lines. The time it takes
    /// grows with the length of `content`, whatever stands in it.
    pub fn examine(&self, path: &RelPath, content: &[u8]) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(paths::examine_content(path, content));
        findings.extend(torn::examine(path, content));
        if !is_binary(content) {
            findings.extend(markers::examine(path, content));
            findings.extend(self.secrets(path, content));
        }
        findings.retain(|finding| !self.allowed.holds(&finding.fingerprint));
        findings.sort_by_key(|finding| finding.line);
        findings
    }

    /// The secrets in a part of a file that is kept whatever stands in it, such as what is new in a
    /// log: a person is told, with the line counted from the beginning of the part.
    pub fn examine_part(&self, path: &RelPath, part: &[u8]) -> Vec<Finding> {
        if is_binary(part) {
            return Vec::new();
        }
        let mut findings = self.secrets(path, part);
        findings.sort_by_key(|finding| finding.line);
        findings.into_iter().map(|finding| finding.weighing(Weight::Warn)).collect()
    }

    fn secrets(&self, path: &RelPath, content: &[u8]) -> Vec<Finding> {
        let mut found = Found::new(&self.allowed);
        let mut spans = Vec::new();
        rules::examine(path, content, &mut found, &mut spans);
        json_keys::examine(path, content, &mut found, &mut spans);
        assignments::examine(path, content, &mut found, &spans);
        found.into_findings()
    }
}

impl Finding {
    /// A finding about `value`, which goes into the fingerprint only.
    fn new(rule: &str, path: &RelPath, value: &[u8], what: impl Into<String>) -> Self {
        Self {
            rule: rule.to_owned(),
            path: path.clone(),
            line: None,
            fingerprint: fingerprint(rule, path, value),
            what: what.into(),
            weight: Weight::Withhold(Gap::Secret),
        }
    }

    fn at(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    fn weighing(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }
}

/// What an allow-list names a finding by.
fn fingerprint(rule: &str, path: &RelPath, value: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for part in [rule.as_bytes(), path.as_bytes(), value] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().as_str()[..2 * FINGERPRINT].to_owned()
}

/// Whether it is no text, by git's own test: a NUL among the first 8000 bytes.
pub(super) fn is_binary(content: &[u8]) -> bool {
    content[..content.len().min(8000)].contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_hangs_on_rule_path_and_value() {
        let path = |text: &str| RelPath::new(text).unwrap();
        let one = fingerprint("rule", &path("a"), b"value");
        assert_eq!(one.len(), 20);
        assert_eq!(one, fingerprint("rule", &path("a"), b"value"));
        for other in [
            fingerprint("ru", &path("a"), b"value"),
            fingerprint("rule", &path("b"), b"value"),
            fingerprint("rule", &path("a"), b"valu"),
        ] {
            assert_ne!(one, other);
        }
    }
}
