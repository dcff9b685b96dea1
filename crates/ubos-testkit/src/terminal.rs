//! `Terminal`: a program in a pseudo terminal: what a person would type, and the screen as they
//! would see it.
//!
//! The program leads a session of its own with the pseudo terminal as its controlling terminal, so
//! that keys such as Ctrl-C become signals and closing the terminal hangs up. Everything that it
//! writes is kept twice: as bytes, and as the screen that a VT100 would show. Dropping a terminal
//! ends the program and whatever it started in the same process group.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

/// Longest time a program may take to say or do what is expected, generous for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Lines that left the screen and are still remembered.
const SCROLLBACK: usize = 10_000;

/// A program in a pseudo terminal.
pub struct Terminal {
    line: String,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    device: PathBuf,
    child: Box<dyn Child + Send + Sync>,
    status: Option<ExitStatus>,
    output: Arc<Output>,
    reader: Option<JoinHandle<()>>,
    /// Bytes of output that were there when something was last sent.
    since: usize,
}

/// What the reading thread and the test share.
struct Output {
    seen: Mutex<Seen>,
    changed: Condvar,
}

struct Seen {
    screen: vt100::Parser,
    raw: Vec<u8>,
    closing: bool,
    ended: bool,
}

impl Output {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no holder of this lock panics")
    }
}

/// The byte that a terminal sends for a key pressed together with Ctrl.
pub fn ctrl(key: char) -> char {
    char::from((key.to_ascii_uppercase() as u8) & 0x1f)
}

impl Terminal {
    /// Starts `command` in a terminal of that size. Of the command count the program, arguments,
    /// working directory and the variables that were set on it; the test's own environment does
    /// not get in.
    ///
    /// # Panics
    /// If there is no pseudo terminal to be had or the program cannot be started.
    pub fn spawn(command: &Command, cols: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(cols, rows)).expect("a pseudo terminal");
        let reader = pair.master.try_clone_reader().expect("its output can be read");
        let writer = pair.master.take_writer().expect("its input is not yet taken");
        let device = pair.master.tty_name().expect("it has a name");
        let builder = builder(command);
        let words = builder.get_argv().iter().map(|word| word.to_string_lossy());
        let line = words.collect::<Vec<_>>().join(" ");
        let child = match pair.slave.spawn_command(builder) {
            Ok(child) => child,
            Err(error) => panic!("cannot start {line}: {error}"),
        };
        drop(pair.slave);
        let output = Arc::new(Output {
            seen: Mutex::new(Seen {
                screen: vt100::Parser::new(rows, cols, SCROLLBACK),
                raw: Vec::new(),
                closing: false,
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let shared = Arc::clone(&output);
        let reader = std::thread::spawn(move || watch(reader, &shared));
        Self {
            line,
            master: Some(pair.master),
            writer: Some(writer),
            device,
            child,
            status: None,
            output,
            reader: Some(reader),
            since: 0,
        }
    }

    /// The process id, as long as the program runs.
    pub fn id(&self) -> Option<u32> {
        self.child.process_id()
    }

    /// Types `text`.
    ///
    /// # Panics
    /// If the terminal is closed.
    pub fn send(&mut self, text: &str) {
        self.since = self.output.seen().raw.len();
        let writer = self.writer.as_mut().expect("nobody types at a closed terminal");
        writer.write_all(text.as_bytes()).and_then(|()| writer.flush()).expect("it takes input");
    }

    /// Types `text` and Enter.
    pub fn enter(&mut self, text: &str) {
        self.send(&format!("{text}\r"));
    }

    /// Presses one key, such as [`ctrl`]`('c')`.
    pub fn send_key(&mut self, key: char) {
        self.send(&key.to_string());
    }

    /// Waits until the program has written `text` since something was last sent (the echo of what
    /// was typed counts), colours, cursor movements and the breaking of lines aside.
    ///
    /// # Panics
    /// If it has not after `within`, or the program has ended without; with the whole screen.
    pub fn wait_for(&self, text: &str, within: Duration) -> &Self {
        let deadline = Instant::now() + within;
        let mut seen = self.output.seen();
        let text = one_space(text);
        while !one_space(&plain(&seen.raw[self.since..])).contains(&text) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.ended {
                let end = if seen.ended { "the program ended" } else { "time is up" };
                let since = plain(&seen.raw[self.since..]);
                let screen = shown(&seen);
                drop(seen);
                panic!(
                    "no {text:?}, and {end}\n$ {}\n--- since the last key\n{since}\n--- screen\n{screen}",
                    self.line
                );
            }
            (seen, _) = self
                .output
                .changed
                .wait_timeout(seen, left)
                .expect("no holder of this lock panics");
        }
        drop(seen);
        self
    }

    /// The screen as a person sees it, without the blanks at the ends of lines and the empty lines
    /// below.
    pub fn screen(&self) -> String {
        shown(&self.output.seen())
    }

    /// What was written since something was last sent, colours and cursor movements aside.
    pub fn since(&self) -> String {
        plain(&self.output.seen().raw[self.since..])
    }

    /// Everything that was written, as bytes.
    pub fn raw(&self) -> Vec<u8> {
        self.output.seen().raw.clone()
    }

    /// Everything that was written, colours and cursor movements aside.
    pub fn transcript(&self) -> String {
        plain(&self.output.seen().raw)
    }

    /// Gives the terminal another size, of which the program is told.
    ///
    /// # Panics
    /// If the terminal is closed.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        let master = self.master.as_ref().expect("a closed terminal has no size");
        master.resize(size(cols, rows)).expect("it takes any size");
        self.output.seen().screen.screen_mut().set_size(rows, cols);
    }

    /// Hangs up, as closing the window does: the program gets the signal, and reads no more.
    pub fn close(&mut self) {
        let Some(master) = self.master.take() else { return };
        self.output.seen().closing = true;
        if let Ok(device) = std::fs::File::options().read(true).write(true).open(&self.device) {
            // The writer would send an end of file when it is dropped, which nobody typed.
            if let Ok(mut settings) = tcgetattr(&device) {
                settings.special_codes[SpecialCodeIndex::VEOF] = 0;
                let _ = tcsetattr(&device, OptionalActions::Now, &settings);
            }
            // The reading thread holds the terminal open too; a byte wakes it.
            let _ = (&device).write_all(b"\0");
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.writer = None;
        drop(master);
    }

    /// Waits for the program's end, and returns its exit code, or 128 + the number of the signal
    /// that ended it.
    ///
    /// # Panics
    /// If `within` passes before; with the whole screen.
    pub fn wait(&mut self, within: Duration) -> i32 {
        let deadline = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.ended() {
                break status;
            }
            if Instant::now() > deadline {
                panic!("still running after {within:?}\n$ {}\n{}", self.line, self.screen());
            }
            sleep(Duration::from_millis(3));
        };
        self.read_the_rest();
        code(&status)
    }

    /// Waits for the program's end and asserts its exit code.
    ///
    /// # Panics
    /// If it is another one, or the program does not end; with the whole screen.
    pub fn exits(&mut self, expected: i32) -> &mut Self {
        let code = self.wait(PATIENCE);
        assert_eq!(code, expected, "wrong exit code\n$ {}\n{}", self.line, self.transcript());
        self
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("our own child can be asked");
        }
        self.status.clone()
    }

