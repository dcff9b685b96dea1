//! What `recover` tells: what it sees, what it would do in plain sentences, the preview of every
//! action, and which copies have to be sent back by hand.

use std::collections::BTreeMap;

use ubos_core::conflict::Notice;
use ubos_core::path::RelPath;
use ubos_core::plan::Reason;
use ubos_core::sides::{Side, Sides};
use ubos_engine::cycle::diagnosis::FindingKind;
use ubos_engine::cycle::report::{Action, RunReport};

use super::command::{about, word};
use super::run::action_line;
use super::units::{number, plural};
use super::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Longer lists are cut unless more is asked for.
const MANY: usize = 40;

/// Where the two territories lie, for commands about them.
pub(crate) struct Places {
    /// This side's top folder.
    pub root: String,
    /// The peer's address.
    pub address: String,
}

/// One way to carry it out.
pub(crate) struct Way {
    /// What a person means by it.
    pub means: String,
    /// The command, with the plan's id.
    pub command: String,
}

/// What is the matter with each territory.
pub(crate) fn seen(report: &RunReport, ui: &Ui) -> String {
    let mut text = format!("{}\n", ui.tone(Tone::Strong, "What I see"));
    for finding in &report.diagnosis {
        let message = format!("{}.", one_line(&finding.message));
        text.push_str(&hanging("  - ", &message, ui.width()));
    }
    text.push('\n');
    text
}

/// What would be done, in sentences with counts, and then action by action.
pub(crate) fn does(report: &RunReport, places: &Places, ui: &Ui) -> String {
    let mut text = format!("{}\n", ui.tone(Tone::Strong, "What recover does"));
    let say = |sentence: &str| hanging("  ", sentence, ui.width());
    text.push_str(&say(
        "What the two remember of each other is set aside, and their folders are compared as they stand now.",
    ));
    text.push_str(&say(
        "Nothing is deleted on either side. Whatever is replaced goes to the backups first.",
    ));
    text.push_str(&counts(report));
    let replaced = report.diagnosis.iter().any(|finding| finding.kind == FindingKind::New);
    let copied = !replaced && all(report).any(|action| action.reason == Reason::Reappears);
    if copied {
        text.push_str(&say(
            "A file that was deleted on one side only comes back from the other: nobody can tell it from a new one.",
        ));
    }
    text.push_str(&moved_or_copied(report, places, ui));
    text.push_str(&listing(report, ui));
    text
}

/// Everything that a confirmed plan carries out, also what a guard would hold in a sync.
fn all(report: &RunReport) -> impl Iterator<Item = &Action> {
    report.actions.iter().chain(&report.guarded)
}

fn counts(report: &RunReport) -> String {
    let names = report.names.as_ref().map(|name| one_line(name));
    let count = |to: Side, replaced: bool| {
        let counts = |action: &&Action| {
            let is_file = !matches!(action.op, "mkdir" | "rmdir");
            is_file && action.to == to && (action.reason == Reason::Resolved) == replaced
        };
        all(report).filter(counts).count() as u64
    };
    let mut rows = vec![(report.adopted, "the same on both sides: agreed on as it is".to_owned())];
    for to in Side::BOTH {
        let (from, to_name) = (names.get(to.other()), names.get(to));
        rows.push((count(to, false), format!("only on {from}: copied to {to_name}")));
        let replaced = format!("different: {from}'s version wins, {to_name}'s goes to its backups");
        rows.push((count(to, true), replaced));
    }
    let open = "different: left as it is on both sides, as a conflict for you to settle".to_owned();
    rows.push((report.conflicts.len() as u64, open));
    rows.retain(|(count, _)| *count > 0);
    let files = ("file", "files");
    rows.into_iter().fold(String::new(), |text, (count, what)| {
        let word = if count == 1 { files.0 } else { files.1 };
        text + &format!("  {:>10} {word:<5}  {what}\n", number(count))
    })
}

