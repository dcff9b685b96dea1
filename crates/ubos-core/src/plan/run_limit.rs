//! Puts off what one run may not bring any more.
//!
//! The smallest come first, so that one large file does not stop the notes behind it; of equal ones
//! the first in the plan. What is put off comes with the next runs.

use crate::conflict::Skipped;
use crate::entry::Entry;
use crate::sides::{Side, Sides};

use super::{Item, OpKind, Plan};

/// Why it waits, in reports.
pub const PULL_LIMIT: &str = "pull-limit";

/// Leaves only as much in `plan` as each side takes in one run, in bytes. What a person decided about
/// single paths, and what a guard holds, is neither counted nor put off. An item that is above the
/// limit by itself (a folder that is spelled anew, with all that changed in it) comes alone.
pub fn within_run(plan: &mut Plan, limits: Sides<Option<u64>>) {
    let mut late = vec![false; plan.items.len()];
    for to in Side::BOTH {
        let Some(limit) = *limits.get(to) else { continue };
        let mut sizes: Vec<(u64, usize)> = Vec::new();
        for (index, item) in plan.items.iter().enumerate() {
            let size = received(item, to);
            if size > 0 && item.guard.is_none() && !item.is_resolved() {
                sizes.push((size, index));
            }
        }
        sizes.sort_unstable();
        let mut sum = 0u64;
        for (position, (size, index)) in sizes.into_iter().enumerate() {
            sum = sum.saturating_add(size);
            if sum > limit && position > 0 {
                late[index] = true;
            }
        }
    }
    let mut late = late.into_iter();
    let Plan { items, skipped, .. } = plan;
    items.retain(|item| {
        let late = late.next().expect("one for each item");
        if late && let Some(op) = item.ops.iter().find(|op| op.needs_content()) {
            let (path, on) = (op.path.clone(), op.to);
            skipped.push(Skipped { path, on, reason: PULL_LIMIT.to_owned() });
        }
        !late
    });
    skipped.sort_by(|a, b| (&a.path, a.on).cmp(&(&b.path, b.on)));
}

/// The bytes that `item` brings to `to`: of a log that grows, its tail.
pub fn received(item: &Item, to: Side) -> u64 {
    let brings = item.ops.iter().filter(|op| op.to == to && op.needs_content());
    let sizes = brings.map(|op| {
        let size = match &op.post {
            Some(post @ Entry::File { .. }) => post.size(),
            _ => 0,
        };
        match op.kind {
            OpKind::Append { from } => size.saturating_sub(from),
            _ => size,
        }
    });
    sizes.fold(0, u64::saturating_add)
}
