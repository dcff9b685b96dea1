//! Named points where tests make the process die. Without the feature `failpoints` the macro is
//! empty and a shipped binary has none of this.
//!
//! `UBOS_SYNC_FAILPOINT_TRACE=FILE` appends `here NAME` or `agent NAME` for each point passed;
//! `UBOS_SYNC_CRASH_HERE=N` and `UBOS_SYNC_CRASH_AGENT=N` kill that process at its Nth point.
//! `UBOS_SYNC_SILENCE_MS=N` has it give up a connection that was silent for so many milliseconds.

/// Passes a named point.
#[macro_export]
macro_rules! failpoint {
    ($name:expr) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::pass($name);
    };
}

#[cfg(feature = "failpoints")]
mod active {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::Duration;

    static AGENT: AtomicBool = AtomicBool::new(false);
    static PASSED: AtomicU64 = AtomicU64::new(0);

    /// Tells that this process is an agent.
    pub fn this_is_an_agent() {
        AGENT.store(true, Ordering::Relaxed);
    }

    /// The silence after which a connection is given up, where a test has no time for the usual one.
    pub fn silence() -> Option<Duration> {
        let milliseconds = std::env::var("UBOS_SYNC_SILENCE_MS").ok()?.parse().ok()?;
        Some(Duration::from_millis(milliseconds))
    }

    /// Passes a point: traces it, and dies if it is the one asked for.
    pub fn pass(name: &str) {
        let (role, crash) = if AGENT.load(Ordering::Relaxed) {
            ("agent", "UBOS_SYNC_CRASH_AGENT")
        } else {
            ("here", "UBOS_SYNC_CRASH_HERE")
        };
        let count = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(path) = std::env::var_os("UBOS_SYNC_FAILPOINT_TRACE") {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            if let Ok(mut file) = file {
                // A test that cannot trace sees no points and fails.
                let _ = writeln!(file, "{role} {name}");
            }
        }
        if std::env::var(crash).is_ok_and(|n| n.parse() == Ok(count)) {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }
}

#[cfg(feature = "failpoints")]
pub use active::{pass, silence, this_is_an_agent};
