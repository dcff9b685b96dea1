//! What a search finds, in which order, and what it says of one it does not understand.

use super::super::questions::sketch::Sketch;
use super::super::vaults::Random;
use super::*;

fn vault() -> Sketch {
    Sketch::of(&[
        (
            "docs/Mill.md",
            "---\nstatus: active\nrating: 4\ntags: [work/deep]\nnote:\n---\n# Flour\nThe mix of flour and water.\nA second line with salt.\n\nAnother block with salt and flour.\n## Bread\nBake it hot.\n",
        ),
        ("docs/plan.md", "A Plan for winter #work\n- [ ] buy flour\n- [x] sell Bread\n"),
        ("other/docs note.md", "nothing here, Star starling start\n"),
        (
            "missions/café.md",
            "---\nstatus: [done, \"on hold\"]\ndate: 2026-02-01\n---\nwinter winter winter\n",
        ),
        ("img/winter.png", ""),
    ])
}

fn found(query: &str) -> Vec<String> {
    let vault = vault();
    let found = search(&vault.view(), query, 99, 3).unwrap_or_else(|e| panic!("{query}: {e}"));
    let mut paths: Vec<String> = found
        .hits
        .iter()
        .map(|hit| hit.path.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned())
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_operator_finds_what_obsidian_finds() {
    let cases: [(&str, &[&str]); 52] = [
        ("flour", &["Mill", "plan"]),
        ("FLOUR salt", &["Mill"]),
        ("salt OR winter", &["Mill", "café", "plan", "winter"]),
        ("flour -salt", &["plan"]),
        ("flour (salt OR sell)", &["Mill", "plan"]),
        ("-(flour OR winter)", &["docs note"]),
        ("\"salt and flour\"", &["Mill"]),
        ("\"flour and salt\"", &[]),
        ("star", &["docs note"]),
        ("/st[ae]rl/", &["docs note"]),
        ("/^baKe/", &["Mill"]),
        ("match-case:/^bake/", &[]),
        ("match-case:plan", &["plan"]),
        ("match-case:PLAN", &[]),
        ("match-case:(Plan winter)", &["plan"]),
        ("match-case:(Plan ignore-case:WINTER)", &["plan"]),
        ("path:docs", &["Mill", "docs note", "plan"]),
        ("path:/^docs\\//", &["Mill", "plan"]),
        ("path:\"docs/pl\"", &["plan"]),
        ("path:(docs OR missions) winter", &["café", "plan"]),
        ("-path:docs", &["café", "winter"]),
        ("file:docs", &["docs note"]),
        ("file:.png", &["winter"]),
        ("content:winter", &["café", "plan"]),
        ("tag:#work", &["Mill", "plan"]),
        ("tag:work/deep", &["Mill"]),
        ("tag:#wor", &[]),
        ("tag:(#work/deep OR #none)", &["Mill"]),
        ("-tag:#work winter", &["café", "winter"]),
        ("line:(flour water)", &["Mill"]),
        ("line:(flour hot)", &[]),
        ("line:(flour salt)", &["Mill"]),
        ("block:(mix salt)", &["Mill"]),
        ("block:(mix another)", &[]),
        ("section:(mix another)", &["Mill"]),
        ("section:(mix bake)", &[]),
        ("task:flour", &["plan"]),
        ("task-todo:flour", &["plan"]),
        ("task-todo:bread", &[]),
        ("task-done:bread", &["plan"]),
        ("task:\"\"", &["plan"]),
        ("[status]", &["Mill", "café"]),
        ("[STATUS:Active]", &["Mill"]),
        ("[status:\"on hold\"]", &["café"]),
        ("[status:active OR done]", &["Mill", "café"]),
        ("[note:null]", &["Mill"]),
        ("[rating:<5]", &["Mill"]),
        ("[rating:>4] OR [rating:>=4]", &["Mill"]),
        ("[date:>2026-01-15]", &["café"]),
        ("[/stat.s/:/act/]", &["Mill"]),
        ("cafe\u{301}", &["café"]),
        ("", &["Mill", "café", "docs note", "plan", "winter"]),
    ];
    for (query, expected) in cases {
        assert_eq!(found(query), expected, "{query}");
    }
}

#[test]
fn a_title_counts_more_than_a_mention_and_lines_are_shown() {
    let vault = vault();
    let all = search(&vault.view(), "winter", 2, 1).unwrap();
    assert_eq!((all.total, all.hits[0].path.as_str()), (3, "img/winter.png"));
    let café = &all.hits[1];
    assert_eq!((café.path.as_str(), café.lines), ("missions/café.md", 1));
    assert_eq!(
        café.snippets,
        [Snippet { line: 5, column: 1, text: "winter winter winter".into() }]
    );
    let long =
        Sketch::of(&[("l.md", &format!("{} needle {}", "é ".repeat(300), "b ".repeat(300)))]);
    let hit = &search(&long.view(), "NEEDLE", 9, 9).unwrap().hits[0];
    let text = &hit.snippets[0].text;
    assert!(text.contains("needle") && text.starts_with('…') && text.ends_with('…'), "{text}");
    assert_eq!(hit.snippets[0].column, 602);
}

#[test]
fn what_needs_no_text_is_decided_without_it() {
    let vault = vault();
    let matches = |query: &str, path: &str| {
        let note = vault.graph.note(vault.id(path));
        Query::parse(query).unwrap().holds(&Document { path, note, text: None })
    };
    assert!(matches("path:/^docs\\//", "docs/plan.md"));
    assert!(!matches("path:/^docs\\//", "other/docs note.md"));
    assert!(matches("tag:#work", "docs/Mill.md") && matches("file:mill", "docs/Mill.md"));
    assert!(matches("-path:/^(backups|\\.trash)\\// -path:/ \\d+\\//", "docs/plan.md"));
    assert!(!Query::parse("path:a tag:b [c] task:x").unwrap().needs_text());
    assert!(Query::parse("path:a b").unwrap().needs_text());
}

#[test]
fn what_is_not_understood_is_told_with_its_column() {
    let cases = [
        ("(a", 1, "not closed"),
        ("a )", 3, "closes nothing"),
        ("a \"b", 3, "no end"),
        ("é path:", 3, "must follow"),
        ("a OR", 5, "must follow `OR`"),
        ("line:(", 6, "not closed"),
        ("/(/", 1, "regular expression"),
        ("/(?=x)/", 1, "regular expression"),
        ("/a{1000}{1000}{1000}/", 1, "regular expression"),
        ("[", 1, "name"),
        ("[a", 1, "not closed"),
        ("[a:]", 1, "value"),
        ("[a:<]", 5, "number or date"),
    ];
    for (query, column, part) in cases {
        let error = Query::parse(query).unwrap_err();
        assert_eq!(error.column, column, "{query}: {error}");
        assert!(error.to_string().contains(part), "{query}: {error}");
    }
    for deep in ["(".repeat(9000), "-".repeat(9000) + "x", "line:".repeat(2000) + "x"] {
        assert!(Query::parse(&deep).unwrap_err().message.contains("deeply"));
    }
}

#[test]
fn no_text_makes_it_stumble() {
    let vault = vault();
    let parts = [
        "a", "-", "(", ")", "OR", "\"", "/", "[", "]", ":", "path:", "tag:#", "<", "é", "\\", " ",
        "null", "line:",
    ];
    for seed in 0..4000 {
        let mut random = Random::new(seed);
        let query: String = (0..random.below(10)).map(|_| random.one_of(&parts)).collect();
        // Only that it comes back matters.
        let _ = search(&vault.view(), &query, 9, 2);
    }
}
