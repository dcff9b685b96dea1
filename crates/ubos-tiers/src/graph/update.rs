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
