//! What `vault init` would write or wrote, as text and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use ubos_engine::edits::Edited;
use ubos_tiers::vault::init::{Change, Plan, Wish};
use ubos_tiers::vault::layout::Layout;
use ubos_tiers::vault::settings::KeyChange;

use crate::render::units::plural;
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Longer values are cut on a screen.
const LONG: usize = 60;

/// The plan, file by file.
pub(crate) fn plan(plan: &Plan, ui: &Ui) -> String {
    let mut text: String = plan.changes.iter().map(|c| change(c, ui)).collect();
    if !plan.policies.is_empty() {
        text.push_str(&head("update", ".ubos-sync/config.toml", ui));
        for (pattern, policy) in &plan.policies {
            let line =
                format!("\"{pattern}\" = \"{policy}\"  (conflicts in settings merge by key)");
            text.push_str(&format!("    + [policies] {}\n", one_line(&line)));
        }
    }
    for fight in &plan.fights {
        let line = format!("the Git plugin {fight}; a sync and a backup beside it fight with that");
        text.push_str(&note("Git", &line, Tone::Attention, ui));
    }
    if !plan.fights.is_empty() {
        text.push_str(&note("", "`--tame-git` switches that off", Tone::Attention, ui));
    }
    for line in &plan.notes {
        text.push_str(&note("Note", line, Tone::Faint, ui));
    }
    for (path, why) in &plan.troubled {
        text.push_str(&note("Left", &format!("{path}: {why}"), Tone::Attention, ui));
    }
    text
}

fn head(op: &str, path: &str, ui: &Ui) -> String {
    format!("{op:<7} {}\n", ui.tone(Tone::Strong, &one_line(path)))
}

fn note(label: &str, line: &str, tone: Tone, ui: &Ui) -> String {
    ui.tone(tone, &hanging(&format!("{label:<7} "), &one_line(line), ui.width()))
}

fn change(change: &Change, ui: &Ui) -> String {
    let mut text = head(change.op, &change.path, ui);
    if let Some(about) = &change.about {
        text.push_str(&format!("    {}\n", one_line(about)));
    }
    if change.op == "create" {
        let mut keys: Vec<&str> = change.keys.iter().map(|key| key.key.as_str()).collect();
        keys.dedup();
        match keys[..] {
            [] => {}
            [""] => {
                let items: Vec<&str> = change.keys.iter().map(|key| key.after.as_str()).collect();
                text.push_str(&hanging("    ", &items.join(" "), ui.width()));
            }
            _ => text.push_str(&hanging("    ", &one_line(&keys.join(" ")), ui.width())),
        }
    } else {
        change.keys.iter().for_each(|key| text.push_str(&key_line(key)));
    }
    for line in &change.lines {
        text.push_str(&format!("    + {}\n", one_line(line)));
    }
    text
}

fn key_line(key: &KeyChange) -> String {
    let after = cut(&key.after);
    let line = match (&key.before, key.key.as_str()) {
        (Some(before), name) => format!("{name}: {} → {after}", cut(before)),
        (None, "") => format!("+ {after}"),
        (None, name) if key.element => format!("{name}: + {after}"),
        (None, name) => format!("{name}: {after} (new)"),
    };
    format!("    {}\n", one_line(&line))
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(LONG) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

/// What the person is asked.
pub(crate) fn question(plan: &Plan) -> String {
    let files = plan.changes.len() + usize::from(!plan.policies.is_empty());
    format!("Write {}?", plural(files, "file"))
}

/// What came of it.
pub(crate) fn outcome(plan: &Plan, done: Option<&Edited>, ui: &Ui) -> String {
    let Some(done) = done else {
        return match plan.is_empty() {
            true => format!("{}\n", ui.tone(Tone::Good, "The vault is as it should be.")),
            false => format!("{}\n", ui.tone(Tone::Faint, "Nothing was written.")),
        };
    };
    let mut text = String::new();
    for (path, why) in &done.left {
        let line = format!("{path}: {why}; nothing was written there");
        text.push_str(&note("Left", &line, Tone::Attention, ui));
    }
    let wrote = plan.changes.len() - done.left.len() + usize::from(!plan.policies.is_empty());
    let line = format!(
        "Wrote {}; former versions are in the backups of run {}.",
        plural(wrote, "file"),
        done.run
    );
    text.push_str(&format!("{}\n", ui.tone(Tone::Good, &line)));
    text
}

/// What only the person can do, in three lines.
fn lines(root: &Path, wish: &Wish<'_>) -> [String; 3] {
    let machines = match wish.layout {
        Layout::Single => "on each machine",
        Layout::Linked => {
            "on this machine (and `ubos-sync vault init --layout linked` on the other)"
        }
    };
    [
        format!("{machines}: in Obsidian, `Open folder as vault`, and choose {}", root.display()),
        "in Settings → Community plugins, trust the vault's plugins, and install those that are not there"
            .to_owned(),
        "restart Obsidian if it is open: the graph view, plugins and styles are read when it starts; an open \
         graph view writes its old settings back, so run this again if it did"
            .to_owned(),
    ]
}

/// The same, for people.
pub(crate) fn person(root: &Path, wish: &Wish<'_>, ui: &Ui) -> String {
    let mut text = format!("\n{}\n", ui.tone(Tone::Strong, "What only you can do:"));
    for (number, line) in lines(root, wish).iter().enumerate() {
        text.push_str(&hanging(&format!("  {}. ", number + 1), &one_line(line), ui.width()));
    }
    text
}

/// The plan, what came of it, and what only the person can do, as a document.
pub(crate) fn document(
    plan: &Plan,
    root: &Path,
    wish: &Wish<'_>,
    dry_run: bool,
    done: Option<&Edited>,
    code: u8,
) -> Value {
    let pairs = |list: &[(String, String)], first: &str, second: &str| -> Value {
        list.iter().map(|(a, b)| json!({first: a, second: b})).collect()
    };
    json!({
        "schema": 1, "command": "vault init", "dry_run": dry_run,
        "run": done.map(|done| done.run.as_str()),
        "config_dir": wish.config_dir, "layout": wish.layout.word(),
        "changes": plan.changes, "policies": pairs(&plan.policies, "pattern", "policy"),
        "troubled": pairs(&plan.troubled, "path", "reason"),
        "skipped": pairs(done.map(|done| &done.left[..]).unwrap_or_default(), "path", "reason"),
        "notes": plan.notes, "git_plugin": plan.fights,
        "person": lines(root, wish), "exit": code,
    })
}
