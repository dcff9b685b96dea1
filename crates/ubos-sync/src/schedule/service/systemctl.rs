//! The talk with systemd.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Said, State, Unit, call};
use crate::schedule::order::Scope;
use crate::schedule::trouble::Trouble;

pub(super) fn reachable(scope: Scope) -> Result<(), Trouble> {
    ask(scope, &["show", "--property=Version"]).map(drop)
}

pub(super) fn switch_on(scope: Scope, units: &[Unit<'_>]) -> Result<(), Trouble> {
    ask(scope, &["daemon-reload"])?;
    let names = |only_changed: bool| -> Vec<&str> {
        let chosen = units.iter().filter(|unit| unit.changed || !only_changed);
        chosen.map(|unit| unit.name).collect()
    };
    ask(scope, &[&["enable", "--now"], names(false).as_slice()].concat())?;
    // What ran before runs by its old file until it is started again.
    let changed = names(true);
    if changed.is_empty() {
        return Ok(());
    }
    ask(scope, &[&["restart"], changed.as_slice()].concat()).map(drop)
}

pub(super) fn switch_off(scope: Scope, names: &[&str]) -> Result<(), Trouble> {
    // A template is never on by itself.
    let names: Vec<&str> = names.iter().copied().filter(|name| !name.contains('@')).collect();
    if names.is_empty() {
        return Ok(());
    }
    match ask(scope, &[&["disable", "--now"], names.as_slice()].concat()) {
        Err(trouble) if trouble.message.contains("does not exist") => Ok(()),
        other => other.map(drop),
    }
}

pub(super) fn forget(scope: Scope, names: &[&str]) {
    // A manager that does not answer has nothing to forget; what never failed is not known to it.
    let _ = ask(scope, &["daemon-reload"]);
    let _ = ask(scope, &[&["reset-failed"], names].concat());
}

pub(super) fn state(scope: Scope, base: &str, watch: bool) -> Result<State, Trouble> {
    let service = show(scope, &format!("{base}.service"))?;
    let timer = if watch { None } else { Some(show(scope, &format!("{base}.timer"))?) };
    Ok(read(&service, timer.as_ref()))
}

type Properties = HashMap<String, String>;

fn show(scope: Scope, unit: &str) -> Result<Properties, Trouble> {
    const WANTED: &str = "--property=ActiveState,UnitFileState,Result,ExecMainStatus,\
                          ExecMainExitTimestamp,ExecMainStartTimestamp,NextElapseUSecRealtime";
    let said = ask(scope, &["show", WANTED, unit])?;
    let pairs = said.out.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// What the properties of a service, and of its timer where it has one, mean. When the timer fired is
/// left out: a timer that was just switched on says so of itself, and nothing ran.
fn read(service: &Properties, timer: Option<&Properties>) -> State {
    let get = |unit: &Properties, name: &str| {
        unit.get(name).filter(|value| !value.is_empty() && *value != "n/a").cloned()
    };
    let is = |unit: &Properties, name: &str, value: &str| get(unit, name).as_deref() == Some(value);
    let on = timer.unwrap_or(service);
    let running = ["active", "activating", "deactivating"]
        .iter()
        .any(|state| is(service, "ActiveState", state));
    let ended = get(service, "ExecMainExitTimestamp");
    let begun = get(service, "ExecMainStartTimestamp");
    State {
        active: is(on, "ActiveState", "active"),
        enabled: is(on, "UnitFileState", "enabled"),
        running,
        last_result: ended.as_ref().and_then(|_| get(service, "Result")),
        last_exit: ended
            .as_ref()
            .and_then(|_| get(service, "ExecMainStatus"))
            .and_then(|code| code.parse().ok()),
        last_run: ended.or(begun).map(|time| rfc3339(&time)),
        next_run: timer
            .and_then(|timer| get(timer, "NextElapseUSecRealtime"))
            .map(|time| rfc3339(&time)),
    }
}

/// `Sun 2026-11-22 16:05:00 UTC` in the usual form; what is not of that kind stays as it is.
fn rfc3339(time: &str) -> String {
    let read = time
        .strip_suffix(" UTC")
        .and_then(|time| DateTime::strptime("%a %Y-%m-%d %H:%M:%S", time).ok())
        .and_then(|time| time.to_zoned(TimeZone::UTC).ok());
    read.map_or_else(|| time.to_owned(), |zoned| Timestamp::from(zoned).to_string())
}

fn ask(scope: Scope, args: &[&str]) -> Result<Said, Trouble> {
    let user: &[&str] = if scope == Scope::User { &["--user"] } else { &[] };
    match call("systemctl", &[user, args].concat()) {
        Err(_) => Err(Trouble::absent(scope)),
        Ok(said) if said.ok => Ok(said),
        Ok(said) => Err(Trouble::of_systemd(scope, &said.err)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(text: &str) -> Properties {
        text.lines()
            .filter_map(|line| line.trim().split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn a_timer_that_waits() {
        let service = properties(
            "ActiveState=inactive\nUnitFileState=static\nResult=success\nExecMainStatus=3
             ExecMainExitTimestamp=Sun 2026-11-22 16:05:02 UTC",
        );
        let timer = properties(
            "ActiveState=active\nUnitFileState=enabled
             NextElapseUSecRealtime=Sun 2026-11-22 16:10:04 UTC",
        );
        let state = read(&service, Some(&timer));
        assert!(state.active && state.enabled && !state.running);
        assert_eq!(state.last_run.as_deref(), Some("2026-11-22T16:05:02Z"));
        assert_eq!(state.next_run.as_deref(), Some("2026-11-22T16:10:04Z"));
        assert_eq!((state.last_result.as_deref(), state.last_exit), (Some("success"), Some(3)));
    }

    #[test]
    fn a_timer_that_never_ran_has_no_result() {
        let service = properties(
            "ActiveState=inactive\nResult=success\nExecMainStatus=0\nExecMainExitTimestamp=",
        );
        let timer =
            properties("ActiveState=inactive\nUnitFileState=disabled\nNextElapseUSecRealtime=n/a");
        assert_eq!(read(&service, Some(&timer)), State::default());
    }

    #[test]
    fn a_watcher_is_its_own_service() {
        let service =
            properties("ActiveState=active\nUnitFileState=enabled\nExecMainStartTimestamp=soon");
        let state = read(&service, None);
        assert!(state.active && state.enabled && state.running);
        assert_eq!(state.last_run.as_deref(), Some("soon"));
    }
}
