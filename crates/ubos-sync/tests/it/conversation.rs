//! `Conversation`: `resolve` or a sync in a terminal, with every promise checked at its end.

use std::process::Command;
use std::time::{Duration, SystemTime};

use ubos_testkit::accounting::Ledger;
use ubos_testkit::terminal::{PATIENCE, Terminal};
use ubos_testkit::{Side, World};

use crate::agreed;

/// Ends of the lines that ask.
pub(crate) const CHOICE: &str = "? explains]: ";

/// A time that conflicts are given, so that screens can be compared.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_759_847_400 + seconds)
}

/// A pair in which `notes/f` was changed on both sides and a run has recorded it.
pub(crate) fn in_conflict() -> World {
    conflict_with("B of the laptop\n", "C of the server\n")
}

/// As [`in_conflict`], with these contents.
pub(crate) fn conflict_with(laptop: &str, server: &str) -> World {
    let world = agreed();
    edit(&world, "notes/f", laptop, server);
    world.laptop().sync().exits(3);
    world
}

/// Changes `path` on both sides, at fixed times.
pub(crate) fn edit(world: &World, path: &str, laptop: &str, server: &str) {
    world.laptop().write(path, laptop);
    world.laptop().touch(path, at(0));
    world.server().write(path, server);
    world.server().touch(path, at(300));
}

/// A program in a terminal, and what must not be lost by it.
pub(crate) struct Conversation<'w> {
    world: &'w World,
    ledger: Ledger,
    /// The terminal.
    pub(crate) terminal: Terminal,
}

impl<'w> Conversation<'w> {
    /// Starts the binary on the laptop, 80 columns wide and long enough for everything.
    pub(crate) fn start(world: &'w World, args: &[&str]) -> Self {
        Self::sized(world, Side::Laptop, args, (80, 200), |_| {})
    }

    /// Starts the binary on `side` in a terminal of that size (columns, rows).
    pub(crate) fn sized(
        world: &'w World,
        side: Side,
        args: &[&str],
        (cols, rows): (u16, u16),
        set: impl FnOnce(&mut Command),
    ) -> Self {
        let ledger = Ledger::open(world);
        let mut command = world.at(side).command(args);
        command.env("TZ", "UTC").env("PAGER", "cat").env("GIT_CONFIG_NOSYSTEM", "1");
        set(&mut command);
        let terminal = Terminal::spawn(&command, cols, rows);
        Self { world, ledger, terminal }
    }

    /// Starts `resolve` with an editor that is this shell script; `$1` is the file.
    pub(crate) fn with_editor(world: &'w World, script: &str) -> Self {
        let editor = world.base().join("bin/editor");
        ubos_testkit::script::write_script(&editor, script);
        Self::sized(world, Side::Laptop, &["resolve"], (80, 200), |command| {
            command.env("EDITOR", &editor);
        })
    }

    /// Waits for `text`.
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        self.terminal.wait_for(text, PATIENCE);
        self
    }

    /// Waits for a question and answers it.
    pub(crate) fn answers(&mut self, question: &str, answer: &str) -> &mut Self {
        self.sees(question);
        self.terminal.enter(answer);
        self
    }

    /// Presses a key at a question.
    pub(crate) fn presses(&mut self, question: &str, key: char) -> &mut Self {
        self.sees(question);
        self.terminal.send_key(key);
        self
    }

    /// Takes what stands now as what must not be lost: the test itself has changed something.
    pub(crate) fn recount(&mut self) -> &mut Self {
        self.ledger = Ledger::open(self.world);
        self
    }

    /// Waits for the end; asserts the exit code and that nothing is lost.
    pub(crate) fn ends(&mut self, code: i32) -> String {
        self.terminal.exits(code);
        self.ledger.check(self.world, &self.terminal.transcript());
        self.terminal.transcript()
    }

    /// The screen, with what differs from run to run replaced.
    pub(crate) fn screen(&self) -> String {
        without_runs(&self.terminal.screen())
    }
}

/// The text with ids of runs replaced by `RUN`.
pub(crate) fn without_runs(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("Z-") {
        let begin = rest[..at].rfind(|c: char| !(c.is_ascii_digit() || c == 'T' || c == '.'));
        let begin = begin.map_or(0, |at| at + 1);
        let end = at
            + 2
            + rest[at + 2..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len() - at - 2);
        out.push_str(&rest[..begin]);
        out.push_str("RUN");
        rest = &rest[end..];
    }
    out + rest
}
