use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

/// A vault in memory.
#[derive(Default)]
struct Vault(RefCell<BTreeMap<String, Vec<u8>>>);

impl Vault {
    fn with(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        Self(RefCell::new(files.collect()))
    }

    fn plan(&self, wish: &Wish<'_>) -> Plan {
        let files = self.0.borrow();
        let start = ".obsidian/plugins/";
        let mut folders: Vec<String> = files
            .keys()
            .filter_map(|path| Some(path.strip_prefix(start)?.split_once('/')?.0.to_owned()))
            .collect();
        folders.dedup();
        plan(wish, &folders, &|path| Ok(files.get(path).cloned()))
    }

    fn carry_out(&self, plan: &Plan) {
        for change in &plan.changes {
            let was = self.0.borrow_mut().insert(change.path.clone(), change.after.clone());
            assert_eq!(was, change.before, "{}", change.path);
        }
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.0.borrow()[path].clone()).unwrap()
    }
}

fn wish<'a>() -> Wish<'a> {
    Wish {
        config_dir: ".obsidian".to_owned(),
        theme: Some(Theme::Brass),
        layout: Layout::Single,
        tame: false,
        pack: None,
        manifests: vec![Manifests {
            to: "config/sync_to_balaur.conf".to_owned(),
            exclude: "config/sync_exclude.conf".to_owned(),
            settings: Synced::No,
        }],
        has_policy: false,
    }
}

fn paths(plan: &Plan) -> Vec<(&str, &str)> {
    plan.changes.iter().map(|change| (change.op, change.path.as_str())).collect()
}

#[test]
fn a_plain_folder_becomes_a_vault_and_a_second_plan_is_empty() {
    let vault = Vault::with(&[("config/sync_to_balaur.conf", "docs/\n")]);
    let first = vault.plan(&wish());
    assert_eq!(
        paths(&first),
        [
            ("create", ".obsidian/app.json"),
            ("create", ".obsidian/appearance.json"),
            ("create", ".obsidian/core-plugins.json"),
            ("create", ".obsidian/graph.json"),
            ("create", ".obsidian/community-plugins.json"),
            ("create", ".obsidian/snippets/ubos-brass.css"),
            ("create", "config/sync_exclude.conf"),
            ("update", "config/sync_to_balaur.conf"),
        ]
    );
    assert_eq!(first.policies[0], (".obsidian/*.json".to_owned(), "merge".to_owned()));
    vault.carry_out(&first);
    assert_eq!(
        vault.text(".obsidian/community-plugins.json"),
        "[\n  \"obsidian-git\",\n  \"dataview\",\n  \"obsidian-excalidraw-plugin\",\n  \"obsidian-tasks-plugin\"\n]"
    );
    let mut wish = wish();
    wish.has_policy = true;
    wish.manifests[0].settings = Synced::Yes;
    let second = vault.plan(&wish);
    assert!(second.is_empty() && second.troubled.is_empty(), "{second:?}");
}

#[test]
fn what_does_not_parse_is_never_written_over() {
    let vault = Vault::with(&[
        (".obsidian/app.json", "{\n  \"vimMode\": tr"),
        (".obsidian/community-plugins.json", "{}"),
        (".obsidian/snippets/ubos-brass.css", "body { color: red }"),
    ]);
    let plan = vault.plan(&wish());
    let troubled: Vec<&str> = plan.troubled.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        troubled,
        [
            ".obsidian/app.json",
            ".obsidian/community-plugins.json",
            ".obsidian/snippets/ubos-brass.css"
        ]
    );
    assert!(plan.troubled[0].1.contains("line 2"));
    assert!(paths(&plan).iter().all(|(_, path)| !troubled.contains(path)));
}

