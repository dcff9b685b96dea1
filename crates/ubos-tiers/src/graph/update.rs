//! A graph that follows its files: what they say is taken in, and every edge that cannot have changed
//! is kept as it is.
//!
//! Three things can change an edge of a file that did not change itself. A file that went: then what leads
//! to it is resolved again. A file that came: then links are resolved again whose words end in a name that
//! could mean it, which decides what a link can mean at all. And a note whose headings or blocks changed,
//! which links name behind `#`. Everything that is numbered is numbered again, and lists are made again:
//! that takes far less time than resolving links.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::edge::{MissingId, Target};
use super::files::{FileId, name_of};
use super::make::Maker;
use super::model::{Graph, number};
use super::names::Order;
use super::note::key;
use super::source::{Content, Source};

/// What files say now, by path; `None` of one that is gone.
pub type Changes = BTreeMap<String, Option<Arc<Source>>>;

/// With more files than this whose edges are made anew, all are.
const MANY: usize = 64;

/// One file before and after.
struct Step {
    before: Option<FileId>,
    after: Option<FileId>,
    fate: Fate,
}

/// What becomes of the edges that are written in a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// They stay.
    Stay,
    /// Their links are resolved again: each remains an edge, but may lead elsewhere.
    Settle,
    /// They are made anew.
    Anew,
}

impl Graph {
    /// Takes in what changed. Comes to the same as [`Graph::build`] from all files as they are now; edges
    /// that were joined are gone.
    pub fn update(&mut self, changes: &Changes) {
        let unsettled = self.unsettled(changes);
        let (steps, sources) = self.merge(changes, &unsettled);
        if steps.iter().filter(|step| step.fate == Fate::Anew).count() > MANY {
            *self = Self::build(sources);
            return;
        }
        if steps.iter().any(|step| step.before != step.after) {
            self.shift(&steps, &sources);
        }
        self.sources = sources;
        self.remake(&steps);
        self.renumber();
        self.list();
    }

    /// Gives files and the ends of edges their new numbers.
    fn shift(&mut self, steps: &[Step], sources: &[Arc<Source>]) {
        let mut numbers = vec![None; self.sources.len()];
        for step in steps {
            match (step.before, step.after) {
                (Some(before), Some(after)) => numbers[before.0 as usize] = Some(after),
                (Some(before), None) => self.files.remove(before),
                (None, Some(after)) => {
                    self.files.add(&sources[after.0 as usize].path);
                    numbers.push(Some(after));
                }
                (None, None) => {}
            }
        }
        self.files.arrange(&numbers);
        // What leads to a file that is gone does not stay as it is, and needs no number.
        let now = |id: FileId| numbers[id.0 as usize].unwrap_or(id);
        for edge in &mut self.edges {
            (edge.from, edge.within) = (now(edge.from), now(edge.within));
            if let Target::File(to) = &mut edge.to {
                *to = now(*to);
            }
        }
    }

    /// The files before whose edges may change, besides those of which `changes` says so itself.
    fn unsettled(&self, changes: &Changes) -> HashSet<FileId> {
        let mut unsettled = HashSet::new();
        let mut links = HashSet::new();
        for (path, now) in changes {
            match (self.files.at(path), now) {
                (Some(gone), None) => {
                    let leading = self.incoming(Target::File(gone));
                    unsettled.extend(leading.chain(self.outgoing(gone)).map(|edge| edge.within));
                }
                (None, Some(_)) => {
                    let name = name_of(&key(path)).to_owned();
                    links.extend(name.strip_suffix(".md").map(str::to_owned));
                    links.insert(name);
                }
                _ => {}
            }
        }
        if !links.is_empty() {
            self.rivals(&links, &mut unsettled);
        }
        unsettled
    }

    /// The files that have links whose last part is one of `links`: such a link leads to a file of that
    /// name, with `.md` behind it or without, or to none.
    fn rivals(&self, links: &HashSet<String>, unsettled: &mut HashSet<FileId>) {
        let named =
            |link: &String| self.files.named(link).chain(self.files.named(&format!("{link}.md")));
        let files = links.iter().flat_map(named).map(Target::File);
        let missing = self.missing.keys().filter(|(name, _)| links.contains(name_of(name)));
        let missing = missing.map(|(_, number)| Target::Missing(MissingId(number)));
        for target in files.chain(missing) {
            unsettled.extend(self.incoming(target).map(|edge| edge.within));
        }
        // An arrow with an end that leads nowhere is no edge.
        let could = |path: &String| links.contains(name_of(&key(path)));
        for (id, source) in (0..).map(FileId).zip(&self.sources) {
            if let Content::Canvas(canvas) = &source.content
                && canvas.arrows.iter().any(|arrow| could(&arrow.from) || could(&arrow.to))
            {
                unsettled.insert(id);
            }
        }
    }

