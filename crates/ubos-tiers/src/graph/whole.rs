//! The graph as a whole, over vaults with everything in them: an index that follows edits is the same
//! as one made anew, hostile files stall no question, and every question is answered.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use ubos_core::path::RelPath;

use super::ask::{Beside, Question, Request, answer};
use super::index::Index;
use super::model::{Graph, Target};
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

/// Everything that there is in a graph: all that it says, besides lists that are ordered as they are asked
/// for.
fn all(graph: &Graph) -> String {
    let mut text = said(graph);
    let name = |to: Target| match to {
        Target::File(id) => format!("{} {}", id.0, graph.files().path(id)),
        Target::Missing(id) => format!("?{} {}", id.0, graph.missing(id)),
        Target::Tag(id) => format!("#{} {}", id.0, graph.tag(id)),
    };
    for edge in graph.edges() {
        text.push_str(&format!("{edge:?} {}\n", name(edge.to)));
    }
    let files = graph.files().all().map(Target::File);
    let missing = graph.all_missing().map(|(id, _)| Target::Missing(id));
    for end in files.chain(missing).chain(graph.tags().map(|(id, _)| Target::Tag(id))) {
        let incoming: Vec<_> = graph.incoming(end).map(|edge| (edge.within, edge.at)).collect();
        text.push_str(&format!("{} {incoming:?}", name(end)));
        if let Target::File(id) = end {
            let outgoing: Vec<_> = graph.outgoing(id).map(|edge| (edge.within, edge.at)).collect();
            text.push_str(&format!(" {outgoing:?} {:?}", graph.source(id).map(|s| &s.digest)));
        }
        text.push('\n');
    }
    for (id, tag) in graph.tags() {
        assert_eq!(graph.tag_id(&tag.to_uppercase()), Some(id));
    }
    text.push_str(&format!("{:?}", graph.files().twins()));
    text
}

/// A vault on the disk and what should stand there.
struct Edited {
    random: Random,
    folder: tempfile::TempDir,
    files: BTreeMap<String, Vec<u8>>,
    /// What the last edits touched.
    touched: Vec<String>,
}

