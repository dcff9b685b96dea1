//! The graph as a whole, over vaults with everything in them: an index that follows edits is the same
//! as one made anew, hostile files stall no question, and every question is answered.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use ubos_core::path::RelPath;

use super::ask::{Beside, Question, Request, answer};
use super::index::Index;
use super::model::Graph;
use super::past::Former;
use super::questions::sketch::Sketch;
use super::questions::{View, export};
use super::vaults::{self, Random};
use super::{soft, tree};

fn put(vault: &Path, path: &str, bytes: &[u8]) {
    let file = vault.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

/// Everything that a graph says.
fn said(graph: &Graph) -> String {
    let nothing: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    export::export(&View { graph, texts: &nothing, parity: false }, export::Format::Json)
}

#[test]
fn an_index_that_follows_edits_is_the_same_as_one_made_anew() {
    for seed in 0..6 {
        let mut random = Random::new(seed);
        let mut files = vaults::vault(seed, 30, 400);
        let folder = tempfile::tempdir().unwrap();
        let kept = tempfile::tempdir().unwrap();
        files.iter().for_each(|(path, bytes)| put(folder.path(), path, bytes));
        let mut index = Index::open(folder.path(), Some(kept.path()));
        index.refresh().unwrap();
        for round in 0..25 {
            let names: Vec<String> = files.keys().cloned().collect();
            let mut touched = Vec::new();
            for _ in 0..=random.below(3) {
                let path = names[random.below(names.len())].clone();
                let new = format!("new/{}", names[random.below(names.len())]);
                match random.below(4) {
                    0 => {
                        if let Some(bytes) = files.remove(&path) {
                            fs::remove_file(folder.path().join(&path)).unwrap();
                            files.insert(new.clone(), bytes.clone());
                            put(folder.path(), &new, &bytes);
                            touched.extend([path, new]);
                        }
                    }
                    1 => {
                        if files.remove(&path).is_some() {
                            fs::remove_file(folder.path().join(&path)).unwrap();
                            touched.push(path);
                        }
                    }
                    _ => {
                        let path = if random.below(2) == 0 { path } else { new };
                        let bytes = vaults::note(&mut random, &names, 300).into_bytes();
                        put(folder.path(), &path, &bytes);
                        files.insert(path.clone(), bytes);
                        touched.push(path);
                    }
                }
            }
            match round % 3 {
                0 => {
                    let paths: Vec<RelPath> =
                        touched.iter().map(|path| RelPath::new(path.as_str()).unwrap()).collect();
                    index.look_at(&paths).unwrap();
                }
                1 => drop(index.refresh().unwrap()),
                _ => {
                    index.refresh().unwrap();
                    index.save().unwrap();
                    index = Index::open(folder.path(), Some(kept.path()));
                    index.refresh().unwrap();
                }
            }
            let anew = tree::graph_of(&files);
            assert_eq!(said(&index.graph()), said(&anew), "seed {seed}, round {round}");
        }
    }
}

/// Every question about a vault, of these two notes.
fn questions(one: &str, two: &str) -> Vec<Question> {
    let note = |question: &str| format!(r#"{{"question":"{question}","note":{}}}"#, quoted(one));
    let mut all: Vec<String> =
        ["links", "backlinks", "neighbours", "impact", "similar", "read"].map(note).to_vec();
    let plain = ["stats", "broken", "orphans", "tags", "central", "clusters", "export"];
    all.extend(plain.map(|question| format!(r#"{{"question":"{question}"}}"#)));
    all.push(format!(
        r#"{{"question":"path","from":{},"to":{},"count":5}}"#,
        quoted(one),
        quoted(two)
    ));
    all.push(r#"{"question":"diff","since":"[[one]] and #two"}"#.to_owned());
    all.push(r#"{"question":"search","query":"lantern OR section:(x y) -[status:<3]"}"#.to_owned());
    all.push(r#"{"question":"query","query":"words > 3 sort by words desc"}"#.to_owned());
    all.iter().map(|json| serde_json::from_str(json).unwrap()).collect()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn ask_everything(vault: &Sketch, one: &str, two: &str) {
    let today = jiff::civil::date(2026, 1, 1);
    let past = |since: &str| Ok(Former::sketch(&[("then.md", since)]));
    let beside = Beside { symlinks: &[], past: &past };
    for ask in questions(one, two) {
        for parity in [false, true] {
            let request = Request { ask: ask.clone(), soft: false, parity, limit: Some(20) };
            let given = answer(&View { parity, ..vault.view() }, &beside, &request, today);
            given.unwrap_or_else(|e| panic!("{ask:?}: {e}"));
        }
    }
}

#[test]
fn every_question_is_answered_over_vaults_with_everything_in_them() {
    for seed in 0..8 {
        let mut vault = Sketch::from(vaults::vault(seed, 60, 600));
        let notes: Vec<String> =
            vault.graph.notes().map(|(id, _)| vault.graph.files().path(id).to_owned()).collect();
        let mut random = Random::new(seed);
        let mut pick = || notes[random.below(notes.len())].clone();
        let (one, two) = (pick(), pick());
        ask_everything(&vault, &one, &two);
        let files = vault.files.clone();
        soft::join(&mut vault.graph, &files);
        ask_everything(&vault, &one, &two);
    }
}

#[test]
fn hostile_notes_stall_no_question() {
    let begun = Instant::now();
    let line = "[[a]] #t docs/plan.md Harbour ".repeat(40_000);
    let many: String = (0..20_000).map(|n| format!("[[n{n}]] #t{n}\n")).collect();
    let files = BTreeMap::from([
        ("line.md".to_owned(), line.into_bytes()),
        ("links.md".to_owned(), many.into_bytes()),
        ("deep.md".to_owned(), "> ".repeat(20_000).into_bytes()),
        ("slashes.md".to_owned(), "://".repeat(300_000).into_bytes()),
        ("dots.md".to_owned(), "a.b ".repeat(200_000).into_bytes()),
        ("noise.md".to_owned(), (0..=255u8).cycle().take(300_000).collect()),
        ("Harbour.md".to_owned(), b"[[line]] [[links]]".to_vec()),
        ("docs/plan.md".to_owned(), "#".repeat(500_000).into_bytes()),
        ("nest.canvas".to_owned(), vec![b'['; 500_000]),
        ("a.md".to_owned(), "\u{feff}---\nx: [[[[[[\n---\n".as_bytes().to_vec()),
    ]);
    let mut vault = Sketch::from(files.clone());
    soft::join(&mut vault.graph, &files);
    ask_everything(&vault, "line", "links");
    ask_everything(&vault, "a", "Harbour");
    // Linear work takes a fraction of this even unoptimised; quadratic work takes hours.
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}