/// A territory on another machine may have been moved there, or be a copy of one that lives on.
fn moved_or_copied(report: &RunReport, places: &Places, ui: &Ui) -> String {
    let found = |finding: &&ubos_engine::cycle::diagnosis::Finding| {
        finding.kind == FindingKind::OtherMachine
    };
    let Some(finding) = report.diagnosis.iter().find(found) else { return String::new() };
    let name = one_line(report.names.get(finding.on));
    let peer = word(report.names.there.as_bytes());
    let say = |sentence: &str| hanging("  ", sentence, ui.width());
    let mut text = String::from("\n");
    text.push_str(&say(&format!(
        "If {name} was moved to another machine: carry this out, and it is adopted there."
    )));
    text.push_str(&say(&format!(
        "If this is a copy, and the {name} that was copied is still in use: do not."
    )));
    match finding.on {
        Side::Here => {
            let root = word(places.root.as_bytes());
            let aside = word(format!("{}.ubos-sync-of-the-original", places.root).as_bytes());
            let address = word(format!("{}={}", report.names.there, places.address).as_bytes());
            let copy = word(format!("{}-copy", report.names.here).as_bytes());
            text.push_str(&say("Set its identity aside, and pair it under a name of its own:"));
            let private = word(format!("{}/.ubos-sync", places.root).as_bytes());
            text.push_str(&format!("    mv {private} {aside}\n"));
            text.push_str(&format!("    ubos-sync init {root} --name {copy} --peer {address}\n"));
        }
        Side::There => {
            text.push_str(&say("Give the address of the one that was paired:"));
            text.push_str(&format!("    ubos-sync init . --peer {peer}=ADDRESS\n"));
        }
    }
    text
}

fn listing(report: &RunReport, ui: &Ui) -> String {
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    let mut lines: Vec<String> =
        all(report).map(|action| format!("  {}", action_line(report, action, ui))).collect();
    lines.extend(
        report.conflicts.iter().map(|c| format!("  differs  {}\n", one_line(&c.path.to_string()))),
    );
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", ui.tone(Tone::Strong, "Path by path"));
    text.extend(lines.iter().take(limit).map(String::as_str));
    if lines.len() > limit {
        text.push_str(&format!("  … and {} more (-v shows all)\n", lines.len() - limit));
    }
    text
}

/// How to carry it out from where nobody can be asked.
pub(crate) fn ways(ways: &[Way], ui: &Ui) -> String {
    let mut text = format!("\n{}\n", ui.tone(Tone::Strong, "To carry this out"));
    for way in ways {
        text.push_str(&hanging("  ", &format!("{}:", way.means), ui.width()));
        text.push_str(&format!("    {}\n", way.command));
    }
    text
}

/// Paths of one-way areas that only their mirror holds.
pub(crate) fn only_copies(report: &RunReport) -> impl Iterator<Item = &Notice> {
    report.notices.iter().filter(|notice| notice.reason == "local-only")
}

/// What stands only where it does not belong, with the commands that send it back; `when` says when.
pub(crate) fn copies(report: &RunReport, when: &str, ui: &Ui) -> String {
    let mut text = String::new();
    for on in Side::BOTH {
        let count = only_copies(report).filter(|notice| notice.on == on).count();
        if count == 0 {
            continue;
        }
        let (name, other) =
            (one_line(report.names.get(on)), one_line(report.names.get(on.other())));
        let head = format!("Only copies, on {name}");
        text.push_str(&format!("\n{}\n", ui.tone(Tone::Strong, &head)));
        let sentence = format!(
            "In one-way areas whose content comes from {other}, only {name} still holds {}. No sync sends that back by itself. To send it to {other}{when}:",
            plural(count, "path")
        );
        text.push_str(&hanging("  ", &sentence, ui.width()));
        for command in promote_commands(report, on) {
            text.push_str(&format!("    {command}\n"));
        }
    }
    text
}

/// The commands that send back what only a mirror holds: a whole top folder where nothing else is
/// open in it, single paths elsewhere.
pub(crate) fn promote_commands(report: &RunReport, on: Side) -> Vec<String> {
    let top = |path: &RelPath| path.components().next().unwrap_or_default().to_vec();
    let mut groups: BTreeMap<Vec<u8>, Vec<&RelPath>> = BTreeMap::new();
    for notice in only_copies(report).filter(|notice| notice.on == on) {
        groups.entry(top(&notice.path)).or_default().push(&notice.path);
    }
    let open = report.conflicts.iter().map(|c| &c.path).chain(report.held.iter().map(|h| &h.path));
    let open: Vec<Vec<u8>> = open.map(top).collect();
    let mut commands = Vec::new();
    for (folder, paths) in groups {
        if paths.len() > 1 && !open.contains(&folder) {
            commands.push(about("promote", &folder, ""));
        } else {
            commands.extend(paths.iter().map(|path| about("promote", path.as_bytes(), "")));
        }
    }
    commands
}

/// What a person means who restored the folder of `older`: the question and its three answers.
pub(crate) fn meanings(names: &Sides<String>, older: Side) -> [String; 3] {
    let (old, new) = (names.get(older), names.get(older.other()));
    [
        format!("the restore was a mistake: take the newer versions from {new}"),
        format!("I meant it: the restored versions of {old} win"),
        "show me each difference as a conflict".to_owned(),
    ]
}
