//! Which links a sync breaks that deletes or renames files.
//!
//! The notes are those that stand here. What the other side gets has happened here already, what comes
//! here has not yet, or has: names are resolved as they were before all of it and as they will be after,
//! and a link is broken if it led to what goes away and does not lead to where that went.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::graph::files::Files;
use crate::graph::model::{Content, Graph};

/// At most so many notes are named.
const NAMED: usize = 10;

/// A file or folder that goes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where it is before.
    pub from: String,
    /// Where it is afterwards; nothing if it is deleted.
    pub to: Option<String>,
    /// Whether that has happened in the files that the graph knows.
    pub has_happened: bool,
}

/// A file whose going away breaks links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// Where it is, or was.
    pub path: String,
    /// Where it goes, if it is renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Links that lead to it, and to nothing or something else afterwards.
    pub links: usize,
    /// Notes and canvases in which they stand.
    pub note_count: usize,
    /// The first of them, in the order of their paths.
    pub notes: Vec<String>,
}

/// The links that `steps` break, by path. Links in what is itself deleted do not count.
pub fn broken(graph: &Graph, steps: &[Step]) -> Vec<Break> {
    let gone = Gone::of(graph, steps);
    if gone.to.is_empty() {
        return Vec::new();
    }
    let mut found: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for id in graph.files().all() {
        let Some(source) = graph.source(id) else { continue };
        let links = match &source.content {
            Content::Note(note) => &note.links[..],
            Content::Canvas(canvas) => &canvas.links[..],
            _ => continue,
        };
        let Some((before, after)) = gone.places(&source.path) else { continue };
        for link in links.iter().filter(|link| !link.target.is_empty()) {
            let Some(was) = gone.before.resolve(&link.target, before) else { continue };
            let Some((path, to)) = gone.to.get_key_value(gone.before.path(was)) else { continue };
            let is = gone.after.resolve(&link.target, after).map(|id| gone.after.path(id));
            if is.is_none() || is != to.as_deref() {
                let (links, notes) = found.entry(path).or_default();
                *links += 1;
                notes.insert(&source.path);
            }
        }
    }
    let told = |(path, (links, notes)): (&str, (usize, BTreeSet<&str>))| Break {
        path: path.to_owned(),
        to: gone.to[path].clone(),
        links,
        note_count: notes.len(),
        notes: notes.into_iter().take(NAMED).map(str::to_owned).collect(),
    };
    found.into_iter().map(told).collect()
}

/// Files that go away, and the names of all before and after.
#[derive(Default)]
struct Gone {
    before: Files,
    after: Files,
    /// Where each goes.
    to: BTreeMap<String, Option<String>>,
    /// Where what stands at a path now was before, and where it will be: `None` if it will be nowhere.
    moved: BTreeMap<String, (String, Option<String>)>,
}

impl Gone {
    fn of(graph: &Graph, steps: &[Step]) -> Self {
        let mut gone = Self::default();
        let mut paths: Vec<&str> = graph.files().all().map(|id| graph.files().path(id)).collect();
        paths.sort_unstable();
        for step in steps {
            gone.take(step, &paths);
        }
        for path in paths {
            let (before, after) = match gone.moved.get(path) {
                Some((before, after)) => (before.as_str(), after.as_deref()),
                None => (path, Some(path)),
            };
            gone.before.add(before);
            after.map(|after| gone.after.add(after));
        }
        for path in gone.to.keys() {
            gone.before.add(path);
        }
        gone
    }

