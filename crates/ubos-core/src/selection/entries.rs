//! The lines of the manifests as a list to show, each with a sentence that says what it does.

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use crate::manifest::{Direction, Line, ManifestFile, Manifests, PerManifest, Role};

/// Which line: an index into [`super::Selection::entries`]. Valid for one selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId(pub usize);

/// What a line does with the paths it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Selects them.
    Select(Direction),
    /// Takes back what the lines above it in the same manifest select (`!` in to or from).
    TakeBack,
    /// Excludes them.
    Exclude,
    /// Takes back an exclusion by the lines above it (`!` in the exclude manifest).
    Readmit,
}

/// One line of a manifest, or a manifest itself, which needs no line to be selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The pattern as written.
    pub text: String,
    /// The file it stands in, relative to the root.
    pub file: String,
    /// Its line, counted from 1; `None` for a manifest itself.
    pub line: Option<usize>,
    /// What it does.
    pub effect: Effect,
    /// The same in plain words.
    pub sentence: String,
}

impl ManifestEntry {
    /// The direction of a line that selects.
    pub fn direction(&self) -> Option<Direction> {
        match self.effect {
            Effect::Select(direction) => Some(direction),
            _ => None,
        }
    }
}

/// All lines in the order to, from, exclude, then the three files.
pub(super) fn list(
    manifests: &Manifests,
    patterns: &PerManifest<Vec<Pattern>>,
) -> Vec<ManifestEntry> {
    let mut entries = Vec::new();
    for (role, patterns) in patterns.iter() {
        let file = manifests.get(role);
        entries.extend(file.lines().iter().zip(patterns).map(|(l, p)| entry(file, l, p)));
    }
    for role in [Role::To, Role::From, Role::Exclude] {
        let path = manifests.get(role).path().to_string();
        entries.push(ManifestEntry {
            sentence: format!("{path}, both ways, as always"),
            text: path.clone(),
            file: path,
            line: None,
            effect: Effect::Select(Direction::Bidirectional),
        });
    }
    entries
}

fn entry(file: &ManifestFile, line: &Line, pattern: &Pattern) -> ManifestEntry {
    let effect = match (line.direction, pattern.is_negated()) {
        (Some(direction), false) => Effect::Select(direction),
        (Some(_), true) => Effect::TakeBack,
        (None, false) => Effect::Exclude,
        (None, true) => Effect::Readmit,
    };
    let what = described(line, pattern);
    let sentence = match effect {
        Effect::Select(direction) => format!("{what}, {}", way(direction)),
        Effect::TakeBack => format!("{what}: taken back from the lines above"),
        Effect::Exclude => format!("{what}: never synced"),
        Effect::Readmit => format!("{what}: not excluded after all, unless a folder above is"),
    };
    ManifestEntry {
        text: line.text.clone(),
        file: file.path().to_string(),
        line: Some(line.number),
        effect,
        sentence,
    }
}

/// What a pattern names: "everything below docs/", "whatever is named *.pyc, in any folder".
fn described(line: &Line, pattern: &Pattern) -> String {
    let text = line.text.strip_prefix('!').unwrap_or(&line.text);
    let text = text.strip_prefix('/').unwrap_or(text);
    let name = text.strip_prefix("**/").unwrap_or(text);
    match (pattern.floating_name().is_some(), pattern.is_dir_only()) {
        (true, false) => format!("whatever is named {name}, in any folder"),
        (true, true) => format!("everything below any folder named {name}"),
        (false, false) if pattern.is_literal() => text.to_owned(),
        (false, true) if pattern.is_literal() => format!("everything below {text}"),
        (false, false) => format!("whatever matches {text}"),
        (false, true) => format!("everything below folders that match {text}"),
    }
}

/// A direction in plain words, seen from the territory that owns the manifests.
fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Bidirectional => "both ways",
        Direction::PushOnly => "pushed only",
        Direction::PullOnly => "pulled only",
        Direction::AppendOnly => "pulled only, as a log that grows",
    }
}
