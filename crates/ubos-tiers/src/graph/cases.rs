//! Obsidian's rules of links, case by case: what a text in a file of one small vault comes to.

use super::model::{Content, Graph, Target};
use super::questions::broken::{Cause, broken};
use super::questions::sketch::Sketch;
use super::questions::{Texts, View};
use super::{soft, tree};

const VAULT: [&str; 22] = [
    "note.md",
    "a/note.md",
    "a/b/note.md",
    "x/note.md",
    "a/src.md",
    "xb/only.md",
    "ab/t.md",
    "a/t.md",
    "z/t.md",
    "Makefile",
    "Makefile.md",
    "img/p.png",
    "v1.md",
    "v1.2.md",
    "Foo.MD",
    "café.md",
    "sp ace.md",
    "q&a.md",
    "100%.md",
    "data.json",
    ".hid/h.md",
    "Test Data/n.md",
];

/// The vault with `text` in the file at `from`; without the file at `without`.
fn vault(from: &str, text: &str, without: &str) -> Sketch {
    let mut files: Vec<(&str, &str)> = VAULT
        .into_iter()
        .filter(|path| *path != without && *path != from)
        .map(|p| (p, ""))
        .collect();
    files.push((from, text));
    Sketch::of(&files)
}

/// What the edges of the file at `from` lead to: paths, `?` and a name that no file has, `#` and a tag.
fn ends(vault: &Sketch, from: &str) -> Vec<String> {
    let graph = &vault.graph;
    let name = |to| match to {
        Target::File(id) => graph.files().path(id).to_owned(),
        Target::Missing(id) => format!("?{}", graph.missing(id)),
        Target::Tag(id) => format!("#{}", graph.tag(id)),
    };
    graph.outgoing(vault.id(from)).map(|edge| name(edge.to)).collect()
}

