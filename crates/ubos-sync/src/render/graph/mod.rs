//! Answers about the graph, for a person: what was found, how much of it there is, and where it stands.

mod broken;
mod central;
mod clusters;
mod diff;
mod impact;
mod links;
mod neighbours;
mod orphans;
mod paths;
mod query;
mod rows;
mod search;
mod similar;
mod stats;
mod tags;

use ubos_tiers::graph::ask::Answer;

use crate::ui::Ui;
use crate::ui::sanitize::sanitize;

/// An answer as text. Ends with a line break.
pub(crate) fn answer(answer: &Answer, ui: &Ui) -> String {
    match answer {
        Answer::Stats(stats) => stats::text(stats, ui),
        Answer::Links(links) => links::links(links, ui),
        Answer::Backlinks(links) => links::backlinks(links, ui),
        Answer::Neighbours(neighbours) => neighbours::text(neighbours, ui),
        Answer::Path(paths) => paths::text(paths, ui),
        Answer::Impact(impact) => impact::text(impact, ui),
        Answer::Broken(broken) => broken::text(broken, ui),
        Answer::Orphans(orphans) => orphans::text(orphans, ui),
        Answer::Tags(tags) => tags::text(tags, ui),
        Answer::Search(search) => search::text(search, ui),
        Answer::Similar(similar) => similar::text(similar, ui),
        Answer::Central(central) => central::text(central, ui),
        Answer::Clusters(clusters) => clusters::text(clusters, ui),
        Answer::Query(found) => query::text(found, ui),
        Answer::Diff(diff) => diff::text(diff, ui),
        Answer::Export(exported) => sanitize(&exported.text),
        Answer::Read(passage) => sanitize(&passage.text),
    }
}

#[cfg(test)]
mod tests;
