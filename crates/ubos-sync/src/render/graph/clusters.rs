//! Notes that belong together.

use ubos_tiers::graph::questions::clusters::{Cluster, Clusters};

use super::rows::{counted, head, more};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Files of a cluster that are named.
const NAMED: usize = 8;

/// Cluster by cluster: its size, its centre, what most of it has, its first files.
pub(super) fn text(clusters: &Clusters, ui: &Ui) -> String {
    if clusters.total == 0 {
        return format!("no files belong together; {} alone\n", counted(clusters.alone, "file"));
    }
    let modularity = format!("modularity {:.2}", clusters.modularity);
    let what = counted(clusters.total, "cluster");
    let mut text =
        head(&format!("{what}, {} in none, {modularity}", counted(clusters.alone, "file")), ui);
    clusters.clusters.iter().for_each(|cluster| text.push_str(&one(cluster, ui)));
    let rest = more(clusters.clusters.len(), clusters.total, ui);
    let gap = if rest.is_empty() { "" } else { "\n" };
    format!("{text}{gap}{rest}")
}

fn one(cluster: &Cluster, ui: &Ui) -> String {
    let tags: String = cluster.tags.iter().map(|tag| format!("  #{}", one_line(tag))).collect();
    let folder = match cluster.folder.as_str() {
        "" => String::new(),
        folder => format!("  mostly in {}/", one_line(folder)),
    };
    let size = counted(cluster.size, "file");
    let about = ui.tone(Tone::Faint, &format!("{folder}{tags}"));
    let mut text =
        format!("\n{:>3}  {size} around {}{about}\n", cluster.number, one_line(&cluster.centre));
    let mut names: Vec<String> =
        cluster.files.iter().skip(1).take(NAMED).map(|path| one_line(path)).collect();
    let rest = cluster.size - 1 - names.len();
    if rest > 0 {
        names.push(format!("… {rest} more"));
    }
    text.push_str(&hanging("     ", &names.join(", "), ui.width()));
    text
}
