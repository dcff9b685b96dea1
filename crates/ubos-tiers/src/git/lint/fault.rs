//! A fault: where it is, what it is, and how to mend it.

use ubos_core::path::RelPath;

use crate::git::gates::{Finding, Weight};
use crate::git::manifest::Gap;

/// Something wrong with a file that is about to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The rule's name.
    pub rule: String,
    /// The file.
    pub path: RelPath,
    /// The line, from 1, if it is about one.
    pub line: Option<u32>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in words; never a secret.
    pub what: String,
    /// How to mend it.
    pub remedy: String,
    /// What an allow-list names it by, if it can be allowed.
    pub fingerprint: Option<String>,
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A commit waits for a decision.
    Error,
    /// It is told, and no more.
    Warning,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Fault {
    /// What a gate found.
    pub(super) fn of(finding: &Finding) -> Self {
        let allow = format!(
            "if it may be kept, add the line `{}` to config/backup_allow.conf",
            finding.fingerprint
        );
        let (severity, remedy) = match finding.weight {
            Weight::Withhold(Gap::Torn) => {
                (Severity::Error, format!("save it again with the program that writes it; {allow}"))
            }
            Weight::Withhold(_) => (
                Severity::Error,
                format!("take it out, and make a new secret if it was pushed already; {allow}"),
            ),
            // In a person's own commit an unfinished merge is a mistake.
            Weight::Warn if finding.rule == "conflict-markers" => {
                (Severity::Error, format!("finish the merge and delete the markers; {allow}"))
            }
            Weight::Warn => (Severity::Warning, "mend the line, or leave it".to_owned()),
        };
        Self {
            rule: finding.rule.clone(),
            path: finding.path.clone(),
            line: finding.line,
            severity,
            what: finding.what.clone(),
            remedy,
            fingerprint: Some(finding.fingerprint.clone()),
        }
    }

    /// How it stands in a list: errors before warnings, by path and line.
    pub fn order(&self) -> impl Ord + use<> {
        (self.severity, self.path.clone(), self.line, self.rule.clone())
    }
}

fn new(
    path: &RelPath,
    rule: &str,
    severity: Severity,
    what: impl Into<String>,
    remedy: &str,
) -> Fault {
    Fault {
        rule: rule.to_owned(),
        path: path.clone(),
        line: None,
        severity,
        what: what.into(),
        remedy: remedy.to_owned(),
        fingerprint: None,
    }
}

pub(super) fn too_large(path: &RelPath, size: u64, limit: u64) -> Fault {
    let what = format!("{size} bytes, and the limit is {limit}");
    let remedy = "keep it out of git (`git rm --cached`), or raise `max_file_size` in `[backup]`; remotes refuse 100 MB";
    new(path, "too-large", Severity::Error, what, remedy)
}

pub(super) fn gitlink(path: &RelPath) -> Fault {
    let what = "a repository inside this one, which would be kept as a bare reference";
    let remedy = "`git rm --cached` it; snapshots of `ubos-sync backup` keep its files";
    new(path, "nested-repository", Severity::Error, what, remedy)
}

pub(super) fn loose_json(path: &RelPath, line: u32) -> Fault {
    let what = "JSON with comments or a comma after the last item";
    let remedy = "take them out, unless its reader is known to bear them";
    Fault { line: Some(line), ..new(path, "loose-json", Severity::Warning, what, remedy) }
}

pub(super) fn not_yaml(path: &RelPath, line: Option<u32>, in_front: bool, why: &str) -> Fault {
    let (rule, what) = match in_front {
        true => ("front-matter", format!("the front matter is no YAML: {why}")),
        false => ("yaml", format!("it is no YAML: {why}")),
    };
    let remedy = "mend the line; texts with `:`, `#` or `[` want quotes";
    Fault { line, ..new(path, rule, Severity::Error, what, remedy) }
}

pub(super) fn dead_link(path: &RelPath, line: u32, target: &str) -> Fault {
    let what = format!("a link to `{target}`, which is nowhere");
    let remedy = "mend the link, or add the file";
    Fault { line: Some(line), ..new(path, "dead-link", Severity::Warning, what, remedy) }
}

pub(super) fn unreadable(path: &RelPath, why: &std::io::Error) -> Fault {
    let what = format!("it cannot be read: {why}");
    new(path, "unreadable", Severity::Warning, what, "look at its permissions")
}
