//! Checks for a person's own commits: what the gates find, and what a reader of the files would
//! stumble over. Nothing is changed; every fault says where it is and how to mend it.
//!
//! In reading order: `fault` is what is found and in which words; `yaml` reads YAML; `markdown` finds
//! front matter and links; [`targets`] knows where links can lead. [`staged`], [`outgoing`] and
//! [`files`] bring what is about to be committed, what is about to be pushed, and what stands on disk.

pub mod fault;
pub mod files;
mod markdown;
pub mod outgoing;
pub mod staged;
pub mod targets;
mod yaml;

use ubos_core::path::RelPath;

use super::gates::json::{self, Grammar};
use super::gates::{Gates, is_binary};
pub use fault::{Fault, Severity};
use targets::Targets;

/// The checks.
#[derive(Debug)]
pub struct Lint<'a> {
    /// What the gates find.
    pub gates: &'a Gates,
    /// The largest file, in bytes.
    pub max_file: u64,
    /// Where links can lead; without it they are not followed.
    pub targets: Option<&'a Targets>,
}

impl Lint<'_> {
    /// What can be said before the content is read. If [`Known::enough`] holds, it need not be.
    pub fn before_reading(&self, path: &RelPath, size: u64) -> Known {
        let mut faults: Vec<Fault> = self.gates.by_path(path).iter().map(Fault::of).collect();
        let too_large = size > self.max_file;
        if too_large {
            faults.push(fault::too_large(path, size, self.max_file));
        }
        Known { enough: too_large || !faults.is_empty(), faults }
    }

    /// What is wrong with the content of `path`, in the order of the lines.
    pub fn examine(&self, path: &RelPath, content: &[u8]) -> Vec<Fault> {
        let found = self.gates.examine(path, content);
        let mut faults: Vec<Fault> = found.iter().map(Fault::of).collect();
        let name = path.name().to_ascii_lowercase();
        if name.ends_with(b".json") || name.ends_with(b".canvas") {
            faults.extend(settings_json(path, content));
        } else if name.ends_with(b".yml") || name.ends_with(b".yaml") {
            faults.extend(yaml::examine(path, content, 0));
        } else if name.ends_with(b".md") && !is_binary(content) {
            faults.extend(self.markdown(path, content));
        }
        faults.sort_by_key(|fault| fault.line);
        faults
    }

    fn markdown(&self, path: &RelPath, content: &[u8]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let front = markdown::front_matter(content);
        if let Some(front) = front {
            // The line of the three dashes comes before it.
            faults.extend(yaml::examine(path, front, 1));
        }
        if let Some(targets) = self.targets {
            for link in markdown::links(content) {
                if !targets.lead_somewhere(path, &link.target, link.kind) {
                    faults.push(fault::dead_link(path, link.line, &link.target));
                }
            }
        }
        faults
    }
}

/// What is known of a file before it is read.
#[derive(Debug)]
pub struct Known {
    /// What is wrong with it already.
    pub faults: Vec<Fault>,
    /// Whether reading it would be of no use.
    pub enough: bool,
}

/// JSON that only readers of settings understand. What no reader understands, the gates found.
fn settings_json(path: &RelPath, content: &[u8]) -> Option<Fault> {
    if content.is_empty() || json::read(content, Grammar::Settings, |_| ()).is_err() {
        return None;
    }
    let broken = json::read(content, Grammar::Strict, |_| ()).err()?;
    Some(fault::loose_json(path, json::line_of(content, broken.offset)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn rules(path: &str, content: &str) -> Vec<(String, Option<u32>, Severity)> {
        let nowhere = Path::new("/nonexistent");
        let gates = Gates::load(nowhere, nowhere).unwrap();
        let mut targets = Targets::default();
        targets.add(b"notes/other.md");
        let lint = Lint { gates: &gates, max_file: 100, targets: Some(&targets) };
        let faults = lint.examine(&RelPath::new(path).unwrap(), content.as_bytes());
        faults.into_iter().map(|fault| (fault.rule, fault.line, fault.severity)).collect()
    }

    fn one(rule: &str, line: u32, severity: Severity) -> Vec<(String, Option<u32>, Severity)> {
        vec![(rule.to_owned(), Some(line), severity)]
    }

    #[test]
    fn each_fault_has_its_line_and_weight() {
        use Severity::{Error, Warning};
        assert_eq!(rules("a.json", "{\n\"a\": 1,\n\"b"), one("torn-json", 3, Error));
        assert_eq!(rules("a.json", "{\"a\": 1,\n}"), one("loose-json", 2, Warning));
        assert_eq!(rules("a.yml", "a: 1\nb: [1\n").len(), 1);
        assert_eq!(rules("a.yml", "a: 1\na: 2\n"), one("yaml", 2, Error));
        assert_eq!(rules("a.md", "---\na: 1\na: 2\n---\n"), one("front-matter", 3, Error));
        assert_eq!(rules("a.md", "x\n[[nowhere]]\n[[Other]]\n"), one("dead-link", 2, Warning));
        let [open, middle, close] = ["<", "=", ">"].map(|mark| mark.repeat(7));
        let merge = format!("{open} a\n{middle}\n{close} b\n");
        assert_eq!(rules("a.md", &merge), one("conflict-markers", 1, Error));
        assert_eq!(rules("a.md", "---\na: 1\n---\n# T\n"), []);
        assert_eq!(rules("a.txt", "[[nowhere]]"), []);
    }

    #[test]
    fn size_and_name_are_known_before_reading() {
        let nowhere = Path::new("/nonexistent");
        let gates = Gates::load(nowhere, nowhere).unwrap();
        let lint = Lint { gates: &gates, max_file: 100, targets: None };
        let known = |path: &str, size| lint.before_reading(&RelPath::new(path).unwrap(), size);
        assert_eq!(known("a.md", 101).faults[0].rule, "too-large");
        assert_eq!(known(".env", 1).faults[0].rule, "env-file");
        assert!(known(".env", 1).enough && !known("a.md", 100).enough);
    }
}
