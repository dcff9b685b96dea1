//! Differences of two or three versions of a file, for people.

use std::time::{Duration, Instant};

use similar::TextDiff;

use crate::ui::Ui;
use crate::ui::sanitize::sanitize;

/// A version that is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// Whose it is, in words: `balaur`, `last agreed version`.
    pub label: &'a str,
    /// What stands there; nothing where it is deleted or never was.
    pub bytes: Option<&'a [u8]>,
}

/// What changed from `old` to `new`.
pub(crate) fn two(old: &Shown<'_>, new: &Shown<'_>, _width: usize, _ui: &Ui) -> String {
    let (a, b) = (old.bytes.unwrap_or_default(), new.bytes.unwrap_or_default());
    let diff = TextDiff::configure()
        .deadline(Instant::now() + Duration::from_millis(300))
        .diff_lines(a, b);
    let mut bytes = Vec::new();
    let _ = diff.unified_diff().header(old.label, new.label).to_writer(&mut bytes);
    sanitize(&String::from_utf8_lossy(&bytes))
}

/// What each territory changed since `base`.
pub(crate) fn three(
    base: &Shown<'_>,
    here: &Shown<'_>,
    there: &Shown<'_>,
    width: usize,
    ui: &Ui,
) -> String {
    format!("{}\n{}", two(base, here, width, ui), two(base, there, width, ui))
}