impl Edited {
    fn of(seed: u64) -> Self {
        let files = vaults::vault(seed, 30, 400);
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(path, bytes)| put(folder.path(), path, bytes));
        Self { random: Random::new(seed), folder, files, touched: Vec::new() }
    }

    fn write(&mut self, path: &str, bytes: Vec<u8>) {
        put(self.folder.path(), path, &bytes);
        self.files.insert(path.to_owned(), bytes);
        self.touched.push(path.to_owned());
    }

    fn take_away(&mut self, path: &str) -> Option<Vec<u8>> {
        let bytes = self.files.remove(path)?;
        fs::remove_file(self.folder.path().join(path)).unwrap();
        self.touched.push(path.to_owned());
        Some(bytes)
    }

    /// One edit of a kind that can change what other notes' links and tags come to.
    fn edit(&mut self) {
        let names: Vec<String> = self.files.keys().cloned().collect();
        let path = names[self.random.below(names.len())].clone();
        match self.random.below(10) {
            0 => {
                // A move, which may go up, down, or to another case of the same name.
                let new = match self.random.below(4) {
                    0 => path.to_uppercase(),
                    1 => path.rsplit('/').next().unwrap_or(&path).to_owned(),
                    2 => format!("a/{path}"),
                    _ => format!("new/{}", names[self.random.below(names.len())]),
                };
                if !self.files.contains_key(&new) && !self.is_folder(&new) {
                    let bytes = self.take_away(&path).unwrap_or_default();
                    self.write(&new, bytes);
                }
            }
            1 => drop(self.take_away(&path)),
            2 => {
                // A name that links wait for, or that others have in other folders, without an end too.
                let folder = self.random.one_of(&["", "a/", "docs/", "zz/", "A/"]);
                let number = self.random.below(17);
                let name = ["NOWHERE 2", "note", "v1.2", "p1.png", "not", "no\u{a0}break"];
                let end = self.random.one_of(&[".md", "", ".MD", ".canvas"]);
                let path = match self.random.below(3) {
                    0 => format!("{folder}note {number}{end}"),
                    1 => format!("{folder}{}{end}", self.random.one_of(&name)),
                    _ => format!("{folder}{}{end}", self.linked(&path)),
                };
                let is_path =
                    path.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
                if is_path && !self.is_folder(&path) {
                    self.write(&path, b"# harbour\n\n## The\n\ntext ^b1\n".to_vec());
                }
            }
            3 => {
                // Headings, blocks and the case of tags and of missing names, and nothing else.
                let mut text = self.files[&path].clone();
                let more = ["\n# glass\n", "\nx ^b3\n", "\n#TAG1 [[NOWHERE 3]]\n", "\n[^f]: x\n"];
                text.extend(self.random.one_of(&more).bytes());
                self.write(&path, text);
            }
            4 => {
                let text = String::from_utf8_lossy(&self.files[&path]).to_uppercase();
                self.write(&path, text.into_bytes());
            }
            5 => {
                let card = |id: &str, file: &str| format!(r#"{{"id":"{id}","file":"{file}"}}"#);
                let number = self.random.below(17);
                let (one, two) =
                    (card("a", &format!("note {number}.md")), card("b", "no\u{a0}break.md"));
                let arrow = r#"{"id":"e","fromNode":"a","toNode":"b","label":"x"}"#;
                let text = format!(r#"{{"nodes":[{one},{two}],"edges":[{arrow}]}}"#);
                self.write(&format!("boards/b{}.canvas", number % 3), text.into_bytes());
            }
            _ => {
                let text = vaults::note(&mut self.random, &names, 300);
                self.write(&path, text.into_bytes());
            }
        }
    }

    /// The words of some link of a note.
    fn linked(&mut self, path: &str) -> String {
        let text = String::from_utf8_lossy(&self.files[path]).into_owned();
        let links: Vec<&str> = text.split("[[").skip(1).collect();
        match links.is_empty() {
            true => "nowhere 1".to_owned(),
            false => {
                let link = links[self.random.below(links.len())];
                let end = link.find(|c: char| "]|#\\\n".contains(c)).unwrap_or(link.len());
                link[..end].trim_start_matches(['.', '/']).to_owned()
            }
        }
    }

    fn is_folder(&self, path: &str) -> bool {
        self.files.keys().any(|other| other.starts_with(&format!("{path}/")))
    }
}

#[test]
fn an_index_that_follows_edits_is_the_same_as_one_made_anew() {
    for seed in 0..10 {
        let mut vault = Edited::of(seed);
        let kept = tempfile::tempdir().unwrap();
        let open = |vault: &Edited| Index::open(vault.folder.path(), Some(kept.path()));
        let mut index = open(&vault);
        index.refresh().unwrap();
        for round in 0..30 {
            index.graph();
            // A run brings one file, a few, or many.
            let edits = [1, 1, 1, 3, 12][vault.random.below(5)];
            (0..edits).for_each(|_| vault.edit());
            let touched = std::mem::take(&mut vault.touched);
            match round % 4 {
                0 | 1 => {
                    let path = |path: &String| RelPath::new(path.as_str()).unwrap();
                    index.look_at(&touched.iter().map(path).collect::<Vec<_>>()).unwrap();
                }
                2 => drop(index.refresh().unwrap()),
                _ => {
                    index.refresh().unwrap();
                    index.save().unwrap();
                    index = open(&vault);
                    index.refresh().unwrap();
                }
            }
            let anew = tree::graph_of(&vault.files);
            let (followed, anew) = (all(index.graph()), all(&anew));
            let differs = followed.lines().zip(anew.lines()).find(|(one, other)| one != other);
            assert!(followed == anew, "seed {seed}, round {round}, {touched:?}: {differs:?}");
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
