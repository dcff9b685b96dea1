//! `schedule status`: is it on, when did it run and how did that end, when does it run next.

use jiff::civil::Weekday;
use jiff::{ToSpan, Unit, Zoned};
use serde_json::{Value, json};

use super::{WhereArgs, found, order, real_root, scope_word};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::schedule;
use crate::schedule::files::{self, Change};
use crate::schedule::order::{Mode, Scope};
use crate::schedule::place::{Installed, Place, base_of};
use crate::schedule::service::{self, State};
use crate::schedule::standing::Standing;
use crate::ui::Ui;

/// The hour of the weekly report, as the templates have it.
const REPORT_HOUR: i8 = 6;

pub(super) fn run(args: &WhereArgs, global: &Global, ui: &Ui) -> Outcome {
    let root = real_root(global)?;
    let mut standings = Vec::new();
    for (place, ours) in found(args, &root, global)? {
        let mut rest = ours;
        while let Some(base) = rest.first().and_then(|file| base_of(&file.name)).map(str::to_owned)
        {
            let (these, others) =
                rest.into_iter().partition(|file| base_of(&file.name) == Some(&base));
            standings.push(standing(&place, base, these, global));
            rest = others;
        }
    }
    if ui.json() {
        let rows: Vec<Value> = standings.iter().map(row).collect();
        ui.document(&json!({
            "schema": 1, "command": "schedule status", "installed": !rows.is_empty(),
            "schedules": rows, "exit": 0,
        }))?;
    } else {
        ui.answer(&schedule::status(&root, &standings, ui))?;
    }
    Ok(0)
}

fn standing(place: &Place, base: String, ours: Vec<Installed>, global: &Global) -> Standing {
    let mark = ours[0].mark.clone();
    let expected: Result<_, Failure> = order::again(&mark, place.scope, global);
    let files = match expected {
        Ok((order, place)) => files::steps(&place, &order::files(&order), &ours)
            .into_iter()
            .map(|step| (step.path, Some(step.change)))
            .collect(),
        Err(_) => ours.into_iter().map(|file| (file.path, None)).collect(),
    };
    let watch = mark.mode == Mode::Watch;
    let state = service::state(place.scope, &base, watch).map(|mut state| {
        if place.scope == Scope::Agent && state.active {
            state.next_run = next_slot(mark.mode, &Zoned::now());
        }
        state
    });
    let report = match mark.audit && state.is_ok() {
        true => report(place.scope, &base),
        false => None,
    };
    let program_there = mark.program.is_file();
    Standing { scope: place.scope, base, files, program_there, state, report, mark }
}

/// How the weekly report of what is called `base` goes.
fn report(scope: Scope, base: &str) -> Option<State> {
    let name = match scope {
        Scope::Agent => format!("{base}.audit"),
        Scope::System | Scope::User => format!("{base}-audit"),
    };
    let mut state = service::state(scope, &name, false).ok()?;
    if scope == Scope::Agent && state.active {
        state.next_run = next_report(&Zoned::now());
    }
    Some(state)
}

/// The next Monday at six, when a report is due; launchd tells none.
fn next_report(now: &Zoned) -> Option<String> {
    let days = i64::from(Weekday::Monday.since(now.weekday()));
    let this = now.start_of_day().ok()?.checked_add(days.days()).ok()?;
    let slot = this.with().hour(REPORT_HOUR).build().ok()?;
    let slot = if slot > *now { slot } else { slot.checked_add(7.days()).ok()? };
    Some(slot.timestamp().to_string())
}

/// The next slot of a timer; launchd tells none.
fn next_slot(mode: Mode, now: &Zoned) -> Option<String> {
    let Mode::Timer(interval) = mode else { return None };
    let midnight = now.start_of_day().ok()?;
    let passed = now.since((Unit::Minute, &midnight)).ok()?.get_minutes();
    let every = i64::from(interval.minutes());
    let next = midnight.checked_add(((passed / every + 1) * every).minutes()).ok()?;
    Some(next.timestamp().to_string())
}

fn row(standing: &Standing) -> Value {
    let files: Vec<Value> = standing
        .files
        .iter()
        .map(|(path, change)| {
            json!({"path": path.display().to_string(), "change": change.map(Change::word)})
        })
        .collect();
    let (mode, interval) = match standing.mark.mode {
        Mode::Watch => ("watch", None),
        Mode::Timer(interval) => ("timer", Some(interval.to_string())),
    };
    let mut row = json!({
        "scope": scope_word(standing.scope), "name": standing.base, "peer": standing.mark.peer,
        "mode": mode, "interval": interval, "audit": standing.mark.audit,
        "program": standing.mark.program.display().to_string(),
        "program_there": standing.program_there, "files": files,
    });
    match &standing.state {
        Ok(state) => put_state(&mut row, state),
        Err(trouble) => {
            row["error"] = json!({
                "kind": trouble.kind, "message": trouble.message, "hint": trouble.hint,
            });
        }
    }
    row["report"] = standing.report.as_ref().map_or(Value::Null, |state| {
        let mut report = json!({});
        put_state(&mut report, state);
        report
    });
    row
}

fn put_state(row: &mut Value, state: &State) {
    row["active"] = state.active.into();
    row["enabled"] = state.enabled.into();
    row["running"] = state.running.into();
    row["last_run"] = json!(state.last_run);
    row["next_run"] = json!(state.next_run);
    row["last_result"] = json!(state.last_result);
    row["last_exit"] = json!(state.last_exit);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::interval::Interval;

    #[test]
    fn the_next_slot_is_one_of_the_clock() {
        let next = |now: &str, interval: &str| {
            let mode = Mode::Timer(Interval::parse(interval).unwrap());
            next_slot(mode, &now.parse().unwrap()).unwrap()
        };
        assert_eq!(next("2026-11-22T16:05:00Z[UTC]", "5m"), "2026-11-22T16:10:00Z");
        assert_eq!(next("2026-11-22T16:04:59Z[UTC]", "5m"), "2026-11-22T16:05:00Z");
        assert_eq!(next("2026-11-22T23:30:00Z[UTC]", "2h"), "2026-11-23T00:00:00Z");
        assert_eq!(next_slot(Mode::Watch, &Zoned::now()), None);
    }

    #[test]
    fn the_next_report_is_on_a_monday_morning() {
        let next = |now: &str| next_report(&now.parse().unwrap()).unwrap();
        // The 22nd of November 2026 is a Sunday.
        assert_eq!(next("2026-11-22T16:05:00Z[UTC]"), "2026-11-23T06:00:00Z");
        assert_eq!(next("2026-11-23T05:59:59Z[UTC]"), "2026-11-23T06:00:00Z");
        assert_eq!(next("2026-11-23T06:00:00Z[UTC]"), "2026-11-30T06:00:00Z");
        assert_eq!(next("2026-11-25T00:00:00+01:00[Europe/Berlin]"), "2026-11-30T05:00:00Z");
    }
}
