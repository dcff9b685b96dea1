//! What runs by itself, as text: files, what became of them, how it goes.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::render::command::quote;
use crate::render::units;
use crate::schedule::files::{Change, Step};
use crate::schedule::order::{Mode, Order, Scope, UnitFile};
use crate::schedule::place::Place;
use crate::schedule::service::State;
use crate::schedule::standing::Standing;
use crate::ui::sanitize::{one_line, sanitize};
use crate::ui::{Tone, Ui};

/// The files with their places.
pub(crate) fn shown(order: &Order, place: &Place, files: &[UnitFile], ui: &Ui) -> String {
    let mut text = String::new();
    for file in files {
        let path = place.folder.join(&file.name).display().to_string();
        text.push_str(&format!(
            "{}\n{}\n",
            ui.tone(Tone::Strong, &one_line(&path)),
            sanitize(&file.text)
        ));
    }
    text.push_str(&format!(
        "Nothing was installed. To do so: {}\n",
        ours(order, &format!("schedule install{}", flags(order)))
    ));
    text
}

/// What an installation did.
pub(crate) fn installed(
    order: &Order,
    place: &Place,
    steps: &[Step],
    lingers: Option<bool>,
    guarded: Option<&str>,
    ui: &Ui,
) -> String {
    let same = steps.iter().all(|step| step.change == Change::Same);
    let when = match order.mode {
        Mode::Watch => "on every change".to_owned(),
        Mode::Timer(interval) => format!("every {}", distance(interval.minutes())),
    };
    let head = if same { "Already set up, and on" } else { "Set up, and on" };
    let names =
        format!("{} syncs with {} {when}", one_line(&order.territory), one_line(&order.peer));
    let report = if order.audit { "; a report is written every Monday" } else { "" };
    let mut text = format!("{}: {names}{report}.\n", ui.tone(Tone::Good, head));
    if order.base != place.plain_base() {
        text.push_str(&format!(
            "Another file here has the plain name, so these are called {}.\n",
            order.base
        ));
    }
    for step in steps {
        text.push_str(&format!(
            "  {:<10} {}\n",
            step.change.word(),
            one_line(&step.path.display().to_string())
        ));
        if let (Change::Update, Some(old), Some(new)) = (step.change, &step.old, &step.new) {
            text.push_str(&differences(old, new, ui));
        }
    }
    text.push_str(&format!("\n  how it goes   {}\n", ours(order, "schedule status")));
    text.push_str(&format!("  what it said  {}\n", journal(order)));
    text.push_str(&format!("  take it away  {}\n", ours(order, "schedule remove")));
    if lingers == Some(false) {
        text.push_str(&format!(
            "\nIt runs while {0} is logged in. To let it run always: sudo loginctl enable-linger {0}\n",
            quote(&order.user.name)
        ));
    }
    if let Some(folder) = guarded {
        text.push_str(&guarded_folder(order, folder));
    }
    text
}

/// What a removal did.
pub(crate) fn removed(root: &Path, removed: &[PathBuf], ui: &Ui) -> String {
    let root = one_line(&root.display().to_string());
    if removed.is_empty() {
        return format!("Nothing was installed for {root}; nothing to take away.\n");
    }
    let mut text = format!("{} {root} no longer syncs by itself.\n", ui.tone(Tone::Good, "Done:"));
    for path in removed {
        text.push_str(&format!(
            "  {:<10} {}\n",
            Change::Remove.word(),
            one_line(&path.display().to_string())
        ));
    }
    text + "To set it up again: ubos-sync schedule install\n"
}

/// How it goes.
pub(crate) fn status(root: &Path, standings: &[Standing], ui: &Ui) -> String {
    if standings.is_empty() {
        return format!(
            "Nothing is installed for {}: it syncs when you start it.\nTo let it sync by itself: ubos-sync schedule install\n",
            one_line(&root.display().to_string())
        );
    }
    standings.iter().map(|standing| one(standing, ui)).collect::<Vec<_>>().join("\n")
}

