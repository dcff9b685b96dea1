//! How a territory fares, for a person who has three seconds.

use serde_json::{Map, Value, json};

use ubos_engine::clock;
use ubos_engine::health::Health;
use ubos_engine::health::backup::Backup;
use ubos_engine::health::verdict::{Reason, State};
use ubos_engine::scrub::{Damage, Place};

use super::json::put_path;
use super::units::{age, bytes, plural};
use super::wrap::hanging;
use crate::picture::Picture;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// In sync or not, how old that is, what waits, the backup: at most five lines. `changes` is how many
/// changes a run would make now, as far as somebody has just looked.
pub(crate) fn head(picture: &Picture, changes: usize, ui: &Ui) -> String {
    let tone = match picture.verdict.state {
        State::Healthy => Tone::Good,
        State::Undecided => Tone::Attention,
        State::Unhealthy => Tone::Bad,
    };
    let mut text = format!("{}\n", ui.tone(tone, &one_line(&standing(picture, changes))));
    let Some(health) = &picture.health else {
        text.push_str("  Begin with: ubos-sync bidirectional\n");
        return text;
    };
    text.push_str(&format!("  {}\n", one_line(&times(picture, health))));
    let open = open(health);
    if !open.is_empty() {
        let line = format!("  to decide: {}. Next: ubos-sync conflicts", open.join(", "));
        text.push_str(&format!("{}\n", ui.tone(Tone::Attention, &line)));
    }
    if health.damaged > 0 {
        let line = format!("  damaged on the disk: {}. Next: ubos-sync health", health.damaged);
        text.push_str(&format!("{}\n", ui.tone(Tone::Bad, &line)));
    }
    if let Some(backup) = &health.backup {
        let line = one_line(&backed_up(backup, picture.now.time));
        let fails = picture.verdict.reasons.iter().any(|r| matches!(r, Reason::BackupFails(_)));
        let tone = match (fails, backup.trouble.is_some() || !backup.diverged.is_empty()) {
            (true, _) => Some(Tone::Bad),
            (false, true) => Some(Tone::Attention),
            (false, false) => None,
        };
        let line = hanging("  backup: ", &line, ui.width());
        text.push_str(&tone.map_or(line.clone(), |tone| ui.tone(tone, &line)));
    }
    text
}

/// How the backup fares, in one sentence.
fn backed_up(backup: &Backup, now: i64) -> String {
    let ago = |time: &str| {
        let passed = clock::seconds(time).map(|then| u64::try_from(now - then).unwrap_or(0));
        passed.map_or_else(
            || "at an unknown time".to_owned(),
            |seconds| format!("{} ago", age(seconds)),
        )
    };
    let mut parts = vec![match &backup.last_snapshot {
        Some(time) => format!("last snapshot {}", ago(time)),
        None => "no snapshot so far".to_owned(),
    }];
    if let (Some(since), Some(trouble)) = (&backup.failing_since, &backup.trouble) {
        let (message, hint) = (&trouble.message, &trouble.hint);
        parts.push(format!("failing since {}: {message}; {hint}", clock::local(since)));
    }
    if let Some(since) = &backup.unpushed_since {
        parts.push(format!("not everywhere yet: what is new since {}", clock::local(since)));
    }
    if !backup.diverged.is_empty() {
        let places = backup.diverged.join(" and ");
        parts.push(format!("{places} went another way. Next: ubos-sync backup push"));
    }
    if backup.gaps > 0 {
        parts.push(plural(usize::try_from(backup.gaps).unwrap_or(usize::MAX), "gap"));
    }
    if let Some(time) = &backup.last_drill {
        parts.push(format!("last drill {}: {}", ago(time), drilled(backup)));
    }
    parts.join("; ")
}

/// How the last drill ended.
fn drilled(backup: &Backup) -> String {
    match (backup.drill_complete, backup.drill_known_gaps) {
        (Some(true), _) => "complete".to_owned(),
        (_, Some(gaps)) => {
            let gaps = plural(usize::try_from(gaps).unwrap_or(usize::MAX), "known gap");
            format!("complete but for {gaps}")
        }
        (_, None) => "incomplete".to_owned(),
    }
}

/// The head and what else is known, for each peer; what is the same for all at the end.
pub(crate) fn pages(pictures: &[Picture], ui: &Ui) -> String {
    let mut text = String::new();
    for picture in pictures {
        text.push_str(&head(picture, 0, ui));
        let Some(health) = &picture.health else { continue };
        if let Some(step) = next_step(picture, health) {
            text.push_str(&format!("  {}\n", one_line(&step)));
        }
        if pictures.len() > 1 {
            let generation = format!("  generation {}", health.generation);
            text.push_str(&format!("{}\n", ui.tone(Tone::Faint, &generation)));
        }
    }
    let Some((picture, health)) = pictures.iter().find_map(|p| Some((p, p.health.as_ref()?)))
    else {
        return text;
    };
    for damage in &picture.damaged {
        text.push_str(&format!("{}\n", ui.tone(Tone::Bad, &one_line(&damaged(damage, pictures)))));
    }
    let room =
        format!("{} free, backups take {}", bytes(health.free_bytes), bytes(health.backup_bytes));
    let line = match pictures.len() {
        1 => format!("  generation {}; {room}", health.generation),
        _ => format!("  {room}"),
    };
    text.push_str(&format!("{}\n", ui.tone(Tone::Faint, &line)));
    text
}

fn damaged(damage: &Damage, pictures: &[Picture]) -> String {
    let path = &damage.path;
    match &damage.place {
        Place::Tree => {
            let peers: Vec<&str> = pictures.iter().map(|picture| picture.peer.as_str()).collect();
            let (peers, has) =
                (peers.join(" or "), "has it whole: copy it from there over this one");
            format!(
                "  damaged: {path}: its bytes changed, though nobody wrote to it. {peers} {has}"
            )
        }
        Place::Backups(run) => {
            format!("  damaged: the former version of {path} in the backups of run {run}")
        }
        Place::Sealed(_) => format!("  damaged: the sealed log {path}"),
    }
}

