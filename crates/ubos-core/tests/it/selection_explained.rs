//! Answers that name the line they rest on.

use ubos_core::manifest::Direction::{Bidirectional, PushOnly};
use ubos_core::path::RelPath;
use ubos_core::selection::Effect;

use crate::sketches::compile;

#[test]
fn explanations_name_the_line_that_decides() {
    let selection = compile("# c\ndocs/\n!docs/p\nboth\n", "in/\nboth", "*.pyc\nvenv/\n");
    let at = |path: &str| {
        let e = selection.explain(&RelPath::new(path).unwrap(), false);
        (e.file.unwrap_or_default(), e.line, e.pattern.unwrap_or_default(), e.sentence)
    };
    let (file, line, pattern, sentence) = at("docs/a/b");
    assert_eq!(
        (file.as_str(), line, pattern.as_str()),
        ("config/sync_to_balaur.conf", Some(2), "docs/")
    );
    assert_eq!(sentence, "docs/a/b is bidirectional: config/sync_to_balaur.conf, line 2, `docs/`");
    assert_eq!(at("docs/p/x").1, Some(3));
    assert_eq!(at("in/x").0, "config/sync_from_balaur.conf");
    assert!(at("both").3.contains("in both"));
    let (file, line, pattern, sentence) = at("docs/venv/lib/x.py");
    assert_eq!(
        (file.as_str(), line, pattern.as_str()),
        ("config/sync_exclude.conf", Some(2), "venv/")
    );
    assert!(sentence.contains("the folder docs/venv above it"), "{sentence}");
    assert_eq!(at("docs/a.swp").2, "*.swp");
    assert_eq!(at("nothing").1, None);
    assert!(at("docs/.git").3.contains("git's"));
    assert!(at("config/sync_exclude.conf").3.contains("one of the three"));
}

#[test]
fn entries_list_every_line_with_a_sentence() {
    let selection = compile(
        "docs/\n[push-only]\n*.md\n!x/",
        "[append-only]\nlog.jsonl",
        "*.pyc\n!a/b\nnode_modules/",
    );
    let sentences: Vec<_> = selection.entries().iter().map(|e| e.sentence.as_str()).collect();
    assert_eq!(
        sentences[..7],
        [
            "everything below docs/, both ways",
            "whatever matches *.md, pushed only",
            "everything below x/: taken back from the lines above",
            "log.jsonl, pulled only, as a log that grows",
            "whatever is named *.pyc, in any folder: never synced",
            "a/b: not excluded after all, unless a folder above is",
            "everything below any folder named node_modules/: never synced",
        ]
    );
    assert_eq!(selection.entries().len(), 10);
    let id = |path: &str| selection.entry_of(&RelPath::new(path).unwrap(), false);
    let entry = &selection.entries()[id("docs/a").unwrap().0];
    assert_eq!(
        (entry.text.as_str(), entry.line, entry.effect),
        ("docs/", Some(1), Effect::Select(Bidirectional))
    );
    assert_eq!(selection.entries()[id("a.md").unwrap().0].direction(), Some(PushOnly));
    assert_eq!(selection.entries()[id("log.jsonl").unwrap().0].line, Some(2));
    assert_eq!(selection.entries()[id("config/sync_exclude.conf").unwrap().0].line, None);
    assert_eq!(id("docs/a.pyc"), None);
    assert_eq!(id("nothing"), None);
}