fn one(standing: &Standing, ui: &Ui) -> String {
    let by = match standing.scope {
        Scope::System => "service of the machine",
        Scope::User => "service of this user",
        Scope::Agent => "agent of this user",
    };
    let when = match standing.mark.mode {
        Mode::Watch => "on every change".to_owned(),
        Mode::Timer(interval) => format!("every {}", distance(interval.minutes())),
    };
    let report = if standing.mark.audit { ", with a weekly report" } else { "" };
    let title = format!("{} ({by})", standing.base);
    let peer = one_line(&standing.mark.peer);
    let mut text = format!("{}: with {peer} {when}{report}\n", ui.tone(Tone::Strong, &title));
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<9} {value}\n"));
    match &standing.state {
        Ok(state) => {
            line("state", &state_words(state, standing.mark.mode, ui));
            if let Some(last) = last_words(state) {
                line("last run", &last);
            }
            if let Some(next) = &state.next_run {
                line("next run", &moment(next));
            }
            if let Some(report) = &standing.report {
                line("report", &report_words(report, ui));
            }
        }
        Err(trouble) => {
            line("state", &ui.tone(Tone::Bad, &one_line(&trouble.message)));
            line("", &format!("→ {}", one_line(&trouble.hint)));
        }
    }
    let unknown = standing.files.iter().any(|(_, change)| change.is_none());
    let differ =
        standing.files.iter().filter(|(_, c)| c.is_some_and(|c| c != Change::Same)).count();
    match (unknown, differ) {
        (true, _) => line("files", "there; the territory cannot be read to compare them"),
        (_, 0) => line("files", "as this version writes them"),
        _ => {
            let words =
                format!("{} would be written differently now", units::plural(differ, "file"));
            line("files", &ui.tone(Tone::Attention, &words));
            line("", "→ `ubos-sync schedule install` again, with the options you want");
        }
    }
    if !standing.program_there {
        let program = one_line(&standing.mark.program.display().to_string());
        line("program", &ui.tone(Tone::Bad, &format!("{program} is gone")));
        line("", "→ install ubos-sync again, then `ubos-sync schedule install`");
    }
    text
}

fn state_words(state: &State, mode: Mode, ui: &Ui) -> String {
    let (tone, words) = match (state.active, state.running, mode) {
        (true, true, Mode::Watch) => (Tone::Good, "on, watching"),
        (true, true, Mode::Timer(_)) => (Tone::Good, "on, a run is going"),
        (true, false, Mode::Timer(_)) => (Tone::Good, "on"),
        (true, false, Mode::Watch) => (Tone::Bad, "on, but not running"),
        (false, true, _) => (Tone::Attention, "starting or ending"),
        (false, false, _) => (Tone::Bad, "off; `ubos-sync schedule install` switches it on"),
    };
    let words = ui.tone(tone, words);
    if state.active && !state.enabled {
        words + ", but not after the next restart of the machine (switched off there)"
    } else {
        words
    }
}

/// When the weekly report is due, and how the last one ended.
fn report_words(report: &State, ui: &Ui) -> String {
    let next = match (report.active, report.running, &report.next_run) {
        (_, true, _) => "being written now".to_owned(),
        (true, false, Some(next)) => format!("next {}", moment(next)),
        (true, false, None) => "on".to_owned(),
        (false, false, _) => ui.tone(Tone::Bad, "off; `ubos-sync schedule install` switches it on"),
    };
    let last =
        last_words(report).map_or("none was written yet".to_owned(), |last| format!("last {last}"));
    format!("{next}; {last}")
}

fn last_words(state: &State) -> Option<String> {
    let ended = match (state.last_exit, state.last_result.as_deref()) {
        (Some(code), None | Some("success" | "exit-code")) => {
            format!("{} ({code})", exit_words(code))
        }
        (_, Some(result)) => format!("ended by the service manager ({})", one_line(result)),
        (None, None) => String::new(),
    };
    let when = state.last_run.as_deref().map(moment);
    match (when, ended.is_empty()) {
        (Some(when), false) => Some(format!("{when}: {ended}")),
        (Some(when), true) => Some(when),
        (None, false) => Some(ended),
        (None, true) => None,
    }
}

