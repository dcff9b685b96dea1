//! What the page shows, as a value: everything the programs in the page know.
//!
//! `values` has the types; `nodes` makes the nodes, `edges` what joins them, `groups` says which colour
//! group finds a file and whether the vault's own filter leaves it out.

mod edges;
mod groups;
mod nodes;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;

use super::layout;
use super::settings::Settings;
use crate::graph::model::EdgeKind;
use crate::graph::questions::View;
use crate::graph::questions::clusters::Clusters;
use groups::Groups;
#[cfg(test)]
pub(crate) use tests::sketched;
pub use values::{Cluster, Data, Group, Node, NodeKind, Remark, Show};

/// Where data come from.
pub struct Input<'i> {
    /// The graph and the words of its files.
    pub view: View<'i>,
    /// The vault's name: that of its folder.
    pub vault: &'i str,
    /// The vault's settings of its graph view.
    pub settings: &'i Settings,
    /// What belongs together, with all files of each.
    pub clusters: &'i Clusters,
}

/// The data of a vault. Other files than notes and canvases are among them where something links to
/// them.
pub fn data(input: &Input<'_>) -> Data {
    let settings = input.settings;
    let groups = Groups::of(settings);
    let made = nodes::nodes(input, &groups);
    let (filter, filter_trouble) = groups.filter_as_written();
    let mut data = Data {
        schema: 2,
        vault: input.vault.to_owned(),
        parity: input.view.parity,
        show: Show {
            tags: settings.tags,
            attachments: settings.attachments,
            missing: settings.missing,
            orphans: settings.orphans,
            filter,
            filter_trouble,
        },
        folders: made.folders,
        tags: input.view.graph.tags().map(|(_, name)| name.to_owned()).collect(),
        kinds: EdgeKind::ALL.to_vec(),
        groups: groups.as_written(),
        clusters: made.clusters,
        nodes: made.nodes,
        edges: Vec::new(),
        remarks: BTreeMap::new(),
    };
    edges::edges(&input.view, &made.numbers, &mut data);
    layout::place(&mut data);
    data
}
