//! What each territory changed since the last agreed version, region by region.

use std::ops::Range;
use std::time::Instant;

use similar::DiffOp;

use super::MOST_ROWS;
use super::lines::{Row, Text, operations, rows};
use super::sheet::{Role, Sheet};
use super::words::marked;
use crate::render::units::plural;
use crate::render::wrap::hanging;
use crate::ui::{Tone, Ui};

/// Equal lines that are shown around what one territory changed.
const CONTEXT: usize = 2;
/// Lines that are shown of one version of a region.
const MOST_LINES: usize = 200;

/// The three texts with their names.
pub(super) struct Three<'a> {
    /// The last agreed version.
    pub base: Text<'a>,
    /// One territory's.
    pub here: Text<'a>,
    /// The other territory's.
    pub there: Text<'a>,
    /// Names, in the same order.
    pub labels: [String; 3],
}

/// A stretch of lines that at least one territory changed: where it stands in each text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region {
    base: Range<usize>,
    here: Range<usize>,
    there: Range<usize>,
}

/// Who changed a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Here,
    There,
    Alike,
    Differently,
}

impl Three<'_> {
    /// Draws all regions, with a summary before them.
    pub(super) fn draw(&self, columns: usize, ui: &Ui, until: Instant) -> String {
        let regions = self.regions(until);
        let mut text = hanging("", &self.summary(&regions), columns);
        text.push_str(&format!(
            "{}, {}\n",
            ui.tone(Tone::Removed, "- gone"),
            ui.tone(Tone::Added, "+ new")
        ));
        let last = self.base.lines.len().max(self.here.lines.len()).max(self.there.lines.len());
        let mut sheet = Sheet::new(ui, columns, last);
        for (index, region) in regions.iter().enumerate() {
            if sheet.lines() > MOST_ROWS {
                let left = plural(regions.len() - index, "more place");
                sheet.say(&format!("\n… and {left} that changed …"));
                break;
            }
            let before = index.checked_sub(1).map_or(0, |index| regions[index].base.end);
            let after = regions.get(index + 1).map_or(self.base.lines.len(), |r| r.base.start);
            sheet.say("");
            sheet.head(&self.title(region));
            match self.who(region) {
                Who::Here | Who::Alike => {
                    self.one(&mut sheet, region, &self.here, &region.here, before..after, until);
                }
                Who::There => {
                    self.one(&mut sheet, region, &self.there, &region.there, before..after, until);
                }
                Who::Differently => self.clash(&mut sheet, region, until),
            }
        }
        text + &sheet.finish()
    }

    /// Where anybody changed something, in order; what touches is one region.
    fn regions(&self, until: Instant) -> Vec<Region> {
        let changes = |text: &Text<'_>| -> Vec<DiffOp> {
            let all = operations(&self.base.lines, &text.lines, until);
            all.into_iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).collect()
        };
        let (here, there) = (changes(&self.here), changes(&self.there));
        let (mut i, mut j) = (0, 0);
        let (mut offset_here, mut offset_there) = (0_isize, 0_isize);
        let mut regions = Vec::new();
        let start = |op: Option<&DiffOp>| op.map_or(usize::MAX, |op| op.old_range().start);
        while i < here.len() || j < there.len() {
            let begin = start(here.get(i)).min(start(there.get(j)));
            let mut end = begin;
            let (before_here, before_there) = (offset_here, offset_there);
            loop {
                if start(here.get(i)) <= end {
                    end = end.max(here[i].old_range().end);
                    offset_here += growth(&here[i]);
                    i += 1;
                } else if start(there.get(j)) <= end {
                    end = end.max(there[j].old_range().end);
                    offset_there += growth(&there[j]);
                    j += 1;
                } else {
                    break;
                }
            }
            let moved = |at: usize, by: isize| at.saturating_add_signed(by);
            regions.push(Region {
                base: begin..end,
                here: moved(begin, before_here)..moved(end, offset_here),
                there: moved(begin, before_there)..moved(end, offset_there),
            });
        }
        regions
    }

    fn who(&self, region: &Region) -> Who {
        let base = &self.base.lines[region.base.clone()];
        let here = &self.here.lines[region.here.clone()];
        let there = &self.there.lines[region.there.clone()];
        match (here == base, there == base) {
            (false, true) => Who::Here,
            (true, false) => Who::There,
            _ if here == there => Who::Alike,
            _ => Who::Differently,
        }
    }

    fn summary(&self, regions: &[Region]) -> String {
        let count = |who: Who| regions.iter().filter(|region| self.who(region) == who).count();
        let [base, here, there] = &self.labels;
        let all = [
            (count(Who::Here), format!("only by {here}")),
            (count(Who::There), format!("only by {there}")),
            (count(Who::Alike), "by both alike".to_owned()),
            (count(Who::Differently), "by both, differently".to_owned()),
        ];
        let parts: Vec<String> = all
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, who)| format!("{} {who}", plural(*count, "place")))
            .collect();
        format!("Changed since the {base}: {}.", parts.join(", "))
    }

    /// `Lines 12–14: only localhost changed them`.
    fn title(&self, region: &Region) -> String {
        let [_, here, there] = &self.labels;
        let range = &region.base;
        let (place, them) = match range.len() {
            0 if range.start == 0 => ("At the beginning".to_owned(), "something"),
            0 => (format!("After line {}", range.start), "something"),
            1 => (format!("Line {}", range.end), "it"),
            _ => (format!("Lines {}–{}", range.start + 1, range.end), "them"),
        };
        let verb = |left: &Range<usize>| match (range.is_empty(), left.is_empty()) {
            (true, _) => "added",
            (_, true) => "deleted",
            _ => "changed",
        };
        match self.who(region) {
            Who::Here => format!("{place}: only {here} {} {them}", verb(&region.here)),
            Who::There => format!("{place}: only {there} {} {them}", verb(&region.there)),
            Who::Alike => format!("{place}: both {} {them}, alike", verb(&region.here)),
            Who::Differently if range.is_empty() => {
                format!("{place}: both added something, differently")
            }
            Who::Differently => format!("{place}: both changed {them}, differently"),
        }
    }

    /// What one territory made of a region, with the lines around it.
    fn one(
        &self,
        sheet: &mut Sheet<'_>,
        region: &Region,
        text: &Text<'_>,
        range: &Range<usize>,
        free: Range<usize>,
        until: Instant,
    ) {
        let same = |sheet: &mut Sheet<'_>, index: usize| {
            sheet.line(index + 1, Role::Same, &vec![(false, self.base.lines[index])]);
        };
        for index in region.base.start.saturating_sub(CONTEXT).max(free.start)..region.base.start {
            same(sheet, index);
        }
        let (old, new) = (&self.base.lines[region.base.clone()], &text.lines[range.clone()]);
        let rows = rows(old, new, until);
        for row in rows.iter().take(MOST_LINES).copied() {
            let (before, after) = match row {
                Row::Same(a, _) => {
                    same(sheet, region.base.start + a);
                    continue;
                }
                Row::Removed(a) => (Some((a, vec![(false, old[a])])), None),
                Row::Added(b) => (None, Some((b, vec![(false, new[b])]))),
                Row::Changed(a, b) => {
                    let (before, after) = marked(old[a], new[b]);
                    (Some((a, before)), Some((b, after)))
                }
            };
            if let Some((a, parts)) = before {
                sheet.line(region.base.start + a + 1, Role::Removed, &parts);
            }
            if let Some((b, parts)) = after {
                sheet.line(range.start + b + 1, Role::Added, &parts);
            }
        }
        if rows.len() > MOST_LINES {
            return more(sheet, rows.len());
        }
        for index in region.base.end..(region.base.end + CONTEXT).min(free.end) {
            same(sheet, index);
        }
    }

    /// The three versions of a region that both changed differently.
    fn clash(&self, sheet: &mut Sheet<'_>, region: &Region, until: Instant) {
        let base = &self.base.lines[region.base.clone()];
        sheet.say(&format!("{}:", self.labels[0]));
        for (index, line) in base.iter().enumerate().take(MOST_LINES) {
            sheet.line(region.base.start + index + 1, Role::Same, &vec![(false, line)]);
        }
        match base.len() {
            0 => sheet.say("  nothing"),
            lines => more(sheet, lines),
        }
        let sides = [(&self.here, &region.here, 1), (&self.there, &region.there, 2)];
        for (text, range, label) in sides {
            sheet.say(&format!("{}:", self.labels[label]));
            let new = &text.lines[range.clone()];
            for row in rows(base, new, until).into_iter().take(MOST_LINES) {
                let (index, role, parts) = match row {
                    Row::Same(_, b) => (b, Role::Same, vec![(false, new[b])]),
                    Row::Changed(a, b) => (b, Role::Added, marked(base[a], new[b]).1),
                    Row::Added(b) => (b, Role::Added, vec![(false, new[b])]),
                    // What is gone stands in the first block.
                    Row::Removed(_) => continue,
                };
                sheet.line(range.start + index + 1, role, &parts);
            }
            match new.len() {
                0 => sheet.say("  nothing: it was deleted"),
                lines => more(sheet, lines),
            }
        }
    }
}

/// Says how many of `lines` are not shown.
fn more(sheet: &mut Sheet<'_>, lines: usize) {
    if lines > MOST_LINES {
        sheet.say(&format!("… {} …", plural(lines - MOST_LINES, "more line")));
    }
}

/// By how many lines a change makes a text longer.
fn growth(change: &DiffOp) -> isize {
    change.new_range().len() as isize - change.old_range().len() as isize
}
