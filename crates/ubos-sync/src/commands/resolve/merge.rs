//! Both edits, where they fit together; and `resolve PATH --keep merge`, which does so for all that
//! is named. What does not fit is named and left as it is.

use std::collections::BTreeMap;

use serde_json::json;

use ubos_core::conflict::{Choice, Conflict};
use ubos_core::entry::Digest;
use ubos_core::merge::{Labels, Merged, merge};
use ubos_core::path::RelPath;
use ubos_core::sides::Sides;
use ubos_engine::cycle::Request;

use super::choices::{Clash, clashes, decide};
use super::versions::Shelf;
use crate::cli::Global;
use crate::commands::conflicts::Open;
use crate::commands::sync;
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

/// What the version before both edits is called, on the screen and in the marks.
pub(super) const AGREED: &str = "last agreed version";

/// Exit code where a person must decide.
const UNDECIDED: u8 = 3;

/// What the versions are called in the marks.
pub(super) fn labels(names: &Sides<String>) -> Labels<'_> {
    Labels { here: &names.here, base: AGREED, there: &names.there }
}

/// The choice of a content that was made of both versions.
pub(super) fn merged(text: &[u8]) -> Choice {
    Choice::Merged { digest: Digest::of(text), size: text.len() as u64 }
}

/// Merges the conflicts at `paths` that can be merged, and names the others.
pub(super) fn where_it_fits(
    mut request: Request,
    open: &Open,
    paths: Vec<RelPath>,
    global: &Global,
    ui: &Ui,
) -> Outcome {
    let shelf = Shelf::open(global)?;
    let clashes = clashes(open);
    let mut texts: BTreeMap<RelPath, Vec<u8>> = BTreeMap::new();
    let mut left = false;
    for path in paths {
        let fitting = match clashes.get(&path) {
            Some(Clash::Conflict(conflict)) => fitting(conflict, &shelf, &open.names)?,
            _ => Err("only two versions of a text can be merged"),
        };
        match fitting {
            Ok(text) => drop(texts.insert(path, text)),
            Err(reason) => {
                ui.warning(&format!("`{path}` is left as it is: {reason}"));
                left = true;
            }
        }
    }
    if texts.is_empty() {
        return nothing(ui);
    }
    let choose = |path: &RelPath, _: &Clash<'_>| Ok(merged(&texts[path]));
    decide(&mut request, open, texts.keys().cloned().collect(), choose)?;
    request.provided = texts.into_values().map(|text| (Digest::of(&text), text)).collect();
    let code = sync::run(&request, ui)?;
    Ok(if code == 0 && left { UNDECIDED } else { code })
}

fn nothing(ui: &Ui) -> Outcome {
    let hint = "`ubos-sync resolve PATH` lets you decide, or name the territory whose version is to be kept with `--keep`";
    let message = "nothing could be merged";
    if ui.json() {
        let error = json!({"kind": "unmerged", "message": message, "hint": hint});
        ui.document(&json!({"schema": 1, "exit": UNDECIDED, "error": error}))?;
    }
    ui.error(message, Some(hint));
    Ok(UNDECIDED)
}

/// What comes of merging the conflict's versions if both edits fit together, or why nothing does.
pub(super) fn fitting(
    conflict: &Conflict,
    shelf: &Shelf,
    names: &Sides<String>,
) -> Result<Result<Vec<u8>, &'static str>, Failure> {
    if !super::session::are_files(conflict) {
        return Ok(Err("only two versions of a text can be merged"));
    }
    let versions = shelf.versions(conflict)?;
    let sides = versions.sides.as_ref().map(|version| version.bytes());
    let (Some(here), Some(there)) = (sides.here, sides.there) else {
        return Ok(Err(
            "its versions are not kept here; they are too long, or the next sync fetches them",
        ));
    };
    let Some(base) = versions.base.as_deref() else {
        return Ok(Err(
            "the version last agreed on is not kept, so it cannot be told what was edited",
        ));
    };
    Ok(match merge(&conflict.path, Some(base), here, there, &labels(names)) {
        None => Err("it is no text"),
        Some(Merged::Conflicted(_)) => Err("both edited the same place"),
        Some(Merged::Clean(text)) => Ok(text),
    })
}
