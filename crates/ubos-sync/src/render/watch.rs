//! What a watch shows: the few lines of its live status, and one line for each run that did
//! something.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use ubos_core::sides::Side;
use ubos_engine::cycle::report::RunReport;

use super::guarded::confirm_run;
use super::units::{age, plural};
use super::wrap::hanging;
use crate::ui::cells::width;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Columns that are needed beside the beginning of a line.
const ROOM: usize = 24;
/// What settles what is open.
const RESOLVE: &str = "ubos-sync resolve";

/// On a narrower screen the state has lines of its own.
const NARROW: usize = 60;

/// How the watch stands.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    /// This territory.
    pub here: String,
    /// The other one.
    pub peer: String,
    /// What it does now.
    pub doing: Doing,
    /// The last runs that did something, latest first: when, and what.
    pub runs: Vec<(Timestamp, String)>,
    /// Conflicts and held paths that wait for a person.
    pub open: Option<String>,
    /// What guards hold, and the command that carries it out.
    pub guarded: Option<String>,
    /// When everything is looked at next.
    pub next: Option<Timestamp>,
    /// Why hints are missing.
    pub blind: Option<String>,
}

/// What a watch does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It connects, and looks at everything.
    Connects,
    /// It looks at both sides.
    Looks,
    /// It moves content.
    Syncs {
        /// Files that arrived.
        done: u64,
        /// Files in all.
        files: u64,
    },
    /// Both sides are as they should be, since then.
    InSync(Timestamp),
    /// It tries again later.
    Waits {
        /// Why.
        why: String,
        /// What a person can do.
        hint: String,
        /// When.
        retry: Option<Timestamp>,
    },
}

/// The lines of the live status, none wider than the terminal.
pub(crate) fn lines(status: &Status, now: Timestamp, ui: &Ui) -> Vec<String> {
    let zone = ui.zone();
    let mut out = Lines { ui, columns: ui.width().saturating_sub(1), lines: Vec::new() };
    let (tone, state) = state(status, now, zone);
    let pair = format!("{} ⇄ {}", status.here, status.peer);
    if out.columns < NARROW {
        out.add(Tone::Strong, "", &pair);
        out.add(tone, "  ", &state);
    } else {
        out.add(tone, &format!("{pair}  "), &state);
    }
    if let Doing::Waits { hint, .. } = &status.doing {
        out.add(Tone::Faint, "  ", hint);
    }
    for (at, what) in &status.runs {
        out.add(Tone::Faint, "  ", &format!("{}  {what}", clock_time(*at, now, zone)));
    }
    for open in [&status.open, &status.guarded].into_iter().flatten() {
        out.add(Tone::Attention, "  ", open);
    }
    if let Some(blind) = &status.blind {
        out.add(Tone::Attention, "  ", &slower(blind));
    }
    let next = match status.next {
        Some(next) => format!("next full look {}; ", clock_time(next, now, zone)),
        None => String::new(),
    };
    out.add(Tone::Faint, "  ", &format!("{next}Ctrl-C ends"));
    out.lines
}

struct Lines<'a> {
    ui: &'a Ui,
    columns: usize,
    lines: Vec<String>,
}

impl Lines<'_> {
    fn add(&mut self, tone: Tone, first: &str, text: &str) {
        let (first, text) = (one_line(first), one_line(text));
        // Beside a long beginning nothing would fit on a narrow screen.
        let text = match width(&first) + ROOM > self.columns && !first.trim().is_empty() {
            true => format!("{}\n{}", first.trim_end(), hanging("  ", &text, self.columns)),
            false => hanging(&first, &text, self.columns),
        };
        let painted = text.lines().map(|line| self.ui.tone(tone, line));
        self.lines.extend(painted);
    }
}

/// The state in words, without a line break.
pub(crate) fn sentence(status: &Status, now: Timestamp, zone: &TimeZone) -> String {
    let open = status.open.iter().chain(&status.guarded);
    let parts: Vec<String> =
        std::iter::once(state(status, now, zone).1).chain(open.cloned()).collect();
    one_line(&parts.join("; "))
}

fn state(status: &Status, now: Timestamp, zone: &TimeZone) -> (Tone, String) {
    let at = |time: Timestamp| clock_time(time, now, zone);
    match &status.doing {
        Doing::Connects => (Tone::Strong, format!("connecting to {}", status.peer)),
        Doing::Looks => (Tone::Strong, "looking at both sides".to_owned()),
        Doing::Syncs { done, files } => {
            (Tone::Strong, format!("syncing {done} of {}", plural(*files as usize, "file")))
        }
        Doing::InSync(since) if status.open.is_none() && status.guarded.is_none() => {
            (Tone::Good, format!("in sync since {}", at(*since)))
        }
        Doing::InSync(since) => {
            (Tone::Good, format!("in sync since {}, but for what waits below", at(*since)))
        }
        Doing::Waits { why, retry: Some(retry), .. } => {
            (Tone::Attention, format!("waiting to try again at {}: {why}", at(*retry)))
        }
        Doing::Waits { why, retry: None, .. } => (Tone::Attention, why.clone()),
    }
}