    /// The last output of a program that has ended may still be on its way. What a process that
    /// outlived it would add is not waited for.
    fn read_the_rest(&self) {
        let deadline = Instant::now() + Duration::from_secs(2);
        let mut seen = self.output.seen();
        while !seen.ended && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            (seen, _) = self
                .output
                .changed
                .wait_timeout(seen, left)
                .expect("no holder of this lock panics");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let id = self.child.process_id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            if let Some(id) = id {
                let _ = kill_process_group(id, Signal::KILL);
            }
            let _ = self.child.wait();
        }
        self.close();
    }
}

fn watch(mut reader: Box<dyn Read + Send>, output: &Output) {
    let mut buffer = [0; 4096];
    loop {
        let read = reader.read(&mut buffer);
        let mut seen = output.seen();
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(count) if count > 0 && !seen.closing => {
                seen.raw.extend_from_slice(&buffer[..count]);
                seen.screen.process(&buffer[..count]);
            }
            _ => {
                seen.ended = true;
                output.changed.notify_all();
                return;
            }
        }
        output.changed.notify_all();
    }
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn builder(command: &Command) -> CommandBuilder {
    let mut builder = CommandBuilder::new(command.get_program());
    builder.args(command.get_args());
    builder.env_clear();
    builder.env("TERM", "xterm-256color");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => builder.env(name, value),
            None => builder.env_remove(name),
        }
    }
    builder.cwd(command.get_current_dir().map_or(OsStr::new("/"), |dir| dir.as_os_str()));
    builder
}

