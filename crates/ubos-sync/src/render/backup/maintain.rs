//! What packing and checking came to.

use serde_json::{Value, json};

use ubos_engine::clock;
use ubos_tiers::git::maintain::Extent;
use ubos_tiers::git::upkeep::Done;

use crate::render::units::{bytes, number, plural};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// A line or a few for each repository.
pub(crate) fn page(done: &[Done], ui: &Ui) -> String {
    if done.is_empty() {
        return "nothing is due\n".to_owned();
    }
    let mut text = String::new();
    for Done { which, folder, maintained } in done {
        let name = which.word();
        let seconds = maintained.took_ms as f64 / 1000.0;
        let (before, after) = (&maintained.before, &maintained.after);
        if maintained.findings.is_empty() {
            text.push_str(&format!("{name}: {}\n", ui.tone(Tone::Good, "sound")));
            text.push_str(&format!(
                "  {}; before {}; {seconds:.1} s\n",
                extent(after),
                extent(before),
            ));
            continue;
        }
        let line = format!("{name}: damaged, nothing was changed");
        text.push_str(&format!("{}\n", ui.tone(Tone::Bad, &line)));
        for finding in &maintained.findings {
            text.push_str(&format!("  {}\n", one_line(finding)));
        }
        let next = format!(
            "  Next: the other places have the objects: `ubos-sync backup drill --all` shows what is whole; keep a copy of {} before any repair",
            folder.display()
        );
        text.push_str(&hanging("  ", one_line(&next).trim_start(), ui.width()));
    }
    text
}

/// `11.3 kB in 1 pack, 4 loose`.
fn extent(extent: &Extent) -> String {
    let packs = plural(usize::try_from(extent.packs).unwrap_or(usize::MAX), "pack");
    format!("{} in {packs}, {} loose", bytes(extent.bytes), number(extent.loose))
}

/// The same as data.
pub(crate) fn document(done: &[Done], code: u8) -> Value {
    let extent = |extent: &Extent| {
        json!({
            "loose": extent.loose, "packed": extent.packed, "packs": extent.packs,
            "bytes": extent.bytes,
        })
    };
    let rows: Vec<Value> = done
        .iter()
        .map(|Done { which, folder, maintained }| {
            json!({
                "repository": which.word(), "folder": folder.to_string_lossy(), "depth": maintained.depth,
                "at": clock::rfc3339((maintained.at, 0)), "took_ms": maintained.took_ms,
                "before": extent(&maintained.before), "after": extent(&maintained.after),
                "findings": maintained.findings,
            })
        })
        .collect();
    json!({"schema": 1, "command": "backup maintain", "repositories": rows, "exit": code})
}
