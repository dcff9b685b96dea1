//! An order as property lists of launchd. Pure.
//!
//! `StartCalendarInterval` and not `StartInterval`: slots that pass while the Mac sleeps are made up
//! for by one run when it wakes. There is no second run while one is going.

use std::path::{Path, PathBuf};

use super::mark::Mark;
use super::order::{Mode, Order, UnitFile};
use super::program::search_path;
use super::template::fill;

const AGENT: &str = include_str!("templates/agent.plist");
/// Where programs are looked for: launchd itself knows nothing of Homebrew and MacPorts.
const SEARCHED: &str =
    "/opt/homebrew/bin:/usr/local/bin:/opt/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
/// Monday at six.
const WEEKLY: &[(&str, u32)] = &[("Weekday", 1), ("Hour", 6), ("Minute", 0)];

/// The property lists of an order.
pub(crate) fn files(order: &Order) -> Vec<UnitFile> {
    let mut command: Vec<String> = Vec::new();
    let when = match order.mode {
        Mode::Watch => {
            command.push("watch".into());
            watched()
        }
        Mode::Timer(interval) => {
            command.push("tick".into());
            command.extend(interval.options());
            let slots = interval.slots().into_iter().map(|(hour, minute)| {
                hour.map(|hour| ("Hour", hour)).into_iter().chain([("Minute", minute)]).collect()
            });
            calendar(slots) + &key("RunAtLoad", "<true/>")
        }
    };
    let mut files = vec![file(order, &order.base, &command, &when)];
    if order.audit {
        let command = ["audit", "--since", "7d", "--write"].map(str::to_owned);
        let label = format!("{}.audit", order.base);
        files.push(file(order, &label, &command, &calendar([WEEKLY.to_vec()])));
    }
    files
}

/// Where the program's complaints go that it makes before it can write its own log.
pub(crate) fn log_folder(home: &Path) -> PathBuf {
    home.join("Library/Logs/ubos-sync")
}

fn file(order: &Order, label: &str, command: &[String], when: &str) -> UnitFile {
    let root = order.root.to_string_lossy().into_owned();
    let mut arguments = vec![order.program.to_string_lossy().into_owned(), "--root".into(), root];
    if order.name_peer {
        arguments.extend(["--peer".into(), order.peer.clone()]);
    }
    // Nothing turns the log over, hence only what went wrong goes there.
    arguments.push("--quiet".into());
    arguments.extend(command.iter().cloned());
    let arguments: String =
        arguments.iter().map(|word| format!("\t\t<string>{}</string>\n", escape(word))).collect();
    let header: Vec<String> =
        Mark::of(order).lines().iter().map(|line| format!("<!-- {line} -->")).collect();
    let log = log_folder(&order.user.home).join(format!("{label}.log"));
    let text = fill(
        AGENT,
        &[
            ("header", &header.join("\n")),
            ("label", label),
            ("arguments", &arguments),
            ("when", when),
            ("path", &escape(&search_path(&order.program, SEARCHED))),
            ("log", &escape(&log.to_string_lossy())),
        ],
    );
    UnitFile { name: format!("{label}.plist"), text, starts: true }
}

/// Always running: started again, not more often than every 30 s, unless it ended well.
fn watched() -> String {
    key("KeepAlive", "<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>")
        + &key("RunAtLoad", "<true/>")
        + &key("ThrottleInterval", "<integer>30</integer>")
}

fn calendar(slots: impl IntoIterator<Item = Vec<(&'static str, u32)>>) -> String {
    let mut text = String::from("<array>\n");
    for slot in slots {
        text.push_str("\t\t<dict>\n");
        for (name, value) in slot {
            text.push_str(&format!("\t\t\t<key>{name}</key>\n\t\t\t<integer>{value}</integer>\n"));
        }
        text.push_str("\t\t</dict>\n");
    }
    key("StartCalendarInterval", &(text + "\t</array>"))
}

fn key(name: &str, value: &str) -> String {
    format!("\t<key>{name}</key>\n\t{value}\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
