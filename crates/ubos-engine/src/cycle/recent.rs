//! How much was deleted lately: many small deletions add up to a large one.

use serde_json::Value;

use ubos_core::sides::{Side, Sides};

use crate::clock;
use crate::error::Result;
use crate::state::StateDir;
use crate::state::audit;

/// Deletions of this many seconds count together.
const WINDOW: i64 = 86_400;

/// Files and links that runs of the last 24 hours deleted on each side, less those that a person
/// confirmed.
pub(super) fn deletes(state: &StateDir, names: &Sides<String>) -> Result<Sides<u64>> {
    let (now, nanos) = clock::now();
    let since = clock::rfc3339((now - WINDOW, nanos));
    let mut counts = Sides::<u64>::default();
    audit::read_since(state, &since, &mut |record| {
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
        let confirmed = record.get("confirmed").is_some();
        if text("event") == "change"
            && text("op") == "delete"
            && text("reason") == "deleted"
            && !confirmed
        {
            for side in Side::BOTH {
                *counts.get_mut(side) += u64::from(text("to") == names.get(side));
            }
        }
        true
    })?;
    Ok(counts)
}
