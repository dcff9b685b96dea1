//! Tags and how often they are used; a tag counts what is below it (`a` counts `a/b`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Reference, View};
use crate::graph::files::FileId;
use crate::graph::model::{Edge, EdgeKind, Target};
use crate::graph::note::key;

/// Tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// The tag that was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tag: Option<String>,
    /// Tags by name; with one that was asked for, it and those below it.
    pub tags: Vec<TagCount>,
    /// Where the tag that was asked for, or one below it, is written.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub uses: Vec<Reference>,
    /// How many tags, or uses of the tag that was asked for, there are, shown or not.
    pub total: usize,
}

/// How often a tag is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagCount {
    /// The tag, as it is first written, without `#`. One of which only nested ones are written is here
    /// too.
    pub tag: String,
    /// Files that have it itself.
    pub own: usize,
    /// Files that have it or one below it.
    pub notes: usize,
    /// How often it or one below it is written.
    pub uses: usize,
}

#[derive(Default)]
struct Counted {
    name: String,
    own: BTreeSet<FileId>,
    all: BTreeSet<FileId>,
    uses: usize,
}

/// All tags, or the one asked for with what is below it.
pub fn tags(view: &View<'_>, wanted: Option<&str>, limit: usize) -> Tags {
    let wanted = wanted.map(|tag| tag.trim().trim_start_matches('#').trim_end_matches('/'));
    let below = wanted.map(key);
    let within = |tag: &str| below.as_ref().is_none_or(|top| is_below(&key(tag), top));
    let edges: Vec<&Edge> = view
        .graph
        .edges()
        .iter()
        .filter(|edge| match edge.to {
            Target::Tag(id) => edge.kind == EdgeKind::Tag && within(view.graph.tag(id)),
            _ => false,
        })
        .collect();
    let mut tags = counted(view, &edges);
    tags.retain(|count| within(&count.tag));
    let total = if wanted.is_some() { edges.len() } else { tags.len() };
    tags.truncate(limit);
    let shown = edges.iter().copied().take(if wanted.is_some() { limit } else { 0 });
    let uses = view.references(shown);
    Tags { tag: wanted.map(str::to_owned), tags, uses, total }
}

fn counted(view: &View<'_>, edges: &[&Edge]) -> Vec<TagCount> {
    let mut counted: BTreeMap<String, Counted> = BTreeMap::new();
    for edge in edges {
        let Target::Tag(id) = edge.to else { continue };
        let name = view.graph.tag(id);
        let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
        for end in ends.filter(|end| *end > 0) {
            let count = counted.entry(key(&name[..end])).or_default();
            if count.name.is_empty() {
                count.name = name[..end].to_owned();
            }
            count.all.insert(edge.from);
            count.uses += 1;
            if end == name.len() {
                count.own.insert(edge.from);
            }
        }
    }
    let count =
        |c: Counted| TagCount { tag: c.name, own: c.own.len(), notes: c.all.len(), uses: c.uses };
    counted.into_values().map(count).collect()
}

/// Whether a tag is `top` or below it; both in lower case.
pub fn is_below(tag: &str, top: &str) -> bool {
    tag.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    #[test]
    fn nested_tags_count_upwards() {
        let vault =
            Sketch::of(&[("a.md", "#p/x #p/x #P #q/r/s"), ("b.md", "---\ntags: [p/y]\n---\n#px")]);
        let all = tags(&vault.view(), None, 99);
        let shown: Vec<String> = all
            .tags
            .iter()
            .map(|t| format!("{} {} {} {}", t.tag, t.own, t.notes, t.uses))
            .collect();
        assert_eq!(
            shown,
            [
                "p 1 2 4",
                "p/x 1 1 2",
                "p/y 1 1 1",
                "px 1 1 1",
                "q 0 1 1",
                "q/r 0 1 1",
                "q/r/s 1 1 1"
            ]
        );
        let one = tags(&vault.view(), Some("#P"), 2);
        assert_eq!((one.total, one.uses.len(), one.tags.len()), (4, 2, 2));
        assert_eq!(one.uses[0].line, 1);
        assert_eq!(tags(&vault.view(), Some("none"), 9).total, 0);
    }
}
