//! How a graph changed: which notes came, went and moved, which links, and what broke or was mended.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::graph::files::FileId;
use crate::graph::model::{Content, EdgeKind, Graph, Target};
use crate::graph::note::key;

/// What changed from an older graph to a newer one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Diff {
    /// The former state, if it comes from the backup.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<State>,
    /// How much there is of everything; the lists may be shorter.
    pub totals: Totals,
    /// Files that are new.
    pub added: Vec<String>,
    /// Files that are gone.
    pub removed: Vec<String>,
    /// Files of the same content under another path.
    pub moved: Vec<Moved>,
    /// Notes and canvases that say something else.
    pub changed: Vec<String>,
    /// Links that are new, between files as they are named now.
    pub links_added: Vec<Between>,
    /// Links that are gone.
    pub links_removed: Vec<Between>,
    /// Names that are linked, that no file has now, and that lead somewhere or were not linked before.
    pub broke: Vec<Between>,
    /// Such names of before that lead somewhere now, or are not linked any more.
    pub mended: Vec<Between>,
    /// Tags that are new.
    pub tags_added: Vec<String>,
    /// Tags that are gone.
    pub tags_removed: Vec<String>,
}

impl Diff {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.totals == Totals::default()
    }

    /// With at most `limit` rows of each list.
    pub fn limited(mut self, limit: usize) -> Self {
        for paths in [&mut self.added, &mut self.removed, &mut self.changed] {
            paths.truncate(limit);
        }
        for tags in [&mut self.tags_added, &mut self.tags_removed] {
            tags.truncate(limit);
        }
        self.moved.truncate(limit);
        let [links, gone] = [&mut self.links_added, &mut self.links_removed];
        for links in [links, gone, &mut self.broke, &mut self.mended] {
            links.truncate(limit);
        }
        self
    }

    fn count(&self) -> Totals {
        let links = |links: &[Between]| links.iter().map(|link| link.count).sum();
        Totals {
            added: self.added.len(),
            removed: self.removed.len(),
            moved: self.moved.len(),
            changed: self.changed.len(),
            links_added: links(&self.links_added),
            links_removed: links(&self.links_removed),
            broke: links(&self.broke),
            mended: links(&self.mended),
            tags_added: self.tags_added.len(),
            tags_removed: self.tags_removed.len(),
        }
    }
}

/// How much changed: files, links one by one, tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// New files.
    pub added: usize,
    /// Files that are gone.
    pub removed: usize,
    /// Files that moved.
    pub moved: usize,
    /// Files that say something else.
    pub changed: usize,
    /// New links.
    pub links_added: usize,
    /// Links that are gone.
    pub links_removed: usize,
    /// Links that lead nowhere now.
    pub broke: usize,
    /// Links that lead nowhere no more.
    pub mended: usize,
    /// New tags.
    pub tags_added: usize,
    /// Tags that are gone.
    pub tags_removed: usize,
}

/// A former state of a vault, as the backup keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The commit of the snapshot.
    pub snapshot: String,
    /// When it was made, RFC 3339.
    pub made: String,
    /// The territory that made it; none of a commit that a person made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub territory: Option<String>,
    /// The run it belongs to, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<String>,
    /// Files of now that no snapshot keeps, such as those that are not shared: taken to have been the
    /// same then.
    pub unkept: usize,
    /// Notes and canvases of then whose content is kept nowhere, so that their links are not known.
    pub unread: usize,
}

/// A file of the same content under another path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Its former path.
    pub from: String,
    /// Its path now.
    pub to: String,
}

/// Links from one file to another or to a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Between {
    /// The file that links.
    pub from: String,
    /// The file or name it links to.
    pub to: String,
    /// How.
    pub kind: EdgeKind,
    /// How many more or fewer there are.
    pub count: usize,
}

/// What changed from `old` to `new`; with `parity` only links that Obsidian itself counts.
pub fn diff(old: &Graph, new: &Graph, parity: bool) -> Diff {
    let mut diff = Diff::default();
    let moved = files(old, new, &mut diff);
    // Former paths as they are named now: a file that moved keeps its links.
    let now = |path: &str| moved.get(path).cloned().unwrap_or_else(|| path.to_owned());
    let (before, after) = (links(old, parity, &now), links(new, parity, &|path| path.to_owned()));
    let more = |one: &Counts, other: &Counts, missing: bool| -> Vec<Between> {
        let new = one.iter().filter(|((_, (lost, _), _), _)| *lost == missing);
        new.filter_map(|(key, count)| {
            let had = other.get(key).copied().unwrap_or(0);
            let (from, (_, to), kind) = key;
            (*count > had).then(|| Between {
                from: from.clone(),
                to: to.clone(),
                kind: *kind,
                count: count - had,
            })
        })
        .collect()
    };
    diff.links_added = more(&after, &before, false);
    diff.links_removed = more(&before, &after, false);
    diff.broke = more(&after, &before, true);
    diff.mended = more(&before, &after, true);
    let tags = |graph: &Graph| -> BTreeMap<String, String> {
        graph.tags().map(|(_, tag)| (key(tag), tag.to_owned())).collect()
    };
    let (before, after) = (tags(old), tags(new));
    let only = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
        one.iter().filter(|(key, _)| !other.contains_key(*key)).map(|(_, t)| t.clone()).collect()
    };
    (diff.tags_added, diff.tags_removed) = (only(&after, &before), only(&before, &after));
    diff.totals = diff.count();
    diff
}