/// Number, the file that says it, what it says, where it leads.
const CASES: &[(u32, &str, &str, &[&str])] = &[
    (1, "a/src.md", "[[note]]", &["note.md"]),
    (3, "a/src.md", "[[b/note]]", &["a/b/note.md"]),
    (4, "a/src.md", "[[./note]]", &["a/note.md"]),
    (5, "a/b/note.md", "[[../note]]", &["a/note.md"]),
    (6, "a/b/note.md", "[[./../note]]", &["a/note.md"]),
    (7, "a/src.md", "[[/note]]", &["note.md"]),
    (8, "a/src.md", "[[/b/note]]", &["?/b/note"]),
    (9, "a/src.md", "[[NOTE]] [[Note.MD]]", &["note.md", "note.md"]),
    (10, "a/src.md", "[[t]]", &["a/t.md"]),
    (11, "root.md", "[[t]]", &["a/t.md"]),
    (12, "root.md", "[[b/only]]", &["xb/only.md"]),
    (13, "root.md", "[[Makefile]]", &["Makefile"]),
    (14, "root.md", "[[Makefile.md]]", &["Makefile.md"]),
    (15, "root.md", "![[p.png]] [[p]]", &["img/p.png", "?p"]),
    (16, "root.md", "[[v1.2]] [[v1]]", &["v1.2.md", "v1.md"]),
    (17, "root.md", "[[foo]]", &["Foo.MD"]),
    (17, "Foo.MD", "[[note]]", &["note.md"]),
    (18, "root.md", "[[cafe\u{301}]]", &["café.md"]),
    (19, "root.md", "[[sp ace]] [[sp\u{a0}ace]] [[ sp ace ]]", &["sp ace.md"; 3]),
    (20, "root.md", "[[img]] [[img/]]", &["?img", "?img/"]),
    (21, "root.md", "[[h]] [[.hid/h]]", &["?h", "?.hid/h"]),
    (22, "a/src.md", "[[#H]] [[#^b]] [[#H#S]]", &["a/src.md"; 3]),
    (23, "root.md", "[[note#No such]]", &["note.md"]),
    (24, "root.md", "[[note#a#b|x]]", &["note.md"]),
    (25, "root.md", "[[note|al|ias]]", &["note.md"]),
    (26, "root.md", "| a |\n|---|\n| [[note\\|x]] |\n", &["note.md"]),
    (27, "root.md", "[[]]", &[]),
    (28, "root.md", "[[|]] [[|alias]] [[|#alias]]", &["?|", "?|alias", "?|"]),
    (29, "root.md", "[[pa#th/path/x]]", &["?pa"]),
    (30, "root.md", "[x](pa#th/x.md)", &["?pa"]),
    (31, "root.md", "[x](Test%20Data/n.md) [x](<sp ace.md>)", &["Test Data/n.md", "sp ace.md"]),
    (32, "root.md", "[x](sp ace.md)", &[]),
    (33, "root.md", "[x](note)", &["note.md"]),
    (34, "a/src.md", "[x](#H)", &["a/src.md"]),
    (35, "root.md", "[]() [a]()", &[]),
    (36, "root.md", "[x](http://e.org/note.md) [x](mailto:a@b)", &[]),
    (37, "root.md", "[x](q%26a.md) [x](100%25.md) [x](100%.md)", &["q&a.md", "100%.md", "100%.md"]),
    (38, "a/src.md", "[x](../a/note.md \"t\")", &["a/note.md"]),
    (39, "x/ch/01/c.md", "[x](b/note.md)", &["a/b/note.md"]),
    (40, "root.md", "![](img/p.png) ![[p.png|100x50]]", &["img/p.png", "img/p.png"]),
    (
        41,
        "root.md",
        "`[[note]]`\n```\n[[note]]\n```\n~~~\n[[t]]\n~~~\n- i\n  ```\n  [[t]]\n  ```\n> ```\n> [[t]]\n> ```\n",
        &[],
    ),
    (42, "root.md", "<!-- [[note]] #t -->", &[]),
    (43, "root.md", "%%\n[[note]]\n%%\n", &[]),
    (44, "root.md", "text %% [[note]] #t %% more", &["note.md", "#t"]),
    (45, "root.md", "\\[\\[#E\\]\\]", &["#E"]),
    (46, "root.md", "## A [[note]]\n", &["note.md"]),
    (
        47,
        "a/src.md",
        "---\nk: \"[[note]]\"\nl:\n  - \"[[t]]\"\n  - \"[[#H]]\"\n---\n",
        &["note.md", "a/t.md", "a/src.md"],
    ),
    (48, "root.md", "---\nk: [[note]]\n---\n", &[]),
    (49, "root.md", "---\ntags: [a/b, \"#c\", \"two words\", 2024]\n---\n", &["#a/b", "#c"]),
    (50, "root.md", "---\ntags: one\n---\n", &["#one"]),
    (50, "root.md", "---\nTags: one\n---\n", &["#one"]),
    (50, "root.md", "---\ntag: x\n---\n", &[]),
    (51, "root.md", "---\nk: [\n---\n[[note]]", &["note.md"]),
    (51, "root.md", "text\n---\nk: \"[[t]]\"\n---\n[[note]]", &["a/t.md", "note.md"]),
    (
        52,
        "root.md",
        "#1984 #y1984 #3344: a#b #a/b #Tag #tag #par)",
        &["#y1984", "#a/b", "#Tag", "#Tag", "#par"],
    ),
    (55, "root.md", "[[AI]]", &["?AI"]),
    (
        59,
        "root.md",
        "> [!n] [[note]]\n\n- [ ] [[t]]\n\n[^1]: [[v1]]\n",
        &["note.md", "a/t.md", "v1.md"],
    ),
    (62, "root.md", "[[note]] [[note]] [[note]]", &["note.md"; 3]),
];

#[test]
fn every_link_leads_where_obsidian_leads() {
    for (number, from, text, expected) in CASES {
        assert_eq!(
            ends(&vault(from, text, ""), from),
            *expected,
            "case {number}: {text} in {from}"
        );
    }
}

#[test]
fn case_2_without_one_in_the_root_the_nearest_below_wins() {
    assert_eq!(ends(&vault("a/src.md", "[[note]]", "note.md"), "a/src.md"), ["a/note.md"]);
}

#[test]
fn cases_22_and_62_links_to_oneself_join_nothing_and_the_same_link_is_one_edge() {
    let vault = vault("a/src.md", "[[#H]] [[note]] [[note]] [[note]]", "");
    let stats = super::questions::stats::stats(&vault.view());
    assert_eq!((stats.edges, stats.references.values().sum::<usize>()), (1, 4));
}

#[test]
fn case_23_a_heading_that_is_missing_is_flagged() {
    let vault = vault("root.md", "[[note#No such]]", "");
    let flags: Vec<Option<bool>> = vault.graph.edges().iter().map(|e| e.subpath_found).collect();
    assert_eq!(flags, [Some(false)]);
    assert_eq!(broken(&vault.view(), &[], 9).links[0].cause, Cause::Heading);
}

