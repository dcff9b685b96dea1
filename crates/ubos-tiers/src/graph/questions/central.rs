//! Which files matter most, by four measures of it.
//!
//! PageRank and HITS follow references; betweenness (Brandes) and degree ignore their direction. On
//! large vaults betweenness is estimated from the shortest ways of a sample of files, and says so.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::topology::{Scope, Topology};
use super::{Kinds, View};
use crate::graph::model::Target;

/// Above so many files betweenness is estimated.
pub const SAMPLED_ABOVE: usize = 2000;
/// From the shortest ways of so many files then.
pub const SAMPLE: usize = 400;
/// The share of PageRank that follows references.
const DAMPING: f64 = 0.85;
/// Rounds after which a measure that has not settled is taken as it is.
const MAX_ROUNDS: usize = 200;
const SETTLED: f64 = 1e-12;

/// What files are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Where somebody who follows links at random is most often.
    #[default]
    Pagerank,
    /// How many shortest ways between others lead through it.
    Betweenness,
    /// How many files refer to it or it refers to.
    Degree,
    /// How many files refer to it.
    In,
    /// How many files it refers to.
    Out,
    /// Whether it refers to what matters.
    Hub,
    /// Whether what refers to much refers to it.
    Authority,
}

/// Files by how much they matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Central {
    /// What they are sorted by.
    pub by: Measure,
    /// From how many files betweenness was estimated; `None`: from all.
    pub sampled: Option<usize>,
    /// Files, what matters most first.
    pub files: Vec<Weight>,
    /// How many there are, shown or not.
    pub total: usize,
}

/// How much one file matters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// The file.
    pub path: String,
    /// Sums to 1 over all files.
    pub pagerank: f64,
    /// Of all pairs of other files, the share whose shortest ways lead through it.
    pub betweenness: f64,
    /// Files next to it.
    pub degree: usize,
    /// Files that refer to it.
    pub r#in: usize,
    /// Files that it refers to.
    pub out: usize,
    /// HITS; the squares of all sum to 1.
    pub hub: f64,
    /// HITS; the squares of all sum to 1.
    pub authority: f64,
}

impl Weight {
    fn by(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Pagerank => self.pagerank,
            Measure::Betweenness => self.betweenness,
            Measure::Degree => self.degree as f64,
            Measure::In => self.r#in as f64,
            Measure::Out => self.out as f64,
            Measure::Hub => self.hub,
            Measure::Authority => self.authority,
        }
    }
}

