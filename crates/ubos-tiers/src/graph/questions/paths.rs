//! Why two files are connected: the shortest chains of references between them.
//!
//! Chains visit nothing twice. Of chains of one length the first in the alphabet comes first, so that
//! the same vault always gives the same answer (Yen's algorithm over a breadth-first search).

use std::collections::{BTreeSet, HashSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::topology::{Scope, Topology};
use super::{End, Kinds, Reference, View};
use crate::graph::files::FileId;
use crate::graph::model::Target;

/// Most chains that are looked for.
pub const MAX_CHAINS: usize = 100;

/// Chains between two files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paths {
    /// Where they begin.
    pub from: String,
    /// Where they end.
    pub to: String,
    /// Whether references count only from the one that refers to the other.
    pub directed: bool,
    /// The chains, the shortest first.
    pub paths: Vec<Vec<Hop>>,
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Where the step begins.
    pub from: End,
    /// Where it leads.
    pub to: End,
    /// Whether the reference points along the step.
    pub forward: bool,
    /// References that say the same.
    pub others: usize,
    /// The reference that joins the two.
    pub reference: Reference,
}

/// The `count` shortest chains from `a` to `b`.
pub fn paths(
    view: &View<'_>,
    a: FileId,
    b: FileId,
    count: usize,
    directed: bool,
    kinds: &Kinds,
) -> Paths {
    let topology = Topology::of(view, &Scope { kinds: kinds.clone(), missing: true, shown: false });
    let ends = (topology.number(Target::File(a)), topology.number(Target::File(b)));
    let chains = match ends {
        (Some(from), Some(to)) if from != to => {
            let next = if directed { topology.directed() } else { topology.undirected() };
            shortest(&next, from, to, count.min(MAX_CHAINS))
        }
        _ => Vec::new(),
    };
    let hops = |chain: &Vec<u32>| {
        chain.windows(2).map(|pair| hop(view, &topology, pair[0], pair[1], directed)).collect()
    };
    Paths {
        from: view.path(a).to_owned(),
        to: view.path(b).to_owned(),
        directed,
        paths: chains.iter().map(hops).collect(),
    }
}

/// The reference between two neighbours that says most: a link before a guess, the first in its file.
fn hop(view: &View<'_>, topology: &Topology, from: u32, to: u32, directed: bool) -> Hop {
    let forth = topology.out(from).iter().filter(|(other, _)| *other == to);
    let back = topology.back(from).iter().filter(|(other, _)| *other == to && !directed);
    let mut all: Vec<(_, bool, u32)> = forth
        .map(|(_, edge)| (false, *edge))
        .chain(back.map(|(_, edge)| (true, *edge)))
        .map(|(against, edge)| (view.graph.edges()[edge as usize].kind, against, edge))
        .collect();
    all.sort();
    let (_, against, edge) = all[0];
    Hop {
        from: view.end(topology.node(from)),
        to: view.end(topology.node(to)),
        forward: !against,
        others: all.len() - 1,
        reference: view.reference(&view.graph.edges()[edge as usize]),
    }
}

/// The `count` shortest chains without a repeated node, by length, then by their nodes' numbers.
fn shortest(next: &[Vec<u32>], from: u32, to: u32, count: usize) -> Vec<Vec<u32>> {
    let before = reversed(next);
    let search = Search { next, before: &before, to };
    let mut found: Vec<Vec<u32>> = Vec::new();
    let mut waiting: BTreeSet<(usize, Vec<u32>)> = BTreeSet::new();
    let first = search.first(&[from], &HashSet::new());
    waiting.extend(first.map(|chain| (chain.len(), chain)));
    while found.len() < count
        && let Some((_, chain)) = waiting.pop_first()
    {
        for cut in 0..chain.len() - 1 {
            let head = &chain[..=cut];
            // No later chain may leave this head as an earlier one did.
            let taken: HashSet<u32> = found
                .iter()
                .chain([&chain])
                .filter(|other| other.len() > cut + 1 && other[..=cut] == *head)
                .map(|other| other[cut + 1])
                .collect();
            waiting.extend(search.first(head, &taken).map(|chain| (chain.len(), chain)));
        }
        found.push(chain);
    }
    found
}

fn reversed(next: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut before = vec![Vec::new(); next.len()];
    for (node, targets) in (0..).zip(next) {
        targets.iter().for_each(|target| before[*target as usize].push(node));
    }
    before
}

