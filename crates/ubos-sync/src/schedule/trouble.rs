//! What a service manager refused, in plain words and with the next step.

use super::order::Scope;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// A word that stays the same.
    pub kind: &'static str,
    /// What cannot be done, and why.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Trouble {
    pub(crate) fn new(
        kind: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { kind, message: message.into(), hint: hint.into() }
    }

    /// The manager's program is not on this machine.
    pub(crate) fn absent(scope: Scope) -> Self {
        match scope {
            Scope::Agent => Self::new(
                "no-launchd",
                "there is no `launchctl` on this machine: it is no Mac",
                "leave `--on macos` out",
            ),
            Scope::System | Scope::User => Self::new("no-systemd", NO_SYSTEMD, ELSEWHERE),
        }
    }

    /// What systemd said when it was asked for anything.
    pub(crate) fn of_systemd(scope: Scope, said: &str) -> Self {
        let has = |part: &str| said.contains(part);
        if has("not been booted with systemd") || has("Host is down") {
            return Self::new("no-systemd", NO_SYSTEMD, ELSEWHERE);
        }
        let bus = has("Failed to connect to") || has("$DBUS_SESSION_BUS_ADDRESS");
        if bus && scope == Scope::User {
            return Self::new(
                "no-user-manager",
                "this user has no service manager of its own that runs now",
                "let it run always: `sudo loginctl enable-linger \"$USER\"`, then log in again (over \
                 ssh, not by `su` or `sudo`) and repeat; or let the machine do it: \
                 `sudo ubos-sync --root ROOT schedule install --system`",
            );
        }
        if has("Access denied") || has("Permission denied") || has("authentication required") {
            return Self::new(
                "no-permission",
                "systemd does not take this order from you",
                "with `sudo` for `--system`; without `--system` no permission is needed",
            );
        }
        if has("is masked") {
            return Self::new(
                "masked",
                format!("the unit was switched off for good (masked): {}", first(said)),
                "switch it on with `systemctl unmask NAME` (`--user` for a user's), and repeat",
            );
        }
        if bus {
            return Self::new(
                "no-systemd",
                format!("systemd does not answer: {}", first(said)),
                ELSEWHERE,
            );
        }
        if has("Job for") || has("Failed to start") || has("control process exited") {
            let user = if scope == Scope::User { "--user " } else { "" };
            return Self::new(
                "not-started",
                format!("the files are in place, but it did not start: {}", first(said)),
                format!("`journalctl {user}-e` says why; mend it and repeat"),
            );
        }
        Self::new("systemd", format!("systemd refused: {}", first(said)), ELSEWHERE)
    }

    /// What launchd said when it was asked to start an agent.
    pub(crate) fn of_launchd(label: &str, uid: u32, said: &str) -> Self {
        let has = |part: &str| said.contains(part);
        if has("125:") || has("Could not find domain") || has("Domain does not support") {
            return Self::new(
                "no-gui-session",
                "the file is in place, but nobody is logged in on this Mac's own screen, and only \
                 there agents run",
                "log in on the screen, where it starts by itself; over ssh alone it cannot",
            );
        }
        if has("Bootstrap failed: 5") || has("5: Input/output error") {
            return Self::new(
                "bootstrap-5",
                format!("launchd did not take `{label}` (5: Input/output error)"),
                format!(
                    "launchd says the same for several causes. Still loaded: \
                     `launchctl bootout gui/{uid}/{label}`, then repeat. Switched off: System Settings \
                     › General › Login Items › allow ubos-sync in the background, and \
                     `launchctl enable gui/{uid}/{label}`. Not yours, or writable by others: \
                     `chown $USER` and `chmod 644` the file. The program is gone or quarantined: \
                     `xattr -d com.apple.quarantine PROGRAM`"
                ),
            );
        }
        if has("disabled") || has("119:") {
            return Self::new(
                "disabled",
                format!("`{label}` is switched off on this Mac"),
                format!(
                    "allow it in System Settings › General › Login Items, or \
                     `launchctl enable gui/{uid}/{label}`, and repeat"
                ),
            );
        }
        if has("Not privileged") || has("Operation not permitted") {
            return Self::new(
                "no-permission",
                format!("launchd does not take `{label}` from you: {}", first(said)),
                "call it as the user who is logged in, without `sudo`",
            );
        }
        Self::new(
            "launchd",
            format!("launchd refused `{label}`: {}", first(said)),
            format!("`launchctl print gui/{uid}/{label}` says more"),
        )
    }

    /// A file of the manager's folder could not be written or removed.
    pub(crate) fn of_file(scope: Scope, path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        let message = format!("cannot write `{}`: {error}", path.display());
        match (error.kind(), scope) {
            (PermissionDenied, Scope::System) => Self::new(
                "no-permission",
                message,
                "repeat it with `sudo`, or leave `--system` out for a user's own",
            ),
            (PermissionDenied, _) => Self::new(
                "no-permission",
                message,
                "the folder must belong to you; `ls -ld` shows whose it is",
            ),
            (ReadOnlyFilesystem, _) => Self::new(
                "read-only",
                message,
                "this machine is set up from elsewhere: take the files from \
                 `ubos-sync schedule show` there",
            ),
            _ => Self::new("io", message, ELSEWHERE),
        }
    }
}

const NO_SYSTEMD: &str = "systemd does not run on this machine";
const ELSEWHERE: &str = "`ubos-sync schedule show` prints what would be installed, with the command to \
                         start: give that command to whatever starts programs here (cron: \
                         `*/5 * * * * ubos-sync --root ROOT --quiet tick`)";

fn first(said: &str) -> &str {
    // What it did before it failed is no reason.
    let done = ["Created symlink", "Removed"];
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.find(|line| !done.iter().any(|done| line.starts_with(done))).unwrap_or("it said nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_says_is_told_apart() {
        for (scope, said, kind) in [
            (
                Scope::System,
                "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down",
                "no-systemd",
            ),
            (
                Scope::User,
                "Failed to connect to bus: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined",
                "no-user-manager",
            ),
            (Scope::User, "Failed to connect to bus: No medium found", "no-user-manager"),
            (Scope::System, "Failed to connect to bus: No such file or directory", "no-systemd"),
            (
                Scope::System,
                "Failed to reload daemon: Interactive authentication required.",
                "no-permission",
            ),
            (Scope::User, "Failed to enable unit: Unit file x is masked.", "masked"),
            (
                Scope::User,
                "Job for ubos-sync.service failed because a timeout was exceeded.",
                "not-started",
            ),
            (Scope::User, "", "systemd"),
        ] {
            assert_eq!(Trouble::of_systemd(scope, said).kind, kind, "{said}");
        }
    }

    #[test]
    fn what_launchd_says_is_told_apart() {
        for (said, kind) in [
            (
                "Bootstrap failed: 5: Input/output error\nTry re-running the command as root",
                "bootstrap-5",
            ),
            ("Bootstrap failed: 125: Domain does not support specified action", "no-gui-session"),
            ("Could not find domain for user gui: 501", "no-gui-session"),
            ("Bootstrap failed: 119: Service is disabled", "disabled"),
            ("Boot-out failed: 1: Operation not permitted", "no-permission"),
            ("Bootstrap failed: 112: Could not find specified service", "launchd"),
        ] {
            let trouble = Trouble::of_launchd("com.ubos.sync", 501, said);
            assert_eq!(trouble.kind, kind, "{said}");
        }
    }
}
