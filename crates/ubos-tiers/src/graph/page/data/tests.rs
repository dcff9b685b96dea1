//! What the page is told of a vault.

use super::*;
use crate::graph::page::settings::ColourGroup;
use crate::graph::questions::Kinds;
use crate::graph::questions::clusters::{Method, clusters, membership};
use crate::graph::questions::sketch::Sketch;
use crate::graph::soft;

/// The data of a vault in memory.
pub(crate) fn sketched(files: &[(&str, &str)], settings: &Settings) -> Data {
    let vault = Sketch::of(files);
    let mut data = seen(vault.view(), settings);
    // The clock of a file in memory.
    data.nodes.iter_mut().for_each(|node| node.mtime = node.mtime.map(|_| 5));
    data
}

fn seen(view: View<'_>, settings: &Settings) -> Data {
    let clusters = clusters(&view, Method::Louvain, 0, &Kinds::default(), usize::MAX);
    data(&Input { view, vault: "v", settings, clusters: &clusters })
}

fn edges(data: &Data) -> Vec<String> {
    let name = |at: u32| data.nodes[at as usize].path.as_str();
    let edges = data.edges.iter().map(|[from, to, kind, count, line]| {
        let kind = data.kinds[*kind as usize].word();
        format!("{} -{kind}> {} x{count} @{line}", name(*from), name(*to))
    });
    edges.collect()
}

#[test]
fn every_kind_of_node_and_edge_is_there_once() {
    let data = sketched(
        &[
            (
                "a.md",
                "---\nup: \"[[b]]\"\naliases: [Ay]\n---\n[[b]] [[b|x]]\n[[gone]] #t/u\n![[p.png]]",
            ),
            ("d/b.md", "[[a#No such]] [[#here]]"),
            ("p.png", ""),
            ("unused.png", ""),
            ("c.canvas", "{"),
        ],
        &Settings::default(),
    );
    let expected = [
        "a.md -front-matter> d/b.md x1 @2",
        "a.md -link> d/b.md x2 @5",
        "a.md -link> gone x1 @6",
        "a.md -embed> p.png x1 @7",
        "a.md -tag> #t/u x1 @6",
        "d/b.md -link> a.md x1 @1",
    ];
    assert_eq!(edges(&data), expected);
    let nodes: Vec<(&str, NodeKind, u32)> =
        data.nodes.iter().map(|n| (n.title.as_str(), n.kind, n.degree)).collect();
    let expected = [
        ("a", NodeKind::Note, 5),
        ("c.canvas", NodeKind::Canvas, 0),
        ("b", NodeKind::Note, 3),
        ("p.png", NodeKind::Attachment, 1),
        ("gone", NodeKind::Missing, 1),
        ("#t/u", NodeKind::Tag, 0),
    ];
    assert_eq!(nodes, expected);
    assert_eq!(data.folders, ["", "d"]);
    assert_eq!(data.nodes[0].preview, "[[b]] [[b|x]]\n[[gone]] #t/u\n![[p.png]]");
    assert_eq!((data.nodes[0].mtime, data.nodes[0].tags.as_slice()), (Some(5), &[0][..]));
    assert!(data.nodes[1].trouble.as_deref().is_some_and(|why| why.starts_with("line 1")));
    assert_eq!(data.remarks[&0].label.as_deref(), Some("up"));
    assert_eq!(data.remarks[&5].broken.as_deref(), Some("No such"));
    assert_eq!(data.remarks.len(), 2);
}

#[test]
fn the_first_group_that_finds_a_file_colours_it() {
    let group = |query: &str, colour| ColourGroup { query: query.into(), colour };
    let settings = Settings {
        search: "-path:old".into(),
        groups: vec![
            group("line:(a", 1),
            group("path:/^docs\\//", 0x3B_82F6),
            group("tag:#t", 2),
            group("brass", 3),
        ],
        ..Settings::default()
    };
    let files = [("docs/a.md", "#t brass"), ("b.md", "#t/x"), ("old.md", "brass"), ("z.md", "")];
    let data = sketched(&files, &settings);
    let found: Vec<_> =
        data.nodes.iter().take(4).map(|n| (n.path.as_str(), n.group, n.filtered)).collect();
    let expected = [
        ("b.md", Some(2), false),
        ("docs/a.md", Some(1), false),
        ("old.md", Some(3), true),
        ("z.md", None, false),
    ];
    assert_eq!(found, expected);
    assert!(data.groups[0].trouble.is_some());
    assert_eq!(data.groups[1].colour, "#3b82f6");
}

