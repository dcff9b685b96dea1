//! How all nodes together push one of them: by the method of Barnes and Hut, which takes those that lie
//! far off together for one.

use super::Vector;

/// So many nodes in a square are looked at one by one.
const FEW: usize = 8;
/// Squares are not divided more often than this, whatever lies upon each other.
const MAX_DEPTH: u32 = 20;

/// A square with the nodes in it.
#[derive(Debug)]
struct Square {
    /// The middle of its nodes.
    middle: Vector,
    /// How many they are.
    weight: f64,
    /// Its width, squared.
    area: f64,
    /// Where its nodes stand in the order: all of them, if it is not divided.
    nodes: std::ops::Range<usize>,
    /// The first of the squares that it is divided into, and how many of them have nodes.
    parts: std::ops::Range<usize>,
}

/// All nodes, in squares in squares.
#[derive(Debug)]
pub(super) struct Tree {
    squares: Vec<Square>,
    /// The places of the nodes, those of a square side by side.
    places: Vec<Vector>,
}

impl Tree {
    /// The tree of these places.
    pub(super) fn of(places: &[Vector]) -> Self {
        let far = places.iter().flatten().fold(1.0, |far: f64, value| far.max(value.abs()));
        let mut tree = Self { squares: Vec::new(), places: places.to_vec() };
        let all = 0..places.len();
        tree.squares.push(tree.square(all, 2.0 * far));
        tree.divide(0, [0.0, 0.0], far, 0);
        tree
    }

    fn square(&self, nodes: std::ops::Range<usize>, width: f64) -> Square {
        let all = &self.places[nodes.clone()];
        let weight = all.len() as f64;
        let sum = all.iter().fold([0.0, 0.0], |[x, y], place| [x + place[0], y + place[1]]);
        let middle = sum.map(|value| value / weight.max(1.0));
        Square { middle, weight, area: width * width, nodes, parts: 0..0 }
    }

    /// Divides a square around its centre, which is `half` of its width from its sides.
    fn divide(&mut self, at: usize, centre: Vector, half: f64, depth: u32) {
        let nodes = self.squares[at].nodes.clone();
        if nodes.len() <= FEW || depth == MAX_DEPTH {
            return;
        }
        let quarter = |place: &Vector| {
            usize::from(place[0] >= centre[0]) + 2 * usize::from(place[1] >= centre[1])
        };
        self.places[nodes.clone()].sort_by_key(quarter);
        let first = self.squares.len();
        let mut begin = nodes.start;
        let mut centres = [[0.0; 2]; 4];
        let mut count = 0;
        for number in 0..4 {
            let inside = &self.places[begin..nodes.end];
            let end = begin + inside.partition_point(|place| quarter(place) <= number);
            if end > begin {
                let side = |bit: usize| if number & bit > 0 { half / 2.0 } else { -half / 2.0 };
                centres[count] = [centre[0] + side(1), centre[1] + side(2)];
                count += 1;
                self.squares.push(self.square(begin..end, half));
            }
            begin = end;
        }
        self.squares[at].parts = first..first + count;
        for (part, centre) in centres.into_iter().enumerate().take(count) {
            self.divide(first + part, centre, half / 2.0, depth + 1);
        }
    }

    /// The push on a node at this place, away from a strength of -1: squares that are narrower than
    /// `coarse` times their distance push as one.
    pub(super) fn push(&self, place: Vector, coarse: f64) -> Vector {
        let mut sum = [0.0, 0.0];
        let mut towards = |other: Vector, weight: f64| {
            let way = [other[0] - place[0], other[1] - place[1]];
            let square = way[0] * way[0] + way[1] * way[1];
            // Its own place pushes nowhere; what is very near pushes no more than at the distance 1.
            if square > 0.0 {
                let by = weight / if square < 1.0 { square.sqrt() } else { square };
                sum = [sum[0] + way[0] * by, sum[1] + way[1] * by];
            }
        };
        let mut todo = vec![0];
        while let Some(at) = todo.pop() {
            let square = &self.squares[at];
            let way = [square.middle[0] - place[0], square.middle[1] - place[1]];
            let far = way[0] * way[0] + way[1] * way[1];
            if square.area < coarse * coarse * far {
                towards(square.middle, square.weight);
            } else if square.parts.is_empty() {
                self.places[square.nodes.clone()].iter().for_each(|other| towards(*other, 1.0));
            } else {
                todo.extend(square.parts.clone());
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::vaults::Random;

    fn scattered(seed: u64, count: usize) -> Vec<Vector> {
        let mut random = Random::new(seed);
        let mut value = || random.below(2_000) as f64 - 1_000.0;
        (0..count).map(|_| [value(), value()]).collect()
    }

    #[test]
    fn the_tree_pushes_as_all_nodes_do_one_by_one() {
        for seed in 0..5 {
            let places = scattered(seed, 400);
            let tree = Tree::of(&places);
            for place in &places {
                let mut exact = [0.0, 0.0];
                for other in &places {
                    let way = [other[0] - place[0], other[1] - place[1]];
                    let square = way[0] * way[0] + way[1] * way[1];
                    if square > 0.0 {
                        exact = [exact[0] + way[0] / square, exact[1] + way[1] / square];
                    }
                }
                let near = |found: Vector, most: f64| {
                    let off = (found[0] - exact[0]).abs() + (found[1] - exact[1]).abs();
                    off <= most
                };
                assert!(near(tree.push(*place, 0.0), 1e-9), "seed {seed}");
                assert!(near(tree.push(*place, 0.5), 0.05), "seed {seed}");
            }
        }
    }

    #[test]
    fn what_lies_upon_each_other_does_not_divide_for_ever() {
        let places = vec![[3.0, 3.0]; 1_000];
        assert_eq!(Tree::of(&places).push([3.0, 3.0], 0.9), [0.0, 0.0]);
        let pushed = Tree::of(&places).push([4.0, 3.0], 0.9);
        assert!((pushed[0] + 1_000.0).abs() < 1e-6, "{pushed:?}");
        assert_eq!(Tree::of(&[]).push([1.0, 1.0], 0.9), [0.0, 0.0]);
    }
}