    /// All files before and after, by path, and what they say after.
    fn merge(
        &self,
        changes: &Changes,
        unsettled: &HashSet<FileId>,
    ) -> (Vec<Step>, Vec<Arc<Source>>) {
        let mut steps = Vec::with_capacity(self.sources.len() + changes.len());
        let mut sources: Vec<Arc<Source>> = Vec::with_capacity(steps.capacity());
        let mut changes = changes.iter().peekable();
        let mut add = |before: Option<FileId>, now: Option<&Arc<Source>>, fate: Fate| {
            if before.is_none() && now.is_none() {
                return;
            }
            let after = now.map(|source| {
                sources.push(Arc::clone(source));
                FileId(number(sources.len() - 1))
            });
            steps.push(Step { before, after, fate });
        };
        for (id, source) in (0..).map(FileId).zip(&self.sources) {
            while let Some((_, now)) = changes.next_if(|(path, _)| **path < source.path) {
                add(None, now.as_ref(), Fate::Anew);
            }
            match changes.next_if(|(path, _)| **path == source.path) {
                Some((_, now)) => add(Some(id), now.as_ref(), Fate::Anew),
                None => add(Some(id), Some(source), fate(source, unsettled.contains(&id))),
            }
        }
        changes.for_each(|(_, now)| add(None, now.as_ref(), Fate::Anew));
        (steps, sources)
    }

    /// Makes the edges that do not stay, in the place of the former ones.
    fn remake(&mut self, steps: &[Step]) {
        let mut edges = std::mem::take(&mut self.edges);
        let mut starts = vec![0];
        let mut says_else = vec![false; self.sources.len()];
        let mut maker = Maker::new(&self.files, &self.sources, &mut self.missing, &mut self.tags);
        let mut at = 0;
        for step in steps {
            let own = at..at + step.before.map_or(0, |id| own(&self.starts, id).len());
            match (step.after, step.fate) {
                (None, _) => drop(edges.drain(own)),
                (Some(id), Fate::Anew) => {
                    let mut new = Vec::new();
                    maker.take(id, &mut new);
                    at += new.len();
                    edges.splice(own, new);
                    says_else[id.0 as usize] = true;
                }
                (Some(id), Fate::Settle) => {
                    at = own.end;
                    maker.settle(id, &mut edges[own]);
                }
                (Some(_), Fate::Stay) => at = own.end,
            }
            if step.after.is_some() {
                starts.push(number(at));
            }
        }
        edges.truncate(at);
        for edge in &mut edges {
            if let (Target::File(to), Some(subpath)) = (edge.to, &edge.subpath)
                && says_else[to.0 as usize]
            {
                edge.subpath_found = maker.subpath_found(to, subpath);
            }
        }
        (self.edges, self.starts) = (edges, starts);
    }

    /// Numbers names and tags in the order in which they stand now, and writes each as it stands first.
    fn renumber(&mut self) {
        let (mut missing, mut tags) = (Order::of(&self.missing), Order::of(&self.tags));
        let mut edges = self.edges.iter_mut();
        for (bounds, source) in self.starts.windows(2).zip(&self.sources) {
            let (links, tagged) = match &source.content {
                Content::Note(note) => (&note.links[..], &note.tags[..]),
                Content::Canvas(canvas) => (&canvas.links[..], &canvas.tags[..]),
                _ => continue,
            };
            let own = edges.by_ref().take((bounds[1] - bounds[0]) as usize);
            for (place, edge) in own.enumerate() {
                match &mut edge.to {
                    Target::Missing(id) => id.0 = missing.meet(id.0, || &links[place].target),
                    Target::Tag(id) => {
                        id.0 = tags.meet(id.0, || &tagged[place - links.len()].name);
                    }
                    Target::File(_) => {}
                }
            }
        }
        self.missing.reorder(missing);
        self.tags.reorder(tags);
    }
}

/// What becomes of the edges of a file that did not change.
fn fate(source: &Source, is_unsettled: bool) -> Fate {
    match source.content {
        _ if !is_unsettled => Fate::Stay,
        // An arrow is an edge only if both ends are there.
        Content::Canvas(_) => Fate::Anew,
        _ => Fate::Settle,
    }
}

