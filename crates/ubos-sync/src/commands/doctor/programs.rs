//! The programs of the system that are used: rsync and ssh.

use ubos_engine::link;

use crate::finding::Finding;

/// The programs on this machine; ssh only where it is needed.
pub(super) fn check(over_ssh: bool) -> Vec<Finding> {
    let mut findings = vec![rsync("rsync", link::rsync_version().as_deref())];
    if over_ssh {
        findings.push(match link::ssh_version() {
            Some(version) => Finding::ok("ssh", version.lines().next().unwrap_or_default()),
            None => Finding::problem(
                "ssh",
                "there is no `ssh` in the PATH, and a peer is reached over it",
                "install the OpenSSH client: `sudo apt install openssh-client`",
            ),
        });
    }
    findings
}

/// What the first line of `rsync --version` says.
pub(super) fn rsync(check: &'static str, line: Option<&str>) -> Finding {
    let Some(line) = line else {
        return Finding::warning(
            check,
            "there is none; all content moves over the plain connection, which works as well but without deltas",
            "`sudo apt install rsync` (or the like of your system)",
        );
    };
    let number = line
        .split_whitespace()
        .skip_while(|word| *word != "version")
        .nth(1)
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    match number {
        _ if line.starts_with("openrsync") => Finding::ok(check, "openrsync, as macOS ships it"),
        Some(number) if number.starts_with("2.") => {
            Finding::ok(check, format!("{number}, an old one; only what it can do is asked of it"))
        }
        Some(number) => Finding::ok(check, number),
        None => Finding::warning(
            check,
            format!("says something unknown of itself: {line}"),
            "put the rsync of your system first in the PATH",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Status;

    #[test]
    fn the_kinds_of_rsync_are_told_apart() {
        let cases = [
            (Some("rsync  version 3.4.1  protocol version 32"), Status::Ok, "3.4.1"),
            (Some("rsync  version 2.6.9  protocol version 29"), Status::Ok, "an old one"),
            (Some("openrsync: protocol version 29"), Status::Ok, "openrsync"),
            (Some("busybox applet"), Status::Warning, "unknown"),
            (None, Status::Warning, "there is none"),
        ];
        for (line, status, part) in cases {
            let finding = rsync("rsync", line);
            assert_eq!(finding.status, status, "{line:?}");
            assert!(finding.message.contains(part), "{}", finding.message);
        }
    }
}