#[test]
fn the_git_plugin_is_tamed_only_when_asked_for() {
    let data = "{\n  \"autoSaveInterval\": 30,\n  \"unknown\": 1.10\n}";
    let vault = Vault::with(&[(".obsidian/plugins/obsidian-git/data.json", data)]);
    let left = vault.plan(&wish());
    assert_eq!(left.fights, ["commits every 30 min (autoSaveInterval)"]);
    assert!(paths(&left).iter().all(|(_, path)| !path.contains("plugins/")));
    let tamed = vault.plan(&Wish { tame: true, ..wish() });
    let change = tamed.changes.iter().find(|c| c.path.contains("obsidian-git")).unwrap();
    assert_eq!(change.keys[0].key, "autoSaveInterval");
    assert_eq!(change.keys[0].before.as_deref(), Some("30"));
    assert!(String::from_utf8_lossy(&change.after).contains("\"unknown\": 1.10"));
    assert!(tamed.fights.is_empty());
}

#[test]
fn settings_with_a_secret_never_sync() {
    let vault = Vault::with(&[
        (".obsidian/plugins/copilot/data.json", "{\"apiKey\":\"sk-1234567890\"}"),
        (".obsidian/plugins/dataview/data.json", "{\"inlineQueryPrefix\":\"=\"}"),
    ]);
    let plan = vault.plan(&wish());
    let exclude = plan.changes.iter().find(|c| c.path.contains("exclude")).unwrap();
    let has = |id: &str| exclude.lines.iter().any(|line| line.contains(id));
    assert!(has("plugins/copilot/data.json") && !has("plugins/dataview"));
}

#[test]
fn two_linked_vaults_share_no_settings() {
    let vault = Vault::default();
    let plan = vault.plan(&Wish { layout: Layout::Linked, ..wish() });
    let exclude = plan.changes.iter().find(|c| c.path.contains("exclude")).unwrap();
    assert_eq!(exclude.lines.last().unwrap(), "/.obsidian/");
    assert!(!paths(&plan).iter().any(|(_, path)| path.contains("sync_to")));
    assert!(plan.policies.is_empty());
}

#[test]
fn a_pack_is_put_in_place_unless_a_newer_one_stands_there() {
    let manifest = |version: &str| format!(r#"{{"id":"dataview","version":"{version}"}}"#);
    let packed = super::super::pack::Packed {
        manifest: PluginManifest::parse(manifest("0.5.68").as_bytes()).unwrap(),
        files: vec![("manifest.json", manifest("0.5.68").into()), ("main.js", b"new".to_vec())],
    };
    let pack = Pack {
        plugins: vec![packed],
        refused: vec![("x".to_owned(), "`main.js` is not what is pinned".to_owned())],
    };
    let at = |version: &str| {
        Vault::with(&[
            (".obsidian/plugins/dataview/manifest.json", &manifest(version)),
            (".obsidian/plugins/dataview/main.js", "old"),
        ])
    };
    let wish = Wish { pack: Some(&pack), ..wish() };
    let older = at("0.5.60").plan(&wish);
    let put = older.changes.iter().filter(|c| c.path.contains("plugins/dataview/")).count();
    assert_eq!((put, older.troubled.len()), (2, 1));
    let newer = at("0.5.70").plan(&wish);
    assert!(newer.changes.iter().all(|c| !c.path.contains("plugins/dataview/")));
    assert!(newer.notes.iter().any(|note| note.contains("stays at 0.5.70")));
}

#[test]
fn settings_of_another_form_are_left_alone() {
    let odd = [
        (".obsidian/app.json", "[1]"),
        (".obsidian/appearance.json", "[]"),
        (".obsidian/graph.json", "[{}]"),
        (".obsidian/community-plugins.json", "{\"dataview\": true}"),
    ];
    let vault = Vault::with(&odd);
    let plan = vault.plan(&wish());
    let troubled: Vec<&str> = plan.troubled.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(troubled, odd.map(|(path, _)| path));
    vault.carry_out(&plan);
    for (path, text) in odd {
        assert_eq!(vault.text(path), text, "{path}");
    }
}
