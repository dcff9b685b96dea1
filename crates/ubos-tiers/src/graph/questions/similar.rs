//! Which files are like one: named beside it, or with the same neighbours.
//!
//! *Co-citation* counts each file that refers to both, the more the nearer the two references stand
//! together: 1 in one sentence, 1/2 in one paragraph, 1/4 under one heading, 1/8 elsewhere in the note.
//! The other measures look at the neighbours that two files share, whichever way the references go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::topology::{Scope, Topology};
use super::{Kinds, View};
use crate::graph::files::FileId;
use crate::graph::model::{Edge, Target};

/// What "alike" is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// Named together, the nearer the more.
    #[default]
    CoCitation,
    /// Shared neighbours, of all that either has.
    Jaccard,
    /// Shared neighbours, the more the fewer neighbours those have themselves.
    AdamicAdar,
    /// Shared neighbours, of those of the one with fewer.
    Overlap,
    /// Shared neighbours.
    Common,
}

/// Files like one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Similar {
    /// The file.
    pub note: String,
    /// What they are sorted by.
    pub by: Likeness,
    /// Them, the most alike first.
    pub similar: Vec<Alike>,
    /// How many there are that are alike at all, shown or not.
    pub total: usize,
}

/// A file like another, by each measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alike {
    /// The file.
    pub path: String,
    /// See the module.
    pub co_citation: f64,
    /// Shared neighbours by all neighbours of the two.
    pub jaccard: f64,
    /// Sum over shared neighbours of 1 / ln(how many neighbours that has).
    pub adamic_adar: f64,
    /// Shared neighbours by the smaller number of neighbours.
    pub overlap: f64,
    /// Shared neighbours.
    pub common: usize,
    /// Whether the two refer to each other.
    pub linked: bool,
}

impl Alike {
    fn by(&self, measure: Likeness) -> f64 {
        match measure {
            Likeness::CoCitation => self.co_citation,
            Likeness::Jaccard => self.jaccard,
            Likeness::AdamicAdar => self.adamic_adar,
            Likeness::Overlap => self.overlap,
            Likeness::Common => self.common as f64,
        }
    }
}

/// Files like `id`; where two are equally alike, the path decides.
pub fn similar(view: &View<'_>, id: FileId, by: Likeness, kinds: &Kinds, limit: usize) -> Similar {
    let topology = Topology::of(view, &Scope { kinds: kinds.clone(), missing: true, shown: false });
    let mut found = Vec::new();
    if let Some(node) = topology.number(Target::File(id)) {
        let around = topology.undirected();
        let cited = co_citations(view, &topology, node);
        let mine = &around[node as usize];
        for (other, common) in sharing(&around, node) {
            let Target::File(file) = topology.node(other) else { continue };
            if view.graph.is_excluded(file) {
                continue;
            }
            let theirs = &around[other as usize];
            let shared = common.len() as f64;
            let either = (mine.len() + theirs.len()) as f64 - shared;
            let weight = |n: &u32| 1.0 / (around[*n as usize].len() as f64).ln();
            found.push(Alike {
                path: view.path(file).to_owned(),
                co_citation: cited.get(&other).copied().unwrap_or(0.0),
                jaccard: shared / either,
                adamic_adar: common.iter().map(weight).sum(),
                overlap: shared / mine.len().min(theirs.len()) as f64,
                common: common.len(),
                linked: mine.binary_search(&other).is_ok(),
            });
        }
    }
    found.retain(|alike| alike.by(by) > 0.0);
    found.sort_by(|a, b| {
        let rest = b.adamic_adar.total_cmp(&a.adamic_adar).then_with(|| a.path.cmp(&b.path));
        b.by(by).total_cmp(&a.by(by)).then(rest)
    });
    let total = found.len();
    found.truncate(limit);
    Similar { note: view.path(id).to_owned(), by, similar: found, total }
}

/// Nodes that share neighbours with `node`, and which.
fn sharing(around: &[Vec<u32>], node: u32) -> BTreeMap<u32, Vec<u32>> {
    let mut sharing: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for between in &around[node as usize] {
        for other in around[*between as usize].iter().filter(|other| **other != node) {
            sharing.entry(*other).or_default().push(*between);
        }
    }
    sharing
}

