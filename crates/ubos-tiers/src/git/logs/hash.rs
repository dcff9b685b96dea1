//! BLAKE3 of a log that grows, continued without reading the log again.
//!
//! BLAKE3 is a binary tree over the content. Of the bytes hashed so far, the values of the largest
//! complete subtrees are kept, as the digits of a binary number: for 579 MB that is a dozen values of
//! 32 bytes. The last bytes, at most one unit, stay open, because the root is made differently from
//! every other node and only the end tells which node it is. The result is the plain BLAKE3 of all
//! bytes, as `b3sum` prints it.

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};
use ubos_core::entry::Digest;

/// Length of the smallest subtree whose value is kept, in bytes.
pub(super) const UNIT: usize = 64 << 10;

/// A hash that can be set down and taken up again.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    /// Values of complete subtrees, the largest first; one for each 1 in the binary digits of `units`.
    stack: Vec<ChainingValue>,
    /// Complete units in `stack`.
    units: u64,
    /// What follows them: not empty once anything was hashed, and at most [`UNIT`].
    open: Vec<u8>,
}

/// How many of the first `size` bytes are in complete units; the rest must be read again to go on.
pub(super) fn settled(size: u64) -> u64 {
    size.saturating_sub(1) / UNIT as u64 * UNIT as u64
}

impl Running {
    /// Goes on where [`Running::stack`] was taken after `size` bytes, the last of which are `open`:
    /// those from [`settled`] on. `None` if these do not belong together.
    pub(super) fn resume(stack: Vec<ChainingValue>, size: u64, open: &[u8]) -> Option<Self> {
        let units = settled(size) / UNIT as u64;
        let fits =
            stack.len() == units.count_ones() as usize && size - settled(size) == open.len() as u64;
        fits.then(|| Self { stack, units, open: open.to_vec() })
    }

    /// The values to be kept.
    pub(super) fn stack(&self) -> &[ChainingValue] {
        &self.stack
    }

    /// Hashes more bytes.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.open.len() == UNIT {
                self.close();
            }
            let take = bytes.len().min(UNIT - self.open.len());
            self.open.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
        }
    }

    /// The hash of everything so far.
    pub(super) fn digest(&self) -> Digest {
        let Some((first, inner)) = self.stack.split_first() else {
            return Digest::of(&self.open);
        };
        let right = inner
            .iter()
            .rev()
            .fold(self.value(), |right, left| merge_subtrees_non_root(left, &right, Mode::Hash));
        Digest(*merge_subtrees_root(first, &right, Mode::Hash).as_bytes())
    }

    /// The value of the open unit, which is not the first of all.
    fn value(&self) -> ChainingValue {
        let mut hasher = blake3::Hasher::new();
        hasher.set_input_offset(self.units * UNIT as u64);
        hasher.update(&self.open);
        hasher.finalize_non_root()
    }

    fn close(&mut self) {
        let mut value = self.value();
        self.units += 1;
        // As in adding one to a binary number: two subtrees of one size become one of the next.
        for _ in 0..self.units.trailing_zeros() {
            let left = self.stack.pop().expect("a value for each binary digit");
            value = merge_subtrees_non_root(&left, &value, Mode::Hash);
        }
        self.stack.push(value);
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_plain_blake3_wherever_it_is_set_down() {
        let sizes = [0, 1, 5, 1023, UNIT - 1, UNIT, UNIT + 1, 2 * UNIT, 3 * UNIT, 5 * UNIT + 7];
        let bytes: Vec<u8> = (0..12 * UNIT + 99).map(|n| (n * 31 % 251) as u8).collect();
        for before in sizes {
            for more in sizes.into_iter().chain([7 * UNIT + 3]) {
                let mut running = Running::default();
                running.update(&bytes[..before]);
                assert_eq!(running.digest(), Digest::of(&bytes[..before]), "{before}");
                let open = &bytes[settled(before as u64) as usize..before];
                let stack = running.stack().to_vec();
                let mut again = Running::resume(stack, before as u64, open).unwrap();
                again.update(&bytes[before..before + more]);
                assert_eq!(again.digest(), Digest::of(&bytes[..before + more]), "{before}+{more}");
            }
        }
    }

    #[test]
    fn values_that_do_not_belong_to_the_size_are_refused() {
        let mut running = Running::default();
        running.update(&[1; 3 * UNIT]);
        let stack = running.stack().to_vec();
        assert!(Running::resume(stack.clone(), 3 * UNIT as u64, &[1; UNIT]).is_some());
        assert!(Running::resume(stack.clone(), 4 * UNIT as u64, &[1; UNIT]).is_none());
        assert!(Running::resume(stack, 3 * UNIT as u64, &[1; 5]).is_none());
    }
}
