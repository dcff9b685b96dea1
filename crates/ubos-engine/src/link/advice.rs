//! ssh's failures, in words a person can use. ssh ends with 255 for nearly everything, so what it
//! said decides, together with whether the agent ever answered.

use std::io;

use super::{Address, Target};
use crate::error::EngineError;

const MISSING: &str = "is not installed there, or not in the PATH of its non-interactive shell";

/// Whether `error` says that the peer has no agent.
pub fn is_agent_missing(error: &EngineError) -> bool {
    matches!(error, EngineError::Unreachable { message, .. } if message.contains(MISSING))
}

/// The word for the cause of a failed connection, as far as ssh's own words tell it; `None` where
/// only a look at the network can.
pub fn cause(error: &EngineError) -> Option<&'static str> {
    let EngineError::Unreachable { message, .. } = error else { return None };
    let has = |part: &str| message.contains(part);
    if has(MISSING) || has("cannot be executed") {
        Some("agent-missing")
    } else if has("the host key of") {
        Some("host-key")
    } else if has("refused the login") {
        Some("auth")
    } else if has("`ssh` cannot be started") {
        Some("no-ssh")
    } else {
        None
    }
}

/// What the end of a connection means: from the code that ssh ended with and what was said, or
/// `error` where that says nothing.
pub fn explain(target: &Target, code: Option<i32>, stderr: &str, error: &io::Error) -> EngineError {
    let peer = &target.peer;
    let Address::Ssh { host, .. } = &target.address else {
        let said = last_line(stderr).map(|line| format!(": {line}")).unwrap_or_default();
        return EngineError::Unreachable {
            message: format!("the agent for {peer} ended unexpectedly{said}"),
            hint: Some("the next run carries on; `ubos-sync doctor` looks for a cause".into()),
        };
    };
    let has = |text: &str| stderr.contains(text);
    let (message, hint) = if has("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        (
            format!("the host key of {peer} ({host}) is not the one that is known"),
            format!(
                "this may be another machine. Ask its keeper for the fingerprint; only if it was changed on purpose: `ssh-keygen -R {host}`, then `ssh {host}` once"
            ),
        )
    } else if has("Host key verification failed") || has("host key is known") {
        (
            format!("the host key of {peer} ({host}) is not known yet"),
            format!("run `ssh {host}` once by hand, compare the fingerprint, answer yes"),
        )
    } else if has("Permission denied") || has("Too many authentication failures") {
        (
            format!("{peer} ({host}) refused the login: {}", last_line(stderr).unwrap_or_default()),
            format!(
                "see that `ssh -o BatchMode=yes {host} true` works without a question: `ssh-copy-id {host}`, and load a key with a passphrase into the ssh agent"
            ),
        )
    } else if code == Some(127)
        || has("command not found")
        || (has("not found") && has("ubos-sync"))
    {
        (
            format!("ubos-sync {MISSING}: {peer} ({host})"),
            format!(
                "copy the program there: `scp $(command -v ubos-sync) {host}:.local/bin/`, or run `ubos-sync init` again, which offers it"
            ),
        )
    } else if code == Some(126) {
        (
            format!("ubos-sync on {peer} ({host}) cannot be executed"),
            "it may be built for another system, or lack the executable bit".to_owned(),
        )
    } else if has("Could not resolve hostname") {
        (
            format!("the name of {peer} ({host}) cannot be resolved"),
            "check the address in `.ubos-sync/config.toml` and the network".to_owned(),
        )
    } else if ["refused", "timed out", "No route", "unreachable", "not known"]
        .iter()
        .any(|word| has(word))
    {
        (
            format!("{peer} ({host}) cannot be reached: {}", last_line(stderr).unwrap_or_default()),
            "check the network and that the machine is on; the next run tries again".to_owned(),
        )
    } else {
        let said = last_line(stderr).unwrap_or_else(|| error.to_string());
        (
            format!("the connection to {peer} ({host}) broke: {said}"),
            "the next run carries on".to_owned(),
        )
    };
    EngineError::Unreachable { message, hint: Some(hint) }
}

fn last_line(text: &str) -> Option<String> {
    let mut lines = text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    // Our own agent tells its error before the hint.
    let last = lines.next()?;
    let told = std::iter::once(last).chain(lines).find_map(|line| line.strip_prefix("Error: "));
    Some(told.unwrap_or(last).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_ssh_gets_its_own_sentence_and_next_step() {
        let target = Target {
            apart: false,
            peer: "balaur".into(),
            address: Address::parse("me@host:/srv").unwrap(),
            agent: None,
            program: "ubos-sync".into(),
            build: "test".into(),
        };
        let eof = io::Error::from(io::ErrorKind::UnexpectedEof);
        let cases = [
            (255, "Host key verification failed.\r\n", "not known yet"),
            (
                255,
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                "not the one that is known",
            ),
            (255, "me@host: Permission denied (publickey).", "refused the login"),
            (127, "bash: line 1: ubos-sync: command not found", "is not installed there"),
            (126, "", "cannot be executed"),
            (
                255,
                "ssh: Could not resolve hostname host: Name or service not known",
                "cannot be resolved",
            ),
            (255, "ssh: connect to host host port 22: Connection refused", "cannot be reached"),
            (255, "client_loop: send disconnect: Broken pipe", "broke"),
        ];
        for (code, stderr, part) in cases {
            let error = explain(&target, Some(code), stderr, &eof);
            assert!(error.to_string().contains(part), "{stderr}: {error}");
            assert!(!error.hint().is_empty());
            assert_eq!(error.exit_code(), 5);
            assert_eq!(is_agent_missing(&error), code == 127);
            let word = match part {
                "not known yet" | "not the one that is known" => Some("host-key"),
                "refused the login" => Some("auth"),
                "is not installed there" | "cannot be executed" => Some("agent-missing"),
                _ => None,
            };
            assert_eq!(cause(&error), word, "{stderr}");
        }
    }
}
