//! Laws of the selection over random small manifests and every path of a small tree, against a
//! slow model that matches whole paths with the `ignore` crate, one pattern at a time.

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use ubos_core::manifest::{Direction, ManifestPaths, Manifests, PerManifest};
use ubos_core::path::RelPath;
use ubos_core::selection::{Builtin, DirScope, Selection, Verdict};

const NAMES: [&str; 4] = ["a", "b", "ab", "c.x"];
const DEPTH: usize = 3;

fn config(seed: u64) -> Config {
    Config {
        cases: 400,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Every path up to `DEPTH`, each as a file and as a folder.
fn paths() -> Vec<(String, bool)> {
    let mut folders = vec![String::new()];
    let mut all = Vec::new();
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for folder in &folders {
            for name in NAMES {
                let path =
                    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                all.push((path.clone(), false));
                all.push((path.clone(), true));
                next.push(path);
            }
        }
        folders = next;
    }
    all
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a", "b", "ab", "c.x", "*", "**", "?", "a*", "*b", "*.x", "[ab]", "[!a]*", "?b", "a*b",
        "*.*",
    ])
}

/// A pattern; one that would be read as a heading is made a folder pattern.
fn pattern() -> impl Strategy<Value = String> {
    let parts = prop::collection::vec(segment(), 1..4);
    (prop::bool::weighted(0.25), any::<bool>(), parts, any::<bool>()).prop_map(
        |(negated, rooted, parts, folder)| {
            let folder = folder || parts == ["[ab]"];
            let bang = if negated { "!" } else { "" };
            let root = if rooted { "/" } else { "" };
            format!("{bang}{root}{}{}", parts.join("/"), if folder { "/" } else { "" })
        },
    )
}

fn manifest() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(pattern(), 0..4)
}

fn compile(to: &[String], from: &[String], exclude: &[String]) -> Option<Selection> {
    let text = |lines: &[String]| Some(lines.join("\n").into_bytes());
    let texts = PerManifest { to: text(to), from: text(from), exclude: text(exclude) };
    let paths = ManifestPaths::for_peer("p").unwrap();
    let manifests = Manifests::read(&paths, &texts).unwrap();
    Selection::compile(&manifests, &Builtin::default()).ok()
}

/// Whether an exclude manifest leaves no path at all.
fn leaves_nothing(rules: &Gitignore) -> bool {
    paths().iter().all(|(path, is_dir)| excluded(rules, path, *is_dir))
}

fn gitignore(lines: &[String]) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for line in lines {
        builder.add_line(None, line).unwrap();
    }
    builder.build().unwrap()
}

/// A path and the folders above it, topmost first, each with whether it is a folder.
fn chain(path: &str, is_dir: bool) -> Vec<(&str, bool)> {
    let folders = path.match_indices('/').map(|(i, _)| (&path[..i], true));
    folders.chain([(path, is_dir)]).collect()
}

/// gitignore's own order: from the root down, and nothing comes back below an excluded folder.
fn excluded(rules: &Gitignore, path: &str, is_dir: bool) -> bool {
    chain(path, is_dir).iter().any(|(p, dir)| rules.matched(p, *dir).is_ignore())
}

/// One line of the to or from manifest in the model.
struct ModelLine {
    negated: bool,
    words: String,
    prefix: usize,
    matcher: Gitignore,
}

impl ModelLine {
    fn new(line: &str) -> Self {
        let bare = line.trim_start_matches('!').trim_start_matches('/');
        Self {
            negated: line.starts_with('!'),
            words: bare.trim_end_matches('/').to_owned(),
            prefix: bare.find(['*', '?', '[']).unwrap_or(bare.len()),
            matcher: gitignore(&[format!("/{bare}")]),
        }
    }

    fn covers(&self, path: &str, is_dir: bool) -> bool {
        chain(path, is_dir).iter().any(|(p, dir)| self.matcher.matched(p, *dir).is_ignore())
    }
}

/// The winning line of one manifest.
fn best<'a>(lines: &'a [ModelLine], path: &str, is_dir: bool) -> Option<&'a ModelLine> {
    let mut alive: Vec<&ModelLine> = Vec::new();
    for line in lines.iter().filter(|line| line.covers(path, is_dir)) {
        if line.negated {
            alive.clear();
        } else {
            alive.push(line);
        }
    }
    alive.into_iter().max_by_key(|line| line.prefix)
}

