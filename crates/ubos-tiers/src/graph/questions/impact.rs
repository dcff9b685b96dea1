//! What hangs on a file: who refers to it, directly and through others, and what links would do if it
//! were deleted or had another name.
//!
//! A link names a file by the end of its path, so that a deletion can make a link lead somewhere else
//! without anybody noticing, and a new name can take links over that never meant it. Both are told.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::topology::{Scope, Topology};
use super::{Kinds, Reference, View, written_links};
use crate::graph::files::{FileId, Files};
use crate::graph::model::{Edge, Graph, Target};
use crate::graph::note::{Link, Position};

/// What hangs on a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// The file.
    pub note: String,
    /// Its other name that was asked about; without one, the question is what its deletion would do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub renamed: Option<String>,
    /// What refers to it, directly or through others, the nearest first.
    pub dependents: Vec<Dependent>,
    /// How many there are, shown or not.
    pub total: usize,
    /// Links that would come to something else.
    pub links: Vec<Turned>,
}

/// A file that refers to another, directly or through others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependent {
    /// The file.
    pub path: String,
    /// Steps to what it hangs on.
    pub distance: u32,
    /// The reference that is its first step.
    pub reference: Reference,
}

/// A link that would come to something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// The file that has it, as it is named now.
    pub from: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The link as it is written, without its part from `#` on.
    pub link: String,
    /// Where it leads now.
    pub was: Option<String>,
    /// Where it would lead.
    pub becomes: Option<String>,
}

impl Turned {
    /// Whether it would lead nowhere.
    pub fn breaks(&self) -> bool {
        self.becomes.is_none()
    }
}

/// What hangs on `id`, up to `depth` steps away, and what its deletion, or the name `renamed`, would
/// do.
pub fn impact(
    view: &View<'_>,
    id: FileId,
    depth: u32,
    kinds: &Kinds,
    renamed: Option<&str>,
    limit: usize,
) -> Impact {
    let mut dependents = dependents(view, id, depth, kinds);
    let total = dependents.len();
    dependents.truncate(limit);
    let change = match renamed {
        Some(name) => Change { gone: Vec::new(), renamed: vec![(id, name.to_owned())] },
        None => Change { gone: vec![id], renamed: Vec::new() },
    };
    let dependents = dependents
        .into_iter()
        .map(|(other, distance, edge)| Dependent {
            path: view.path(other).to_owned(),
            distance,
            reference: view.reference(edge),
        })
        .collect();
    Impact {
        note: view.path(id).to_owned(),
        renamed: renamed.map(str::to_owned),
        dependents,
        total,
        links: change.links(view.graph),
    }
}

/// Files that refer to `id`, the nearest first, then by path.
fn dependents<'g>(
    view: &View<'g>,
    id: FileId,
    depth: u32,
    kinds: &Kinds,
) -> Vec<(FileId, u32, &'g Edge)> {
    let topology =
        Topology::of(view, &Scope { kinds: kinds.clone(), missing: false, shown: false });
    let Some(start) = topology.number(Target::File(id)) else { return Vec::new() };
    let mut seen = BTreeSet::from([start]);
    let mut found = Vec::new();
    let mut level = vec![start];
    for distance in 1..=depth {
        let mut further = BTreeMap::new();
        for node in &level {
            for (other, edge) in topology.back(*node) {
                if !seen.contains(other) {
                    further.entry(*other).or_insert(*edge);
                }
            }
        }
        if further.is_empty() {
            break;
        }
        seen.extend(further.keys().copied());
        level = further.keys().copied().collect();
        for (other, edge) in further {
            if let Target::File(file) = topology.node(other) {
                found.push((file, distance, &view.graph.edges()[edge as usize]));
            }
        }
    }
    found
}

/// Files that go and files that get another name, all at once.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Files that go.
    pub gone: Vec<FileId>,
    /// Files that get another path.
    pub renamed: Vec<(FileId, String)>,
}

impl Change {
    /// The links that come to something else: those that break, and those that silently lead to
    /// another file. Links of files that go are not counted.
    pub fn links(&self, graph: &Graph) -> Vec<Turned> {
        let mut after = graph.files().clone();
        for id in self.gone.iter().chain(self.renamed.iter().map(|(id, _)| id)) {
            after.remove(*id);
        }
        let news: BTreeMap<FileId, FileId> =
            self.renamed.iter().map(|(id, path)| (after.add(path), *id)).collect();
        let mut turned = Vec::new();
        for from in graph.files().all().filter(|id| !self.gone.contains(id)) {
            let before = graph.files().path(from);
            let now = self.renamed.iter().find(|(id, _)| *id == from);
            let now = now.map_or(before, |(_, path)| path);
            for link in written_links(graph, from) {
                let was = graph.files().resolve(&link.target, before);
                let becomes = after.resolve(&link.target, now);
                // A file that was renamed is still the same file.
                if becomes.map(|id| news.get(&id).copied().unwrap_or(id)) != was {
                    turned.push(told(graph.files(), &after, before, link, (was, becomes)));
                }
            }
        }
        turned
    }
}