struct Search<'a> {
    next: &'a [Vec<u32>],
    before: &'a [Vec<u32>],
    to: u32,
}

impl Search<'_> {
    /// The first of the shortest chains that begin with `head` and do not go on to a `taken` node.
    fn first(&self, head: &[u32], taken: &HashSet<u32>) -> Option<Vec<u32>> {
        let left = self.distances(head);
        let start = *head.last()?;
        let mut chain = head.to_vec();
        let open = |node: u32| left[node as usize] != u32::MAX;
        let leave = self.next[start as usize].iter().copied();
        let leave = leave.filter(|node| open(*node) && !taken.contains(node));
        let mut at = leave.min_by_key(|node| (left[*node as usize], *node))?;
        chain.push(at);
        while at != self.to {
            let far = left[at as usize];
            let nearer = self.next[at as usize].iter().copied();
            at = nearer.filter(|node| left[*node as usize] == far - 1).min()?;
            chain.push(at);
        }
        Some(chain)
    }

    /// Steps from each node to the end, not through what is `shut`.
    fn distances(&self, shut: &[u32]) -> Vec<u32> {
        let mut left = vec![u32::MAX; self.next.len()];
        left[self.to as usize] = 0;
        let mut todo = VecDeque::from([self.to]);
        while let Some(node) = todo.pop_front() {
            for other in &self.before[node as usize] {
                if left[*other as usize] == u32::MAX && !shut.contains(other) {
                    left[*other as usize] = left[node as usize] + 1;
                    todo.push_back(*other);
                }
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;
    use crate::graph::vaults::Random;

    fn said(vault: &Sketch, from: &str, to: &str, directed: bool) -> Vec<Vec<String>> {
        let (a, b) = (vault.id(from), vault.id(to));
        let all = paths(&vault.view(), a, b, 9, directed, &Kinds::default());
        let hop = |hop: &Hop| {
            let arrow = if hop.forward { "->" } else { "<-" };
            let line = hop.reference.line;
            format!("{} {arrow} {} ({}:{line})", hop.from.name(), hop.to.name(), hop.reference.from)
        };
        all.paths.iter().map(|path| path.iter().map(hop).collect()).collect()
    }

    #[test]
    fn every_hop_says_where_it_is_written() {
        let vault = Sketch::of(&[
            ("a.md", "text\n[[m]]"),
            ("m.md", ""),
            ("b.md", "see ![[m]]\nand [[m]] [[x]]"),
            ("x.md", ""),
        ]);
        assert_eq!(
            said(&vault, "a.md", "b.md", false),
            [["a.md -> m.md (a.md:2)", "m.md <- b.md (b.md:2)"]]
        );
        assert!(said(&vault, "a.md", "b.md", true).is_empty());
        assert!(said(&vault, "a.md", "x.md", true).is_empty());
        let all =
            paths(&vault.view(), vault.id("a.md"), vault.id("b.md"), 1, false, &Kinds::default());
        assert_eq!(all.paths[0][1].others, 1);
        assert_eq!(
            all.paths[0][1].reference.sentence.as_deref(),
            Some("see ![[m]] and [[m]] [[x]]")
        );
    }

    /// All chains without a repeated node, in order.
    fn all_chains(next: &[Vec<u32>], chain: &mut Vec<u32>, to: u32, found: &mut Vec<Vec<u32>>) {
        let at = *chain.last().unwrap();
        if at == to {
            found.push(chain.clone());
            return;
        }
        for node in &next[at as usize] {
            if !chain.contains(node) {
                chain.push(*node);
                all_chains(next, chain, to, found);
                chain.pop();
            }
        }
    }

    #[test]
    fn the_shortest_are_those_that_trying_all_finds() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let nodes = 2 + random.below(7);
            let mut next = vec![Vec::new(); nodes];
            for (from, targets) in next.iter_mut().enumerate() {
                for to in (0..nodes).filter(|to| *to != from) {
                    if random.below(100) < 35 {
                        targets.push(to as u32);
                    }
                }
            }
            let to = nodes as u32 - 1;
            let mut expected = Vec::new();
            all_chains(&next, &mut vec![0], to, &mut expected);
            expected.sort_by_key(|chain| (chain.len(), chain.clone()));
            let count = 1 + random.below(12);
            expected.truncate(count);
            assert_eq!(shortest(&next, 0, to, count), expected, "seed {seed}");
        }
    }
}
