//! Settings and canvases that Obsidian is just writing. It opens, empties and fills them in place: who
//! reads between that finds half a file, which must not travel.
//!
//! Such a file does not parse. It is busy, and tried again, as long as it is young; if nobody wrote to it
//! for [`SETTLED`], it is no longer being written but is what somebody made of it, and travels like any
//! other file: a path must not wait for ever for a person who cannot know what it waits for.

use std::io;
use std::os::fd::BorrowedFd;

use serde::de::IgnoredAny;

use ubos_core::path::RelPath;

use crate::fs::Stamp;
use crate::fs::atomic::read_full_at;

/// After so many nanoseconds without a write a file is whole, whatever is in it.
const SETTLED: i64 = 60_000_000_000;
/// Larger files are neither settings nor canvases.
const MAX_LOOK: u64 = 16 << 20;
/// What the names of Obsidian's settings folders begin with.
const SETTINGS: &[u8] = b".obsidian";

/// Whether Obsidian writes this file in place, and as JSON: its settings, and canvases anywhere.
pub(super) fn may_be(path: &RelPath) -> bool {
    let ends = |end: &[u8]| {
        let name = path.name();
        name.len() > end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
    };
    ends(b".canvas")
        || ends(b".json")
            && path.components().rev().skip(1).any(|folder| folder.starts_with(SETTINGS))
}

/// Whether the file with this stamp looks half written at `now` (nanoseconds since 1970).
pub(super) fn is(fd: BorrowedFd<'_>, stamp: &Stamp, now: i64) -> io::Result<bool> {
    // Only the ctime cannot be set. One far in the future says that the clock was put back.
    let age = now.saturating_sub(stamp.ctime);
    if age.saturating_abs() > SETTLED || stamp.size > MAX_LOOK {
        return Ok(false);
    }
    let mut bytes = vec![0; stamp.size as usize];
    let read = read_full_at(fd, &mut bytes, 0)?;
    Ok(serde_json::from_slice::<IgnoredAny>(&bytes[..read]).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    #[test]
    fn settings_and_canvases_are_looked_at() {
        let cases = [
            (".obsidian/app.json", true),
            (".obsidian/plugins/x/data.JSON", true),
            ("sub/vault/.obsidian-mac/graph.json", true),
            ("board.canvas", true),
            ("docs/data.json", false),
            (".obsidian/snippets/a.css", false),
            (".obsidian.json", false),
            (".obsidian/.json", false),
        ];
        for (path, expected) in cases {
            assert_eq!(may_be(&RelPath::new(path).unwrap()), expected, "{path}");
        }
    }

    #[test]
    fn half_a_file_is_busy_until_nobody_writes_to_it_any_more() {
        let cases = [
            ("{\"a\": [1, 2", 0, true),
            ("", 0, true),
            ("\0\0\0\0", 0, true),
            ("{\"a\": [1, 2]}", 0, false),
            ("{\"a\": [1, 2", SETTLED - 1, true),
            ("{\"a\": [1, 2", SETTLED + 1, false),
            ("{\"a\": [1, 2", -SETTLED - 1, false),
        ];
        for (text, age, expected) in cases {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let stamp = Stamp::of(&rustix::fs::fstat(&file).unwrap());
            let found = is(file.as_fd(), &stamp, stamp.ctime + age).unwrap();
            assert_eq!(found, expected, "{text:?} after {age} ns");
        }
    }
}
