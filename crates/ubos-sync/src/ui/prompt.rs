//! Asks one line on the terminal, and keeps Ctrl-C in its place.
//!
//! Ctrl-C at a question is an answer like any other, [`Answer::Interrupted`]: nothing is half done
//! there. During a run it has its usual effect, as for any run. While another program has the
//! terminal (an editor, a pager) it is that program's business.

use std::cell::Cell;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{OptionalActions, QueueSelector, tcflush, tcgetattr, tcsetattr};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT};
use signal_hook::low_level::unregister;
use signal_hook::{flag, low_level::pipe};

use super::sanitize::sanitize;
use super::{Tone, Ui, paint};

/// Longest line that is taken; what a person types is shorter.
const MAX_LINE: usize = 64 * 1024;

/// How often it is looked whether a program that has the terminal has ended.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 30_000_000 };

/// How long a program may go on whose terminal went away.
const FAREWELL: Duration = Duration::from_secs(2);

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C.
    Interrupted,
    /// End of input, or the terminal is gone.
    Closed,
}

/// Asks questions. While one exists, Ctrl-C ends the program only inside [`Prompt::during_run`].
#[derive(Debug)]
pub(crate) struct Prompt {
    /// Readable once a signal came.
    signals: UnixStream,
    /// Whether Ctrl-C has its usual effect.
    usual: Arc<AtomicBool>,
    hung_up: Arc<AtomicBool>,
    closed: Cell<bool>,
    registered: Vec<SigId>,
}

impl Prompt {
    /// Takes charge of Ctrl-C and of a terminal that goes away.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new() -> io::Result<Self> {
        let (signals, sender) = UnixStream::pair()?;
        signals.set_nonblocking(true)?;
        let mut prompt = Self {
            signals,
            usual: Arc::default(),
            hung_up: Arc::default(),
            closed: Cell::new(false),
            registered: Vec::new(),
        };
        // Actions happen in this order: the usual effect ends the program before anything is noted,
        // and that the terminal is gone is known before the question wakes up.
        let usual = Arc::clone(&prompt.usual);
        prompt.registered.push(flag::register_conditional_default(SIGINT, Arc::clone(&usual))?);
        prompt.registered.push(flag::register_conditional_default(SIGHUP, usual)?);
        prompt.registered.push(flag::register(SIGHUP, Arc::clone(&prompt.hung_up))?);
        for signal in [SIGINT, SIGHUP] {
            prompt.registered.push(pipe::register(signal, sender.try_clone()?)?);
        }
        Ok(prompt)
    }

    /// Shows `question` and waits for a line. What was typed before the question was shown does not
    /// answer it.
    pub(crate) fn ask(&self, question: &str, ui: &Ui) -> Answer {
        if self.is_closed() {
            return Answer::Closed;
        }
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        let question = paint(ui.color_err, Tone::Strong, &sanitize(question));
        ui.say_without_newline(&format!("{question} "));
        let answer = self.line();
        if !matches!(answer, Answer::Line(_)) {
            ui.say("");
        }
        self.closed.set(self.closed.get() || answer == Answer::Closed);
        answer
    }

    /// A run: Ctrl-C has its usual effect.
    pub(crate) fn during_run<T>(&self, run: impl FnOnce() -> T) -> T {
        self.usual.store(true, Ordering::SeqCst);
        let result = run();
        self.usual.store(false, Ordering::SeqCst);
        result
    }

    /// Another program has the terminal: Ctrl-C is meant for that one. It gets the terminal as it
    /// is, and if it leaves it in disorder, that is put right.
    pub(crate) fn aside<T>(&self, program: impl FnOnce() -> T) -> T {
        let settings = tcgetattr(io::stdin());
        let result = program();
        if let Ok(settings) = settings {
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &settings);
        }
        self.forget_signals();
        result
    }

    /// Runs a program that takes the terminal, as [`Prompt::aside`]. If the terminal goes away it is
    /// told, and not waited for any longer than it needs to end.
    pub(crate) fn hand_over(&self, command: &mut Command) -> io::Result<ExitStatus> {
        self.aside(|| {
            let mut child = command.spawn()?;
            let mut deadline = None;
            loop {
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
                if self.is_closed() && deadline.is_none() {
                    let _ = kill_process(Pid::from_child(&child), Signal::HUP);
                    deadline = Some(Instant::now() + FAREWELL);
                }
                if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                    return Err(io::Error::other("the terminal was closed"));
                }
                let mut signals = [PollFd::new(&self.signals, PollFlags::IN)];
                let _ = poll(&mut signals, Some(&LOOK));
                self.forget_signals();
            }
        })
    }

    /// Whether nobody is there any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get() || self.hung_up.load(Ordering::SeqCst)
    }

    fn line(&self) -> Answer {
        let mut line = Vec::new();
        loop {
            let stdin = io::stdin();
            let mut waiting =
                [PollFd::new(&self.signals, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut waiting, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return Answer::Closed,
            }
            if !waiting[0].revents().is_empty() {
                self.forget_signals();
                return if self.is_closed() { Answer::Closed } else { Answer::Interrupted };
            }
            let mut buffer = [0; 4096];
            // A line at most, since the terminal is in its line mode.
            match rustix::io::read(&stdin, &mut buffer) {
                Ok(0) => return Answer::Closed,
                Ok(count) => line.extend_from_slice(&buffer[..count]),
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(_) => return Answer::Closed,
            }
            if line.ends_with(b"\n") || line.len() > MAX_LINE {
                return Answer::Line(String::from_utf8_lossy(&line).trim().to_owned());
            }
        }
    }

    fn forget_signals(&self) {
        let mut buffer = [0; 64];
        while (&self.signals).read(&mut buffer).is_ok_and(|count| count > 0) {}
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        // What is left is a handler that does nothing: the usual effect comes back by the flag.
        self.usual.store(true, Ordering::SeqCst);
        for id in self.registered.drain(..).skip(2) {
            unregister(id);
        }
    }
}