    /// A step about a folder is one about each file in it.
    fn take(&mut self, step: &Step, paths: &[&str]) {
        // What was written again since, as some editors save, is not gone. The paths are in order.
        if step.has_happened && paths.binary_search(&step.from.as_str()).is_ok() {
            return;
        }
        let stands = match (&step.to, step.has_happened) {
            (Some(to), true) => to,
            (None, true) => {
                self.to.insert(step.from.clone(), None);
                return;
            }
            (_, false) => &step.from,
        };
        let inside = |path: &str| -> Option<String> {
            let rest = path.strip_prefix(stands.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
        };
        for path in paths {
            let Some(rest) = inside(path) else { continue };
            let from = format!("{}{rest}", step.from);
            let to = step.to.as_ref().map(|to| format!("{to}{rest}"));
            self.moved.insert((*path).to_owned(), (from.clone(), to.clone()));
            self.to.insert(from, to);
        }
    }

    /// Where what stands at `path` was and will be; nothing if it will be nowhere.
    fn places<'a>(&'a self, path: &'a str) -> Option<(&'a str, &'a str)> {
        match self.moved.get(path) {
            Some((before, after)) => Some((before, after.as_deref()?)),
            None => Some((path, path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::model::Source;
    use std::sync::Arc;

    fn graph(files: &[(&str, &str)]) -> Graph {
        let source = |(path, text): &(&str, &str)| {
            Arc::new(Source {
                path: (*path).to_owned(),
                size: 0,
                mtime: 0,
                digest: None,
                content: crate::graph::tree::content(path, text.as_bytes()),
            })
        };
        Graph::build(files.iter().map(source).collect())
    }

    fn step(from: &str, to: Option<&str>, has_happened: bool) -> Step {
        Step { from: from.to_owned(), to: to.map(str::to_owned), has_happened }
    }

    #[track_caller]
    fn breaks(files: &[(&str, &str)], steps: &[Step], expected: &[(&str, usize, &[&str])]) {
        let found = broken(&graph(files), steps);
        let found: Vec<(&str, usize, Vec<&str>)> = found
            .iter()
            .map(|b| (b.path.as_str(), b.links, b.notes.iter().map(String::as_str).collect()))
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(path, links, notes)| (*path, *links, notes.to_vec())).collect();
        assert_eq!(found, expected);
    }

    const LINKS: (&str, &str) = ("b.md", "[[plan]] and [again](docs/plan.md)");

    #[test]
    fn a_deletion_breaks_what_leads_there_whether_it_has_happened_or_not() {
        let there = [LINKS, ("c.md", "![[plan#x]]"), ("docs/plan.md", "[[b]]"), ("d.md", "[[b]]")];
        let expected: &[(&str, usize, &[&str])] = &[("docs/plan.md", 3, &["b.md", "c.md"])];
        breaks(&there, &[step("docs/plan.md", None, false)], expected);
        let gone = [there[0], there[1], there[3]];
        breaks(&gone, &[step("docs/plan.md", None, true)], expected);
    }

    #[test]
    fn what_is_deleted_with_it_does_not_count() {
        let files = [LINKS, ("docs/plan.md", "")];
        breaks(&files, &[step("docs/plan.md", None, false), step("b.md", None, false)], &[]);
    }

    #[test]
    fn another_file_of_that_name_does_not_make_it_whole() {
        let files = [("b.md", "[[plan]]"), ("docs/plan.md", ""), ("x/y/z/plan.md", "")];
        let expected: &[(&str, usize, &[&str])] = &[("docs/plan.md", 1, &["b.md"])];
        breaks(&files, &[step("docs/plan.md", None, false)], expected);
    }

    #[test]
    fn a_rename_breaks_only_links_that_do_not_follow() {
        let files = [LINKS, ("docs/plan.md", "")];
        // By its name it is still found; by its path it is not.
        let moved = [step("docs/plan.md", Some("old/plan.md"), false)];
        breaks(&files, &moved, &[("docs/plan.md", 1, &["b.md"])]);
        let renamed = [step("docs/plan.md", Some("docs/idea.md"), false)];
        breaks(&files, &renamed, &[("docs/plan.md", 2, &["b.md"])]);
        let corrected = [("b.md", "[[idea]]"), ("docs/idea.md", "")];
        breaks(&corrected, &[step("docs/plan.md", Some("docs/idea.md"), true)], &[]);
        let forgotten = [("b.md", "[[plan]]"), ("docs/idea.md", "")];
        breaks(
            &forgotten,
            &[step("docs/plan.md", Some("docs/idea.md"), true)],
            &[("docs/plan.md", 1, &["b.md"])],
        );
    }

    #[test]
    fn what_stands_there_again_is_not_gone() {
        let files = [LINKS, ("docs/plan.md", ""), ("docs/idea.md", "")];
        breaks(&files, &[step("docs/plan.md", None, true)], &[]);
        breaks(&files, &[step("docs/plan.md", Some("docs/idea.md"), true)], &[]);
    }

    #[test]
    fn a_folder_takes_its_files_with_it() {
        let files = [LINKS, ("docs/plan.md", "[[docs/other]]"), ("docs/other.md", "")];
        let moved = [step("docs", Some("old"), false)];
        breaks(
            &files,
            &moved,
            &[("docs/other.md", 1, &["docs/plan.md"]), ("docs/plan.md", 1, &["b.md"])],
        );
    }

    #[test]
    fn ten_notes_are_named_and_all_are_counted() {
        let names: Vec<String> = (10..30).map(|n| format!("n{n}.md")).collect();
        let mut files: Vec<(&str, &str)> =
            names.iter().map(|name| (name.as_str(), "[[plan]]")).collect();
        files.push(("plan.md", ""));
        let found = broken(&graph(&files), &[step("plan.md", None, false)]);
        assert_eq!((found[0].note_count, found[0].notes.len()), (20, NAMED));
    }
}
