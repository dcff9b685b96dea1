//! What is read, kept and followed.

use super::super::kept::NAME;
use super::*;
use crate::graph::model::Target;
use std::fs;

fn vault(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

fn write(vault: &Path, path: &str, text: &str) {
    let file = vault.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// Lets stamps grow old enough to prove something.
fn age(index: &mut Index) {
    for held in index.files.values_mut() {
        held.racy = false;
    }
}

fn edges(graph: &Graph) -> Vec<String> {
    let name = |to| match to {
        Target::File(id) => graph.files().path(id).to_owned(),
        Target::Missing(id) => format!("?{}", graph.missing(id)),
        Target::Tag(id) => format!("#{}", graph.tag(id)),
    };
    let edges = graph.edges().iter();
    edges.map(|edge| format!("{} -> {}", graph.files().path(edge.from), name(edge.to))).collect()
}

#[test]
fn only_what_changed_is_read_again() {
    let folder =
        vault(&[("a.md", "[[b]]"), ("b.md", ""), (".obsidian/app.json", "{}"), ("x/p.png", "")]);
    let kept = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path(), Some(kept.path()));
    assert_eq!(index.refresh().unwrap(), Refreshed { read: 3, changed: 3, gone: 0 });
    age(&mut index);
    index.save().unwrap();
    let mut index = Index::open(folder.path(), Some(kept.path()));
    assert_eq!(index.refresh().unwrap(), Refreshed::default());
    assert_eq!(edges(index.graph()), ["a.md -> b.md"]);
    write(folder.path(), "b.md", "[[a]] now longer");
    fs::remove_file(folder.path().join("x/p.png")).unwrap();
    assert_eq!(index.refresh().unwrap(), Refreshed { read: 1, changed: 1, gone: 1 });
    assert_eq!(edges(index.graph()), ["a.md -> b.md", "b.md -> a.md"]);
}

#[test]
fn a_damaged_index_is_made_again() {
    let folder = vault(&[("a.md", "[[b]]")]);
    let kept = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path(), Some(kept.path()));
    index.refresh().unwrap();
    age(&mut index);
    index.save().unwrap();
    let file = kept.path().join(NAME);
    let good = fs::read(&file).unwrap();
    for at in [0, 9, 45, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&file, &bad).unwrap();
        assert_eq!(Index::open(folder.path(), Some(kept.path())).files.len(), 0, "byte {at}");
    }
    fs::write(&file, &good[..20]).unwrap();
    assert_eq!(Index::open(folder.path(), Some(kept.path())).files.len(), 0);
}

#[test]
fn one_change_is_added_to_what_is_kept_until_that_is_much() {
    let long = "[[x]] ".repeat(4000);
    let folder = vault(&[("a.md", "[[b]]"), ("b.md", &long)]);
    let kept = tempfile::tempdir().unwrap();
    let open = || Index::open(folder.path(), Some(kept.path()));
    let size = || fs::metadata(kept.path().join(NAME)).unwrap().len();
    let mut index = open();
    index.refresh().unwrap();
    age(&mut index);
    index.save().unwrap();
    let whole = size();
    write(folder.path(), "a.md", "[[c]] and more");
    fs::write(folder.path().join("c.md"), "").unwrap();
    index.refresh().unwrap();
    age(&mut index);
    index.save().unwrap();
    assert!(size() > whole && size() < whole + 1000, "{whole} {}", size());
    fs::remove_file(folder.path().join("c.md")).unwrap();
    index.refresh().unwrap();
    index.save().unwrap();
    let now = edges(index.graph());
    let mut index = open();
    assert_eq!(index.refresh().unwrap(), Refreshed::default());
    assert_eq!(edges(index.graph()), now);
    for round in 0..20 {
        write(folder.path(), "b.md", &format!("{long}{round}"));
        index.refresh().unwrap();
        index.save().unwrap();
    }
    assert!(size() < 3 * whole + (256 << 10), "{whole} {}", size());
    // What is damaged behind the first piece costs only what is behind it.
    write(folder.path(), "a.md", "[[b]] again");
    index.refresh().unwrap();
    age(&mut index);
    index.save().unwrap();
    let file = kept.path().join(NAME);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let mut index = open();
    assert_eq!(index.refresh().unwrap().changed, 1);
    index.save().unwrap();
    assert_eq!(open().refresh().unwrap().changed, 0);
}

#[test]
fn looking_at_what_a_run_changed_is_enough() {
    let folder = vault(&[("a.md", "[[n]]"), ("z/n.md", "")]);
    let mut index = Index::open(folder.path(), None);
    index.refresh().unwrap();
    write(folder.path(), "n.md", "[[a]]");
    fs::remove_file(folder.path().join("z/n.md")).unwrap();
    let paths = ["n.md", "z/n.md", ".obsidian/x.md"].map(|path| RelPath::new(path).unwrap());
    assert_eq!(index.look_at(&paths).unwrap(), Refreshed { read: 1, changed: 1, gone: 1 });
    assert_eq!(edges(index.graph()), ["a.md -> n.md", "n.md -> a.md"]);
}

#[test]
fn what_was_read_again_and_says_the_same_is_no_news() {
    let folder = vault(&[("a.md", "[[b]]"), ("b.md", ""), ("p.png", "")]);
    let mut index = Index::open(folder.path(), None);
    index.refresh().unwrap();
    index.files.values_mut().for_each(|held| held.racy = true);
    index.graph();
    let refreshed = index.refresh().unwrap();
    assert_eq!(refreshed, Refreshed { read: 3, changed: 0, gone: 0 });
    assert!(!refreshed.is_news());
    write(folder.path(), "b.md", "# One");
    assert!(index.refresh().unwrap().is_news());
}

#[test]
fn names_that_are_no_text_do_not_hide_others() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = vault(&[("a.md", "[[n\\xff]] [[x]]"), ("n\\xff.md", "")]);
    fs::write(folder.path().join(OsStr::from_bytes(b"n\xff.md")), "").unwrap();
    let mut index = Index::open(folder.path(), None);
    index.refresh().unwrap();
    let before = edges(index.graph());
    assert_eq!(index.graph().files().len(), 2);
    fs::remove_file(folder.path().join("n\\xff.md")).unwrap();
    assert_eq!(index.refresh().unwrap().gone, 1);
    assert_eq!(edges(index.graph()), before);
}

#[test]
fn links_of_the_file_system_are_listed_and_not_followed() {
    let folder = vault(&[("a.md", "")]);
    std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling.md")).unwrap();
    let mut index = Index::open(folder.path(), None);
    index.refresh().unwrap();
    let links: Vec<String> = index.links().iter().map(RelPath::to_string).collect();
    assert_eq!(links, ["dangling.md", "loop"]);
    assert_eq!(index.graph().files().len(), 1);
}

#[test]
fn what_is_too_large_is_known_but_not_read() {
    let folder = vault(&[("a.md", "[[big]]")]);
    let big = fs::File::create(folder.path().join("big.md")).unwrap();
    big.set_len(tree::MAX_READ + 1).unwrap();
    let mut index = Index::open(folder.path(), None);
    index.refresh().unwrap();
    let graph = index.graph();
    assert_eq!(edges(graph), ["a.md -> big.md"]);
    assert!(graph.note(graph.files().at("big.md").unwrap()).is_none());
}
