//! Contents that stand on neither side and go to both: what was merged. The initiator holds them
//! and streams them into the same staging as everything else, where they are verified like
//! everything else.

use std::collections::{BTreeMap, BTreeSet};

use ubos_core::entry::Digest;
use ubos_core::plan::Item;
use ubos_core::sides::Side;

use crate::agent::content::{Begin, Form, SendItem, Slot, operations};
use crate::clock;
use crate::error::Result;
use crate::transfer::ContentSink;

/// Bytes sent at a time.
const STEP: usize = 256 << 10;
/// Permission bits of a content that has no file yet. It only ever takes the place of a file, and
/// gets that one's.
const MODE: u32 = 0o600;

/// Contents by their hash, and the operations that are to get them.
pub(super) struct Provided {
    contents: BTreeMap<Digest, Vec<u8>>,
    slots: BTreeSet<Slot>,
    /// When they were made, which is now: the same moment for both sides.
    mtime: i64,
}

impl Provided {
    /// `contents` for those of `items` that were decided for a single path: another file may
    /// happen to have the same content, and has its own time.
    pub(super) fn new(contents: BTreeMap<Digest, Vec<u8>>, items: &[Item]) -> Self {
        let mut slots = BTreeSet::new();
        for (slot, op) in Side::BOTH.iter().flat_map(|side| operations(items, *side)) {
            let digest = op.post.as_ref().and_then(|entry| entry.digest());
            let known = digest.is_some_and(|digest| contents.contains_key(&digest));
            if known && items[slot.item as usize].is_resolved() {
                slots.insert(slot);
            }
        }
        Self { contents, slots, mtime: clock::now_ns() }
    }

    /// Takes out of `sends` what is to be sent from here.
    pub(super) fn take(&self, sends: &mut Vec<SendItem>) -> Vec<SendItem> {
        sends.extract_if(.., |send| self.slots.contains(&send.slot)).collect()
    }

    /// Sends them into `sink`.
    ///
    /// # Errors
    /// What the sink says.
    pub(super) fn send(&self, sends: &[SendItem], sink: &mut dyn ContentSink) -> Result<()> {
        for item in sends {
            let Some(content) = self.of(item) else { continue };
            let form = Form::Whole { from: item.have };
            let slot = item.slot;
            sink.begin(&Begin { slot, form, mode: MODE, mtime: self.mtime })?;
            let from = usize::try_from(item.have).unwrap_or(usize::MAX);
            for bytes in content.get(from..).unwrap_or_default().chunks(STEP) {
                sink.data(bytes)?;
            }
            sink.end(true)?;
        }
        Ok(())
    }

    fn of(&self, send: &SendItem) -> Option<&[u8]> {
        self.contents.get(&send.entry.digest()?).map(Vec::as_slice)
    }
}
