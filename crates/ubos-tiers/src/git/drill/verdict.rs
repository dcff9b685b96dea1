//! The verdict: what was built again, held against the newest manifest that is known anywhere.

use std::collections::BTreeMap;

use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;

use super::super::coverage::class::{Class, Classes};
use super::super::coverage::facts::Held;
use super::super::coverage::place::Place;
use super::super::form::Form;
use super::super::manifest::Gap;
use super::super::rivals::{Relation, Rivals};

/// What could be built again from one place.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// The manifest that it was built by.
    pub manifest: Option<String>,
    /// When that was made, RFC 3339.
    pub made: Option<String>,
    /// What stands now.
    pub holds: BTreeMap<RelPath, Got>,
    /// What is not kept there on purpose.
    pub gaps: BTreeMap<RelPath, Gap>,
    /// What should be there and cannot be read, or is not what it should be.
    pub broken: Vec<Broken>,
    /// Snapshots that can be reached.
    pub snapshots: u64,
    /// When the first of them was made, RFC 3339.
    pub since: Option<String>,
}

/// Something that was built again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Got {
    /// What stands there.
    pub form: Form,
    /// Where it came from.
    pub from: Source,
}

/// Where something came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A snapshot or the branch of logs.
    Repository,
    /// The place's own tree.
    Tree,
}

/// Damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The path, unless it is about the repository as a whole.
    pub path: Option<RelPath>,
    /// What is wrong.
    pub why: String,
}

/// The newest manifest that is known anywhere.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// Its commit.
    pub manifest: String,
    /// When it was made, RFC 3339.
    pub made: String,
    /// Every path.
    pub paths: BTreeMap<RelPath, Held>,
}

/// What a drill showed.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The place that was left.
    pub survivor: Place,
    /// Files and links of the newest manifest.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Of these, what came back as it was, or newer.
    pub complete: u64,
    /// Bytes of that.
    pub complete_bytes: u64,
    /// Of the complete ones, those that are newer than the manifest.
    pub newer: Vec<RelPath>,
    /// Paths that came back and are in no manifest yet.
    pub beyond: u64,
    /// What did not come back.
    pub missing: Vec<Missing>,
    /// What came back in an older version.
    pub behind: Vec<RelPath>,
    /// What came back as the other side of an open conflict.
    pub rivals: Vec<RelPath>,
    /// What is damaged.
    pub damaged: Vec<Broken>,
    /// The latest moment of which something can be brought back: that of the newest manifest there, or
    /// the time of a file in its tree.
    pub newest: Option<String>,
    /// Snapshots that can be reached.
    pub snapshots: u64,
    /// When the first of them was made, RFC 3339.
    pub since: Option<String>,
}

/// A path that did not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The path.
    pub path: RelPath,
    /// Its class.
    pub class: Class,
    /// Bytes that are missing.
    pub bytes: u64,
    /// Why.
    pub reason: Why,
}

/// Why something did not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The backup leaves it out.
    Gap(Gap),
    /// It is newer than what the place was given last.
    NotGiven,
    /// It should have been there.
    Lost,
}

impl Why {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Why::Gap(gap) => gap.word(),
            Why::NotGiven => "not-given-yet",
            Why::Lost => "lost",
        }
    }
}

impl Verdict {
    /// 1 if something is damaged or lost that should be there, 3 if something is missing that was
    /// bound to be, else 0.
    pub fn exit_code(&self) -> u8 {
        if !self.damaged.is_empty() || self.missing.iter().any(|m| m.reason == Why::Lost) {
            1
        } else if self.missing.len() + self.behind.len() + self.rivals.len() > 0 {
            3
        } else {
            0
        }
    }

    /// The paths that did not come back as they were and are known not to: what the backup leaves out
    /// with its reason, and what two sides have not agreed on. `None` if anything else is missing.
    pub fn known_gaps(&self) -> Option<impl Iterator<Item = &RelPath>> {
        let is_known = |missing: &Missing| matches!(missing.reason, Why::Gap(_));
        let all = self.damaged.is_empty() && self.behind.is_empty();
        let missing = self.missing.iter();
        (all && missing.clone().all(is_known))
            .then(|| missing.map(|missing| &missing.path).chain(&self.rivals))
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self.exit_code() {
            0 => "complete",
            1 => "damaged",
            _ => "gaps",
        }
    }
}

/// What the paths of a territory are, for the verdict.
pub struct Known<'a> {
    /// The data classes.
    pub classes: &'a Classes,
    /// How each path travels.
    pub directions: &'a BTreeMap<RelPath, Direction>,
    /// What open conflicts say.
    pub rivals: &'a Rivals,
}

