//! The talk with launchd, about the agents of the user who is logged in.

use std::thread::sleep;
use std::time::Duration;

use super::{Said, State, Unit, call};
use crate::schedule::order::Scope;
use crate::schedule::trouble::Trouble;

/// How often a start is tried while launchd still takes the old one down, and how far apart.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

pub(super) fn reachable() -> Result<(), Trouble> {
    ask(&["version"]).map(drop)
}

pub(super) fn switch_on(units: &[Unit<'_>]) -> Result<(), Trouble> {
    for unit in units {
        let label = label(unit.name);
        let target = target(label);
        if ask(&["print", &target])?.ok {
            if !unit.changed {
                continue;
            }
            ask(&["bootout", &target])?;
        }
        // An agent that was switched off stays off, whatever is loaded.
        ask(&["enable", &target])?;
        bootstrap(label, &unit.path.to_string_lossy())?;
    }
    Ok(())
}

fn bootstrap(label: &str, path: &str) -> Result<(), Trouble> {
    let mut attempt = 1;
    loop {
        let said = ask(&["bootstrap", &domain(), path])?;
        if said.ok {
            return Ok(());
        }
        let trouble = Trouble::of_launchd(label, uid(), &(said.err + &said.out));
        // The same number is given while the former agent still goes down.
        if trouble.kind != "bootstrap-5" || attempt == ATTEMPTS {
            return Err(trouble);
        }
        attempt += 1;
        sleep(PAUSE);
    }
}

pub(super) fn switch_off(names: &[&str]) -> Result<(), Trouble> {
    for name in names {
        let label = label(name);
        let target = target(label);
        // What launchd does not know, or cannot know because nobody is logged in, is off.
        if !ask(&["print", &target])?.ok {
            continue;
        }
        let said = ask(&["bootout", &target])?;
        if !said.ok && ask(&["print", &target])?.ok {
            return Err(Trouble::of_launchd(label, uid(), &(said.err + &said.out)));
        }
    }
    Ok(())
}

pub(super) fn state(label: &str) -> Result<State, Trouble> {
    let said = ask(&["print", &target(label)])?;
    let disabled = ask(&["print-disabled", &domain()])?.out;
    Ok(if said.ok { read(&said.out, is_disabled(&disabled, label)) } else { State::default() })
}

/// What `launchctl print` says. It knows no times.
fn read(text: &str, disabled: bool) -> State {
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.trim().split_once(" = "));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned())
    };
    let exit: Option<i32> = field("last exit code").and_then(|code| {
        code.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok())
    });
    let signal = field("last terminating signal");
    State {
        active: true,
        enabled: !disabled,
        running: field("state").as_deref() == Some("running"),
        last_result: signal.or_else(|| exit.map(|_| "exit-code".to_owned())),
        last_exit: exit,
        last_run: None,
        next_run: None,
    }
}

fn is_disabled(list: &str, label: &str) -> bool {
    let name = format!("\"{label}\" => ");
    list.lines()
        .filter_map(|line| line.trim().strip_prefix(&name))
        .any(|value| value.starts_with("disabled") || value.starts_with("true"))
}

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

fn domain() -> String {
    format!("gui/{}", uid())
}

fn target(label: &str) -> String {
    format!("{}/{label}", domain())
}

fn label(name: &str) -> &str {
    name.strip_suffix(".plist").unwrap_or(name)
}

fn ask(args: &[&str]) -> Result<Said, Trouble> {
    call("launchctl", args).map_err(|_| Trouble::absent(Scope::Agent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_launchd_prints_is_read() {
        let text = "com.ubos.sync = {\n\tactive count = 0\n\tstate = not running\n\n\truns = 14\n\tlast exit code = 5\n}\n";
        let state = read(text, false);
        assert!(state.active && state.enabled && !state.running);
        assert_eq!((state.last_exit, state.last_result.as_deref()), (Some(5), Some("exit-code")));
        let never = read("x = {\n\tstate = running\n\tlast exit code = (never exited)\n}", true);
        assert!(never.running && !never.enabled);
        assert_eq!((never.last_exit, never.last_result), (None, None));
    }

    #[test]
    fn an_agent_that_was_switched_off_is_found_in_both_forms_of_the_list() {
        let list = "\tdisabled services = {\n\t\t\"com.ubos.sync\" => disabled\n\t\t\"com.a\" => enabled\n\t\t\"com.b\" => true\n\t}";
        assert!(is_disabled(list, "com.ubos.sync") && is_disabled(list, "com.b"));
        assert!(!is_disabled(list, "com.a") && !is_disabled(list, "com.ubos"));
    }
}
