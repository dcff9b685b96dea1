//! Which bytes of a note are not looked at: code, comments, destinations of links.

use std::ops::Range;

/// Ranges of bytes that count for nothing.
#[derive(Debug, Default)]
pub(super) struct Mask {
    ranges: Vec<Range<usize>>,
}

impl Mask {
    /// Adds a range.
    pub(super) fn add(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.ranges.push(range);
        }
    }

    /// Sorts and joins what was added; needed before [`Mask::end_of`].
    pub(super) fn settle(&mut self) {
        self.ranges.sort_by_key(|range| range.start);
        let mut joined: Vec<Range<usize>> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges.drain(..) {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        self.ranges = joined;
    }

    /// If `offset` is masked, the end of the range that masks it.
    pub(super) fn end_of(&self, offset: usize) -> Option<usize> {
        let after = self.ranges.partition_point(|range| range.start <= offset);
        let range = self.ranges.get(after.checked_sub(1)?)?;
        (offset < range.end).then_some(range.end)
    }

    /// Whether a part of `range` is masked.
    pub(super) fn touches(&self, range: &Range<usize>) -> bool {
        let after = self.ranges.partition_point(|masked| masked.end <= range.start);
        self.ranges.get(after).is_some_and(|masked| masked.start < range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_ranges_are_one() {
        let mut mask = Mask::default();
        for range in [8..9, 2..5, 4..6, 3..3] {
            mask.add(range);
        }
        mask.settle();
        assert_eq!(mask.end_of(1), None);
        assert_eq!(mask.end_of(2), Some(6));
        assert_eq!(mask.end_of(5), Some(6));
        assert_eq!(mask.end_of(6), None);
        assert!(mask.touches(&(0..3)) && mask.touches(&(5..9)));
        assert!(!mask.touches(&(6..8)) && !mask.touches(&(9..20)));
    }
}
