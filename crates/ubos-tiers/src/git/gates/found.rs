//! What was found in one file: each value once, less what is allowed, and not without end.

use std::collections::BTreeSet;
use std::ops::Range;

use ubos_core::path::RelPath;

use super::Finding;
use super::allow::AllowList;

/// Most findings that one file is told with. One is enough to withhold it.
const MOST: usize = 100;

/// Collects the secrets found in a file.
pub(super) struct Found<'a> {
    allowed: &'a AllowList,
    seen: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl<'a> Found<'a> {
    pub(super) fn new(allowed: &'a AllowList) -> Self {
        Self { allowed, seen: BTreeSet::new(), findings: Vec::new() }
    }

    /// Whether nothing more need be looked for.
    pub(super) fn is_full(&self) -> bool {
        self.findings.len() >= MOST
    }

    /// A finding of something secret.
    pub(super) fn secret(
        &mut self,
        rule: &str,
        path: &RelPath,
        value: &[u8],
        what: &str,
        line: u32,
    ) {
        if self.is_full() {
            return;
        }
        let finding = Finding::new(rule, path, value, what).at(line);
        let is_new = self.seen.insert(finding.fingerprint.clone());
        if is_new && !self.allowed.holds(&finding.fingerprint) {
            self.findings.push(finding);
        }
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Counts the lines of `content`.
    pub(super) fn lines<'t>(&self, content: &'t [u8]) -> Lines<'t> {
        Lines { content, at: 0, line: 1 }
    }
}

/// Whether `span` has a byte in common with one of `spans`, which rise and are apart.
pub(super) fn overlaps(spans: &[Range<usize>], span: &Range<usize>) -> bool {
    let after = spans.partition_point(|other| other.end <= span.start);
    spans.get(after).is_some_and(|other| other.start < span.end)
}

/// The lines of a text, for offsets that are asked in rising order.
pub(super) struct Lines<'t> {
    content: &'t [u8],
    at: usize,
    line: u32,
}

impl Lines<'_> {
    /// The line, from 1, of an offset that is no smaller than the one before.
    pub(super) fn at(&mut self, offset: usize) -> u32 {
        if let Some(between) = self.content.get(self.at..offset) {
            let breaks = between.iter().filter(|&&byte| byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
            self.at = offset;
        }
        self.line
    }
}