/// Files by how much they matter; where two matter alike, the path decides.
pub fn central(view: &View<'_>, by: Measure, kinds: &Kinds, limit: usize) -> Central {
    let topology = Topology::of(view, &Scope { kinds: kinds.clone(), missing: false, shown: true });
    let next = topology.directed();
    let around = topology.undirected();
    let rank = pagerank(&next);
    let sample = (around.len() > SAMPLED_ABOVE).then_some(SAMPLE);
    let between = betweenness(&around, sample);
    let (hubs, authorities) = hits(&next);
    let mut r#in = vec![0; next.len()];
    next.iter().flatten().for_each(|to| r#in[*to as usize] += 1);
    let mut files: Vec<Weight> = (0..topology.len())
        .filter_map(|n| {
            let Target::File(id) = topology.node(n as u32) else { return None };
            Some(Weight {
                path: view.path(id).to_owned(),
                pagerank: rank[n],
                betweenness: between[n],
                degree: around[n].len(),
                r#in: r#in[n],
                out: next[n].len(),
                hub: hubs[n],
                authority: authorities[n],
            })
        })
        .collect();
    files.sort_by(|a, b| b.by(by).total_cmp(&a.by(by)).then_with(|| a.path.cmp(&b.path)));
    let total = files.len();
    files.truncate(limit);
    Central { by, sampled: sample, files, total }
}

/// PageRank; a node that leads nowhere leads everywhere.
pub fn pagerank(next: &[Vec<u32>]) -> Vec<f64> {
    let count = next.len() as f64;
    let mut rank = vec![1.0 / count; next.len()];
    for _ in 0..MAX_ROUNDS {
        let lost: f64 =
            next.iter().zip(&rank).filter(|(to, _)| to.is_empty()).map(|(_, r)| r).sum();
        let mut fresh = vec![(1.0 - DAMPING + DAMPING * lost) / count; next.len()];
        for (targets, own) in next.iter().zip(&rank) {
            let share = DAMPING * own / targets.len() as f64;
            targets.iter().for_each(|to| fresh[*to as usize] += share);
        }
        let moved: f64 = fresh.iter().zip(&rank).map(|(a, b)| (a - b).abs()).sum();
        rank = fresh;
        if moved < SETTLED {
            break;
        }
    }
    rank
}

/// HITS: hubs and authorities.
pub fn hits(next: &[Vec<u32>]) -> (Vec<f64>, Vec<f64>) {
    let mut hubs = vec![1.0; next.len()];
    let mut authorities = vec![0.0; next.len()];
    for _ in 0..MAX_ROUNDS {
        authorities.fill(0.0);
        for (targets, hub) in next.iter().zip(&hubs) {
            targets.iter().for_each(|to| authorities[*to as usize] += hub);
        }
        normalise(&mut authorities);
        // Not `sum`, which of nothing is -0.
        let add = |sum: f64, to: &u32| sum + authorities[*to as usize];
        let sum = |targets: &Vec<u32>| targets.iter().fold(0.0, add);
        let mut fresh: Vec<f64> = next.iter().map(sum).collect();
        normalise(&mut fresh);
        let moved: f64 = fresh.iter().zip(&hubs).map(|(a, b)| (a - b).abs()).sum();
        hubs = fresh;
        if moved < SETTLED {
            break;
        }
    }
    (hubs, authorities)
}

fn normalise(values: &mut [f64]) {
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length > 0.0 {
        values.iter_mut().for_each(|value| *value /= length);
    }
}

/// Betweenness over an undirected graph, by all nodes or a sample that is spread over them.
pub fn betweenness(around: &[Vec<u32>], sample: Option<usize>) -> Vec<f64> {
    let count = around.len();
    let mut sums = vec![0.0; count];
    let sources = sample.unwrap_or(count).min(count);
    let mut walk = Walk::new(count);
    for number in 0..sources {
        walk.from((number * count / sources) as u32, around, &mut sums);
    }
    // Each pair is met from both ends.
    let pairs = (count.saturating_sub(1) * count.saturating_sub(2)) as f64;
    let scale = if pairs > 0.0 { count as f64 / sources as f64 / pairs } else { 0.0 };
    sums.iter().map(|sum| sum * scale).collect()
}

/// The shortest ways from one node, and what of them leads through the others.
struct Walk {
    far: Vec<u32>,
    ways: Vec<f64>,
    share: Vec<f64>,
    order: Vec<u32>,
}

impl Walk {
    fn new(count: usize) -> Self {
        Self {
            far: vec![u32::MAX; count],
            ways: vec![0.0; count],
            share: vec![0.0; count],
            order: Vec::new(),
        }
    }

    fn from(&mut self, source: u32, around: &[Vec<u32>], sums: &mut [f64]) {
        for node in self.order.drain(..) {
            let node = node as usize;
            (self.far[node], self.ways[node], self.share[node]) = (u32::MAX, 0.0, 0.0);
        }
        (self.far[source as usize], self.ways[source as usize]) = (0, 1.0);
        let mut todo = VecDeque::from([source]);
        while let Some(node) = todo.pop_front() {
            self.order.push(node);
            let far = self.far[node as usize] + 1;
            for other in &around[node as usize] {
                let at = *other as usize;
                if self.far[at] == u32::MAX {
                    self.far[at] = far;
                    todo.push_back(*other);
                }
                if self.far[at] == far {
                    self.ways[at] += self.ways[node as usize];
                }
            }
        }
        for node in self.order.iter().rev().map(|node| *node as usize) {
            for other in around[node].iter().map(|other| *other as usize) {
                if self.far[other] + 1 == self.far[node] {
                    let share = self.ways[other] / self.ways[node] * (1.0 + self.share[node]);
                    self.share[other] += share;
                }
            }
            if node != source as usize {
                sums[node] += self.share[node];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;
    use crate::graph::vaults::Random;

    fn random_graph(seed: u64) -> Vec<Vec<u32>> {
        let mut random = Random::new(seed);
        let count = 2 + random.below(8);
        let pick = |from: usize, random: &mut Random| -> Vec<u32> {
            (0..count)
                .filter(|to| *to != from && random.below(3) == 0)
                .map(|to| to as u32)
                .collect()
        };
        (0..count).map(|from| pick(from, &mut random)).collect()
    }

    fn both_ways(next: &[Vec<u32>]) -> Vec<Vec<u32>> {
        let joined =
            |a: usize, b: usize| next[a].contains(&(b as u32)) || next[b].contains(&(a as u32));
        let all = 0..next.len();
        all.clone()
            .map(|a| all.clone().filter(|b| joined(a, *b)).map(|b| b as u32).collect())
            .collect()
    }

    #[test]
    fn pagerank_solves_its_equation() {
        for seed in 0..100 {
            let next = random_graph(seed);
            let count = next.len();
            // Gaussian elimination of (I - d·M) r = (1 - d) / n.
            let mut rows = vec![vec![0.0; count + 1]; count];
            for (to, row) in rows.iter_mut().enumerate() {
                row[count] = (1.0 - DAMPING) / count as f64;
                for (from, targets) in next.iter().enumerate() {
                    let share = match targets.is_empty() {
                        true => 1.0 / count as f64,
                        false => {
                            f64::from(u8::from(targets.contains(&(to as u32))))
                                / targets.len() as f64
                        }
                    };
                    row[from] = f64::from(u8::from(from == to)) - DAMPING * share;
                }
            }
            for pivot in 0..count {
                let scale = rows[pivot][pivot];
                rows[pivot].iter_mut().for_each(|value| *value /= scale);
                let own = rows[pivot].clone();
                for (_, row) in rows.iter_mut().enumerate().filter(|(n, _)| *n != pivot) {
                    let factor = row[pivot];
                    row.iter_mut().zip(&own).for_each(|(value, own)| *value -= factor * own);
                }
            }
            for (rank, row) in pagerank(&next).iter().zip(&rows) {
                assert!((rank - row[count]).abs() < 1e-9, "seed {seed}: {rank} {}", row[count]);
            }
        }
    }

    /// All shortest ways between two nodes.
    fn ways(around: &[Vec<u32>], from: u32, to: u32) -> Vec<Vec<u32>> {
        let mut level = vec![vec![from]];
        for _ in 0..around.len() {
            let done: Vec<Vec<u32>> =
                level.iter().filter(|way| way.last() == Some(&to)).cloned().collect();
            if !done.is_empty() {
                return done;
            }
            level = level
                .iter()
                .flat_map(|way| {
                    let last = *way.last().unwrap() as usize;
                    let open = around[last].iter().filter(|node| !way.contains(node));
                    open.map(|node| [way.as_slice(), &[*node]].concat()).collect::<Vec<_>>()
                })
                .collect();
        }
        Vec::new()
    }

    #[test]
    fn betweenness_is_what_counting_all_shortest_ways_gives() {
        for seed in 0..100 {
            let around = both_ways(&random_graph(seed));
            let count = around.len() as u32;
            let mut expected = vec![0.0; count as usize];
            for from in 0..count {
                for to in from + 1..count {
                    let all = ways(&around, from, to);
                    for node in all.iter().flat_map(|way| &way[1..way.len() - 1]) {
                        expected[*node as usize] += 1.0 / all.len() as f64;
                    }
                }
            }
            let pairs = f64::from((count - 1) * count.saturating_sub(2)) / 2.0;
            for (found, sum) in betweenness(&around, None).iter().zip(&expected) {
                let share = if pairs > 0.0 { sum / pairs } else { 0.0 };
                assert!((found - share).abs() < 1e-9, "seed {seed}: {found} {share}");
            }
        }
    }

    #[test]
    fn a_sample_of_all_is_all_and_a_half_is_near() {
        let mut random = Random::new(5);
        let around =
            both_ways(&(0..300).map(|_| vec![random.below(300) as u32]).collect::<Vec<_>>());
        let exact = betweenness(&around, None);
        assert_eq!(betweenness(&around, Some(300)), exact);
        let half = betweenness(&around, Some(150));
        let top = |values: &[f64]| {
            let mut order: Vec<usize> = (0..values.len()).collect();
            order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
            order[..10].to_vec()
        };
        let (exact, half) = (top(&exact), top(&half));
        assert!(exact.iter().filter(|node| half.contains(node)).count() >= 6, "{exact:?} {half:?}");
    }

    #[test]
    fn a_star_has_one_centre() {
        let vault = Sketch::arrows(5, &[(1, 0), (2, 0), (3, 0), (4, 0)]);
        for by in [Measure::Pagerank, Measure::Betweenness, Measure::In, Measure::Authority] {
            let all = central(&vault.view(), by, &Kinds::default(), 1);
            assert_eq!((all.files[0].path.as_str(), all.total), ("n000.md", 5), "{by:?}");
        }
        let all = central(&vault.view(), Measure::Hub, &Kinds::default(), 9);
        assert!((all.files[0].hub - 0.5).abs() < 1e-9 && all.files[4].path == "n000.md");
        assert!((all.files.iter().map(|f| f.pagerank).sum::<f64>() - 1.0).abs() < 1e-9);
        let told = serde_json::to_string(&all).unwrap();
        assert!(!told.contains("-0"), "{told}");
        let empty = Sketch::of(&[]);
        assert_eq!(central(&empty.view(), Measure::Pagerank, &Kinds::default(), 9).total, 0);
    }
}