fn exit_words(code: i32) -> &'static str {
    match code {
        0 => "done",
        1 => "failed",
        2 => "wrong configuration or manifest",
        3 => "done, a person must decide; see `ubos-sync status`",
        4 => "a guard held something; see `ubos-sync status`",
        5 => "the peer could not be reached",
        6 => "another run was there first",
        7 => "done, some paths will be tried again",
        200..=299 => "it could not be started",
        _ => "ended",
    }
}

/// A time as the distance from now.
fn moment(time: &str) -> String {
    let Ok(stamp) = time.parse::<Timestamp>() else { return one_line(time) };
    let seconds = Timestamp::now().as_second() - stamp.as_second();
    let age = units::age(seconds.unsigned_abs());
    if seconds < 0 { format!("in {age}") } else { format!("{age} ago") }
}

fn distance(minutes: u32) -> String {
    match minutes {
        1 => "minute".into(),
        60 => "hour".into(),
        1440 => "day".into(),
        minutes if minutes.is_multiple_of(60) => format!("{} hours", minutes / 60),
        minutes => format!("{minutes} minutes"),
    }
}

/// The lines of a file that are others now.
fn differences(old: &str, new: &str, ui: &Ui) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    let changes = diff.iter_all_changes().filter_map(|change| {
        let line = one_line(change.value().trim_end());
        match change.tag() {
            similar::ChangeTag::Equal => None,
            similar::ChangeTag::Delete => Some(ui.tone(Tone::Removed, &format!("- {line}"))),
            similar::ChangeTag::Insert => Some(ui.tone(Tone::Added, &format!("+ {line}"))),
        }
    });
    changes.map(|line| format!("             {line}\n")).collect()
}

/// A command about the same territory.
fn ours(order: &Order, command: &str) -> String {
    let sudo = if order.scope == Scope::System { "sudo " } else { "" };
    let root = quote(&order.root.to_string_lossy());
    let peer =
        if order.name_peer { format!(" --peer {}", quote(&order.peer)) } else { String::new() };
    format!("{sudo}ubos-sync --root {root}{peer} {command}")
}

fn flags(order: &Order) -> String {
    let mut flags = String::new();
    if order.scope == Scope::System {
        flags.push_str(" --system");
    }
    match order.mode {
        Mode::Watch => flags.push_str(" --watch"),
        Mode::Timer(interval) if interval.minutes() != 5 => {
            flags.push_str(&format!(" --interval {interval}"));
        }
        Mode::Timer(_) => {}
    }
    flags
}

fn journal(order: &Order) -> String {
    match order.scope {
        Scope::System => format!("sudo journalctl -u {}", order.base),
        Scope::User => format!("journalctl --user -u {}", order.base),
        Scope::Agent => {
            format!("ubos-sync log; early failures: ~/Library/Logs/ubos-sync/{}.log", order.base)
        }
    }
}

fn guarded_folder(order: &Order, folder: &str) -> String {
    let program = one_line(&order.program.display().to_string());
    format!(
        "\nmacOS guards {folder} against programs in the background, also where they work in Terminal.\n\
         If `schedule status` shows a failure, allow it once:\n\
         \x20 1. System Settings › Privacy & Security › Files and Folders: switch {folder} on for ubos-sync.\n\
         \x20    If ubos-sync is not in that list: › Full Disk Access › + and choose\n\
         \x20    {program} (Cmd-Shift-G takes the path)\n\
         \x20 2. launchctl kickstart -k gui/$(id -u)/{}\n\
         \x20 3. {}\n\
         After an update of the program this may be needed again. A folder elsewhere needs none of it:\n\
         move it to ~/UBOS and leave a link to it in {folder}.\n",
        order.base,
        ours(order, "schedule status"),
    )
}
