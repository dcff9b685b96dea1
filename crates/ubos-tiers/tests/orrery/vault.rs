//! Vaults for the tests, and their pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use ubos_tiers::graph::model::{Graph, Source};
use ubos_tiers::graph::page::{self, Input, Settings};
use ubos_tiers::graph::questions::clusters::{Clusters, Method, clusters};
use ubos_tiers::graph::questions::{Kinds, View};
use ubos_tiers::graph::{soft, tree};

/// A day in nanoseconds.
const DAY: i64 = 86_400_000_000_000;

/// The page of these files; each is a day younger than the one before it.
pub(crate) fn page(files: &[(String, String)], settings: &str) -> String {
    Made::of(files, false).page(settings)
}

/// A vault that was looked at.
pub(crate) struct Made {
    graph: Graph,
    texts: BTreeMap<String, Vec<u8>>,
    /// Whether only what Obsidian itself counts is seen.
    pub(crate) parity: bool,
}

impl Made {
    /// Of these files, with guesses or without.
    pub(crate) fn of(files: &[(String, String)], with_soft: bool) -> Self {
        let source = |(day, (path, text)): (usize, &(String, String))| {
            let content = tree::content(path, text.as_bytes());
            let mtime = (20_000 + day as i64) * DAY;
            let size = text.len() as u64;
            Arc::new(Source { path: path.clone(), size, mtime, digest: None, content })
        };
        let mut graph = Graph::build(files.iter().enumerate().map(source).collect());
        let texts =
            files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect();
        if with_soft {
            soft::join(&mut graph, &texts);
        }
        Self { graph, texts, parity: false }
    }

    fn view(&self) -> View<'_> {
        View { graph: &self.graph, texts: &self.texts, parity: self.parity }
    }

    /// What `graph clusters` answers of it.
    pub(crate) fn clusters(&self) -> Clusters {
        clusters(&self.view(), Method::Louvain, 0, &Kinds::default(), usize::MAX)
    }

    /// Its page.
    pub(crate) fn page(&self, settings: &str) -> String {
        let input = Input {
            view: self.view(),
            vault: "Test vault",
            settings: &Settings::read(settings.as_bytes()),
            clusters: &self.clusters(),
        };
        page::assemble(&page::data(&input))
    }
}

/// A small vault with something of everything:
///
/// ```text
/// Home -> Engine -> Gear -> Tooth        Home -> Lost (no such file)
///   \--> Garden -> Pond                  Garden ~> Home#Nowhere (no such heading)
/// #craft on Engine, Gear; #craft/deep on Tooth; #green on Pond
/// ```
pub(crate) fn small() -> String {
    let files = [
        ("Home.md", "# Home\n[[Engine]] and [[Garden]], not [[Lost]].\n![[plan.png]]\n"),
        ("machines/Engine.md", "---\naliases: [Motor]\n---\n#craft [[Gear]]\n"),
        ("machines/parts/Gear.md", "#craft [[Tooth]]\n"),
        ("machines/parts/Tooth.md", "#craft/deep **sharp** end\n"),
        ("nature/Garden.md", "---\nup: \"[[Home]]\"\n---\n[[Pond]] [[Home#Nowhere]]\n"),
        ("nature/Pond.md", "#green still\n"),
        ("nature/Stone.md", "alone\n"),
        ("plan.png", ""),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let settings = r##"{"showTags": true, "colorGroups": [
        {"query": "path:/^machines\\//", "color": {"a": 1, "rgb": 3900150}},
        {"query": "tag:#green", "color": {"a": 1, "rgb": 2278750}}]}"##;
    page(&files, settings)
}

/// A vault of so many notes and about twice as many links, in clusters, the same each time.
pub(crate) fn large(notes: usize) -> String {
    let mut state = 7_u64;
    let mut below = |end: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    let clusters = notes.div_ceil(50);
    let name = |number: usize| format!("folder {}/note {number}", number % clusters % 20);
    let files: Vec<(String, String)> = (0..notes)
        .map(|number| {
            let near = number % clusters + below(50.min(notes / clusters)) * clusters;
            let other = if below(5) == 0 { below(notes) } else { number % clusters };
            let links = format!("[[{}]] and [[{}]].\n", name(near), name(other));
            (format!("{}.md", name(number)), links + &"Words that stand in a note. ".repeat(20))
        })
        .collect();
    page(&files, "")
}