/// How near to `node` others are named, summed over all files that name both.
fn co_citations(view: &View<'_>, topology: &Topology, node: u32) -> BTreeMap<u32, f64> {
    let mut sums = BTreeMap::new();
    let mut sources: Vec<u32> = topology.back(node).iter().map(|(other, _)| *other).collect();
    sources.dedup();
    for source in sources {
        let Target::File(file) = topology.node(source) else { continue };
        let places = Places::of(view, file);
        let edge = |number: &u32| &view.graph.edges()[*number as usize];
        let mut mine: Vec<&Edge> = topology
            .out(source)
            .iter()
            .filter(|(to, _)| *to == node)
            .map(|(_, number)| edge(number))
            .collect();
        mine.sort_by_key(|edge| (edge.within, edge.at));
        let mut best: BTreeMap<u32, f64> = BTreeMap::new();
        for (other, number) in topology.out(source).iter().filter(|(to, _)| *to != node) {
            let theirs = edge(number);
            // None is nearer than the next one on either side.
            let after =
                mine.partition_point(|one| (one.within, one.at) <= (theirs.within, theirs.at));
            let next = &mine[after.saturating_sub(1)..(after + 1).min(mine.len())];
            let near = next.iter().map(|one| places.nearness(one, theirs)).fold(0.0, f64::max);
            let best = best.entry(*other).or_default();
            *best = best.max(near);
        }
        for (other, near) in best {
            *sums.entry(other).or_default() += near;
        }
    }
    sums
}

/// Where the sentences (by offset), paragraphs and parts (by line) of a note begin.
struct Places {
    sentences: Vec<u32>,
    paragraphs: Vec<u32>,
    parts: Vec<u32>,
}

impl Places {
    fn of(view: &View<'_>, file: FileId) -> Self {
        let text = view.texts.text(view.path(file)).unwrap_or_default();
        let short = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let next = text.char_indices().skip(1).map(|(_, c)| c).chain([' ']);
        let ends = text.char_indices().zip(next).filter(|((at, c), next)| {
            let item = *c == '\n' && text[at + 1..].starts_with("- ");
            item || matches!(c, '.' | '!' | '?') && next.is_whitespace()
        });
        let sentences = ends.map(|((at, _), _)| short(at + 1)).collect();
        let blank = (1..).zip(text.lines()).filter(|(_, line)| line.trim().is_empty());
        let paragraphs = blank.map(|(number, _)| number).collect();
        let headings = view.graph.note(file).map(|note| &note.headings[..]).unwrap_or_default();
        let parts = headings.iter().map(|heading| heading.at.line).collect();
        Self { sentences, paragraphs, parts }
    }

    fn nearness(&self, a: &Edge, b: &Edge) -> f64 {
        let same = |starts: &[u32], a: u32, b: u32| {
            starts.partition_point(|s| *s <= a) == starts.partition_point(|s| *s <= b)
        };
        if a.within != b.within || !same(&self.parts, a.at.line, b.at.line) {
            0.125
        } else if !same(&self.paragraphs, a.at.line, b.at.line) {
            0.25
        } else if !same(&self.sentences, a.span.0, b.span.0) {
            0.5
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    #[test]
    fn what_is_named_nearer_is_more_alike() {
        let vault = Sketch::of(&[
            ("a.md", ""),
            ("sentence.md", ""),
            ("paragraph.md", ""),
            ("part.md", ""),
            ("note.md", ""),
            ("away.md", ""),
            (
                "cites.md",
                "# One\nThe [[a]] and [[sentence]]. Then [[paragraph]].\n\n[[part]]\n# Two\n[[note]]\n",
            ),
        ]);
        let all =
            similar(&vault.view(), vault.id("a.md"), Likeness::CoCitation, &Kinds::default(), 99);
        let shown: Vec<(&str, f64)> =
            all.similar.iter().map(|alike| (alike.path.as_str(), alike.co_citation)).collect();
        assert_eq!(
            shown,
            [("sentence.md", 1.0), ("paragraph.md", 0.5), ("part.md", 0.25), ("note.md", 0.125)]
        );
    }

    #[test]
    fn measures_of_shared_neighbours() {
        // 0 - 2, 0 - 3, 1 - 2, 1 - 3, 1 - 4: two shared of three.
        let vault = Sketch::arrows(5, &[(0, 2), (3, 0), (1, 2), (1, 3), (4, 1)]);
        let all =
            similar(&vault.view(), vault.id("n000.md"), Likeness::Jaccard, &Kinds::default(), 9);
        let first = &all.similar[0];
        assert_eq!((first.path.as_str(), first.common, first.linked), ("n001.md", 2, false));
        assert!((first.jaccard - 2.0 / 3.0).abs() < 1e-12 && (first.overlap - 1.0).abs() < 1e-12);
        assert!((first.adamic_adar - 2.0 / 2f64.ln()).abs() < 1e-12);
    }
}
