//! What is new in large logs, as the gates see it. A log is kept whole, since cutting it would break
//! it; a secret in it is told all the same, once: in the snapshot that takes it in.

use std::collections::BTreeSet;
use std::fs::File;

use ubos_core::path::RelPath;

use crate::git::gates::{Finding, Gates};
use crate::git::logs::next_piece;

/// So much of what is new in one log is examined, from its end. Only the first recording of a large log
/// has more.
const MOST: u64 = 64 << 20;
/// Most findings of one log at one time.
const MANY: usize = 100;

/// What the gates found in logs.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Secrets; all of them warnings.
    pub(super) findings: Vec<Finding>,
    /// What was not examined, in sentences.
    pub(super) notices: Vec<String>,
}

impl News {
    /// Examines the bytes `[from, to)` of a log, which begin a line.
    pub(super) fn examine(
        &mut self,
        gates: &Gates,
        path: &RelPath,
        file: &File,
        from: u64,
        to: u64,
    ) {
        let begin = from.max(to.saturating_sub(MOST));
        if begin > from {
            self.notices.push(format!(
                "`{path}`: the gates looked at the last {} MiB of what is new in it, not at the {} bytes before",
                MOST >> 20,
                begin - from
            ));
        }
        let (mut at, mut seen) = (begin, BTreeSet::new());
        while at < to && seen.len() < MANY {
            // What was cut meanwhile is another log, which the next snapshot looks at from its start.
            let Ok(part) = next_piece(file, at, to) else { return };
            for finding in gates.examine_part(path, &part) {
                if seen.insert(finding.fingerprint.clone()) {
                    self.findings.push(located(finding, &part, at));
                }
            }
            at += part.len() as u64;
        }
    }
}

/// The finding with where it stands in the whole log. To count the lines of a large log would be to
/// read it: beyond its first part, the byte where the line begins says it.
fn located(mut finding: Finding, part: &[u8], at: u64) -> Finding {
    if at == 0 {
        return finding;
    }
    if let Some(line) = finding.line.take() {
        let ends =
            part.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end + 1);
        let before = (line as usize).checked_sub(2).and_then(|nth| ends.clone().nth(nth));
        let begins = at + before.unwrap_or(0) as u64;
        finding.what = format!("{}, in the line that begins at byte {begins}", finding.what);
    }
    finding
}