fn model(to: &[ModelLine], from: &[ModelLine], path: &str, is_dir: bool) -> Option<Direction> {
    match (best(to, path, is_dir), best(from, path, is_dir)) {
        (None, None) => None,
        (Some(_), None) => Some(Direction::Bidirectional),
        (None, Some(_)) => Some(Direction::PullOnly),
        (Some(to), Some(from)) if to.words == from.words || to.prefix > from.prefix => {
            Some(Direction::Bidirectional)
        }
        (Some(_), Some(_)) => Some(Direction::PullOnly),
    }
}

/// Walks by scopes wherever the verdict says so, and notes every verdict met.
fn walk(scope: &DirScope<'_>, folder: &str, depth: usize, seen: &mut Vec<(String, bool, Verdict)>) {
    for name in NAMES {
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        seen.push((path.clone(), false, scope.judge(name.as_bytes(), false)));
        let verdict = scope.judge(name.as_bytes(), true);
        seen.push((path.clone(), true, verdict));
        if depth > 1 && verdict.descends() {
            walk(&scope.enter(name.as_bytes()), &path, depth - 1, seen);
        }
    }
}

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn exclusion_is_that_of_gitignore(exclude in prop::collection::vec(pattern(), 1..5)) {
        let everything = ["*".to_owned()];
        let rules = gitignore(&exclude);
        let Some(selection) = compile(&everything, &[], &exclude) else {
            prop_assert!(leaves_nothing(&rules), "{:?}", exclude);
            return Ok(());
        };
        for (path, is_dir) in paths() {
            let found = selection.judge_path(&RelPath::new(path.as_str()).unwrap(), is_dir);
            let expected = if excluded(&rules, &path, is_dir) {
                Verdict::Excluded
            } else {
                Verdict::Selected(Direction::Bidirectional)
            };
            prop_assert_eq!(found, expected, "{} dir={} by {:?}", path, is_dir, exclude);
        }
    }
}

proptest! {
    #![proptest_config(config(2))]

    #[test]
    fn selection_is_that_of_the_model(to in manifest(), from in manifest(), exclude in manifest()) {
        let rules = gitignore(&exclude);
        let Some(selection) = compile(&to, &from, &exclude) else {
            let selects_nothing = to.iter().chain(&from).all(|line| line.starts_with('!'));
            prop_assert!(selects_nothing || leaves_nothing(&rules), "{:?}", exclude);
            return Ok(());
        };
        let lines = |texts: &[String]| texts.iter().map(|l| ModelLine::new(l)).collect::<Vec<_>>();
        let (to, from) = (lines(&to), lines(&from));
        for (path, is_dir) in paths() {
            let rel = RelPath::new(path.as_str()).unwrap();
            let found = selection.judge_path(&rel, is_dir);
            let expected = if excluded(&rules, &path, is_dir) {
                None
            } else {
                model(&to, &from, &path, is_dir)
            };
            prop_assert_eq!(found.direction(), expected, "{} dir={}", path, is_dir);
            let named = selection.entry_of(&rel, is_dir);
            prop_assert_eq!(named.is_some(), expected.is_some());
            let explained = selection.explain(&rel, is_dir);
            prop_assert_eq!(explained.verdict, found);
            prop_assert_eq!(found == Verdict::Excluded, excluded(&rules, &path, is_dir));
        }
    }
}

proptest! {
    #![proptest_config(config(3))]

    #[test]
    fn a_walk_meets_all_that_is_selected_and_agrees_with_single_paths(
        to in manifest(), from in manifest(), exclude in manifest(),
    ) {
        let Some(selection) = compile(&to, &from, &exclude) else { return Ok(()) };
        let mut seen = Vec::new();
        walk(&selection.root(), "", DEPTH, &mut seen);
        for (path, is_dir, verdict) in &seen {
            let rel = RelPath::new(path.as_str()).unwrap();
            prop_assert_eq!(*verdict, selection.judge_path(&rel, *is_dir), "{} dir={}", path, is_dir);
        }
        for (path, is_dir) in paths() {
            let verdict = selection.judge_path(&RelPath::new(path.as_str()).unwrap(), is_dir);
            if verdict.direction().is_some() {
                prop_assert!(seen.contains(&(path.clone(), is_dir, verdict)), "{} not met", path);
            }
        }
    }
}