#[test]
fn an_arrow_names_the_canvas_it_is_drawn_in() {
    let canvas = r#"{"nodes": [{"id": "1", "type": "file", "file": "a.md"},
        {"id": "2", "type": "file", "file": "b.md"}],
        "edges": [{"id": "e", "fromNode": "1", "toNode": "2", "label": "so"}]}"#;
    let data = sketched(&[("a.md", ""), ("b.md", ""), ("c.canvas", canvas)], &Settings::default());
    let arrow =
        data.edges.iter().position(|edge| data.kinds[edge[2] as usize] == EdgeKind::CanvasArrow);
    let remark = &data.remarks[&(arrow.unwrap() as u32)];
    assert_eq!(remark.label.as_deref(), Some("so"));
    assert_eq!(data.nodes[remark.within.unwrap() as usize].path, "c.canvas");
}

#[test]
fn groups_and_the_filter_speak_the_language_of_the_search() {
    let group = |query: &str| ColourGroup { query: query.into(), colour: 1 };
    let queries = [
        "[status:active]",
        "section:(one two)",
        "task-todo:paint",
        "line:(a b)",
        "match-case:Zinc",
    ];
    let settings = Settings {
        search: "-[status:hidden]".into(),
        groups: queries.map(group).to_vec(),
        ..Settings::default()
    };
    let files = [
        ("0.md", "---\nstatus: active\n---\n"),
        ("1.md", "# h\none\ntwo\n# i\n"),
        ("2.md", "- [ ] paint it\n"),
        ("3.md", "a\nb a\n"),
        ("4.md", "Zinc"),
        ("5.md", "---\nstatus: hidden\n---\none\n# h\ntwo zinc - [x] paint\n"),
    ];
    let data = sketched(&files, &settings);
    let found: Vec<_> = data.nodes.iter().map(|node| (node.group, node.filtered)).collect();
    let expected: Vec<_> = [Some(0), Some(1), Some(2), Some(3), Some(4), None]
        .map(|group| (group, group.is_none()))
        .to_vec();
    assert_eq!(found, expected);
    assert!(data.groups.iter().all(|group| group.trouble.is_none()));
}

#[test]
fn clusters_are_those_that_are_asked_for() {
    let ring = |from: usize, to: usize| {
        (from..to).map(move |n| {
            (format!("n{n}.md"), format!("[[n{}]]", if n + 1 < to { n + 1 } else { from }))
        })
    };
    let files: Vec<_> =
        ring(0, 6).chain(ring(6, 10)).chain([("x.md".into(), "[[gone]]".into())]).collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text): &(String, String)| (path.as_str(), text.as_str()))
        .collect();
    let vault = Sketch::of(&files);
    let data = seen(vault.view(), &Settings::default());
    let asked = clusters(&vault.view(), Method::Louvain, 0, &Kinds::default(), usize::MAX);
    assert_eq!(asked.total, data.clusters.len());
    assert!(asked.total >= 2);
    let of = membership(&asked);
    for node in &data.nodes {
        let wanted = of.get(node.path.as_str()).map(|number| *number as u32 - 1);
        assert_eq!(node.cluster, wanted, "{}", node.path);
    }
    for (cluster, asked) in data.clusters.iter().zip(&asked.clusters) {
        assert_eq!(data.nodes[cluster.centre as usize].path, asked.centre);
        assert_eq!((cluster.size, &cluster.folder), (asked.size, &asked.folder));
    }
}

#[test]
fn guesses_are_in_where_they_are_joined_and_parity_leaves_only_obsidians() {
    let canvas = r#"{"nodes": [{"id": "1", "type": "file", "file": "Harbour.md"},
        {"id": "2", "type": "file", "file": "docs/plan.md"}],
        "edges": [{"id": "e", "fromNode": "1", "toNode": "2"}]}"#;
    let mut vault = Sketch::of(&[
        ("Harbour.md", "It is in docs/plan.md, as is said."),
        ("docs/plan.md", "Ships lie in the Harbour by night. [[a]]"),
        ("docs/plan 2.md", "other"),
        ("a.md", ""),
        ("c.canvas", canvas),
    ]);
    let kinds = |data: &Data| {
        let mut kinds: Vec<&str> =
            data.edges.iter().map(|edge| data.kinds[edge[2] as usize].word()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    };
    let settings = Settings::default();
    let plain = seen(vault.view(), &settings);
    assert_eq!(kinds(&plain), ["canvas-arrow", "canvas-file", "link"]);
    let parity = seen(View { parity: true, ..vault.view() }, &settings);
    assert!(parity.parity && !plain.parity);
    assert_eq!(kinds(&parity), ["canvas-file", "link"]);
    let files = vault.files.clone();
    soft::join(&mut vault.graph, &files);
    let soft = seen(vault.view(), &settings);
    assert_eq!(
        kinds(&soft),
        ["canvas-arrow", "canvas-file", "duplicate", "link", "path-mention", "unlinked-mention"]
    );
    // Guesses count for clusters as `graph clusters --soft` has them, and for no note's links.
    let degrees = |data: &Data| data.nodes.iter().map(|node| node.degree).collect::<Vec<_>>();
    assert_eq!(degrees(&plain), degrees(&soft));
    assert_eq!(
        kinds(&seen(View { parity: true, ..vault.view() }, &settings)),
        ["canvas-file", "link"]
    );
}
