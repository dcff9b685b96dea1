//! A graph that follows its files: what they say is taken in, and every edge that cannot have changed
//! is kept as it is.
//!
//! Three things can change an edge of a file that did not change itself. A file that went: then the edges
//! that lead to it are made anew. A file that came: then a link is made anew if the last part of its words
//! could mean the new name, which decides what it can mean at all. And a note whose headings or blocks
//! changed, which links name behind `#`. Everything that is numbered is numbered again, and lists are made
//! again: that takes far less time than resolving links.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::edge::{Edge, MissingId, Target};
use super::files::{FileId, Files, name_of};
use super::make::Maker;
use super::model::{Graph, number};
use super::names::Order;
use super::note::key;
use super::source::{Content, Source};

/// What files say now, by path; `None` of one that is gone.
pub type Changes = BTreeMap<String, Option<Arc<Source>>>;

/// The edges of so many files are put in the place of the former ones, one file after the other.
const FEW: usize = 8;

/// One file before and after.
struct Step {
    before: Option<FileId>,
    after: Option<FileId>,
    /// Whether its edges are made anew.
    anew: bool,
}

impl Graph {
    /// Takes in what changed. Comes to the same as [`Graph::build`] from all files as they are now; edges
    /// that were joined are gone.
    pub fn update(&mut self, changes: &Changes) {
        let anew = self.unsettled(changes);
        let (steps, sources) = self.merge(changes, &anew);
        let came_or_went = steps.iter().any(|step| step.before.is_none() || step.after.is_none());
        if came_or_went {
            self.files = Files::of(sources.iter().map(|source| source.path.as_str()));
        }
        self.sources = sources;
        match came_or_went || steps.iter().filter(|step| step.anew).count() > FEW {
            true => self.remake(&steps),
            false => self.patch(&steps),
        }
        self.renumber();
        self.list();
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
        let mut add = |before: Option<FileId>, now: Option<&Arc<Source>>, anew: bool| {
            if before.is_none() && now.is_none() {
                return;
            }
            let after = now.map(|source| {
                sources.push(Arc::clone(source));
                FileId(number(sources.len() - 1))
            });
            steps.push(Step { before, after, anew });
        };
        for (id, source) in (0..).map(FileId).zip(&self.sources) {
            while let Some((_, now)) = changes.next_if(|(path, _)| **path < source.path) {
                add(None, now.as_ref(), true);
            }
            match changes.next_if(|(path, _)| **path == source.path) {
                Some((_, now)) => add(Some(id), now.as_ref(), true),
                None => add(Some(id), Some(source), unsettled.contains(&id)),
            }
        }
        changes.for_each(|(_, now)| add(None, now.as_ref(), true));
        (steps, sources)
    }

    /// Makes the edges of a few files anew, in the place of the former ones.
    fn patch(&mut self, steps: &[Step]) {
        self.edges.truncate(self.starts.last().map_or(0, |end| *end as usize));
        let mut says_else = vec![false; self.sources.len()];
        let mut maker = Maker::new(&self.files, &self.sources, &mut self.missing, &mut self.tags);
        for id in steps.iter().filter(|step| step.anew).filter_map(|step| step.after) {
            let place = id.0 as usize;
            says_else[place] = true;
            let own = self.starts[place] as usize..self.starts[place + 1] as usize;
            let mut edges = Vec::new();
            maker.take(id, &mut edges);
            let grown = number(edges.len()).wrapping_sub(number(own.len()));
            for start in &mut self.starts[place + 1..] {
                *start = start.wrapping_add(grown);
            }
            self.edges.splice(own, edges);
        }
        for edge in &mut self.edges {
            if let (Target::File(to), Some(subpath)) = (edge.to, &edge.subpath)
                && says_else[to.0 as usize]
            {
                edge.subpath_found = maker.subpath_found(to, subpath);
            }
        }
    }

    /// Keeps the edges that stay, with the new numbers of their files, and makes the others.
    fn remake(&mut self, steps: &[Step]) {
        let mut numbers = vec![None; self.starts.len()];
        let mut says_else = vec![false; self.sources.len()];
        for step in steps {
            if let Some(before) = step.before {
                numbers[before.0 as usize] = step.after;
            }
            if let Some(after) = step.after {
                says_else[after.0 as usize] = step.anew;
            }
        }
        let now = |id: FileId| numbers[id.0 as usize].expect("what stays leads to what stays");
        let mut kept = std::mem::take(&mut self.edges).into_iter();
        let starts = std::mem::replace(&mut self.starts, vec![0]);
        let mut maker = Maker::new(&self.files, &self.sources, &mut self.missing, &mut self.tags);
        let mut edges: Vec<Edge> = Vec::with_capacity(kept.len() + 64);
        for step in steps {
            let count = step
                .before
                .map_or(0, |id| (starts[id.0 as usize + 1] - starts[id.0 as usize]) as usize);
            let own = kept.by_ref().take(count);
            match step.after {
                Some(id) if step.anew => {
                    own.for_each(drop);
                    maker.take(id, &mut edges);
                }
                Some(_) => edges.extend(own.map(|mut edge| {
                    (edge.from, edge.within) = (now(edge.from), now(edge.within));
                    if let Target::File(to) = edge.to {
                        let to = now(to);
                        edge.to = Target::File(to);
                        if let Some(subpath) = &edge.subpath
                            && says_else[to.0 as usize]
                        {
                            edge.subpath_found = maker.subpath_found(to, subpath);
                        }
                    }
                    edge
                })),
                None => own.for_each(drop),
            }
            if step.after.is_some() {
                self.starts.push(number(edges.len()));
            }
        }
        self.edges = edges;
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