fn told(
    files: &Files,
    after: &Files,
    from: &str,
    link: &Link,
    (was, becomes): (Option<FileId>, Option<FileId>),
) -> Turned {
    let Position { line, column } = link.at;
    Turned {
        from: from.to_owned(),
        line,
        column,
        link: link.target.clone(),
        was: was.map(|id| files.path(id).to_owned()),
        becomes: becomes.map(|id| after.path(id).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;
    use crate::graph::model::EdgeKind;
    use crate::graph::vaults::Random;

    fn turned(vault: &Sketch, path: &str, renamed: Option<&str>) -> Vec<String> {
        let impact = impact(&vault.view(), vault.id(path), 9, &Kinds::default(), renamed, 99);
        let name = |path: &Option<String>| path.clone().unwrap_or("-".to_owned());
        impact
            .links
            .iter()
            .map(|l| {
                format!(
                    "{}:{} [[{}]] {} > {}",
                    l.from,
                    l.line,
                    l.link,
                    name(&l.was),
                    name(&l.becomes)
                )
            })
            .collect()
    }

    #[test]
    fn dependents_are_found_through_others_and_circles_end() {
        let vault = Sketch::of(&[
            ("a.md", "[[b]]"),
            ("b.md", "[[c]]"),
            ("c.md", "[[a]]"),
            ("d.md", "![[b]]"),
            ("e.md", "#tag"),
        ]);
        let shown = |depth, kinds: &[EdgeKind]| -> Vec<String> {
            let kinds = Kinds(kinds.to_vec());
            let all = impact(&vault.view(), vault.id("c.md"), depth, &kinds, None, 99);
            all.dependents.iter().map(|d| format!("{} {}", d.distance, d.path)).collect()
        };
        assert_eq!(shown(9, &[]), ["1 b.md", "2 a.md", "2 d.md"]);
        assert_eq!(shown(1, &[]), ["1 b.md"]);
        assert_eq!(shown(9, &[EdgeKind::Link]), ["1 b.md", "2 a.md"]);
    }

    #[test]
    fn a_deletion_breaks_links_or_lets_them_lead_elsewhere() {
        let vault = Sketch::of(&[
            ("note.md", ""),
            ("z/note.md", ""),
            ("src.md", "[[note]] [[note.md]]\n[[z/note]]"),
            ("x.md", "[x](/note.md) [[other]]"),
        ]);
        assert_eq!(
            turned(&vault, "note.md", None),
            [
                "src.md:1 [[note]] note.md > z/note.md",
                "src.md:1 [[note.md]] note.md > z/note.md",
                "x.md:1 [[/note.md]] note.md > -"
            ]
        );
        assert_eq!(turned(&vault, "z/note.md", None), ["src.md:2 [[z/note]] z/note.md > -"]);
    }

    #[test]
    fn a_new_name_breaks_links_keeps_others_and_takes_some_over() {
        let vault = Sketch::of(&[
            ("a/plan.md", "[[./near]]"),
            ("a/near.md", ""),
            ("src.md", "[[plan]] [[a/plan]] [[goal]] [[wish]]"),
            ("z/y/goal.md", ""),
        ]);
        assert_eq!(
            turned(&vault, "a/plan.md", Some("b/plan.md")),
            ["a/plan.md:1 [[./near]] a/near.md > -", "src.md:1 [[a/plan]] a/plan.md > -"]
        );
        assert_eq!(
            turned(&vault, "a/plan.md", Some("a/goal.md")),
            [
                "src.md:1 [[plan]] a/plan.md > -",
                "src.md:1 [[a/plan]] a/plan.md > -",
                "src.md:1 [[goal]] z/y/goal.md > a/goal.md"
            ]
        );
        assert_eq!(turned(&vault, "z/y/goal.md", Some("wish.md")).len(), 2);
    }

    #[test]
    fn the_closure_is_what_walking_backwards_reaches() {
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let nodes = 2 + random.below(9);
            let pairs: Vec<(usize, usize)> =
                (0..random.below(20)).map(|_| (random.below(nodes), random.below(nodes))).collect();
            let vault = Sketch::arrows(nodes, &pairs);
            // Steps by relaxing all arrows until nothing changes.
            let mut far = vec![u32::MAX; nodes];
            far[0] = 0;
            for _ in 0..nodes {
                for (from, to) in &pairs {
                    far[*from] = far[*from].min(far[*to].saturating_add(1));
                }
            }
            let mut expected: Vec<(u32, String)> = (1..nodes)
                .filter(|n| far[*n] != u32::MAX)
                .map(|n| (far[n], format!("n{n:03}.md")))
                .collect();
            expected.sort();
            let all = impact(&vault.view(), vault.id("n000.md"), 99, &Kinds::default(), None, 99);
            let found: Vec<(u32, String)> =
                all.dependents.iter().map(|d| (d.distance, d.path.clone())).collect();
            assert_eq!(found, expected, "seed {seed}");
        }
    }
}
