use super::*;
use std::fs;

fn vault(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn found(folder: &tempfile::TempDir) -> Vec<(Rule, String, Option<u32>)> {
    let mut index = Index::open(folder.path(), None);
    index.refresh().unwrap();
    let checkup = check(folder.path(), ".obsidian", &index, &|_| true).unwrap();
    for finding in &checkup.findings {
        assert!(!finding.what.is_empty() && !finding.remedy.is_empty(), "{finding:?}");
    }
    checkup.findings.into_iter().map(|f| (f.rule, f.path, f.line)).collect()
}

#[track_caller]
fn finds(files: &[(&str, &str)], expected: &[(Rule, &str, Option<u32>)]) {
    let expected: Vec<_> =
        expected.iter().map(|(rule, path, line)| (*rule, (*path).to_owned(), *line)).collect();
    assert_eq!(found(&vault(files)), expected);
}

#[test]
fn a_vault_that_is_well_has_no_findings() {
    finds(
        &[
            (".obsidian/app.json", "{}"),
            (".obsidian/community-plugins.json", "[\"dataview\"]"),
            (".obsidian/plugins/dataview/manifest.json", r#"{"id":"dataview","version":"1"}"#),
            (".obsidian/plugins/dataview/main.js", ""),
            (".obsidian/plugins/dataview/data.json", "{}"),
            (".obsidian/plugins/.disabled/x/readme", ""),
            ("a.md", "---\ntags: [x]\n---\n[[b]] [[b#H]] ![[p.png]]\n"),
            ("b.md", "# H\n[x](a.md)\n"),
            ("p.png", ""),
            ("board.canvas", r#"{"nodes":[{"id":"1","type":"file","file":"a.md"}],"edges":[]}"#),
        ],
        &[],
    );
}

#[test]
fn links_and_what_is_wrong_with_them() {
    let folder = vault(&[
        (
            "a.md",
            "[[vanished]]\n[[Other]] [[dir]]\n[[x/moved]] [[b#No]]\n[[twice]] [[b]]\n[[movde]]\n![[gone.png]]\n",
        ),
        // What stands beside it is meant by every program.
        ("dir/c.md", "[[twice]] and [the same](twice.md)\n"),
        ("b.md", "---\naliases: [Other]\n---\n"),
        ("dir/moved.md", ""),
        ("dir/twice.md", ""),
        ("e/twice.md", ""),
    ]);
    let mut index = Index::open(folder.path(), None);
    index.refresh().unwrap();
    let checkup = check(folder.path(), ".obsidian", &index, &|_| true).unwrap();
    let told: Vec<(Option<u32>, &str, &str)> =
        checkup.findings.iter().map(|f| (f.line, f.what.as_str(), f.remedy.as_str())).collect();
    let said = |line: u32, what: &str, remedy: &str| {
        let fits = |(at, w, r): &(Option<u32>, &str, &str)| {
            *at == Some(line) && w.contains(what) && r.contains(remedy)
        };
        assert!(told.iter().any(fits), "{line} {what}: {told:#?}");
    };
    said(1, "there is no `vanished`", "make the note");
    said(2, "another name of `b.md`", "write `[[b|Other]]`");
    said(2, "`dir` is a folder", "link to a note in it");
    said(3, "a file of that name: `dir/moved.md`", "write `[[moved]]`");
    said(3, "`b.md` has no `#No`", "behind the `#`");
    said(4, "means `e/twice.md`, and could mean `dir/twice.md`", "more of the path");
    said(5, "`dir/moved.md` is almost called so", "write `[[moved]]`");
    said(6, "there is no `gone.png`", "put the file there");
    assert_eq!(told.len(), 8, "{told:#?}");
}

#[test]
fn copies_twins_and_nested_vaults() {
    finds(
        &[
            ("Book/one.md", "1"),
            ("Book 2/one.md", "1"),
            ("Book 2/two 2.md", ""),
            ("Book 2/two.md", ""),
            ("Chapter 2.md", ""),
            ("n.md", "1"),
            ("n 2.md", "2"),
            ("n.sync-conflict-20260101-120000-ABCDEFG.md", ""),
            ("GEMINI.md", ""),
            ("gemini.md", ""),
            ("MALAGA/x.md", ""),
            ("malaga/x.md", ""),
            ("inner/.obsidian/app.json", "{}"),
            ("inner/a.md", ""),
            ("m.md", "<<<<<<< here\na\n=======\nb\n>>>>>>> there\n"),
        ],
        &[
            (Rule::NestedVault, "inner", None),
            (Rule::ConflictCopy, "n.sync-conflict-20260101-120000-ABCDEFG.md", None),
            (Rule::ConflictMarks, "m.md", Some(1)),
            (Rule::Duplicate, "Book 2", None),
            (Rule::Duplicate, "n 2.md", None),
            (Rule::CaseTwin, "GEMINI.md", None),
            (Rule::CaseTwin, "MALAGA", None),
        ],
    );
}

#[test]
fn properties_canvases_and_links_of_the_file_system() {
    let folder = vault(&[
        ("a.md", "---\ntitle: x\nbad: [1, 2\n---\nbody\n"),
        ("c.canvas", "{\"nodes\": [\n{\"id\":"),
    ]);
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    };
    link("a.md", "fine.md");
    link("nowhere", "dangling.md");
    link("/srv/janus/x", "absolute");
    link("../outside", "out");
    let found = found(&folder);
    let told: Vec<(Rule, &str)> =
        found.iter().map(|(rule, path, _)| (*rule, path.as_str())).collect();
    assert_eq!(
        told,
        [
            (Rule::Symlink, "absolute"),
            (Rule::Symlink, "dangling.md"),
            (Rule::Symlink, "out"),
            (Rule::BrokenCanvas, "c.canvas"),
            (Rule::BrokenProperties, "a.md"),
        ]
    );
    assert_eq!(found[3].2, Some(2));
    assert!(found[4].2.is_some_and(|line| line >= 3));
}

#[test]
fn settings_and_plugins() {
    let whole = |id: &str| format!(r#"{{"id":"{id}","version":"1"}}"#);
    finds(
        &[
            (".obsidian/graph.json", "{\n  \"scale\": 1,\n"),
            (".obsidian/workspace.json", "{ torn at every moment"),
            (".obsidian/community-plugins.json", "[\"obsidian-git\",\n\"absent\", \"empty\"]"),
            (".obsidian/plugins/obsidian-git/manifest.json", &whole("obsidian-git")),
            (".obsidian/plugins/obsidian-git/main.js", ""),
            (".obsidian/plugins/obsidian-git/data.json", "{\"autoSaveInterval\": 30}"),
            (".obsidian/plugins/empty/manifest.json", &whole("empty")),
            (".obsidian/plugins/off/manifest.json", &whole("off")),
            (".obsidian/plugins/off/main.js", ""),
            (".obsidian/plugins/off/data.json", "{\n\"a\": {\n\"apiKey\": \"sk-1234567890\"}}"),
            (".obsidian/plugins/wrong/manifest.json", &whole("other")),
            (".obsidian/plugins/wrong/main.js", ""),
        ],
        &[
            (Rule::BrokenSettings, ".obsidian/graph.json", Some(3)),
            (Rule::PluginSecret, ".obsidian/plugins/off/data.json", Some(3)),
            (Rule::GitPlugin, ".obsidian/plugins/obsidian-git/data.json", Some(1)),
            (Rule::PluginAbsent, ".obsidian/community-plugins.json", Some(2)),
            (Rule::PluginBroken, ".obsidian/plugins/empty", None),
            (Rule::PluginBroken, ".obsidian/plugins/wrong", None),
            (Rule::PluginOff, ".obsidian/plugins/off", None),
        ],
    );
}

#[test]
fn the_secret_itself_is_never_told() {
    let folder = vault(&[(".obsidian/plugins/x/data.json", "{\"apiKey\": \"sk-1234567890\"}")]);
    let index = Index::open(folder.path(), None);
    let checkup = check(folder.path(), ".obsidian", &index, &|_| true).unwrap();
    let told = serde_json::to_string(&checkup).unwrap();
    assert!(told.contains("apiKey") && !told.contains("sk-1234567890"), "{told}");
    let stays = |path: &str| path != ".obsidian/plugins/x/data.json";
    let checkup = check(folder.path(), ".obsidian", &index, &stays).unwrap();
    assert!(checkup.findings.iter().all(|found| found.rule != Rule::PluginSecret));
}
