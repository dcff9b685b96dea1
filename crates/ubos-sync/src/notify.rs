//! Telling a person who is not looking: by the system's notifications, or a command of their own.
//! Whatever becomes of it, nothing else fails because of it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use ubos_engine::health::news::{self, News};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;

/// Whoever takes longer to be told is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const TITLE: &str = "ubos-sync";

/// Tells what is new since a person was last told, if anything is, about any peer.
pub(crate) fn tell(state: &StateDir, config: &Config) {
    let mut sent = Vec::new();
    let mut damage_told = false;
    for peer in config.peers.keys() {
        // What cannot be told now is told after the next run.
        let Ok(Some((health, news, told))) = news::unheard(state, config, peer) else { continue };
        for one in &news {
            // The disk is the same, whoever the peer.
            let is_damage = matches!(one, News::Damaged(_));
            if is_damage && std::mem::replace(&mut damage_told, true) {
                continue;
            }
            if let Some((by, done)) = send(one, &one.sentence(&health), config) {
                sent.push((one.word(), by, done));
            }
        }
        let _ = news::remember(state, config, peer, &told);
    }
    // Another run may hold the log; that the person knows matters more.
    let _ = news::record(state, config, &sent);
}

/// Sends a sentence; how, and whether it arrived. `None` where nobody is to be told, or can be.
fn send(news: &News, sentence: &str, config: &Config) -> Option<(&'static str, bool)> {
    let (by, command) = match config.notify.command.as_deref() {
        Some("") => return None,
        Some(line) => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", line]);
            ("command", command)
        }
        None => ("system", system(sentence)?),
    };
    let mut command = command;
    command
        .env("UBOS_SYNC_EVENT", news.word())
        .env("UBOS_SYNC_TERRITORY", &config.name)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some((by, run(command, sentence)))
}

/// The system's own notifier, where somebody is logged in to see it.
fn system(sentence: &str) -> Option<Command> {
    if cfg!(target_os = "macos") {
        let mut command = Command::new("/usr/bin/osascript");
        // As arguments of the script, so that nothing in them is a part of it.
        command.args(["-e", "on run argv"]);
        command
            .args(["-e", "display notification (item 2 of argv) with title (item 1 of argv)"])
            .args(["-e", "end run", TITLE, sentence]);
        return Some(command);
    }
    let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
        || std::env::var_os("XDG_RUNTIME_DIR")
            .is_some_and(|dir| Path::new(&dir).join("bus").exists());
    if !bus {
        return None;
    }
    let mut command = Command::new("notify-send");
    command.args(["--app-name", TITLE, "--", TITLE, &without_markup(sentence)]);
    Some(command)
}

/// The body of a notification may hold markup.
fn without_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Runs it with `text` on its standard input, for as long as there is patience.
fn run(mut command: Command, text: &str) -> bool {
    let Ok(mut child) = command.stdin(Stdio::piped()).process_group(0).spawn() else {
        return false;
    };
    if let Some(mut input) = child.stdin.take() {
        // Whoever does not read it is told by being started.
        let _ = writeln!(input, "{text}");
    }
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(10)),
            _ => break,
        }
    }
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
    false
}
