//! What has no link: rings around all that has some.

use std::f64::consts::TAU;

use super::{Vector, spiral};
use crate::graph::page::data::Data;

/// Between two rings, and between two nodes of a ring.
const GAP: f64 = 17.0;
/// Between what is linked and the first ring.
const MOAT: f64 = 55.0;

/// Places these nodes, in this order, around those places.
pub(super) fn place(data: &mut Data, nodes: &[usize], core: &[Vector]) {
    let mut rest = nodes;
    // A few alone have room for their names.
    let wide = (400.0 / (nodes.len().max(1) as f64).sqrt()).clamp(GAP * 0.75, 60.0);
    let mut far = radius(core) + MOAT;
    while !rest.is_empty() {
        // Without a core there is nothing to go around.
        let room = if core.is_empty() { rest.len() } else { (far * TAU / GAP) as usize };
        let (ring, others) = rest.split_at(room.min(rest.len()));
        for (number, at) in (0_u64..).zip(ring) {
            let place = match core.is_empty() {
                true => spiral(number, wide),
                false => around(number as f64 / ring.len() as f64).map(|part| part * far),
            };
            data.nodes[*at].at = place.map(|value| value.round() as i32);
            data.nodes[*at].belt = true;
        }
        far += GAP;
        rest = others;
    }
}

/// How far out the core reaches.
fn radius(core: &[Vector]) -> f64 {
    core.iter().map(|[x, y]| (x * x + y * y).sqrt()).fold(0.0, f64::max)
}

/// The point of the unit circle at this part of a turn, from the top, as clocks go.
fn around(part: f64) -> Vector {
    let (sine, cosine) = (part * TAU).sin_cos();
    [sine, -cosine]
}
