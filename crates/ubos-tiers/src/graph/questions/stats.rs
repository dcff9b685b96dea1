//! The vault in numbers.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::View;
use super::orphans::orphans;
use super::topology::{Scope, Topology};
use crate::graph::model::{Content, EdgeKind, Target};

/// The vault in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Notes.
    pub notes: usize,
    /// Canvases.
    pub canvases: usize,
    /// Other files.
    pub attachments: usize,
    /// Files of any sort that the vault's settings leave out of its graph view and searches.
    #[serde(default)]
    pub excluded: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// Words in notes and canvases.
    pub words: u64,
    /// References, each time they are written, by kind.
    pub references: BTreeMap<EdgeKind, usize>,
    /// Pairs of different files of which one refers to the other, by whatever kind.
    pub edges: usize,
    /// Names that are linked and no file has.
    pub missing: usize,
    /// Links to them, each time they are written.
    pub missing_links: usize,
    /// Links to a heading or block that is not there.
    pub bad_subpaths: usize,
    /// Different tags.
    pub tags: usize,
    /// Tasks, and how many of them are done.
    pub tasks: (usize, usize),
    /// Notes and canvases that nothing refers to, but which refer to something.
    pub orphans: usize,
    /// Notes that something refers to, but which refer to nothing.
    pub dead_ends: usize,
    /// Notes and canvases with neither.
    pub isolated: usize,
    /// Connected parts of two files and more, and the files in the largest.
    pub parts: (usize, usize),
    /// Files whose paths differ only in case or Unicode form.
    pub twins: Vec<Vec<String>>,
    /// Notes whose properties could not be read.
    pub bad_properties: usize,
    /// Files that should have been read and could not.
    pub unread: usize,
}

/// Counts everything.
pub fn stats(view: &View<'_>) -> Stats {
    let mut stats = Stats { excluded: view.graph.excluded(), ..Stats::default() };
    for id in view.graph.files().all() {
        let Some(source) = view.graph.source(id) else { continue };
        stats.bytes += source.size;
        match &source.content {
            Content::Note(note) => {
                stats.notes += 1;
                stats.words += u64::from(note.words);
                stats.bad_properties += usize::from(note.property_error.is_some());
                stats.tasks.0 += note.tasks.len();
                stats.tasks.1 += note.tasks.iter().filter(|t| matches!(t.mark, 'x' | 'X')).count();
            }
            Content::Canvas(canvas) => {
                stats.canvases += 1;
                stats.words += u64::from(canvas.words);
            }
            Content::BrokenCanvas(..) | Content::Unread(_) => stats.unread += 1,
            Content::Attachment => stats.attachments += 1,
        }
    }
    edges(view, &mut stats);
    let edge = orphans(view, 0).totals;
    (stats.orphans, stats.dead_ends, stats.isolated) = (edge[0], edge[1], edge[2]);
    parts(view, &mut stats);
    let twins = view.graph.files().twins();
    let paths = |ids: &Vec<_>| ids.iter().map(|id| view.path(*id).to_owned()).collect();
    stats.twins = twins.iter().map(paths).collect();
    stats
}

fn edges(view: &View<'_>, stats: &mut Stats) {
    let mut pairs = BTreeSet::new();
    let mut missing = BTreeSet::new();
    for edge in view.graph.edges().iter().filter(|edge| view.sees(edge)) {
        *stats.references.entry(edge.kind).or_default() += 1;
        stats.bad_subpaths += usize::from(edge.subpath_found == Some(false));
        match edge.to {
            Target::File(to) if to != edge.from => {
                pairs.insert((edge.from, to));
            }
            Target::Missing(id) => {
                missing.insert(id);
                stats.missing_links += 1;
            }
            _ => {}
        }
    }
    stats.edges = pairs.len();
    stats.missing = missing.len();
    stats.tags = view.graph.tags().count();
}

fn parts(view: &View<'_>, stats: &mut Stats) {
    let (part, count) = Topology::of(view, &Scope::default()).parts();
    let mut sizes = vec![0; count as usize];
    part.iter().for_each(|part| sizes[*part as usize] += 1);
    let joined = sizes.iter().filter(|size| **size > 1);
    stats.parts = (joined.clone().count(), joined.max().copied().unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    #[test]
    fn a_small_vault_is_counted() {
        let vault = Sketch::of(&[
            ("a.md", "[[b]] [[b]] [[no]] [[NO]] ![[p.png]] #t #T\n- [ ] x\n- [x] y\n"),
            ("b.md", "[[a#none]] [[b]]"),
            ("B.md", "---\n: [\n---\n"),
            ("p.png", "xyz"),
            ("c.canvas", "[]"),
        ]);
        let stats = stats(&vault.view());
        assert_eq!((stats.notes, stats.canvases, stats.attachments, stats.unread), (3, 0, 1, 1));
        assert_eq!((stats.edges, stats.missing, stats.missing_links, stats.tags), (4, 1, 2, 1));
        assert_eq!((stats.tasks, stats.parts, stats.bad_subpaths), ((2, 1), (1, 4), 1));
        assert_eq!((stats.bad_properties, stats.references[&EdgeKind::Link]), (1, 6));
        assert_eq!(stats.twins, [["B.md", "b.md"]]);
    }
}
