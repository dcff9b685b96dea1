//! Long answers: how large the terminal is, and the user's pager.
//!
//! A pager is a convenience. One that cannot start leaves the text to be written as it is; one that
//! is left early has shown enough.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::termios::tcgetwinsize;
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use signal_hook::low_level::unregister;

use super::cells::width;

/// Columns if nobody knows better.
const USUAL_COLUMNS: usize = 80;

/// Columns of the terminal behind standard output or standard error; else `COLUMNS`; else 80.
pub(super) fn columns() -> usize {
    let known = size(io::stdout()).or_else(|| size(io::stderr())).map(|(columns, _)| columns);
    known.or_else(given_columns).unwrap_or(USUAL_COLUMNS)
}

/// Rows of the terminal behind standard output.
pub(super) fn rows() -> Option<usize> {
    size(io::stdout()).map(|(_, rows)| rows).filter(|rows| *rows > 0)
}

fn given_columns() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok()?.trim().parse().ok()?;
    (columns > 0).then_some(columns)
}

/// Columns and rows of the terminal behind `stream`, if there is one that knows them.
fn size(stream: impl AsFd) -> Option<(usize, usize)> {
    let size = tcgetwinsize(stream).ok()?;
    (size.ws_col > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}

/// Shows `text` in a pager, if standard output is a terminal that is too small for it and there is
/// a pager. False: the caller writes it.
pub(super) fn show(text: &str) -> bool {
    let Some((columns, rows)) = size(io::stdout()) else { return false };
    if rows == 0 || !is_longer(text, columns, rows) {
        return false;
    }
    let setting = |name: &str| std::env::var_os(name);
    match command(setting("PAGER"), setting("TERM")) {
        Some(pager) => pipe(&pager, text),
        None => false,
    }
}

/// Whether `text` needs more than a screen of this size, with a line left for the prompt.
fn is_longer(text: &str, columns: usize, rows: usize) -> bool {
    let mut used = 0;
    for line in text.lines() {
        used += width(line).max(1).div_ceil(columns.max(1));
        if used >= rows {
            return true;
        }
    }
    false
}

/// The pager as a command of the shell, as git takes it; none where it would show rubbish or is
/// not wanted (`PAGER=cat`, or set to nothing).
fn command(pager: Option<OsString>, terminal: Option<OsString>) -> Option<OsString> {
    if terminal.is_none_or(|name| name == "dumb" || name.is_empty()) {
        return None;
    }
    let pager = pager.unwrap_or_else(|| "less".into());
    (!pager.is_empty() && pager != "cat").then_some(pager)
}

/// Whether the pager has shown the text. It has, also when it was left before the end.
fn pipe(pager: &OsString, text: &str) -> bool {
    let mut command = Command::new("sh");
    // `exec` would not do: the setting may be a pipeline.
    command.arg("-c").arg(pager).stdin(Stdio::piped());
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    // Ctrl-C is the pager's while it shows: it stops a search there. Were we to end from it, shell and
    // pager would fight for the terminal.
    let ours = flag::register(SIGINT, Arc::default());
    let shown = command.spawn().is_ok_and(|child| fed(child, text));
    if let Ok(ours) = ours {
        unregister(ours);
    }
    shown
}

/// Gives the text to the pager and waits until it is left.
fn fed(mut child: Child, text: &str) -> bool {
    if let Some(mut input) = child.stdin.take() {
        // A pager that is left early closes its end; that is no failure.
        let _ = input.write_all(text.as_bytes());
    }
    // 126 and 127 are the shell's own: it could not start what it was asked to.
    !matches!(child.wait().ok().and_then(|status| status.code()), None | Some(126 | 127))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(text: &str) -> Option<OsString> {
        Some(text.into())
    }

    #[test]
    fn the_users_pager_counts_and_a_dumb_terminal_has_none() {
        assert_eq!(command(None, os("xterm")), os("less"));
        assert_eq!(command(os("most -s"), os("xterm")), os("most -s"));
        assert_eq!(command(os("most"), os("dumb")), None);
        assert_eq!(command(os("most"), None), None);
        assert_eq!(command(os(""), os("xterm")), None);
        assert_eq!(command(os("cat"), os("xterm")), None);
    }

    #[test]
    fn a_wrapped_line_counts_as_the_rows_it_takes() {
        assert!(!is_longer("a\nb\nc\n", 80, 4));
        assert!(is_longer("a\nb\nc\nd\n", 80, 4));
        assert!(is_longer(&"x".repeat(100), 30, 4));
        assert!(!is_longer("\x1b[31mabc\x1b[0m", 3, 2));
    }

    #[test]
    fn a_pager_that_cannot_start_leaves_the_text_to_us_and_one_that_is_left_early_does_not() {
        assert!(!pipe(&"no-such-pager-anywhere 2>/dev/null".into(), "text\n"));
        assert!(pipe(&"head -c 1 >/dev/null".into(), &"text\n".repeat(100_000)));
        assert!(pipe(&"exit 1".into(), &"text\n".repeat(100_000)));
    }
}
