//! Why a path is selected or not, down to the line that decides.

use super::verdict::By;
use super::{Selection, Verdict};
use crate::path::{RelPath, escape_bytes};

/// An answer with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The answer, as from [`Selection::judge_path`].
    pub verdict: Verdict,
    /// The manifest that decides; `None` where none does.
    pub file: Option<String>,
    /// The line in it, counted from 1.
    pub line: Option<usize>,
    /// The pattern that decides, as written.
    pub pattern: Option<String>,
    /// One sentence for a person.
    pub sentence: String,
}

impl Selection {
    /// The verdict about a path, with the very line that decides.
    pub fn explain(&self, path: &RelPath, is_dir: bool) -> Explanation {
        let by = self.decide(path, is_dir);
        let entry = self.entry_by(by).map(|id| &self.entries[id.0]);
        let pattern = match by {
            By::Builtin(rule) => Some(self.builtin_texts[rule as usize].clone()),
            _ => entry.map(|e| e.text.clone()),
        };
        Explanation {
            verdict: by.verdict(),
            file: entry.map(|e| e.file.clone()),
            line: entry.and_then(|e| e.line),
            pattern,
            sentence: self.sentence(path, by),
        }
    }

    fn sentence(&self, path: &RelPath, by: By) -> String {
        let line = self.line_of(by);
        let culprit = if by.is_excluding() { self.excluded_folder(path) } else { None };
        let because = match &culprit {
            Some(folder) => format!("{path} is never synced: the folder {folder} above it"),
            None => format!("{path} is never synced: it"),
        };
        match by {
            By::Pinned(_) => format!("{path} is bidirectional: it is one of the three manifests"),
            By::To(_, direction) | By::From(_, direction) => {
                format!("{path} is {}: {line}", direction.word())
            }
            By::Both { from, .. } => {
                let other = &self.entries[self.offsets.from + from as usize];
                let other = located(&other.file, other.line, &other.text);
                format!("{path} is bidirectional: the same pattern is in both, {line} and {other}")
            }
            By::Reserved => format!("{because} is git's or the program's own"),
            By::Builtin(rule) => {
                let text = &self.builtin_texts[rule as usize];
                format!("{because} matches `{text}`, which config.toml or the defaults exclude")
            }
            By::Excluded(_) => format!("{because} is excluded by {line}"),
            By::TakenBackTo(_) | By::TakenBackFrom(_) => {
                format!("{path} is not synced: taken back by {line}")
            }
            By::Nothing => format!("{path} is not synced: no line of the manifests names it"),
            By::PassageTo(_) | By::PassageFrom(_) => {
                format!("{path} is not synced itself, but something below it may be: {line}")
            }
            By::PassageToManifest(_) => {
                format!("{path} is not synced itself, but it holds the manifests, which always are")
            }
        }
    }

    fn line_of(&self, by: By) -> String {
        match self.entry_by(by).map(|id| &self.entries[id.0]) {
            Some(entry) => located(&entry.file, entry.line, &entry.text),
            None => String::new(),
        }
    }

    /// The topmost folder above `path` that is excluded, and everything in it with it.
    fn excluded_folder(&self, path: &RelPath) -> Option<String> {
        let mut scope = self.root();
        let mut walked: Vec<&[u8]> = Vec::new();
        for name in path.parent_bytes().split(|&b| b == b'/').filter(|name| !name.is_empty()) {
            walked.push(name);
            scope = scope.enter(name);
            if scope.shut().is_some() {
                return Some(escape_bytes(&walked.join(&b'/')));
            }
        }
        None
    }
}

fn located(file: &str, line: Option<usize>, text: &str) -> String {
    match line {
        Some(line) => format!("{file}, line {line}, `{text}`"),
        None => file.to_owned(),
    }
}
