//! The peer: whether it answers, who it is, and whether the two may sync.

use ubos_core::sides::Sides;
use ubos_engine::agent::message::{Purpose, Standing};
use ubos_engine::clock;
use ubos_engine::cycle::agree::{Agreement, judge};
use ubos_engine::error::EngineError;
use ubos_engine::link::{self, Address, Greeting, Target};
use ubos_engine::state::config::{Config, Peer};

use super::Pair;
use super::programs::rsync;
use super::territory::failed;
use crate::commands::{BUILD, program};
use crate::failure::Failure;
use crate::finding::{Finding, Status};

const REACHABLE: &str = "peer-reachable";
const STANDING: &str = "peer-standing";
/// A difference of clocks that is worth a word, in seconds.
const CLOCK_TOLERANCE: i64 = 60;

/// Whether a peer is reached over ssh.
pub(super) fn is_over_ssh(peer: &Peer) -> bool {
    address(peer).is_some_and(|address| matches!(address, Address::Ssh { .. }))
}

fn address(peer: &Peer) -> Option<Address> {
    peer.address.as_deref().and_then(|text| Address::parse(text).ok())
}

/// Everything about one peer.
pub(super) fn check(config: &Config, pair: &Pair<'_>) -> Result<Vec<Finding>, Failure> {
    let Some(address) = address(pair.peer) else {
        let message = "not asked: this side has no usable address for it";
        return Ok(vec![Finding::ok(REACHABLE, message)]);
    };
    let mut target = Target {
        apart: false,
        peer: pair.name.to_owned(),
        address,
        agent: pair.peer.agent.clone(),
        program: program()?,
        build: BUILD.to_owned(),
    };
    let before = clock::now_ns();
    let greeting = match link::connect(&target, &Purpose::Probe) {
        Ok((_link, greeting, agent)) => {
            target.agent = agent;
            greeting
        }
        Err(error) => return Ok(vec![unanswered(&error)]),
    };
    let difference = apart(before, clock::now_ns(), greeting.machine.clock);
    let mut findings = greeted(&greeting, difference);
    findings.push(standing(config, pair, &target));
    Ok(findings)
}

fn unanswered(error: &EngineError) -> Finding {
    match error {
        EngineError::Unreachable { .. } => {
            Finding { status: Status::Unreachable, ..failed(REACHABLE, error) }
        }
        EngineError::Config { .. } => failed("peer-version", error),
        error => failed(REACHABLE, error),
    }
}

fn greeted(greeting: &Greeting, difference: i64) -> Vec<Finding> {
    let machine = &greeting.machine;
    let mut findings = vec![
        Finding::ok(REACHABLE, format!("answers ({} {})", machine.system, machine.architecture)),
        version(&greeting.build),
        shell(&greeting.noise),
        clocks(difference),
    ];
    findings.push(rsync("peer-rsync", machine.rsync.as_deref()));
    findings
}

fn version(build: &str) -> Finding {
    const CHECK: &str = "peer-version";
    if build == BUILD {
        return Finding::ok(CHECK, format!("{build}, as here"));
    }
    Finding::warning(
        CHECK,
        format!("{build} there, {BUILD} here; the two understand each other"),
        "install the same version on both when you can",
    )
}

fn shell(noise: &[u8]) -> Finding {
    const CHECK: &str = "peer-shell";
    let noise = String::from_utf8_lossy(noise);
    let Some(line) = noise.lines().map(str::trim).find(|line| !line.is_empty()) else {
        return Finding::ok(CHECK, "prints nothing of its own");
    };
    let shown: String = line.chars().take(60).collect();
    Finding::warning(
        CHECK,
        format!("prints before the agent answers, which is skipped: {shown}"),
        "let its profile speak to people only: `case $- in *i*) ;; *) return ;; esac` at the top of its `.bashrc`",
    )
}

