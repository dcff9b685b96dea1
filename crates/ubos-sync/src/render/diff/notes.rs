//! What is said in words about two texts: how much differs, and what lines alone do not show.

use super::lines::{Ends, Row, Text};
use super::{Compared, Shown};
use crate::render::units::plural;

/// The notes of a comparison; `rough` if it had to be cut short.
pub(super) fn of(
    compared: &Compared<'_>,
    (old, new): (&Shown<'_>, &Shown<'_>),
    rough: bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    for shown in [old, new] {
        match shown.bytes {
            None => notes.push(format!("{}: nothing there.", shown.label)),
            Some([]) => notes.push(format!("{}: empty.", shown.label)),
            Some(_) => {}
        }
    }
    let lines = counted(compared);
    match (lines, old.bytes, new.bytes) {
        (Some(counted), Some(a), Some(b)) if !a.is_empty() && !b.is_empty() => {
            let blank = only_blanks_differ(a, b);
            let blank = if blank { " Only white space differs." } else { "" };
            notes.push(format!("{counted}.{blank}"));
        }
        (Some(counted), ..) => notes.push(format!("{counted}.")),
        (None, ..) => {}
    }
    notes.extend(ends([(old, &compared.old), (new, &compared.new)]));
    if rough {
        notes.push("They differ much; more may be marked than what changed.".into());
    }
    notes
}

/// `2 lines changed, 1 added`; nothing where no line differs.
fn counted(compared: &Compared<'_>) -> Option<String> {
    let count = |wanted: fn(&Row) -> bool| compared.rows.iter().filter(|row| wanted(row)).count();
    let counts = [
        (count(|row| matches!(row, Row::Changed(..))), "changed"),
        (count(|row| matches!(row, Row::Added(_))), "added"),
        (count(|row| matches!(row, Row::Removed(_))), "removed"),
    ];
    let mut parts: Vec<String> = Vec::new();
    for (count, word) in counts.into_iter().filter(|(count, _)| *count > 0) {
        let many = if parts.is_empty() { plural(count, "line") } else { count.to_string() };
        parts.push(format!("{many} {word}"));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How two versions differ in the ends of their lines.
pub(super) fn ends(versions: [(&Shown<'_>, &Text<'_>); 2]) -> Vec<String> {
    let mut notes = Vec::new();
    let [(a, old), (b, new)] = versions;
    if old.lines.is_empty() || new.lines.is_empty() {
        return notes;
    }
    let (left, right) = (old.ends(), new.ends());
    if left != right && left != Ends::None && right != Ends::None {
        notes.push(format!(
            "The line ends differ: {} has {}, {} has {}.",
            a.label,
            words(left),
            b.label,
            words(right)
        ));
    } else if left == Ends::Mixed && old.returns != new.returns {
        notes.push(format!(
            "Both mix {} and {}, each in its own way.",
            words(Ends::Windows),
            words(Ends::Unix)
        ));
    }
    match (old.open, new.open) {
        (true, false) => notes.push(format!("{} has no line end after its last line.", a.label)),
        (false, true) => notes.push(format!("{} has no line end after its last line.", b.label)),
        _ => {}
    }
    notes
}

fn words(ends: Ends) -> &'static str {
    match ends {
        Ends::None => "none",
        Ends::Unix => "those of Unix (LF)",
        Ends::Windows => "those of Windows (CRLF)",
        Ends::Mixed => "both kinds (LF and CRLF)",
    }
}

fn only_blanks_differ(a: &[u8], b: &[u8]) -> bool {
    let solid = |bytes: &'_ [u8]| {
        bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect::<Vec<u8>>()
    };
    solid(a) == solid(b)
}