/// The edges that are written in a file.
fn own(starts: &[u32], id: FileId) -> Range<usize> {
    starts[id.0 as usize] as usize..starts[id.0 as usize + 1] as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tree::sources_of;

    type Sketch<'a> = &'a [(&'a str, &'a str)];

    fn sources(files: Sketch<'_>) -> Vec<Arc<Source>> {
        let bytes = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
        sources_of(&files.iter().map(bytes).collect())
    }

    fn shown(graph: &Graph) -> Vec<String> {
        let name = |to| match to {
            Target::File(id) => graph.files().path(id).to_owned(),
            Target::Missing(id) => format!("?{}{}", id.0, graph.missing(id)),
            Target::Tag(id) => format!("#{}{}", id.0, graph.tag(id)),
        };
        let edge = |edge: &crate::graph::model::Edge| {
            let found = edge.subpath_found.map_or("", |found| if found { " yes" } else { " no" });
            format!("{} {} {}{found}", edge.from.0, edge.kind.word(), name(edge.to))
        };
        graph.edges().iter().map(edge).collect()
    }

    /// Follows from one state to the other and back, each time to what is made anew. Returns the edges of
    /// the second.
    fn follow(one: Sketch<'_>, other: Sketch<'_>) -> Vec<String> {
        let mut graph = Graph::build(sources(one));
        for (before, after) in [(one, other), (other, one), (one, other)] {
            let gone = before.iter().map(|(path, _)| ((*path).to_owned(), None));
            let mut changes: Changes = gone.collect();
            changes.extend(sources(after).into_iter().map(|s| (s.path.clone(), Some(s))));
            // What stays as it is is not told.
            changes.retain(|path, _| {
                let text = |files: Sketch<'_>| {
                    files.iter().find(|(name, _)| name == path).map(|(_, text)| text.to_string())
                };
                text(before) != text(after)
            });
            graph.update(&changes);
            assert_eq!(shown(&graph), shown(&Graph::build(sources(after))), "{changes:?}");
        }
        shown(&graph)
    }

    #[test]
    fn a_file_that_comes_takes_the_links_that_wait_for_it() {
        let waits = ("a.md", "[[Plan]] [[x/plan]]");
        assert_eq!(
            follow(&[waits], &[waits, ("plan.md", "")]),
            ["0 link plan.md", "0 link ?0x/plan"]
        );
        let both = follow(&[waits], &[waits, ("y/x/PLAN.MD", "")]);
        assert_eq!(both, ["0 link y/x/PLAN.MD", "0 link y/x/PLAN.MD"]);
    }

    #[test]
    fn a_name_without_an_end_and_a_nearer_path_win_over_what_was_meant() {
        let files = [("a.md", "[[make]] ![[p.png]]"), ("make.md", ""), ("x/y/p.png", "")];
        let more = [files[0], files[1], files[2], ("make", ""), ("p.png", "")];
        assert_eq!(follow(&files, &more), ["0 link make", "0 embed p.png"]);
    }

    #[test]
    fn an_arrow_is_there_once_both_its_ends_are() {
        let canvas = r#"{"nodes":[{"id":"1","file":"a.md"},{"id":"2","file":"no break.md"}],
            "edges":[{"id":"e","fromNode":"1","toNode":"2"}]}"#;
        // A link knows no such space, an arrow takes the card at its word.
        let canvas = canvas.replace("no break", "no\u{a0}break");
        let files = [("a.md", ""), ("c.canvas", canvas.as_str())];
        let more = [files[0], files[1], ("no\u{a0}break.md", "")];
        let all = ["1 canvas-file a.md", "1 canvas-file ?0no break.md"];
        assert_eq!(follow(&more, &files), all);
        let with = [all[0], all[1], "0 canvas-arrow no\u{a0}break.md"];
        assert_eq!(follow(&files, &more), with);
    }

    #[test]
    fn headings_names_and_tags_are_those_of_now() {
        let z = ("z.md", "[[b#One]] [[b#^x]] [[GONE]] #Tag");
        let one = [("a.md", "[[gone]] #tag"), ("b.md", "# One"), z];
        let other = [("a.md", ""), ("b.md", "text ^x"), z];
        let expected = ["2 link b.md no", "2 link b.md yes", "2 link ?0GONE", "2 tag #0Tag"];
        assert_eq!(follow(&one, &other), expected);
    }

    #[test]
    fn many_changes_at_once_come_to_the_same() {
        let paths: Vec<String> = (0..MANY + 9).map(|number| format!("n{number}.md")).collect();
        let texts = |end: &str| -> Vec<String> {
            (0..paths.len()).map(|number| format!("[[n{}{end}]] #t{number}", number + 1)).collect()
        };
        let (one, other) = (texts(""), texts("x"));
        let names = || paths.iter().map(String::as_str);
        let one: Vec<(&str, &str)> = names().zip(one.iter().map(String::as_str)).collect();
        let other: Vec<(&str, &str)> = names().zip(other.iter().map(String::as_str)).collect();
        assert_eq!(follow(&one, &other).len(), 2 * paths.len());
    }
}
