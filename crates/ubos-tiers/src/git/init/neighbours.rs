//! Other programs that commit in the same repository: Obsidian's Git plugin, where it commits or pulls
//! by itself. It is told and never changed; its settings are synced like any file.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// What the plugin's folder is called.
const PLUGIN: &str = "obsidian-git";

/// Its settings that act by themselves, and when they do.
const ACTS: [(&str, &str); 4] = [
    ("autoSaveInterval", "commits by itself"),
    ("autoPushInterval", "pushes by itself"),
    ("autoPullInterval", "pulls by itself"),
    ("autoPullOnBoot", "pulls when Obsidian starts"),
];

/// What a person should know of such a plugin below `root`.
pub(super) fn look(root: &Path) -> Vec<String> {
    let Ok(listing) = fs::read_dir(root) else { return Vec::new() };
    let mut folders: Vec<_> = listing.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    // The folder of Obsidian's settings can have another name, and then begins with a dot as well.
    let hidden = |folder: &&std::path::PathBuf| {
        folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
    };
    folders.iter().filter(hidden).filter_map(|folder| plugin(root, folder)).collect()
}

fn plugin(root: &Path, config: &Path) -> Option<String> {
    let file = config.join("plugins").join(PLUGIN).join("data.json");
    let settings: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
    if !is_enabled(config) {
        return None;
    }
    let acts = |key: &str| match &settings[key] {
        Value::Number(number) => number.as_f64().is_some_and(|minutes| minutes > 0.0),
        other => *other == Value::Bool(true),
    };
    let found: Vec<_> = ACTS.iter().filter(|(key, _)| acts(key)).collect();
    if found.is_empty() {
        return None;
    }
    let does: Vec<&str> = found.iter().map(|(_, does)| *does).collect();
    let keys: Vec<String> = found
        .iter()
        .map(|(key, _)| {
            let off = if settings[*key].is_boolean() { "false" } else { "0" };
            format!("{key} = {off}")
        })
        .collect();
    let shown = file.strip_prefix(root).unwrap_or(&file).display();
    Some(format!(
        "Obsidian's Git plugin {}: a second program that commits here, and its pulls write into what is synced; set {} in `{shown}` (in Obsidian: Settings, Git)",
        does.join(" and "),
        keys.join(", "),
    ))
}

/// Whether Obsidian loads it, as far as its list tells.
fn is_enabled(config: &Path) -> bool {
    let list = fs::read(config.join("community-plugins.json")).ok();
    let list = list.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    match list {
        Some(Value::Array(ids)) => ids.iter().any(|id| id == PLUGIN),
        _ => true,
    }
}
