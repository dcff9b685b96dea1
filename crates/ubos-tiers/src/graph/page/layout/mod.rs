//! Where everything stands when the page opens: the same forces that move the graph in the page
//! (`web/orrery/picture.js`), followed here until they rest, so that the page opens at rest.
//!
//! What has no link stands in rings around the rest, by folder: a belt, as the layout has nothing to
//! say about it. Only sums, products and square roots lead to a place, so that the same data have the
//! same places on every machine; `tree` answers how everything pushes a node.

mod belt;
mod lines;
mod tree;

use std::collections::VecDeque;

use super::data::{Data, Node, NodeKind};
use lines::Line;
use tree::Tree;

/// A place or a speed.
type Vector = [f64; 2];

/// From so many nodes on, forces are weaker and reckoned more coarsely.
const MANY: usize = 1500;
/// What is left of a speed after a step.
const DRAG: f64 = 0.6;

/// How strong the forces are.
struct Forces {
    /// By which nodes push each other away.
    charge: f64,
    /// By which everything is drawn to the middle.
    gravity: f64,
    /// How wide, in parts of its distance, a group of nodes may be to push as one.
    coarse: f64,
    /// Steps until everything rests.
    steps: usize,
}

impl Forces {
    fn of(nodes: usize) -> Self {
        // So many steps that the largest vaults take a few seconds.
        let steps = (1_500_000 / nodes.max(1)).clamp(40, 400);
        match nodes > MANY {
            true => Self { charge: -45.0, gravity: 0.035, coarse: 1.2, steps },
            false => Self { charge: -90.0, gravity: 0.06, coarse: 0.9, steps },
        }
    }
}

/// Gives every node its place.
pub(super) fn place(data: &mut Data) {
    let shown = shown(data);
    let lines = lines::lines(data, &shown);
    let mut linked = vec![false; data.nodes.len()];
    for line in &lines {
        linked[line.from] = true;
        linked[line.to] = true;
    }
    // The core: what the forces move. Numbers in it stand for those of the nodes.
    let core: Vec<usize> = (0..data.nodes.len()).filter(|at| linked[*at]).collect();
    let mut number = vec![usize::MAX; data.nodes.len()];
    core.iter().enumerate().for_each(|(new, old)| number[*old] = new);
    let lines: Vec<Line> =
        lines.into_iter().map(|line| line.between(number[line.from], number[line.to])).collect();
    let mut places = begin(data, &core);
    settle(&mut places, &lines);
    for (at, place) in core.iter().zip(&places) {
        data.nodes[*at].at = place.map(|value| value.round() as i32);
    }
    beside(data, &shown, &mut linked);
    let mut apart: Vec<usize> = (0..data.nodes.len()).filter(|at| !linked[*at]).collect();
    // What is hidden stands last, so that it leaves no gaps.
    apart.sort_by_key(|at| !shown[*at]);
    belt::place(data, &apart, &places);
}

/// What the page shows at first of all nodes.
fn shown(data: &Data) -> Vec<bool> {
    let show = &data.show;
    let takes = |node: &Node| match node.kind {
        NodeKind::Note | NodeKind::Canvas => !node.filtered,
        NodeKind::Attachment => show.attachments && !node.filtered,
        NodeKind::Missing => show.missing,
        NodeKind::Tag => show.tags,
    };
    data.nodes.iter().map(takes).collect()
}

/// Where the core begins: clusters in a spiral, the largest in the middle, the files of each in a
/// smaller one. The forces then have little left to do.
fn begin(data: &Data, core: &[usize]) -> Vec<Vector> {
    let mut used = 0;
    let centre: Vec<Vector> = data
        .clusters
        .iter()
        .map(|cluster| {
            let place = spiral(used + cluster.size as u64 / 2, 16.0);
            used += cluster.size as u64;
            place
        })
        .collect();
    let mut taken = vec![0; centre.len()];
    let place = |at: &usize| match data.nodes[*at].cluster {
        Some(cluster) => {
            let cluster = cluster as usize;
            taken[cluster] += 1;
            let ([x, y], [dx, dy]) = (centre[cluster], spiral(taken[cluster], 14.0));
            [x + dx, y + dy]
        }
        None => {
            used += 1;
            spiral(used, 16.0)
        }
    };
    core.iter().map(place).collect()
}

/// The place of a number in a spiral like that of a sunflower: a golden angle on, a little farther out.
fn spiral(number: u64, gap: f64) -> Vector {
    /// Cosine and sine of the golden angle.
    const GOLDEN: Vector = [-0.737_368_878_078_319_7, 0.675_490_294_261_523_8];
    let turn = |[a, b]: Vector, [c, d]: Vector| [a * c - b * d, a * d + b * c];
    let (mut whole, mut part, mut rest) = ([1.0, 0.0], GOLDEN, number);
    while rest > 0 {
        if rest % 2 == 1 {
            whole = turn(whole, part);
        }
        part = turn(part, part);
        rest /= 2;
    }
    let far = gap * (number as f64).sqrt();
    [whole[0] * far, whole[1] * far]
}