/// How often each link is there: from, whether the other end is missing and its name, kind.
type Counts = BTreeMap<(String, (bool, String), EdgeKind), usize>;

fn links(graph: &Graph, parity: bool, named: &dyn Fn(&str) -> String) -> Counts {
    let mut counts = Counts::new();
    let counts_here = |kind: EdgeKind| !kind.is_soft() && (!parity || kind.is_obsidians());
    for edge in graph.edges().iter().filter(|edge| counts_here(edge.kind)) {
        let to = match edge.to {
            Target::File(id) => (false, named(graph.files().path(id))),
            Target::Missing(id) => (true, key(graph.missing(id))),
            Target::Tag(_) => continue,
        };
        *counts.entry((named(graph.files().path(edge.from)), to, edge.kind)).or_default() += 1;
    }
    counts
}

/// Compares the files. Returns the paths of now of those that moved.
fn files(old: &Graph, new: &Graph, diff: &mut Diff) -> BTreeMap<String, String> {
    let paths = |graph: &Graph| -> BTreeMap<String, FileId> {
        graph.files().all().map(|id| (graph.files().path(id).to_owned(), id)).collect()
    };
    let (before, after) = (paths(old), paths(new));
    let content = |graph: &Graph, id: FileId| {
        let source = graph.source(id)?;
        (!matches!(source.content, Content::Attachment) && source.size > 0)
            .then_some(source.digest?)
    };
    let mut gone: BTreeMap<[u8; 32], Vec<&String>> = BTreeMap::new();
    for (path, id) in before.iter().filter(|(path, _)| !after.contains_key(*path)) {
        match content(old, *id) {
            Some(digest) => gone.entry(digest).or_default().push(path),
            None => diff.removed.push(path.clone()),
        }
    }
    let mut moved = BTreeMap::new();
    for (path, id) in &after {
        match before.get(path) {
            Some(former) => {
                if content(old, *former) != content(new, *id) {
                    diff.changed.push(path.clone());
                }
            }
            None => {
                let from = content(new, *id).and_then(|digest| gone.get_mut(&digest));
                match from.filter(|paths| !paths.is_empty()).map(|paths| paths.remove(0).clone()) {
                    Some(from) => {
                        moved.insert(from.clone(), path.clone());
                        diff.moved.push(Moved { from, to: path.clone() });
                    }
                    None => diff.added.push(path.clone()),
                }
            }
        }
    }
    let rest: BTreeSet<String> = gone.into_values().flatten().cloned().collect();
    diff.removed.extend(rest);
    diff.removed.sort();
    moved
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    fn said(links: &[Between]) -> Vec<String> {
        links.iter().map(|l| format!("{} > {} x{}", l.from, l.to, l.count)).collect()
    }

    #[test]
    fn what_came_went_moved_broke_and_was_mended_is_told() {
        let old = Sketch::of(&[
            ("a.md", "[[b]] [[b]] [[c]] [[wish]] #old"),
            ("b.md", "text"),
            ("c.md", "see [[a]]"),
            ("p.png", "x"),
        ]);
        let new = Sketch::of(&[
            ("a.md", "[[b]] [[c]] [[wish]] [[d]] #New"),
            ("b.md", "text"),
            ("sub/c.md", "see [[a]]"),
            ("wish.md", ""),
            ("e.md", "[[lost]]"),
        ]);
        let diff = diff(&old.graph, &new.graph, false);
        assert_eq!(diff.added, ["e.md", "wish.md"]);
        assert_eq!(diff.removed, ["p.png"]);
        assert_eq!(diff.moved, [Moved { from: "c.md".into(), to: "sub/c.md".into() }]);
        assert_eq!(diff.changed, ["a.md"]);
        assert_eq!(said(&diff.links_added), ["a.md > wish.md x1"]);
        assert_eq!(said(&diff.links_removed), ["a.md > b.md x1"]);
        assert_eq!(said(&diff.broke), ["a.md > d x1", "e.md > lost x1"]);
        assert_eq!(said(&diff.mended), ["a.md > wish x1"]);
        assert_eq!(
            (&diff.tags_added[..], &diff.tags_removed[..]),
            (&["New".into()][..], &["old".into()][..])
        );
        let totals = diff.totals;
        let short = diff.limited(1);
        assert_eq!((short.added.len(), short.broke.len()), (1, 1));
        assert_eq!((short.totals, totals.added, totals.broke, totals.moved), (totals, 2, 2, 1));
    }

    #[test]
    fn a_link_that_loses_its_file_broke_without_being_touched() {
        let old = Sketch::of(&[("a.md", "[[b]]"), ("b.md", "")]);
        let new = Sketch::of(&[("a.md", "[[b]]")]);
        let there = diff(&old.graph, &new.graph, true);
        assert_eq!(
            (said(&there.broke), said(&there.links_removed)),
            (vec!["a.md > b x1".into()], vec!["a.md > b.md x1".into()])
        );
        let back = diff(&new.graph, &old.graph, true);
        assert_eq!((back.mended, back.links_added), (there.broke, there.links_removed));
        assert!(diff(&old.graph, &old.graph, false).is_empty());
    }
}
