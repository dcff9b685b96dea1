//! The edges of the page: of one kind between the same two nodes there is one, with their number.

use std::collections::HashMap;

use super::values::Data;
use crate::graph::model::{Edge, EdgeKind, Target};
use crate::graph::questions::View;

/// Puts the edges that are seen into the data, with what else is to be said of them, and counts at each
/// node how many it has.
pub(super) fn edges(view: &View<'_>, numbers: &HashMap<Target, u32>, data: &mut Data) {
    let mut known: HashMap<(u32, u32, u32), usize> = HashMap::new();
    for edge in view.graph.edges().iter().filter(|edge| view.sees(edge)) {
        let from = numbers.get(&Target::File(edge.from)).copied();
        let to = numbers.get(&edge.to).copied();
        let kind = data.kinds.iter().position(|kind| *kind == edge.kind);
        // A link to itself says nothing that could be drawn.
        let (Some(from), Some(to), Some(kind)) = (from, to, kind) else { continue };
        if from == to {
            continue;
        }
        let triple = (from, to, kind as u32);
        let number = *known.entry(triple).or_insert_with(|| {
            data.edges.push([from, to, kind as u32, 0, edge.at.line]);
            data.edges.len() - 1
        });
        let count = &mut data.edges[number][3];
        *count += 1;
        if *count == 1 && edge.kind != EdgeKind::Tag && !edge.kind.is_soft() {
            data.nodes[from as usize].degree += 1;
            data.nodes[to as usize].degree += 1;
        }
        let within = (edge.within != edge.from).then_some(Target::File(edge.within));
        let within = within.and_then(|file| numbers.get(&file).copied());
        remark(data, number as u32, edge, within);
    }
}

fn remark(data: &mut Data, number: u32, edge: &Edge, within: Option<u32>) {
    let broken = edge.subpath.as_ref().filter(|_| edge.subpath_found == Some(false));
    if broken.is_none() && within.is_none() && edge.label.is_none() {
        return;
    }
    let remark = data.remarks.entry(number).or_default();
    if remark.broken.is_none() {
        remark.broken = broken.cloned();
    }
    if remark.label.is_none() {
        remark.label.clone_from(&edge.label);
    }
    remark.within = remark.within.or(within);
}
