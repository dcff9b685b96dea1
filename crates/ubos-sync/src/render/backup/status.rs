//! The coverage as a table for people, with the next step for each gap, and as JSON.

use serde_json::{Map, Value, json};

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_tiers::git::coverage::compare::{ClassRow, GapRow, Reason};
use ubos_tiers::git::coverage::facts::Known;
use ubos_tiers::git::coverage::place::Place;
use ubos_tiers::git::manifest::Gap;

use crate::commands::backup::Status;
use crate::render::command::about;
use crate::render::json::put_path;
use crate::render::units::{age, bytes, number, plural};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

const NANOS: i64 = 1_000_000_000;

/// The page.
pub(crate) fn text(status: &Status, now: i64, ui: &Ui) -> String {
    let mut text = ui.tone(
        Tone::Strong,
        "class             files       size  laptop  server  remote   newest  copies\n",
    );
    for row in &status.coverage.classes {
        text.push_str(&line(status, row, now, ui));
    }
    text.push('\n');
    for place in Place::ALL {
        text.push_str(&standing(status, place, now, ui.width()));
    }
    for shown in &status.diverged {
        let line = format!("{shown} went another way. Next: ubos-sync backup push");
        text.push_str(&ui.tone(Tone::Attention, &hanging("", &one_line(&line), ui.width())));
    }
    let gaps = gaps(status, ui);
    if !gaps.is_empty() {
        text.push_str(&format!("\n{gaps}"));
    }
    text.push_str(&beside(status, ui));
    text
}

fn line(status: &Status, row: &ClassRow, now: i64, ui: &Ui) -> String {
    let cell = |place: Place| match status.places.get(place) {
        Known::Unknown { .. } => "?".to_owned(),
        Known::Unset => "-".to_owned(),
        Known::Looked(_) if row.places.get(place).files == row.files => "all".to_owned(),
        Known::Looked(_) => number(row.places.get(place).files),
    };
    let newest = Place::ALL.iter().filter_map(|place| row.places.get(*place).newest).max();
    let newest = newest.map_or("-".to_owned(), |mtime| short_age(now - mtime / NANOS));
    let copies = match status.laptop {
        true => format!("{} of {}", row.copies, row.class.promised()),
        false => "-".to_owned(),
    };
    let line = format!(
        "{:<15} {:>7} {:>10}  {:>6}  {:>6}  {:>6}  {:>7}  {copies}",
        row.class.words(),
        number(row.files),
        bytes(row.bytes),
        cell(Place::Laptop),
        cell(Place::Server),
        cell(Place::Remote),
        newest,
    );
    let short = status.laptop && row.short > 0;
    format!("{}\n", if short { ui.tone(Tone::Attention, &line) } else { line })
}

/// An age in one unit, for a narrow column: `3 h`.
fn short_age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", number((seconds / 86_400).unsigned_abs())),
    }
}

/// A place in one sentence.
fn standing(status: &Status, place: Place, now: i64, columns: usize) -> String {
    let name = match (place, status.laptop) {
        (Place::Laptop, true) | (Place::Server, false) => status.here.as_str(),
        (Place::Laptop, false) | (Place::Server, true) => status.peer.as_str(),
        (Place::Remote, _) => "",
    };
    let what = match place {
        Place::Laptop => "repository with ",
        Place::Server => "mirror with ",
        Place::Remote => "",
    };
    let words = match status.places.get(place) {
        Known::Unset => "there is none. Next: ubos-sync backup init --remote URL".to_owned(),
        Known::Unknown { since, why } => {
            let since = since.as_deref().map_or("unknown".to_owned(), |since| {
                format!("unknown since {}", clock::local(since))
            });
            format!("{since}: {}", one_line(why))
        }
        Known::Looked(facts) => match &facts.repository {
            None => match place {
                Place::Laptop => no_snapshot(status).to_owned(),
                Place::Server => {
                    "no mirror: no history is there. Next: ubos-sync backup push".to_owned()
                }
                Place::Remote => "nothing was sent yet. Next: ubos-sync backup push".to_owned(),
            },
            Some(shelved) => {
                let count = usize::try_from(shelved.snapshots).unwrap_or(usize::MAX);
                let since = shelved.since.as_deref().map(clock::local).unwrap_or_default();
                let made = clock::seconds(&shelved.made).map(|made| (now - made).max(0));
                let made = made.map_or(String::new(), |made| {
                    format!(", the newest {} old", age(made.unsigned_abs()))
                });
                format!("{what}{} since {since}{made}", plural(count, "snapshot"))
            }
        },
    };
    let name = if name.is_empty() { String::new() } else { format!("{}: ", one_line(name)) };
    hanging(&format!("{:<8}  ", place.word()), &format!("{name}{words}"), columns)
}

