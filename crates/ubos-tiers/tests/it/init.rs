//! Making and adopting repositories.

use std::fs;

use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;
use ubos_engine::state::config::backup::Layout;
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::init::{Plan, Wish, plan};
use ubos_tiers::git::logs::ATTRIBUTES;

use crate::place::{Place, read};

fn planned(place: &Place, wish: &Wish<'_>) -> Plan {
    let state = StateDir::open(&place.root()).unwrap();
    let config = Config::require(&state).unwrap();
    plan(&place.root(), &config, wish).unwrap()
}

fn open_steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().filter(|step| !step.done).map(|step| step.what.as_str()).collect()
}

#[test]
fn a_repository_is_made_with_what_keeps_every_byte() {
    let place = Place::without_repository();
    place.write("notes/crlf.txt", "a\r\nb\r\n");
    let wish = Wish { branch: Some("backup/laptop"), ..Wish::default() };
    let plan = planned(&place, &wish);
    assert!(!place.path(".git").exists(), "finding out changes nothing");
    assert!(plan.steps.iter().all(|step| !step.why.is_empty()));
    assert!(plan.settings.enabled);
    plan.carry_out().unwrap();
    assert_eq!(place.git(["symbolic-ref", "HEAD"]), "refs/heads/backup/laptop");
    for (key, value) in [("core.autocrlf", "false"), ("gc.auto", "0"), ("core.safecrlf", "false")] {
        assert_eq!(place.git(["config", "--local", key]), value);
    }
    // The user's own `add` and a checkout keep line ends too, whatever `.gitattributes` says.
    place.write(".gitattributes", "* text=auto eol=lf\n");
    place.git(["add", "notes/crlf.txt"]);
    assert_eq!(place.git(["cat-file", "-s", ":notes/crlf.txt"]), "6");
    place.remove("notes/crlf.txt");
    place.git(["checkout", "--", "notes/crlf.txt"]);
    assert_eq!(read(&place.path("notes/crlf.txt")), b"a\r\nb\r\n");
    // By hand, nothing of the private folder is added.
    place.write("notes/.obsidian/workspace-mobile.json", "{}");
    let status = place.git(["status", "--porcelain", "--untracked-files=all"]);
    assert!(!status.contains(".ubos-sync") && !status.contains("workspace"), "{status}");
}

#[test]
fn repeating_it_does_nothing() {
    let place = Place::without_repository();
    planned(&place, &Wish::default()).carry_out().unwrap();
    let files = [".git/config", ".git/info/attributes", ".git/info/exclude"];
    let before = files.map(|file| read(&place.path(file)));
    let again = planned(&place, &Wish::default());
    assert_eq!(open_steps(&again), Vec::<&str>::new());
    again.carry_out().unwrap();
    assert_eq!(files.map(|file| read(&place.path(file))), before);
}

#[test]
fn a_repository_with_history_and_a_dirty_index_is_adopted() {
    let place = Place::new();
    place.write("notes/a.md", "one");
    place.user_commit("mine");
    place.write("notes/a.md", "staged");
    place.git(["add", "notes/a.md"]);
    place.write("notes/a.md", "worked on");
    place.configure("core.autocrlf", "true");
    place.configure("gc.auto", "100");
    fs::create_dir_all(place.path(".git/info")).unwrap();
    fs::write(place.path(".git/info/attributes"), "*.psd filter=lfs").unwrap();
    let index = read(&place.path(".git/index"));
    let head = place.head();
    let plan = planned(&place, &Wish { layout: Some(Layout::Branches), ..Wish::default() });
    assert_eq!(plan.settings.layout, Layout::Branches);
    let steps = open_steps(&plan);
    assert!(steps.contains(&"core.autocrlf = false (was true)"), "{steps:?}");
    assert!(!steps.iter().any(|step| step.starts_with("gc.auto")), "{steps:?}");
    plan.carry_out().unwrap();
    assert_eq!((read(&place.path(".git/index")), place.head()), (index, head));
    let attributes = String::from_utf8(read(&place.path(".git/info/attributes"))).unwrap();
    let expected = "*.psd filter=lfs\n# ubos-sync: files are kept byte for byte\n* -text -ident -filter -working-tree-encoding\n# ubos-sync: pieces of logs have nothing in common\n";
    assert_eq!(attributes, format!("{expected}{ATTRIBUTES}"));
    place.snapshot();
    assert_eq!(place.git(["show", ":notes/a.md"]), "staged");
    assert_eq!(place.content("main", "notes/a.md"), b"worked on");
}

#[test]
fn a_remote_gets_a_name_or_has_one() {
    let place = Place::new();
    place.git(["remote", "add", "origin", "/srv/code.git"]);
    let plan = planned(&place, &Wish { remote: Some("git@host:me/notes.git"), ..Wish::default() });
    assert_eq!(plan.settings.remote.as_deref(), Some("backup"));
    plan.carry_out().unwrap();
    assert_eq!(place.git(["remote", "get-url", "backup"]), "git@host:me/notes.git");
    let named = planned(&place, &Wish { remote: Some("origin"), ..Wish::default() });
    assert_eq!(named.settings.remote.as_deref(), Some("origin"));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_made() {
    let place = Place::without_repository();
    let state = StateDir::open(&place.root()).unwrap();
    let config = Config::require(&state).unwrap();
    for wish in [
        Wish { branch: Some("a..b"), ..Wish::default() },
        Wish { branch: Some("-b"), ..Wish::default() },
        Wish { branch: Some("@{-1}"), ..Wish::default() },
        Wish { remote: Some("nowhere"), ..Wish::default() },
    ] {
        let error = plan(&place.root(), &config, &wish).unwrap_err();
        assert!(matches!(error, BackupError::Usage { .. }), "{wish:?}: {error}");
        assert!(!place.path(".git").exists());
    }
}

#[test]
fn a_plugin_that_commits_by_itself_is_told_with_the_remedy() {
    let place = Place::new();
    let data = r#"{"autoSaveInterval": 30, "autoPullInterval": 0, "autoPullOnBoot": true}"#;
    place.write(".obsidian/plugins/obsidian-git/data.json", data);
    let notices = planned(&place, &Wish::default()).notices;
    assert_eq!(notices.len(), 1, "{notices:?}");
    let wanted = "autoSaveInterval = 0, autoPullOnBoot = false in `.obsidian/plugins/obsidian-git/data.json`";
    assert!(notices[0].contains(wanted), "{notices:?}");
    place.write(".obsidian/community-plugins.json", r#"["dataview"]"#);
    assert!(planned(&place, &Wish::default()).notices.is_empty(), "it is not enabled");
    place.write(".obsidian/community-plugins.json", r#"["obsidian-git"]"#);
    assert_eq!(planned(&place, &Wish::default()).notices.len(), 1);
    place.write(".obsidian/plugins/obsidian-git/data.json", r#"{"autoSaveInterval": 0}"#);
    assert!(planned(&place, &Wish::default()).notices.is_empty());
}
