//! What became of a push.

use serde_json::{Value, json};

use ubos_engine::clock;
use ubos_tiers::git::remote::diverged::commands;
use ubos_tiers::git::remote::push::{Given, Outcome, Pushed};
use ubos_tiers::git::remote::record::{Diverged, Relation};

use crate::render::units::{age, plural};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// A few lines for each place.
pub(crate) fn page(pushed: &Pushed, joined: &[String], ui: &Ui) -> String {
    let mut text = String::new();
    for name in joined {
        text.push_str(&format!("joined: {}\n", one_line(name)));
    }
    if pushed.places.is_empty() {
        text.push_str("there is no place to give the history to\n");
        text.push_str("  Next: set `remote` below `[backup]` in `.ubos-sync/config.toml`, or give the peer an address\n");
    }
    for given in &pushed.places {
        place(given, ui, &mut text);
    }
    text
}

fn place(given: &Given, ui: &Ui, text: &mut String) {
    let name = one_line(&format!("{} ({})", given.shown, given.kind.word()));
    let (tone, told) = match given.outcome {
        Outcome::Given => (Tone::Good, snapshots(given)),
        Outcome::UpToDate => (Tone::Good, "has everything".to_owned()),
        Outcome::NotDue => (Tone::Faint, "its turn comes later".to_owned()),
        Outcome::Failed => (Tone::Bad, "has not everything".to_owned()),
    };
    text.push_str(&format!("{name}: {}\n", ui.tone(tone, &told)));
    let record = &given.record;
    if let Some(trouble) = &record.trouble {
        let message = hanging("  ", &one_line(&trouble.message), ui.width());
        text.push_str(&ui.tone(Tone::Bad, &message));
        text.push_str(&hanging("  Hint: ", &one_line(&trouble.hint), ui.width()));
    }
    if let Some(since) = record.unpushed_since {
        let now = clock::now().0;
        let old = age(u64::try_from(now - since).unwrap_or(0));
        let tries = match record.failures {
            0 => String::new(),
            failures => format!(
                ", {} without success",
                plural(usize::try_from(failures).unwrap_or(usize::MAX), "attempt")
            ),
        };
        text.push_str(&format!("  not there: snapshots of the last {old}{tries}\n"));
    }
    for (name, entry) in &record.diverged {
        apart(name, entry, ui, text);
    }
}

fn snapshots(given: &Given) -> String {
    match given.snapshots {
        0 => "has everything now".to_owned(),
        count => {
            format!("{} given", plural(usize::try_from(count).unwrap_or(usize::MAX), "snapshot"))
        }
    }
}

fn apart(name: &str, entry: &Diverged, ui: &Ui, text: &mut String) {
    let branch = one_line(name.strip_prefix("refs/heads/").unwrap_or(name));
    let what = match entry.relation {
        Relation::Ahead => "has commits there that are not here",
        Relation::SameContent => "was written anew there, with the same content",
        Relation::Diverged => "went another way there",
        Relation::Unrelated => "is another history there",
    };
    let line = format!("  {branch} {what}; nothing was overwritten on either side");
    text.push_str(&format!("{}\n", ui.tone(Tone::Attention, &line)));
    text.push_str(&format!("    theirs is kept here as {}\n", one_line(&entry.kept)));
    if let Some(there) = &entry.ours_there {
        text.push_str(&format!("    ours is kept there as  {}\n", one_line(there)));
    }
    for command in commands(name, entry) {
        text.push_str(&format!("    Next: {}\n", one_line(&command)));
    }
}

/// The same as data.
pub(crate) fn document(pushed: &Pushed, joined: &[String]) -> Value {
    let places: Vec<Value> = pushed.places.iter().map(row).collect();
    json!({
        "schema": 1, "command": "backup push", "joined": joined, "places": places,
        "exit": pushed.exit_code(),
    })
}

fn row(given: &Given) -> Value {
    let record = &given.record;
    let time = |seconds: Option<i64>| seconds.map(|seconds| clock::rfc3339((seconds, 0)));
    let given_to: Vec<Value> =
        given.given.iter().map(|(name, oid)| json!({"branch": name, "commit": oid})).collect();
    let diverged: Vec<Value> = record
        .diverged
        .iter()
        .map(|(name, entry)| {
            json!({
                "branch": name, "relation": entry.relation, "theirs": entry.theirs,
                "kept_here": entry.kept, "ours_there": entry.ours_there,
                "since": time(Some(entry.since)), "settle": commands(name, entry),
            })
        })
        .collect();
    json!({
        "place": given.kind.word(), "name": given.shown, "outcome": given.outcome.word(),
        "given": given_to, "snapshots": given.snapshots, "diverged": diverged,
        "succeeded": time(record.succeeded), "attempted": time(record.attempted),
        "unpushed_since": time(record.unpushed_since), "failures": record.failures,
        "not_before": time(record.not_before), "error": record.trouble,
    })
}
