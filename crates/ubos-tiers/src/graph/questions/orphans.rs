//! Files that nothing leads to, and files that lead nowhere.

use serde::{Deserialize, Serialize};

use super::View;
use crate::graph::files::FileId;
use crate::graph::model::{Content, Target};

/// Files at the edge of the graph. Tags and links of a file to itself do not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphans {
    /// Notes and canvases that nothing refers to, but which refer to something.
    pub orphans: Vec<String>,
    /// Notes that something refers to, but which refer to nothing.
    pub dead_ends: Vec<String>,
    /// Notes and canvases with neither.
    pub isolated: Vec<String>,
    /// Other files that nothing refers to.
    pub unused: Vec<String>,
    /// How many there are of each, shown or not: orphans, dead ends, isolated, unused.
    pub totals: [usize; 4],
}

/// Files at the edge of the graph, at most `limit` of each sort.
pub fn orphans(view: &View<'_>, limit: usize) -> Orphans {
    let mut lists: [Vec<String>; 4] = Default::default();
    for id in view.graph.files().all() {
        if let Some(sort) = sort(view, id) {
            lists[sort].push(view.path(id).to_owned());
        }
    }
    let totals = [0, 1, 2, 3].map(|sort| lists[sort].len());
    lists.iter_mut().for_each(|list| list.truncate(limit));
    let [orphans, dead_ends, isolated, unused] = lists;
    Orphans { orphans, dead_ends, isolated, unused, totals }
}

fn sort(view: &View<'_>, id: FileId) -> Option<usize> {
    let has_in = view.graph.incoming(Target::File(id)).any(|edge| view.joins(edge));
    let has_out = view.graph.outgoing(id).any(|edge| view.joins(edge));
    match (&view.graph.source(id)?.content, has_in, has_out) {
        (Content::Attachment, false, _) => Some(3),
        (Content::Attachment, ..) => None,
        (_, false, true) => Some(0),
        (Content::Note(_), true, false) => Some(1),
        (_, false, false) => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    #[test]
    fn every_file_is_of_the_right_sort() {
        let vault = Sketch::of(&[
            ("start.md", "[[end]] ![[p.png]] [[gone]]"),
            ("end.md", "#tag"),
            ("alone.md", "[[#self]] #tag"),
            ("p.png", ""),
            ("q.png", ""),
            ("c.canvas", "{}"),
        ]);
        let all = orphans(&vault.view(), 99);
        assert_eq!(all.orphans, ["start.md"]);
        assert_eq!(all.dead_ends, ["end.md"]);
        assert_eq!(all.isolated, ["alone.md", "c.canvas"]);
        assert_eq!(all.unused, ["q.png"]);
        assert_eq!(orphans(&vault.view(), 1).totals, [1, 1, 2, 1]);
    }
}
