//! Talks with the service manager: switching on and off, and asking how it goes.

mod launchctl;
mod systemctl;

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use super::order::Scope;
use super::trouble::Trouble;

/// How something that was ordered goes, as far as the manager knows. Times are RFC 3339, or as the
/// manager gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Whether it waits for its slot, or runs.
    pub active: bool,
    /// Whether it comes back after a restart of the machine.
    pub enabled: bool,
    /// Whether a run is going now.
    pub running: bool,
    /// When the last run ended, or began where the manager knows no more.
    pub last_run: Option<String>,
    /// When the next one is due.
    pub next_run: Option<String>,
    /// How the last run ended, as the manager's word.
    pub last_result: Option<String>,
    /// Its exit code.
    pub last_exit: Option<i32>,
}

/// Asks whether the manager is there at all.
///
/// # Errors
/// Why it is not.
pub(crate) fn reachable(scope: Scope) -> Result<(), Trouble> {
    match scope {
        Scope::Agent => launchctl::reachable(),
        Scope::System | Scope::User => systemctl::reachable(scope),
    }
}

/// Makes the manager read its files anew, and switches on what starts by itself. What is on already
/// goes on as it is, unless its file `changed`.
///
/// # Errors
/// What it refused.
pub(crate) fn switch_on(scope: Scope, units: &[Unit<'_>]) -> Result<(), Trouble> {
    match scope {
        Scope::Agent => launchctl::switch_on(units),
        Scope::System | Scope::User => systemctl::switch_on(scope, units),
    }
}

/// Stops the units and keeps them from starting again. Units that are not on are no trouble.
///
/// # Errors
/// What it refused.
pub(crate) fn switch_off(scope: Scope, names: &[&str]) -> Result<(), Trouble> {
    match scope {
        Scope::Agent => launchctl::switch_off(names),
        Scope::System | Scope::User => systemctl::switch_off(scope, names),
    }
}

/// Lets the manager forget files that are gone.
pub(crate) fn forget(scope: Scope, names: &[&str]) {
    match scope {
        Scope::Agent => {}
        Scope::System | Scope::User => systemctl::forget(scope, names),
    }
}

/// How what is called `base` goes; `watch` where it always runs.
///
/// # Errors
/// If the manager does not answer.
pub(crate) fn state(scope: Scope, base: &str, watch: bool) -> Result<State, Trouble> {
    match scope {
        Scope::Agent => launchctl::state(base),
        Scope::System | Scope::User => systemctl::state(scope, base, watch),
    }
}

/// Whether a user's manager runs also while the user is not logged in; `None` if that cannot be
/// learnt.
pub(crate) fn lingers(user: &str) -> Option<bool> {
    let said = call("loginctl", &["show-user", user, "--property=Linger"]).ok()?;
    match said.out.trim() {
        "Linger=yes" => Some(true),
        "Linger=no" => Some(false),
        _ => None,
    }
}

/// A file that the manager is to start from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it is.
    pub path: &'a Path,
    /// Whether it is another one than before, or new.
    pub changed: bool,
}

/// What a manager's program said.
struct Said {
    ok: bool,
    out: String,
    err: String,
}

/// Calls a manager's program, in English and in UTC.
fn call(program: &str, args: &[&str]) -> io::Result<Said> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).env("LC_ALL", "C").env("TZ", "UTC");
    let output = command.env("SYSTEMD_COLORS", "0").env("SYSTEMD_PAGER", "").output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) })
}
