//! Which files belong together: communities by Louvain's method or by labels that spread.
//!
//! References count in both directions, several between two files more than one. The same vault and
//! seed always give the same clusters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::topology::{Scope, Topology};
use super::{Kinds, View};
use crate::graph::model::{EdgeKind, Target};

/// How clusters are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Louvain's: moves files as long as modularity grows.
    #[default]
    Louvain,
    /// Every file takes the label that most of its neighbours have.
    Labels,
}

/// Clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clusters {
    /// How they were found.
    pub method: Method,
    /// Clusters of two files and more, the largest first.
    pub clusters: Vec<Cluster>,
    /// How many there are, shown or not.
    pub total: usize,
    /// Files that are in none.
    pub alone: usize,
    /// How much more is joined within clusters than by chance: 0 as by chance, 1 at most.
    pub modularity: f64,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its number, from 1.
    pub number: usize,
    /// The file in it with most neighbours there.
    pub centre: String,
    /// The folder that most of its files are in; empty for the top, and where no folder has more than
    /// half of them.
    pub folder: String,
    /// Tags that most of its files have, at most three.
    pub tags: Vec<String>,
    /// How many files it has.
    pub size: usize,
    /// Its files, those with most neighbours in it first.
    pub files: Vec<String>,
}

/// A weighted graph without direction.
type Weighted = Vec<BTreeMap<u32, f64>>;

/// Clusters of a vault: at most `limit`, each with at most so many of its files.
pub fn clusters(
    view: &View<'_>,
    method: Method,
    seed: u64,
    kinds: &Kinds,
    limit: usize,
) -> Clusters {
    let topology = Topology::of(view, &Scope { kinds: kinds.clone(), missing: false, shown: true });
    let graph = weighted(&topology);
    let of = match method {
        Method::Louvain => louvain(&graph),
        Method::Labels => labels(&graph, seed),
    };
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (node, cluster) in (0..).zip(&of) {
        groups.entry(*cluster).or_default().push(node);
    }
    let alone = groups.values().filter(|group| group.len() < 2).count();
    let mut groups: Vec<Vec<u32>> = groups.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group[0]));
    let total = groups.len();
    let shown = (1..)
        .zip(&groups)
        .take(limit)
        .map(|(number, group)| told(view, &topology, &graph, (number, group.as_slice()), limit));
    Clusters {
        method,
        clusters: shown.collect(),
        total,
        alone,
        modularity: modularity(&graph, &of),
    }
}

/// The cluster of every file that is in one, by its path: for drawing.
pub fn membership(clusters: &Clusters) -> BTreeMap<&str, usize> {
    let all = clusters.clusters.iter();
    all.flat_map(|c| c.files.iter().map(move |path| (path.as_str(), c.number))).collect()
}

fn weighted(topology: &Topology) -> Weighted {
    let mut graph = vec![BTreeMap::new(); topology.len()];
    for from in 0..topology.len() as u32 {
        for (to, _) in topology.out(from) {
            *graph[from as usize].entry(*to).or_default() += 1.0;
            *graph[*to as usize].entry(from).or_default() += 1.0;
        }
    }
    graph
}

fn told(
    view: &View<'_>,
    topology: &Topology,
    graph: &Weighted,
    (number, group): (usize, &[u32]),
    limit: usize,
) -> Cluster {
    let inside = |node: u32| {
        graph[node as usize].keys().filter(|other| group.binary_search(other).is_ok()).count()
    };
    let mut ordered: Vec<(std::cmp::Reverse<usize>, u32)> =
        group.iter().map(|node| (std::cmp::Reverse(inside(*node)), *node)).collect();
    ordered.sort();
    let path = |node: u32| match topology.node(node) {
        Target::File(id) => view.path(id),
        _ => "",
    };
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    let mut tags: BTreeMap<&str, usize> = BTreeMap::new();
    for node in group {
        let folder = path(*node).rsplit_once('/').map_or("", |(folder, _)| folder);
        *folders.entry(folder).or_default() += 1;
        let Target::File(id) = topology.node(*node) else { continue };
        let mut own: Vec<&str> = view
            .graph
            .outgoing(id)
            .filter(|edge| edge.kind == EdgeKind::Tag)
            .filter_map(|edge| match edge.to {
                Target::Tag(tag) => Some(view.graph.tag(tag)),
                _ => None,
            })
            .collect();
        own.sort_unstable();
        own.dedup();
        own.into_iter().for_each(|tag| *tags.entry(tag).or_default() += 1);
    }
    let by_most = |(_, count): &(&str, usize)| count * 2 > group.len();
    let folder = most(folders).first().filter(|first| by_most(first)).map_or("", |(name, _)| name);
    let tags = most(tags).into_iter().filter(by_most);
    Cluster {
        number,
        centre: path(ordered[0].1).to_owned(),
        folder: folder.to_owned(),
        tags: tags.take(3).map(|(tag, _)| tag.to_owned()).collect(),
        size: group.len(),
        files: ordered.iter().take(limit).map(|(_, node)| path(*node).to_owned()).collect(),
    }
}

