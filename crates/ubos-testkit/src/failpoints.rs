//! Kills a process of a run at a chosen step.
//!
//! Only a binary built with the feature `failpoints` listens. With `UBOS_SYNC_FAILPOINT_TRACE` it
//! writes down each point it passes; with `UBOS_SYNC_CRASH_HERE=N` the process that was called,
//! with `UBOS_SYNC_CRASH_AGENT=N` the far end, kills itself with SIGKILL at its Nth point.

use std::ffi::OsString;
use std::fs;

use crate::accounting::Ledger;
use crate::process::Outcome;
use crate::territory::Territory;

/// Which process is killed, and at which of its points (counted from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process that was called.
    Here(usize),
    /// The agent at the other end.
    Agent(usize),
}

/// The points that the two processes of a run passed, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Points {
    /// Names of the points in the process that was called.
    pub here: Vec<String>,
    /// Names of the points in the agent.
    pub agent: Vec<String>,
}

impl Points {
    /// Reads what the binary wrote.
    ///
    /// # Panics
    /// On a line that is not one of its own.
    pub fn parse(text: &str) -> Self {
        let mut points = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("here", name)) => points.here.push(name.to_owned()),
                Some(("agent", name)) => points.agent.push(name.to_owned()),
                _ => panic!("not a line of a trace: {line:?}"),
            }
        }
        points
    }

    /// Every crash that these points allow.
    pub fn crashes(&self) -> Vec<Crash> {
        let here = (1..=self.here.len()).map(Crash::Here);
        here.chain((1..=self.agent.len()).map(Crash::Agent)).collect()
    }
}

/// Runs `args` to the end and says which points were passed.
pub fn trace(territory: Territory<'_>, args: &[&str]) -> (Outcome, Points) {
    let file = territory.world().base().join("tmp/trace");
    let _ = fs::remove_file(&file);
    let outcome =
        territory.run_with(args, &[("UBOS_SYNC_FAILPOINT_TRACE", file.clone().into_os_string())]);
    let points = Points::parse(&fs::read_to_string(&file).unwrap_or_default());
    (outcome, points)
}

/// Runs `args` with a crash, and asserts that nothing is lost while it lies there.
///
/// # Panics
/// If something is, or if the process that was called should have died and did not.
pub fn run_with_crash(territory: Territory<'_>, args: &[&str], crash: Crash) -> Outcome {
    let outcome = run_to_crash(territory, args, crash);
    if matches!(crash, Crash::Here(_)) {
        assert_eq!(outcome.code(), 137, "{crash:?} did not happen\n{}", outcome.told());
    }
    outcome
}

/// As [`run_with_crash`], for a run that may pass fewer points than the crash waits for.
///
/// # Panics
/// If something is lost.
pub fn run_to_crash(territory: Territory<'_>, args: &[&str], crash: Crash) -> Outcome {
    let (name, number) = match crash {
        Crash::Here(number) => ("UBOS_SYNC_CRASH_HERE", number),
        Crash::Agent(number) => ("UBOS_SYNC_CRASH_AGENT", number),
    };
    let ledger = Ledger::open(territory.world());
    let outcome = territory.run_with(args, &[(name, OsString::from(number.to_string()))]);
    ledger.check_interrupted(territory.world(), &format!("{crash:?}\n{}", outcome.told()));
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn a_trace_is_split_by_process() {
        let world = World::scripted(
            "for p in 'here a' 'agent b' 'here c'; do echo $p >> $UBOS_SYNC_FAILPOINT_TRACE; done",
        );
        let (_, points) = trace(world.laptop(), &[]);
        assert_eq!(points.here, ["a", "c"]);
        assert_eq!(points.crashes(), [Crash::Here(1), Crash::Here(2), Crash::Agent(1)]);
    }

    #[test]
    #[should_panic(expected = "did not happen")]
    fn a_crash_that_does_not_happen_is_noticed() {
        let world = World::scripted("exit 0");
        run_with_crash(world.laptop(), &[], Crash::Here(1));
    }

    #[test]
    #[should_panic(expected = "notes/f is lost")]
    fn a_loss_during_a_crash_is_noticed() {
        let world = World::scripted("echo B > notes/f; kill -KILL $$");
        run_with_crash(world.laptop(), &[], Crash::Here(1));
    }
}
