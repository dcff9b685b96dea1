//! A small seeded generator, so that a corpus is the same on every machine and in every year.

/// SplitMix64: one word of state, equal output for an equal seed.
pub(crate) struct Random(u64);

impl Random {
    /// The stream that belongs to `seed` and, within it, to `item`.
    pub(crate) fn new(seed: u64, item: u64) -> Self {
        Self(seed ^ item.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0. The bias is far below what a corpus could show.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