/// What is counted, the most frequent first.
fn most(counts: BTreeMap<&str, usize>) -> Vec<(&str, usize)> {
    let mut all: Vec<(&str, usize)> = counts.into_iter().collect();
    all.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    all
}

/// Louvain's method: every node goes to the neighbouring cluster where modularity grows most; clusters
/// become nodes; again, until nothing moves.
fn louvain(graph: &Weighted) -> Vec<u32> {
    let mut of: Vec<u32> = (0..graph.len() as u32).collect();
    let mut current = graph.clone();
    loop {
        let (moved, cluster) = settle(&current);
        if !moved {
            return of;
        }
        let mut names: BTreeMap<u32, u32> = BTreeMap::new();
        for cluster in &cluster {
            let next = names.len() as u32;
            names.entry(*cluster).or_insert(next);
        }
        let name = |node: u32| names[&cluster[node as usize]];
        let mut coarse = vec![BTreeMap::new(); names.len()];
        for (node, edges) in (0..).zip(&current) {
            for (other, weight) in edges {
                *coarse[name(node) as usize].entry(name(*other)).or_default() += weight;
            }
        }
        of.iter_mut().for_each(|node| *node = name(*node));
        current = coarse;
    }
}

/// Most rounds in which nodes move: a bound for what would go to and fro by rounding.
const MAX_ROUNDS: usize = 100;

/// One level: whether anything moved, and each node's cluster. A node's edge to itself stands for
/// what is inside it, counted twice.
fn settle(graph: &Weighted) -> (bool, Vec<u32>) {
    let degree: Vec<f64> = graph.iter().map(|edges| edges.values().sum()).collect();
    let total: f64 = degree.iter().sum();
    let mut cluster: Vec<u32> = (0..graph.len() as u32).collect();
    let mut weight = degree.clone();
    let mut any = false;
    for _ in 0..MAX_ROUNDS {
        let mut moved = false;
        for node in 0..graph.len() {
            let own = cluster[node];
            weight[own as usize] -= degree[node];
            let mut towards: BTreeMap<u32, f64> = BTreeMap::from([(own, 0.0)]);
            for (other, edge) in graph[node].iter().filter(|(other, _)| **other as usize != node) {
                *towards.entry(cluster[*other as usize]).or_default() += edge;
            }
            let gain = |c: u32, edge: f64| edge - degree[node] * weight[c as usize] / total;
            let mut best = (own, gain(own, towards[&own]));
            for (c, edge) in &towards {
                let gain = gain(*c, *edge);
                if gain > best.1 + 1e-12 {
                    best = (*c, gain);
                }
            }
            weight[best.0 as usize] += degree[node];
            moved |= best.0 != own;
            cluster[node] = best.0;
        }
        any |= moved;
        if !moved {
            break;
        }
    }
    (any, cluster)
}

/// Labels that spread: in an order that the seed shuffles, each node takes the heaviest label around
/// it; of equal ones it keeps its own, else takes the lowest.
fn labels(graph: &Weighted, seed: u64) -> Vec<u32> {
    let mut label: Vec<u32> = (0..graph.len() as u32).collect();
    let mut order = label.clone();
    let mut state = seed;
    for _ in 0..MAX_ROUNDS {
        shuffle(&mut order, &mut state);
        let mut moved = false;
        for node in &order {
            let mut weights: BTreeMap<u32, f64> = BTreeMap::new();
            for (other, weight) in &graph[*node as usize] {
                *weights.entry(label[*other as usize]).or_default() += weight;
            }
            let own = label[*node as usize];
            let mut best = (own, weights.get(&own).copied().unwrap_or(0.0));
            for (other, weight) in weights {
                if weight > best.1 {
                    best = (other, weight);
                }
            }
            moved |= best.0 != own;
            label[*node as usize] = best.0;
        }
        if !moved {
            break;
        }
    }
    label
}