#[test]
fn case_53_cards_are_links_and_arrows_are_ours() {
    let canvas = r##"{"nodes":[{"id":"1","file":"note.md"},{"id":"2","file":"v1.md"},{"id":"3","text":"[[t]] #c"}],"edges":[{"id":"e","fromNode":"1","toNode":"2"}]}"##;
    let vault = vault("c.canvas", canvas, "");
    assert_eq!(ends(&vault, "c.canvas"), ["note.md", "v1.md", "a/t.md", "#c"]);
    assert_eq!(ends(&vault, "note.md"), ["v1.md"]);
    let seen = |parity| {
        let view = View { parity, ..vault.view() };
        vault.graph.edges().iter().filter(|edge| view.sees(edge)).count()
    };
    assert_eq!((seen(false), seen(true)), (5, 4));
}

#[test]
fn case_54_a_card_of_nothing_and_a_canvas_that_is_none() {
    let missing = vault("c.canvas", r#"{"nodes":[{"id":"1","file":"not/there.md"}]}"#, "");
    assert_eq!(ends(&missing, "c.canvas"), ["?not/there.md"]);
    assert!(ends(&vault("c.canvas", "{}", ""), "c.canvas").is_empty());
    let broken = vault("c.canvas", "{\"nodes\": [", "");
    let content = &broken.graph.source(broken.id("c.canvas")).unwrap().content;
    assert!(matches!(content, Content::BrokenCanvas(1, _)), "{content:?}");
}

#[test]
fn case_55_another_name_does_not_resolve_and_a_fix_is_offered() {
    let vault = Sketch::of(&[("r.md", "[[AI]]"), ("Real.md", "---\naliases: [AI]\n---\n")]);
    let all = broken(&vault.view(), &[], 9);
    assert_eq!(all.links[0].cause, Cause::Alias);
    assert_eq!(all.links[0].fix.as_deref(), Some("[[Real|AI]]"));
}

#[test]
fn case_56_what_is_excluded_from_view_still_resolves() {
    // Excluding is a setting of the graph view, which asks with a search; files know nothing of it.
    let vault = vault("root.md", "[[note]]", "");
    let hidden = super::search::Query::parse("-path:note").unwrap();
    let note = vault.graph.note(vault.id("note.md"));
    let document = super::search::Document { path: "note.md", note, text: None };
    assert!(!hidden.holds(&document));
    assert_eq!(ends(&vault, "root.md"), ["note.md"]);
}

#[test]
fn case_57_twins_are_decided_and_told() {
    let vault = Sketch::of(&[("r.md", "[[gemini]]"), ("GEMINI.md", ""), ("gemini.md", "")]);
    assert_eq!(ends(&vault, "r.md"), ["GEMINI.md"]);
    assert_eq!(vault.graph.files().twins().len(), 1);
}

#[test]
fn case_58_symbolic_links_are_listed_and_harm_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.md"), "[[b]] [[loop]]").unwrap();
    for (name, to) in [("b.md", "a.md"), ("loop.md", "loop.md"), ("up", ".."), ("gone.md", "/none")]
    {
        std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    }
    let walked = tree::walk(folder.path()).unwrap();
    assert_eq!((walked.files.len(), walked.links.len()), (1, 4));
    let mut index = super::index::Index::open(folder.path(), None);
    index.refresh().unwrap();
    let symlinks: Vec<String> = index.links().iter().map(ToString::to_string).collect();
    let view = View { graph: index.graph(), texts: &index, parity: false };
    assert_eq!(broken(&view, &symlinks, 9).causes, [(Cause::Symlink, 2)].into());
    assert!(index.text("b.md").is_none(), "a link is not read through");
}

#[test]
fn case_60_names_that_come_and_go_turn_links() {
    let with = |files: &[(&str, &str)]| {
        let vault = Sketch::of(files);
        ends(&vault, "s/src.md")
    };
    let src = ("s/src.md", "[[name]]");
    assert_eq!(with(&[src, ("deep/er/name.md", "")]), ["deep/er/name.md"]);
    assert_eq!(with(&[src, ("deep/er/name.md", ""), ("x/name.md", "")]), ["x/name.md"]);
    assert_eq!(with(&[src, ("x/name.md", ""), ("s/d/name.md", "")]), ["s/d/name.md"]);
    assert_eq!(with(&[src]), ["?name"]);
}

#[test]
fn case_61_mentions_are_edges_of_their_own() {
    let vault = Sketch::of(&[("r.md", "about the Lantern"), ("Lantern.md", "")]);
    let plain: &Graph = &vault.graph;
    assert!(plain.edges().is_empty());
    let found = soft::find(plain, &vault.files);
    assert!(found.len() == 1 && found[0].kind.is_soft() && !found[0].kind.is_obsidians());
}
