//! Which part of everything is hashed again now. Pure. Each thing belongs to one of [`SLICES`] by its
//! name; one falls due every five minutes, so that all of it is read once a day.

use serde::{Deserialize, Serialize};

use ubos_core::entry::Digest;

/// Parts of the whole.
pub const SLICES: u32 = 288;
/// Seconds in which one part falls due.
const SPAN: i64 = 300;
/// Parts that are read at once at most: one hour a day is enough to catch up with the other hours.
const MOST: i64 = 24;

/// How far the reading has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The next part.
    next: u32,
    /// Up to this moment (seconds since 1970) all that fell due was read.
    paid: Option<i64>,
}

impl Cursor {
    /// The parts that are due at `now`, in seconds since 1970, and the cursor once they are read.
    pub fn due(self, now: i64) -> (Vec<u32>, Cursor) {
        // Never more than the whole, and nothing where the clock went back.
        let oldest = now - i64::from(SLICES) * SPAN;
        let paid = self.paid.unwrap_or(now - SPAN).clamp(oldest, now);
        let count = ((now - paid) / SPAN).min(MOST);
        let slices = (0..count as u32).map(|step| (self.next + step) % SLICES).collect();
        let next = (self.next + count as u32) % SLICES;
        (slices, Cursor { next, paid: Some(paid + count * SPAN) })
    }
}

/// The part that something belongs to, by the bytes that name it.
pub fn of(name: &[&[u8]]) -> u32 {
    let digest = Digest::of(&name.join(&b"\0"[..]));
    (digest.short() % u64::from(SLICES)) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The parts that ticks at these moments read.
    fn read(moments: impl Iterator<Item = i64>) -> Vec<u32> {
        let mut cursor = Cursor::default();
        let mut read = Vec::new();
        for now in moments {
            let (slices, next) = cursor.due(now);
            assert!(slices.len() as i64 <= MOST);
            read.extend(slices);
            cursor = next;
        }
        read
    }

    fn all() -> BTreeSet<u32> {
        (0..SLICES).collect()
    }

    #[test]
    fn a_timer_that_is_exact_reads_each_part_once_a_day() {
        let parts = read((0..i64::from(SLICES)).map(|tick| 1_000_000 + tick * SPAN));
        assert_eq!(parts.len(), SLICES as usize);
        assert_eq!(parts.into_iter().collect::<BTreeSet<_>>(), all());
    }

    #[test]
    fn one_hour_awake_a_day_is_enough() {
        let first = read(0..1).len();
        assert_eq!(first, 1);
        let day = |day: i64| (0..13).map(move |tick| day * 86_400 + tick * SPAN);
        let mut cursor = Cursor::default();
        day(0).for_each(|now| cursor = cursor.due(now).1);
        let second = day(1).flat_map(|now| {
            let (slices, next) = cursor.due(now);
            cursor = next;
            slices
        });
        assert_eq!(second.collect::<BTreeSet<_>>(), all());
    }

    #[test]
    fn a_clock_that_goes_back_costs_nothing() {
        let (_, cursor) = Cursor::default().due(1_000_000);
        let (slices, cursor) = cursor.due(10);
        assert!(slices.is_empty());
        assert_eq!(cursor.due(10 + SPAN).0.len(), 1);
    }

    #[test]
    fn names_spread_over_all_parts() {
        let parts: BTreeSet<u32> = (0..20_000u32).map(|name| of(&[&name.to_le_bytes()])).collect();
        assert_eq!(parts, all());
        assert_ne!((of(&[b"a", b"b"]), of(&[b"ab"])), (of(&[b"ab"]), of(&[b"a", b"b"])));
    }

    proptest! {
        #[test]
        fn ticks_with_any_delay_read_everything_in_a_day(
            gaps in prop::collection::vec(240i64..3600, 500),
        ) {
            let mut now = 5_000_000;
            let mut moments = Vec::new();
            // A day, and what may be owed at its end.
            for gap in gaps {
                moments.push(now);
                now += gap;
                if now > 5_000_000 + 86_400 + 3600 {
                    moments.push(now);
                    break;
                }
            }
            let parts: BTreeSet<u32> = read(moments.into_iter()).into_iter().collect();
            prop_assert_eq!(parts, all());
        }
    }
}
