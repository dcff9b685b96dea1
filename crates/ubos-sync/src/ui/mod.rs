//! The terminal. Standard output is the answer, standard error the conversation; only this folder
//! writes to either.

pub(crate) mod cells;
mod desk;
pub(crate) mod editor;
pub(crate) mod live;
mod pager;
pub(crate) mod progress;
pub(crate) mod prompt;
pub(crate) mod sanitize;

use std::io::{self, BufRead, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::cli::{ColorWhen, Global};
use crate::failure::Failure;
use sanitize::sanitize;

/// Roles that text can have; understandable without any of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    /// What is well.
    Good,
    /// What wants a decision.
    Attention,
    /// What is wrong.
    Bad,
    /// What stands back.
    Faint,
    /// What stands out.
    Strong,
    /// A line that only the older of two texts has.
    Removed,
    /// In such a line: the words that are gone.
    RemovedWords,
    /// A line that only the newer of two texts has.
    Added,
    /// In such a line: the words that are new.
    AddedWords,
}

/// How to speak.
#[derive(Debug)]
pub(crate) struct Ui {
    json: bool,
    quiet: bool,
    verbose: bool,
    color_out: bool,
    color_err: bool,
    /// Columns, where they are given rather than asked for.
    columns: Option<usize>,
    zone: TimeZone,
}

impl Ui {
    /// Reads the global flags and looks whether somebody is watching.
    pub(crate) fn new(global: &Global) -> Self {
        let color = |terminal: bool| match global.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => terminal && std::env::var_os("NO_COLOR").is_none(),
        };
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            color_out: color(io::stdout().is_terminal()),
            color_err: color(io::stderr().is_terminal()),
            columns: None,
            zone: TimeZone::system(),
        }
    }

    /// A terminal that nobody watches: so many columns, with or without colour, in UTC.
    #[cfg(test)]
    pub(crate) fn fixed(columns: usize, color: bool) -> Self {
        Self {
            json: false,
            quiet: false,
            verbose: false,
            color_out: color,
            color_err: color,
            columns: Some(columns),
            zone: TimeZone::UTC,
        }
    }

    /// Columns of the terminal; where there is none `COLUMNS`, else 80. Asked anew each time, since a
    /// window can change while a question waits.
    pub(crate) fn width(&self) -> usize {
        self.columns.unwrap_or_else(pager::columns)
    }

    /// Where the user's clock stands.
    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether the answer is painted.
    pub(crate) fn color(&self) -> bool {
        self.color_out
    }

    /// Writes a long answer: through the user's pager if it does not fit on the screen.
    pub(crate) fn page(&self, text: &str) -> Result<(), Failure> {
        if pager::show(text) { Ok(()) } else { self.answer(text) }
    }

    /// Whether the answer is a JSON document.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether to say only what went wrong or wants a decision.
    pub(crate) fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether to say more.
    pub(crate) fn verbose(&self) -> bool {
        self.verbose
    }

    /// Whether a person can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether there can be a conversation: what is told and asked is seen by the person who answers.
    pub(crate) fn converses(&self) -> bool {
        self.can_ask() && io::stdout().is_terminal()
    }

    /// Whether progress may be shown.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Text in a tone, for the answer.
    pub(crate) fn tone(&self, tone: Tone, text: &str) -> String {
        paint(self.color_out, tone, text)
    }

    /// Writes the answer, made safe for a terminal.
    pub(crate) fn answer(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// Lets `write` write a content as the answer, byte for byte.
    pub(crate) fn content<T>(
        &self,
        write: impl FnOnce(&mut dyn io::Write) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let value = write(&mut out)?;
        written(out.flush()).map(|()| value)
    }

    /// Writes a JSON document as the answer.
    pub(crate) fn document(&self, document: &Value) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document).unwrap_or_default();
        self.answer(&format!("{text}\n"))
    }

    /// Says something in passing.
    pub(crate) fn status(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Warns.
    pub(crate) fn warning(&self, text: &str) {
        let label = paint(self.color_err, Tone::Attention, "Warning:");
        self.say(&format!("{label} {}", sanitize(text)));
    }

    /// Tells an error and the next step.
    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        let label = paint(self.color_err, Tone::Bad, "Error:");
        self.say(&format!("{label} {}", sanitize(message)));
        if let Some(hint) = hint {
            let label = paint(self.color_err, Tone::Strong, "Hint:");
            self.say(&format!("{label} {}", sanitize(hint)));
        }
    }

    /// Asks a question that only `y` or `yes` affirms. End of input is no.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        self.say_without_newline(&format!("{} [y/N] ", sanitize(question)));
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        read.is_ok() && ["y", "yes"].contains(&line.trim().to_lowercase().as_str())
    }

    fn say(&self, text: &str) {
        self.say_without_newline(&format!("{text}\n"));
    }

    fn say_without_newline(&self, text: &str) {
        let mut err = io::stderr().lock();
        // Nobody is left to tell if standard error is gone.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }
}

/// What became of writing the answer.
fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::BrokenPipe),
        Err(e) => Err(ubos_engine::error::EngineError::io("write", "standard output", e).into()),
        Ok(()) => Ok(()),
    }
}

fn paint(color: bool, tone: Tone, text: &str) -> String {
    if !color {
        return text.to_owned();
    }
    let style = match tone {
        Tone::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
        Tone::Attention => Style::new().fg_color(Some(AnsiColor::Yellow.into())).bold(),
        Tone::Bad => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
        Tone::Faint => Style::new().dimmed(),
        Tone::Strong => Style::new().bold(),
        Tone::Removed => Style::new().fg_color(Some(AnsiColor::Red.into())),
        Tone::RemovedWords => Style::new().fg_color(Some(AnsiColor::Red.into())).bold().underline(),
        Tone::Added => Style::new().fg_color(Some(AnsiColor::Green.into())),
        Tone::AddedWords => Style::new().fg_color(Some(AnsiColor::Green.into())).bold().underline(),
    };
    // Line by line: a pager shows each line for itself.
    let line = |line: &str| match line {
        "" => String::new(),
        line => format!("{style}{line}{style:#}"),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}