fn no_snapshot(status: &Status) -> &'static str {
    match status.enabled {
        true => "no snapshot yet. Next: ubos-sync backup snapshot",
        false => "no snapshot yet. Next: ubos-sync backup init",
    }
}

fn gaps(status: &Status, ui: &Ui) -> String {
    let mut text = String::new();
    for row in &status.coverage.classes {
        for gap in row.gaps.iter().filter(|gap| is_worth_a_line(status, gap)) {
            let count = usize::try_from(gap.count).unwrap_or(usize::MAX);
            let line = format!(
                "{}: {} ({}) not on the {}: {}",
                row.class.words(),
                plural(count, "path"),
                bytes(gap.bytes),
                gap.place.word(),
                words(gap.reason)
            );
            let line = hanging("", &line, ui.width());
            text.push_str(&if row.short > 0 { ui.tone(Tone::Attention, &line) } else { line });
            let mut paths: Vec<String> =
                gap.paths.iter().map(|path| one_line(&path.to_string())).collect();
            if gap.count > gap.paths.len() as u64 {
                paths.push(format!("… and {} more", gap.count - gap.paths.len() as u64));
            }
            text.push_str(&hanging("    ", &paths.join(", "), ui.width()));
            // A command that is broken into two lines cannot be copied.
            text.push_str(&format!("    {}\n", remedy(status, gap)));
        }
    }
    if status.coverage.unknown > 0 {
        let count = usize::try_from(status.coverage.unknown).unwrap_or(usize::MAX);
        text.push_str(&format!("{} could not be looked at here\n", plural(count, "path")));
    }
    text
}

/// What a place that is not there, or not reached, lacks is said once, with the place.
fn is_worth_a_line(status: &Status, gap: &GapRow) -> bool {
    match status.places.get(gap.place) {
        Known::Looked(facts) => facts.tree.is_some() || facts.repository.is_some(),
        Known::Unknown { .. } | Known::Unset => false,
    }
}

fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::Gap(Gap::Secret) => "kept out on purpose, for what looks like a secret",
        Reason::Gap(Gap::TooLarge) => "larger than git takes, and no log",
        Reason::Gap(Gap::Torn) => "half-written; the former version is kept",
        Reason::Gap(Gap::Unreadable) => "could not be read; the former version is kept",
        Reason::Gap(Gap::Name) => "git cannot hold such a name",
        Reason::NoSnapshot => "changed since the last snapshot",
        Reason::Unpushed => "not yet pushed: it is in a snapshot here",
        Reason::NotSynced => "not brought by the sync yet",
        Reason::Conflict => "changed on both sides, and nobody has decided",
        Reason::Unknown => "could not be looked at",
        Reason::Unset => "there is no such place",
    }
}

