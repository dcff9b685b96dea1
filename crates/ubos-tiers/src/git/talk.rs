//! A git process that answers while it is spoken to, for many questions at the price of one start.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use super::command::{Answer, Git, failed, missing};
use super::error::{BackupError, Result};

/// How much is moved at once between git and someone else, in bytes.
pub(super) const PIECE: usize = 64 << 10;

/// A git process that is talked to line by line.
pub(super) struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    /// What it answers.
    pub(super) output: BufReader<ChildStdout>,
    args: Vec<std::ffi::OsString>,
}

impl Talk {
    /// Starts git with `args`.
    ///
    /// # Errors
    /// [`BackupError::NoGit`] if it cannot be started.
    pub(super) fn start(git: &Git, args: &[&str]) -> Result<Self> {
        let mut child = git.command(args).spawn().map_err(|e| missing(&e))?;
        let input = child.stdin.take();
        let output = BufReader::with_capacity(PIECE, child.stdout.take().expect("it is piped"));
        Ok(Self { child, input, output, args: args.iter().map(Into::into).collect() })
    }

    /// The number of its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something.
    ///
    /// # Errors
    /// It ended: what it said.
    pub(super) fn say(&mut self, bytes: &[u8]) -> Result<()> {
        let input = self.input.as_mut().expect("open until the end");
        if input.write_all(bytes).is_ok() { Ok(()) } else { Err(self.why()) }
    }

    /// A line of its answer, without the end.
    ///
    /// # Errors
    /// As [`Talk::say`].
    pub(super) fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        match self.output.read_until(b'\n', &mut line) {
            Ok(_) if line.ends_with(b"\n") => {
                line.pop();
                Ok(String::from_utf8_lossy(&line).into_owned())
            }
            _ => Err(self.why()),
        }
    }

    /// Ends the conversation; the exit code must be 0.
    pub(super) fn end(&mut self) -> Result<()> {
        let answer = self.hear_out()?;
        if answer.ok() { Ok(()) } else { Err(failed(&self.args, &answer)) }
    }

    /// Why the process stopped answering.
    pub(super) fn why(&mut self) -> BackupError {
        match self.hear_out() {
            Ok(answer) => failed(&self.args, &answer),
            Err(error) => error,
        }
    }

    fn hear_out(&mut self) -> Result<Answer> {
        drop(self.input.take());
        let mut err = Vec::new();
        // These processes complain in a few lines, which the pipe holds until they are read here.
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_end(&mut err);
        }
        let mut out = Vec::new();
        let _ = self.output.read_to_end(&mut out);
        let status = self.child.wait().map_err(|e| missing(&e))?;
        let err = String::from_utf8_lossy(&err).into_owned();
        Ok(Answer { code: status.code(), out: Vec::new(), err })
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        drop(self.input.take());
        // Whoever has not asked how it ended does not want to know; the process must not stay.
        if matches!(self.child.try_wait(), Ok(None)) {
            let mut rest = Vec::new();
            let _ = self.output.by_ref().take(PIECE as u64).read_to_end(&mut rest);
            if rest.len() == PIECE {
                let _ = self.child.kill();
            }
            let _ = self.child.wait();
        }
    }
}