/// A signal's name is all that the library keeps of it.
fn code(status: &ExitStatus) -> i32 {
    const NAMES: [(&str, i32); 5] =
        [("Hangup", 1), ("Interrupt", 2), ("Quit", 3), ("Killed", 9), ("Terminated", 15)];
    match status.signal() {
        None => i32::try_from(status.exit_code()).expect("exit codes are small"),
        Some(name) => {
            let known = NAMES.iter().find(|(known, _)| name.starts_with(known));
            128 + known.unwrap_or_else(|| panic!("ended by {name}")).1
        }
    }
}

fn shown(seen: &Seen) -> String {
    let screen = seen.screen.screen();
    let (_, cols) = screen.size();
    let rows: Vec<String> = screen.rows(0, cols).map(|row| row.trim_end().to_owned()).collect();
    let text = rows.join("\n");
    text.trim_end_matches('\n').to_owned()
}

/// The text without escape sequences and carriage returns.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut chars = text.chars().peekable();
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        match c {
            '\r' => {}
            '\u{1b}' => match chars.next() {
                Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                Some(']') => while chars.next().is_some_and(|c| c != '\u{7}') {},
                Some('(' | ')') => drop(chars.next()),
                _ => {}
            },
            c => plain.push(c),
        }
    }
    plain
}

/// The text with every white space, however long, as one space.
fn one_space(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !c.is_whitespace() => out.push(c),
            _ if out.ends_with(' ') => {}
            _ => out.push(' '),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Terminal {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env("PATH", "/usr/bin:/bin");
        Terminal::spawn(&command, 40, 6)
    }

    #[test]
    fn what_is_typed_is_read_and_what_is_written_is_seen() {
        let mut terminal =
            shell("printf 'name? '; read -r name; printf '\\033[31mhello %s\\n' \"$name\"");
        terminal.wait_for("name? ", PATIENCE);
        terminal.enter("Ada");
        terminal.wait_for("hello Ada", PATIENCE).wait_for("hello\nAda", PATIENCE);
        terminal.exits(0);
        assert_eq!(terminal.screen(), "name? Ada\nhello Ada");
        assert!(terminal.raw().starts_with(b"name? Ada\r\n\x1b[31mhello"));
    }

    #[test]
    fn the_size_is_known_and_can_change() {
        let mut terminal = shell("stty size; read -r _; stty size");
        terminal.wait_for("6 40", PATIENCE);
        terminal.resize(100, 30);
        terminal.enter("");
        terminal.wait_for("30 100", PATIENCE);
        terminal.exits(0);
    }

    #[test]
    fn ctrl_c_interrupts() {
        let mut terminal = shell("echo ready; exec sleep 60");
        terminal.wait_for("ready", PATIENCE);
        terminal.send_key(ctrl('c'));
        terminal.exits(130);
    }

    #[test]
    fn a_closed_terminal_hangs_up() {
        let told = tempfile::tempdir().expect("a folder");
        let path = told.path().join("told");
        let mut terminal = shell(&format!(
            "trap 'echo hung up > {0}; exit 7' HUP; echo ready; while :; do sleep 0.02; done",
            path.display()
        ));
        terminal.wait_for("ready", PATIENCE);
        terminal.close();
        terminal.exits(7);
        assert_eq!(std::fs::read_to_string(path).expect("it was told"), "hung up\n");
    }

    #[test]
    fn nothing_is_typed_by_closing() {
        let told = tempfile::tempdir().expect("a folder");
        let path = told.path().join("told");
        let mut terminal = shell(&format!(
            "trap '' HUP; echo ready; read -r line; echo \"$? $line\" > {}",
            path.display()
        ));
        terminal.wait_for("ready", PATIENCE);
        terminal.close();
        terminal.wait(PATIENCE);
        assert_eq!(std::fs::read_to_string(path).expect("it went on"), "1 \n");
    }

    #[test]
    #[should_panic(expected = "no \"never\", and time is up")]
    fn what_is_not_said_is_missed_with_the_screen() {
        shell("echo something else; sleep 60").wait_for("never", Duration::from_millis(300));
    }

    #[test]
    fn a_dropped_terminal_leaves_no_process() {
        let terminal = shell("echo ready; sleep 600");
        terminal.wait_for("ready", PATIENCE);
        let id = terminal.id().expect("it runs");
        drop(terminal);
        let id = Pid::from_raw(i32::try_from(id).expect("small")).expect("not zero");
        // What has been killed stays in the group until its parent, or who stands in for it, looks.
        let deadline = Instant::now() + PATIENCE;
        while kill_process_group(id, Signal::KILL).is_ok() {
            assert!(Instant::now() < deadline, "something is left of the group");
            sleep(Duration::from_millis(3));
        }
    }
}
