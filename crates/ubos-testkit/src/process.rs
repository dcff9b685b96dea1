//! One call of the binary: a clean environment, no terminal, output to files, and a time limit.
//!
//! Output goes to files and not to pipes, so that a grandchild which outlives the program cannot
//! keep the test waiting. Every call is a process group of its own, and a call that takes too
//! long is ended by that group's number.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

/// Longest time a call may take, generous for a loaded machine.
pub const TIME_LIMIT: Duration = Duration::from_secs(180);

/// How a finished call went.
pub struct Outcome {
    /// The command line, for messages.
    pub line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Outcome {
    /// The exit code, or 128 + the number of the signal that ended it, as a shell has it.
    pub fn code(&self) -> i32 {
        let signal = || 128 + self.status.signal().expect("without a code there was a signal");
        self.status.code().unwrap_or_else(signal)
    }

    /// Asserts the exit code.
    ///
    /// # Panics
    /// If it is another one; with everything the call said.
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code(), code, "wrong exit code\n{}", self.told());
        self
    }

    /// Standard output as the one JSON document that it must be.
    ///
    /// # Panics
    /// If it is not.
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.stdout) {
            Ok(value) => value,
            Err(error) => {
                panic!("standard output is not one JSON document: {error}\n{}", self.told())
            }
        }
    }

    /// Standard output and standard error as text.
    pub fn words(&self) -> String {
        let mut words = String::from_utf8_lossy(&self.stdout).into_owned();
        words.push_str(&String::from_utf8_lossy(&self.stderr));
        words
    }

    /// Asserts that it said `part`, on either stream, in any case.
    ///
    /// # Panics
    /// If not.
    pub fn says(&self, part: &str) -> &Self {
        let said = self.words().to_lowercase().contains(&part.to_lowercase());
        assert!(said, "nothing about {part:?}\n{}", self.told());
        self
    }

    /// Everything about the call, for a failing assertion.
    pub fn told(&self) -> String {
        let mut text = format!("$ {}\n{}\n", self.line, self.status);
        for (name, bytes) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let _ = writeln!(text, "--- {name}\n{}", String::from_utf8_lossy(bytes));
        }
        text
    }
}

/// A call that is still running. Dropping it ends it.
pub struct Running {
    line: String,
    child: Child,
    output: [PathBuf; 2],
}

impl Running {
    /// Starts `command` with its output in the folder `scratch`.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(mut command: Command, scratch: &Path) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let output = ["out", "err"].map(|stream| scratch.join(format!("{number}.{stream}")));
        let [out, err] =
            output.each_ref().map(|path| File::create(path).expect("the scratch folder is ours"));
        let line = line_of(&command);
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        match command.spawn() {
            Ok(child) => Self { line, child, output },
            Err(error) => panic!("cannot start {line}: {error}"),
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to this process alone, as a user's `kill` would.
    pub fn signal(&self, signal: Signal) {
        // A process that has just ended by itself is no failure of the test.
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), signal);
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        let text = self.output.each_ref().map(|path| fs::read(path).unwrap_or_default());
        text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If `limit` passes before; the process group is then ended.
    pub fn finish(mut self, limit: Duration) -> Outcome {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child can be asked") {
                break status;
            }
            if Instant::now() > deadline {
                self.end_group();
                panic!("still running after {limit:?}\n$ {}\n{}", self.line, self.said());
            }
            sleep(Duration::from_millis(3));
        };
        let [stdout, stderr] =
            self.output.each_ref().map(|path| fs::read(path).unwrap_or_default());
        Outcome { line: self.line.clone(), status, stdout, stderr }
    }

    fn end_group(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end_group();
        }
        for path in &self.output {
            let _ = fs::remove_file(path);
        }
    }
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Outcome {
        let scratch = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Running::start(command, scratch.path()).finish(limit)
    }

    #[test]
    fn streams_and_code_are_kept_apart() {
        let outcome = shell("echo '{\"a\":1}'; echo Oh >&2; exit 7", TIME_LIMIT);
        outcome.exits(7).says("oh");
        assert_eq!(outcome.json()["a"], 1);
    }

    #[test]
    fn a_signal_is_128_and_its_number() {
        assert_eq!(shell("kill -KILL $$", TIME_LIMIT).code(), 137);
    }

    #[test]
    #[should_panic(expected = "still running after")]
    fn a_call_that_hangs_is_ended() {
        shell("sleep 60", Duration::from_millis(50));
    }

    #[test]
    #[should_panic(expected = "not one JSON document")]
    fn words_after_the_document_are_not_json() {
        shell("echo '{}'; echo done", TIME_LIMIT).json();
    }
}
