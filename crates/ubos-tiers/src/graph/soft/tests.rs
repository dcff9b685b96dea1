//! What is taken for a mention or a copy, and what is not.

use super::super::model::{EdgeKind, Target};
use super::super::questions::sketch::Sketch;
use super::*;

fn found(files: &[(&str, &str)]) -> Vec<String> {
    let vault = Sketch::of(files);
    let path = |id| vault.graph.files().path(id);
    find(&vault.graph, &vault.files)
        .iter()
        .map(|edge| {
            let Target::File(to) = edge.to else { panic!("{edge:?}") };
            let word = edge.kind.word();
            format!("{} {word} {} {}:{}", path(edge.from), path(to), edge.at.line, edge.at.column)
        })
        .collect()
}

#[test]
fn paths_are_found_in_prose_and_code() {
    let text = "See docs/plan.md, and `topics/goal.md`.\n```\ncat ./docs/plan.md\n```\n\
                https://e.org/docs/plan.md [x](docs/plan.md) me@docs.plan docs/none.md a.md";
    assert_eq!(
        found(&[("a.md", text), ("docs/plan.md", ""), ("x/topics/goal.md", ""), ("y/goal.md", "")]),
        [
            "a.md path-mention docs/plan.md 1:5",
            "a.md path-mention x/topics/goal.md 1:24",
            "a.md path-mention docs/plan.md 3:7"
        ]
    );
}

#[test]
fn names_are_found_as_whole_words_outside_links_and_code() {
    let text = "---\nup: Harbour Signal\n---\nThe harbour signal and HARBOUR SIGNAL, not harbour signals.\n\
                [[Harbour Signal]] `Harbour Signal` #Harbour Élan Straße plans\n";
    let files = [
        ("a.md", text),
        ("x/Harbour Signal.md", "---\naliases: [ÉLAN]\n---\nHarbour Signal is this."),
        ("plan.md", ""),
        ("strasse.md", ""),
        ("b.md", "Plan of the Plan; the abc."),
        ("abc.md", ""),
    ];
    assert_eq!(
        found(&files),
        [
            "a.md unlinked-mention x/Harbour Signal.md 4:5",
            "a.md unlinked-mention x/Harbour Signal.md 4:24",
            "a.md unlinked-mention x/Harbour Signal.md 5:46",
            "b.md unlinked-mention plan.md 1:1",
            "b.md unlinked-mention plan.md 1:13",
        ]
    );
}

#[test]
fn a_name_that_several_notes_have_means_none() {
    let files = [("a.md", "the meeting"), ("x/meeting.md", ""), ("y/Meeting.md", "")];
    assert!(found(&files).is_empty());
}

#[test]
fn copies_are_found_by_content_and_by_name() {
    let text = "the same words in all of them";
    let files = [
        ("Book/one.md", text),
        ("Book 2/one.md", text),
        ("Book 2/other.md", "only here, in the copy"),
        ("draft.md", "a draft of something"),
        ("draft 2.md", "a draft that went on"),
        ("draft (1).md", "a draft of something"),
        ("draft copy.md", "yet another draft"),
        ("draft copy 3.md", "and one more"),
        ("Chapter 2.md", "no chapter without number"),
        ("elsewhere.md", text),
        ("empty.md", ""),
        ("empty too.md", ""),
    ];
    let duplicates: Vec<String> =
        found(&files).into_iter().filter(|edge| edge.contains("duplicate")).collect();
    assert_eq!(
        duplicates,
        [
            "Book 2/one.md duplicate Book/one.md 1:1",
            "draft (1).md duplicate draft.md 1:1",
            "draft 2.md duplicate draft.md 1:1",
            "draft copy 3.md duplicate draft.md 1:1",
            "draft copy.md duplicate draft.md 1:1",
            "elsewhere.md duplicate Book/one.md 1:1",
        ]
    );
    let vault = Sketch::of(&files);
    let same = copies(&vault.graph).iter().filter(|copy| copy.same).count();
    assert_eq!(same, 3);
}

#[test]
fn lower_case_that_is_longer_does_not_shift_places() {
    // The lower case of this letter has one byte more.
    let text = "İİİ and Lantern";
    assert_eq!(
        found(&[("a.md", text), ("lantern.md", "")]),
        ["a.md unlinked-mention lantern.md 1:9"]
    );
}

#[test]
fn soft_edges_are_joined_and_stay_soft() {
    let mut vault = Sketch::of(&[("a.md", "the lantern [[lantern]]"), ("lantern.md", "")]);
    assert_eq!(vault.graph.edges().len(), 1);
    let files = std::mem::take(&mut vault.files);
    join(&mut vault.graph, &files);
    let kinds: Vec<EdgeKind> = vault.graph.edges().iter().map(|edge| edge.kind).collect();
    assert_eq!(kinds, [EdgeKind::Link, EdgeKind::UnlinkedMention]);
    assert_eq!(vault.graph.incoming(Target::File(vault.id("lantern.md"))).count(), 2);
}
