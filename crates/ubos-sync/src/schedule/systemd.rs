//! An order as units of systemd. Pure; what each line is for is said in the templates.

use std::path::Path;

use super::mark::Mark;
use super::order::{Mode, Order, Scope, UnitFile};
use super::program::search_path;
use super::template::fill;

const TICK_SERVICE: &str = include_str!("templates/tick.service");
const TICK_TIMER: &str = include_str!("templates/tick.timer");
const WATCH_SERVICE: &str = include_str!("templates/watch.service");
const AUDIT_SERVICE: &str = include_str!("templates/audit.service");
const AUDIT_TIMER: &str = include_str!("templates/audit.timer");
const NOTIFY_SERVICE: &str = include_str!("templates/notify@.service");
const SYSTEM_HARDENING: &str = include_str!("templates/hardening.system");
const USER_HARDENING: &str = include_str!("templates/hardening.user");

/// Where programs are looked for, after the folder of the program itself.
const SEARCHED: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The units of an order.
pub(crate) fn files(order: &Order) -> Vec<UnitFile> {
    let values = Values::of(order);
    let base = &order.base;
    let file = |tail: &str, template: &str, starts: bool| UnitFile {
        name: format!("{base}{tail}"),
        text: values.fill(template),
        starts,
    };
    let mut files = match order.mode {
        Mode::Watch => vec![file(".service", WATCH_SERVICE, true)],
        Mode::Timer(_) => {
            vec![file(".service", TICK_SERVICE, false), file(".timer", TICK_TIMER, true)]
        }
    };
    if order.audit {
        files.push(file("-audit.service", AUDIT_SERVICE, false));
        files.push(file("-audit.timer", AUDIT_TIMER, true));
    }
    // A watcher is started again without end, and never counts as failed.
    if order.audit || order.mode != Mode::Watch {
        files.push(file("-notify@.service", NOTIFY_SERVICE, false));
    }
    files
}

/// The values of the templates' holes.
struct Values(Vec<(&'static str, String)>);

impl Values {
    fn of(order: &Order) -> Self {
        let system = order.scope == Scope::System;
        let interval = match order.mode {
            Mode::Timer(interval) => interval,
            Mode::Watch => super::interval::Interval::default(),
        };
        let header: Vec<String> =
            Mark::of(order).lines().iter().map(|line| format!("# {line}")).collect();
        let line =
            |condition: bool, text: String| if condition { text + "\n" } else { String::new() };
        let own = vec![
            ("header", header.join("\n")),
            ("base", order.base.clone()),
            ("territory", plain(&order.territory)),
            ("peer", plain(&order.peer)),
            ("program", word(&order.program.to_string_lossy(), false)),
            ("root", word(&order.root.to_string_lossy(), true)),
            (
                "which",
                if order.name_peer {
                    format!(" --peer {}", word(&order.peer, true))
                } else {
                    String::new()
                },
            ),
            ("options", interval.options().join(" ")),
            ("path", word(&format!("PATH={}", search_path(&order.program, SEARCHED)), false)),
            ("user", line(system, format!("User={}", plain(&order.user.name)))),
            // A user's manager knows no network of its own to wait for.
            (
                "ordering",
                line(system, "Wants=network-online.target\nAfter=network-online.target".into()),
            ),
            ("wanted_by", if system { "multi-user.target" } else { "default.target" }.into()),
            ("at_start", if system { "OnBootSec" } else { "OnStartupSec" }.into()),
            ("calendar", interval.calendar()),
            ("spread", format!("{}s", interval.spread())),
            ("systemctl", if system { "systemctl" } else { "systemctl --user" }.into()),
            ("capabilities", capabilities(order).into()),
            ("writable", writable(order)),
            ("private_tmp", if uses_tmp(order) { "no" } else { "yes" }.into()),
        ];
        let mut values = Self(own);
        let hardening = values.fill(if system { SYSTEM_HARDENING } else { USER_HARDENING });
        values.0.push(("hardening", hardening));
        values
    }

    fn fill(&self, template: &str) -> String {
        let values: Vec<(&str, &str)> =
            self.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fill(template, &values)
    }
}

/// The folders that may be written to. One that is missing must not keep the program from starting:
/// it says itself what is wrong then.
fn writable(order: &Order) -> String {
    std::iter::once(&order.root)
        .chain(&order.writes)
        .map(|path| format!("ReadWritePaths={}\n", word(&format!("-{}", path.display()), false)))
        .collect()
}

/// What is left of root's rights where root owns the territory: files in it may be those of others.
fn capabilities(order: &Order) -> &'static str {
    let root = ["root", "0"].contains(&order.user.name.as_str());
    if root { "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER" } else { "" }
}

/// Whether something the program needs would be hidden by a temporary folder of its own.
fn uses_tmp(order: &Order) -> bool {
    let below_tmp = |path: &Path| ["/tmp", "/var/tmp"].iter().any(|tmp| path.starts_with(tmp));
    [&order.root, &order.program, &order.user.home]
        .into_iter()
        .chain(&order.writes)
        .any(|path| below_tmp(path))
}

/// Text of a value that is not split into words.
fn plain(text: &str) -> String {
    let text = if text.ends_with('\\') { format!("{text} ") } else { text.to_owned() };
    text.replace('%', "%%")
}

/// One word of a value. Variables are replaced in arguments of a command, and nowhere else.
fn word(text: &str, argument: bool) -> String {
    let mut word = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    if argument {
        word = word.replace('$', "$$");
    }
    let simple = |c: char| c.is_ascii_alphanumeric() || "/._-+@:=,%$".contains(c);
    if word.chars().all(simple) { word } else { format!("\"{word}\"") }
}

#[cfg(test)]
mod tests;
