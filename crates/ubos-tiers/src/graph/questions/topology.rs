//! The graph as algorithms want it: nodes with numbers from 0, neighbours in lists.

use std::collections::HashMap;

use super::{Kinds, View};
use crate::graph::model::{Content, Target};

/// What becomes a node.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Which edges count.
    pub kinds: Kinds,
    /// Whether names that no file has are nodes.
    pub missing: bool,
    /// Whether files are left out that the vault's settings leave out of its graph view.
    pub shown: bool,
}

/// Nodes and who is next to whom. Nodes are in the order of files (by path), names that no file has,
/// tags; lists of neighbours are in the order of nodes, then of edges.
#[derive(Debug, Default)]
pub struct Topology {
    nodes: Vec<Target>,
    numbers: HashMap<Target, u32>,
    out: Vec<Vec<(u32, u32)>>,
    back: Vec<Vec<(u32, u32)>>,
}

impl Topology {
    /// The part of a graph within `scope`. Notes and canvases are always nodes, other files where an
    /// edge touches them.
    pub fn of(view: &View<'_>, scope: &Scope) -> Self {
        let mut topology = Self::default();
        let is_shown = |node: Target| match node {
            Target::File(id) => !(scope.shown && view.graph.is_excluded(id)),
            _ => true,
        };
        let edges: Vec<(u32, &crate::graph::model::Edge)> = (0..)
            .zip(view.graph.edges())
            .filter(|(_, edge)| {
                let counts = scope.kinds.has(edge.kind) && view.sees(edge);
                let there = scope.missing || !matches!(edge.to, Target::Missing(_));
                let shown = is_shown(Target::File(edge.from)) && is_shown(edge.to);
                counts && there && shown && edge.to != Target::File(edge.from)
            })
            .collect();
        let mut nodes: Vec<Target> = edges
            .iter()
            .flat_map(|(_, edge)| [Target::File(edge.from), edge.to])
            .chain(view.graph.files().all().filter_map(|id| {
                let content = &view.graph.source(id)?.content;
                let is_node = !matches!(content, Content::Attachment);
                Some(Target::File(id)).filter(|node| is_node && is_shown(*node))
            }))
            .collect();
        nodes.sort();
        nodes.dedup();
        topology.numbers = nodes.iter().copied().zip(0..).collect();
        topology.out = vec![Vec::new(); nodes.len()];
        topology.back = vec![Vec::new(); nodes.len()];
        topology.nodes = nodes;
        for (number, edge) in edges {
            let from = topology.numbers[&Target::File(edge.from)];
            let to = topology.numbers[&edge.to];
            topology.out[from as usize].push((to, number));
            topology.back[to as usize].push((from, number));
        }
        topology.out.iter_mut().chain(&mut topology.back).for_each(|list| list.sort_unstable());
        topology
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node of that number.
    pub fn node(&self, number: u32) -> Target {
        self.nodes[number as usize]
    }

    /// The number of a node, if it is one.
    pub fn number(&self, node: Target) -> Option<u32> {
        self.numbers.get(&node).copied()
    }

    /// Nodes that this one leads to, each with the number of the edge in the graph.
    pub fn out(&self, node: u32) -> &[(u32, u32)] {
        &self.out[node as usize]
    }

    /// Nodes that lead to this one.
    pub fn back(&self, node: u32) -> &[(u32, u32)] {
        &self.back[node as usize]
    }

    /// Different nodes next to this one in either direction, in their order.
    pub fn around(&self, node: u32) -> Vec<u32> {
        let both = self.out(node).iter().chain(self.back(node));
        let mut all: Vec<u32> = both.map(|(other, _)| *other).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// [`Topology::around`] of every node.
    pub fn undirected(&self) -> Vec<Vec<u32>> {
        (0..self.len() as u32).map(|node| self.around(node)).collect()
    }

    /// Different nodes that each node leads to.
    pub fn directed(&self) -> Vec<Vec<u32>> {
        let targets = |list: &Vec<(u32, u32)>| {
            let mut all: Vec<u32> = list.iter().map(|(other, _)| *other).collect();
            all.dedup();
            all
        };
        self.out.iter().map(targets).collect()
    }

    /// The connected parts, in either direction: for each node the number of its part, and how many
    /// parts there are.
    pub fn parts(&self) -> (Vec<u32>, u32) {
        let mut part = vec![u32::MAX; self.len()];
        let mut count = 0;
        for start in 0..self.len() {
            if part[start] != u32::MAX {
                continue;
            }
            let mut todo = vec![start as u32];
            part[start] = count;
            while let Some(node) = todo.pop() {
                for (other, _) in self.out(node).iter().chain(self.back(node)) {
                    if part[*other as usize] == u32::MAX {
                        part[*other as usize] = count;
                        todo.push(*other);
                    }
                }
            }
            count += 1;
        }
        (part, count)
    }
}
