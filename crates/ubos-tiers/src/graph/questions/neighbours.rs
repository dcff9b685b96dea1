//! What is around a file, step by step.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::topology::{Scope, Topology};
use super::{End, Kinds, View};
use crate::graph::files::FileId;
use crate::graph::model::{EdgeKind, Target};

/// Along which way of edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Along and against them.
    #[default]
    Both,
    /// From the file on.
    Out,
    /// Towards the file.
    In,
}

/// What is around a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbours {
    /// The file.
    pub note: String,
    /// Most steps.
    pub depth: u32,
    /// Along which way.
    pub direction: Direction,
    /// What is there, the nearest first, then by name.
    pub neighbours: Vec<Neighbour>,
    /// How many there are, shown or not.
    pub total: usize,
}

/// One neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// What it is.
    pub node: End,
    /// Steps to it.
    pub distance: u32,
    /// The neighbour before it on a shortest way.
    pub through: String,
    /// The kinds of edges between the two.
    pub kinds: Vec<EdgeKind>,
}

/// What is at most `depth` steps from a file.
pub fn neighbours(
    view: &View<'_>,
    id: FileId,
    depth: u32,
    direction: Direction,
    kinds: &Kinds,
    limit: usize,
) -> Neighbours {
    let topology = Topology::of(view, &Scope { kinds: kinds.clone(), missing: true, shown: false });
    let mut found = Vec::new();
    if let Some(start) = topology.number(Target::File(id)) {
        let mut distance = vec![u32::MAX; topology.len()];
        distance[start as usize] = 0;
        let mut todo = VecDeque::from([start]);
        while let Some(node) = todo.pop_front() {
            let far = distance[node as usize] + 1;
            if far > depth {
                break;
            }
            for other in next(&topology, node, direction) {
                if distance[other as usize] == u32::MAX {
                    distance[other as usize] = far;
                    todo.push_back(other);
                    found.push(Neighbour {
                        node: view.end(topology.node(other)),
                        distance: far,
                        through: view.end(topology.node(node)).name().to_owned(),
                        kinds: between(view, &topology, node, other),
                    });
                }
            }
        }
    }
    found.sort_by(|a, b| (a.distance, &a.node).cmp(&(b.distance, &b.node)));
    let total = found.len();
    found.truncate(limit);
    Neighbours { note: view.path(id).to_owned(), depth, direction, neighbours: found, total }
}

fn next(topology: &Topology, node: u32, direction: Direction) -> Vec<u32> {
    let mut all: Vec<u32> = match direction {
        Direction::Both => return topology.around(node),
        Direction::Out => topology.out(node).iter().map(|(other, _)| *other).collect(),
        Direction::In => topology.back(node).iter().map(|(other, _)| *other).collect(),
    };
    all.dedup();
    all
}

fn between(view: &View<'_>, topology: &Topology, a: u32, b: u32) -> Vec<EdgeKind> {
    let both = topology.out(a).iter().chain(topology.back(a));
    let kinds: BTreeSet<EdgeKind> = both
        .filter(|(other, _)| *other == b)
        .map(|(_, edge)| view.graph.edges()[*edge as usize].kind)
        .collect();
    kinds.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    fn shown(vault: &Sketch, depth: u32, direction: Direction, kinds: &[EdgeKind]) -> Vec<String> {
        let kinds = Kinds(kinds.to_vec());
        let all = neighbours(&vault.view(), vault.id("b.md"), depth, direction, &kinds, 99);
        assert_eq!(all.total, all.neighbours.len());
        all.neighbours.iter().map(|n| format!("{} {}", n.distance, n.node.name())).collect()
    }

    #[test]
    fn depth_direction_and_kinds_are_kept_to() {
        let vault = Sketch::of(&[
            ("a.md", "[[b]]"),
            ("b.md", "[[c]] [[gone]] #t"),
            ("c.md", "[[d]]"),
            ("d.md", "[[a]] #t"),
        ]);
        assert_eq!(shown(&vault, 1, Direction::Both, &[]), ["1 a.md", "1 c.md", "1 gone"]);
        assert_eq!(shown(&vault, 1, Direction::In, &[]), ["1 a.md"]);
        assert_eq!(shown(&vault, 9, Direction::Out, &[]), ["1 c.md", "1 gone", "2 d.md", "3 a.md"]);
        assert_eq!(shown(&vault, 2, Direction::Both, &[EdgeKind::Tag]), ["1 t", "2 d.md"]);
        assert!(shown(&vault, 0, Direction::Both, &[]).is_empty());
    }
}