/// By the user's clock; with the day where it is another one.
fn clock_time(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (time, now): (Zoned, Zoned) = (time.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = if time.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    time.strftime(form).to_string()
}

/// That changes are noticed late, and why.
pub(crate) fn slower(blind: &str) -> String {
    format!(
        "not every change is noticed at once: {blind}; the rest is found by looking at everything"
    )
}

/// What a run did, in a line.
pub(crate) fn did(report: &RunReport, took: Duration) -> String {
    let count = |to: Side| report.actions.iter().filter(|action| action.to == to).count();
    let part = |to: Side| {
        let name = report.names.get(to);
        (count(to) > 0).then(|| format!("{} to {name}", count(to)))
    };
    let mut parts: Vec<String> = Side::BOTH.into_iter().rev().filter_map(part).collect();
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    let mut text = parts.join(", ");
    if let Some(first) = report.actions.first() {
        let more = match report.actions.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text.push_str(&format!(" ({}{more})", first.path));
    }
    if !report.skipped.is_empty() {
        text.push_str(&format!(", {} skipped until the next run", report.skipped.len()));
    }
    one_line(&format!("{text}, {}", length(took)))
}

/// A length of time as exact as one wants it of a run.
fn length(took: Duration) -> String {
    match took.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        ms @ 1000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        ms => age((ms / 1000) as u64),
    }
}

/// What waits for a person, and what settles it.
pub(crate) fn open(report: &RunReport) -> Option<String> {
    let is_left = |path, mark| report.left.contains(&(path, mark));
    let conflicts = report.conflicts.iter().filter(|c| !is_left(c.path.clone(), c.mark)).count();
    let held = report.held.iter().filter(|h| !is_left(h.path.clone(), h.mark)).count();
    let parts: Vec<String> = [
        (conflicts > 0).then(|| plural(conflicts, "conflict")),
        (held > 0).then(|| format!("{held} held")),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| format!("{}: {RESOLVE}", parts.join(" and ")))
}

/// What guards hold, and the command for it.
pub(crate) fn guarded(report: &RunReport) -> Option<String> {
    let details: Vec<&str> = report.guards.iter().map(|guard| guard.detail.as_str()).collect();
    let command = confirm_run(report);
    (!details.is_empty()).then(|| {
        format!("a guard holds: {}; if this is what you want: {command}", details.join("; "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_759_840_200 + second).unwrap()
    }

    fn status(doing: Doing) -> Status {
        Status {
            here: "localhost".into(),
            peer: "balaur".into(),
            doing,
            runs: vec![(at(60), "1 to balaur (notes/a.md), 12 ms".into())],
            open: Some("2 conflicts and 1 held: ubos-sync resolve".into()),
            guarded: None,
            next: Some(at(300)),
            blind: Some("the system allows no more watches".into()),
        }
    }

    fn shown(status: &Status, columns: usize) -> String {
        lines(status, at(100), &Ui::fixed(columns, false)).join("\n")
    }

    #[test]
    fn a_person_sees_the_state_what_waits_and_what_to_do() {
        let expected = "\
localhost ⇄ balaur  in sync since 12:30:00, but for what waits below
  12:31:00  1 to balaur (notes/a.md), 12 ms
  2 conflicts and 1 held: ubos-sync resolve
  not every change is noticed at once: the system allows no more watches; the
  rest is found by looking at everything
  next full look 12:35:00; Ctrl-C ends";
        assert_eq!(shown(&status(Doing::InSync(at(0))), 80), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_screen_and_another_day_is_named() {
        let waits = Doing::Waits {
            why: "balaur cannot be reached: connection refused".into(),
            hint: "check the network and the other machine".into(),
            retry: Some(at(200_000)),
        };
        let shown = shown(&status(waits), 40);
        assert!(shown.lines().all(|line| width(line) < 40), "{shown}");
        assert!(shown.contains("2025-10-09"), "{shown}");
    }

    #[test]
    fn a_hostile_name_is_harmless() {
        let mut status = status(Doing::Looks);
        status.runs[0].1 = "1 to balaur (a\x1b[2J\nb), 1 ms".into();
        let shown = shown(&status, 80);
        assert!(!shown.contains('\x1b') && shown.contains("\\x0Ab"), "{shown}");
    }
}
