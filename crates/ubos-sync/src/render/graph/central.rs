//! Notes that matter most.

use ubos_tiers::graph::questions::central::{Central, Measure};

use super::rows::{counted, head, more};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// A row for each; where betweenness is an estimate, that is said.
pub(super) fn text(central: &Central, ui: &Ui) -> String {
    if central.total == 0 {
        return "the vault has no notes\n".to_owned();
    }
    let by = match central.by {
        Measure::Pagerank => "PageRank",
        Measure::Betweenness => "betweenness",
        Measure::Degree => "neighbours",
        Measure::In => "files that refer to them",
        Measure::Out => "files they refer to",
        Measure::Hub => "hub weight (HITS)",
        Measure::Authority => "authority (HITS)",
    };
    let mut text = head(&format!("{} by {by}", counted(central.total, "file")), ui);
    let header = "pagerank  between     in    out    hub   auth";
    text.push_str(&format!("{}\n", ui.tone(Tone::Faint, header)));
    for weight in &central.files {
        text.push_str(&format!(
            "{:>8.5}  {:>7.4}  {:>5}  {:>5}  {:>5.3}  {:>5.3}  {}\n",
            weight.pagerank,
            weight.betweenness,
            weight.r#in,
            weight.out,
            weight.hub,
            weight.authority,
            one_line(&weight.path)
        ));
    }
    text.push_str(&more(central.files.len(), central.total, ui));
    if let Some(sample) = central.sampled {
        let note = format!("Betweenness is an estimate from the shortest ways of {sample} files.");
        text.push_str(&hanging("", &note, ui.width()));
    }
    text
}
