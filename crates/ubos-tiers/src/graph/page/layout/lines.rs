//! Lines between two nodes, however many edges there are, and how they pull.

use std::collections::BTreeMap;

use super::Vector;
use crate::graph::model::EdgeKind;
use crate::graph::page::data::Data;

/// A line and how it pulls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub from: usize,
    pub to: usize,
    /// How long it wants to be.
    length: f64,
    /// How strongly it wants that.
    strength: f64,
    /// Which part of the way the far end goes: of the two, the one with more lines goes less.
    share: f64,
}

impl Line {
    /// The same between nodes of these numbers.
    pub(super) fn between(self, from: usize, to: usize) -> Self {
        Self { from, to, ..self }
    }
}

/// The lines between what is shown. Those inside of a cluster are short and strong, those between
/// clusters long and weak, those of tags and guesses weaker still: what belongs together comes to stand
/// together.
pub(super) fn lines(data: &Data, shown: &[bool]) -> Vec<Line> {
    // Whether anybody wrote a link there.
    let mut written: BTreeMap<(usize, usize), bool> = BTreeMap::new();
    for [from, to, kind, ..] in &data.edges {
        let (from, to, kind) = (*from as usize, *to as usize, data.kinds[*kind as usize]);
        if shown[from] && shown[to] {
            let is = kind != EdgeKind::Tag && !kind.is_soft();
            *written.entry((from.min(to), from.max(to))).or_default() |= is;
        }
    }
    let mut count = vec![0_u32; data.nodes.len()];
    for (from, to) in written.keys() {
        count[*from] += 1;
        count[*to] += 1;
    }
    let line = |((from, to), written): (&(usize, usize), &bool)| {
        let (a, b) = (&data.nodes[*from], &data.nodes[*to]);
        let near = a.cluster.is_some() && a.cluster == b.cluster;
        let wanted = if !*written {
            0.08
        } else if near {
            1.0
        } else {
            0.3
        };
        let (ours, theirs) = (f64::from(count[*from]), f64::from(count[*to]));
        Line {
            from: *from,
            to: *to,
            length: if near { 22.0 } else { 60.0 } + 2.0 * (round(a.degree) + round(b.degree)),
            strength: wanted / ours.min(theirs),
            share: ours / (ours + theirs),
        }
    };
    written.iter().map(line).collect()
}

/// How large a node is drawn, at most so that it matters for how far others keep away.
fn round(degree: u32) -> f64 {
    (3.4 + f64::from(degree).sqrt() * 1.25).min(8.0)
}

/// Lets all lines pull at their ends.
pub(super) fn pull(lines: &[Line], places: &[Vector], speeds: &mut [Vector], heat: f64) {
    for line in lines {
        let ahead = |at: usize, axis: usize| places[at][axis] + speeds[at][axis];
        let way = [0, 1].map(|axis| ahead(line.to, axis) - ahead(line.from, axis));
        let length = (way[0] * way[0] + way[1] * way[1]).sqrt().max(1e-3);
        let pull = (length - line.length) / length * heat * line.strength;
        for axis in 0..2 {
            speeds[line.to][axis] -= way[axis] * pull * line.share;
            speeds[line.from][axis] += way[axis] * pull * (1.0 - line.share);
        }
    }
}