/// Fisher and Yates, by SplitMix64.
fn shuffle(order: &mut [u32], state: &mut u64) {
    for at in (1..order.len()).rev() {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        order.swap(at, ((mixed ^ (mixed >> 31)) % (at as u64 + 1)) as usize);
    }
}

fn modularity(graph: &Weighted, of: &[u32]) -> f64 {
    let mut inside = 0.0;
    let mut degrees: BTreeMap<u32, f64> = BTreeMap::new();
    for (edges, own) in graph.iter().zip(of) {
        *degrees.entry(*own).or_default() += edges.values().sum::<f64>();
        let same = edges.iter().filter(|(other, _)| of[**other as usize] == *own);
        inside += same.map(|(_, weight)| weight).sum::<f64>();
    }
    let total: f64 = degrees.values().sum();
    if total == 0.0 {
        return 0.0;
    }
    inside / total - degrees.values().map(|degree| (degree / total).powi(2)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;
    use crate::graph::vaults::Random;

    /// Cliques of four, joined in a chain.
    fn cliques(count: usize) -> Sketch {
        let mut arrows = Vec::new();
        for clique in 0..count {
            for a in 0..4 {
                arrows.extend((0..a).map(|b| (clique * 4 + a, clique * 4 + b)));
            }
            if clique > 0 {
                arrows.push((clique * 4, clique * 4 - 1));
            }
        }
        Sketch::arrows(count * 4 + 1, &arrows)
    }

    #[test]
    fn cliques_are_found_by_both_methods_and_always_the_same() {
        let vault = cliques(6);
        for method in [Method::Louvain, Method::Labels] {
            let all = clusters(&vault.view(), method, 7, &Kinds::default(), 99);
            assert_eq!((all.total, all.alone), (6, 1), "{method:?}");
            for cluster in &all.clusters {
                let mut numbers: Vec<usize> =
                    cluster.files.iter().map(|path| path[1..4].parse().unwrap()).collect();
                numbers.sort_unstable();
                assert!(numbers.iter().all(|n| n / 4 == numbers[0] / 4), "{method:?} {numbers:?}");
            }
            assert!(all.modularity > 0.5, "{}", all.modularity);
            assert_eq!(clusters(&vault.view(), method, 7, &Kinds::default(), 99), all);
            assert_eq!(membership(&all).len(), 24);
        }
    }

    #[test]
    fn louvain_is_no_worse_than_one_cluster_or_one_for_each() {
        for seed in 0..80 {
            let mut random = Random::new(seed);
            let nodes = 3 + random.below(20);
            let arrows: Vec<(usize, usize)> =
                (0..nodes * 2).map(|_| (random.below(nodes), random.below(nodes))).collect();
            let vault = Sketch::arrows(nodes, &arrows);
            let topology = Topology::of(&vault.view(), &Scope::default());
            let graph = weighted(&topology);
            let of = louvain(&graph);
            let singles: Vec<u32> = (0..nodes as u32).collect();
            let found = modularity(&graph, &of);
            let floor = modularity(&graph, &singles).max(modularity(&graph, &vec![0; nodes]));
            assert!(found >= floor - 1e-9, "seed {seed}: {found} {floor}");
        }
    }

    #[test]
    fn a_cluster_is_described_by_what_most_of_it_has() {
        let vault = Sketch::of(&[
            ("m/hub.md", "[[a]] [[b]] #team"),
            ("m/a.md", "[[b]] #team #own"),
            ("x/b.md", "#Team"),
        ]);
        let all = clusters(&vault.view(), Method::Louvain, 0, &Kinds::default(), 1);
        let cluster = &all.clusters[0];
        assert_eq!((cluster.size, cluster.files.len(), cluster.folder.as_str()), (3, 1, "m"));
        assert_eq!(cluster.tags, ["team"]);
        let apart =
            Sketch::of(&[("m/a.md", "[[b]]"), ("x/b.md", ""), ("c.md", "[[d]]"), ("d.md", "")]);
        let all = clusters(&apart.view(), Method::Louvain, 0, &Kinds::default(), 1);
        let told: Vec<&str> = all.clusters.iter().map(|c| c.folder.as_str()).collect();
        assert_eq!((all.total, told), (2, vec![""]), "half of it is not most, and one is shown");
    }
}
