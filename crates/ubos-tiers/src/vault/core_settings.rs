//! Obsidian's own settings: the app's, how it looks, which of its built-in plugins are on.

use serde_json::{Value, json};

use super::settings::{Form, Settings};

/// The app's settings.
pub const APP: &str = "app.json";
/// How it looks.
pub const APPEARANCE: &str = "appearance.json";
/// Its built-in plugins.
pub const CORE_PLUGINS: &str = "core-plugins.json";

/// What a vault needs to be looked around in.
const NEEDED: [&str; 8] = [
    "file-explorer",
    "global-search",
    "graph",
    "backlink",
    "canvas",
    "outgoing-link",
    "tag-pane",
    "file-recovery",
];

/// Every built-in plugin, and whether a vault that Obsidian makes has it on.
const USUAL: [(&str, bool); 31] = [
    ("file-explorer", true),
    ("global-search", true),
    ("switcher", true),
    ("graph", true),
    ("backlink", true),
    ("canvas", true),
    ("outgoing-link", true),
    ("tag-pane", true),
    ("footnotes", false),
    ("properties", false),
    ("page-preview", true),
    ("daily-notes", true),
    ("templates", true),
    ("note-composer", true),
    ("command-palette", true),
    ("slash-command", false),
    ("editor-status", true),
    ("bookmarks", true),
    ("markdown-importer", false),
    ("zk-prefixer", false),
    ("random-note", false),
    ("outline", true),
    ("word-count", true),
    ("slides", false),
    ("audio-recorder", false),
    ("workspaces", false),
    ("file-recovery", true),
    ("publish", false),
    ("sync", true),
    ("bases", true),
    ("webviewer", false),
];

/// Links follow a note that is renamed, and nothing is deleted without a question.
pub fn app(settings: &mut Settings) {
    settings.seed("alwaysUpdateLinks", &true);
    settings.seed("newLinkFormat", &"shortest");
    settings.seed("promptDelete", &true);
}

/// Switches on what is needed, in either form of the file: an object of switches, or (older) a list of
/// those that are on.
pub fn core_plugins(settings: &mut Settings, is_new: bool) {
    if is_new {
        USUAL.iter().for_each(|(id, on)| settings.seed(id, on));
    }
    for id in NEEDED {
        match settings.form() {
            Form::Object => settings.set(id, &true),
            Form::List => settings.push(None, &id),
        }
    }
}

/// Whether a built-in plugin is on, as far as the file says so.
pub fn is_on(settings: &Settings, id: &str) -> Option<bool> {
    match settings.form() {
        Form::Object => settings.value(id).and_then(|value| value.as_bool()),
        Form::List => Some(settings.list(None).contains(&json!(id))),
    }
}

/// The names of a list of settings.
pub fn names(settings: &Settings, key: Option<&str>) -> Vec<String> {
    let names = settings.list(key).into_iter();
    names
        .filter_map(|value| match value {
            Value::String(name) => Some(name),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_list_of_plugins_are_kept() {
        let mut object = Settings::parse(
            b"{\n  \"graph\": false,\n  \"slides\": true,\n  \"of-tomorrow\": true\n}",
        )
        .unwrap();
        core_plugins(&mut object, false);
        assert_eq!(is_on(&object, "graph"), Some(true));
        assert_eq!(is_on(&object, "slides"), Some(true));
        assert_eq!(is_on(&object, "of-tomorrow"), Some(true));
        assert_eq!(object.value("publish"), None);
        let mut list = Settings::parse(b"[\n  \"zk-prefixer\",\n  \"graph\"\n]").unwrap();
        core_plugins(&mut list, false);
        let names = names(&list, None);
        assert_eq!(names[..2], ["zk-prefixer", "graph"]);
        assert_eq!(names.len(), 9);
    }

    #[test]
    fn a_new_one_has_all_that_obsidian_has() {
        let mut new = Settings::new(Form::Object);
        core_plugins(&mut new, true);
        assert_eq!(new.changes().len(), USUAL.len());
        assert_eq!(is_on(&new, "graph"), Some(true));
        assert_eq!(is_on(&new, "slides"), Some(false));
    }

    #[test]
    fn what_a_person_set_in_the_app_stays() {
        let mut settings = Settings::parse(b"{\"alwaysUpdateLinks\":false}").unwrap();
        app(&mut settings);
        assert_eq!(settings.value("alwaysUpdateLinks"), Some(false.into()));
        assert_eq!(settings.value("promptDelete"), Some(true.into()));
    }
}