/// How far `theirs` lies outside of the time between question and answer, in seconds; all three in
/// nanoseconds. Positive if their clock is ahead.
fn apart(before: i64, after: i64, theirs: i64) -> i64 {
    let nanoseconds = if theirs > after {
        theirs.saturating_sub(after)
    } else if theirs < before {
        theirs.saturating_sub(before)
    } else {
        0
    };
    nanoseconds / 1_000_000_000
}

fn clocks(difference: i64) -> Finding {
    const CHECK: &str = "peer-clock";
    let ahead = if difference > 0 { "ahead of" } else { "behind" };
    match difference.abs() {
        0 => Finding::ok(CHECK, "agrees with ours"),
        seconds if seconds <= CLOCK_TOLERANCE => {
            Finding::ok(CHECK, format!("{seconds} s {ahead} ours"))
        }
        seconds => Finding::warning(
            CHECK,
            format!(
                "{seconds} s {ahead} ours; no decision of a sync depends on it, but times in logs read oddly and `--conflicts newer` may mistake the older version"
            ),
            "set the clocks by the network: `sudo timedatectl set-ntp true`",
        ),
    }
}

/// Whether the two may sync, judged as a run would.
fn standing(config: &Config, pair: &Pair<'_>, target: &Target) -> Finding {
    let Some(here) = &pair.standing else {
        return Finding::warning(
            STANDING,
            "not compared: this side does not know how it stands itself",
            "mend what is told above first",
        );
    };
    let replica = here.replica.clone().unwrap_or_default();
    let purpose =
        Purpose::Run { pair: pair.peer.pair.clone(), replica: replica.clone(), stays: false };
    let there = match link::connect(target, &purpose) {
        Ok((_link, greeting, _)) => greeting.standing,
        Err(EngineError::Locked { .. }) => {
            let message = "not compared: another run holds the pair";
            return Finding::warning(STANDING, message, "`ubos-sync doctor` again when it is done");
        }
        Err(error @ EngineError::Unreachable { .. }) => return unanswered(&error),
        Err(error) => return failed(STANDING, &error),
    };
    let Some(there) = there else {
        let message = "the peer did not say how it stands";
        return Finding::problem(STANDING, message, "install the same version on both sides");
    };
    let names = Sides::new(config.name.clone(), pair.name.to_owned());
    let expected = Sides::new(replica, pair.peer.replica.clone());
    compared(Sides::new(here, &there), &names, &expected)
}

fn compared(sides: Sides<&Standing>, names: &Sides<String>, expected: &Sides<String>) -> Finding {
    const SYNC: &str = "`ubos-sync bidirectional` does it first of all";
    let generation = sides.here.header.as_ref().map_or(0, |header| header.generation);
    match judge(sides, names, expected) {
        Ok(Agreement::Equal) => Finding::ok(
            STANDING,
            format!("the pair that is known, both at generation {generation}"),
        ),
        Ok(Agreement::Recover) => {
            Finding::warning(STANDING, "a run that was cut off has to be settled", SYNC)
        }
        Ok(Agreement::RollForward(side)) => {
            let message = format!("{} has to take the last step of a run", names.get(side));
            Finding::warning(STANDING, message, SYNC)
        }
        Ok(Agreement::Heal(side)) => {
            let (lost, other) = (names.get(side), names.get(side.other()));
            let message = format!("the memory of {lost} is lost or older; {other} has it");
            Finding::warning(STANDING, message, SYNC)
        }
        Err(error) => failed(STANDING, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_connection_is_not_taken_for_a_wrong_clock() {
        const SECOND: i64 = 1_000_000_000;
        assert_eq!(apart(0, 90 * SECOND, 45 * SECOND), 0);
        assert_eq!(apart(0, 2 * SECOND, 100 * SECOND), 98);
        assert_eq!(apart(100 * SECOND, 101 * SECOND, 0), -100);
        assert_eq!(clocks(60).status, Status::Ok);
        assert_eq!(clocks(-61).status, Status::Warning);
    }

    #[test]
    fn another_version_is_a_warning() {
        assert_eq!(version(BUILD).status, Status::Ok);
        assert_eq!(version("ubos-sync 0.0.0").status, Status::Warning);
    }
}