/// In sync or not, in one line.
fn standing(picture: &Picture, changes: usize) -> String {
    let peer = &picture.peer;
    let Some(health) = &picture.health else {
        return format!("{}: no sync with {peer} is on record", picture.territory);
    };
    if let Some(error) = &health.error {
        let attempts = match health.failures_in_a_row {
            0 | 1 => String::new(),
            count => format!(" ({count} attempts failed)"),
        };
        return format!("not in sync with {peer}: {}{attempts}", error.message);
    }
    for reason in &picture.verdict.reasons {
        match reason {
            Reason::NeverSynced => return format!("never in sync with {peer} so far"),
            Reason::NoGoodRun(seconds) => {
                return format!("not in sync with {peer}: no run for {}", age(*seconds));
            }
            Reason::PeerSilent(seconds) => {
                return format!("not in sync with {peer}: silent for {}", age(*seconds));
            }
            Reason::NoDuties => {
                return format!("not in sync with {peer}: nothing runs on {}", picture.territory);
            }
            Reason::Damaged(_)
            | Reason::BackupFails(_)
            | Reason::BackupDiverged
            | Reason::ToDecide => {}
        }
    }
    if changes > 0 {
        return format!(
            "not in sync with {peer} yet: {} for the next run",
            plural(changes, "change")
        );
    }
    match (open(health).is_empty(), health.oldest_unsynced.is_some(), health.skipped) {
        (_, true, _) => format!("waiting for {peer}, which does not have the latest changes"),
        (false, ..) => format!("in sync with {peer}, but for what waits for a decision"),
        (true, false, 0) => format!("in sync with {peer}"),
        (true, false, count) => {
            let paths = plural(usize::try_from(count).unwrap_or(usize::MAX), "path");
            format!("in sync with {peer}, but for {paths} that the next run tries again")
        }
    }
}

/// Ages and the next run.
fn times(picture: &Picture, health: &Health) -> String {
    let verdict = &picture.verdict;
    let ago = |seconds: Option<u64>| match seconds {
        Some(seconds) => format!("{} ago", age(seconds)),
        None => "never".to_owned(),
    };
    let mut parts = vec![format!("last good run {}", ago(verdict.age))];
    let next = health.next_run.as_deref().and_then(clock::seconds);
    parts.push(match next.map(|next| next - picture.now.time) {
        Some(left @ 0..) => {
            format!("next in {} ({})", age(left.unsigned_abs()), health.mode.word())
        }
        Some(late) => format!("next was due {} ago", age(late.unsigned_abs())),
        None => "no next run is planned".to_owned(),
    });
    if let Some(since) = health.oldest_unsynced.as_deref().and_then(clock::seconds) {
        let waits = u64::try_from(picture.now.time - since).unwrap_or(0);
        parts.push(format!("oldest change waits for {}", age(waits)));
    }
    parts.push(format!("{} seen {}", picture.peer, ago(verdict.silence)));
    parts.join("; ")
}

/// What waits for a person.
fn open(health: &Health) -> Vec<String> {
    let counts =
        [(health.open_conflicts, "conflict"), (health.held, "held path"), (health.guards, "guard")];
    let some = counts.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, word)| plural(usize::try_from(count).unwrap_or(usize::MAX), word)).collect()
}

/// What to do about it.
fn next_step(picture: &Picture, health: &Health) -> Option<String> {
    if let Some(error) = &health.error {
        return Some(format!("Next step: {}", error.hint)).filter(|_| !error.hint.is_empty());
    }
    picture.verdict.reasons.iter().find_map(|reason| match reason {
        Reason::NeverSynced => Some("Begin with: ubos-sync bidirectional".to_owned()),
        Reason::NoGoodRun(_) | Reason::NoDuties => Some(
            "Nothing syncs by itself: ubos-sync schedule install, or ubos-sync watch".to_owned(),
        ),
        Reason::PeerSilent(_) => Some(format!(
            "Is {} switched on, and does it sync? There: ubos-sync health",
            picture.peer
        )),
        Reason::BackupDiverged => Some(
            "The backup went another way somewhere: ubos-sync backup push says how to settle it"
                .to_owned(),
        ),
        Reason::Damaged(_) | Reason::BackupFails(_) | Reason::ToDecide => None,
    })
}

/// Something damaged, as JSON.
fn damage_row(damage: &Damage) -> Value {
    let mut row = Map::new();
    put_path(&mut row, "path", &damage.path);
    let (place, run) = match &damage.place {
        Place::Tree => ("tree", None),
        Place::Backups(run) => ("backups", Some(run.clone())),
        Place::Sealed(run) => ("sealed", Some(run.clone())),
    };
    row.insert("in".into(), place.into());
    row.insert("of".into(), run.into());
    row.into()
}

/// As JSON: what is on record, and what to think of it.
pub(crate) fn document(picture: &Picture) -> Value {
    let verdict = &picture.verdict;
    let mut document = json!(picture.health.clone().unwrap_or_default());
    document["schema"] = 1.into();
    document["territory"] = picture.territory.clone().into();
    document["state"] = verdict.state.word().into();
    let reasons = verdict.reasons.iter().map(|reason| reason.word());
    document["reasons"] = reasons.collect::<Vec<_>>().into();
    document["age"] = verdict.age.into();
    document["awake_age"] = verdict.awake_age.into();
    document["silence"] = verdict.silence.into();
    document["damage"] = picture.damaged.iter().map(damage_row).collect();
    document
}
