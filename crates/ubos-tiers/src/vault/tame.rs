//! The plugin obsidian-git beside the versioned backup: two that commit, pull and push by themselves in
//! one folder fight. Tamed it shows and commits when a person asks it to, and no more.

use serde_json::{Value, json};

use super::settings::Settings;

/// The plugin's id.
pub const ID: &str = "obsidian-git";

/// What it is to be.
fn tame() -> [(&'static str, Value); 6] {
    [
        ("autoSaveInterval", json!(0)),
        ("autoPushInterval", json!(0)),
        ("autoPullInterval", json!(0)),
        ("autoPullOnBoot", json!(false)),
        ("disablePush", json!(true)),
        ("syncMethod", json!("reset")),
    ]
}

/// Sets what makes it tame.
pub fn apply(data: &mut Settings) {
    for (key, value) in tame() {
        data.set(key, &value);
    }
}

/// What it does by itself that fights with a sync, each with the key that says so and in words; nothing
/// if it is tame enough.
pub fn fights(data: &Settings) -> Vec<(&'static str, String)> {
    let minutes = |key: &str| data.value(key).and_then(|v| v.as_f64()).filter(|n| *n > 0.0);
    let mut found = Vec::new();
    for (key, does) in [
        ("autoSaveInterval", "commits"),
        ("autoPushInterval", "pushes"),
        ("autoPullInterval", "pulls"),
    ] {
        found.extend(minutes(key).map(|n| (key, format!("{does} every {n} min ({key})"))));
    }
    if data.value("autoPullOnBoot") == Some(json!(true)) {
        let does = "pulls when Obsidian starts (autoPullOnBoot)".to_owned();
        found.push(("autoPullOnBoot", does));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_what_it_does_and_then_it_does_nothing() {
        let text = b"{\n  \"commitMessage\": \"vault backup: {{date}}\",\n  \"autoSaveInterval\": 30,\n  \
                     \"autoPullInterval\": 10,\n  \"autoPullOnBoot\": true,\n  \"syncMethod\": \"merge\"\n}";
        let mut data = Settings::parse(text).unwrap();
        assert_eq!(
            fights(&data).into_iter().map(|(_, does)| does).collect::<Vec<_>>(),
            [
                "commits every 30 min (autoSaveInterval)",
                "pulls every 10 min (autoPullInterval)",
                "pulls when Obsidian starts (autoPullOnBoot)",
            ]
        );
        apply(&mut data);
        assert!(fights(&data).is_empty());
        assert_eq!(data.value("syncMethod"), Some("reset".into()));
        assert_eq!(data.value("commitMessage"), Some("vault backup: {{date}}".into()));
        let changed = data.changes().len();
        apply(&mut data);
        assert_eq!(data.changes().len(), changed);
    }

    #[test]
    fn what_is_off_by_default_does_not_fight() {
        assert!(fights(&Settings::parse(b"{\"autoSaveInterval\":0}").unwrap()).is_empty());
    }
}
