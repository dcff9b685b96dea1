//! Former versions, for people and as JSON.

use serde_json::{Map, Value, json};

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_engine::history::mark::Mark;
use ubos_engine::history::restore::Whereabouts;
use ubos_engine::history::versions::Turn;

use super::command::about;
use super::json::put_path;
use super::units::bytes;
use crate::backup::versions::Version;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// A former version with where its content is.
pub(crate) struct Former<'a> {
    /// What ended it.
    pub turn: &'a Turn,
    /// Its length in bytes, where that is known.
    pub size: Option<u64>,
    /// Where its content is.
    pub content: Whereabouts,
}

/// What something is, in a column: its hash, or the text of a link.
pub(crate) fn mark(mark: &Mark) -> String {
    match mark {
        Mark::Absent => "nothing".into(),
        Mark::Folder => "a folder".into(),
        Mark::Link(text) => format!("link to {}", one_line(text)),
        Mark::File { digest, exec } => {
            format!("{}{}", &digest.to_hex()[..12], if *exec { " executable" } else { "" })
        }
    }
}

fn size(size: Option<u64>) -> String {
    size.map(bytes).unwrap_or_default()
}

/// What ended a version, in words.
fn ended(turn: &Turn) -> String {
    let change = &turn.change;
    let by = match change.reason.as_str() {
        "restored" => " by a restore",
        "undone" => " by an undo",
        _ => "",
    };
    match change.op.as_str() {
        "rename" => {
            let to = turn.moved_to().map(|to| to.to_string()).unwrap_or_default();
            format!("moved to {} on {}", one_line(&to), change.territory)
        }
        "delete" | "rmdir" => format!("deleted on {}", change.territory),
        _ if change.reason == "rotated" => format!("rotated on {}", change.territory),
        _ => format!("replaced on {}{by}", change.territory),
    }
}

/// Where a content is, in words; the peer is named as the one who was changed.
fn content(former: &Former<'_>) -> String {
    match &former.content {
        Whereabouts::Here { .. } | Whereabouts::Text => "kept here".into(),
        Whereabouts::Peer { .. } => format!("kept on {}", former.turn.change.territory),
        Whereabouts::Sealed { place } => format!("kept in {}", one_line(place)),
        Whereabouts::Moved(to) => format!("stands at {}", one_line(&to.to_string())),
        Whereabouts::Part => "the beginning of the present one".into(),
        Whereabouts::Needless => String::new(),
        Whereabouts::Gone => "no longer kept".into(),
    }
}

/// The present version as a line.
pub(crate) fn now(found: &Mark, length: Option<u64>, ui: &Ui) -> String {
    let what = mark(found);
    ui.tone(
        Tone::Strong,
        format!("  now                        {:>9}  {what}", size(length)).trim_end(),
    ) + "\n"
}

/// A former version as a line. `name` is shown where it is not the one that was asked for.
pub(crate) fn version(former: &Former<'_>, asked: &RelPath, ui: &Ui) -> String {
    let turn = former.turn;
    let time = clock::local(&turn.change.time);
    let name = match turn.path == *asked {
        true => String::new(),
        false => format!("  as {}", one_line(&turn.path.to_string())),
    };
    let kept = content(former);
    let kept = if kept.is_empty() { kept } else { format!(", {kept}") };
    let told = format!("{}{kept}{name}", ended(turn));
    format!(
        "  until {time}  {:>9}  {:<12}  {told}\n{}\n",
        size(former.size),
        mark(&turn.ended),
        ui.tone(Tone::Faint, &format!("        run {}", turn.change.run)),
    )
}

/// A former version below a folder as a line under its run.
pub(crate) fn below(former: &Former<'_>) -> String {
    let turn = former.turn;
    let kept = content(former);
    let kept = if kept.is_empty() { kept } else { format!(", {kept}") };
    format!(
        "    {:>9}  {}  {}{kept}\n",
        size(former.size),
        one_line(&turn.path.to_string()),
        ended(turn),
    )
}

/// What only git has, with the way to get it.
pub(crate) fn git(path: &RelPath, versions: &[Version], ui: &Ui) -> String {
    if versions.is_empty() {
        return String::new();
    }
    let mut text = String::from("Only in git:\n");
    for version in versions {
        let commit: String = version.commit.chars().take(12).collect();
        text.push_str(&format!(
            "  since {}  {:>9}  {}  {}\n",
            clock::local(&version.made),
            bytes(version.size),
            &version.digest.to_hex()[..12],
            ui.tone(Tone::Faint, &format!("commit {commit}")),
        ));
    }
    let again = about("backup restore", path.as_bytes(), "--at COMMIT");
    text + &format!("Bring one back:  {again}\n")
}

/// A version in git as JSON.
pub(crate) fn git_json(version: &Version) -> Value {
    json!({
        "commit": version.commit, "since": version.made, "run": version.run,
        "size": version.size, "hash": version.digest.to_hex(),
    })
}

/// What something is, as in reports.
pub(crate) fn mark_json(mark: &Mark, size: Option<u64>) -> Value {
    match mark {
        Mark::Absent => Value::Null,
        Mark::Folder => json!({"kind": "dir"}),
        Mark::Link(target) => json!({"kind": "symlink", "target": target}),
        Mark::File { digest, exec } => {
            json!({"kind": "file", "size": size, "hash": digest.to_hex(), "executable": exec})
        }
    }
}

/// A former version as JSON.
pub(crate) fn version_json(former: &Former<'_>) -> Value {
    let (turn, change) = (former.turn, &former.turn.change);
    let mut map = Map::new();
    put_path(&mut map, "path", &turn.path);
    map.insert("until".into(), change.time.clone().into());
    map.insert("run".into(), change.run.clone().into());
    map.insert("on".into(), change.territory.clone().into());
    map.insert("op".into(), change.op.clone().into());
    map.insert("reason".into(), change.reason.clone().into());
    map.insert("version".into(), mark_json(&turn.ended, former.size));
    let (word, place) = match &former.content {
        Whereabouts::Here { .. } => ("here", None),
        Whereabouts::Text => ("text", None),
        Whereabouts::Peer { .. } => ("peer", None),
        Whereabouts::Sealed { place } => ("sealed", Some(place.clone())),
        Whereabouts::Moved(to) => ("moved", Some(to.to_string())),
        Whereabouts::Part => ("part", None),
        Whereabouts::Needless => ("folder", None),
        Whereabouts::Gone => ("gone", None),
    };
    map.insert("content".into(), word.into());
    if let Some(place) = place {
        map.insert("place".into(), place.into());
    }
    map.into()
}