/// Follows the forces until everything rests.
fn settle(places: &mut [Vector], lines: &[Line]) {
    let forces = Forces::of(places.len());
    let mut speeds = vec![[0.0; 2]; places.len()];
    for step in 0..forces.steps {
        let left = 1.0 - step as f64 / forces.steps as f64;
        let heat = left * left * left;
        lines::pull(lines, places, &mut speeds, heat);
        let tree = Tree::of(places);
        for (place, speed) in places.iter().zip(&mut speeds) {
            let [x, y] = tree.push(*place, forces.coarse);
            speed[0] += x * forces.charge * heat - place[0] * forces.gravity * heat;
            speed[1] += y * forces.charge * heat - place[1] * forces.gravity * heat;
        }
        for (place, speed) in places.iter_mut().zip(&mut speeds) {
            for axis in 0..2 {
                speed[axis] *= DRAG;
                place[axis] += speed[axis];
            }
        }
    }
}

/// What is not shown at first, but joined to something that is, waits beside it.
fn beside(data: &mut Data, shown: &[bool], placed: &mut [bool]) {
    let mut around = vec![Vec::new(); data.nodes.len()];
    for [from, to, ..] in &data.edges {
        around[*from as usize].push(*to as usize);
        around[*to as usize].push(*from as usize);
    }
    let mut todo: VecDeque<usize> = (0..data.nodes.len()).filter(|at| placed[*at]).collect();
    let mut number = 0;
    while let Some(here) = todo.pop_front() {
        for there in &around[here] {
            if placed[*there] || shown[*there] {
                continue;
            }
            number += 1;
            let [dx, dy] = spiral(1 + number % 40, 6.0);
            let [x, y] = data.nodes[here].at;
            data.nodes[*there].at = [x + dx.round() as i32, y + dy.round() as i32];
            placed[*there] = true;
            todo.push_back(*there);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::page::data::sketched;
    use crate::graph::page::settings::Settings;

    fn far([ax, ay]: [i32; 2], [bx, by]: [i32; 2]) -> f64 {
        f64::from((ax - bx).pow(2) + (ay - by).pow(2)).sqrt()
    }

    /// Rings of ten notes each, joined in a chain, and some notes alone.
    fn rings(count: usize, alone: usize) -> Vec<(String, String)> {
        let note = |n: usize| {
            let next = n / 10 * 10 + (n + 1) % 10;
            let bridge = if n.is_multiple_of(10) && n > 0 { n - 1 } else { next };
            (format!("n{n}.md"), format!("[[n{next}]] [[n{bridge}]]"))
        };
        let alone = (0..alone).map(|n| (format!("f{}/alone {n}.md", n % 3), String::new()));
        (0..count * 10).map(note).chain(alone).collect()
    }

    fn data_of(files: &[(String, String)]) -> Data {
        let files: Vec<(&str, &str)> =
            files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        sketched(&files, &Settings::default())
    }

    #[test]
    fn what_is_joined_stands_nearer_than_what_is_not() {
        let data = data_of(&rings(12, 0));
        let of = |name: String| data.nodes.iter().find(|node| node.title == name).unwrap().at;
        let (mut joined, mut others) = (0.0, 0.0);
        for n in 0..120 {
            joined += far(of(format!("n{n}")), of(format!("n{}", n / 10 * 10 + (n + 1) % 10)));
            others += far(of(format!("n{n}")), of(format!("n{}", (n + 55) % 120)));
        }
        assert!(joined * 3.0 < others, "{joined} {others}");
        // Nothing lies upon anything else.
        for (a, one) in data.nodes.iter().enumerate() {
            assert!(data.nodes[..a].iter().all(|two| far(one.at, two.at) > 6.0), "{}", one.path);
        }
    }

    #[test]
    fn what_has_no_link_stands_around_the_rest_and_in_the_order_of_folders() {
        let data = data_of(&rings(5, 90));
        let middle = [0, 0];
        let (belt, core): (Vec<&Node>, Vec<&Node>) = data.nodes.iter().partition(|node| node.belt);
        assert_eq!((belt.len(), core.len()), (90, 50));
        let inner = belt.iter().map(|node| far(node.at, middle)).fold(f64::INFINITY, f64::min);
        let outer = core.iter().map(|node| far(node.at, middle)).fold(0.0, f64::max);
        assert!(inner > outer, "{inner} {outer}");
        for (a, one) in belt.iter().enumerate() {
            assert!(belt[..a].iter().all(|two| far(one.at, two.at) > 8.0), "{}", one.path);
        }
        // Nodes are in the order of paths: but for the ends of a ring, neighbours there stand side by side.
        let apart = belt.windows(2).filter(|pair| far(pair[0].at, pair[1].at) > 40.0).count();
        assert!(apart <= 2, "{apart}");
    }

    #[test]
    fn what_is_hidden_at_first_waits_beside_what_it_belongs_to() {
        let files = [("a.md", "[[b]] #tag ![[p.png]]"), ("b.md", ""), ("p.png", ""), ("c.md", "")];
        let data = sketched(&files, &Settings::default());
        let a = data.nodes[0].at;
        for node in data.nodes.iter().filter(|node| matches!(node.path.as_str(), "#tag" | "p.png"))
        {
            assert!(!node.belt && far(node.at, a) < 60.0, "{} {:?}", node.path, node.at);
        }
    }

    #[test]
    fn the_same_vault_has_the_same_places_and_none_is_lost() {
        for files in [rings(0, 0), rings(0, 1), rings(1, 0), rings(30, 7)] {
            let data = data_of(&files);
            assert_eq!(data, data_of(&files));
            assert!(data.nodes.iter().all(|node| far(node.at, [0, 0]) < 10_000.0));
        }
    }
}