fn remedy(status: &Status, gap: &GapRow) -> String {
    let text = match gap.reason {
        Reason::Gap(Gap::Secret) => "If one is none: ubos-sync backup check says how to allow it",
        Reason::Gap(Gap::TooLarge) => {
            "Next: `max_file_size` or `logs` below `[backup]` in config.toml"
        }
        Reason::Gap(Gap::Torn) => "It mends itself with the first snapshot after it is whole again",
        Reason::Gap(Gap::Unreadable) | Reason::Unknown => "Next: look at its rights, `ls -l`",
        Reason::Gap(Gap::Name) => "Next: give it another name",
        Reason::NoSnapshot => "Next: ubos-sync backup snapshot",
        Reason::Unpushed if status.enabled => {
            let every = age(status.push_every.as_secs());
            return format!("Next: ubos-sync backup push (a timer or watch does it every {every})");
        }
        Reason::Unpushed => "Next: ubos-sync backup push",
        Reason::NotSynced => "Next: ubos-sync bidirectional",
        Reason::Conflict => {
            return match (&gap.paths[..], gap.count) {
                ([path], 1) => format!("Next: {}", about("resolve", path.as_bytes(), "")),
                _ => "Next: ubos-sync resolve".to_owned(),
            };
        }
        Reason::Unset => "Next: ubos-sync backup init --remote URL",
    };
    text.to_owned()
}

fn beside(status: &Status, ui: &Ui) -> String {
    let mut text = String::new();
    for place in [Place::Laptop, Place::Server] {
        let Some(beside) = status.facts(place).map(|facts| &facts.beside) else { continue };
        if beside.names.is_empty() {
            continue;
        }
        let more = match beside.more {
            0 => String::new(),
            more => format!(" … and {} more", number(more)),
        };
        let names = one_line(&beside.names.join(", "));
        let line = format!("not shared, one copy, on the {}: {names}{more}", place.word());
        text.push_str(&ui.tone(Tone::Faint, &hanging("", &line, ui.width())));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// As JSON.
pub(crate) fn document(status: &Status) -> Value {
    let mut places = Map::new();
    let mut beside = Map::new();
    for place in Place::ALL {
        places.insert(place.word().into(), place_row(status.places.get(place)));
        if let Some(facts) = status.facts(place).filter(|facts| facts.tree.is_some()) {
            let row = json!({"names": facts.beside.names, "more": facts.beside.more});
            beside.insert(place.word().into(), row);
        }
    }
    json!({
        "schema": 1,
        "command": "backup status",
        "here": status.here,
        "peer": status.peer,
        "places": places,
        "classes": status.coverage.classes.iter().map(class_row).collect::<Vec<_>>(),
        "unreadable": status.coverage.unknown,
        "diverged": status.diverged,
        "not_shared": beside,
        "exit": status.exit,
    })
}

fn place_row(known: &Known) -> Value {
    match known {
        Known::Unset => json!({"state": "none"}),
        Known::Unknown { since, why } => json!({"state": "unknown", "since": since, "why": why}),
        Known::Looked(facts) => {
            let repository = facts.repository.as_ref();
            json!({
                "state": "known",
                "manifest": repository.map(|shelved| shelved.manifest.clone()),
                "snapshots": repository.map_or(0, |shelved| shelved.snapshots),
                "first": repository.and_then(|shelved| shelved.since.clone()),
                "newest": repository.map(|shelved| shelved.made.clone()),
            })
        }
    }
}

fn class_row(row: &ClassRow) -> Value {
    let mut places = Map::new();
    for place in Place::ALL {
        let of = row.places.get(place);
        let newest = of.newest.map(|mtime| clock::rfc3339_ms(mtime / 1_000_000));
        let row = json!({
            "files": of.files, "bytes": of.bytes, "versioned": of.versioned, "newest": newest,
        });
        places.insert(place.word().into(), row);
    }
    json!({
        "class": row.class.word(),
        "files": row.files,
        "bytes": row.bytes,
        "promised": row.class.promised(),
        "copies": row.copies,
        "short": row.short,
        "places": places,
        "gaps": row.gaps.iter().map(gap_row).collect::<Vec<_>>(),
    })
}

fn gap_row(gap: &GapRow) -> Value {
    json!({
        "place": gap.place.word(), "reason": gap.reason.word(), "count": gap.count,
        "bytes": gap.bytes, "paths": gap.paths.iter().map(path_row).collect::<Vec<_>>(),
    })
}

fn path_row(path: &RelPath) -> Value {
    let mut row = Map::new();
    put_path(&mut row, "path", path);
    row.into()
}