/// Judges.
pub fn judge(
    survivor: Place,
    reference: &Reference,
    recovered: &Recovered,
    known: &Known<'_>,
) -> Verdict {
    let Known { classes, directions, rivals } = known;
    let mut verdict = Verdict {
        survivor,
        files: 0,
        bytes: 0,
        complete: 0,
        complete_bytes: 0,
        newer: Vec::new(),
        beyond: 0,
        missing: Vec::new(),
        behind: Vec::new(),
        rivals: Vec::new(),
        damaged: recovered.broken.clone(),
        newest: newest(recovered),
        snapshots: recovered.snapshots,
        since: recovered.since.clone(),
    };
    let same_manifest = recovered.manifest.as_deref() == Some(reference.manifest.as_str());
    for (path, held) in &reference.paths {
        let counts = !held.form.is_dir();
        verdict.files += u64::from(counts);
        verdict.bytes += held.form.size;
        let class = || classes.of(path, directions.get(path).copied(), held.gap, held.form.size);
        match compare(path, held, recovered, same_manifest, rivals) {
            Came::Back | Came::Newer if !counts => {}
            Came::Back => verdict.came_back(held),
            Came::Newer => {
                verdict.came_back(held);
                verdict.newer.push(path.clone());
            }
            Came::Older => verdict.behind.push(path.clone()),
            Came::Rival => verdict.rivals.push(path.clone()),
            Came::Changed(why) => {
                verdict.damaged.push(Broken { path: Some(path.clone()), why });
            }
            Came::Broken => {}
            Came::Not(reason) => {
                let (path, class, bytes) = (path.clone(), class(), held.form.size);
                verdict.missing.push(Missing { path, class, bytes, reason });
            }
        }
    }
    let beyond = recovered
        .holds
        .iter()
        .filter(|(path, got)| !got.form.is_dir() && !reference.paths.contains_key(*path));
    verdict.beyond = beyond.count() as u64;
    verdict
}

impl Verdict {
    fn came_back(&mut self, held: &Held) {
        self.complete += 1;
        self.complete_bytes += held.form.size;
    }
}

/// What became of a path.
enum Came {
    Back,
    Newer,
    Older,
    Rival,
    Changed(String),
    /// On record already.
    Broken,
    Not(Why),
}

fn compare(
    path: &RelPath,
    held: &Held,
    recovered: &Recovered,
    same_manifest: bool,
    rivals: &Rivals,
) -> Came {
    let Some(got) = recovered.holds.get(path) else {
        if recovered.broken.iter().any(|broken| broken.path.as_ref() == Some(path)) {
            return Came::Broken;
        }
        let gap = recovered.gaps.get(path).copied();
        return Came::Not(match gap.or(held.gap) {
            Some(gap) => Why::Gap(gap),
            None if !same_manifest => Why::NotGiven,
            None => Why::Lost,
        });
    };
    if got.form.same_content(&held.form) {
        return match attributes(&held.form, got) {
            Some(why) if same_manifest && got.from == Source::Repository => Came::Changed(why),
            _ => Came::Back,
        };
    }
    match (got.from, rivals.relate(path, &got.form, &held.form)) {
        (Source::Repository, _) if same_manifest => {
            Came::Changed("its bytes are not those of the manifest".to_owned())
        }
        (Source::Tree, Relation::Later | Relation::Rivals { later: true }) => Came::Newer,
        (Source::Tree, Relation::Unexplained) => {
            Came::Changed("its bytes changed, though its time did not".to_owned())
        }
        (_, Relation::Rivals { .. }) => Came::Rival,
        _ => Came::Older,
    }
}

/// In what mode and time differ.
fn attributes(expected: &Form, got: &Got) -> Option<String> {
    const BITS: u32 = 0o777;
    let (is, should) = (got.form.mode & BITS, expected.mode & BITS);
    if is != should {
        return Some(format!("its mode came back as {is:o}, not {should:o}"));
    }
    (got.form.mtime != expected.mtime).then(|| "its time did not come back".to_owned())
}

/// The latest moment of which something came back.
fn newest(recovered: &Recovered) -> Option<String> {
    const MILLION: i64 = 1_000_000;
    let trees = recovered.holds.values().filter(|got| got.from == Source::Tree);
    let tree = trees.map(|got| got.form.mtime).max();
    let tree = tree.map(|mtime| ubos_engine::clock::rfc3339_ms(mtime / MILLION));
    tree.max(recovered.made.clone())
}

#[cfg(test)]
mod tests;
